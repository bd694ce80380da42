# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not let their command line be read (silent.c), under the name of a VMM."""

from __future__ import annotations

import select
import shutil
import subprocess
from pathlib import Path

from . import image
from .guests import Podman, PodmanGuest
from .host import Host, Target, new_token
from .system import PATIENCE, Cleanup, LabError, end

PROGRAM = "qemu-system-x86_64"


class Silent:
    """One of them, which connects to @target when it is told to."""

    def __init__(self, process: subprocess.Popen, token: str, timeout_ms: int, cleanup: Cleanup) -> None:
        self.process, self.token, self.timeout = process, token, timeout_ms / 1000 + PATIENCE
        cleanup.add(end, process)

    @classmethod
    def on_host(cls, host: Host, folder: Path, target: Target, cleanup: Cleanup,
                timeout_ms: int = 1000, unshare: str = "", name: str = PROGRAM) -> "Silent":
        """@unshare: options of unshare(1) for namespaces that it is put into."""
        program, token = folder / name, new_token()
        if not program.exists():
            shutil.copy(image.root() / "bin/silent", program)
        stage = ("unshare", "--fork", "--kill-child", *unshare.split()) if unshare else ()
        process = host.spawn(*stage, program, program, target.address, str(target.port), token,
                             str(timeout_ms), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return cls(process, token, timeout_ms, cleanup)

    @classmethod
    def in_container(cls, guest: PodmanGuest, target: Target, cleanup: Cleanup,
                     timeout_ms: int = 1000) -> "Silent":
        """As the container's process that was started from outside."""
        token = new_token()
        guest.sh(f"cp /bin/silent /bin/{PROGRAM}")
        process = guest.podman.cave.spawn(
            "podman", *Podman.globals, "exec", "--interactive", guest.name, f"/bin/{PROGRAM}",
            f"/bin/{PROGRAM}", target.address, str(target.port), token, str(timeout_ms),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return cls(process, token, timeout_ms, cleanup)

    def _line(self) -> str:
        if not select.select([self.process.stdout], [], [], self.timeout)[0]:
            raise LabError(f"{PROGRAM}: no answer")
        return self.process.stdout.readline().strip()

    def wait_ready(self) -> "Silent":
        line = self._line()
        if line != "ready":
            raise LabError(f"{PROGRAM}: {line or 'ended'}")
        return self

    def ask(self) -> str | None:
        """Connect; the reply or None."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self._line()
        return line.removeprefix("0 reply ") if line.startswith("0 reply ") else None


def pids(host: Host) -> list[int]:
    """Of all silent ones on @host, as the machine counts: those whose parent is a file server."""
    netns, found = host.path.stat().st_ino, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines())
            if status["Name"] == PROGRAM[:15] and (folder / "ns/net").stat().st_ino == netns:
                found[int(folder.name)] = int(status["PPid"])
        except OSError:  # it has ended meanwhile
            continue
    return [pid for pid, parent in found.items() if parent in found]


def answers(pid: int) -> bool:
    """Can its command line be read?"""
    try:
        subprocess.run(["cat", f"/proc/{pid}/cmdline"], stdout=subprocess.DEVNULL, timeout=0.5)
    except subprocess.TimeoutExpired:
        return False
    return True
