# SPDX-License-Identifier: GPL-2.0-or-later
"""A person's session: folders, a message bus of its own, and the agent that shows alerts there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .host import Host
from .puppet import alive, end_those_of
from .system import BUILD, ROOT, Cleanup, LabError, end, need, run, spawn, takes_calls, wait_for

NOTIFICATIONS = "org.freedesktop.Notifications"
AGENT = "org.lhguard.Notify"

# No services but these start by themselves: the tests say when there is a notification server.
ACTIVATED = ("org.a11y.Bus", "org.xfce.Xfconf", "ca.desrt.dconf")

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/run/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class Session:
    """A session on @host of the user @uid, a member of @groups; gone with @cleanup. Without a host: of whoever
    runs the test, where it runs."""

    def __init__(self, host: Host | None, cleanup: Cleanup, uid: int = 0, *groups: int) -> None:
        need("dbus-daemon", "dbus-send", "setpriv")
        self.host, self.cleanup, self.uid, self.groups = host, cleanup, uid, groups
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-session-"))
        cleanup.add(shutil.rmtree, self.folder)
        cleanup.add(end_those_of, self.folder)
        self.home, self.runtime = self.folder / "home", self.folder / "run"
        self.data = self.home / ".local/share"
        self.config, self.state = self.home / ".config", self.home / ".local/state"
        for folder in (self.runtime, self.data, self.config, self.state, self.folder / "services"):
            folder.mkdir(parents=True)
        for name in ACTIVATED:
            installed = Path(f"/usr/share/dbus-1/services/{name}.service")
            if installed.exists():
                shutil.copy(installed, self.folder / "services")
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder))
        self._install()
        for path in [self.folder, *self.folder.rglob("*")] if uid else []:
            os.chown(path, uid, uid)
        self.runtime.chmod(0o700)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8",
            "XDG_RUNTIME_DIR": f"{self.runtime}/", "XDG_CONFIG_HOME": str(self.config),
            "XDG_STATE_HOME": str(self.state), "XDG_DATA_HOME": str(self.data),
            "XDG_CACHE_HOME": str(self.home / ".cache"), "GSETTINGS_BACKEND": "memory",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.runtime}/bus"}
        self.bus = self.spawn("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork",
                              "--nopidfile")
        cleanup.add(end, self.bus)
        wait_for(lambda: takes_calls(self.runtime / "bus"), "the session's message bus")

    def _install(self) -> None:
        """The project's icons and desktop file, where desktops look for a person's own."""
        for name, folder in (("icons/lhguard.svg", "icons/hicolor/scalable/apps"),
                             ("icons/lhguard-symbolic.svg", "icons/hicolor/symbolic/apps"),
                             ("lhguard-notify.desktop", "applications")):
            if (ROOT / "conf" / name).exists():
                (self.data / folder).mkdir(parents=True)
                shutil.copy(ROOT / "conf" / name, self.data / folder)
        index = Path("/usr/share/icons/hicolor/index.theme")
        if (self.data / "icons/hicolor").is_dir() and index.exists():
            shutil.copy(index, self.data / "icons/hicolor")

    @property
    def enter(self) -> list[str]:
        """What to put before a command so that it runs as this person, and ends with the lab."""
        become = [f"--reuid={self.uid}", f"--regid={self.uid}"] if self.uid else []
        groups = [f"--groups={','.join(map(str, self.groups))}"] if self.groups else \
            ["--clear-groups"] if self.uid else []
        return [*(self.host.netns.enter if self.host else []), "setpriv", "--pdeathsig=KILL", *become, *groups, "--"]

    def spawn(self, *argv: str | Path, **options: Any) -> subprocess.Popen:
        """Start a program of the session; what it says goes to the session's log."""
        with open(self.folder / "log", "ab") as log:
            return spawn([*self.enter, *argv], **{
                "env": self.environment, "cwd": self.home, "stdin": subprocess.DEVNULL, "stdout": log,
                "stderr": log, **options})

    def run(self, *argv: str | Path, **options: Any) -> str:
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        return run(*self.enter, "env", "-i", *settings, *argv, **options)

    def log_text(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def owner(self, name: str) -> int:
        """The pid of who owns a name of the bus; 0: nobody."""
        said = self.run("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus.GetConnectionUnixProcessID",
                        f"string:{name}", check=False)
        found = re.fullmatch(r"\s*uint32 (\d+)\s*", said)
        return int(found[1]) if found else 0

    def wait_owner(self, name: str, process: subprocess.Popen) -> None:
        """Wait until @process owns the name, or say at once that it ended."""
        def owns() -> bool:
            if process.poll() is not None:
                raise LabError(f"{process.args} ended with {process.returncode}:\n{self.log_text()[-3000:]}")
            return self.owner(name) == process.pid
        wait_for(owns, f"{process.args} to own {name}", step=0.05)


class NotifyAgent:
    """lhguard-notify in a session, for the daemon whose control socket is @socket."""

    def __init__(self, session: Session, socket: Path, config: str = "", start: bool = True) -> None:
        self.session, self.socket = session, socket
        self.config = session.config / "lhguard/notify.conf"
        self.state = session.state / "lhguard"
        self.log = session.folder / "agent.log"
        self.process: subprocess.Popen | None = None
        self.config.parent.mkdir(exist_ok=True)
        self._give(self.config.parent)
        self.configure(config)
        session.cleanup.add(self.kill)
        if start:
            self.start()

    def configure(self, text: str) -> None:
        """Replace its configuration as an editor does."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        self._give(new)
        new.rename(self.config)

    def _give(self, path: Path) -> None:
        if self.session.uid:
            os.chown(path, self.session.uid, self.session.uid)

    def command(self, *options: str) -> list[str]:
        return [str(BUILD / "lhguard-notify"), "--socket", str(self.socket), "--config",
                str(self.config), "--state-dir", str(self.state), *options]

    def start(self) -> "NotifyAgent":
        """Start it and wait until it is the session's agent."""
        if not (BUILD / "lhguard-notify").exists():
            raise LabError("build/lhguard-notify is not built: run make")
        with open(self.log, "ab") as log:
            self.process = self.session.spawn(*self.command(), stdout=log, stderr=log)
        self.session.wait_owner(AGENT, self.process)
        self.wait_linked()
        return self

    def wait_linked(self) -> None:
        """Until it has heard of the daemon: the bus, Watch, and what it asks for then. Where it may not look,
        or there is no daemon, or we are not root, a moment has to do."""
        deadline = time.monotonic() + (10 if self.socket.exists() and not os.geteuid() else 2)
        while self._sockets() < 3 and time.monotonic() < deadline:
            time.sleep(0.02)

    def _sockets(self) -> int:
        links = []
        try:
            for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
                links.append(self._link(fd))
        except PermissionError:  # it is none of ours but for root: it cannot be traced
            pass
        return sum(link.startswith("socket:") for link in links)

    @staticmethod
    def _link(fd: Path) -> str:
        try:
            return os.readlink(fd)
        except FileNotFoundError:  # closed since
            return ""

    def run(self, *options: str) -> subprocess.CompletedProcess:
        """A short run of it beside, e.g. --muted."""
        return subprocess.run([*self.session.enter, *self.command(*options)], stdin=subprocess.DEVNULL,
                              env=self.session.environment, capture_output=True, text=True, timeout=60)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def alive(self) -> bool:
        return self.process is not None and alive(self.process.pid)

    def stop(self, timeout: float = 10) -> int:
        """TERM and wait; its exit status. It has to end within @timeout."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"lhguard-notify did not end in {timeout} s:\n{self.log_text()}") from None

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self) -> "NotifyAgent":
        self.stop()
        return self.start()

    @property
    def resident_kib(self) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])
