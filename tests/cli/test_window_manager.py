# SPDX-License-Identifier: GPL-2.0-or-later
"""A session of a window manager alone: a line of its start-up file has the agent, and nothing else is there.

No systemd of the user's, no XDG autostart, no folder of the session; dunst draws, on a real X server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from desk import TalkingDaemon
from lab.puppet import end_those_of
from lab.system import BUILD, Cleanup, end, spawn, wait_for

# As in .xinitrc or bspwmrc: what goes on in the background, and the window manager last. Where no line starts
# dunst, the bus does so for the first alert.
STARTUP = """\
printf '%s' "$DBUS_SESSION_BUS_ADDRESS" >{folder}/bus
{before}
lhguard-notify --socket {socket} &
{after}
exec openbox
"""
SERVICE = "[D-BUS Service]\nName=org.freedesktop.Notifications\nExec={program}\n"
# dunst's menu, and somebody who takes the first that allows.
MENU = "#!/bin/sh\ngrep -m 1 'Allow 10 minutes'\n"


class Screen:
    """An X server with nothing on it, and a person who can start a session there."""

    def __init__(self, folder: Path, cleanup: Cleanup) -> None:
        self.folder, self.cleanup = folder, cleanup
        reader, writer = os.pipe()
        cleanup.add(end, spawn(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp",
                                "-noreset", "-ac"], pass_fds=[writer], stderr=subprocess.DEVNULL))
        os.close(writer)
        with os.fdopen(reader) as file:
            display = f":{file.readline().strip()}"
        cleanup.add(end_those_of, folder)
        self.environment = {"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": f"{folder}/", "DISPLAY": display,
                            "LC_ALL": "C.UTF-8"}
        (folder / "menu").write_text(MENU)
        (folder / "menu").chmod(0o755)
        for path, text in ((".config/dunst/dunstrc", f"[global]\ndmenu = {folder}/menu\n"),
                           (".local/share/dbus-1/services/any.service", SERVICE)):
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text(text)

    def start(self, socket: Path, before: str = "", after: str = "") -> None:
        (self.folder / "startup").write_text(
            STARTUP.format(folder=self.folder, socket=socket, before=before, after=after))
        service = self.folder / ".local/share/dbus-1/services/any.service"
        program = "/bin/false" if before or after else shutil.which("dunst")
        service.write_text(SERVICE.format(program=program))
        with open(self.folder / "log", "wb") as log:
            self.cleanup.add(end, spawn(["dbus-run-session", "--", "sh", self.folder / "startup"],
                                        env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        wait_for(lambda: (self.folder / "bus").exists() and (self.folder / "bus").read_text(), "the session")

    def run(self, *argv: str) -> str:
        bus = (self.folder / "bus").read_text()
        return subprocess.run(argv, env={**self.environment, "DBUS_SESSION_BUS_ADDRESS": bus}, capture_output=True,
                              text=True, timeout=60).stdout

    def windows(self) -> int:
        """How many windows dunst shows."""
        return len(self.run("xdotool", "search", "--onlyvisible", "--class", "Dunst").split())


@pytest.fixture
def screen(tmp_path):
    with Cleanup() as cleanup:
        yield Screen(tmp_path, cleanup)


@pytest.mark.parametrize("before, after", [("dunst &", ""), ("", "(sleep 2; exec dunst) &"), ("", "")],
                         ids=["dunst first", "dunst later", "dunst of the bus"])
def test_a_line_in_the_start_up_file_is_all(screen, before: str, after: str) -> None:
    daemon = TalkingDaemon(screen.folder / "guard", screen.cleanup)
    screen.start(daemon.path, before, after)
    names = screen.run("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/",
                       "org.freedesktop.DBus.ListNames")
    assert "org.freedesktop.DBus" in names and "org.freedesktop.systemd1" not in names
    number = daemon.tell()
    wait_for(screen.windows, "dunst's window")
    assert screen.run("dunstctl", "count", "displayed").strip() == "1"
    screen.run("dunstctl", "context")
    wait_for(lambda: daemon.allowed, "the wish to allow it")
    assert (daemon.allowed[0]["id"], daemon.allowed[0]["seconds"]) == (number, 600)
    wait_for(lambda: "VM devbox may reach Chrome DevTools for 10 minutes" in
             (screen.run("dunstctl", "close-all"), screen.run("dunstctl", "history"))[1], "what came of it")
