# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on the networks of Kubernetes. Real: the CNI plugins bridge (as flannel's cni0 and kube-router's kube-bridge),
ptp and host-local, and every packet. Stand-ins: the kubelet, and the links of Calico and Cilium."""

from __future__ import annotations

import pytest

from lab.cni import BridgeNetwork, CalicoLike, CiliumLike, Network, Pod, PtpNetwork
from lab.guard import Events, Guard, guarded
from lab.host import Answer, Host, Services, Target, is_six, service_name
from lab.system import Cleanup, wait_for

REFUSED_AFTER = 0.5  # seconds; what is open answers well within it
LOOPBACK = [Target(protocol, "127.0.0.1", 9222) for protocol in ("tcp", "udp")]
NETWORKS = ["cni0", "kube-bridge", "ptp", "calico", "cilium"]
every_network = pytest.mark.parametrize("what", NETWORKS)


class Cluster:
    """A node with three pods on each network: two neighbours, and one that is after the host's loopback."""

    def __init__(self, cleanup: Cleanup, folder) -> None:
        self.cleanup = cleanup
        self.host = host = Host(cleanup)
        host.sysctl("net.ipv6.conf.all.forwarding=1")
        self.services: Services = host.serve(
            *LOOPBACK, *[Target(protocol, address, 8080) for protocol in ("tcp", "udp")
                         for address in ("0.0.0.0", "::")])
        self.networks: dict[str, Network] = {
            "cni0": BridgeNetwork(host, cleanup, "cni0", ("10.244.1.0/24", "fd44:1::/64"), folder),
            "kube-bridge": BridgeNetwork(host, cleanup, "kube-bridge", ("10.244.2.0/24", "fd44:2::/64"), folder),
            "ptp": PtpNetwork(host, cleanup, ("10.245.0.0/24", "fd45::/64"), folder),
            "calico": CalicoLike(host, cleanup),
            "cilium": CiliumLike(host, cleanup),
        }
        self.pods: dict[str, tuple[Pod, Pod]] = {
            what: (self.pod(what, f"shop-{what}"), self.pod(what, f"till-{what}")) for what in NETWORKS}
        self.thieves = {what: self.thief(what) for what in NETWORKS}

    def pod(self, what: str, name: str, cleanup: Cleanup | None = None, sidecar: bool = False) -> Pod:
        """A pod of each of the kubelet's and the runtimes' sorts of cgroup in turn."""
        driver = ("containerd", "cri-o", "cgroupfs")[NETWORKS.index(what) % 3]
        return Pod(self.networks[what], name, driver, cleanup or self.cleanup, sidecar)

    def thief(self, what: str) -> Pod:
        """A pod that sends 127/8 out of its own interface, to a node that lets it in, as kube-proxy has it on all
        interfaces, and Calico on its own."""
        pod = self.pod(what, f"thief-{what}")
        self.host.sysctl(f"net.ipv4.conf.{self.networks[what].interface(pod)}.route_localnet=1")
        pod.take_loopback(self.networks[what].gateway4)
        return pod

    def targets(self, what: str) -> list[Target]:
        """What pods can reach of the host: its addresses on their network, and its others."""
        return [Target(protocol, address, 8080) for protocol in ("tcp", "udp")
                for address in (*self.networks[what].gateways, Host.LAN4, Host.LAN6)]

    def arrives(self, pod: Pod, targets: list[Target]) -> None:
        """All are answered; asked again where nothing came, as a program that uses UDP would."""
        missing = targets
        for _ in range(3):
            answers = pod.nginx.probe(missing, 3.0)
            missing = [target for target, answer in zip(missing, answers) if not answer.open]
            if not missing:
                return
        raise AssertionError(f"{pod.name} did not reach {', '.join(map(str, missing))}")

    def refused(self, pod: Pod, targets: list[Target], why: str = "it leaks") -> None:
        """None is answered, and nothing came to a service."""
        answers: list[Answer] = pod.nginx.probe(targets, REFUSED_AFTER)
        leaks = [str(target) for target, answer in zip(targets, answers)
                 if answer.reply is not None or self.services.saw(answer.token)]
        assert not leaks, f"{pod.name}: {why}: {', '.join(leaks)}"


@pytest.fixture(scope="module")
def unguarded(machine, tmp_path_factory) -> Cluster:
    """The cluster before a guard runs."""
    with Cleanup() as cleanup:
        yield Cluster(cleanup, tmp_path_factory.mktemp("host-local"))


@pytest.fixture(scope="module")
def answered(unguarded: Cluster) -> dict[str, str]:
    """What is wrong without the guard, by network: nothing, where all is answered."""
    wrong = {}
    for what in NETWORKS:
        try:
            for pod in unguarded.pods[what]:
                unguarded.arrives(pod, unguarded.targets(what))
            unguarded.arrives(unguarded.thieves[what], LOOPBACK)
        except AssertionError as error:
            wrong[what] = str(error)
    return wrong


@pytest.fixture(scope="module")
def guard(unguarded: Cluster, answered) -> Guard:
    with Cleanup() as cleanup:
        yield guarded(unguarded.host, cleanup)


@pytest.fixture(scope="module")
def cluster(unguarded: Cluster, guard: Guard) -> Cluster:
    """The cluster with the guard, which knows the pods by their names."""
    labels = {pod.nginx.label for pods in unguarded.pods.values() for pod in pods} | \
        {pod.nginx.label for pod in unguarded.thieves.values()}
    wait_for(lambda: labels <= {g["label"] for g in guard.guests()}, "the pods' names")
    return unguarded


@pytest.fixture(scope="module")
def events(guard: Guard) -> Events:
    return guard.events()


@every_network
def test_answered_without_the_guard(answered, what: str) -> None:
    """A pod reaches the host on each of its addresses, IPv4 and IPv6, TCP and UDP; one that wants to, on 127.0.0.1."""
    assert what not in answered, answered[what]


def check_refused(cluster: Cluster, events: Events, what: str, pod: Pod) -> None:
    """Refused on every way, and each event bears kind, runtime, name and route."""
    targets, mark = cluster.targets(what), events.mark()
    cluster.refused(pod, targets)
    for target in targets:
        event = events.wait_refused(pod.nginx.label, target.protocol, target.address, target.port, mark)
        source = event["source"]
        assert (source["class"], source["kind"], source["runtime"], source["name"]) == \
            ("guest", "container", "kubernetes", f"{pod.name}_web_nginx"), event
        assert (event["verdict"], event["reason"]) == ("drop", "default")
        assert event["route"] == cluster.networks[what].route
        assert event["interface"] == cluster.networks[what].interface(pod)
        assert event["client"]["address"] == pod.addresses[is_six(target.address)]


def allow(guard: Guard, targets: list[Target], selector: str) -> None:
    for target in targets:
        guard.must("allow", service_name(target.address, target.port, target.protocol), "--from", selector)


@every_network
def test_refused_and_named(cluster: Cluster, events: Events, what: str) -> None:
    for pod in cluster.pods[what]:
        check_refused(cluster, events, what, pod)


@every_network
def test_exception_is_for_that_pod_alone(cluster: Cluster, guard: Guard, what: str) -> None:
    """It opens what it names, for that pod: its neighbour, which has one for something else, gets nothing else."""
    targets = cluster.targets(what)
    pod, neighbour = cluster.pods[what]
    first, rest = targets[:1], targets[1:]
    try:
        allow(guard, targets, pod.nginx.selector)
        allow(guard, first, neighbour.nginx.selector)
        cluster.arrives(pod, targets)
        cluster.refused(neighbour, rest, f"an exception for {pod.name} opened it")
        cluster.arrives(neighbour, first)
    finally:
        guard.forget()
    cluster.refused(pod, targets, "open after remove")


@every_network
def test_loopback_of_the_host(cluster: Cluster, guard: Guard, events: Events, what: str) -> None:
    """With route_localnet the host's 127/8 is one hop away: refused, and no exception opens it."""
    pod, mark = cluster.thieves[what], events.mark()
    cluster.refused(pod, LOOPBACK)
    for target in LOOPBACK:
        event = events.wait_refused(pod.nginx.label, target.protocol, target.address, target.port, mark)
        assert (event["reason"], event["route"]) == ("martian", "martian")
        assert event["interface"] == cluster.networks[what].interface(pod)
        assert (event["source"]["runtime"], event["source"]["name"]) == ("kubernetes", f"{pod.name}_web_nginx")
    try:
        allow(guard, LOOPBACK, pod.nginx.selector)
        guard.must("allow", "9222", "--from", "any")
        cluster.refused(pod, LOOPBACK, "an exception opened 127/8 to a pod")
    finally:
        guard.forget()


@every_network
def test_pod_that_comes_and_goes(cluster: Cluster, guard: Guard, events: Events, what: str) -> None:
    """One that starts while the guard runs is refused from the first packet on, named soon, and forgotten when
    it has gone; its neighbours keep their names."""
    network = cluster.networks[what]
    with Cleanup() as cleanup:
        pod = cluster.pod(what, f"late-{what}", cleanup)
        cluster.refused(pod, cluster.targets(what))
        wait_for(lambda: pod.nginx.label in {g["label"] for g in guard.guests()}, "the new pod's name")
        check_refused(cluster, events, what, pod)
        network.delete(pod)
    wait_for(lambda: pod.nginx.label not in {g["label"] for g in guard.guests()}, "its end")
    check_refused(cluster, events, what, cluster.pods[what][0])


def test_pod_of_two_containers(cluster: Cluster, guard: Guard, events: Events) -> None:
    """Of a sidecar and the container beside it cannot be told which it was: "one of" both, the one that keeps the
    namespaces not among them; an exception for one of them does not open it, one for the runtime does."""
    targets = cluster.targets("cni0")[:1]
    with Cleanup() as cleanup:
        pod = cluster.pod("cni0", "duo", cleanup, sidecar=True)
        labels = {pod.nginx.label, pod.proxy.label}
        wait_for(lambda: labels <= {g["label"] for g in guard.guests()}, "the new pod's names")
        mark = events.mark()
        cluster.refused(pod, targets)
        event = events.wait(lambda e: e.get("client", {}).get("address") == pod.addresses[0], mark)
        source = event["source"]
        assert sorted(source["name"].removeprefix("one of: ").split(", ")) == ["duo_web_nginx", "duo_web_proxy"]
        assert (source["shared"], source["kind"], source["runtime"]) == (True, "container", "kubernetes")
        try:
            allow(guard, targets, pod.nginx.selector)
            cluster.refused(pod, targets, "an exception for one of two opened it for both")
            allow(guard, targets, "kubernetes")
            cluster.arrives(pod, targets)
        finally:
            guard.forget()
