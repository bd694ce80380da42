# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 20: crafted first packets get no further than ordinary ones, and the daemon survives them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable

import pytest

from lab.guard import Events, Guard
from lab.guests import VethGuest, link_mac
from lab.host import Target, new_token
from lab import packets as p
from lab.packets import Wire
from lab.system import Cleanup, wait_for

PORT = 8080
G4, H4, B4 = "10.24.0.2", "10.24.0.1", "10.24.0.255"
G6, H6 = "fd24::2", "fd24::1"


@dataclass(frozen=True)
class Odd:
    """A crafted first packet, or several that are one.

    @leaks: what the kernel alone makes of it: True when the service gets the data or accepts the
    connection (SYN+ACK), False when the kernel drops it or answers for itself (RST, ICMP error).
    """
    name: str
    make: Callable[[bytes], list[bytes]]
    leaks: bool
    target_mac: str | None = None


def udp4(data: bytes, **options) -> bytes:
    return p.udp(G4, H4, PORT, data, **options)


def udp6(data: bytes, **options) -> bytes:
    return p.udp(G6, H6, PORT, data, **options)


def tcp4(flags: int, data: bytes = b"", **options) -> list[bytes]:
    return [p.ip4(G4, H4, p.TCP, p.tcp(G4, H4, PORT, flags, data, **options))]


def tcp6(flags: int, data: bytes = b"", **options) -> list[bytes]:
    return [p.ip6(G6, H6, p.TCP, p.tcp(G6, H6, PORT, flags, data, **options))]


def after(flags: int) -> list[bytes]:
    """A SYN behind another first packet of the same ports."""
    client_port = random.randint(20000, 60000)
    return tcp4(flags, acknowledge=7, client_port=client_port) + tcp4(
        p.SYN, client_port=client_port, sequence=5000)


def tiny6(segment: bytes) -> list[bytes]:
    """RFC 7112: a first fragment without the upper-layer header, only an options header."""
    chain = p.option_header(p.UDP) + segment
    return p.fragments(G6, H6, p.DESTINATION, chain, 8)


def overlapping(segment: bytes) -> list[bytes]:
    """The second fragment overlaps the first and would rewrite the port."""
    number = random.getrandbits(16)
    return [p.ip4(G4, H4, p.UDP, segment[:24], more=True, identification=number),
            p.ip4(G4, H4, p.UDP, segment[16:], offset=16, identification=number)]


PADDING = b" " * 64

ODD = [
    # Fragments.
    Odd("udp4-fragments", lambda t: p.fragments(G4, H4, p.UDP, udp4(t + PADDING), 24, 48), True),
    Odd("udp4-fragments-8-bytes", lambda t: p.fragments(G4, H4, p.UDP, udp4(t + PADDING), 8), True),
    Odd("udp4-fragments-reversed",
        lambda t: p.fragments(G4, H4, p.UDP, udp4(t + PADDING), 24)[::-1], True),
    Odd("udp4-fragments-overlap", lambda t: overlapping(udp4(t + PADDING)), False),
    Odd("udp6-fragments", lambda t: p.fragments(G6, H6, p.UDP, udp6(t + PADDING), 24, 48), True),
    Odd("udp6-fragments-reversed",
        lambda t: p.fragments(G6, H6, p.UDP, udp6(t + PADDING), 24)[::-1], True),
    Odd("udp6-atomic-fragment", lambda t: p.fragments(G6, H6, p.UDP, udp6(t)), True),
    Odd("udp6-tiny-first-fragment", lambda t: tiny6(udp6(t + PADDING)), False),
    Odd("udp6-options-in-fragments", lambda t: p.fragments(
        G6, H6, p.DESTINATION, p.option_header(p.UDP) + udp6(t + PADDING), 24), True),
    Odd("tcp4-syn-fragments", lambda t: p.fragments(
        G4, H4, p.TCP, p.tcp(G4, H4, PORT, p.SYN, options=b"\1" * 12), 8), True),
    Odd("tcp6-syn-fragments", lambda t: p.fragments(
        G6, H6, p.TCP, p.tcp(G6, H6, PORT, p.SYN, options=b"\1" * 12), 24), True),
    Odd("tcp6-syn-tiny-first-fragment", lambda t: p.fragments(
        G6, H6, p.TCP, p.tcp(G6, H6, PORT, p.SYN, options=b"\1" * 12), 8), False),
    # TCP flags and lengths.
    Odd("tcp4-syn", lambda t: tcp4(p.SYN), True),
    Odd("tcp4-syn-with-data", lambda t: tcp4(p.SYN, t), True),
    Odd("tcp6-syn-with-data", lambda t: tcp6(p.SYN, t), True),
    Odd("tcp4-syn-ecn", lambda t: tcp4(p.SYN | p.ECE | p.CWR), True),
    Odd("tcp4-syn-psh-urg", lambda t: tcp4(p.SYN | p.PSH | p.URG, t), True),
    Odd("tcp4-syn-fin", lambda t: tcp4(p.SYN | p.FIN), False),
    Odd("tcp6-syn-fin", lambda t: tcp6(p.SYN | p.FIN), False),
    Odd("tcp4-syn-rst", lambda t: tcp4(p.SYN | p.RST), False),
    Odd("tcp4-syn-ack", lambda t: tcp4(p.SYN | p.ACK, acknowledge=7), False),
    Odd("tcp6-syn-ack", lambda t: tcp6(p.SYN | p.ACK, acknowledge=7), False),
    Odd("tcp4-ack", lambda t: tcp4(p.ACK, t, acknowledge=7), False),
    # What conntrack may take for a connection that it has missed, then the real one on top of it.
    Odd("tcp4-ack-then-syn", lambda t: after(p.ACK), True),
    Odd("tcp4-syn-ack-then-syn", lambda t: after(p.SYN | p.ACK), True),
    Odd("tcp4-fin-ack-then-syn", lambda t: after(p.FIN | p.ACK), True),
    Odd("tcp4-rst-then-syn", lambda t: after(p.RST), True),
    Odd("tcp4-syn-twice", lambda t: after(p.SYN), True),
    Odd("tcp4-fin", lambda t: tcp4(p.FIN), False),
    Odd("tcp4-null", lambda t: tcp4(0), False),
    Odd("tcp4-xmas", lambda t: tcp4(p.FIN | p.PSH | p.URG), False),
    Odd("tcp4-header-past-the-end", lambda t: tcp4(p.SYN, offset=15), False),
    Odd("tcp4-header-too-short", lambda t: tcp4(p.SYN, offset=2), False),
    Odd("tcp4-truncated", lambda t: [p.ip4(G4, H4, p.TCP, p.tcp(G4, H4, PORT, p.SYN)[:10])], False),
    Odd("tcp6-truncated", lambda t: [p.ip6(G6, H6, p.TCP, p.tcp(G6, H6, PORT, p.SYN)[:10])], False),
    Odd("tcp4-source-port-0", lambda t: [p.ip4(G4, H4, p.TCP, b"\0\0" + p.tcp(
        G4, H4, PORT, p.SYN)[2:])], False),
    # UDP lengths and checksums.
    Odd("udp4-no-checksum", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t, summed=False))], True),
    Odd("udp6-no-checksum", lambda t: [p.ip6(G6, H6, p.UDP, udp6(t, summed=False))], False),
    Odd("udp4-length-too-long", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t, length=500))], False),
    Odd("udp4-length-too-short", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t, length=4))], False),
    Odd("udp4-truncated", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t)[:5])], False),
    Odd("udp6-truncated", lambda t: [p.ip6(G6, H6, p.UDP, udp6(t)[:5])], False),
    Odd("udp4-empty", lambda t: [p.ip4(G4, H4, p.UDP, b"")], False),
    # IP headers.
    Odd("ip4-options", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t), options=b"\x94\x04\0\0")], True),
    Odd("ip4-40-bytes-of-options", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t), options=b"\1" * 40)],
        True),
    Odd("ip4-source-route", lambda t: [p.ip4(
        G4, H4, p.UDP, udp4(t), options=b"\x83\x07\x04" + p.packed(H4) + b"\0")], False),
    Odd("ip4-header-too-short", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t), header_words=4)], False),
    Odd("ip4-header-past-the-end", lambda t: [p.ip4(G4, H4, p.UDP, b"", header_words=15)], False),
    Odd("ip4-length-too-long", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t), length=1000)], False),
    Odd("ip6-hop-by-hop", lambda t: [p.ip6(G6, H6, p.HOP, p.option_header(p.UDP) + udp6(t))], True),
    Odd("ip6-destination-options", lambda t: [p.ip6(
        G6, H6, p.DESTINATION, p.option_header(p.UDP) + udp6(t))], True),
    Odd("ip6-long-chain", lambda t: [p.ip6(G6, H6, p.DESTINATION, b"".join(
        [p.option_header(p.DESTINATION, 2)] * 5) + p.option_header(p.UDP) + udp6(t))], True),
    Odd("ip6-chain-past-the-copy", lambda t: [p.ip6(G6, H6, p.DESTINATION, b"".join(
        [p.option_header(p.DESTINATION, 20)] * 4) + p.option_header(p.UDP) + udp6(t))], True),
    Odd("ip6-tcp-behind-options", lambda t: [p.ip6(
        G6, H6, p.DESTINATION, p.option_header(p.TCP) + p.tcp(G6, H6, PORT, p.SYN))], True),
    Odd("ip6-options-past-the-end", lambda t: [p.ip6(
        G6, H6, p.DESTINATION, bytes([p.UDP, 200, 1, 4, 0, 0, 0, 0]))], False),
    Odd("ip6-routing-header", lambda t: [p.ip6(G6, H6, p.ROUTING, bytes(
        [p.UDP, 2, 0, 0, 0, 0, 0, 0]) + p.packed(H6) + udp6(t))], True),
    Odd("ip6-no-next-header", lambda t: [p.ip6(G6, H6, p.NONE, udp6(t))], False),
    Odd("ip6-payload-too-long", lambda t: [p.ip6(G6, H6, p.UDP, udp6(t), length=1000)], False),
    # Other protocols and other ways to the same sockets.
    Odd("sctp4-init", lambda t: [p.ip4(G4, H4, p.SCTP, p.sctp_init(PORT))], False),
    Odd("sctp6-init", lambda t: [p.ip6(G6, H6, p.SCTP, p.sctp_init(PORT))], False),
    Odd("protocol-253", lambda t: [p.ip4(G4, H4, 253, udp4(t))], False),
    Odd("ip-in-ip", lambda t: [p.ip4(G4, H4, 4, p.ip4(G4, H4, p.UDP, udp4(t)))], False),
    Odd("udp4-broadcast", lambda t: [p.ip4(G4, B4, p.UDP, p.udp(G4, B4, PORT, t))], True,
        "ff:ff:ff:ff:ff:ff"),
    Odd("udp4-all-ones", lambda t: [p.ip4(G4, "255.255.255.255", p.UDP, p.udp(
        G4, "255.255.255.255", PORT, t))], True, "ff:ff:ff:ff:ff:ff"),
    Odd("udp4-all-hosts", lambda t: [p.ip4(G4, "224.0.0.1", p.UDP, p.udp(
        G4, "224.0.0.1", PORT, t))], True, "01:00:5e:00:00:01"),
    Odd("udp6-all-nodes", lambda t: [p.ip6(G6, "ff02::1", p.UDP, p.udp(G6, "ff02::1", PORT, t))],
        True, "33:33:00:00:00:01"),
    Odd("udp4-in-a-broadcast-frame", lambda t: [p.ip4(G4, H4, p.UDP, udp4(t))], True,
        "ff:ff:ff:ff:ff:ff"),
]

every_odd = pytest.mark.parametrize("odd", ODD, ids=[odd.name for odd in ODD])


@pytest.fixture(scope="module")
def crafter(lab):
    """A guest on a veth with a raw socket. Its own kernel answers nothing (no RST for a SYN+ACK)."""
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "crafter", cleanup, f"{G4}/24", H4, f"{G6}/64", H6)
        assert guest.ask(Target("udp", H4, PORT), 3).open and \
            guest.ask(Target("udp", H6, PORT), 3).open, "the way without tricks leaks"
        wire = Wire(guest.netns, "eth0", link_mac(lab.host.netns, guest.interface), guest.mac)
        cleanup.add(wire.close)
        yield guest, wire


def send(wire: Wire, odd: Odd) -> str:
    token = new_token()
    wire.drain()
    for packet in odd.make(token.encode()):
        wire.send(packet, target_mac=odd.target_mac)
    return token


@dataclass(frozen=True)
class Cast:
    """A datagram for the wildcard service in a frame for everybody on the bridge."""
    name: str
    mac: str
    source: str
    target: str

    def make(self, token: bytes) -> bytes:
        segment = p.udp(self.source, self.target, PORT, token)
        return p.ip6(self.source, self.target, p.UDP, segment) if ":" in self.target else \
            p.ip4(self.source, self.target, p.UDP, segment)


CASTS = [Cast("subnet", "ff:ff:ff:ff:ff:ff", "10.20.0.77", "10.20.0.255"),
         Cast("all-ones", "ff:ff:ff:ff:ff:ff", "10.20.0.77", "255.255.255.255"),
         Cast("all-hosts", "01:00:5e:00:00:01", "10.20.0.77", "224.0.0.1"),
         Cast("unicast-in-broadcast", "ff:ff:ff:ff:ff:ff", "10.20.0.77", "10.20.0.1"),
         Cast("unicast-in-multicast", "01:00:5e:00:00:01", "10.20.0.77", "10.20.0.1"),
         Cast("all-nodes", "33:33:00:00:00:01", "fd20::77", "ff02::1"),
         Cast("unicast6-in-multicast", "33:33:00:00:00:01", "fd20::77", "fd20::1")]
every_cast = pytest.mark.parametrize("cast", CASTS, ids=[cast.name for cast in CASTS])


@pytest.fixture(scope="module")
def bridge_crafter(lab):
    """A guest on the bridge with a raw socket."""
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "caster", cleanup, "10.20.0.77/24", "10.20.0.1", "fd20::77/64",
                          "fd20::1", "br0")
        wire = Wire(guest.netns, "eth0", link_mac(lab.host.netns, "br0"), guest.mac)
        cleanup.add(wire.close)
        yield guest, wire


@every_cast
def test_cast_on_a_bridge_without_guard(lab, unguarded, bridge_crafter, cast: Cast) -> None:
    token = new_token()
    bridge_crafter[1].send(cast.make(token.encode()), target_mac=cast.mac)
    assert lab.services.wait_saw(token)


def served(answers: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Of the answers those that a service gives; a reset is the host's TCP speaking for itself."""
    return [(protocol, value) for protocol, value in answers
            if protocol != "tcp" or not value & p.RST]


@every_odd
def test_without_guard(lab, unguarded, crafter, odd: Odd) -> None:
    """What the kernel alone makes of it."""
    wire = crafter[1]
    token = send(wire, odd)
    if odd.leaks:
        wait_for(lambda: served(wire.answers(0.15, PORT)) or lab.services.saw(token), "an answer, or its arrival")
    else:
        assert served(wire.answers(0.15, PORT)) == []
        assert not lab.services.wait_saw(token, 0.15)


# A privileged container on the host's network makes datagrams on lo that belong to no UDP socket. The
# kernel itself takes injected IPv4 frames with a loopback source for martians.
ON_LO = [("raw", "127.0.0.1", True), ("raw", "::1", True), ("inject", "127.0.0.1", False),
         ("inject", "::1", True)]
on_lo = pytest.mark.parametrize("guest", ["web", "loose"])


@on_lo
@pytest.mark.parametrize("how,address,leaks", ON_LO)
def test_raw_on_lo_without_guard(lab, unguarded, guest: str, how: str, address: str,
                                 leaks: bool) -> None:
    answer = getattr(lab.guests, guest).ask(Target(how, address, 9222))
    assert answer.error == "sent"
    assert lab.services.wait_saw(answer.token, 5 if leaks else 0.3) == leaks


@every_odd
def test_refused(lab, guard: Guard, events: Events, crafter, odd: Odd) -> None:
    """The service gets nothing and answers nothing; the daemon lives, and still refuses and accepts."""
    wire = crafter[1]
    token = send(wire, odd)
    assert served(wire.answers(0.3, PORT)) == []
    assert not lab.services.saw(token), "it reached the service"
    assert guard.alive
    assert lab.host.probe([Target("tcp", "127.0.0.1", 9222)])[0].open


def test_still_refuses_and_names(lab, guard: Guard, events: Events, crafter) -> None:
    """After all of them an ordinary attempt of the same guest is refused and named as ever."""
    guest = crafter[0]
    mark = events.mark()
    assert guest.tcp(H4, PORT, 0.5) is None
    events.wait_refused(guest.label, "tcp", H4, PORT, mark)
    assert guard.alive and guard.status()["mode"] == "enforce"


def test_noise(lab, guard: Guard, crafter) -> None:
    """Two thousand packets of random bytes behind valid headers: the daemon lives, the host is served."""
    wire = crafter[1]
    dice = random.Random(20)
    mark = lab.services.mark()
    for i in range(2000):
        noise = dice.randbytes(dice.randint(0, 120))
        protocol = dice.choice([p.TCP, p.UDP, p.SCTP, 1, 58, 0, 43, 44, 50, 51, 60, 132, 135])
        wire.send(p.ip6(G6, H6, protocol, noise) if i % 2 else p.ip4(G4, H4, protocol, noise))
    assert lab.host.probe([Target("tcp", "127.0.0.1", 9222), Target("udp", "::1", 9222)])[0].open
    assert guard.alive
    strangers = [r for r in lab.services.since(mark) if r["peer"][0] in (G4, G6)]
    assert not strangers


@pytest.mark.parametrize("bridge_netfilter", [1, 0], ids=["brnf", "nobrnf"])
@every_cast
def test_cast_on_a_bridge_refused(lab, guard: Guard, events: Events, bridge_crafter, cast: Cast,
                                  bridge_netfilter: int) -> None:
    """Broadcast and multicast frames on a bridge are refused like all others.

    With br_netfilter the kernel (since 6.8, "netfilter: bridge: confirm multicast packets before
    passing them up the stack") confirms their conntrack entry before the input hook: a rule that
    takes "confirmed" for "not the first packet" lets them in.
    """
    guest, wire = bridge_crafter
    lab.host.sysctl(f"net.bridge.bridge-nf-call-iptables={bridge_netfilter}",
                    f"net.bridge.bridge-nf-call-ip6tables={bridge_netfilter}")
    try:
        mark = events.mark()
        token = new_token()
        wire.send(cast.make(token.encode()), target_mac=cast.mac)
        assert not lab.services.wait_saw(token, 0.3), "it reached the service"
        events.wait(lambda e: e["source"]["label"] == guest.label and e["verdict"] == "drop", mark)
    finally:
        lab.host.sysctl("net.bridge.bridge-nf-call-iptables=1",
                        "net.bridge.bridge-nf-call-ip6tables=1")


@on_lo
@pytest.mark.parametrize("how,address,leaks", ON_LO)
def test_raw_on_lo_refused(lab, guard: Guard, events: Events, guest: str, how: str, address: str,
                           leaks: bool) -> None:
    """Refused, and told; whose it was cannot always be told, but never is it taken for the host's."""
    mark = events.mark()
    answer = getattr(lab.guests, guest).ask(Target(how, address, 9222))
    assert answer.error == "sent"
    assert not lab.services.wait_saw(answer.token, 0.3), "it reached the service"
    if leaks:
        event = events.wait(lambda e: e["service"]["address"] == address and
                            e["service"]["port"] == 9222, mark)
        assert event["verdict"] == "drop" and event["source"]["class"] in ("guest", "unknown")
