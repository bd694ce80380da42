# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on the networks of Kubernetes: real CNI plugins of Debian's containernetworking-plugins, or links made by hand
as Calico and Cilium make them; and a stand-in for the kubelet and the container runtime.

The stand-in kubelet makes the pod's network namespace, puts its processes into cgroups as of containerd and CRI-O,
below a supervisor as of these and in namespaces of their own, and writes the names where the kubelet does; it
calls the plugins as a runtime calls them: CNI specification 0.4.0.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from . import image
from .guests import Guest, link_mac
from .host import Host
from .system import Cleanup, LabError, Netns, make_cgroup, put_file

PLUGINS = Path("/usr/lib/cni")

SANDBOX = "POD"  # as the kubelet calls it
SHIM = ("containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "ID", "-address", "/run/containerd/containerd.sock")

# The slice or folder of a pod, and in it the cgroup of a container, as the kubelet's drivers and the runtimes have
# them. The systemd driver writes a "-" of the pod's uid as "_".
CGROUPS = {
    "containerd": "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUNDERSCORED.slice/"
                  "cri-containerd-ID.scope",
    "cri-o": "kubepods.slice/kubepods-podUNDERSCORED.slice/crio-ID.scope",
    "cgroupfs": "kubepods/besteffort/podUID/ID",
}


class Container(Guest):
    """A container of a pod: an agent in namespaces and a cgroup of its own, in the pod's network namespace."""

    runtime = "kubernetes"

    def __init__(self, pod: "Pod", name: str, supervisor: tuple[str, ...] = ()) -> None:
        """@supervisor: the words of its parent, with its id in the place of "ID"

        The kubelet links the logs of all but the sandbox containers.
        """
        self.ident = hashlib.sha256(f"{pod.uid}/{name}".encode()).hexdigest()
        full = f"{pod.name}_web_{name}"
        super().__init__(pod.host, self.ident[:12] if name == SANDBOX else full)
        if name != SANDBOX:
            put_file(Path(f"/var/log/containers/{full}-{self.ident}.log"), "", pod.cleanup)
        path = CGROUPS[pod.driver].replace("UNDERSCORED", pod.uid.replace("-", "_"))
        cgroup = make_cgroup(path.replace("UID", pod.uid).replace("ID", self.ident), pod.cleanup)
        steps: list[tuple] = [("cgroup", cgroup), ("netns", pod.netns.path), ("unshare", "pid", "mnt", "uts", "ipc"),
                              ("exec", "/bin/sh", name, image.root() / "agent")]
        if supervisor:
            program = pod.folder / supervisor[0]
            if not program.exists():
                shutil.copy(image.standin(), program)
            words = [self.ident if word == "ID" else word for word in supervisor]
            steps = [("exec", program, *words), ("child",), *steps]
        process = pod.host.spawn(
            image.standin(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{image.root()}/bin:{os.environ['PATH']}",
                 "STANDIN": "\n".join("\t".join(map(str, step)) for step in steps)})
        self._attach(process, pod.cleanup)
        self.wait_ready()


class Pod:
    """A pod with a container "nginx" on a network, and with one "proxy" where there is a @sidecar.

    containerd has one more in each pod, which only keeps its namespaces, and a shim that is started for that one;
    CRI-O has none where it needs none, and a conmon for each container.
    """

    def __init__(self, network: "Network", name: str, driver: str, cleanup: Cleanup, sidecar: bool = False) -> None:
        self.host, self.name, self.driver, self.cleanup = network.host, name, driver, cleanup
        self.uid = str(uuid.uuid4())
        self.addresses: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-pod-"))
        cleanup.add(shutil.rmtree, self.folder)
        self.netns = Netns(f"{self.host.name}-{name}", cleanup)
        self.sandbox = Container(self, SANDBOX, SHIM) if driver != "cri-o" else None
        network.add(self)
        self.nginx = self._container("nginx")
        self.proxy = self._container("proxy") if sidecar else None

    def _container(self, name: str) -> Container:
        conmon = ("conmon", "-b", "/run", "-c", "ID", "-n", f"k8s_{name}_{self.name}_web_{self.uid}_0", "-u", "ID")
        return Container(self, name, conmon if self.driver == "cri-o" else ())

    def take_loopback(self, gateway: str) -> None:
        """As a hostile pod with the rights to do so: its own 127/8 goes, the host's is a neighbour now."""
        self.netns.sysctl("net.ipv4.conf.all.route_localnet=1")
        self.netns.ip("addr", "del", "127.0.0.1/8", "dev", "lo")
        self.netns.ip("route", "add", "127.0.0.0/8", "via", gateway, "dev", "eth0", "src", self.addresses[0])


class Network:
    """How pods come onto a network.

    @route: by which they come to the host
    @gateways: addresses of the host on this network
    @gateway4: what pods send IPv4 to
    """

    route, gateway4 = "", ""
    gateways: tuple[str, ...] = ()

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        self.host, self.cleanup = host, cleanup
        self.ends: dict[str, str] = {}  # the host's end of each pod's link

    def add(self, pod: Pod) -> None:
        raise NotImplementedError

    def delete(self, pod: Pod) -> None:
        """Take a pod off the network."""
        self.host.ip("link", "del", self.ends.pop(pod.name))

    def interface(self, pod: Pod) -> str:
        """That the host sees the pod's packets come in by."""
        return self.ends[pod.name]


class PluginNetwork(Network):
    """A network of a real CNI plugin, with addresses of the real host-local."""

    def __init__(self, host: Host, cleanup: Cleanup, plugin: str, name: str, subnets: tuple[str, str],
                 folder: Path, routes: tuple[str, ...] = (), **settings: object) -> None:
        """@folder: where host-local keeps what it has given away"""
        super().__init__(host, cleanup)
        for program in (plugin, "host-local"):
            if not (PLUGINS / program).exists():
                raise LabError(f"missing: {PLUGINS / program}. Install what the tests need: "
                               "contrib/setup/deps build test")
        self.plugin = plugin
        self.config = {
            "cniVersion": "0.4.0", "name": name, "type": plugin, "mtu": 1450, **settings,
            "ipam": {"type": "host-local", "dataDir": str(folder), "ranges": [[{"subnet": net}] for net in subnets],
                     "routes": [{"dst": route} for route in routes]}}

    def call(self, command: str, pod: Pod) -> str:
        """What a container runtime does."""
        return self.host.run(
            "env", f"CNI_COMMAND={command}", f"CNI_CONTAINERID={pod.uid}", f"CNI_NETNS={pod.netns.path}",
            "CNI_IFNAME=eth0", f"CNI_PATH={PLUGINS}",
            f"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=web;K8S_POD_NAME={pod.name}", PLUGINS / self.plugin,
            text_input=json.dumps(self.config))

    def add(self, pod: Pod) -> None:
        result = json.loads(self.call("ADD", pod))
        pod.cleanup.add(self.delete, pod)
        pod.addresses = [ip["address"].split("/")[0] for ip in result["ips"]]
        self.gateways = tuple(ip["gateway"] for ip in result["ips"])
        self.gateway4 = self.gateways[0]
        self.ends[pod.name] = next(link["name"] for link in result["interfaces"]
                                   if not link.get("sandbox") and link["name"].startswith("veth"))

    def delete(self, pod: Pod) -> None:
        if self.ends.pop(pod.name, None):
            self.call("DEL", pod)


class BridgeNetwork(PluginNetwork):
    """The plugin "bridge": flannel has it make cni0, kube-router kube-bridge."""

    route = "bridge"

    def __init__(self, host: Host, cleanup: Cleanup, bridge: str, subnets: tuple[str, str], folder: Path) -> None:
        super().__init__(host, cleanup, "bridge", bridge, subnets, folder, bridge=bridge, isDefaultGateway=True,
                         hairpinMode=True)
        self.bridge = bridge

    def interface(self, pod: Pod) -> str:
        return self.bridge


class PtpNetwork(PluginNetwork):
    """The plugin "ptp": a veth of its own for each pod, without a bridge."""

    route = "veth"

    def __init__(self, host: Host, cleanup: Cleanup, subnets: tuple[str, str], folder: Path) -> None:
        super().__init__(host, cleanup, "ptp", "ptp", subnets, folder, ("0.0.0.0/0", "::/0"))


class VethNetwork(Network):
    """A stand-in: routed veths, made by hand."""

    route, prefix, mac, subnet4, subnet6 = "veth", "", "", "", ""
    last = 3  # number of an address

    def add(self, pod: Pod) -> None:
        end = self.prefix + hashlib.sha1(pod.name.encode()).hexdigest()[:15 - len(self.prefix)]
        self.ends[pod.name] = end
        self.last += 1
        pod.addresses = [self.subnet4 % self.last, self.subnet6 % self.last]
        self.host.ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", pod.netns.name)
        if self.mac:
            self.host.ip("link", "set", end, "address", self.mac)
        self.host.ip("link", "set", end, "up")
        pod.netns.ip("link", "set", "eth0", "up")
        for address in pod.addresses:
            pod.netns.ip("addr", "add", address, "dev", "eth0")
            self.host.ip("route", "add", address, "dev", end)
        self.connect(pod, end)

    def connect(self, pod: Pod, end: str) -> None:
        raise NotImplementedError


class CalicoLike(VethNetwork):
    """A stand-in for Calico: the gateway is 169.254.1.1, which is nobody's and which proxy ARP answers for; of
    IPv6 the link-local address of the host's end. Felix lets 127/8 come in by it, for its own rules."""

    prefix, mac = "cali", "ee:ee:ee:ee:ee:ee"
    subnet4, subnet6 = "10.246.0.%d", "fd46::%d"
    gateway4, gateway6 = "169.254.1.1", "fe80::ecee:eeff:feee:eeee"

    def connect(self, pod: Pod, end: str) -> None:
        self.host.sysctl(f"net.ipv4.conf.{end}.proxy_arp=1", f"net.ipv4.neigh.{end}.proxy_delay=0",
                         f"net.ipv4.conf.{end}.route_localnet=1")
        pod.netns.ip("route", "add", self.gateway4, "dev", "eth0")
        pod.netns.ip("route", "add", "default", "via", self.gateway4, "dev", "eth0")
        pod.netns.ip("-6", "route", "add", "default", "via", self.gateway6, "dev", "eth0")


class CiliumLike(VethNetwork):
    """A stand-in for Cilium: the gateway is an address of cilium_host. There is no BPF program, which answers for it
    on the pod's link: ARP does so anyway, and of IPv6 the pod knows its neighbour."""

    prefix = "lxc"
    subnet4, subnet6 = "10.247.0.%d", "fd47::%d"
    gateway4, gateway6 = gateways = "10.247.0.1", "fd47::1"

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        super().__init__(host, cleanup)
        host.ip("link", "add", "cilium_host", "type", "veth", "peer", "name", "cilium_net")
        for end in ("cilium_net", "cilium_host"):
            host.ip("link", "set", end, "up")
        for address in self.gateways:
            host.ip("addr", "add", address, "dev", "cilium_host")

    def connect(self, pod: Pod, end: str) -> None:
        pod.netns.ip("neigh", "add", self.gateway6, "lladdr", link_mac(self.host.netns, end), "dev", "eth0")
        for version, gateway in (("-4", self.gateway4), ("-6", self.gateway6)):
            pod.netns.ip(version, "route", "add", gateway, "dev", "eth0")
            pod.netns.ip(version, "route", "add", "default", "via", gateway, "dev", "eth0")
