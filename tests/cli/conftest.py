# SPDX-License-Identifier: GPL-2.0-or-later
"""The CLI against a daemon with fixed answers: no root, no network."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]

from daemon import ANSWERS, FixedDaemon  # noqa: E402

LHGUARD = ROOT / "build/lhguard"
JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"
NARROW, WIDE = 80, 200


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@dataclass(frozen=True)
class Ran:
    """What a run of lhguard gave."""
    status: int
    output: bytes
    error: bytes
    calls: list[str]


def read_terminal(leader: int) -> bytes:
    """All that is written to a terminal until its other end is closed."""
    output = b""
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:  # EIO: nobody has the other end any more
            return output
        if not data:
            return output
        output += data


class Cli:
    """Runs build/lhguard in a fixed environment."""

    def __init__(self, daemon: FixedDaemon, journal: Path) -> None:
        self.daemon, self.journal = daemon, journal

    def run(self, *argv: str, columns: int = 0, variant: str = "", socket: str = "", folder: Path = ROOT,
            error_too: bool = False, without: tuple[str, ...] = (), program: Path = LHGUARD,
            **environment: str) -> Ran:
        """@columns: of the terminal that stdout is; 0: a pipe. stderr is a file, but with @error_too that
        terminal, too. @without: members that the daemon's answers do not have.

        The word JOURNAL stands for the path of a journal file, made from answers/journal.export.
        """
        argv = tuple(str(self.journal) if word == "JOURNAL" else word for word in argv)
        self.daemon.variant, self.daemon.without, self.daemon.calls = variant, without, []
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm",
                       "LHGUARD_SOCKET": socket or str(self.daemon.path), **environment}
        if not columns:
            done = subprocess.run([program, *argv], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=60)
            return Ran(done.returncode, done.stdout, done.stderr, self.daemon.calls)
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with tempfile.TemporaryFile() as error:  # no pipe: nobody would read it meanwhile
            process = subprocess.Popen([program, *argv], env=environment, cwd=folder,
                                       stdin=subprocess.DEVNULL, stdout=follower,
                                       stderr=follower if error_too else error)
            os.close(follower)
            output = read_terminal(leader).replace(b"\r\n", b"\n")
            os.close(leader)
            process.wait(60)
            error.seek(0)
            return Ran(process.returncode, output, error.read(), self.daemon.calls)


@pytest.fixture(scope="session")
def cli():
    if not LHGUARD.exists():
        pytest.exit("build/lhguard is not built: run make", 1)
    with tempfile.TemporaryDirectory(prefix="lhg-cli-") as folder:
        daemon = FixedDaemon(Path(folder) / "socket")
        journal = Path(folder) / "fixed.journal"
        subprocess.run([JOURNAL_REMOTE, "-o", journal, ANSWERS / "journal.export"], check=True,
                       capture_output=True)
        try:
            yield Cli(daemon, journal)
        finally:
            daemon.close()
