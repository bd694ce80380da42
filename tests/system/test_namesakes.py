# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces have names in each namespace anew: a guest elsewhere with the same one is not meant."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess

import pytest

from lab import packets
from lab.guests import add_tap, link_mac
from lab.host import Target, new_token
from lab.system import Cleanup, Netns, end, need, wait_for

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000


def hold_tap(name: str) -> int:
    """Attach to a tap; the descriptor is the wire that a guest would be on."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


@pytest.fixture
def namesakes(lab):
    """One function: a paused QEMU `thief` in a namespace of its own, with a tap of the given name."""
    need("qemu-system-x86_64")
    with Cleanup() as cleanup:
        other = Netns(f"{lab.host.name}-other", cleanup)

        def start(tap: str) -> None:
            other.ip("tuntap", "add", "dev", tap, "mode", "tap")
            other.ip("link", "set", tap, "up")
            process = other.spawn(
                "qemu-system-x86_64", "-name", "guest=thief", "-machine", "q35,accel=tcg", "-m", "16",
                "-nodefaults", "-display", "none", "-S", "-netdev",
                f"tap,id=n,ifname={tap},script=no,downscript=no", "-device",
                "virtio-net-pci,netdev=n,romfile=", stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            cleanup.add(end, process)
            wait_for(lambda: "LOWER_UP" in other.ip("link", "show", tap), "QEMU's tap")
        yield start


@pytest.mark.parametrize("first", ["thief", "holder"])
def test_tap_of_the_same_name_elsewhere(lab, unguarded, start_guard, namesakes, first: str) -> None:
    """A VM that holds a tap of this name in another namespace is neither blamed nor trusted here."""
    tap, gateway, guest = "tap-same", "10.25.0.1", "10.25.0.2"
    with Cleanup() as cleanup:
        add_tap(lab.host, tap)
        cleanup.add(lab.host.ip, "link", "del", tap)
        lab.host.ip("addr", "add", f"{gateway}/24", "dev", tap)
        if first == "thief":
            namesakes(tap)
        wire = lab.host.netns.call(lambda: hold_tap(tap))
        cleanup.add(os.close, wire)
        if first == "holder":
            namesakes(tap)
        mac = bytes.fromhex(link_mac(lab.host.netns, tap).replace(":", ""))

        def send() -> str:
            token = new_token()
            os.write(wire, mac + b"\2\0\0\0\0\2" + b"\x08\0" + packets.ip4(
                guest, gateway, packets.UDP, packets.udp(guest, gateway, 8080, token.encode())))
            return token

        assert lab.services.wait_saw(send()), "it does not leak without the guard"
        guard = start_guard()
        events = guard.events()
        guard.must("allow", "udp/8080", "--from", "vm:thief")
        wait_for(lambda: "vm:thief" in {g["label"] for g in guard.guests()}, "the thief's name")
        mark = events.mark()
        token = send()
        assert not lab.services.wait_saw(token, 0.5), "it has the exception of its namesake"
        event = events.wait(lambda e: e["service"]["port"] == 8080 and e["interface"] == tap, mark)
        assert event["verdict"] == "drop" and event["source"]["class"] in ("guest", "unknown")
        assert event["source"]["label"] != "vm:thief", event


def test_namesake_of_a_vms_tap(lab, start_guard, namesakes) -> None:
    """The VM that holds the tap here keeps its name and its exceptions."""
    namesakes("tap-edge")
    guard = start_guard()
    events = guard.events()
    target = Target("udp", "10.21.0.1", 8080)
    assert lab.guests.edge.ask(target, 0.5).reply is None
    events.wait_refused("vm:edge", "udp", "10.21.0.1", 8080)
    guard.must("allow", "udp/8080", "--from", "vm:thief")
    assert lab.guests.edge.ask(target, 0.5).reply is None
    guard.must("allow", "udp/8080", "--from", "vm:edge")
    assert lab.guests.edge.ask(target, 3.0).open
