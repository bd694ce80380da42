# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop's agent as `make install` leaves it: each graphical session of a user's systemd has it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from alerts import GROUP, STOPPED, knock, start_guard
from lab.guests import VethGuest
from lab.host import Host, Target
from lab.notifications import FakeServer
from lab.puppet import alive
from lab.system import ROOT, Cleanup, wait_for
from lab.usermanager import UserManager

UNIT = "lhguard-notify.service"
# As each desktop brings its own: graphical-session.target cannot be started by itself (systemd.special(7)).
DESKTOP = "[Unit]\nBindsTo=graphical-session.target\nWants=dbus.socket\nAfter=dbus.socket\n"
# What was started has ended when the window is there, as with most viewers of desktops.
VIEWER = r"""
sh -c 'printf "%s\n" "$$" "$(umask)" "$1" >"$0.new"; mv "$0.new" "$0"; exec sleep 1000' "{opened}" "$1" &
"""
LONG = "#!/bin/sh\nyes why it was so | head -n 200\n"  # more than a notification shows


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


@pytest.fixture
def knocked(machine, tmp_path):
    """A desktop that shows an alert: its person, its notification server, and the alert."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "0.0.0.0", 9222))
        box = VethGuest(host, "box", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1")
        guard = start_guard(host, cleanup, tmp_path)
        manager = UserManager(cleanup, 12345, GROUP)
        (manager.units / "desktop.target").write_text(DESKTOP)
        programs, local = manager.folder / "usr/bin", manager.units / f"{UNIT}.d"
        local.mkdir()
        (local / "socket.conf").write_text(
            f"[Service]\nExecStart=\nExecStart={programs}/lhguard-notify --socket {guard.socket}\n")
        (programs / "lhguard").write_text(LONG)
        manager.systemctl("daemon-reload")
        manager.systemctl("start", "desktop.target")
        wait_for(lambda: "org.lhguard.Notify" in manager.names(), "the agent")
        server = FakeServer(manager)
        wait_for(lambda: knock(box, "10.22.0.1") or server.shown(), "an alert")
        yield manager, server, server.wait_shown(STOPPED)


def make_viewer(manager: UserManager, script: str = VIEWER) -> Path:
    """What this person has for texts. Return: where it says that it was started."""
    opened, program = manager.runtime / "opened", manager.folder / "viewer"
    program.write_text("#!/bin/sh" + script.format(opened=opened))
    program.chmod(0o755)
    applications, config = manager.home / ".local/share/applications", manager.home / ".config"
    for folder in (applications, config):
        folder.mkdir(parents=True, exist_ok=True)
    (applications / "viewer.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=viewer\nExec={program} %f\nMimeType=text/plain;\n")
    (config / "mimeapps.list").write_text("[Default Applications]\ntext/plain=viewer.desktop\n")
    return opened


def test_the_viewer_of_texts_is_no_part_of_it(knocked) -> None:
    """Not confined as the agent is, not ended with it; and its unit is gone when it is."""
    manager, server, alert = knocked
    opened = make_viewer(manager)
    server.invoke(alert["id"], "details")
    details = server.wait_shown("Why it was so")
    server.invoke(details["id"], "open")
    wait_for(opened.exists, "the viewer")
    pid, umask, path = opened.read_text().splitlines()
    assert Path(path).read_text() == "why it was so\n" * 199 + "why it was so"
    assert (umask, status(int(pid), "NoNewPrivs"), status(int(pid), "Seccomp")) == ("0022", "0", "0")
    unit = Path(f"/proc/{pid}/cgroup").read_text().strip().rsplit("/", 1)[1]
    assert unit.startswith("lhguard-details-")
    wait_for(lambda: manager.show(unit, "ActiveState") == "active", "its unit")
    agent = main_pid(manager)
    manager.systemctl("restart", UNIT)
    assert wait_for(lambda: main_pid(manager) not in (0, agent), "another agent")
    assert alive(int(pid)), "the viewer ended with the agent"
    os.kill(int(pid), signal.SIGTERM)
    wait_for(lambda: manager.show(unit, "LoadState") == "not-found", "the end of its unit")


def test_a_viewer_that_fails_is_told(knocked) -> None:
    """Its unit fails, too: the person reads what to type, and nothing of it is left."""
    manager, server, alert = knocked
    make_viewer(manager, "\nexec /no/such/program \"$1\"\n")
    server.invoke(alert["id"], "details")
    server.invoke(server.wait_shown("Why it was so")["id"], "open")
    told = server.wait_shown("The text was not opened", "journalctl --user", "To read it: less ")
    assert told["body"].endswith(f"{manager.runtime}/lhguard-details.txt")
    wait_for(lambda: "lhguard-details-" not in manager.systemctl("list-units", "--all"), "the end of its unit")
