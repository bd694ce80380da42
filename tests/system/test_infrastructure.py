# SPDX-License-Identifier: GPL-2.0-or-later
"""What guests need of the host still works: DHCP, DNS, ping, neighbour discovery; by real servers."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from lab.guard import CONFIG, Guard
from lab.guests import UserVm, VethGuest
from lab.host import listening
from lab.system import Cleanup, end, need, wait_for

NAME, ADDRESS = "printer.example", "198.51.100.7"


class Resolvers:
    """Two files like /etc/resolv.conf, which on a real host are one: what the conduit reads, and what
    the guard reads."""

    def __init__(self, folder: Path) -> None:
        self.conduit, self.guard = folder / "conduit", folder / "guard"
        self.reset()

    def reset(self) -> None:
        for path in (self.conduit, self.guard):
            path.write_text("nameserver 127.0.0.53\n")


@pytest.fixture(scope="module")
def resolvers(tmp_path_factory) -> Resolvers:
    return Resolvers(tmp_path_factory.mktemp("etc"))


@pytest.fixture(scope="module")
def config(resolvers: Resolvers) -> str:
    return CONFIG + f"[infrastructure]\nresolv-conf = {resolvers.guard}\n"


@pytest.fixture(scope="module")
def servers(lab):
    """dnsmasq: DHCP and DNS on the bridge, DNS on 127.0.0.53 (the resolver) and .54 (not one).

    The kernel forgets UDP flows after a second here: a flow that is allowed once goes on, and all
    guests ask for DHCP from the same address and port.
    """
    need("dnsmasq")
    with Cleanup() as cleanup:
        for name, seconds in (("udp_timeout", 30), ("udp_timeout_stream", 120)):
            cleanup.add(lab.host.sysctl, f"net.netfilter.nf_conntrack_{name}={seconds}")
            lab.host.sysctl(f"net.netfilter.nf_conntrack_{name}=1")
        process = lab.host.spawn(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--no-daemon", "--no-ping", "--bind-interfaces", "--user=root", "--dhcp-leasefile=/dev/null",
            "--except-interface=lo", "--listen-address=10.20.0.1,fd20::1,127.0.0.53,127.0.0.54",
            "--dhcp-range=10.20.0.100,10.20.0.150,1h", f"--address=/{NAME}/{ADDRESS}",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cleanup.add(end, process)
        listening(process, lambda: "127.0.0.54:53" in lab.host.run("ss", "-lnu"), "dnsmasq")
        yield


@pytest.fixture(scope="module")
def namer(lab, servers, resolvers: Resolvers):
    """A user-network VM on a host whose resolver listens on loopback."""
    with Cleanup() as cleanup:
        vm = UserVm(lab.host, "namer", cleanup, resolv_conf=resolvers.conduit)
        vm.wait_ready()
        yield vm


@pytest.fixture(scope="module")
def guard(lab, servers, config: str):
    with Guard(lab.host, config) as guard:
        yield guard


def test_dhcp(lab, guard: Guard) -> None:
    """A guest without an address gets one from the server on its bridge."""
    guest = lab.guests.builder
    said = guest.sh("udhcpc -i eth0 -n -q -t 5 -T 1 -s /bin/true 2>&1; true", 30)
    assert "lease of 10.20.0.1" in said, said


@pytest.mark.parametrize("server", ["10.20.0.1", "fd20::1"])
def test_dns_of_the_gateway(lab, guard: Guard, server: str) -> None:
    assert ADDRESS in lab.guests.builder.resolve(NAME, server)
    assert ADDRESS in lab.guests.lxc.resolve(NAME, server)


def test_ping_of_the_gateway(lab, guard: Guard) -> None:
    assert lab.guests.builder.ping("10.20.0.1", 5) and lab.guests.builder.ping("fd20::1", 5)
    assert lab.guests.veth.ping("10.22.0.1", 5) and lab.guests.veth.ping("fd22::1", 5)


def test_ping_of_other_addresses_is_refused(lab, guard: Guard) -> None:
    """The gateway's address only: the host's ping does not open what is behind it."""
    assert not lab.guests.veth.ping("192.0.2.10")
    assert not lab.guests.veth.ping("10.20.0.1")


def test_neighbour_discovery(lab, guard: Guard) -> None:
    """A guest that knows no neighbour finds its gateway, both ways."""
    guest: VethGuest = lab.guests.veth
    guest.netns.ip("neigh", "flush", "dev", "eth0")
    lab.host.ip("neigh", "flush", "dev", guest.port)
    assert guest.ping("fd22::1", 5)
    assert guest.ping("10.22.0.1", 5)


def test_gateway_services_stay_closed(lab, guard: Guard) -> None:
    """Infrastructure is those services, not the address."""
    assert lab.guests.builder.tcp("10.20.0.1", 8080, 0.7) is None
    assert lab.guests.builder.udp("10.20.0.1", 8080, 0.7) is None
    assert ADDRESS not in lab.guests.veth.resolve(NAME, "10.20.0.1"), "another link's gateway"


def test_user_network_resolves(lab, guard: Guard, namer: UserVm) -> None:
    """10.0.2.3 → QEMU → 127.0.0.53:53: the resolver of /etc/resolv.conf, and no other."""
    assert ADDRESS in namer.resolve(NAME, "10.0.2.3")
    assert namer.tcp("10.0.2.2", 9222, 0.7) is None


def test_only_the_resolver_of_this_host(lab, guard: Guard, namer: UserVm, resolvers: Resolvers) -> None:
    """Port 53 of 127.0.0.54 is closed until resolv.conf names it; then the guard knows at once."""
    try:
        resolvers.conduit.write_text("nameserver 127.0.0.54\n")
        time.sleep(1.2)  # libslirp keeps what it read for a second
        assert ADDRESS not in namer.resolve(NAME, "10.0.2.3")
        resolvers.guard.write_text("nameserver 127.0.0.54\n")
        wait_for(lambda: ADDRESS in namer.resolve(NAME, "10.0.2.3"), "the new resolver")
    finally:
        resolvers.reset()
        time.sleep(1.2)


@pytest.mark.parametrize("guest", ["web", "loose"])
def test_host_network_resolves(lab, guard: Guard, guest: str) -> None:
    """A container on the host's network has the host's resolv.conf: that resolver, and no other."""
    client = getattr(lab.guests, guest)
    assert ADDRESS in client.resolve(NAME, "127.0.0.53")
    assert ADDRESS not in client.resolve(NAME, "127.0.0.54")
    assert client.tcp("127.0.0.1", 9222, 0.7) is None


@pytest.mark.parametrize("key", ["dhcp", "dns", "ping", "resolver"])
def test_each_can_be_turned_off(lab, guard: Guard, namer: UserVm, config: str, key: str) -> None:
    """One line of configuration each."""
    def works() -> bool:
        if key == "dhcp":
            return "lease of 10.20.0.1" in lab.guests.builder.sh(
                "udhcpc -i eth0 -n -q -t 4 -T 1 -s /bin/true 2>&1; true", 30)
        if key == "dns":
            return ADDRESS in lab.guests.builder.resolve(NAME, "10.20.0.1")
        if key == "ping":
            return lab.guests.builder.ping("10.20.0.1", 3)
        answers = [ADDRESS in namer.resolve(NAME, "10.0.2.3"),
                   ADDRESS in lab.guests.web.resolve(NAME, "127.0.0.53")]
        assert answers[0] == answers[1], "one of two"
        return answers[0]

    assert works()
    guard.config.write_text(config + f"{key} = no\n")
    try:
        guard.must("reload")
        time.sleep(1.2)
        assert not works()
    finally:
        guard.config.write_text(config)
        guard.must("reload")
    assert works()
