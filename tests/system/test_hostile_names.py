# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's own name may hold anything: it reaches no terminal, no shell and no JSON as more than text."""

from __future__ import annotations

import shlex
import subprocess
from types import SimpleNamespace

import pytest

from lab.guard import guarded
from lab.guests import UserVm
from lab.host import Host, Target
from lab.system import BUILD, Cleanup, wait_for

NAMES = {
    "terminal": "\x1b]0;owned\x07\x1b[2J\x1b[31mbox\r\n\x9b5n",
    "shell": "box'; touch \"$HOME\"/owned; `id` $(id) \\",
    "markup": "<b>box</b>&amp;<script>alert(1)</script>\"}],\"x\":[{",
    "direction": "\u202exob\u2066\u200b\ufeff",
    "no text": "box\udcff\udcfe\udc80",
    "every name": "*",
    "long": "n" * 10000,
}

FIELDS = {
    "addresses", "attempts", "cgroup", "conduits", "id", "interfaces", "key", "kind", "label",
    "lastSeen", "leader", "listens", "macs", "name", "netns", "processes", "recognised", "refused",
    "runtime", "since", "user"}


@pytest.fixture(scope="module", params=NAMES, ids=list(NAMES))
def named(machine, request):
    """A host with one VM of that name, which has just been refused once."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "127.0.0.1", 9222))
        guard = guarded(host, cleanup)
        events, watch = guard.events(), guard.watch()
        guest = UserVm(host, NAMES[request.param].replace(",", ",,"), cleanup)
        guest.wait_ready()
        wait_for(guard.guests, "the VM")
        assert guest.tcp("10.0.2.2", 9222) is None
        event = events.wait(lambda e: e["verdict"] == "drop")
        yield SimpleNamespace(guard=guard, guest=guest, event=event, watch=watch)


def is_plain(text: str) -> bool:
    """Nothing that a terminal obeys, that reorders its neighbours or that nobody can see."""
    return all(c == "\n" or (c.isprintable() and not 0x2000 <= ord(c) <= 0x206f) for c in text)


def test_what_people_read(named) -> None:
    """Tables, single guests, exceptions and the stream of attempts are plain text, cut at a length."""
    guard, name = named.guard, named.event["source"]["name"]
    guard.must("allow", "9999", "--from", f"vm:{name}")
    said = [guard.must(*verb).output for verb in (
        ["guests"], ["guests", f"vm:{name}"], ["list"], ["connections"])]
    said.append(named.watch.wait_line("drop"))
    for text in said:
        assert is_plain(text), text
    assert all(len(line) < 1000 for text in said for line in text.splitlines())
    assert len(name.encode()) < 128
    guard.forget()


def test_what_programs_read(named) -> None:
    """JSON is JSON: one guest of that name, and no field that its name brought along."""
    guests = named.guard.guests()  # among those of the machine's other networks
    mine = [guest for guest in guests if guest["leader"] == named.guest.process.pid]
    assert [(guest["kind"], guest["name"]) for guest in mine] == \
        [("vm", named.event["source"]["name"])]
    assert all(set(guest) == FIELDS for guest in guests)
    assert is_plain(named.event["source"]["label"])


def test_suggested_command(named) -> None:
    """The command that the refusal names lets exactly this guest through, as a shell reads it."""
    line = named.watch.wait_line("drop", "allow: ")
    command = line.split("allow: ", 1)[1].removeprefix("lhguard ")
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(str(BUILD / 'lhguard'))} --socket "
                     f"{shlex.quote(str(named.guard.socket))} {command}"],
        capture_output=True, text=True, timeout=20, env={"HOME": str(named.guard.folder)})
    assert done.returncode == 0, done.stderr
    assert not (named.guard.folder / "owned").exists()
    assert [made["source"] for made in named.guard.exceptions()] == [f"vm:{named.event['source']['name']}"]
    assert named.guest.tcp("10.0.2.2", 9222, 3.0) is not None
    named.guard.forget()
    assert named.guest.tcp("10.0.2.2", 9222) is None
