# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams on lo from an address that the host does not have: as a container's on an ipvlan in mode l3, which the
kernel sends on there (test_ipvlan). Here a raw socket of the test stands in for it: no kernel needs ipvlan for that.
On this host no guest shares lo."""

from __future__ import annotations

import socket

import pytest

from lab.guard import guarded
from lab.host import Host, Target, new_token
from lab.packets import UDP, ip4, ip6, udp
from lab.system import Cleanup, wait_for

IPV6_TRANSPARENT = 75  # linux/in6.h
STRANGER4, STRANGER6 = "203.0.113.7", "2001:db8:77::7"
WAYS = [(STRANGER4, Host.LAN4), (STRANGER4, "127.0.0.1"), (STRANGER6, Host.LAN6), (STRANGER6, "::1")]
every_way = pytest.mark.parametrize("source, service", WAYS, ids=[f"{a}-{b}" for a, b in WAYS])


def family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def send_raw(host: Host, source: str, service: str) -> str:
    """One datagram that no socket of @source's has sent; its token."""
    token = new_token()
    make = ip6 if ":" in source else ip4
    packet = make(source, service, UDP, udp(source, service, 8080, token.encode()))
    with host.netns.call(lambda: socket.socket(family(source), socket.SOCK_RAW, socket.IPPROTO_RAW)) as raw:
        raw.sendto(packet, (service, 0))
    return token


def send_transparently(host: Host, source: str, service: str) -> str:
    """One from a program of the host in the name of another machine, as transparent proxies send; its token."""
    token = new_token()
    six = ":" in source
    with host.netns.call(lambda: socket.socket(family(source), socket.SOCK_DGRAM)) as proxy:
        proxy.setsockopt(*((socket.IPPROTO_IPV6, IPV6_TRANSPARENT) if six else
                           (socket.SOL_IP, socket.IP_TRANSPARENT)), 1)
        proxy.bind((source, 0))
        proxy.sendto(token.encode(), (service, 8080))
        assert host.services.wait_saw(token, 5), "the proxy's datagram did not arrive"
    return token


@pytest.fixture(scope="module")
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("udp", "0.0.0.0", 8080), Target("udp", "::", 8080))
        yield host


@pytest.fixture
def guard(host: Host):
    with Cleanup() as cleanup:
        yield guarded(host, cleanup)


@every_way
def test_the_kernel_alone_takes_them(host: Host, source: str, service: str) -> None:
    assert host.services.wait_saw(send_raw(host, source, service), 5)


@every_way
def test_they_are_refused(host: Host, guard, source: str, service: str) -> None:
    own = Host.LAN6 if ":" in source else Host.LAN4
    # Right after its start the guard takes nothing without a socket for the host's.
    wait_for(lambda: host.services.wait_saw(send_raw(host, own, service), 0.3), "the host's own datagram")
    events = guard.events()
    token = send_raw(host, source, service)
    event = events.wait(lambda e: e["client"]["address"] == source and e["verdict"] == "drop")
    assert (event["source"]["class"], event["service"]["address"]) == ("unknown", service)
    assert not host.services.saw(token)


@every_way
def test_a_transparent_proxy_of_the_host_is_served(host: Host, guard, source: str, service: str) -> None:
    send_transparently(host, source, service)
