# SPDX-License-Identifier: GPL-2.0-or-later
"""Details and Open on an alert: what the person is told, also where the viewer of texts does not come."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from desk import Desk
from lab.notifications import FakeServer
from lab.puppet import Puppet
from lab.system import Cleanup, wait_for

NO_VIEWER = "The text was not opened"


@pytest.fixture
def desk():
    """Somebody with a viewer of texts, and with a lhguard that has much to say."""
    with Cleanup() as cleanup:
        desk = Desk(cleanup, start=False)
        programs = desk.session.folder / "programs"
        programs.mkdir()
        (programs / "lhguard-notify").write_bytes(Path(desk.agent.command()[0]).read_bytes())
        (programs / "lhguard").write_text("#!/bin/sh\nyes why it was so | head -n 200\n")
        for program in programs.iterdir():
            program.chmod(0o755)
        argv = [str(programs / "lhguard-notify"), *desk.agent.command()[1:]]
        desk.agent.command = lambda *options: [*argv, *options]
        yield desk


def make_viewer(desk: Desk, script: str) -> Path:
    """What shows texts here. Return: where it notes what it was given, a line for each."""
    opened, program = desk.session.runtime / "opened", desk.session.folder / "viewer"
    program.write_text(f'#!/bin/sh\necho "$1" >>{opened}\n{script}\n')
    program.chmod(0o755)
    applications = desk.session.data / "applications"
    applications.mkdir(exist_ok=True)
    (applications / "viewer.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=viewer\nExec={program} %f\nMimeType=text/plain;\n")
    (desk.session.config / "mimeapps.list").write_text("[Default Applications]\ntext/plain=viewer.desktop\n")
    return opened


def manager_of(desk: Desk, **command: str) -> Puppet:
    manager = desk.puppet("managerd.py")
    manager.wait(lambda record: record.get("owns"))
    if command:
        manager.tell(**command)
        manager.wait(lambda record: record.get("done"))
    return manager


def end_job(manager: Puppet, unit: str, result: str) -> None:
    mark = manager.mark()
    manager.tell(remove=[unit, result])
    manager.wait(lambda record: record.get("done"), mark)


def open_text(desk: Desk) -> int:
    """Click Open on the details of an alert. Return: the mark before the click."""
    desk.daemon.tell()
    desk.server.invoke(desk.server.wait_shown("devbox")["id"], "details")
    details = desk.server.wait_shown("Why it was so")
    mark, desk.clicked = desk.server.mark(), time.monotonic()
    desk.server.invoke(details["id"], "open")
    return mark


def text_of(desk: Desk) -> Path:
    return desk.session.runtime / "lhguard-details.txt"


def test_details_are_asked_for_once(desk) -> None:
    """However often somebody clicks while `lhguard explain` takes its time."""
    runs, go = desk.session.runtime / "runs", desk.session.runtime / "go"
    runs.touch()
    (desk.session.folder / "programs/lhguard").write_text(
        f"#!/bin/sh\necho $4 >>{runs}\nuntil [ -e {go} ]; do sleep 0.1; done\necho why\n")
    desk.agent.start()
    for name in ("first", "second"):
        number = desk.daemon.tell(name)
        alert = desk.server.wait_shown(name)["id"]
        for _ in range(5):
            desk.server.invoke(alert, "details")
            time.sleep(0.05)
        wait_for(lambda: str(number) in runs.read_text().split(), "lhguard explain")
    time.sleep(0.5)  # all clicks have come
    go.touch()
    desk.server.wait_shown("Why it was so")
    assert runs.read_text().split() == ["1", "2"]


def test_what_gnome_does_not_draw_is_a_click_away(desk) -> None:
    """It has room for six lines, and takes all away after some seconds that is not urgent."""
    (desk.session.folder / "programs/lhguard").write_text("#!/bin/sh\nseq 9\n")
    opened = make_viewer(desk, "")
    desk.server.stop()
    server = FakeServer(desk.session, known_as=("gnome-shell", "48.7"))
    desk.agent.start()
    desk.daemon.tell()
    server.invoke(server.wait_shown("devbox")["id"], "details")
    shown = server.wait_shown("Why it was so")
    assert shown["hints"]["urgency"] == 2 and {"open", "default"} <= set(shown["actions"])
    server.invoke(shown["id"], "default")
    wait_for(opened.exists, "the viewer")


def test_its_unit_fails(desk) -> None:
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk)
    desk.agent.start()
    mark = open_text(desk)
    unit = manager.wait(lambda record: record.get("unit"))
    assert unit["properties"]["Type"] == "notify" and unit["argv"][1:] == ["--details"]
    wait_for(opened.exists, "the viewer")
    end_job(manager, "other.service", "failed")
    manager.tell(remove=[unit["unit"], "failed"])
    shown = desk.server.wait_shown(mark=mark)
    assert shown["summary"] == NO_VIEWER
    assert shown["body"] == (
        "What was started to show it has failed; to see why: journalctl --user -n 20 -u 'lhguard-details-*'\n"
        f"To read it: less {text_of(desk)}")
    assert text_of(desk).read_text().startswith("why it was so\n")
    mark = desk.server.mark()
    manager.tell(remove=[unit["unit"], "failed"])  # nobody waits for it any more
    time.sleep(0.5)
    assert desk.server.since(mark) == [] and desk.agent.alive


def test_two_clicks_are_one_wish(desk) -> None:
    """As long as the first is being dealt with; what is clicked later is another."""
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk)
    desk.agent.start()
    open_text(desk)
    details = desk.server.wait_shown("Why it was so")["id"]
    unit = manager.wait(lambda record: record.get("unit"))["unit"]
    for _ in range(3):
        desk.server.invoke(details, "open")
    wait_for(opened.exists, "the viewer")
    time.sleep(0.5)
    assert opened.read_text() == f"{text_of(desk)}\n"
    end_job(manager, unit, "done")
    time.sleep(0.5)
    desk.server.invoke(details, "open")
    wait_for(lambda: opened.read_text() == 2 * f"{text_of(desk)}\n", "another viewer")


def test_its_unit_is_started(desk) -> None:
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk)
    desk.agent.start()
    mark = open_text(desk)
    unit = manager.wait(lambda record: record.get("unit"))["unit"]
    wait_for(opened.exists, "the viewer")
    end_job(manager, unit, "done")
    end_job(manager, unit, "failed")  # when it is ended, say
    time.sleep(0.5)
    assert not desk.server.shown(mark) and opened.read_text() == f"{text_of(desk)}\n"


def test_a_manager_that_says_too_early_what_became_of_it(desk) -> None:
    """As another program in its place could."""
    desk.session.environment["MALLOC_PERTURB_"] = "165"
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk, answer="early")
    desk.agent.start()
    mark = open_text(desk)
    unit = manager.wait(lambda record: record.get("unit"))["unit"]
    wait_for(opened.exists, "the viewer")
    time.sleep(0.5)
    assert desk.agent.alive and not desk.server.shown(mark)
    end_job(manager, unit, "failed")
    desk.server.wait_shown(NO_VIEWER, mark=mark)


def test_a_manager_that_refuses(desk) -> None:
    """One that does not know ExitType=, say: the agent starts the viewer itself, and tells if it cannot."""
    opened = make_viewer(desk, "exec sleep 3")
    manager_of(desk, answer="org.freedesktop.DBus.Error.PropertyReadOnly")
    desk.agent.start()
    mark = open_text(desk)
    wait_for(opened.exists, "the viewer")
    time.sleep(0.5)
    assert not desk.server.shown(mark) and opened.read_text() == f"{text_of(desk)}\n"


def test_a_manager_that_takes_its_time(desk) -> None:
    """The person is told, and has one window when it goes on, however often it was asked for."""
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk)
    desk.agent.start()
    manager.freeze()
    mark = open_text(desk)
    details = desk.server.wait_shown("Why it was so")
    desk.server.invoke(details["id"], "open")
    told = desk.server.wait_shown(NO_VIEWER, "systemd --user does not answer: it may yet open it", mark=mark)
    assert told["time"] - desk.clicked > 4 and told["body"].endswith(f"\nTo read it: less {text_of(desk)}")
    desk.server.closed(told["id"])
    mark = desk.server.mark()
    desk.server.invoke(details["id"], "open")
    told = desk.server.wait_shown(NO_VIEWER, mark=mark)
    manager.thaw()
    unit = manager.wait(lambda record: record.get("unit"))["unit"]
    wait_for(opened.exists, "the viewer")
    end_job(manager, unit, "done")
    desk.server.wait(lambda record: record.get("method") == "CloseNotification" and record["id"] == told["id"])
    time.sleep(1)
    assert opened.read_text() == f"{text_of(desk)}\n"
    desk.server.invoke(details["id"], "open")  # the next one is another
    wait_for(lambda: opened.read_text() == 2 * f"{text_of(desk)}\n", "another viewer")


def test_a_manager_that_ends_with_a_call_to_it(desk) -> None:
    """It may have started the unit: nothing is started beside it."""
    opened, manager = make_viewer(desk, "exec sleep 3"), manager_of(desk)
    desk.agent.start()
    manager.freeze()
    mark = open_text(desk)
    time.sleep(2)  # it has been called, and has some patience left
    manager.process.kill()
    desk.server.wait_shown(NO_VIEWER, "To read it: less ", mark=mark)
    time.sleep(1)
    assert not opened.exists()


def test_there_is_no_viewer(desk) -> None:
    desk.session.environment["XDG_DATA_DIRS"] = str(desk.session.folder)
    desk.agent.start()
    shown = desk.server.wait_shown(mark=open_text(desk))
    assert shown["summary"] == NO_VIEWER and shown["body"].endswith(f"\nTo read it: less {text_of(desk)}")


def test_it_cannot_be_written(desk) -> None:
    make_viewer(desk, "exec sleep 3")
    text_of(desk).mkdir()
    desk.agent.start()
    shown = desk.server.wait_shown(mark=open_text(desk))
    assert shown["summary"] == NO_VIEWER and shown["body"].endswith("\nTo read it: lhguard explain 1")
