# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxed programs on the host's own network."""

from __future__ import annotations

import subprocess

from . import image
from .guests import Guest
from .host import Host
from .system import Cleanup, enter_cgroup, make_cgroup, need, unique


class BubblewrapGuest(Guest):
    """A program in bubblewrap, as desktop applications are run: its own view of files and processes, the
    host's network."""

    kind, runtime = "sandbox", "bubblewrap"

    def __init__(self, host: Host, cleanup: Cleanup, *options: str) -> None:
        """@options: more of bwrap's."""
        need("bwrap")
        super().__init__(host, "sh")  # the program's name
        scope = make_cgroup(f"{unique()}-session/app.scope", cleanup)
        self._attach(host.spawn(
            *enter_cgroup(scope), "bwrap", "--ro-bind", image.root(), "/", "--dev", "/dev", "--proc",
            "/proc", "--tmpfs", "/tmp", *options, "--unshare-pid", "--die-with-parent", "/bin/sh", "/agent",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT), cleanup)
        self.wait_ready()
