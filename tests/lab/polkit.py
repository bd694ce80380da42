# SPDX-License-Identifier: GPL-2.0-or-later
"""A system bus of the test's own with the real polkitd on it, and an authentication agent that answers."""

from __future__ import annotations

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .puppet import PYTHON, Puppet, Record
from .system import LAB, ROOT, Cleanup, LabError, end, need, run, spawn, takes_calls, wait_for

NAME = "org.freedesktop.PolicyKit1"
MANAGE, WATCH = "org.lhguard.manage", "org.lhguard.watch"

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""

def rule(action: str, result: str) -> str:
    """A rules file that gives @result, e.g. YES, NO, AUTH_ADMIN, AUTH_ADMIN_KEEP."""
    return f'polkit.addRule(function(action, subject) {{ if (action.id == "{action}") ' \
        f"return polkit.Result.{result}; }});\n"


# There is no logind in the lab, so nobody "sits at the machine": a rule says what the policy says of those
# who do. For changes it asks for a password wherever somebody sits.
AT_THE_MACHINE = rule(WATCH, "YES")


class Polkit:
    """A system bus, and polkitd on it until stop(); it knows the project's actions, and @rules alone."""

    def __init__(self, cleanup: Cleanup, rules: str = AT_THE_MACHINE) -> None:
        need("dbus-daemon", "dbus-send", "unshare")
        self.cleanup = cleanup
        programs = [path for pattern in ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd",
                                         "/usr/libexec/polkit-1/polkitd") for path in glob.glob(pattern)]
        if not programs:
            raise LabError("missing: polkitd. Install what the tests need: contrib/setup/deps test")
        self.program = programs[0]
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-polkit-"))
        cleanup.add(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.actions, self.rules = self.folder / "actions", self.folder / "rules"
        for folder in (self.actions, self.rules, self.folder / "none"):
            folder.mkdir()
        shutil.copy(ROOT / "conf/org.lhguard.policy", self.actions)
        self.allow(rules)
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder))
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus"}
        self.bus = self._spawn("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork",
                               "--nopidfile")
        cleanup.add(end, self.bus)
        wait_for(lambda: takes_calls(self.folder / "bus"), "the system bus")
        self.process: subprocess.Popen | None = None
        cleanup.add(self.stop)
        self.start()

    def _spawn(self, *argv: str | Path) -> subprocess.Popen:
        with open(self.folder / "log", "ab") as log:
            return spawn(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         env={**os.environ, **self.environment})

    def log_text(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def allow(self, rules: str) -> None:
        """Replace the rules; before start()."""
        (self.rules / "10-test.rules").write_text(rules)

    def start(self) -> None:
        """Start polkitd, which sees these actions and rules and no others of the machine."""
        mounts = 'mount --bind "$0" /usr/share/polkit-1/actions && ' \
                 'mount --bind "$1" /etc/polkit-1/rules.d && ' \
                 '{ [ ! -d /usr/share/polkit-1/rules.d ] || mount --bind "$2" /usr/share/polkit-1/rules.d; } && ' \
                 'shift 2 && exec "$@"'
        self.process = self._spawn("unshare", "--mount", "--propagation=slave", "sh", "-c", mounts,
                                   self.actions, self.rules, self.folder / "none", self.program)
        self._wait_owner()

    def _owner(self) -> int:
        said = run("dbus-send", f"--bus=unix:path={self.folder}/bus", "--print-reply=literal",
                   "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.GetConnectionUnixProcessID", f"string:{NAME}", check=False)
        found = re.fullmatch(r"\s*uint32 (\d+)\s*", said)
        return int(found[1]) if found else 0

    def _wait_owner(self) -> None:
        def owns() -> bool:
            if self.process.poll() is not None:
                raise LabError(f"polkitd ended with {self.process.returncode}:\n{self.log_text()[-3000:]}")
            return self._owner() == self.process.pid
        wait_for(owns, "polkitd", step=0.05)

    def freeze(self) -> None:
        """It answers nobody until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process:
            end(self.process)

    def restart(self, rules: str) -> None:
        """A new polkitd with other rules; what it granted for a while is forgotten."""
        self.stop()
        self.allow(rules)
        self.start()


class Authenticator(Puppet):
    """The person at the password dialog of @polkit: says @answer "yes", "no", or "wait" (nothing yet)."""

    def __init__(self, polkit: Polkit, answer: str = "no") -> None:
        super().__init__([PYTHON, LAB / "polkitagent.py"], polkit.cleanup,
                         env={**os.environ, **polkit.environment})
        self.answer(answer)

    def _do(self, **command: Any) -> None:
        mark = self.mark()
        self.tell(**command)
        self.wait(lambda record: record.get("done"), mark)
        errors = [record["error"] for record in self.since(mark) if "error" in record]
        if errors:
            raise LabError(f"the authentication agent: {errors}")

    def serve(self, pid: int) -> None:
        """Be asked about this process from now on; once for each polkitd and process."""
        self._do(register=pid)

    def leave(self, pid: int) -> None:
        self._do(unregister=pid)

    def answer(self, how: str) -> None:
        self._do(answer=how)

    def asked(self, mark: int = 0) -> list[Record]:
        return [record for record in self.since(mark) if "asked" in record]

    def wait_asked(self, mark: int = 0) -> Record:
        return self.wait(lambda record: "asked" in record, mark)
