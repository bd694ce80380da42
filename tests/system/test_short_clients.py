# SPDX-License-Identifier: GPL-2.0-or-later
"""10,000 clients that live less than a millisecond: each is told right, or not told at all.

Each asks for an address of its own, once: with one SYN or one datagram. How many were sent and how many the
guard let through is counted by the kernel, in a table of the test before and one behind the guard's. So what
was refused is known without the guard, and all of it has to be told: by an event at the client's own address,
for a SYN whose socket had gone, in the number of those that vanished, or in the number of lost events.

How long they live depends on the machine, and is printed. Each kind is made until there are 2,500 that lived
less than a millisecond, from vfork (or where they are programs of their own, from the first line of these) to
the last act, but at most twice as many in all: on a slow or busy machine some live longer, which changes
nothing of what has to hold.
"""

from __future__ import annotations

import json
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
from lab.guard import Events, guarded
from lab.host import Host, Target
from lab.system import Cleanup, end, enter_cgroup, make_cgroup, session_cgroup, spawn, wait_for

PORT, EACH, MOST = 9222, 2500, 5000
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
# The guard's table is at -110 and -109.
BEFORE, BEHIND = ("before", -111), ("behind", -108)


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
            make_cgroup(f"{tree.name}/{name}", cleanup)
        guard = guarded(host, cleanup)
        processes = []
        for kind in KINDS:
            program = folder / kind.program
            if not program.exists():
                shutil.copy(image.tool("crowd"), program)
            process = spawn([*enter_cgroup(tree / kind.cgroup), *host.netns.enter, program, "flash",
                             kind.network, str(PORT), str(EACH), str(MOST), *kind.mode], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
            cleanup.add(end, process)
            assert process.stdout.readline() == "ready\n"
            processes.append(process)
        wait_for(lambda: KINDS[1].label in {g["label"] for g in guard.guests()}, "the container")
        time.sleep(1.2)  # the guard has known them for a while
        yield host, guard, processes


def count_packets(host: Host) -> None:
    """Count each kind's first packets before the guard's table and behind it."""
    rules = []
    for name, priority in (BEFORE, BEHIND):
        rules += [f"chain {name} {{ type filter hook output priority {priority};"]
        for kind in KINDS:
            to = f"ip daddr {kind.network}.0.0/16"
            rules += [f"{to} tcp dport {PORT} tcp flags & (syn|ack) == syn counter "
                      f'comment "{name} tcp {kind.network}";',
                      f'{to} udp dport {PORT} counter comment "{name} udp {kind.network}";']
        rules += ["}"]
    host.run("nft", "\n".join(["table inet counts {", *rules, "}"]))


def counted(host: Host) -> Counter:
    """By place, protocol and network."""
    listed = json.loads(host.run("nft", "-j", "list", "table", "inet", "counts"))["nftables"]
    return Counter({tuple(rule["rule"]["comment"].split()):
                    next(e["counter"]["packets"] for e in rule["rule"]["expr"] if "counter" in e)
                    for rule in listed if "rule" in rule})


def kind_of(address: str) -> Kind | None:
    return next((kind for kind in KINDS if address.startswith(kind.network + ".")), None)


def losses(guard) -> Counter:
    """What the guard says that it did not see, or did not tell of."""
    status = guard.status()
    return Counter({"vanished": status["vanished"], "events": status["eventsLost"]} |
                   {f"{what} {queue['name']}": queue[what] for queue in status["queues"]
                    for what in ("lost", "overflowed", "unsent")})


def settle(events: Events) -> None:
    """Until no more come."""
    seen = -1
    while seen != events.mark():
        seen = events.mark()
        time.sleep(1.5)


def test_short_clients(clients, capsys) -> None:
    host, guard, processes = clients
    events = guard.events()
    count_packets(host)
    before, mark = losses(guard), host.services.mark()
    start = time.monotonic()
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    lives = [[int(word) for word in process.stdout.readline().split()] for process in processes]
    took = time.monotonic() - start
    settle(events)

    told: Counter = Counter()   # clients, by network, protocol and class
    addresses: set[tuple[str, str]] = set()
    closed = 0  # of datagrams that are told, those whose socket had gone
    for event in events.since():
        service, what = event.get("service", {}), event.get("source", {}).get("class")
        kind = kind_of(service.get("address", ""))
        if not kind:
            continue
        client = (service["protocol"], service["address"])
        assert client not in addresses and event["count"] == 1, f"told twice: {event}"
        assert event["verdict"] == "drop", event
        addresses.add(client)
        told[(kind.network, service["protocol"], what)] += 1
        closed += event["reason"] == "vanished"
        if what == "unknown":
            continue
        assert not kind.is_host, f"the host's, taken for a guest's: {event}"
        assert event["source"]["label"].startswith(kind.label), f"another's: {event}"
    counts = counted(host)
    lost = losses(guard) - before
    vanished = lost.pop("vanished", 0) - closed  # SYNs, of which there is no event
    arrived = Counter(record["token"].split("/")[0] for record in host.services.since(mark)
                      if "/" in record.get("token", ""))
    refused = {(kind.network, protocol): counts[("before", protocol, kind.network)] -
               counts[("behind", protocol, kind.network)]
               for kind in KINDS for protocol in ("tcp", "udp")}
    with capsys.disabled():
        print(f"\nshort clients: {sum(made for made, *_ in lives)} in {took:.0f} s, "
              f"{sum(brief for _, brief, *_ in lives)} lived less than 1 ms")
        for kind, (made, brief, median, longest) in zip(KINDS, lives):
            events_of = {f"{protocol} {what}": n for (network, protocol, what), n in sorted(told.items())
                         if network == kind.network}
            print(f"  {kind.network}: {made}, {brief} of them less than 1 ms, median {median} us, longest "
                  f"{longest} us; refused: tcp {refused[(kind.network, 'tcp')]}, udp "
                  f"{refused[(kind.network, 'udp')]}; told: {events_of}")
        print(f"  SYNs that vanished before their turn: {vanished}; lost: {dict(lost)}")

    for kind, (made, *_) in zip(KINDS, lives):
        sent = [counts[("before", protocol, kind.network)] for protocol in ("tcp", "udp")]
        assert sent == [(made + 1) // 2, made // 2], f"{kind.network}: a client is not one packet"
        if kind.is_host:
            continue
        passed = {protocol: counts[("behind", protocol, kind.network)] for protocol in ("tcp", "udp")}
        assert not passed["udp"] and not arrived[kind.network], f"{kind.label} passed for the host"
        assert not passed["tcp"], f"{passed['tcp']} SYNs of {kind.label} passed"
    # Each datagram that was refused is an event, or one of those that the guard says it could not tell.
    untold = sum(n for (_, protocol), n in refused.items() if protocol == "udp") - \
        sum(n for (_, protocol, _), n in told.items() if protocol == "udp")
    assert 0 <= untold <= lost.total(), f"{untold} datagrams untold, lost {dict(lost)}"
    # So is each SYN, or it is one of those that vanished: of which those datagrams may be a part that were
    # not told. With nothing lost, which is what to expect, both are exact.
    syns = sum(n for (_, protocol), n in refused.items() if protocol == "tcp") - \
        sum(n for (_, protocol, _), n in told.items() if protocol == "tcp")
    assert -untold <= syns - vanished <= lost.total() - untold, \
        f"{syns} SYNs untold, {vanished} vanished, {untold} datagrams untold, lost {dict(lost)}"
