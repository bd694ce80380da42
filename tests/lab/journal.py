# SPDX-License-Identifier: GPL-2.0-or-later
"""A journald of the test's own, in a private mount namespace, and the unit that the guard runs as there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .system import LabError, Cleanup, end, enter_cgroup, make_cgroup, need, run, spawn, wait_for

UNIT = "lhguardd.service"

# It keeps its files, and its sockets, where nobody else looks.
START = """set -e
for folder in /run/systemd /run/log /var/log/journal; do
	mkdir -p $folder
	mount -t tmpfs -o mode=755 none $folder
done
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nRateLimitBurst=0\\nForwardToWall=no\\n' \
	>/run/systemd/journald.conf.d/test.conf
exec /lib/systemd/systemd-journald
"""


class Journald:
    """Started, and ended with @cleanup."""

    def __init__(self, cleanup: Cleanup) -> None:
        need("unshare", "nsenter", "journalctl")
        self.process = spawn(["unshare", "--mount", "sh", "-c", START], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        cleanup.add(end, self.process)
        wait_for(self._listens, "journald")
        self.cgroup = make_cgroup(f"system.slice/{UNIT}", cleanup)

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise LabError(f"journald ended: {self.process.stdout.read()}")
        # Before its mounts are made there may be those of the machine's own.
        folder = Path(f"/proc/{self.process.pid}/root/run/systemd")
        return (folder / "journald.conf.d/test.conf").exists() and (folder / "journal/socket").exists()

    @property
    def enter(self) -> list[str]:
        """What to put before a command so that it sees this journal, and no other."""
        return ["nsenter", f"--target={self.process.pid}", "--mount", "--"]

    @property
    def unit(self) -> tuple[str, ...]:
        """What to put before a command so that it is the unit lhguardd.service as well."""
        return (*enter_cgroup(self.cgroup), *self.enter)

    def entries(self, *matches: str) -> list[dict]:
        """All that journalctl shows."""
        self.sync()
        return [json.loads(line) for line in
                run(*self.enter, "journalctl", "--output=json", "--all", *matches).splitlines()]

    def sync(self) -> None:
        """What was sent to journald can be read from now on."""
        run(*self.enter, "journalctl", "--flush", check=False)
        run(*self.enter, "journalctl", "--sync", check=False)
