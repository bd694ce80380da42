# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes whose memory does not answer: the guard does not wait for what they say of themselves."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from lab.guard import Guard, guarded
from lab.guests import Podman, PodmanGuest
from lab.host import Host, Target
from lab.silent import Silent, answers, pids
from lab.system import Cleanup, session_cgroup, wait_for

SERVICE = Target("tcp", "127.0.0.1", 9222)
MANY = 12  # more than the guard has workers to abandon


@pytest.fixture(scope="module")
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(SERVICE)
        yield host


def serves_host(host: Host, guard: Guard, seconds: float) -> None:
    """The host's own connections take as long as ever, and so does an answer of the daemon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        assert host.probe([SERVICE], 1.0)[0].open
        guard.status()
        assert time.monotonic() - begin < 3


def is_refused(host: Host, guard: Guard, client: Silent, label: str = "") -> None:
    """Its connection, of the guest @label."""
    events, mark = guard.events(), host.services.mark()
    assert client.ask() is None and len(host.services.since(mark)) == 0, "it leaks"
    event = events.wait(lambda e: e["verdict"] == "drop" and e["service"]["port"] == SERVICE.port)
    assert event["source"]["class"] == "guest", event
    assert event["source"]["label"] == label or not label, event


def tells(guard: Guard, least: int) -> None:
    assert guard.status()["processesSilent"] >= least
    line = next(line for line in guard.must("status").output.splitlines() if line.startswith("processes "))
    assert "NOT ANSWER" in line
    assert "does not tell what it is" in guard.log_text()


def threads(guard: Guard) -> list[dict[str, str]]:
    """What /proc/PID/status says of each thread of the daemon."""
    folder = Path(f"/proc/{guard.process.pid}/task")
    found = []
    for task in sorted(os.listdir(folder), key=int):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            found.append(dict(line.split(":\t", 1)
                              for line in (folder / task / "status").read_text().splitlines()))
    return found


def test_silent_vmm(host, tmp_path) -> None:
    """A VMM that is there when the guard starts: it has the name that one without arguments has."""
    with Cleanup() as cleanup:
        client = Silent.on_host(host, tmp_path, SERVICE, cleanup).wait_ready()
        [pid] = pids(host)
        assert not answers(pid)
        assert client.ask() == f"hello {client.token}"
        guard = guarded(host, cleanup)
        serves_host(host, guard, 2)
        is_refused(host, guard, client, f"vm:qemu-{pid}")
        tells(guard, 1)
        guard.must("reload")
        serves_host(host, guard, 1)
        loop, *others = threads(guard)
        assert len(others) >= 2  # one that waits for the process, and the journal's
        for thread in others:
            for kind in ("CapEff", "CapPrm"):  # no more than the loop has
                assert int(thread[kind], 16) & ~int(loop[kind], 16) == 0, thread
            assert thread["Seccomp"] == "2"
            assert int(thread["SigBlk"], 16) & (1 << 14)  # SIGTERM is the loop's
        assert guard.log_text().count(f"process {pid} (qemu-system-x86)") == 1


@pytest.mark.parametrize("guard_first", [False, True], ids=["silent-first", "guard-first"])
def test_silent_in_a_container(host, guard_first: bool) -> None:
    """The same inside a container that has no cgroup of its own."""
    with Cleanup() as cleanup:
        podman = Podman(host, cleanup)
        loose = PodmanGuest(podman, "loose", cleanup, "host", "--cgroups=disabled",
                            session=session_cgroup(f"{host.name}-silent", cleanup))
        loose.wait_ready()
        guard = guarded(host, cleanup) if guard_first else None
        client = Silent.in_container(loose, SERVICE, cleanup).wait_ready()
        wait_for(lambda: [answers(pid) for pid in pids(host)] == [False], "the only one to be silent")
        guard = guard or guarded(host, cleanup)
        serves_host(host, guard, 1)
        is_refused(host, guard, client, "container:loose")


def test_silent_file(host, tmp_path) -> None:
    """A program of no VMM's name, that holds a file called like the tun device: it stays the host's."""
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup)
        client = Silent.on_host(host, tmp_path, SERVICE, cleanup, timeout_ms=5000, name="nightly").wait_ready()
        guard.must("reload")
        serves_host(host, guard, 2)
        assert client.ask() == f"hello {client.token}"
        tells(guard, 1)


def test_silent_in_a_pid_namespace(host, tmp_path) -> None:
    """The same in namespaces that nobody has a name for."""
    with Cleanup() as cleanup:
        client = Silent.on_host(host, tmp_path, SERVICE, cleanup, unshare="--pid").wait_ready()
        wait_for(lambda: [answers(pid) for pid in pids(host)] == [False], "the only one to be silent")
        guard = guarded(host, cleanup)
        serves_host(host, guard, 1)
        is_refused(host, guard, client)


def test_many_are_silent(host, tmp_path) -> None:
    """Nobody is waited for any more when all workers wait; all are refused, and the host is served."""
    with Cleanup() as cleanup:
        clients = [Silent.on_host(host, tmp_path, SERVICE, cleanup) for _ in range(MANY)]
        for client in clients:
            client.wait_ready()
        begin = time.monotonic()
        guard = guarded(host, cleanup)
        assert time.monotonic() - begin < 8
        serves_host(host, guard, 1)
        for client in clients:
            is_refused(host, guard, client)
        tells(guard, 4)
        # They end, and whoever comes then is asked again.
        for client in clients:
            client.process.kill()
        last = Silent.on_host(host, tmp_path, SERVICE, cleanup).wait_ready()
        is_refused(host, guard, last)
        serves_host(host, guard, 1)
