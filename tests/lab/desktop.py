# SPDX-License-Identifier: GPL-2.0-or-later
"""A real desktop: Xvfb, openbox and a notification server of a distribution, looked at and clicked.

What is shown, and where, is asked by accessibility (AT-SPI), so no test depends on fonts or themes;
dunst, which has none, is looked at in screenshots.
"""

from __future__ import annotations

import glob
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .host import Host
from .puppet import PYTHON
from .session import NOTIFICATIONS, Session
from .system import LAB, PATIENCE, Cleanup, LabError, end, need, wait_for

# Those that draw buttons for actions come first.
SERVERS = ("mate-notification-daemon", "xfce4-notifyd", "dunst")
FOLDERS = ("/usr/bin", "/usr/libexec", "/usr/lib/mate-notification-daemon",
           "/usr/libexec/mate-notification-daemon",
           "/usr/lib/xfce4/notifyd", "/usr/lib/*/xfce4/notifyd", "/usr/lib/*/mate-notification-daemon")
WIDTH, HEIGHT = 1280, 800


def server_program(server: str) -> str:
    """The path of a notification server; a LabError where it is not installed."""
    for folder in FOLDERS:
        for path in glob.glob(f"{folder}/{server}"):
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
    raise LabError(f"missing: {server}. Install what the tests need: contrib/setup/deps test")


@dataclass(frozen=True)
class Thing:
    """Something that is on the screen; @place: x, y, width, height."""
    role: str
    name: str
    place: tuple[int, int, int, int]


class Desktop(Session):
    """A desktop on @host with one of SERVERS."""

    def __init__(self, host: Host, cleanup: Cleanup, server: str, uid: int = 0, *groups: int) -> None:
        need("Xvfb", "openbox", "xdotool", "import", "identify", "convert")
        super().__init__(host, cleanup, uid, *groups)
        self.program = server_program(server)
        self.named = server
        self.server: subprocess.Popen | None = None
        reader, writer = os.pipe()
        display = host.spawn("Xvfb", "-displayfd", str(writer), "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
                             "-nolisten", "tcp", "-noreset", "-ac", pass_fds=[writer],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        cleanup.add(end, display)
        os.close(writer)
        with os.fdopen(reader) as file:
            number = file.readline().strip()
        if not number:
            raise LabError("Xvfb did not start")
        self.environment["DISPLAY"] = f":{number}"
        cleanup.add(end, self.spawn("openbox"))
        wait_for(lambda: self.run("xdotool", "get_num_desktops", check=False).strip().isdigit(), "openbox")
        cleanup.add(self.stop_server)
        self.start_server()

    # The notification server

    def start_server(self) -> None:
        self.server = self.spawn(self.program)
        self.wait_owner(NOTIFICATIONS, self.server)

    def stop_server(self) -> None:
        if self.server:
            self.thaw_server()
            end(self.server)

    def freeze_server(self) -> None:
        """It answers nobody until thaw_server()."""
        self.server.send_signal(signal.SIGSTOP)

    def thaw_server(self) -> None:
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGCONT)

    # What is on the screen

    def things(self) -> list[Thing]:
        """What all programs show that tell it to screen readers."""
        said = self.run(PYTHON, LAB / "accessible.py", check=False)
        things = []
        for line in said.splitlines():
            if line.startswith("{"):
                value = json.loads(line)
                things.append(Thing(value["role"], value["name"], tuple(value["place"])))
        return things

    def texts(self) -> list[str]:
        return [thing.name for thing in self.things() if thing.name]

    def wait_text(self, *words: str, timeout: float = PATIENCE) -> list[str]:
        """All texts on the screen, once some of them hold all of @words."""
        deadline = time.monotonic() + timeout
        while True:
            texts = self.texts()
            if all(any(word in text for text in texts) for word in words):
                return texts
            assert time.monotonic() < deadline, \
                f"{words} did not come; there is {texts}\n{self.log_text()[-2000:]}"
            time.sleep(0.1)

    def buttons(self) -> list[str]:
        return [thing.name for thing in self.things() if thing.role == "push button" and thing.name]

    def _button(self, label: str) -> tuple[int, int, int, int] | None:
        """Where the latest button of that name is; None: nowhere."""
        found = [thing.place for thing in self.things()
                 if thing.role == "push button" and thing.name == label and thing.place[0] >= 0]
        return found[-1] if found else None

    def click(self, label: str, timeout: float = PATIENCE) -> None:
        """Click the button of that name with the mouse, once it stands still (popups slide in). A second time
        where it stays, as a person would: an update of the popup may come between press and release. A busy
        machine takes its time over the first: too early the second one would meet what comes after."""
        deadline, before, clicks = time.monotonic() + timeout, None, 0
        while clicks < 2:
            found = self._button(label)
            if found and found == before:
                left, top, width, height = found
                self.click_at(left + width // 2, top + height // 2)
                clicks += 1
                stays_until = time.monotonic() + 3
                while self._button(label) == found and time.monotonic() < stays_until:
                    time.sleep(0.1)
            elif clicks:
                return
            before = found
            assert time.monotonic() < deadline, f"no button {label!r} stands still: {self.buttons()}"
            time.sleep(0.15)

    def click_at(self, x: int, y: int, button: int = 1) -> None:
        # By way of a pixel beside: GTK wants to see the pointer come in before it is pressed.
        self.run("xdotool", "mousemove", str(x - 3), str(y - 3), "mousemove", str(x), str(y), "sleep", "0.1",
                 "click", str(button))

    def popups(self) -> list[tuple[int, int, int, int]]:
        """Where the notification server's windows are: x, y, width, height."""
        by = ("--class", "^Dunst$") if self.named == "dunst" else ("--pid", str(self.server.pid))
        said = self.run("xdotool", "search", "--onlyvisible", *by, check=False)
        found = []
        for window in said.split():
            shell = self.run("xdotool", "getwindowgeometry", "--shell", window, check=False)
            values = dict(line.split("=", 1) for line in shell.splitlines() if "=" in line)
            if "WIDTH" in values and int(values["WIDTH"]) > 50:
                found.append(tuple(int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")))
        return found

    def screenshot(self, path: Path, place: tuple[int, int, int, int] | None = None) -> int:
        """Save the screen, or the part at @place, as PNG; the number of colours in it (1: blank)."""
        crop = ["-crop", "{2}x{3}+{0}+{1}".format(*place), "+repage"] if place else []
        shot = self.runtime / "shot.png"
        self.run("import", "-window", "root", *crop, "-strip", "-define", "png:compression-level=9", shot)
        path.write_bytes(shot.read_bytes())
        return int(self.run("identify", "-format", "%k", shot))
