# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of runtimes that cannot run in the lab: what each looks like, and what the guard has to say.

None of these programs is real: each is tests/lab/standin.c under the runtime's names.
"""

from __future__ import annotations

import hashlib
import json
import pwd
from dataclasses import dataclass, field

from lab.standins import Process

USER = "user.slice/user-1000.slice/user@1000.service"
ROOTS = "user.slice/user-0.slice/user@0.service"
SNAP = "/snap/multipass/13140/usr/bin/qemu-system-x86_64"
POD = "3f1c0e2a-7d4b-4a51-9a57-0c1f2d3e4b5a"


def hex64(word: str) -> str:
    """A container's id."""
    return hashlib.sha256(word.encode()).hexdigest()


def build(word: str) -> str:
    """An id as BuildKit makes them."""
    return "".join("0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36]
                   for byte in hashlib.sha256(word.encode()).digest()[:25])


@dataclass(frozen=True)
class Row:
    """@what runs; @name: "" for a conduit of unknown guests, ending in "-" where a pid follows.

    @files: where the runtime keeps the name
    """
    what: str
    kind: str
    runtime: str
    name: str
    route: str
    processes: tuple[Process, ...]
    verdict: str = "drop"
    scenery: str = ""
    files: dict[str, str] = field(default_factory=dict)


def contained(what: str, runtime: str, cgroup: str, *parents: Process, name: str = "",
              unshare: str = "pid mnt uts ipc", files: dict[str, str] | None = None) -> Row:
    """A container on the host's network, whose cgroup and files have its id in the place of "ID"."""
    ident = hex64(what)
    return Row(what, "container", runtime, name or ident[:12], "host-net",
               (*parents, Process("nginx", cgroup=cgroup.replace("ID", ident), unshare=unshare)),
               files={path.replace("ID", ident): text for path, text in (files or {}).items()})


def vm(what: str, runtime: str, name: str, program: str, *argv: str, kind: str = "vm",
       comm: str = "", cgroup: str = "", scenery: str = "", hold: tuple[str, ...] = (),
       parents: tuple[Process, ...] = ()) -> Row:
    """A VMM or a conduit that connects for its guest."""
    return Row(what, kind, runtime, name, "user-net",
               (*parents, Process(program, (program.rsplit("/", 1)[-1], *argv), comm, cgroup, hold=hold),),
               scenery=scenery)


def sandboxed(what: str, runtime: str, name: str, cgroup: str, *parents: Process,
              unshare: str = "pid mnt") -> Row:
    """A sandboxed application of the desktop."""
    return Row(what, "sandbox", runtime, name, "host-net",
               (*parents, Process("app", cgroup=cgroup, unshare=unshare)), "accept")


def device(path: str) -> str:
    """Scenery: a machine that has such a device."""
    return f"mount -t tmpfs none /dev\n: >{path}"


def shim(word: str, namespace: str) -> Process:
    return Process("containerd-shim-runc-v2", (
        "/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", hex64(word), "-address",
        "/run/containerd/containerd.sock"), comm="containerd-shim")


def conmon(word: str, name: str) -> Process:
    return Process("conmon", ("/usr/bin/conmon", "--api-version", "1", "-c", hex64(word), "-u",
                              hex64(word), "-r", "/usr/bin/crun", "-n", name, "--exit-dir", "/run"))


def docker_files(name: str) -> dict[str, str]:
    return {"/var/lib/docker/containers/ID/config.v2.json": json.dumps({"ID": "", "Name": f"/{name}"})}


def rootless_docker_files(name: str) -> dict[str, str]:
    """Of the user with the number 0, who has a home on every machine."""
    return {f"{pwd.getpwuid(0).pw_dir}/.local/share/docker/containers/ID/config.v2.json":
            json.dumps({"ID": "", "Name": f"/{name}"})}


def bundle(folder: str, annotations: dict[str, str]) -> dict[str, str]:
    """What containerd or CRI-O keeps of a container; @folder has "ID" in it."""
    return {f"{folder}/config.json": json.dumps({"ociVersion": "1.2.0", "annotations": annotations})}


TASKS = "containerd/io.containerd.runtime.v2.task"


def nerdctl_files(name: str, run: str = "/run") -> dict[str, str]:
    return bundle(f"{run}/{TASKS}/default/ID", {"nerdctl/name": name, "nerdctl/namespace": "default"})


def renamed_files(name: str) -> dict[str, str]:
    """Its bundle has the name that it had before."""
    return nerdctl_files("before") | {"/var/lib/nerdctl/1935db59/etchosts/default/ID/meta.json":
                                      json.dumps({"ID": "", "Networks": {}, "Name": name})}


def cri_files(pod: str, namespace: str, container: str = "") -> dict[str, str]:
    """Of a pod's container; of the pod itself, which has its network, where that has no name."""
    names = {"sandbox-name": pod, "sandbox-namespace": namespace} | \
        ({"container-name": container} if container else {})
    return bundle(f"/run/{TASKS}/k8s.io/ID",
                  {f"io.kubernetes.cri.{key}": name for key, name in names.items()})


def crio_files(pod: str, namespace: str, container: str) -> dict[str, str]:
    return bundle("/run/containers/storage/overlay-containers/ID/userdata",
                  {"io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": namespace,
                   "io.kubernetes.container.name": container})


def kubelet_files(name: str) -> dict[str, str]:
    return {f"/var/log/containers/{name}-ID.log": ""}


ROWS = [
    # Docker and what it is made of
    contained("docker-systemd", "docker", "system.slice/docker-ID.scope",
              shim("docker-systemd", "moby"), name="shop", files=docker_files("shop")),
    contained("docker-cgroupfs", "docker", "docker/ID", shim("docker-cgroupfs", "moby"), name="db",
              files=docker_files("db")),
    contained("docker-nameless", "docker", "docker/ID", shim("docker-nameless", "moby")),
    contained("docker-rootless", "docker", f"{USER}/user.slice/docker-ID.scope",
              shim("docker-rootless", "moby"), unshare="user pid mnt"),
    contained("docker-rootless-named", "docker", f"{ROOTS}/user.slice/docker-ID.scope",
              shim("docker-rootless-named", "moby"), name="cart", unshare="user pid mnt",
              files=rootless_docker_files("cart")),
    # A user's files name that user's containers only.
    contained("docker-of-the-system", "docker", "system.slice/docker-ID.scope",
              shim("docker-of-the-system", "moby"), files=rootless_docker_files("mine")),
    vm("rootlesskit", "rootlesskit", "", "rootlesskit", "--state-dir=/run/user/1000/dockerd-rootless",
       "--net=gvisor-tap-vsock", kind="container"),
    vm("rootlesskit-child", "rootlesskit", "", "rootlesskit", kind="container", comm="exe"),
    vm("docker-desktop", "docker-desktop", "", "com.docker.backend", comm="com.docker.back"),
    contained("docker-build", "docker", f"system.slice/docker-{build('systemd')}.scope",
              name=build("systemd")),
    contained("docker-build-cgroupfs", "docker", f"docker/buildkit/{build('cgroupfs')}",
              name=build("cgroupfs")),
    vm("docker-rootless-helper", "rootlesskit", "", "docker-rootless", kind="container"),
    vm("slirp4netns", "slirp4netns", "", "slirp4netns", "--configure", "4711", "tap0", kind="container"),
    # pasta and passt are one program, which becomes that of the processor.
    *[vm(f"pasta-as-{program}", "pasta", "", program, "--config-net", "--netns", "/run/netns/x",
         kind="container") for program in ("pasta", "pasta.avx2", "passt", "passt.avx2")],
    contained("gvisor-in-docker", "docker", "docker/ID", shim("gvisor-in-docker", "moby"),
              unshare="user pid mnt"),
    vm("gvisor", "gvisor", "shop-1", "runsc", "--root=/run/runsc", "--network=host", "boot",
       "--bundle=/srv/shop", "shop-1", kind="container", comm="exe"),
    # "runsc run": it stays, and starts itself anew in the container's namespaces.
    Row("gvisor-alone", "container", "gvisor", "shop-3", "host-net",
        (Process("runsc", ("runsc", "--network=host", "run", "--bundle=/srv/shop", "shop-3"),
                 installed=True),
         Process("runsc", ("runsc-sandbox", "--network=host", "boot", "--bundle=/srv/shop", "shop-3"),
                 "exe", unshare="pid mnt uts ipc"))),
    # It runs from memory and its executable has no name.
    Row("gvisor-memfd", "container", "gvisor", "shop-2", "user-net",
        (Process("memfd:runsc-bin", ("runsc-sandbox", "--root=/run/runsc", "boot", "shop-2"), "exe"),)),
    contained("containerd-nerdctl-cgroupfs", "containerd", "default/ID",
              shim("containerd-nerdctl-cgroupfs", "default"), name="stall",
              files=nerdctl_files("stall")),
    contained("containerd-nerdctl", "containerd", "system.slice/nerdctl-ID.scope",
              shim("containerd-nerdctl", "default"), name="kiosk", files=renamed_files("kiosk")),
    contained("containerd-nameless", "containerd", "system.slice/nerdctl-ID.scope",
              shim("containerd-nameless", "default")),
    contained("nerdctl-rootless", "containerd", f"{USER}/user.slice/nerdctl-ID.scope",
              shim("nerdctl-rootless", "default"), name="booth", unshare="user pid mnt",
              files=nerdctl_files("booth", "/run/user/1000")),
    # "ctr run": the id is the name, and no cgroup's pattern is so wide.
    Row("containerd-ctr", "container", "containerd", "build-agent-of-mine", "host-net",
        (Process("containerd-shim-runc-v2", ("/usr/bin/containerd-shim-runc-v2", "-namespace", "default",
                                             "-id", "build-agent-of-mine"), comm="containerd-shim"),
         Process("nginx", cgroup="default/build-agent-of-mine", unshare="pid mnt uts ipc"))),
    # Podman's relatives
    contained("podman-systemd", "podman", "machine.slice/libpod-ID.scope/container",
              conmon("podman-systemd", "shop"), name="shop"),
    contained("podman-rootless", "podman", f"{USER}/user.slice/libpod-ID.scope/container",
              conmon("podman-rootless", "shop"), name="shop", unshare="user pid mnt"),
    contained("podman-cgroupfs", "podman", "libpod_parent/libpod-ID"),
    contained("podman-quadlet", "podman", "system.slice/depot.service/libpod-payload-ID"),
    contained("toolbox", "podman", f"{USER}/user.slice/libpod-ID.scope/container",
              conmon("toolbox", "fedora-toolbox-40"), name="fedora-toolbox-40", unshare="user mnt"),
    contained("distrobox", "podman", f"{USER}/user.slice/libpod-ID.scope/container",
              conmon("distrobox", "ubuntu"), name="ubuntu", unshare="user mnt"),
    vm("podman-machine-gvproxy", "gvproxy", "", "gvproxy", "-mtu", "1500", "-ssh-port", "45345",
       "-listen-qemu", "unix:///run/user/1000/podman/qmp.sock"),
    vm("podman-machine", "qemu", "podman-machine-default", "qemu-system-x86_64", "-m", "2048",
       "-pidfile", "/run/user/1000/podman/podman-machine-default_vm.pid"),
    vm("vpnkit", "vpnkit", "", "vpnkit", "--ethernet", "/run/vpnkit.sock"),
    # Kubernetes
    contained("kubernetes-containerd", "kubernetes",
              "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
              f"pod{POD.replace('-', '_')}.slice/cri-containerd-ID.scope",
              shim("kubernetes-containerd", "k8s.io"), name="shop-7d4b_web_nginx",
              files=kubelet_files("shop-7d4b_web_nginx")),
    contained("kubernetes-crio", "kubernetes",
              f"kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/crio-ID.scope",
              conmon("kubernetes-crio", f"k8s_php_shop-7d4b_web_{POD}_0"), name="shop-7d4b_web_php",
              files=crio_files("shop-7d4b", "web", "php")),
    contained("kubernetes-cgroupfs", "kubernetes", f"kubepods/besteffort/pod{POD}/ID",
              shim("kubernetes-cgroupfs", "k8s.io"), name="shop-7d4c_web_nginx",
              files=cri_files("shop-7d4c", "web", "nginx")),
    contained("kubernetes-pod", "kubernetes", f"kubepods/burstable/pod{POD}/ID",
              shim("kubernetes-pod", "k8s.io"), name="shop-7d4d_web", files=cri_files("shop-7d4d", "web")),
    contained("kubernetes-nameless", "kubernetes", f"kubepods/pod{POD}/ID",
              shim("kubernetes-nameless", "k8s.io")),
    # LXC's relatives: the cgroup is of one form, the supervisor tells whose it is
    contained("incus-container", "incus", "lxc.payload.forge", Process("incusd", (
        "[lxc monitor] /var/lib/incus/containers forge",)), name="forge"),
    contained("incus-starting", "incus", "lxc.payload.ci_forge", Process("incusd", (
        "/opt/incus/bin/incusd", "forkstart", "ci_forge", "/var/lib/incus/containers",
        "/run/incus/ci_forge/lxc.conf")), name="ci_forge"),
    contained("lxd-container", "lxd", "lxc.payload.anvil/init.scope", Process("lxd", (
        "[lxc monitor] /var/snap/lxd/common/lxd/containers anvil",)), name="anvil"),
    contained("lxd-starting", "lxd", "lxc.payload.bellows", Process("lxd", (
        "/snap/lxd/29351/bin/lxd", "forkstart", "bellows", "/var/snap/lxd/common/lxd/containers",
        "/var/snap/lxd/common/lxd/logs/bellows/lxc.conf")), name="bellows"),
    contained("lxc-at-boot", "lxc", "lxc.payload.cellar3-1", Process("lxc-autostart", (
        "[lxc monitor] /var/lib/lxc cellar3",)), name="cellar3"),
    contained("waydroid", "waydroid", "lxc.payload.waydroid", Process("lxc-start", (
        "lxc-start", "-P", "/var/lib/waydroid/lxc", "-F", "-n", "waydroid", "--", "/init")),
              name="waydroid"),
    vm("incus-vm", "incus", "smithy", "qemu-system-x86_64", "-S", "-name", "smithy", "-uuid", POD,
       "-readconfig", "/run/incus/smithy/qemu.conf", cgroup="system.slice/incus.service"),
    vm("lxd-vm", "lxd", "kiln", "qemu-system-x86_64", "-S", "-name", "kiln", "-pidfile",
       "/var/snap/lxd/common/lxd/logs/kiln/qemu.pid"),
    vm("incus-proxy", "incus", "", "incusd", "forkproxy", "--", "4711", kind="container"),
    vm("lxd-proxy", "lxd", "", "lxd", "forkproxy", "--", "4711", kind="container"),
    # Other VMMs
    vm("virtualbox-headless", "virtualbox", "Win 11", "VBoxHeadless", "--comment", "Win 11",
       "--startvm", POD, "--no-startvm-errormsgbox"),
    vm("virtualbox-window", "virtualbox", "kiosk", "VirtualBoxVM", "--comment", "kiosk", "--startvm",
       POD, "--no-startvm-errormsgbox"),
    vm("virtualbox-sdl", "virtualbox", "retro", "VBoxSDL", "--comment", "retro", "--startvm", POD),
    vm("virtualbox-nat-network", "virtualbox", "", "VBoxNetNAT", "--ip-address", "10.0.2.1"),
    vm("vmware", "vmware", "legacy", "vmware-vmx", "-s", "vmx.stdio.keep=TRUE", "-#",
       "product=1;name=VMware", "/home/user/vmware/legacy/legacy.vmx"),
    vm("vmware-nat", "vmware", "", "vmnet-natd", "-d", "/var/run/vmnet-natd-8.pid", "-m",
       "/etc/vmware/vmnet-natd-8.mac", "-c", "/etc/vmware/vmnet8/nat/nat.conf"),
    vm("firecracker", "firecracker", "fn-7", "firecracker", "--id", "fn-7", "--api-sock", "/run/fc"),
    vm("cloud-hypervisor", "cloud-hypervisor", "cloud-hypervisor-", "cloud-hypervisor", "--api-socket",
       "/run/ch.sock", comm="cloud-hyperviso"),
    vm("crosvm", "crosvm", "droid", "crosvm", "run", "--name", "droid"),
    vm("libvirt-machined", "libvirt", "build agent 2", "qemu-system-x86_64", "-name",
       "guest=build agent 2,debug-threads=on",
       cgroup="machine.slice/machine-qemu\\x2d7\\x2dbuildagent2.scope/libvirt/emulator"),
    vm("libvirt-partition", "libvirt", "build agent 3", "qemu-system-x86_64", "-name",
       "guest=build agent 3,debug-threads=on",
       cgroup="machine.slice/machine-ci.slice/machine-qemu\\x2d8\\x2dbuildagent3.scope/libvirt/emulator"),
    contained("libvirt-lxc", "libvirt-lxc", "machine.slice/machine-lxc\\x2d3\\x2dweb.scope/libvirt",
              name="3-web"),
    vm("vmspawn", "vmspawn", "attic2", "qemu-system-x86_64", "-machine", "type=q35", "-nodefaults",
       cgroup="machine.slice/machine-attic2.scope", parents=(Process("systemd-vmspawn", (
           "systemd-vmspawn", "--machine=attic2", "--image=/srv/attic.raw")),)),
    vm("vmspawn-of-a-user", "vmspawn", "attic3", "qemu-system-x86_64", "-machine", "type=q35",
       parents=(Process("systemd-vmspawn", ("systemd-vmspawn", "--image=/srv/attic3.raw")),)),
    vm("vmspawn-unit", "vmspawn", "attic4", "qemu-system-x86_64", "-machine", "type=q35",
       cgroup="machine.slice/systemd-vmspawn@attic4.service"),
    # By hand, so in no unit of its own.
    Row("nspawn-by-hand", "container", "nspawn", "cellar2", "host-net",
        (Process("systemd-nspawn", ("systemd-nspawn", "-M", "cellar2", "-D", "/srv/cellar2")),
         Process("init", unshare="pid mnt uts ipc"))),
    # It takes that name some time after its exec, and with it its KVM; there is none here.
    vm("libkrun", "libkrun", "alpine", "VM:alpine", "krun"),
    vm("muvm", "libkrun", "fedora", "VM:fedora", "muvm", "--", "FEXBash"),
    # Until then, and where the VM has no name.
    vm("krun-starting", "libkrun", "libkrun-", "krun"),
    vm("muvm-starting", "libkrun", "libkrun-", "muvm", "--", "FEXBash"),
    vm("libkrun-nameless", "libkrun", "libkrun-", "libkrun VM"),
    vm("kata", "kata", f"sandbox-{hex64('kata')[:12]}", "qemu-system-x86_64", "-name",
       f"sandbox-{hex64('kata')[:12]}", cgroup=f"kata_overhead/{hex64('kata')}"),
    vm("kata-in-the-pod", "kata", f"sandbox-{hex64('pod')[:12]}", "qemu-system-x86_64", "-name",
       f"sandbox-{hex64('pod')[:12]}", cgroup=f"kubepods/besteffort/pod{POD}/kata_{hex64('pod')}"),
    vm("android-emulator", "android-emulator", "Pixel_7",
       "emulator/qemu/linux-x86_64/qemu-system-x86_64-headless", "-avd", "Pixel_7", "-netdelay",
       "none", comm="qemu-system-x86"),
    vm("multipass", "multipass", "primary", SNAP, "-device",
       "virtio-net-pci,netdev=hostnet0", "-drive", "file=/var/snap/multipass/common/data/multipassd/"
       "vault/instances/primary/ubuntu.img,if=none", cgroup="system.slice/snap.multipass.multipassd.service",
       scenery=f'mkdir -p /snap\nmount -t tmpfs none /snap\ninstall -D "$0" {SNAP}'),
    vm("lima-host-agent", "lima", "", "limactl", "hostagent", "--pidfile", "/ha.pid",
       "default"),
    vm("lima-vm", "lima", "default", "qemu-system-x86_64", "-m", "4096", "-name", "lima-default"),
    vm("qemu-of-rhel", "qemu", "depot3", "qemu-kvm", "-name", "guest=depot3,debug-threads=on"),
    vm("libvirt-cgroupfs", "libvirt", "build agent 3", "qemu-system-x86_64", "-name",
       "guest=build agent 3,debug-threads=on", cgroup="machine/qemu-9-buildagent3.libvirt-qemu/emulator"),
    vm("incus-vm-by-its-log", "incus", "anvil2", "qemu-system-x86_64", "-name", "anvil2", "-D",
       "/var/log/incus/anvil2/qemu.log"),
    contained("nspawn-unit", "nspawn", "machine.slice/systemd-nspawn@cellar4.service/payload",
              name="cellar4"),
    contained("nspawn-scope", "nspawn", "machine.slice/machine-cellar5.scope/payload", name="cellar5"),
    # What no list names, by what it holds
    vm("vboxdrv-holder", "virtualbox", "hv", "hv", scenery=device("/dev/vboxdrv"),
       hold=("/dev/vboxdrv",)),
    vm("vmmon-holder", "vmware", "hv", "hv", scenery=device("/dev/vmmon"), hold=("/dev/vmmon",)),
    # Sandboxed applications
    sandboxed("flatpak", "flatpak", "org.example.App",
              f"{USER}/app.slice/app-flatpak-org.example.App-4711.scope", Process("bwrap")),
    sandboxed("snap", "snap", "spotify.spotify", f"{USER}/app.slice/snap.spotify.spotify-{POD}.scope",
              unshare="mnt"),
    # What made them tells, where their namespaces are more than mounts, or no desktop gave them a cgroup.
    sandboxed("flatpak-alone", "flatpak", "org.example.Editor",
              f"{USER}/app.slice/app-flatpak-org.example.Editor-4712.scope", Process("flatpak")),
    sandboxed("snap-confine", "snap", "ktube.ktube", f"{USER}/app.slice/snap.ktube.ktube-{POD}.scope",
              Process("snap-confine")),
    *[Row(program, "sandbox", runtime, program, "host-net",
          (Process(program), Process(program, unshare="user pid mnt")), "accept")
      for runtime, program in (("bubblewrap", "bwrap"), ("bubblewrap", "srt-bwrap"), ("firejail", "firejail"))],
]

# Supervisors of containers, and programs of the desktop with sandboxes of their own.
SUPERVISORS = (
    "docker-proxy", "conmon", "rootlessport", "podman", "buildah", "skopeo", "crun", "runc", "dockerd",
    "containerd", "buildkitd", "nerdctl", "containerd-shim-runc-v2", "containerd-shim-kata-v2",
    "lxc-start", "lxc-autostart", "lxc-execute", "lxc-copy", "systemd-nspawn", "systemd-vmspawn")
BROWSERS = (
    "chrome", "chromium", "chromium-browser", "google-chrome", "brave", "brave-browser", "msedge",
    "vivaldi-bin", "opera", "firefox", "firefox-bin", "firefox-esr", "librewolf", "thunderbird",
    "thunderbird-bin", "chrome-sandbox", "chrome_crashpad_handler", "electron", "code", "codium", "slack",
    "Discord", "signal-desktop", "element-desktop")

# What looks like a guest's and is the host's.
HOST_ROWS = [
    ("plain", (Process("curl"),)),
    ("qemu-img", (Process("qemu-img", ("qemu-img", "info", "nbd://localhost:10809")),)),
    ("private-tmp", (Process("redis-server", unshare="mnt"),)),
    ("supervisor", (conmon("nobody", "nobody"),)),
    # Each would be contained if it were another program: a rootless supervisor lives in a user
    # namespace, and a browser makes one for its own parts.
    *[(f"rootless-{program}", (Process(program, unshare="user mnt", installed=True),))
      for program in SUPERVISORS],
    *[(f"browser-{program}", (Process(program), Process(program, (program, "--type=zygote"),
                                                        unshare="user pid"))) for program in BROWSERS],
    ("docker-cli", (Process("docker", ("docker", "run", "--name", "web", "qemu-system-x86_64")),)),
]
