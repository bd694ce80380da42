# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 19: a guest that borrows another's addresses gets neither its exceptions nor its name."""

from __future__ import annotations

import time

import pytest

from lab.guard import Events, Guard
from lab.guests import VethGuest, link_mac
from lab.host import Target, new_token, service_name
from lab.packets import UDP, Wire, ip4, ip6, udp
from lab.system import Cleanup

REFUSED_AFTER = 0.5

both_netfilters = pytest.mark.parametrize("bridge_netfilter", [True, False], ids=["brnf", "nobrnf"])


@pytest.fixture
def bridge_netfilter_set(lab, bridge_netfilter: bool):
    """The kernel tells the bridge port of a packet only where br_netfilter is on; elsewhere the FDB does."""
    def switch(value: int) -> None:
        lab.host.sysctl(f"net.bridge.bridge-nf-call-iptables={value}",
                        f"net.bridge.bridge-nf-call-ip6tables={value}")
    switch(1 if bridge_netfilter else 0)
    yield
    switch(1)


@pytest.fixture
def thief(lab):
    """A guest on the bridge that wears the MAC and the addresses of the guest `port`."""
    victim = lab.guests.port
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "thief", cleanup, "10.20.0.66/24", "10.20.0.1", "fd20::66/64",
                          "fd20::1", "br0")
        guest.true_mac = guest.mac
        guest.netns.ip("link", "set", "eth0", "address", victim.mac)
        guest.netns.ip("addr", "del", "10.20.0.66/24", "dev", "eth0")
        guest.netns.ip("addr", "del", "fd20::66/64", "dev", "eth0")
        guest.netns.ip("addr", "add", f"{victim.ip4}/24", "dev", "eth0")
        guest.netns.ip("addr", "add", f"{victim.ip6}/64", "dev", "eth0")
        for arguments in (["route", "replace", "default", "via", "10.20.0.1"],
                          ["-6", "route", "replace", "default", "via", "fd20::1", "dev", "eth0"]):
            guest.netns.ip(*arguments)
        yield guest
        # The bridge must find the victim again, at its own port.
    victim.ping("10.20.0.1")


def refusal(events: Events, labels: set[str], mark: int) -> dict:
    """The refusal, since @mark, of one who is named by one of @labels."""
    return events.wait(lambda e: e["verdict"] == "drop" and e["source"]["label"] in labels and
                       e["service"]["port"] == 8080, mark)


WORN = [Target(protocol, address, 8080) for address in ("10.20.0.1", "fd20::1")
        for protocol in ("tcp", "udp")]


@pytest.mark.parametrize("target", WORN, ids=str)
def test_theft_works_without_guard(lab, unguarded, thief: VethGuest, target: Target) -> None:
    """The host really answers the thief: addresses prove nothing."""
    assert thief.ask(target, 3.0).open


# Who is claimed to have sent it, and whether the kernel alone would take it.
CLAIMS = [("victim-ip", "10.20.0.12", True), ("victim-ip-and-mac", "10.20.0.12", True),
          ("own", "10.20.0.66", True), ("gateway", "10.20.0.1", False), ("loopback", "127.0.0.1", False),
          ("lan-address", "192.0.2.10", False), ("zero", "0.0.0.0", False),
          ("victim-ip6", "fd20::12", True), ("gateway6", "fd20::1", True),
          ("loopback6", "::1", False)]


@pytest.fixture
def sender(lab):
    """A guest on the bridge with a raw socket."""
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "forger", cleanup, "10.20.0.66/24", "10.20.0.1", "fd20::66/64",
                          "fd20::1", "br0")
        wire = Wire(guest.netns, "eth0", link_mac(lab.host.netns, "br0"), guest.mac)
        cleanup.add(wire.close)
        yield guest, wire
    lab.guests.port.ping("10.20.0.1")


def send_claim(lab, wire: Wire, name: str, source: str) -> str:
    """One UDP datagram to the wildcard service, from @source as it says; its token."""
    token = new_token()
    mac = lab.guests.port.mac if name.endswith("and-mac") else None
    if ":" in source:
        packet = ip6(source, "fd20::1", UDP, udp(source, "fd20::1", 8080, token.encode()))
    else:
        packet = ip4(source, "10.20.0.1", UDP, udp(source, "10.20.0.1", 8080, token.encode()))
    wire.send(packet, source_mac=mac)
    return token


@pytest.mark.parametrize("name,source,leaks", CLAIMS, ids=[c[0] for c in CLAIMS])
def test_forged_datagram_without_guard(lab, unguarded, sender, name: str, source: str,
                                       leaks: bool) -> None:
    """What the kernel alone lets in: all but sources of IPv4 that are the host's own, and loopback."""
    token = send_claim(lab, sender[1], name, source)
    assert lab.services.wait_saw(token, 5 if leaks else 0.5) == leaks


@both_netfilters
@pytest.mark.parametrize("target", WORN, ids=str)
def test_theft_gains_nothing(lab, guard: Guard, events: Events, thief: VethGuest,
                             bridge_netfilter_set, bridge_netfilter: bool, target: Target) -> None:
    """With an exception for the victim alone the thief is refused, and never told as the victim.

    Where the kernel names the bridge port it is told by its own name; the FDB knows a MAC address that
    has just moved, and that is at least "unknown".
    """
    victim = lab.guests.port
    try:
        guard.must("allow", service_name(target.address, 8080, target.protocol), "--from",
                   victim.label)
        mark = events.mark()
        answer = thief.ask(target, REFUSED_AFTER)
        assert answer.reply is None and not lab.services.saw(answer.token), \
            "the thief has the victim's exception"
        told = refusal(events, {thief.label} | ({"unknown"} if not bridge_netfilter else set()), mark)
        assert told["service"]["address"] == target.address
        blamed = [e for e in events.since(mark) if e["source"]["label"] == victim.label]
        assert not blamed, "the victim is blamed"
    finally:
        guard.forget()


@both_netfilters
@pytest.mark.parametrize("name,source,leaks", CLAIMS, ids=[c[0] for c in CLAIMS])
def test_forged_datagram_refused(lab, guard: Guard, events: Events, sender, bridge_netfilter_set,
                                 bridge_netfilter: bool, name: str, source: str,
                                 leaks: bool) -> None:
    """No forged source opens the service that the victim may use; no refusal names the victim."""
    guest, wire = sender
    victim = lab.guests.port
    try:
        guard.must("allow", "udp/8080", "--from", victim.label)
        mark = events.mark()
        token = send_claim(lab, wire, name, source)
        assert not lab.services.wait_saw(token, 0.5), "the datagram reached the service"
        if leaks:
            moved = name.endswith("and-mac") and not bridge_netfilter
            event = refusal(events, {guest.label} | ({"unknown"} if moved else set()), mark)
            assert event["client"]["address"] == source
        assert not [e for e in events.since(mark) if e["source"]["label"] == victim.label]
    finally:
        guard.forget()


# A datagram in the host's name to the guest itself. Where the host forwards it, what the guest sends from that
# port to that of the host is the answer, for connection tracking.

@pytest.fixture
def forwarding_six(lab):
    lab.host.sysctl("net.ipv6.conf.all.forwarding=1")
    yield
    lab.host.sysctl("net.ipv6.conf.all.forwarding=0")


@pytest.mark.parametrize("hosts,own", [("10.20.0.1", "10.20.0.66"), ("fd20::1", "fd20::66")],
                         ids=["bridged4", "routed6"])
def test_answer_to_a_question_of_its_own(lab, guard: Guard, events: Events, sender, forwarding_six,
                                         hosts: str, own: str) -> None:
    """The host never asked: the guest's datagram is no answer, and refused as any other."""
    (guest, wire), own_port = sender, 31000
    guest.ping(hosts)  # the host knows its MAC address
    question = udp(hosts, own, own_port, b"question", client_port=8080)
    mark = events.mark()
    if ":" in own:
        wire.send(ip6(hosts, own, UDP, question))
    else:  # past a bridge with br_netfilter, to whomever
        wire.send(ip4(hosts, own, UDP, question), target_mac=lab.guests.port.mac)
    time.sleep(0.2)
    answer = guest.ask(Target("udp", hosts, 8080, own_port), REFUSED_AFTER)
    assert answer.reply is None and not lab.services.saw(answer.token), "it leaks"
    assert refusal(events, {guest.label}, mark)["client"]["port"] == own_port
