# SPDX-License-Identifier: GPL-2.0-or-later
"""A click is a request: the real polkitd asks a person, and the guard guards meanwhile."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from alerts import DEVTOOLS, MEMBERS, PERSON, POLKIT, STOPPED, Desk, knock, member, reload, start_guard
from lab.guests import Podman, PodmanGuest
from lab.host import Host, Target
from lab.polkit import AT_THE_MACHINE, MANAGE, WATCH, Authenticator, Polkit, rule
from lab.session import Session
from lab.system import Cleanup, wait_for

HERE = "127.0.0.1"
SERVICE = "tcp/127.0.0.1:9222"


@pytest.fixture(scope="module")
def place(machine, tmp_path_factory):
    """A host with polkit and the guard, a guest that knocks, and one that was given the control socket."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "0.0.0.0", 9222), Target("tcp", "0.0.0.0", 8080))
        polkit = Polkit(cleanup)
        person = Authenticator(polkit)
        guard = start_guard(host, cleanup, tmp_path_factory.mktemp("etc"), POLKIT, polkit.environment)
        podman = Podman(host, cleanup)
        box = PodmanGuest(podman, "box", cleanup, "host")
        wired = PodmanGuest(podman, "wired", cleanup, "host", "--volume", f"{guard.runtime}:/run/lhguard",
                            "--volume", f"{polkit.folder}:/run/dbus")
        box.wait_ready()
        wired.wait_ready()
        yield SimpleNamespace(host=host, guard=guard, polkit=polkit, person=person, box=box, wired=wired)


@pytest.fixture
def session(place):
    place.guard.forget()
    with Cleanup() as cleanup:
        yield member(place.host, cleanup)


@pytest.fixture
def desk(place, session):
    """An alert is shown, and the person at the password dialog says no until told otherwise."""
    desk = Desk(place.guard, session)
    place.person.answer("no")
    place.person.serve(desk.agent.process.pid)
    time.sleep(0.5)
    knock(place.box, HERE)
    desk.number = desk.server.wait_shown(STOPPED, DEVTOOLS)["id"]
    yield desk
    place.person.answer("no")


def open_now(place) -> bool:
    return knock(place.box, HERE, timeout=3)


def test_the_person_says_yes(place, desk) -> None:
    mark = place.person.mark()
    place.person.answer("yes")
    desk.server.invoke(desk.number, "allow-10m")
    (made,) = wait_for(place.guard.exceptions, "the exception")
    assert (made["service"], made["creator"]) == (SERVICE, PERSON)
    assert made["guest"] and made["source"] == f"guest:{made['guest']}" and made["expires"]
    (asked,) = place.person.asked(mark)
    assert asked["asked"] == MANAGE
    assert asked["details"]["polkit.subject-pid"] == str(desk.agent.process.pid)
    assert "to let container:box reach tcp/127.0.0.1:9222 for 10m" in asked["message"]
    desk.server.wait_shown("may reach Chrome DevTools for 10 minutes")
    assert open_now(place) and not knock(place.box, HERE, 8080)


def test_for_ever(place, desk) -> None:
    place.person.answer("yes")
    desk.server.invoke(desk.number, "allow-always")
    (made,) = wait_for(place.guard.exceptions, "the exception")
    assert made["expires"] is None and not made["untilStop"]
    assert made["source"] == place.box.label
    assert open_now(place)


@pytest.mark.parametrize("key", ["allow-10m", "allow-always"])
def test_the_person_says_no(place, desk, key: str) -> None:
    mark = desk.server.mark()
    desk.server.invoke(desk.number, key)
    told = desk.server.wait_shown("Not allowed: ", "dismissed", mark=mark)
    # One of its own: a server closes what was clicked, and what is put in its place goes with it.
    assert told["id"] != desk.number and "To allow it: sudo lhguard allow" in told["body"]
    assert place.guard.exceptions() == [] and not knock(place.box, HERE)
    place.person.answer("yes")  # and may think better of it
    desk.server.invoke(told["id"], "allow-10m")
    wait_for(place.guard.exceptions, "the exception")


def test_without_polkit_the_group_decides(place, desk) -> None:
    place.polkit.stop()
    try:
        mark = desk.server.mark()
        desk.server.invoke(desk.number, "allow-10m")
        told = desk.server.wait_shown("Not allowed: ", f"user {PERSON} may change nothing", mark=mark)
        assert place.guard.exceptions() == []
        reload(place.guard, MEMBERS)
        desk.server.invoke(told["id"], "allow-10m")
        wait_for(place.guard.exceptions, "the exception")
    finally:
        reload(place.guard, POLKIT)
        place.polkit.start()


def test_members_who_may_are_not_asked(place, desk) -> None:
    reload(place.guard, MEMBERS)
    try:
        mark = place.person.mark()
        desk.server.invoke(desk.number, "allow-10m")
        wait_for(place.guard.exceptions, "the exception")
        assert not place.person.asked(mark)
    finally:
        reload(place.guard, POLKIT)


def test_from_inside_a_guest_nobody_is_asked(place, desk) -> None:
    """It has the control socket, the system bus, the event, and the root of its container."""
    event = place.guard.must("explain", "1", "--json").json["event"]
    text = json.dumps({"method": "org.lhguard.AllowEvent", "parameters": {
        "id": event["id"], "time": event["time"], "allowInteractiveAuthentication": True}})
    place.person.answer("yes")
    mark = place.person.mark()
    for path in ("plain", "become", "leave"):
        said = json.loads(place.wired.sh(f"caller {path} /run/lhguard/org.lhguard '{text}'", check=False))
        assert said["error"] == "org.lhguard.NotPermitted", said
    assert not place.person.asked(mark) and place.guard.exceptions() == []


def test_the_guard_guards_while_the_dialog_is_open(place, desk) -> None:
    place.person.answer("wait")
    mark, events = place.person.mark(), place.guard.events()
    desk.server.invoke(desk.number, "allow-10m")
    place.person.wait_asked(mark)
    for _ in range(5):
        assert place.host.probe([Target("tcp", "127.0.0.1", 9222)])[0].open
    seen = events.mark()
    assert not knock(place.box, HERE, 8080)
    events.wait(lambda event: event["service"]["port"] == 8080, seen)
    place.guard.must("list")
    desk.server.wait_shown(":8080 over TCP")  # the agent, too, goes on
    assert place.guard.exceptions() == []
    place.person.answer("yes")
    wait_for(place.guard.exceptions, "the exception")


def test_who_goes_away_is_not_asked_on(place, desk) -> None:
    place.person.answer("wait")
    mark = place.person.mark()
    desk.server.invoke(desk.number, "allow-10m")
    cookie = place.person.wait_asked(mark)["cookie"]
    desk.agent.kill()
    place.person.wait(lambda record: record.get("cancelled") == cookie, mark)
    place.person.answer("yes")
    time.sleep(0.5)
    assert place.guard.exceptions() == []


def test_who_keeps_it_blocked_is_not_asked_on(place, desk) -> None:
    """The dialog goes, and what it asked about is not given by a later yes."""
    place.person.answer("wait")
    mark = place.person.mark()
    desk.server.invoke(desk.number, "allow-10m")
    cookie = place.person.wait_asked(mark)["cookie"]
    desk.server.invoke(desk.number, "keep-blocking")
    place.person.wait(lambda record: record.get("cancelled") == cookie, mark)
    desk.server.wait_shown("No more alerts about")
    place.person.answer("yes")
    time.sleep(0.5)
    assert place.guard.exceptions() == [] and not knock(place.box, HERE)


def test_polkit_that_hangs(place, desk) -> None:
    place.polkit.freeze()
    try:
        desk.server.invoke(desk.number, "allow-10m")
        time.sleep(1)
        assert place.host.probe([Target("tcp", "127.0.0.1", 9222)])[0].open
        assert not knock(place.box, HERE, 8080)
        place.guard.must("status")
    finally:
        place.polkit.thaw()
    desk.server.wait_shown("Not allowed: ")
    assert place.guard.exceptions() == []


def test_a_second_click_asks_nobody_again(place, desk) -> None:
    place.person.answer("wait")
    mark = place.person.mark()
    for key in ("allow-10m", "allow-always", "allow-10m"):
        desk.server.invoke(desk.number, key)
    place.person.wait_asked(mark)
    time.sleep(1)
    assert len(place.person.asked(mark)) == 1
    place.person.answer("yes")
    (made,) = wait_for(place.guard.exceptions, "the exception")
    assert made["expires"]


def test_on_the_command_line(place, session) -> None:
    """Without an agent for the terminal nobody can be asked, and it says so."""
    said = place.guard.cli("allow", SERVICE, "--from", place.box.label, uid=PERSON)
    assert said.status != 0 and f"user {PERSON} may change nothing" in said.error
    assert place.guard.exceptions() == []


@pytest.mark.parametrize("result", ["YES", "NO"])
def test_who_is_no_member_may_look_where_polkit_says_so(place, result: str) -> None:
    place.polkit.restart(rule(WATCH, result))
    try:
        with Cleanup() as cleanup:
            desk = Desk(place.guard, Session(place.host, cleanup, PERSON))
            time.sleep(1)
            knock(place.box, HERE)
            if result == "YES":
                desk.server.wait_shown(STOPPED, DEVTOOLS)
            else:
                desk.server.wait_shown("you may not read them")
                time.sleep(1)
                assert not [shown for shown in desk.server.shown() if STOPPED in shown["summary"]]
    finally:
        place.polkit.restart(AT_THE_MACHINE)
