# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard doctor` finds on this host what the guard cannot see."""

from __future__ import annotations

import socket

from lab.guard import Guard
from lab.guests import PodmanGuest
from lab.system import Cleanup, wait_for


def spots(guard: Guard) -> dict[str, dict]:
    return {spot["name"]: spot for spot in guard.must("doctor", "--json").json["blindSpots"]}


def test_abstract_sockets(lab, guard: Guard) -> None:
    """A listener that a host-net container could reach by its name alone."""
    def listen() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind("\0lhg-doctor\x1b")
        made.listen()
        return made

    with lab.host.netns.call(listen):
        found = spots(guard)["abstract-sockets"]
        said = guard.must("doctor").output
    assert found["state"] == "found"
    assert any("@lhg-doctor" in text for text in found["found"])
    assert "@lhg-doctor" in said and "\x1b" not in said
    assert not any("@lhg-doctor" in text for text in spots(guard)["abstract-sockets"]["found"])


def test_mounted_sockets(lab, guard: Guard, tmp_path) -> None:
    """A container that has the socket of a container engine is named."""
    with Cleanup() as cleanup, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        guest = PodmanGuest(lab.guests.web.podman, "trusting", cleanup, "host", "--volume",
                            f"{tmp_path}/docker.sock:/run/docker.sock")
        guest.wait_ready()
        wait_for(lambda: "container:trusting has docker.sock" in spots(guard)["mounted-sockets"]["found"],
                 "the container and its socket", 5, 0.3)


def test_without_a_daemon(lab, guard: Guard) -> None:
    """What can be told without the daemon is told, and the rest is said not to be known."""
    said = guard.cli("doctor", "--json", "--socket", "/proc/none/socket")
    assert said.status == 3 and "not running" in said.error
    states = {spot["name"]: spot["state"] for spot in said.json["blindSpots"]}
    assert states["mounted-sockets"] == "not looked at"
    assert states["vsock"] in ("none", "found")
    assert states["forged-mac"] == "cannot be told"
