# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent between a daemon and a notification server that behave oddly, or badly."""

from __future__ import annotations

import time

import pytest

from desk import DEVTOOLS, Desk
from lab.notifications import FakeServer
from lab.system import Cleanup, wait_for

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


# Servers that number as they like

def test_a_server_that_gives_all_the_same_number(desk) -> None:
    """A click on it is about the latest alone, which is what such a server shows."""
    desk.server.do(number=7)
    for name in ("first", "second", "third"):
        desk.daemon.tell(name)
        desk.server.wait_shown(name)
        time.sleep(0.5)
    desk.server.invoke(7, "allow-10m")
    wait_for(lambda: desk.daemon.allowed, "the wish to allow it")
    time.sleep(1)
    assert [allowed["id"] for allowed in desk.daemon.allowed] == [3]
    desk.server.invoke(7, "allow-always")
    desk.server.closed(7)
    time.sleep(1)
    assert len(desk.daemon.allowed) == 1 and desk.agent.alive


def test_a_server_that_gives_no_number(desk) -> None:
    """Nothing can be clicked there, brought up to date or closed: it is shown once, and not for each news of it."""
    desk.server.do(number=0)
    for name in ("first", "second"):
        desk.daemon.tell(name)
        desk.server.wait_shown(name)
    for _ in range(5):
        desk.daemon.tell("first")
        time.sleep(0.6)
    desk.server.invoke(0, "allow-10m")
    desk.server.invoke(0, "keep-blocking")
    time.sleep(1)
    assert desk.daemon.allowed == [] and desk.agent.run("--muted").stdout == "nothing is muted\n"
    assert len(desk.server.shown()) == 2


# Clicks that are none

def test_a_click_on_no_number(desk) -> None:
    """It is not one on all that was closed."""
    for name in ("first", "second"):
        desk.daemon.tell(name)
        desk.server.closed(desk.server.wait_shown(name)["id"])
        time.sleep(0.3)
    for key in ("allow-10m", "details", "keep-blocking"):
        desk.server.invoke(0, key)
    time.sleep(1)
    assert desk.daemon.allowed == [] and desk.agent.run("--muted").stdout == "nothing is muted\n"
    assert len(desk.server.shown()) == 2


def test_a_click_at_another_server(desk) -> None:
    """It numbers from 1 again, and what is clicked there is another program's."""
    desk.daemon.tell()
    number = desk.server.wait_shown("devbox")["id"]
    desk.daemon.stop()  # nothing can be done about its alerts any more: they are not shown again
    desk.daemon.start()
    time.sleep(1.5)
    desk.server.stop()
    other = FakeServer(desk.session)
    time.sleep(1)
    mark = other.mark()
    for key in ("default", "details", "keep-blocking"):
        other.invoke(number, key)
    time.sleep(1)
    assert other.shown(mark) == [] and desk.agent.run("--muted").stdout == "nothing is muted\n"


# What desktops are known to do

def gnome(desk: Desk, version: str) -> FakeServer:
    desk.server.stop()
    return FakeServer(desk.session, known_as=("gnome-shell", version))


def closed(server: FakeServer) -> list[int]:
    return [record["id"] for record in server.since() if record.get("method") == "CloseNotification"]


def test_gnome_before_46_loses_the_buttons_of_what_is_updated(desk) -> None:
    """So it is closed and shown anew, and not so soon; what is not on the screen any more is left alone."""
    server = gnome(desk, "43.9")
    desk.daemon.tell()
    first = server.wait_shown("devbox")
    desk.daemon.tell()
    second = server.wait_shown("devbox", "2 times")
    assert second["time"] - first["time"] > 14
    assert second["replaces"] == 0 and set(second["actions"]) == set(first["actions"])
    assert closed(server) == [first["id"]]
    server.closed(second["id"])
    mark = server.mark()
    desk.daemon.tell()
    time.sleep(2)
    assert server.shown(mark) == []
    server.invoke(second["id"], "allow-10m")
    assert desk.daemon.allowed == []


def test_gnome_from_46_on_keeps_them(desk) -> None:
    """It shows a body as one line."""
    server = gnome(desk, "48.7")
    desk.daemon.tell()
    first = server.wait_shown("devbox")
    desk.daemon.tell()
    second = server.wait_shown("devbox", "2 times")
    assert second["replaces"] == first["id"] and second["time"] - first["time"] < 10 and closed(server) == []
    assert "\n" not in second["body"] and " \u00b7 2 times since " in second["body"]


def test_gnome_shows_nothing_of_low_urgency(desk) -> None:
    """And of what has no default action a click closes all that the program showed, and starts it."""
    server = gnome(desk, "48.7")
    desk.daemon.tell()
    server.invoke(server.wait_shown("devbox")["id"], "allow-10m")
    told = server.wait_shown("VM devbox may reach")
    assert told["hints"]["urgency"] == 1 and told["hints"]["transient"] and set(told["actions"]) == {"default"}
    mark = server.mark()
    server.invoke(told["id"], "default")
    time.sleep(1)
    assert server.shown(mark) == [] and len(desk.daemon.allowed) == 1
