# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-ins: programs that only look like those of a runtime that cannot run in the lab (standin.c).

A stand-in is a chain of processes, each the parent of the next, as a runtime has its supervisor above the
container; the last of them connects, as often as it is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import image
from .host import Host, Target, new_token
from .system import Cleanup, LabError, end, make_cgroup, put_file

INSTALLED = Path("/opt")  # where the guard takes a program for the host's own


@dataclass(frozen=True)
class Process:
    """What one process of a stand-in looks like.

    @program: its executable; folders may stand before it, all of them where it starts with "/"
    @argv: its arguments, the first is by default the program's name
    @comm: "": that of the program
    @cgroup: where it is when it becomes that program, "" for where its parent is
    @unshare: namespaces of its own, e.g. "pid mnt"
    @hold: devices and files that it holds open
    @serve: a Unix socket, and how many callers it waits for and keeps
    @installed: its executable is where the host's own programs are, and not in somebody's folder; it
    makes its namespaces itself
    """
    program: str
    argv: tuple[str, ...] = ()
    comm: str = ""
    cgroup: str = ""
    unshare: str = ""
    hold: tuple[str, ...] = ()
    serve: tuple[Path, int] | None = None
    installed: bool = False


def owner_of(path: str) -> int:
    """The user in whose runtime folder it is, else root."""
    parts = Path(path).parts
    return int(parts[3]) if parts[1:3] == ("run", "user") else 0


def installed_folder(cleanup: Cleanup) -> Path:
    """A folder for a program of the host's own; those of tests that were killed go first."""
    for left in INSTALLED.glob("lhg-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=f"lhg-{os.getpid()}-", dir=INSTALLED))
    cleanup.add(shutil.rmtree, folder)
    folder.chmod(0o755)
    return folder


class Standin:
    """A running stand-in: waits until it is told to connect."""

    def __init__(self, host: Host, folder: Path, cleanup: Cleanup, *processes: Process,
                 target: Target, scenery: str = "", files: dict[str, str] | None = None,
                 timeout_ms: int = 5000) -> None:
        """@scenery: a shell script that makes files in private mounts; $0 is the stand-in's program.
        @files: what the runtime writes down where all can see it, by their paths

        As on a desktop each is in a cgroup of its own, unless its looks say otherwise.
        """
        self.token, self.what = "", processes[-1].program
        scope = make_cgroup(f"{host.name}-session/app-{new_token()}.scope", cleanup)
        steps: list[tuple[str, ...]] = [("cgroup", str(scope))]
        for path, text in (files or {}).items():
            put_file(Path(path), text, cleanup, owner_of(path))
        for index, process in enumerate(processes):
            if index:
                steps.append(("child",))
            steps += self._steps(process, folder, cleanup)
        steps += [("calls", target.address, str(target.port), str(timeout_ms))]
        stage = ("unshare", "--mount", "sh", "-c", f'set -e\n{scenery}\nexec "$0"') if scenery else ()
        self.process = host.spawn(
            *stage, image.standin(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "STANDIN": "\n".join("\t".join(step) for step in steps)})
        cleanup.add(end, self.process)

    @staticmethod
    def _steps(process: Process, folder: Path, cleanup: Cleanup) -> list[tuple[str, ...]]:
        steps: list[tuple[str, ...]] = []
        if process.installed:
            folder = installed_folder(cleanup)
        program = folder / process.program
        if not process.program.startswith("/") and not program.exists():
            program.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(image.standin(), program)
        if process.cgroup:
            steps.append(("cgroup", str(make_cgroup(process.cgroup, cleanup))))
        namespaces = [("unshare", *process.unshare.split())] if process.unshare else []
        if not process.installed:
            steps += namespaces
        steps.append(("exec", str(program), *(process.argv or (program.name,))))
        if process.installed:
            steps += namespaces
        if process.comm:
            steps.append(("comm", process.comm))
        if process.serve:
            steps.append(("serve", *map(str, process.serve)))
        return steps + [("open", path) for path in process.hold]

    def _line(self) -> str:
        line = self.process.stdout.readline()
        if not line or line.startswith("standin:"):
            raise LabError(f"{self.what}: {line or 'ended'}")
        return line.strip()

    def wait_ready(self) -> None:
        line = self._line()
        if line != "ready":
            raise LabError(f"{self.what}: {line}")

    def connect(self) -> None:
        """Let it connect, with a token of its own each time, without waiting for the outcome."""
        self.token = new_token()
        self.process.stdin.write(f"{self.token}\n")
        self.process.stdin.flush()

    def outcome(self) -> tuple[int, str | None, str | None]:
        """Of one connect(): its own port, the reply or None, the error or None."""
        port, how, text = self._line().split(" ", 2)
        return int(port), text if how == "reply" else None, text if how == "error" else None
