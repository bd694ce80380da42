# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows 18 and 19: a datagram is not trusted because its addresses and ports were those of another.

The kernel remembers a UDP flow for half a minute and more, by addresses and ports alone. Who sends from
the same ones within that time is not the one who was let through.
"""

from __future__ import annotations

import pytest

from lab.guard import Guard
from lab.guests import VethGuest, link_mac
from lab.host import Target, new_token
from lab.packets import UDP, Wire, ip4, udp
from lab.system import Cleanup

PORTS = iter(range(21000, 22000))  # below ip_local_port_range: no client of another test has one


@pytest.mark.parametrize("guest,asked,address", [
    ("web", "127.0.0.1", "127.0.0.1"), ("web", "::1", "::1"), ("loose", "127.0.0.1", "127.0.0.1"),
    ("pasta", "192.0.2.1", "127.0.0.1")])
def test_the_hosts_flow(lab, guard: Guard, guest: str, asked: str, address: str) -> None:
    """A guest on lo sends from the port that a program of the host has just used and closed."""
    port = next(PORTS)
    assert lab.host.probe([Target("udp", address, 9222, port)])[0].open
    answer = getattr(lab.guests, guest).ask(Target("udp", asked, 9222, port), 0.5)
    assert not lab.services.saw(answer.token), "it reached the service"


@pytest.mark.parametrize("other,guest", [("web", "loose"), ("loose", "web")])
def test_another_containers_flow(lab, guard: Guard, other: str, guest: str) -> None:
    """One container on the host's network has an exception; another takes over its port."""
    port = next(PORTS)
    target = Target("udp", "127.0.0.1", 9222, port)
    try:
        guard.must("allow", "udp/127.0.0.1:9222", "--from", getattr(lab.guests, other).label)
        assert getattr(lab.guests, other).ask(target, 3.0).open
        answer = getattr(lab.guests, guest).ask(target, 0.5)
        assert not lab.services.saw(answer.token), "it reached the service"
    finally:
        guard.forget()


def test_another_guests_flow_on_a_bridge(lab, guard: Guard) -> None:
    """A guest with an exception speaks to the service; its neighbour forges its addresses and port."""
    victim, port = lab.guests.port, next(PORTS)
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "parrot", cleanup, "10.20.0.67/24", "10.20.0.1", "fd20::67/64",
                          "fd20::1", "br0")
        wire = Wire(guest.netns, "eth0", link_mac(lab.host.netns, "br0"), guest.mac)
        cleanup.add(wire.close)
        cleanup.add(guard.forget)
        guard.must("allow", "udp/10.20.0.1:8080", "--from", victim.label)
        assert victim.ask(Target("udp", "10.20.0.1", 8080, port), 3.0).open
        token = new_token()
        wire.send(ip4(victim.ip4, "10.20.0.1", UDP,
                      udp(victim.ip4, "10.20.0.1", 8080, token.encode(), client_port=port)))
        assert not lab.services.wait_saw(token, 0.5), "it reached the service"
