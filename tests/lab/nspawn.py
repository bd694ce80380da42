# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd-nspawn containers, without machined, in the cgroup that a unit of theirs would have."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from . import image
from .guests import Guest
from .host import Host
from .system import Cave, Cleanup, enter_cgroup, make_cgroup, need, spawn


class NspawnGuest(Guest):
    """A container that systemd-nspawn runs; @options say what network it has.

    @unit: in the cgroup of `systemd-nspawn@NAME.service`; else in that of whoever starts it.
    """

    runtime = "nspawn"

    def __init__(self, host: Host, name: str, cleanup: Cleanup, *options: str,
                 unit: bool = True) -> None:
        need("systemd-nspawn")
        super().__init__(host, name)
        self.root = Path(tempfile.mkdtemp(prefix="lhg-nspawn-"))
        cleanup.add(shutil.rmtree, self.root)
        shutil.copytree(image.root(), self.root, symlinks=True, dirs_exist_ok=True)
        # Not the machine's own /run/systemd: there is no unit and no machine of this name.
        self.cave = Cave(host.netns, cleanup, "/run/systemd", "/run/dbus", sysfs=True)
        cgroup = make_cgroup(f"machine.slice/systemd-nspawn@{name}.service" if unit
                             else f"{host.name}-{name}", cleanup)
        process = spawn([*enter_cgroup(cgroup), *self.cave.enter, "systemd-nspawn", "--quiet", "--register=no",
                         "--keep-unit", f"--directory={self.root}", *options, "--pipe", "--as-pid2",
                         "/bin/sh", "/agent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT)
        self._attach(process, cleanup)


class NspawnVethGuest(NspawnGuest):
    """--network-veth: the host's end is `ve-NAME`, the container's is host0."""

    def __init__(self, host: Host, name: str, cleanup: Cleanup, ip4: str, gw4: str, ip6: str,
                 gw6: str) -> None:
        super().__init__(host, name, cleanup, f"--machine={name}", "--network-veth")
        self.ip4, self.ip6 = ip4.split("/")[0], ip6.split("/")[0]
        self.gw4, self.gw6 = gw4, gw6
        self.interface = f"ve-{name}"
        self._addresses = (ip4, ip6)

    def wait_ready(self) -> None:
        """Give both ends their addresses, as networkd does where it runs."""
        super().wait_ready()
        ip4, ip6 = self._addresses
        self.host.ip("addr", "add", f"{self.gw4}/{ip4.split('/')[1]}", "dev", self.interface)
        self.host.ip("addr", "add", f"{self.gw6}/{ip6.split('/')[1]}", "dev", self.interface)
        self.host.ip("link", "set", self.interface, "up")
        for command in ("ip link set lo up",
                        "echo 0 >/proc/sys/net/ipv6/conf/host0/accept_dad",
                        "ip link set host0 up", f"ip addr add {ip4} dev host0",
                        f"ip -6 addr add {ip6} dev host0", f"ip route add default via {self.gw4}",
                        f"ip -6 route add default via {self.gw6}"):
            self.sh(command)
