# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard guests`: what is known of real guests, in the table and one by one."""

from __future__ import annotations

import subprocess
from typing import Callable

import pytest

from lab.guard import Guard
from lab.host import Target
from lab.system import Cleanup, end, wait_for

# guest, interface, its bridge, whom it asks so that it is seen
WIRES = [
    ("builder", "tap-builder", "br0", "10.20.0.1"),
    ("port", "v-port", "br0", "10.20.0.1"),
    ("lxc", None, "br0", "10.20.0.1"),
    ("bridged", None, "cni-podman0", "10.88.0.1"),
    ("edge", "tap-edge", None, "10.21.0.1"),
    ("veth", "v-veth", None, "10.22.0.1"),
]


def record(guard: Guard, label: str, matches: Callable[[dict], bool] = bool) -> dict:
    """The guest of that name that @matches: elsewhere on the machine there may be others of it."""
    return next((g for g in guard.guests() if g["label"] == label and matches(g)), {})


def leads(process: subprocess.Popen) -> Callable[[dict], bool]:
    return lambda seen: seen["leader"] == process.pid


def mac_inside(guest) -> str:
    words = guest.sh("ip -o link show dev eth0").split("link/ether ")
    return words[1].split()[0]


@pytest.mark.parametrize("name, interface, bridge, gateway", WIRES)
def test_wires(lab, guard, name: str, interface: str | None, bridge: str | None,
               gateway: str) -> None:
    """A guest on a wire: the host's end of it, and the addresses that the guest has by its own word."""
    guest = getattr(lab.guests, name)
    mac = mac_inside(guest)
    guest.ask(Target("tcp", gateway, 8080), 0.5)
    guest.ask(Target("tcp", "2001:db8:2::10", 8080), 0.5)
    address = guest.sh("ip -4 -o addr show dev eth0").split("inet ")[1].split("/")[0]
    seen = wait_for(lambda: record(guard, guest.label, lambda g: address in g["addresses"]),
                    f"the address of {guest}", step=0.2)
    assert seen["addresses"][0] == address and mac in seen["macs"], seen
    wire = seen["interfaces"][0]
    assert len(seen["interfaces"]) == 1 and wire["bridge"] == bridge
    assert interface in (None, wire["name"])
    said = guard.must("guests", str(seen["id"])).output
    port = f", a port of {bridge}" if bridge else ""
    for line in (f"interface    {wire['name']}{port}", f"address      {address}", f"mac          {mac}"):
        assert line in said, said
    table = guard.must("guests").output
    assert any(guest.label in line and address in line for line in table.splitlines())


@pytest.mark.parametrize("name, conduit", [
    ("devbox", "qemu-system-x86"), ("slirp", "slirp4netns"), ("rootless", "slirp4netns"),
    ("pasta", "passt")])
def test_conduits(lab, guard, name: str, conduit: str) -> None:
    """Who opens connections for it on the host."""
    guest = getattr(lab.guests, name)
    seen = wait_for(lambda: record(guard, guest.label, lambda g: g["conduits"]),
                    f"the conduit of {guest}", step=0.2)
    assert len(seen["conduits"]) == 1 and seen["conduits"][0]["program"].startswith(conduit), seen
    assert f", pid {seen['conduits'][0]['pid']}" in guard.must("guests", str(seen["id"])).output


def test_process(lab, guard) -> None:
    """Leader, user, cgroup, namespace, and when it was last seen."""
    is_devbox = leads(lab.guests.devbox.process)
    devbox = record(guard, "vm:devbox", is_devbox)
    web = record(guard, "container:web", lambda g: g["netns"] is None)
    assert devbox["user"] == 0
    assert devbox["key"].startswith(f"qemu:{devbox['leader']}:") and devbox["processes"] >= 1
    assert "libpod-" in web["cgroup"] and not web["interfaces"]
    assert record(guard, lab.guests.bridged.label)["netns"] > 0
    lab.guests.devbox.ask(Target("tcp", "10.0.2.2", 9222), 0.5)
    after = wait_for(lambda: record(guard, "vm:devbox", lambda g: is_devbox(g) and
                                    g["attempts"] > devbox["attempts"]), "the attempt")
    assert after["lastSeen"] > devbox["lastSeen"] and after["since"] == devbox["since"]


def test_names(lab, guard) -> None:
    """By name, label, runtime or number; two of one name are both shown; a typing mistake is answered."""
    devbox = record(guard, "vm:devbox", leads(lab.guests.devbox.process))
    for word in ("devbox", "vm:devbox", "qemu:devbox"):
        assert f"  id           {devbox['id']} (guest:" in guard.must("guests", word).output
    for word in (str(devbox["id"]), f"guest:{devbox['id']}"):
        said = guard.must("guests", word).output
        assert said.startswith("vm:devbox\n") and said.count("(guest:") == 1
    wrong = guard.cli("guests", "vm:devbx")
    assert wrong.status == 1 and "do you mean vm:devbox?" in wrong.error
    with Cleanup() as cleanup:
        for _ in range(2):
            cleanup.add(end, lab.host.spawn(
                "qemu-system-x86_64", "-name", "guest=twin", "-machine", "none", "-nodefaults",
                "-display", "none", "-S", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL))
        wait_for(lambda: [g["label"] for g in guard.guests()].count("vm:twin") == 2, "both twins")
        said = guard.must("guests", "twin").output
        assert said.count("vm:twin\n") == 2 and said.count("(guest:") == 2
