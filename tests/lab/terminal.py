# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in a real terminal: tmux, on a socket and with a configuration of its own."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

from .system import PATIENCE


class Terminal:
    """@argv in a tmux of @columns, until the end of the block."""

    def __init__(self, *argv: str, columns: int = 80, rows: int = 40, **environment: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="lhg-tmux-")
        self.socket = str(Path(self.folder.name) / "tmux")
        kept = {"PATH": os.environ["PATH"], "HOME": self.folder.name, "LC_ALL": "C.UTF-8",
                "TERM": "xterm-256color", "SHELL": "/bin/sh"}
        self.environment = {**kept, **environment}
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "--", *argv)

    def _tmux(self, *argv: str) -> str:
        done = subprocess.run(["tmux", "-u", "-S", self.socket, "-f", "/dev/null", *argv],
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, f"tmux {argv}: {done.stderr}"
        return done.stdout

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """As tmux names them: Tab, Enter, C-c."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int = 40) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, escapes: bool = False) -> str:
        """What a person sees; @escapes: with its colours."""
        return self._tmux("capture-pane", "-p", *(["-e"] if escapes else []))

    def unwrapped(self) -> list[str]:
        """Its lines, those that did not fit and went on in the next one joined."""
        return self._tmux("capture-pane", "-p", "-J").splitlines()

    def wait(self, *words: str, timeout: float = PATIENCE) -> str:
        """The screen that has all of @words."""
        deadline = time.monotonic() + timeout
        while True:
            screen = self.screen()
            if all(word in screen for word in words):
                return screen
            assert time.monotonic() < deadline, f"{words} did not come:\n{screen}"
            time.sleep(0.05)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        # A shell that is hung up on still writes its history: the folder is not to go before it.
        with self.folder:
            pids = self._tmux("list-panes", "-a", "-F", "#{pid}\n#{pane_pid}").split()
            ended = [os.pidfd_open(int(pid)) for pid in pids]
            try:
                self._tmux("kill-server")
                for pid, pidfd in zip(pids, ended):
                    assert select.select([pidfd], [], [], 30)[0], f"{pid} of {pids} does not end"
            finally:
                for pidfd in ended:
                    os.close(pidfd)
