# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 15: 127/8 and ::1 from outside lo are refused always, with route_localnet and exceptions too."""

from __future__ import annotations

import pytest

from lab.guard import Events, Guard
from lab.guests import VethGuest, link_mac
from lab.host import Services, Target, new_token
from lab.packets import SYN, TCP, UDP, Wire, ip6, tcp, udp
from lab.system import Cleanup

LOOPBACKS = ["127.0.0.1", "127.0.0.2"]


@pytest.fixture(scope="module")
def intruders(lab):
    """Guests that send 127/8 out of their own interface, to a host with route_localnet=1."""
    with Cleanup() as cleanup:
        guests = {
            "veth": VethGuest(lab.host, "mveth", cleanup, "10.23.0.2/24", "10.23.0.1",
                              "fd23::2/64", "fd23::1"),
            "bridge": VethGuest(lab.host, "mport", cleanup, "10.20.0.15/24", "10.20.0.1",
                                "fd20::15/64", "fd20::1", "br0"),
        }
        cleanup.add(lab.host.sysctl, "net.ipv4.conf.br0.route_localnet=0")
        for guest in guests.values():
            lab.host.sysctl(f"net.ipv4.conf.{guest.interface}.route_localnet=1")
            guest.netns.sysctl("net.ipv4.conf.all.route_localnet=1")
            # Its own 127/8 goes; the host's is a neighbour now.
            guest.netns.ip("addr", "del", "127.0.0.1/8", "dev", "lo")
            guest.netns.ip("route", "add", "127.0.0.0/8", "via", guest.gw4, "src", guest.ip4)
        yield guests


@pytest.fixture(params=["veth", "bridge"])
def intruder(intruders, request) -> VethGuest:
    return intruders[request.param]


@pytest.fixture(scope="module")
def listeners(lab):
    """127.0.0.2 has services too: all of 127/8 is loopback."""
    with Cleanup() as cleanup:
        yield Services(lab.host.netns, [Target(p, "127.0.0.2", 9222) for p in ("tcp", "udp")],
                       cleanup)


def reached(lab, listeners, token: str, timeout: float = 0) -> bool:
    return lab.services.wait_saw(token, timeout) or listeners.saw(token)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("address", LOOPBACKS)
def test_leaks_without_guard(lab, unguarded, listeners, intruder: VethGuest, protocol: str,
                             address: str) -> None:
    """With route_localnet the host's 127/8 is one hop away from every neighbour."""
    answer = intruder.ask(Target(protocol, address, 9222), 3.0)
    assert reached(lab, listeners, answer.token, 0.5), answer.error


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("address", LOOPBACKS)
def test_refused_always(lab, listeners, intruder: VethGuest, guard: Guard, events: Events,
                        protocol: str, address: str) -> None:
    """Refused and told as martian; neither an exception for the guest nor one for any opens it."""
    target = Target(protocol, address, 9222)
    mark = events.mark()
    answer = intruder.ask(target, 0.7)
    assert answer.reply is None and not reached(lab, listeners, answer.token), "it leaks"
    event = events.wait_refused(intruder.label, protocol, address, 9222, mark)
    assert event["reason"] == "martian"
    assert event["route"] == "martian"
    assert event["interface"] == intruder.interface
    try:
        guard.must("allow", f"{protocol}/{address}:9222", "--from", intruder.label)
        guard.must("allow", "9222", "--from", "any")
        answer = intruder.ask(target, 0.7)
        assert answer.reply is None and not reached(lab, listeners, answer.token), \
            "an exception opened 127/8 to the outside"
    finally:
        guard.forget()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_ipv6_loopback(lab, intruder: VethGuest, guard: Guard, protocol: str) -> None:
    """::1 as destination: the kernel itself drops it on the way in, and the guard lives on."""
    wire = Wire(intruder.netns, "eth0", link_mac(lab.host.netns, intruder.interface), intruder.mac)
    token = new_token()
    if protocol == "udp":
        segment, number = udp(intruder.ip6, "::1", 9222, token.encode()), UDP
    else:
        segment, number = tcp(intruder.ip6, "::1", 9222, SYN), TCP
    wire.send(ip6(intruder.ip6, "::1", number, segment))
    assert wire.answers(0.5, 9222) == []
    assert not lab.services.saw(token)
    assert guard.alive
    wire.close()
