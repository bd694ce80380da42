# SPDX-License-Identifier: GPL-2.0-or-later
"""Runtimes that cannot run in the lab, as named stand-ins: a row of standins.py for each.

All of them run side by side, once started before the guard (what it finds by its scan) and once after
it (what it learns by events), and connect at the same time.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.guard import guarded
from lab.host import Host, Target
from lab.standins import Standin
from lab.system import Cleanup
from standins import HOST_ROWS, ROWS, Row

SERVICE = Target("tcp", "127.0.0.1", 9222)


@pytest.fixture(scope="module", params=["standins-first", "guard-first"])
def attempts(machine, request, tmp_path_factory):
    """Every stand-in's outcome, and the guard's event for it, by the row's name."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        services = host.serve(SERVICE)
        folder = tmp_path_factory.mktemp("standins")
        rows = {row.what: (row.processes, row.scenery, row.files) for row in ROWS} | \
            {what: (processes, "", {}) for what, processes in HOST_ROWS}
        if request.param == "guard-first":
            guard = guarded(host, cleanup)
        standins = {what: Standin(host, folder / what, cleanup, *processes, target=SERVICE,
                                  scenery=scenery, files=files)
                    for what, (processes, scenery, files) in rows.items()}
        for standin in standins.values():
            standin.wait_ready()
        if request.param == "standins-first":
            guard = guarded(host, cleanup)
        events = guard.events()
        for standin in standins.values():
            standin.connect()
        found = {}
        for what, standin in standins.items():
            port, reply, error = standin.outcome()
            found[what] = SimpleNamespace(port=port, reply=reply, error=error,
                                          leaked=services.saw(standin.token))
        by_port = {event["client"]["port"]: event for event in events.since()}
        for attempt in found.values():
            attempt.event = by_port.get(attempt.port)
        yield found


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_standin_is_named(attempts, row: Row) -> None:
    """The event bears the stand-in's kind, runtime, name and route."""
    attempt = attempts[row.what]
    assert attempt.event, f"no event; the stand-in got {attempt.reply or attempt.error}"
    source = attempt.event["source"]
    told = (source["class"], source["kind"], source["runtime"], attempt.event["route"])
    assert told == ("guest", row.kind, row.runtime, row.route), attempt.event
    if row.name.endswith("-"):
        assert source["name"].removeprefix(row.name).isdigit(), source
    else:
        assert source["name"] == row.name
    assert attempt.event["verdict"] == row.verdict
    assert attempt.leaked == (row.verdict == "accept")


@pytest.mark.parametrize("what", [what for what, _ in HOST_ROWS])
def test_standin_of_the_host(attempts, what: str) -> None:
    """A program of the host that only resembles a guest's is served."""
    assert attempts[what].leaked, attempts[what]
