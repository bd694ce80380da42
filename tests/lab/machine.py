# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM that plays the machine to be guarded, for what the kernel of the machine at hand may lack.

It boots Debian's kernel with all modules that the guard and its guests need, has this build's lhguardd and
lhguard, and one real network adapter, eth0, that nobody answers on. Its guests are namespaces in it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import image
from .guests import Agent
from .host import Answer, Target, probe_answers, probe_arguments
from .system import BUILD, CACHE, LAB, PATIENCE, ROOT, Cleanup, LabError, end, need, run, spawn, wait_for

# In the order of their insertion.
MODULES = [*image.MODULES, "libcrc32c", "ipvlan", "macvlan", "veth", "nfnetlink", "nfnetlink_queue",
           "nf_tables", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nft_ct", "nft_queue",
           "nf_socket_ipv6", "nf_socket_ipv4", "nft_socket", "nf_reject_ipv4", "nf_reject_ipv6",
           "nft_reject", "nft_reject_inet", "nft_fib", "nft_fib_ipv4", "nft_fib_ipv6", "nft_fib_inet"]


def _put(root: Path, source: Path, target: str) -> None:
    """Copy a file; never through a link of busybox's."""
    path = root / target.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    shutil.copy(source.resolve(), path)


def _put_program(root: Path, source: Path, target: str) -> None:
    """Copy a program and the libraries that it needs."""
    _put(root, source, target)
    for line in run("ldd", source).splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            _put(root, Path(found[1]), found[1])


def _initrd(folder: Path) -> Path:
    root = folder / "root"
    shutil.copytree(image.root(), root, symlinks=True)
    for program in (BUILD / "lhguardd", BUILD / "lhguard", Path(shutil.which("ip"))):
        _put_program(root, program, f"/bin/{program.name}")
    _put(root, image.tool("greeter"), "/bin/greeter")
    for name in ("guests.conf", "services.conf"):
        _put(root, ROOT / "conf" / name, f"/usr/share/lhguard/{name}")
    kernel = image.kernel_folder()
    (root / "modules").mkdir()
    order = [name for name in MODULES if image.copy_module(kernel, name, root / "modules")]
    (root / "modules/order").write_text("".join(f"{name}\n" for name in order))
    _put(root, LAB / "machineinit", "/init")
    (root / "init").chmod(0o755)
    image.archive(root, folder / "initrd")
    shutil.rmtree(root)
    return folder / "initrd"


class Machine:
    """The VM, with commands by its agent."""

    def __init__(self, cleanup: Cleanup) -> None:
        need("qemu-system-x86_64", "ldd", "ip")
        folder = Path(tempfile.mkdtemp(prefix="lhg-machine-"))
        cleanup.add(shutil.rmtree, folder)
        process = spawn(
            ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-m", "512", "-nodefaults", "-no-reboot",
             "-display", "none", "-serial", "stdio", "-kernel", CACHE / "vmlinuz", "-initrd",
             _initrd(folder), "-append", "console=ttyS0 quiet panic=1 mitigations=off tsc=reliable "
             "no_timer_check", "-netdev", "user,id=n,restrict=on", "-device",
             "virtio-net-pci,netdev=n,romfile="],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        cleanup.add(end, process)
        self.agent = Agent(process, "the machine")
        self.agent.answer(6 * PATIENCE)

    def sh(self, command: str, timeout: float = 2 * PATIENCE) -> str:
        status, output = self.agent.run(command, timeout)
        if status:
            raise LabError(f"the machine: {command}: exit {status}\n{output}")
        return output

    def probe(self, netns: str, targets: list[Target], timeout: float = 1.0) -> list[Answer]:
        """Ask for services from a namespace of its own."""
        argv, tokens = probe_arguments(targets, timeout)
        return probe_answers(self.sh(f"ip netns exec {netns} " + " ".join(argv)), tokens)

    def guard(self) -> None:
        """Start lhguardd, and collect what `lhguard watch` tells in /run/events."""
        self.sh("mkdir -p /etc/lhguard/guests.d /etc/lhguard/services.d /var/lib/lhguard /run/lhguard && "
                "printf '[guard]\\nmode = enforce\\nverdict = drop\\n' >/etc/lhguard/lhguard.conf")
        self.sh("lhguardd >/run/guard.log 2>&1 & echo $! >/run/guard.pid")
        wait_for(lambda: self.agent.run("lhguard status", 30)[0] == 0, "the machine's lhguardd")
        self.sh("lhguard watch --json --past 100 >/run/events 2>/run/watch.log & echo $! >/run/watch.pid")
        # ls fails where the program closes a file under its eyes.
        wait_for(lambda: "socket:" in self.agent.run("ls -l /proc/$(cat /run/watch.pid)/fd", 30)[1],
                 "its watch")

    def unguard(self) -> None:
        """End both, also where only one has started: none is left to the next test."""
        self.sh("set -- $(cat /run/watch.pid /run/guard.pid); rm -f /run/watch.pid /run/guard.pid; "
                "kill $*; killed=$?; [ $# = 0 ] || wait $*; [ $killed = 0 ]")
