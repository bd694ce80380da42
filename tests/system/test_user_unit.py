# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop's agent as `make install` leaves it: each graphical session of a user's systemd has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.system import ROOT, Cleanup, wait_for
from lab.usermanager import UserManager

UNIT = "lhguard-notify.service"
# As each desktop brings its own: graphical-session.target cannot be started by itself (systemd.special(7)).
DESKTOP = "[Unit]\nBindsTo=graphical-session.target\nWants=dbus.socket\nAfter=dbus.socket\n"


@pytest.fixture
def manager():
    """The systemd of somebody who is logged in, and has no desktop yet."""
    with Cleanup() as cleanup:
        manager = UserManager(cleanup, 12345)
        (manager.units / "desktop.target").write_text(DESKTOP)
        manager.systemctl("daemon-reload")
        yield manager


def main_pid(manager: UserManager) -> int:
    return int(manager.show(UNIT, "MainPID"))


def status(pid: int, name: str) -> str:
    """A line of /proc/PID/status."""
    return next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith(f"{name}:"))


def test_it_comes_and_goes_with_the_graphical_session(manager: UserManager) -> None:
    assert manager.show(UNIT, "ActiveState") == "inactive"
    manager.systemctl("start", "desktop.target")
    wait_for(lambda: main_pid(manager), "the agent")
    wait_for(lambda: "org.lhguard.Notify" in manager.names(), "its name on the session's bus")
    assert manager.show(UNIT, "NRestarts") == "0"
    manager.systemctl("stop", "desktop.target")
    wait_for(lambda: manager.show(UNIT, "ActiveState") == "inactive", "its end")
    assert manager.show(UNIT, "Result") == "success"


def test_it_is_confined_and_yet_a_process_of_the_host(manager: UserManager) -> None:
    manager.systemctl("start", "desktop.target")
    pid = wait_for(lambda: main_pid(manager), "the agent")
    wait_for(lambda: Path(f"/proc/{pid}/comm").read_text().startswith("lhguard"), "its program")
    assert status(pid, "NoNewPrivs") == "1"
    assert status(pid, "Seccomp") == "2"
    for name in ("user", "pid", "net", "ipc", "uts"):  # or lhguardd would take it for a guest's
        assert Path(f"/proc/{pid}/ns/{name}").readlink() == Path(f"/proc/self/ns/{name}").readlink()


def test_it_is_started_again_when_it_dies(manager: UserManager) -> None:
    manager.systemctl("start", "desktop.target")
    pid = wait_for(lambda: main_pid(manager), "the agent")
    manager.systemctl("kill", "--signal=KILL", UNIT)
    assert wait_for(lambda: main_pid(manager) not in (0, pid), "another one")


def test_one_person_can_do_without(manager: UserManager) -> None:
    manager.systemctl("mask", UNIT)
    manager.systemctl("start", "desktop.target")
    assert manager.show(UNIT, "ActiveState") == "inactive"


def test_make_start_and_stop_reach_the_desktop_of_who_runs_them(manager: UserManager) -> None:
    agent = ROOT / "contrib/setup/agent"
    manager.sudo(agent, "start")
    assert manager.show(UNIT, "ActiveState") == "inactive"  # there is no desktop yet
    manager.systemctl("mask", UNIT)  # as if it had been installed after the login
    manager.systemctl("start", "desktop.target")
    manager.systemctl("unmask", UNIT)
    assert manager.sudo(agent, "start").startswith("alerts on the desktop of person: on")
    assert manager.show(UNIT, "ActiveState") == "active"
    assert manager.sudo(agent, "stop") == ""
    assert manager.show(UNIT, "ActiveState") == "inactive"
