# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 14: containers on an ipvlan of the host's adapter, in its three modes.

They have the adapter's own MAC address and no wire of their own. What the kernel lets them reach without a
guard is tried first:

* on a second ipvlan of the host's, everything;
* at the adapter's own addresses a datagram, but no answer ever comes back: in mode l2 once the guest has
  written the adapter's MAC address into its neighbours, since nobody answers its questions for it.

The last is refused: in the modes l3 and l3s it comes on lo, but from no address of the host's. All else is of the
LAN, to this host. Not every kernel has ipvlan, so the host is a VM (lab/machine.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab.host import Answer, Target
from lab.machine import Machine
from lab.system import Cleanup, wait_for

ADAPTER = ("198.51.100.1", "2001:db8:51::1")
OWN = ("203.0.113.1", "2001:db8:52::1")  # of the host's ipvlan
PORT = 8080

every_mode = pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])


class Ipvlan:
    """The machine, and a guest "box" on an ipvlan of its adapter."""

    def __init__(self, cleanup: Cleanup) -> None:
        self.machine = Machine(cleanup)
        self.sh = self.machine.sh
        for address, length in zip(ADAPTER, (24, 64)):
            self.sh(f"ip addr add {address}/{length} dev eth0 nodad")
        self.mac = self.sh("cat /sys/class/net/eth0/address").strip()
        self.sh(f"greeter {PORT} >/run/came 2>&1 &")
        wait_for(lambda: self.sh("netstat -ln").count(f":{PORT} ") == 4, "its services")
        self.sh("ip netns add box && ip -n box link set lo up")

    def plug(self, mode: str, host: bool = False) -> None:
        """Give the guest its ipvlan, and with @host the host one too."""
        self.sh("ip -n box link del eth0 2>/dev/null; ip link del host0 2>/dev/null; "
                f"ip link add link eth0 name box0 type ipvlan mode {mode} && "
                "ip link set box0 netns box name eth0 && ip -n box link set eth0 up")
        for address in ("198.51.100.99/24", "2001:db8:51::99/64", "203.0.113.99/24", "2001:db8:52::99/64"):
            self.sh(f"ip -n box addr add {address} dev eth0 nodad")
        if host:
            self.sh(f"ip link add link eth0 name host0 type ipvlan mode {mode} && ip link set host0 up")
            for address, length in zip(OWN, (24, 64)):
                self.sh(f"ip addr add {address}/{length} dev host0 nodad")

    def knows_the_adapter(self) -> None:
        """The guest takes the host's MAC address for granted: it is its own."""
        for address in ADAPTER:
            self.sh(f"ip -n box neigh replace {address} lladdr {self.mac} dev eth0")

    def ask(self, addresses: tuple[str, ...], protocol: str, timeout: float = 1.0) -> list[Answer]:
        answers = self.machine.probe("box", [Target(protocol, address, PORT) for address in addresses], timeout)
        time.sleep(0.3)  # what came one way
        return answers

    def came(self, answer: Answer) -> bool:
        """Did the client's token reach the service, answered or not?"""
        return answer.token in self.sh("cat /run/came")

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.sh("cat /run/events").splitlines()]


@pytest.fixture(scope="module")
def ipvlan(machine) -> Iterator[Ipvlan]:
    with Cleanup() as cleanup:
        yield Ipvlan(cleanup)


@pytest.fixture
def guard(ipvlan: Ipvlan) -> Iterator[Machine]:
    try:
        ipvlan.machine.guard()
        yield ipvlan.machine
    finally:
        ipvlan.machine.unguard()


# Without a guard.

@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_l2_by_itself_does_not_reach_the_adapter(ipvlan: Ipvlan, protocol: str) -> None:
    ipvlan.plug("l2")
    for answer in ipvlan.ask(ADAPTER, protocol):
        assert not answer.open and not ipvlan.came(answer)


@every_mode
def test_datagrams_reach_the_adapter_and_no_answer_comes(ipvlan: Ipvlan, mode: str) -> None:
    ipvlan.plug(mode)
    if mode == "l2":
        ipvlan.knows_the_adapter()
    for answer in ipvlan.ask(ADAPTER, "udp"):
        assert not answer.open
        wait_for(lambda: ipvlan.came(answer), "the datagram")
    for answer in ipvlan.ask(ADAPTER, "tcp"):
        assert not answer.open and not ipvlan.came(answer)


@every_mode
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_hosts_ipvlan_is_reached(ipvlan: Ipvlan, mode: str, protocol: str) -> None:
    ipvlan.plug(mode, host=True)
    for answer in ipvlan.ask(OWN, protocol, 5.0):
        assert answer.open


# With it they are the LAN, which is let through by the kernel: not queued, and no event.

def queued(guard: Machine) -> int:
    """What came to the guests' queue."""
    status = json.loads(guard.sh("lhguard status --json"))["status"]
    return next(queue["packets"] for queue in status["queues"] if queue["name"] == "guests")


@every_mode
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_on_the_hosts_ipvlan_they_are_the_lan(ipvlan: Ipvlan, guard: Machine, mode: str,
                                              protocol: str) -> None:
    ipvlan.plug(mode, host=True)
    before = queued(guard)
    for answer in ipvlan.ask(OWN, protocol, 5.0):
        assert answer.open
    assert queued(guard) == before and not ipvlan.events()


def test_l2_at_the_adapter_is_the_lan(ipvlan: Ipvlan, guard: Machine) -> None:
    ipvlan.plug("l2")
    ipvlan.knows_the_adapter()
    before = queued(guard)
    for answer in ipvlan.ask(ADAPTER, "udp"):
        assert not answer.open
        wait_for(lambda: ipvlan.came(answer), "the datagram")
    assert queued(guard) == before and not ipvlan.events()


@pytest.mark.parametrize("mode", ["l3", "l3s"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_l3_at_the_adapter_is_not_the_host(ipvlan: Ipvlan, guard: Machine, mode: str,
                                           protocol: str) -> None:
    """It comes on lo, but has no address and no socket of this host."""
    ipvlan.plug(mode)
    for answer in ipvlan.ask(ADAPTER, protocol):
        assert not answer.open and not ipvlan.came(answer)
    wait_for(lambda: {(event["service"]["address"], event["source"]["class"], event["verdict"])
                      for event in ipvlan.events()} ==
             {(address, "unknown", "drop") for address in ADAPTER}, "its events")
