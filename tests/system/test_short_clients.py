# SPDX-License-Identifier: GPL-2.0-or-later
"""10,000 clients that live less than a millisecond: each is told right, or not told at all."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import image
from lab.guard import guarded
from lab.host import Host, Target
from lab.system import Cleanup, end, enter_cgroup, session_cgroup, spawn, wait_for

PORT, EACH = 9222, 2500
CONTAINER = secrets.token_hex(32)


@dataclass
class Kind:
    """One sort of clients: whose they are is told by the network that they ask in."""
    network: str
    cgroup: str
    program: str
    is_host: bool
    label: str = ""
    mode: tuple[str, ...] = ()


KINDS = [
    Kind("127.11", "alone", "crowd", True),
    Kind("127.12", f"libpod-{CONTAINER}.scope", "crowd", False, f"container:{CONTAINER[:12]}"),
    Kind("127.13", "session", "crowd", True),  # shares its cgroup with a conduit
    # Each of these starts as a conduit of its own. (A real one keeps its sockets for as long as it lives;
    # that a child of one does not, while it lives on, cannot be told when its socket has closed.)
    Kind("127.14", "session", "slirp4netns", False, "container", ("exec",)),
]


@pytest.fixture
def clients(machine):
    """The clients' processes, one of each kind, waiting for the word; and the guard."""
    with Cleanup() as cleanup:
        host = Host(cleanup, lan=False)
        host.serve(Target("tcp", "0.0.0.0", PORT), Target("udp", "0.0.0.0", PORT))
        folder = Path(tempfile.mkdtemp(prefix="lhg-short-"))
        cleanup.add(shutil.rmtree, folder)
        tree = session_cgroup(f"{host.name}-short", cleanup)
        for name in sorted({kind.cgroup for kind in KINDS}):
            (tree / name).mkdir()
            cleanup.add((tree / name).rmdir)
        guard = guarded(host, cleanup)
        processes = []
        for kind in KINDS:
            program = folder / kind.program
            if not program.exists():
                shutil.copy(image.tool("crowd"), program)
            process = spawn([*enter_cgroup(tree / kind.cgroup), *host.netns.enter, program, "flash",
                             kind.network, str(PORT), str(EACH), *kind.mode], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
            cleanup.add(end, process)
            assert process.stdout.readline() == "ready\n"
            processes.append(process)
        wait_for(lambda: KINDS[1].label in {g["label"] for g in guard.guests()}, "the container")
        time.sleep(1.2)  # the guard has known them for a while
        yield host, guard, processes


def kind_of(address: str) -> Kind | None:
    return next((kind for kind in KINDS if address.startswith(kind.network + ".")), None)


def test_short_clients(clients, capsys) -> None:
    host, guard, processes = clients
    events = guard.events()
    mark = host.services.mark()
    start = time.monotonic()
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    slow = sum(int(process.stdout.readline()) for process in processes)
    took = time.monotonic() - start
    time.sleep(1.5)  # the last events

    seen: Counter = Counter()
    for event in events.since():
        kind = kind_of(event.get("service", {}).get("address", ""))
        if not kind:
            continue
        what = event["source"]["class"]
        seen[(kind.network, what)] += event["count"]
        if what == "unknown":
            continue
        assert not kind.is_host, f"the host's, taken for a guest's: {event}"
        assert event["source"]["label"].startswith(kind.label), f"another's: {event}"
        assert event["verdict"] == "drop", event
    arrived = Counter(record["token"].split("/")[0] for record in host.services.since(mark)
                      if "/" in record.get("token", ""))
    with capsys.disabled():
        told = ", ".join(f"{network} {what} {count}"
                         for (network, what), count in sorted(seen.items()))
        print(f"\nshort clients: {len(KINDS) * EACH} in {took:.0f} s, {slow} of them lived 1 ms or "
              f"more; events: {told}; datagrams that arrived: {dict(arrived)}; vanished before "
              f"their turn: {guard.status()['vanished']}")
    for kind in KINDS:
        if not kind.is_host:
            assert not arrived[kind.network], f"{kind.label} passed for the host"
    # A subscriber that is too slow loses events, and a SYN whose socket has gone is none.
    assert arrived["127.11"] > 0 or seen[("127.11", "unknown")] > 0, "no client of the host at all"
    assert seen[("127.12", "guest")] + seen[("127.12", "unknown")] > 0, "no container's at all"
    assert seen[("127.14", "guest")] > 0, "no conduit's at all"
