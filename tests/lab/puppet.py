# SPDX-License-Identifier: GPL-2.0-or-later
"""A program of the lab that is driven by lines of JSON on its input and tells what it sees by such lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Sequence

from .system import PATIENCE, Cleanup, LabError, end, spawn

Record = dict[str, Any]
PYTHON = "/usr/bin/python3"  # the system's, which has its packages: gi


class Puppet:
    """@argv's process, and the record of what it said; it has said {"ready": true} first."""

    def __init__(self, argv: Sequence[str | Path], cleanup: Cleanup, **options: Any) -> None:
        self._records: list[Record] = []
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self.process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        cleanup.add(self.stop)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        if not self._ready.wait(PATIENCE) or self.process.poll() is not None:
            raise LabError(f"{self.process.args}: it did not start")

    def _read(self, lines: Any) -> None:
        try:
            for line in lines:
                record = json.loads(line)
                with self._lock:
                    self._records.append(record)
                if record.get("ready"):
                    self._ready.set()
        except ValueError:  # closed by stop()
            pass
        self._ready.set()

    def tell(self, **command: Any) -> None:
        """Have it do something; it comes after all that was told before."""
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def mark(self) -> int:
        """Where the record stands, for since() and wait()."""
        with self._lock:
            return len(self._records)

    def since(self, mark: int = 0) -> list[Record]:
        with self._lock:
            return self._records[mark:]

    def wait(self, matches: Callable[[Record], Any], mark: int = 0,
             timeout: float = PATIENCE) -> Record:
        """The first record since @mark that @matches; an AssertionError that shows all of them."""
        deadline = time.monotonic() + timeout
        while True:
            for record in self.since(mark):
                if matches(record):
                    return record
            if time.monotonic() > deadline:
                seen = "\n".join(map(json.dumps, self.since(mark))) or "nothing at all"
                raise AssertionError(f"not within {timeout} s; since then there was:\n{seen}")
            time.sleep(0.02)

    def freeze(self) -> None:
        """It answers nobody until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.thaw()
        end(self.process)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def end_those_of(folder: Path, grace_s: float = 2) -> None:
    """End all processes that were started with @folder in their environment, e.g. by a message bus."""
    mark = os.fsencode(f"={folder}/")

    def remaining() -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() and \
                        alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    deadline = time.monotonic() + grace_s
    while remaining() and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + PATIENCE
    while (pids := remaining()) and time.monotonic() < deadline:  # until they are gone: their folder goes next
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
