# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole of it on real desktops: a VM knocks, its owner sees who it was, and decides with the mouse."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from alerts import (DEVTOOLS, GROUP, MEMBERS, PERSON, STOPPED, Desk, flood, knock, member, reload,
                    start_guard)
from lab.desktop import Desktop
from lab.guests import UserVm, VethGuest
from lab.host import Answer, Host, Target
from lab.session import NotifyAgent
from lab.system import Cleanup, wait_for

GATEWAY = "10.0.2.2"  # of the VM: the host's 127.0.0.1
WITH_BUTTONS = ["mate-notification-daemon", "xfce4-notifyd"]
RING = 1024  # events that the daemon keeps for everybody: EVENTS_RING
EVIL = "<b>e</b>&amp;<img src=x>\x1b[31m\x07\u202edob"


@pytest.fixture(scope="module")
def place(machine, tmp_path_factory):
    """A host with a browser's debugging port and two VMs, one with a name that wants to be more."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "127.0.0.1", 9222), Target("tcp", "127.0.0.1", 11434))
        guard = start_guard(host, cleanup, tmp_path_factory.mktemp("etc"))
        devbox, evil = UserVm(host, "devbox", cleanup), UserVm(host, EVIL, cleanup)
        for guest in (devbox, evil):
            guest.wait_ready()
        yield SimpleNamespace(host=host, guard=guard, devbox=devbox, evil=evil, folder=tmp_path_factory)


@pytest.fixture
def desktop(place, request):
    """The desktop of an ordinary user of the group, with the agent; by the test's parameter."""
    server, uid = request.param if isinstance(request.param, tuple) else (request.param, PERSON)
    place.guard.forget()
    # QEMU's own sockets go on where the VM's client has given up; none of that is to be told in this test.
    place.host.run("ss", "--kill", "state", "syn-sent")
    with Cleanup() as cleanup:
        desktop = Desktop(place.host, cleanup, server, uid, *([GROUP] if uid else []))
        desktop.agent = NotifyAgent(desktop, place.guard.socket)
        time.sleep(0.3)
        yield desktop


on_each = pytest.mark.parametrize("desktop", WITH_BUTTONS, indirect=True)
on_one = pytest.mark.parametrize("desktop", WITH_BUTTONS[:1], indirect=True)


class Pending:
    """One connect() of a guest that waits in another thread."""

    def __init__(self, guest, port: int = 9222, timeout: float = 45) -> None:
        self.answer: Answer | None = None
        self.thread = threading.Thread(target=self._ask, args=(guest, port, timeout))
        self.thread.start()

    def _ask(self, guest, port: int, timeout: float) -> None:
        self.answer = guest.ask(Target("tcp", GATEWAY, port), timeout)

    def wait(self) -> Answer:
        self.thread.join(90)
        assert self.answer, "the guest did not say what became of it"
        return self.answer


@pytest.mark.parametrize("desktop", [(server, PERSON) for server in WITH_BUTTONS] + [(WITH_BUTTONS[0], 0)],
                         indirect=True, ids=[*WITH_BUTTONS, "root"])
def test_a_click_lets_the_pending_connection_through(place, desktop, tmp_path) -> None:
    """It is the very connection that was refused: TCP asks again, and is let through."""
    mark = place.host.services.mark()
    pending = Pending(place.devbox)
    desktop.wait_text(f"VM devbox {STOPPED} {DEVTOOLS}", "127.0.0.1:9222 over TCP")
    assert desktop.screenshot(tmp_path / "alert.png", wait_for(desktop.popups, "its window")[0]) > 10
    assert pending.answer is None and place.guard.exceptions() == []
    desktop.click("Allow 10 minutes")
    desktop.wait_text("VM devbox may reach Chrome DevTools for 10 minutes")
    assert pending.wait().open
    wait_for(lambda: len(place.host.services.since(mark)) == 1, "its word at the service, once")
    (made,) = place.guard.exceptions()
    assert (made["service"], made["creator"]) == ("tcp/127.0.0.1:9222", desktop.uid) and made["expires"]
    assert not knock(place.devbox, GATEWAY, 11434) and not knock(place.evil, GATEWAY)


@on_one
def test_always_allow(place, desktop) -> None:
    pending = Pending(place.devbox)
    desktop.click("Always allow")
    assert pending.wait().open
    (made,) = place.guard.exceptions()
    assert made["source"] == "vm:devbox" and made["expires"] is None


@on_each
def test_keep_blocking_lasts(place, desktop) -> None:
    knock(place.devbox, GATEWAY)
    desktop.click("Keep blocking")
    desktop.wait_text("No more alerts about VM devbox and Chrome DevTools")
    assert desktop.agent.run("--muted").stdout == "1 vm:devbox tcp/127.0.0.1:9222\n"
    desktop.agent.restart()
    time.sleep(0.5)
    knock(place.devbox, GATEWAY)
    knock(place.devbox, GATEWAY, 11434)
    texts = desktop.wait_text(f"VM devbox {STOPPED}")  # the other one alone
    assert not [text for text in texts if DEVTOOLS in text] and place.guard.exceptions() == []
    assert desktop.agent.run("--unmute", "1").returncode == 0
    time.sleep(0.5)
    knock(place.devbox, GATEWAY)
    desktop.wait_text(f"VM devbox {STOPPED} {DEVTOOLS}")


@on_each
def test_details(place, desktop) -> None:
    """What `lhguard explain` says, without a terminal."""
    events = place.guard.events()
    knock(place.devbox, GATEWAY)
    event = events.wait_refused("vm:devbox", "tcp", "127.0.0.1", 9222)
    said = place.guard.must("explain", str(event["id"])).output
    desktop.click("Details")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    desktop.wait_text("vm:devbox → tcp 127.0.0.1:9222", *lines[1:])


@on_each
def test_a_hostile_name_is_text(place, desktop) -> None:
    knock(place.evil, GATEWAY)
    texts = desktop.wait_text(STOPPED, "127.0.0.1:9222")
    assert all(character.isprintable() or character == "\n" for text in texts for character in text)
    assert not [text for text in texts if "\u202e" in text or "\x1b" in text]
    (title,) = [text for text in texts if STOPPED in text]
    for word in ("b>e", "img src=x", "amp;", "[31m", "dob"):
        assert word in title, "a part of the name was taken for markup"
    place.guard.must("explain", "1")
    desktop.click("Allow 10 minutes")
    wait_for(place.guard.exceptions, "the exception")
    assert knock(place.evil, GATEWAY, timeout=3) and not knock(place.devbox, GATEWAY)


@pytest.mark.parametrize("desktop", ["dunst"], indirect=True)
def test_dunst(place, desktop, tmp_path) -> None:
    """It is seen, says what to type, its default action shows the details, and it goes with the agent."""
    assert desktop.popups() == []
    knock(place.devbox, GATEWAY)
    left, top, width, height = window = wait_for(desktop.popups, "dunst's window")[0]
    assert desktop.screenshot(tmp_path / "alert.png", window) > 10
    desktop.click_at(left + width // 2, top + height // 2, 2)
    grown = wait_for(lambda: [place for place in desktop.popups() if place[3] > height], "the details")
    assert desktop.screenshot(tmp_path / "details.png", grown[0]) > 10
    assert desktop.agent.stop() == 0
    wait_for(lambda: not desktop.popups(), "dunst's window to go")
    assert "To allow it: lhguard allow tcp/127.0.0.1:9222 --from vm:devbox" in desktop.run("dunstctl", "history")


@pytest.mark.parametrize("desktop", ["dunst"], indirect=True)
def test_dunst_decides_by_its_menu(place, desktop) -> None:
    """It draws no buttons: `dunstctl context` has them, and here somebody who chooses the first at once."""
    menu = desktop.folder / "menu"
    menu.write_text("#!/bin/sh\ngrep -m 1 'Allow 10 minutes'\n")
    menu.chmod(0o755)
    (desktop.config / "dunst").mkdir()
    (desktop.config / "dunst/dunstrc").write_text(f"[global]\ndmenu = {menu}\n")
    desktop.stop_server()
    desktop.start_server()
    pending = Pending(place.devbox)
    wait_for(desktop.popups, "dunst's window")
    desktop.run("dunstctl", "context")
    assert pending.wait().open
    (made,) = place.guard.exceptions()
    assert made["service"] == "tcp/127.0.0.1:9222" and made["expires"]


@on_each
def test_a_server_that_restarts(place, desktop) -> None:
    knock(place.devbox, GATEWAY)
    desktop.wait_text(f"VM devbox {STOPPED} {DEVTOOLS}")
    desktop.stop_server()
    time.sleep(0.5)
    desktop.start_server()
    desktop.wait_text(f"VM devbox {STOPPED} {DEVTOOLS}")
    desktop.click("Allow 10 minutes")
    wait_for(place.guard.exceptions, "the exception")


@on_each
def test_a_server_that_hangs(place, desktop) -> None:
    desktop.freeze_server()
    pending = Pending(place.devbox, timeout=2)
    assert place.host.probe([Target("tcp", "127.0.0.1", 9222)])[0].open
    assert pending.wait().reply is None
    desktop.thaw_server()
    desktop.wait_text(f"VM devbox {STOPPED} {DEVTOOLS}")


@pytest.mark.parametrize("desktop", [*WITH_BUTTONS, "dunst"], indirect=True)
def test_sample(place, desktop) -> None:
    """`lhguard-notify --test` beside the agent."""
    said = desktop.agent.run("--test")
    assert (said.returncode, said.stderr) == (0, "")
    if desktop.named == "dunst":
        wait_for(desktop.popups, "dunst's window")
    else:
        desktop.wait_text(f"VM sample {STOPPED} {DEVTOOLS}", "This is a sample")
        assert not [button for button in desktop.buttons() if "llow" in button]


@on_one
def test_who_may_change_nothing_is_told(place, desktop) -> None:
    """No polkit, and the configuration does not give it to the group."""
    reload(place.guard, MEMBERS.replace("yes", "no"))
    try:
        knock(place.devbox, GATEWAY)
        desktop.click("Allow 10 minutes")
        desktop.wait_text("Not allowed: ", "To allow it: sudo lhguard allow")
        assert place.guard.exceptions() == []
    finally:
        reload(place.guard, MEMBERS)


def test_a_click_while_another_guest_floods(place) -> None:
    """The flood turns the ring of events over; the VM's alert can be answered as before, and is about it alone."""
    guard = place.guard
    guard.forget()
    place.host.run("ss", "--kill", "state", "syn-sent")
    with Cleanup() as cleanup:
        box = VethGuest(place.host, "box", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1")
        desk = Desk(guard, member(place.host, cleanup))
        knock(place.devbox, GATEWAY)
        alert = desk.server.wait_shown(f"VM devbox {STOPPED} {DEVTOOLS}")
        # QEMU would go on for its guest, and each SYN of it would be a later event of devbox.
        place.host.run("ss", "--kill", "state", "syn-sent")
        before = guard.status()["attempts"]
        with flood(box, "10.22.0.1", 1000, 20, 15000, 5000) as process:
            wait_for(lambda: guard.status()["attempts"] - before > 2 * RING, "the ring to turn over")
            desk.server.invoke(alert["id"], "allow-10m")
            (made,) = wait_for(guard.exceptions, "the exception")
            desk.server.wait_shown("VM devbox may reach Chrome DevTools for 10 minutes")
            assert process.poll() is None, "the flood was over before the click"
            assert knock(place.devbox, GATEWAY, timeout=3)
            assert int(process.communicate(timeout=60)[0]) == 20000
        assert made["service"] == "tcp/127.0.0.1:9222" and made["expires"]
        assert not knock(place.devbox, GATEWAY, 11434) and not knock(place.evil, GATEWAY)
