# SPDX-License-Identifier: GPL-2.0-or-later
"""Runtimes that cannot run in the lab, as named stand-ins: a row of standins.py for each.

All of them run side by side, once started before the guard (what it finds by its scan) and once after
it (what it learns by events), and connect at the same time: without the guard, with it, and with
exceptions for one half of them, then for the other.
"""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from lab.guard import Guard, guarded
from lab.host import Host, Services, Target
from lab.standins import Standin
from lab.system import Cleanup
from standins import HOST_ROWS, ROWS, Row

SERVICE = Target("tcp", "127.0.0.1", 9222)
REFUSED = [row for row in ROWS if row.verdict == "drop"]


class Crowd:
    """All stand-ins, by their rows' names."""

    def __init__(self, host: Host, services: Services, folder, cleanup: Cleanup) -> None:
        rows = {row.what: (row.processes, row.scenery, row.files) for row in ROWS} | \
            {what: (processes, "", {}) for what, processes in HOST_ROWS}
        self.services = services
        self.standins = {what: Standin(host, folder / what, cleanup, *processes, target=SERVICE,
                                       scenery=scenery, files=files)
                         for what, (processes, scenery, files) in rows.items()}
        for standin in self.standins.values():
            standin.wait_ready()

    def connect(self, *rows: Row) -> dict[str, SimpleNamespace]:
        """Let those of @rows, by default all of them, connect at once; what each got."""
        standins = {row.what: self.standins[row.what] for row in rows} or self.standins
        for standin in standins.values():
            standin.connect()
        found = {}
        for what, standin in standins.items():
            port, reply, error = standin.outcome()
            found[what] = SimpleNamespace(port=port, reply=reply, error=error,
                                          answered=reply == f"hello {standin.token}",
                                          leaked=self.services.wait_saw(standin.token, 5 if reply else 0))
        return found


def selectors(first: dict[str, SimpleNamespace]) -> dict[str, str]:
    """What an exception for each is made by: RUNTIME:NAME; its id where others have that name, too; its
    conduit where nobody knows whom it works for."""
    sources = {row.what: first[row.what].event["source"] for row in REFUSED if first[row.what].event}
    names = Counter((source["runtime"], source["name"]) for source in sources.values())
    chosen = {}
    for what, source in sources.items():
        if not source["name"]:
            chosen[what] = f"conduit:{source['conduit']}"
        elif names[source["runtime"], source["name"]] > 1:
            chosen[what] = f"guest:{source['guest']}"
        else:
            chosen[what] = f"{source['runtime']}:{source['name']}"
    return chosen


def with_exceptions(guard: Guard, crowd: Crowd, chosen: dict[str, str]) -> tuple[dict, dict]:
    """Two turns, in which each of two halves has its exceptions: what each stand-in got with its own, and
    what with those of the other half. Neighbours in the table, which are the most alike, are in different halves."""
    halves: tuple[list[str], list[str]] = [], []
    for index, selector in enumerate(dict.fromkeys(chosen.values())):
        halves[index % 2].append(selector)
    own, others = {}, {}
    for half in halves:
        for selector in half:
            guard.must("allow", "tcp/127.0.0.1:9222", "--from", selector)
        for what, attempt in crowd.connect(*REFUSED).items():
            (own if chosen.get(what) in half else others)[what] = attempt
        guard.forget()
    return own, others


@pytest.fixture(scope="module", params=["standins-first", "guard-first"])
def turns(machine, request, tmp_path_factory):
    """What each stand-in got, by the row's name: without the guard, with it (and the guard's event for it),
    with an exception of its own, with those of others only."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        services = host.serve(SERVICE)
        folder = tmp_path_factory.mktemp("standins")
        if request.param == "guard-first":
            guard = guarded(host, cleanup)
            crowd = Crowd(host, services, folder, cleanup)
        else:
            crowd = Crowd(host, services, folder, cleanup)
            unguarded = crowd.connect(*REFUSED)
            guard = guarded(host, cleanup)
        events = guard.events()
        first = crowd.connect()
        by_port = {event["client"]["port"]: event for event in events.since()}
        for attempt in first.values():
            attempt.event = by_port.get(attempt.port)
        own, others = with_exceptions(guard, crowd, selectors(first))
        if request.param == "guard-first":
            guard.stop()
            unguarded = crowd.connect(*REFUSED)
        yield SimpleNamespace(unguarded=unguarded, first=first, own=own, others=others,
                              selectors=selectors(first))


@pytest.mark.parametrize("row", REFUSED, ids=[row.what for row in REFUSED])
def test_standin_without_the_guard(turns, row: Row) -> None:
    """It is answered: that it is refused later is the guard's doing."""
    assert turns.unguarded[row.what].answered, turns.unguarded[row.what]


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_standin_is_named(turns, row: Row) -> None:
    """The event bears the stand-in's kind, runtime, name and route."""
    attempt = turns.first[row.what]
    assert attempt.event, f"no event; the stand-in got {attempt.reply or attempt.error}"
    source = attempt.event["source"]
    told = (source["class"], source["kind"], source["runtime"], attempt.event["route"])
    assert told == ("guest", row.kind, row.runtime, row.route), attempt.event
    if row.name.endswith("-"):
        assert source["name"].removeprefix(row.name).isdigit(), source
    else:
        assert source["name"] == row.name
    assert attempt.event["verdict"] == row.verdict
    assert attempt.leaked == attempt.answered == (row.verdict == "accept")


@pytest.mark.parametrize("row", REFUSED, ids=[row.what for row in REFUSED])
def test_exception_for_a_standin(turns, row: Row) -> None:
    """Its own exception lets it through."""
    assert row.what in turns.own, "no event told whom an exception would be for"
    assert turns.own[row.what].answered, (turns.selectors[row.what], turns.own[row.what])


@pytest.mark.parametrize("row", REFUSED, ids=[row.what for row in REFUSED])
def test_exceptions_for_others(turns, row: Row) -> None:
    """Those for half of the others open nothing for it."""
    attempt = turns.others[row.what]
    assert not attempt.leaked and attempt.error == "timeout", (turns.selectors[row.what], attempt)


@pytest.mark.parametrize("what", [what for what, _ in HOST_ROWS])
def test_standin_of_the_host(turns, what: str) -> None:
    """A program of the host that only resembles a guest's is served."""
    assert turns.first[what].leaked, turns.first[what]
