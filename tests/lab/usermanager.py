# SPDX-License-Identifier: GPL-2.0-or-later
"""A person's own systemd, with what `make install` brings for it; the machine need not run by systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .puppet import end_those_of
from .system import (PATIENCE, ROOT, Cleanup, LabError, end, enter_cgroup, make_cgroup, need, run, spawn, unique,
                     wait_for)

# As root in this person's sudo: where a booted system has the session's folder.
SUDO = """\
set -e
mkdir -p /run/user
mount -t tmpfs none /run/user
mkdir "/run/user/$SUDO_UID"
mount --bind "$1" "/run/user/$SUDO_UID"
mount --bind "$2" /etc/passwd
shift 2
exec "$@"
"""
# systemd asks whether it runs the machine; and for the name of its user.
PREPARE = """\
set -e
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
mount --bind "$1" /etc/passwd
if mountpoint -q /sys/fs/cgroup; then umount -R /sys/fs/cgroup; fi
mount -t cgroup2 none /sys/fs/cgroup
shift
exec "$@"
"""


class UserManager:
    """The systemd of the user @uid, who is called person, a member of @groups; a service of it is a process
    of the host. A FakeServer takes it for a session."""

    def __init__(self, cleanup: Cleanup, uid: int, *groups: int) -> None:
        need("systemctl", "setpriv", "unshare", "make")
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-manager-"))
        cleanup.add(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        home, runtime = self.folder / "home", self.folder / "run"
        self.cleanup, self.home = cleanup, home
        self.units = home / ".local/share/systemd/user"
        for path in (home, runtime):
            path.mkdir()
        self._install()
        for path in [home, runtime, *home.rglob("*")]:
            os.chown(path, uid, uid, follow_symlinks=False)
        runtime.chmod(0o700)
        self.uid, self.runtime, self.passwd = uid, runtime, self.folder / "passwd"
        self.passwd.write_text(f"{Path('/etc/passwd').read_text()}person:x:{uid}:{uid}::{home}:/bin/sh\n")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime),
                            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus", "LC_ALL": "C.UTF-8"}
        of = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
        self.enter = ["setpriv", f"--reuid={uid}", f"--regid={uid}", of, "--"]
        self.cgroup = make_cgroup(f"{unique('person')}", cleanup)
        inner = self.cgroup / "manager"
        inner.mkdir()
        for path in (self.cgroup, inner, *self.cgroup.glob("cgroup.*"), *inner.glob("cgroup.*")):
            os.chown(path, uid, uid)
        cleanup.add(end_those_of, self.folder)
        with open(self.folder / "log", "wb") as log:
            self.process = spawn(
                [*enter_cgroup(inner), "unshare", "--mount", "sh", "-c", PREPARE, "sh", self.passwd,
                 *self.enter, "/lib/systemd/systemd", "--user"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cleanup.add(end, self.process, PATIENCE)  # it ends all its units
        wait_for(self._is_up, "systemd --user", step=0.1)

    def _install(self) -> None:
        """What is built, for this person alone; readable also where the sources are not."""
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        subprocess.run(["make", "-s", "-C", ROOT, "-o", "all", "install", f"userunitdir={self.units}",
                        f"prefix={self.folder}/usr", f"sysconfdir={self.folder}/etc"],
                       check=True, env=environment)

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise LabError(f"systemd --user ended:\n{(self.folder / 'log').read_text()[-3000:]}")
        return self.systemctl("is-active", "basic.target", check=False) == "active"

    def _run(self, *argv: str, check: bool = True) -> str:
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        return run(*self.enter, "env", "-i", *settings, *argv, check=check).strip()

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """systemctl --user, as this person."""
        return self._run("systemctl", "--user", "--no-pager", *arguments, check=check)

    def sudo(self, *argv: str | Path) -> str:
        """A command as root, as this person runs it by sudo."""
        return run("env", "SUDO_USER=person", f"SUDO_UID={self.uid}", "unshare", "--mount", "sh", "-c", SUDO,
                   "sh", self.runtime, self.passwd, *argv)

    def names(self) -> str:
        """Who is on the session's bus."""
        return self._run("busctl", "--user", "--no-pager", "--no-legend", "--acquired", "list", check=False)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit)
