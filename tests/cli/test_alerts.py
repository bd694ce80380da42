# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent between a daemon and a notification server that behave oddly, or badly."""

from __future__ import annotations

import time

import pytest

from desk import DEVTOOLS, Desk
from lab.system import Cleanup

CACHE = {"name": "cache", "title": "Build cache", "ports": "tcp/9222", "sensitive": False}
CRITICAL = 2


@pytest.fixture
def desk():
    with Cleanup() as cleanup:
        yield Desk(cleanup)


def restart(desk: Desk) -> None:
    desk.daemon.stop()
    desk.daemon.start()


def test_names_of_services_are_those_of_the_daemon_that_runs(desk) -> None:
    """What the one before called them is not said of an attempt that the one of now tells."""
    desk.daemon.tell()
    old = desk.server.wait_shown("Chrome DevTools")
    assert old["hints"]["urgency"] == CRITICAL
    desk.daemon.services = [CACHE]
    desk.daemon.answers_services.clear()
    restart(desk)
    mark = desk.server.mark()
    desk.daemon.tell("web")
    new = desk.server.wait_shown("web", mark=mark)
    assert new["summary"] == "VM web was stopped from reaching port 9222 (chrome)"
    assert new["hints"]["urgency"] < CRITICAL
    mark = desk.server.mark()
    desk.daemon.answers_services.set()
    for number, name in ((new["id"], "web"), (old["id"], "devbox")):
        shown = desk.server.wait_shown(f"VM {name} was stopped from reaching Build cache", mark=mark)
        assert shown["replaces"] == number and shown["hints"]["urgency"] < CRITICAL


def test_what_comes_before_the_names_is_named_later(desk) -> None:
    """At the begin of a session, say: it is urgent then, too."""
    desk.daemon.answers_services.clear()
    restart(desk)
    desk.daemon.tell()
    first = desk.server.wait_shown("port 9222 (chrome)")
    desk.daemon.answers_services.set()
    named = desk.server.wait_shown("Chrome DevTools")
    assert named["replaces"] == first["id"] and named["hints"]["urgency"] == CRITICAL


def test_a_restart_with_the_same_names_is_no_news(desk) -> None:
    desk.daemon.tell()
    desk.server.wait_shown("Chrome DevTools")
    mark = desk.server.mark()
    restart(desk)
    desk.daemon.tell("web", 8080)
    desk.server.wait_shown("web", mark=mark)
    time.sleep(1.5)
    assert [shown["summary"] for shown in desk.server.shown(mark)] == [
        "VM web was stopped from reaching port 8080 (chrome)"]
