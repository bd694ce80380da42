# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and notification servers of all sorts: poor, late, dying, hanging, annoyed, and lying."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from alerts import DEVTOOLS, MEMBERS, STOPPED, Desk, flood, knock, member, reload, start_guard
from lab.guests import VethGuest
from lab.host import Host, Services, Target
from lab.notifications import EXCESS, FakeServer
from lab.sandbox import BubblewrapGuest
from lab.session import AGENT
from lab.system import PATIENCE, Cleanup, wait_for

KEYS = {"default", "allow-10m", "allow-always", "keep-blocking", "details"}
GATEWAY, OTHER_GATEWAY = "10.22.0.1", "10.23.0.1"
MARKUP = "<i>p</i>&amp;"  # a process's name: 15 bytes
NAMED_LISTENER = """
import ctypes, socket, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
door = socket.create_server(("0.0.0.0", 7777))
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def place(machine, tmp_path_factory):
    """A host with its services, the guard, and two guests."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "0.0.0.0", 9222), Target("tcp", "0.0.0.0", 8080))
        box = VethGuest(host, "box", cleanup, "10.22.0.2/24", GATEWAY, "fd22::2/64", "fd22::1")
        other = VethGuest(host, "other", cleanup, "10.23.0.2/24", OTHER_GATEWAY, "fd23::2/64", "fd23::1")
        guard = start_guard(host, cleanup, tmp_path_factory.mktemp("etc"))
        yield SimpleNamespace(host=host, guard=guard, box=box, other=other)


@pytest.fixture
def session(place):
    place.guard.forget()
    with Cleanup() as cleanup:
        yield member(place.host, cleanup)


@pytest.fixture
def desk(place, session) -> Desk:
    return Desk(place.guard, session)


def host_answers(place) -> None:
    """A program of the host reaches its service."""
    assert place.host.probe([Target("tcp", "127.0.0.1", 9222)])[0].open


# What it says

def test_an_alert(place, desk) -> None:
    assert not knock(place.box, GATEWAY)
    shown = desk.server.wait_shown(STOPPED, DEVTOOLS, place.box.name)
    assert (shown["name"], shown["icon"], shown["replaces"]) == ("lhguard", "lhguard", 0)
    assert f"{GATEWAY}:9222 over TCP, where python3 listens" in shown["body"]
    assert set(shown["actions"]) == KEYS
    assert shown["actions"]["allow-10m"] == "Allow 10 minutes"
    hints = shown["hints"]
    assert (hints["urgency"], hints["category"], hints["desktop-entry"]) == \
        (2, "network.error", "lhguard-notify")


def test_one_notification_with_a_count(place, desk) -> None:
    for _ in range(6):
        knock(place.box, GATEWAY)
        time.sleep(0.4)
    shown = desk.server.wait_shown("6 times since")
    assert len(desk.server.popups()) == 1
    assert shown["replaces"] == desk.server.popups()[0]["id"]


def test_without_buttons_it_says_the_command(place, session) -> None:
    desk = Desk(place.guard, session, "body", "body-markup")
    knock(place.box, GATEWAY)
    shown = desk.server.wait_shown(STOPPED)
    assert shown["actions"] == {}
    command = shown["body"].split("To allow it: ")[1].splitlines()[0]
    place.guard.must(*shlex.split(command)[1:])
    assert knock(place.box, GATEWAY, timeout=3)
    assert not knock(place.other, OTHER_GATEWAY)


@pytest.mark.parametrize("capabilities, expected", [
    (("actions", "body"), MARKUP), (("actions", "body", "body-markup"), "&lt;i&gt;p&lt;/i&gt;&amp;amp;")],
    ids=["text", "markup"])
def test_markup_in_what_others_chose(place, session, capabilities, expected) -> None:
    with Cleanup() as cleanup:
        process = place.host.spawn(sys.executable, "-c", NAMED_LISTENER, MARKUP, stdout=subprocess.PIPE, text=True)
        cleanup.add(process.wait)
        cleanup.add(process.kill)
        assert process.stdout.readline() == "ready\n"
        desk = Desk(place.guard, session, *capabilities)
        time.sleep(1)  # names of programs are looked up a few times a second, no more
        knock(place.box, GATEWAY, 7777)
        assert f"where {expected} listens" in desk.server.wait_shown("7777")["body"]


# Servers that come, go and refuse

def test_a_server_that_comes_later(place, session) -> None:
    desk = Desk(place.guard, session, server=False)
    knock(place.box, GATEWAY)
    time.sleep(1)
    assert desk.agent.alive
    desk.new_server().wait_shown(STOPPED)


def test_a_server_that_restarts(place, desk) -> None:
    knock(place.box, GATEWAY)
    old = desk.server.wait_shown(STOPPED)
    server = desk.new_server()
    again = server.wait_shown(STOPPED)
    assert again["replaces"] == 0 and set(again["actions"]) == KEYS and again["id"] == old["id"] == 1
    server.invoke(again["id"], "allow-10m")
    wait_for(place.guard.exceptions, "the exception")


def test_another_server_that_draws_no_buttons(place, desk) -> None:
    knock(place.box, GATEWAY)
    desk.server.wait_shown(STOPPED)
    again = desk.new_server("body").wait_shown(STOPPED)
    assert again["replaces"] == 0 and again["actions"] == {} and "lhguard allow" in again["body"]


def test_a_server_that_keeps_few(place, desk) -> None:
    """GNOME Shell before 48 keeps three of a program and throws the oldest away, however urgent it is."""
    server = desk.new_server(known_as=("gnome-shell", "43.9"))
    for guest, gateway in ((place.box, GATEWAY), (place.other, OTHER_GATEWAY)):
        knock(guest, gateway, 8080)
        server.wait_shown(STOPPED, guest.name, "8080")
        time.sleep(1)
    assert len(server.popups()) == 2
    knock(place.box, GATEWAY)
    server.wait_shown(STOPPED, DEVTOOLS)
    server.wait(lambda record: record.get("method") == "CloseNotification")
    assert [record["id"] for record in server.since() if record.get("method") == "CloseNotification"] == [1]


@pytest.mark.parametrize("name", ["dunst", "mako"])
def test_a_server_that_hides_its_buttons(place, desk, name: str) -> None:
    """It says that it takes actions, and has them in a menu: the alert says the command, too."""
    server = desk.new_server(known_as=(name, "1.9.0"))
    knock(place.box, GATEWAY)
    shown = server.wait_shown(STOPPED, "To allow it: lhguard allow")
    assert set(shown["actions"]) == KEYS
    again = desk.new_server().wait_shown(STOPPED)
    assert set(again["actions"]) == KEYS and "lhguard allow" not in again["body"]


def test_a_server_that_hangs(place, desk) -> None:
    """It costs nobody anything but that server's alerts."""
    knock(place.box, GATEWAY)
    desk.server.wait_shown(STOPPED)
    lost = place.guard.status()["eventsLost"]
    desk.server.freeze()
    with flood(place.box, GATEWAY, 500, 2, 15000, 1000) as process:
        host_answers(place)
        assert not knock(place.box, GATEWAY)
        assert process.wait(PATIENCE) == 0
    host_answers(place)
    # Of 1,000 events who does not read loses more than 600; who gets no processor, some.
    assert place.guard.status()["eventsLost"] - lost < 300, "the agent stopped reading"
    mark = desk.server.mark()
    desk.server.thaw()
    desk.server.wait_shown("since", mark=mark)
    desk.server.freeze()
    knock(place.box, GATEWAY, 8080)
    time.sleep(1.2)  # it waits for an answer now
    desk.agent.stop()


def test_a_server_that_ends_with_a_call_to_it(place, desk) -> None:
    """Another one has the name at once: what the first did not answer is nothing to be patient for. A rest would
    be two seconds each time, where a busy machine may take so long once."""
    took = []
    for port in (9222, 8080, 7000):
        old, new = desk.server, FakeServer(desk.session, own=False)
        new.tell(do="own")  # once the first is gone
        new.wait(lambda record: record.get("owns") is False)
        old.freeze()
        knock(place.box, GATEWAY, port)
        time.sleep(0.7)  # it is being shown the alert
        gone = time.monotonic()
        old.process.kill()
        took.append(new.wait_shown(STOPPED)["time"] - gone)
        desk.server = new
        if took[-1] < 1.5:
            return
    raise AssertionError(f"it rested first: {took}")


def test_a_server_that_has_had_enough(place, desk) -> None:
    desk.server.fail(EXCESS)
    for port in (9222, 8080, 7000, 7001):
        knock(place.box, GATEWAY, port)
        time.sleep(0.5)
    time.sleep(2)
    assert 1 <= len(desk.server.shown()) <= 2 and desk.agent.alive
    mark = desk.server.mark()
    desk.server.fail(None)
    desk.server.wait_shown(mark=mark)
    assert desk.server.popups(mark)


# Clicks that are none

def test_forged_clicks(place, desk) -> None:
    knock(place.box, GATEWAY)
    number = desk.server.wait_shown(STOPPED)["id"]
    for forged, key in ((number + 1, "allow-10m"), (0, "allow-always"), (4294967295, "allow-10m"),
                        (number, "allow"), (number, ""), (number, "allow-10m\n"), (number, "open")):
        desk.server.invoke(forged, key)
    desk.server.closed(number + 5)
    time.sleep(1)
    assert place.guard.exceptions() == [] and desk.agent.alive
    for _ in range(5):
        desk.server.invoke(number, "allow-10m")
    wait_for(place.guard.exceptions, "the exception")
    time.sleep(0.5)
    assert len(place.guard.exceptions()) == 1
    assert knock(place.box, GATEWAY, timeout=3) and not knock(place.box, GATEWAY, 8080)


def test_a_click_that_is_answered_but_not_shown_yet(place, desk) -> None:
    """The server has had enough for a while: the alert stays, and a click on it is no second wish, nor is what was
    allowed muted."""
    knock(place.box, GATEWAY)
    number, mark = desk.server.wait_shown(STOPPED, DEVTOOLS)["id"], desk.server.mark()
    desk.server.fail(EXCESS)
    knock(place.box, GATEWAY, 8080)
    desk.server.wait_shown(STOPPED, "8080", mark=mark)
    for key in ("allow-10m", "allow-10m", "allow-always"):
        desk.server.invoke(number, key)
        wait_for(place.guard.exceptions, "the exception")
        time.sleep(0.5)
    mark = desk.server.mark()
    desk.server.invoke(number, "keep-blocking")
    time.sleep(0.5)
    assert desk.agent.run("--muted").stdout == "nothing is muted\n"
    (made,) = place.guard.exceptions()
    assert made["expires"]
    desk.server.fail(None)
    desk.server.wait_shown("That was decided before", "lhguard list", "lhguard-notify --muted", mark=mark)


@pytest.mark.parametrize("to", [None, AGENT], ids=["broadcast", "unicast"])
def test_clicks_that_are_not_the_servers(place, desk, session, to) -> None:
    """Any program of the session can say that somebody clicked, with the right number and the right key."""
    forger = FakeServer(session, own=False)
    knock(place.box, GATEWAY)
    number, mark = desk.server.wait_shown(STOPPED)["id"], desk.server.mark()
    for key in KEYS:
        forger.invoke(number, key, to)
    forger.closed(number, to=to)
    time.sleep(1)
    assert place.guard.exceptions() == [] and desk.agent.alive
    assert desk.agent.run("--muted").stdout == "nothing is muted\n"
    assert desk.server.since(mark) == [], "it was answered"
    desk.server.invoke(number, "allow-10m", to)  # the same of the server's own connection is a click
    wait_for(place.guard.exceptions, "the exception")


def test_a_click_on_what_is_gone(place, desk) -> None:
    knock(place.box, GATEWAY)
    number = desk.server.wait_shown(STOPPED)["id"]
    desk.server.closed(number)
    desk.server.invoke(number, "allow-10m")
    time.sleep(1)
    assert place.guard.exceptions() == []


def test_a_click_that_meets_other_details(place, desk) -> None:
    """It was meant for the details that were shown, and not for those that take their place."""
    details = None
    for guest, gateway in ((place.box, GATEWAY), (place.other, OTHER_GATEWAY)):
        mark = desk.server.mark()
        knock(guest, gateway)
        alert = desk.server.wait_shown(STOPPED, guest.name, mark=mark)
        if details:
            desk.server.invoke_late(details["summary"], details["id"], "allow-10m")
        desk.server.invoke(alert["id"], "details")
        details = desk.server.wait_shown("Why it was so", mark=mark)
    time.sleep(1)
    assert place.guard.exceptions() == []


def test_clicks_on_alerts_of_an_earlier_daemon(place, desk) -> None:
    """Its events had the same numbers as those of the one that runs now."""
    guard = place.guard
    guard.stop()
    guard.start()
    wait_for(lambda: desk.agent.alive and guard.status()["attempts"] == 0, "the agent")
    desk.agent.wait_linked()
    time.sleep(0.5)
    knock(place.box, GATEWAY)
    old = desk.server.wait_shown(STOPPED, DEVTOOLS)["id"]
    guard.stop()
    guard.start()
    events = guard.events()
    mark = events.mark()
    knock(place.other, OTHER_GATEWAY, 8080)
    assert events.wait(lambda event: event["type"] == "attempt", mark)["id"] == 1
    for key in ("allow-10m", "allow-always"):
        desk.server.invoke(old, key)
    desk.server.wait_shown("Not allowed: ", "To allow it: sudo lhguard allow")
    time.sleep(1)
    assert guard.exceptions() == []
    assert not knock(place.other, OTHER_GATEWAY, 8080) and not knock(place.box, GATEWAY)


# Floods

def lost_of(status: dict, name: str) -> tuple[int, int]:
    [queue] = [queue for queue in status["queues"] if queue["name"] == name]
    return queue["lost"], queue["overflowed"]


def turned_away(status: dict) -> int:
    """Refused, or beyond the length of the guests' queue."""
    return status["refused"] + lost_of(status, "guests")[1]


@pytest.mark.parametrize("ports, seconds", [(5000, 10), (1, 4)], ids=["many ports", "one port"])
def test_a_flood(place, desk, ports: int, seconds: int) -> None:
    """10,000 refusals in 10 s, or less: three popups at most, and nobody else notices."""
    knock(place.box, GATEWAY)
    desk.server.wait_shown(STOPPED)
    with flood(place.box, GATEWAY, 1000, 1, 40000 + ports, 1000) as warming:  # its tables have their size now
        assert warming.wait(PATIENCE) == 0
    time.sleep(1)
    before, mark = place.guard.status(), desk.server.mark()
    resident = desk.agent.resident_kib
    with flood(place.box, GATEWAY, 10000 // seconds, seconds, 30000 + ports, ports) as process:
        for _ in range(seconds - 1):
            time.sleep(0.8)
            host_answers(place)
        assert int(process.stdout.read()) == 10000
    wait_for(lambda: turned_away(place.guard.status()) - turned_away(before) >= 10000, "all of them")
    time.sleep(1)
    after = place.guard.status()
    # The guest's own queue may overflow on a slow machine; the host's is another.
    assert lost_of(after, "loopback") == lost_of(before, "loopback")
    assert len(desk.server.popups()) <= 3, desk.server.popups()  # of the warming-up, too
    assert len(desk.server.shown(mark)) <= 20
    assert desk.agent.resident_kib - resident <= 512
    desk.server.wait_shown("more from container", "lhguard log", mark=mark)


# The guard itself

def test_the_guard_dies_and_comes_back(place, desk) -> None:
    guard = place.guard
    wait_for(lambda: guard.status() and desk.agent.alive, "the agent")
    time.sleep(1)
    guard.kill()
    down = desk.server.wait_shown("The guard is down")
    assert down["hints"]["urgency"] == 2
    mark = desk.server.mark()
    guard.start()
    desk.server.wait_shown("The guard is back", mark=mark)
    mark = desk.server.mark()
    guard.stop()
    desk.server.wait_shown("The guard was stopped", mark=mark)
    guard.start()
    desk.server.wait_shown("The guard is back", mark=mark)
    time.sleep(1)
    mark = desk.server.mark()
    knock(place.box, GATEWAY)
    desk.server.wait_shown(STOPPED, mark=mark)


def test_a_restart_is_no_news(place, desk) -> None:
    """One that takes a moment: on a busy machine another may not."""
    for _ in range(3):
        time.sleep(1)
        mark, begun = desk.server.mark(), time.monotonic()
        place.guard.stop()
        place.guard.start()
        took = time.monotonic() - begun
        time.sleep(4)
        if not desk.server.shown(mark):
            return
        assert took > 1, desk.server.shown(mark)
    raise AssertionError("no restart took less than a second")


def test_the_table_is_put_back(place, desk) -> None:
    time.sleep(1)
    place.host.run("nft", "flush", "ruleset")
    desk.server.wait_shown("put its rules back")


def test_a_mistake_in_the_configuration(place, desk) -> None:
    time.sleep(1)
    place.guard.config.write_text(MEMBERS + "[guard]\nnonsense = 1\n")
    place.guard.cli("reload")
    shown = desk.server.wait_shown("configuration has a mistake", "lhguard.conf:")
    mark = desk.server.mark()
    reload(place.guard, MEMBERS)
    desk.server.wait(lambda record: record.get("method") == "CloseNotification" and
                     record["id"] == shown["id"], mark)


def test_a_guest_takes_a_port(place, desk) -> None:
    with Cleanup() as cleanup:
        sandbox = BubblewrapGuest(place.host, cleanup)
        with Cleanup() as short:
            Services(place.host.netns, [Target("tcp", "127.0.0.1", 7050)], short)
            time.sleep(6)  # a look comes for sure
        sandbox.sh("waiter tcp,127.0.0.1,7050 >/dev/null 2>&1 &")
        shown = desk.server.wait_shown("took port 7050, which python3 had")
        assert shown["summary"].startswith("Sandbox ") and "allow-10m" not in shown["actions"]


# Settings and sessions

def test_settings(place, desk) -> None:
    desk.agent.configure("[alerts]\nverdicts = none\nnonsense = 1\n")
    desk.server.wait_shown("notify.conf:3")
    knock(place.box, GATEWAY)
    desk.agent.configure("[alerts]\nactions = no\ntimeout = 15s\nnonsense = 1\n")
    wait_for(lambda: "notify.conf:4" in desk.agent.log_text(), "the settings to be read")
    time.sleep(0.5)
    assert not [shown for shown in desk.server.shown() if STOPPED in shown["summary"]]
    mark = desk.server.mark()
    knock(place.box, GATEWAY, 8080)
    shown = desk.server.wait_shown(STOPPED, mark=mark)
    assert shown["actions"] == {} and "lhguard allow" in shown["body"] and shown["timeout"] == 15000


def test_quiet_hours(place, desk) -> None:
    """Nothing is shown in them, and one notification tells of it all when they are over."""
    minute, day = time.localtime().tm_hour * 60 + time.localtime().tm_min, 24 * 60
    ends = (minute + day // 2) % day  # all day but a minute that is far away
    begins = (ends + 1) % day
    hours = "-".join(f"{at // 60:02}:{at % 60:02}" for at in (begins, ends))
    desk.agent.configure(f"[alerts]\nquiet-hours = {hours}\nnonsense = 1\n")
    wait_for(lambda: "notify.conf:3" in desk.agent.log_text(), "the settings to be read")
    events = place.guard.events()
    mark = events.mark()
    knock(place.box, GATEWAY)
    events.wait(lambda event: event["type"] == "attempt", mark)
    time.sleep(3)  # what is younger than two seconds would be shown by itself at their end
    assert desk.server.shown() == []
    desk.agent.configure("[alerts]\nquiet-hours = none\n")
    desk.server.wait_shown("Guests were busy during the quiet hours", "Among them: ", DEVTOOLS)
    knock(place.box, GATEWAY, 8080)
    desk.server.wait_shown(STOPPED, "8080")
    assert not [shown for shown in desk.server.shown() if STOPPED in shown["summary"] and DEVTOOLS in shown["summary"]]


def test_one_for_each_session(place, desk, session) -> None:
    second = desk.agent.run()
    assert second.returncode == 0 and len(second.stderr.splitlines()) == 1
    with Cleanup() as cleanup:
        other = Desk(place.guard, member(place.host, cleanup))
        knock(place.box, GATEWAY)
        for server in (desk.server, other.server):
            server.wait_shown(STOPPED)


def test_it_takes_its_alerts_along(place, desk) -> None:
    knock(place.box, GATEWAY)
    number = desk.server.wait_shown(STOPPED)["id"]
    assert desk.agent.stop() == 0
    desk.server.wait(lambda record: record.get("method") == "CloseNotification" and
                     record["id"] == number)
