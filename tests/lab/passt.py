# SPDX-License-Identifier: GPL-2.0-or-later
"""VMs whose network is passt: a process of the host's at the other end of a Unix socket."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .guests import Vm
from .host import Host, listening
from .system import Cleanup, end, need


class Passt:
    """One passt in the host's namespace; @fd: its end of a socket pair, as a VMM hands it over."""

    def __init__(self, host: Host, cleanup: Cleanup, fd: int | None = None) -> None:
        need("passt")
        folder = Path(tempfile.mkdtemp(prefix="lhg-passt-"))
        cleanup.add(shutil.rmtree, folder)
        self.path = folder / "socket"
        where = ["--fd", str(fd)] if fd is not None else ["--socket", self.path]
        self.process = host.spawn("passt", "--runas", "0", "-f", *where, stdin=subprocess.DEVNULL,
                                  stdout=open(folder / "log", "w"), stderr=subprocess.STDOUT,
                                  pass_fds=() if fd is None else (fd,))
        cleanup.add(end, self.process)
        if fd is None:
            listening(self.process, self.path.exists, "passt's socket")


class PasstVm(Vm):
    """A VM with passt; @by_fd: both get one end of a socket pair."""

    conduit = "passt"

    def __init__(self, host: Host, name: str, cleanup: Cleanup, by_fd: bool = False,
                 passt: Passt | None = None) -> None:
        """@passt: one that is there already."""
        # Unix sockets belong to the namespace that they are made in.
        pair = host.netns.call(socket.socketpair) if by_fd else ()
        self.passt = passt or Passt(host, cleanup, pair[0].fileno() if pair else None)
        netdev = "stream,id=n,server=off,addr.type=" + (
            f"fd,addr.str={pair[1].fileno()}" if pair else f"unix,addr.path={self.passt.path}")
        super().__init__(host, name, cleanup, netdev, f"{host.LAN4}/24", "192.0.2.1",
                         f"{host.LAN6}/64", "2001:db8:2::1",
                         pass_fds=(pair[1].fileno(),) if pair else ())
        for end_of_pair in pair:
            end_of_pair.close()
