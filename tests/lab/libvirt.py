# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's VMs: a daemon of the system's, one of a user's session, and their domains.

Both daemons live in private mounts, with configuration, state and users of their own: nothing of an
installed libvirt is read, started or changed, and no system bus is asked.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .guests import Agent, Guest
from .host import Host, listening
from .system import CACHE, PATIENCE, Cave, Cleanup, end, need

USER = 64056  # of the session; libvirt insists on its own name and number for QEMU
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
namespaces = []
stdio_handler = "file"
"""
LIBVIRTD_CONF = """\
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
"""
PREPARE = f"""\
set -e
printf '%s' "$1" >/etc/libvirt/qemu.conf
printf '%s' "$2" >/etc/libvirt/libvirtd.conf
cp /etc/passwd /etc/group /run/libvirt
echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >>/run/libvirt/passwd
echo 'lab:x:{USER}:{USER}::/run/libvirt/home:/bin/sh' >>/run/libvirt/passwd
echo 'libvirt-qemu:x:64055:' >>/run/libvirt/group
echo 'lab:x:{USER}:' >>/run/libvirt/group
for file in passwd group; do mount --bind /run/libvirt/$file /etc/$file; done
# The probe of a KVM inside a VM may hang.
[ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm
mkdir -m 700 /run/libvirt/home /run/libvirt/home/run
chown -R {USER}:{USER} /run/libvirt/home
mkdir /run/libvirt/boot
for file in vmlinuz initrd; do
	: >/run/libvirt/boot/$file
	mount --bind "$3/$file" /run/libvirt/boot/$file
	chmod a+r /run/libvirt/boot/$file
done
"""
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>96</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/run/libvirt/boot/vmlinuz</kernel>
    <initrd>/run/libvirt/boot/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=1 mitigations=off tsc=reliable no_timer_check {addresses}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {interface}
    <serial type='unix'><source mode='bind' path='{console}'/></serial>
  </devices>
</domain>
"""


class Libvirt:
    """One libvirtd; @session: as an ordinary user, as GNOME Boxes has it."""

    def __init__(self, host: Host, cleanup: Cleanup, session: bool = False) -> None:
        need("libvirtd", "virsh", "qemu-system-x86_64", "setpriv")
        self.host, self.session = host, session
        self.cave = Cave(host.netns, cleanup, "/run/libvirt", "/etc/libvirt", "/var/lib/libvirt",
                         "/var/cache/libvirt", "/var/log/libvirt", "/run/dbus", "/run/systemd")
        self.cave.run("sh", "-c", PREPARE, "prepare", QEMU_CONF, LIBVIRTD_CONF, CACHE)
        self.folder = "/run/libvirt/home" if session else "/run/libvirt"
        self.uri = "qemu:///session" if session else "qemu:///system"
        log = tempfile.TemporaryFile()
        self.process = self.cave.spawn(*self._as_user, "libvirtd", stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT)
        cleanup.add(log.close)
        cleanup.add(end, self.process)

    def wait_ready(self) -> None:
        """Apart from starting, so that both daemons look for what QEMU can do side by side."""
        listening(self.process, lambda: self.virsh("uri", check=False).startswith("qemu:"),
                  f"libvirtd, {self.uri}", 2 * PATIENCE)

    @property
    def _as_user(self) -> list[str]:
        if not self.session:
            return []
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--pdeathsig",
                "KILL", "env", f"HOME={self.folder}", f"XDG_RUNTIME_DIR={self.folder}/run"]

    def virsh(self, *argv: str, **options: object) -> str:
        return self.cave.run(*self._as_user, "virsh", "-q", "-c", self.uri, *argv, **options)

    def path(self, inside: str) -> Path:
        """What a path of the daemon's mounts is called outside them."""
        return Path(f"/proc/{self.cave.keeper.pid}/root{inside}")


class Console:
    """A VM's serial console: the streams of a process, as the agent wants them."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self.stdin = self._socket.makefile("wb")
        self.stdout = self._socket.makefile("rb")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        for stream in (self.stdin, self.stdout, self._socket):
            stream.close()


class LibvirtVm(Guest):
    """A domain; @interface is libvirt's XML of its network."""

    kind = "vm"
    _count = 0

    def __init__(self, libvirt: Libvirt, name: str, cleanup: Cleanup, interface: str, ip4: str,
                 gw4: str, ip6: str, gw6: str) -> None:
        super().__init__(libvirt.host, name)
        self.runtime = "qemu" if libvirt.session else "libvirt"
        LibvirtVm._count += 1
        self.libvirt = libvirt
        self.ip4, self.ip6 = ip4.split("/")[0], ip6.split("/")[0]
        self.gw4, self.gw6 = gw4, gw6
        console = f"{libvirt.folder}/console-{LibvirtVm._count}"
        domain = f"{libvirt.folder}/domain-{LibvirtVm._count}"
        libvirt.path(domain).write_text(DOMAIN.format(
            name=escape(name), interface=interface, console=console,
            addresses=f"lab.ip4={ip4} lab.gw4={gw4} lab.ip6={ip6} lab.gw6={gw6}"))
        libvirt.wait_ready()
        libvirt.virsh("create", domain)
        cleanup.add(libvirt.virsh, "destroy", name)
        self.console = Console(libvirt.path(console))
        cleanup.add(self.console.close)
        self.agent = Agent(self.console, repr(self))


class LibvirtUserVm(LibvirtVm):
    """<interface type='user'>: QEMU's own user-mode networking."""

    def __init__(self, libvirt: Libvirt, name: str, cleanup: Cleanup) -> None:
        super().__init__(libvirt, name, cleanup,
                         "<interface type='user'><model type='virtio'/><rom enabled='no'/></interface>",
                         "10.0.2.15/24", "10.0.2.2", "fec0::15/64", "fec0::2")


class LibvirtBridgedVm(LibvirtVm):
    """<interface type='bridge'>: libvirtd makes the tap, vnetN."""

    def __init__(self, libvirt: Libvirt, name: str, cleanup: Cleanup, bridge: str, mac: str, ip4: str,
                 gw4: str, ip6: str, gw6: str) -> None:
        self.mac, self.interface = mac, bridge
        super().__init__(libvirt, name, cleanup,
                         f"<interface type='bridge'><source bridge={quoteattr(bridge)}/>"
                         f"<mac address={quoteattr(mac)}/><model type='virtio'/><rom enabled='no'/>"
                         "</interface>", ip4, gw4, ip6, gw6)
