# SPDX-License-Identifier: GPL-2.0-or-later
"""A thousand containers come and go: nobody is taken for another, and nothing is left over."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from lab import image
from lab.guard import Guard, guarded
from lab.host import Host, Target
from lab.system import (Cleanup, LabError, end, enter_cgroup, run, session_cgroup, spawn,
                        wait_for)

WAVES, WAVE = 20, 50
PORT = 9222
VETH_EVERY = 10  # each so many-th has a network of its own; the others share the host's


class Member:
    """One container of the crowd."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.id = secrets.token_hex(32)
        self.token = f"guest-{number}"
        self.wired = number % VETH_EVERY == 0
        high, low = divmod(number, 60)
        self.gateway = f"10.{100 + high}.0.{low * 4 + 1}"
        self.own = f"10.{100 + high}.0.{low * 4 + 2}"
        self.service = (self.gateway if self.wired else
                        f"127.{20 + number // 200}.0.{number % 200 + 1}")
        self.names = {self.id[:12]}


class Crowd:
    """The process that starts and ends the containers (crowd.c)."""

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        self.host = host
        self.folder = session_cgroup(f"{host.name}-crowd", cleanup)
        self.process = host.spawn(image.tool("crowd"), "churn", stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        cleanup.add(end, self.process)

    def _say(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise LabError(f"the crowd ended at: {line}")
        return answer

    def wave(self, members: list[Member]) -> None:
        """Let these containers live, connect and go."""
        links = []
        for member in members:
            line = (f"{self.folder}/libpod-{member.id}.scope {member.service} {PORT} "
                    f"{member.token}" + (f" {member.own}" if member.wired else ""))
            pid = self._say(line)
            if not member.wired:
                continue
            # Until its process is known the namespace as such may stand for it.
            member.names.add(f"netns-{os.stat(f'/proc/{pid}/ns/net').st_ino}")
            veth = f"v{member.number}"
            links += [f"link add {veth} type veth peer name eth0 netns {pid}",
                      f"addr add {member.gateway}/30 dev {veth}", f"link set {veth} up"]
        run("ip", "-n", self.host.name, "-batch", "-", text_input="\n".join(links) + "\n")
        assert self._say("go") == "gone"


def open_descriptors(guard: Guard) -> int:
    return len(os.listdir(f"/proc/{guard.process.pid}/fd"))


def resident_kib(guard: Guard) -> int:
    text = Path(f"/proc/{guard.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


@pytest.fixture
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup, lan=False)
        host.serve(Target("tcp", "0.0.0.0", PORT), Target("udp", "0.0.0.0", PORT))
        yield host


def check_events(events: list[dict], members: list[Member]) -> Counter:
    """Each event names the guest whose address was asked for, or nobody; how many did which."""
    by_address = {member.service: member for member in members}
    seen: Counter = Counter()
    for event in events:
        member = by_address.get(event.get("service", {}).get("address"))
        if not member:
            assert event["source"]["class"] != "guest" or event["service"]["port"] != PORT, event
            continue
        source = event["source"]
        if source["class"] == "unknown":
            seen["unknown"] += 1
        elif member.wired and not source["name"]:
            assert (source["class"], source["kind"]) == ("guest", "container"), event
            seen["a container without a name"] += 1  # judged after its end
        else:
            assert source["class"] == "guest" and source["name"] in member.names, event
            seen["named"] += 1
        assert event["verdict"] == "drop", event
    return seen


def test_a_thousand_containers(host: Host, capsys) -> None:
    members = [Member(number) for number in range(WAVES * WAVE)]
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup)
        events = guard.events()
        mark = host.services.mark()
        before, elements = open_descriptors(guard), elements_of_guests(guard)
        crowd = Crowd(host, cleanup)
        session = session_cgroup(f"{host.name}-session", cleanup)
        client = spawn([*enter_cgroup(session), *host.netns.enter, image.tool("crowd"), "host",
                        "127.0.0.1", str(PORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       text=True)
        cleanup.add(end, client)
        start, sizes = time.monotonic(), []
        for number in range(WAVES):
            crowd.wave(members[number * WAVE:(number + 1) * WAVE])
            sizes.append(resident_kib(guard))
        took = time.monotonic() - start
        answered, refused = map(int, client.communicate(timeout=60)[0].split())

        ids = {member.id[:12] for member in members}
        names = {name for member in members for name in member.names}
        wait_for(lambda: not names & {guest["name"] for guest in guard.guests()},
                 "the guests to be forgotten")
        seen = check_events(events.since(), members)
        status = guard.status()
        with capsys.disabled():
            print(f"\nchurn: {len(ids)} containers in {took:.0f} s, {answered} connections of the "
                  f"host answered; events: {dict(seen)}; process events lost "
                  f"{status['processEventsLost']} times, table put back "
                  f"{status['tableRestored']} times; resident KiB {sizes[0]} … "
                  f"{sizes[WAVES // 2]} … {sizes[-1]}")
        reached = [record for record in host.services.since(mark)
                   if record.get("token", "").startswith("guest-")]
        assert not reached, "a guest's token arrived"
        assert refused == 0 and answered > 100, "a program of the host was refused"
        assert seen["named"] >= len(members) // 2, "most have to be known by name"
        assert status["tableRestored"] == 0, "nobody but the guard changed the table"
        wait_for(lambda: elements_of_guests(guard) == elements, "the last cgroup to leave the kernel's sets")
        wait_for(lambda: open_descriptors(guard) <= before + 1, "descriptors to be closed")
        assert sizes[-1] - sizes[WAVES // 2] <= 512, f"memory grows: {sizes}"


def elements_of_guests(guard: Guard) -> str:
    """What `nft` shows of the sets of guests' cgroups."""
    lines = guard.host.nft().splitlines()
    text, inside = [], False
    for line in lines:
        inside = inside or "set guests" in line
        if inside:
            text.append(line)
        inside = inside and line.strip() != "}"
    return "\n".join(text)
