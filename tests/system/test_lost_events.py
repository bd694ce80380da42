# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes start and end faster than the guard is told: what it missed it finds by looking at all."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.guard import Guard, guarded
from lab.guests import Guest, Podman, PodmanGuest, SlirpGuest
from lab.host import Host, Target
from lab.system import Cleanup, LabError, run, wait_for

NETLINK_CONNECTOR = 11  # linux/netlink.h
ROUND, ROUNDS = 1000, 60  # processes, each two events: several times what the guard's socket holds


def events_dropped(guard: Guard) -> int:
    """How many process events the kernel could not put into the guard's socket (netlink_seq_show())."""
    folder = Path(f"/proc/{guard.process.pid}/fd")
    inodes = set()
    for fd in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
    for line in Path("/proc/net/netlink").read_text().splitlines()[1:]:
        _, protocol, *_, drops, inode = line.split()
        if int(protocol) == NETLINK_CONNECTOR and inode in inodes:
            return int(drops)
    raise LabError("the guard has no socket for process events")


@contextlib.contextmanager
def stopped(guard: Guard) -> Iterator[None]:
    guard.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        guard.process.send_signal(signal.SIGCONT)


def overflow(guard: Guard) -> None:
    """Start and end processes until the stopped guard's socket takes no more."""
    before = events_dropped(guard)
    for _ in range(ROUNDS):
        run("sh", "-c", 'i=0; while [ "$i" -lt "$0" ]; do (:); i=$((i + 1)); done', str(ROUND))
        if events_dropped(guard) > before:
            return
    raise LabError(f"{ROUND * ROUNDS} processes did not overflow the guard's socket")


@pytest.mark.parametrize("kind", ["podman", "slirp"])
def test_who_came_and_went_meanwhile(machine, kind: str) -> None:
    """The guest that ended is gone, and its exception until it stops; the new one is known, and refused."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "127.0.0.1", 9222))
        podman = Podman(host, cleanup) if kind == "podman" else None
        target = Target("tcp", "127.0.0.1" if podman else "10.0.2.2", 9222)
        guard = guarded(host, cleanup)
        events = guard.events()

        def start(name: str, its_cleanup: Cleanup) -> Guest:
            if not podman:
                return SlirpGuest(host, name, its_cleanup)
            guest = PodmanGuest(podman, name, its_cleanup, "host")
            guest.wait_ready()
            return guest

        def labels() -> set[str]:
            return {guest["label"] for guest in guard.guests()}

        with contextlib.ExitStack() as pause:
            with Cleanup() as its_cleanup:
                old = start("old", its_cleanup)
                wait_for(lambda: old.label in labels(), "the first guest")
                guard.must("allow", "127.0.0.1:9222", "--from", old.label, "--until-stop")
                assert old.ask(target, 3.0).open
                lost = guard.status()["processEventsLost"]
                pause.enter_context(stopped(guard))
                overflow(guard)
            new = start("new", cleanup)

        wait_for(lambda: guard.status()["processEventsLost"] > lost, "the loss to be counted")
        wait_for(lambda: old.label not in labels(), "the end of the guest that ended meanwhile")
        wait_for(lambda: guard.exceptions() == [], "the end of its exception")
        assert "9222" not in (guard.state / "exceptions.conf").read_text()
        wait_for(lambda: new.label in labels(), "the guest that started meanwhile")

        def refused_by_name() -> bool:
            """Whom a conduit serves may take another look; until then it is nobody, and refused too."""
            assert new.ask(target, 1.0).reply is None
            return any(event["source"]["label"] == new.label and event["verdict"] == "drop"
                       for event in events.since() if event["type"] != "listener")

        wait_for(refused_by_name, "its refusal by its name")
        assert "LOST" in guard.must("status").output
