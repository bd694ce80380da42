# SPDX-License-Identifier: GPL-2.0-or-later
"""Real guests behind one interface: QEMU VMs, podman and LXC containers, slirp4netns, pasta, netns.

Every guest has `name`, `label` (how the guard names it), `selector` (by runtime), `route` (how it
arrives, a dictionary for those with several ways) and runs commands by its agent: a shell loop inside
the guest, on the VM's serial console or the container's standard input.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from . import image
from .host import (Answer, Host, Target, hide_arguments, listening, probe_answers,
                   probe_arguments)
from .system import (CACHE, PATIENCE, Cave, Cleanup, LabError, Netns, end, enter_cgroup, need, remove_lxc_cgroups,
                     spawn, wait_for)


class Agent:
    """Commands for the shell loop `agent` at the other end of a process's standard streams."""

    def __init__(self, process: subprocess.Popen, what: str) -> None:
        self.process, self.what = process, what
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._late = 0  # answers that were not waited for
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self.process.stdout:
                self._lines.put(line.decode(errors="replace").rstrip("\r\n"))
        except (OSError, ValueError):  # closed by end()
            pass
        self._lines.put(None)

    def answer(self, timeout: float) -> tuple[int | None, str]:
        """Read until the end of an answer: exit status (None for "ready") and output."""
        said: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=timeout)
            except queue.Empty:
                raise LabError(f"{self.what}: no answer in {timeout} s:\n" + "\n".join(said)) from None
            if line is None:
                raise LabError(f"{self.what}: ended:\n" + "\n".join(said))
            if line.startswith("@@ "):
                status = line[3:].strip()
                return None if status == "ready" else int(status), "\n".join(said)
            said.append(line)

    def run(self, command: str, timeout: float) -> tuple[int, str]:
        with self._lock:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
            self._late += 1
            while self._late:
                status, output = self.answer(timeout)
                self._late -= 1
        return -1 if status is None else status, output


class Guest:
    """What all guests can do."""

    kind = "container"
    runtime = ""

    def __init__(self, host: Host, name: str) -> None:
        self.host, self.name = host, name
        self.agent: Agent | None = None

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def selector(self) -> str:
        return f"{self.runtime}:{self.name}"

    def __repr__(self) -> str:
        return self.selector

    def _attach(self, process: subprocess.Popen, cleanup: Cleanup, grace: float = 3) -> None:
        cleanup.add(end, process, grace)
        self.agent = Agent(process, repr(self))

    def wait_ready(self) -> None:
        """Wait for the agent's first word. Apart from starting, so that guests boot side by side."""
        self.agent.answer(3 * PATIENCE)

    def sh(self, command: str, timeout: float = PATIENCE, check: bool = True) -> str:
        """Run a shell command inside the guest."""
        status, output = self.agent.run(command, timeout)
        if check and status:
            raise LabError(f"{self}: {command}: exit {status}\n{output}")
        return output

    def probe(self, targets: list[Target], timeout: float = 1.0) -> list[Answer]:
        """Ask for several services at once."""
        argv, tokens = probe_arguments(targets, timeout)
        return probe_answers(self.sh(shlex.join(argv), timeout + PATIENCE), tokens)

    def ask(self, target: Target, timeout: float = 1.0) -> Answer:
        return self.probe([target], timeout)[0]

    def hide(self, trick: str, target: Target, timeout: float = 2.5) -> Answer:
        """Ask as a client that hides. The time is for a second SYN, after one second."""
        argv, tokens = hide_arguments(trick, target, timeout)
        return probe_answers(self.sh(shlex.join(argv), timeout + PATIENCE), tokens)[0]

    def tcp(self, address: str, port: int, timeout: float = 1.0) -> str | None:
        """The service's reply, None when there is none."""
        return self.ask(Target("tcp", address, port), timeout).reply

    def udp(self, address: str, port: int, timeout: float = 1.0) -> str | None:
        return self.ask(Target("udp", address, port), timeout).reply

    def ping(self, address: str, timeout: int = 1) -> bool:
        six = "-6" if ":" in address else "-4"
        return self.agent.run(f"ping {six} -c 1 -W {timeout} {address}", timeout + PATIENCE)[0] == 0

    def resolve(self, name: str, server: str, timeout: float = PATIENCE) -> str:
        """The output of a DNS query for @name to @server, which is asked again after 2.5 s."""
        return self.agent.run(f"timeout 5 nslookup {name} {server}", timeout)[1]


class Vm(Guest):
    """A QEMU VM. Without an accelerator: it boots in 3 s and needs no rights to nested KVM."""

    kind, runtime = "vm", "qemu"
    _count = 0

    def __init__(self, host: Host, name: str, cleanup: Cleanup, netdev: str, ip4: str, gw4: str,
                 ip6: str, gw6: str, options: str = "", wrap: tuple = (),
                 program: str | Path = "qemu-system-x86_64", pass_fds: tuple = ()) -> None:
        super().__init__(host, name)
        need("qemu-system-x86_64")
        Vm._count += 1
        self.ip4, self.ip6 = ip4.split("/")[0], ip6.split("/")[0]
        self.gw4, self.gw6 = gw4, gw6
        self.mac = f"52:54:00:1a:b0:{Vm._count:02x}"
        append = ("console=ttyS0 quiet panic=1 mitigations=off tsc=reliable no_timer_check "
                  f"lab.ip4={ip4} lab.gw4={gw4} lab.ip6={ip6} lab.gw6={gw6}")
        self.process = host.spawn(
            *wrap, program, "-name", f"guest={name}{options}", "-machine", "q35,accel=tcg",
            "-m", "96", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
            "-kernel", CACHE / "vmlinuz", "-initrd", CACHE / "initrd", "-append", append,
            "-netdev", netdev, "-device", f"virtio-net-pci,netdev=n,romfile=,mac={self.mac}",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=pass_fds)
        self._attach(self.process, cleanup)


class UserVm(Vm):
    """A VM with user-mode networking (libslirp): the seed of the whole project."""

    def __init__(self, host: Host, name: str, cleanup: Cleanup, options: str = "",
                 resolv_conf: Path | None = None, forward: tuple[str, ...] = (),
                 program: str | Path = "qemu-system-x86_64") -> None:
        """@resolv_conf: what this VM's QEMU sees as the host's /etc/resolv.conf; @forward: ports of
        the host that QEMU opens for the VM, as hostfwd takes them."""
        wrap = ("unshare", "--mount", "sh", "-c",
                'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolv_conf) \
            if resolv_conf else ()
        netdev = ",".join(["user,id=n", *(f"hostfwd={rule}" for rule in forward)])
        super().__init__(host, name, cleanup, netdev, "10.0.2.15/24", "10.0.2.2",
                         "fec0::15/64", "fec0::2", options, wrap, program)


def copy_qemu(folder: Path, name: str) -> Path:
    """A real QEMU under another name; it looks for firmware and modules beside its own folder."""
    program = folder / "usr/bin" / name
    program.parent.mkdir(parents=True)
    for beside in ("share", "lib"):
        (folder / "usr" / beside).symlink_to(f"/usr/{beside}")
    shutil.copy(shutil.which("qemu-system-x86_64"), program)
    return program


def add_tap(host: Host, name: str) -> None:
    host.ip("tuntap", "add", "dev", name, "mode", "tap")
    host.ip("link", "set", name, "up")


class BridgedVm(Vm):
    """A VM on a tap that is a port of a bridge."""

    def __init__(self, host: Host, name: str, cleanup: Cleanup, bridge: str, tap: str, ip4: str,
                 gw4: str, ip6: str, gw6: str) -> None:
        add_tap(host, tap)
        host.ip("link", "set", tap, "master", bridge)
        self.interface = bridge
        super().__init__(host, name, cleanup, f"tap,id=n,ifname={tap},script=no,downscript=no",
                         ip4, gw4, ip6, gw6)


class RoutedVm(Vm):
    """A VM on a tap with an address of its own, no bridge."""

    def __init__(self, host: Host, name: str, cleanup: Cleanup, tap: str, ip4: str, gw4: str,
                 ip6: str, gw6: str) -> None:
        add_tap(host, tap)
        host.ip("addr", "add", f"{gw4}/{ip4.split('/')[1]}", "dev", tap)
        host.ip("addr", "add", f"{gw6}/{ip6.split('/')[1]}", "dev", tap)
        self.interface = tap
        super().__init__(host, name, cleanup, f"tap,id=n,ifname={tap},script=no,downscript=no",
                         ip4, gw4, ip6, gw6)


class NetnsGuest(Guest):
    """A named network namespace: what `ip netns add` makes, e.g. for a sandbox made by hand."""

    runtime = "netns"

    def __init__(self, host: Host, suffix: str, cleanup: Cleanup) -> None:
        self.netns = Netns(f"{host.name}-{suffix}", cleanup)
        super().__init__(host, self.netns.name)
        process = self.netns.spawn("env", f"PATH={image.root()}/bin:{os.environ['PATH']}", "sh",
                                   image.root() / "agent", stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._attach(process, cleanup)
        self.wait_ready()


def link_mac(netns: Netns, interface: str) -> str:
    return netns.ip("-o", "link", "show", interface).split("link/ether ")[1].split()[0]


class VethGuest(NetnsGuest):
    """A namespace on a veth: routed, or with @bridge a port of that bridge."""

    def __init__(self, host: Host, suffix: str, cleanup: Cleanup, ip4: str, gw4: str, ip6: str,
                 gw6: str, bridge: str | None = None, port: str = "") -> None:
        self.port = port or f"v-{suffix}"
        cleanup.add(self._unplug)
        super().__init__(host, suffix, cleanup)
        self.ip4, self.ip6 = ip4.split("/")[0], ip6.split("/")[0]
        self.gw4, self.gw6 = gw4, gw6
        self.interface = bridge or self.port
        host.ip("link", "add", self.port, "type", "veth", "peer", "name", "eth0",
                "netns", self.netns.name)
        if bridge:
            host.ip("link", "set", self.port, "master", bridge)
        else:
            host.ip("addr", "add", f"{gw4}/{ip4.split('/')[1]}", "dev", self.port)
            host.ip("addr", "add", f"{gw6}/{ip6.split('/')[1]}", "dev", self.port)
        host.ip("link", "set", self.port, "up")
        self.netns.ip("link", "set", "eth0", "up")
        self.netns.ip("addr", "add", ip4, "dev", "eth0")
        self.netns.ip("addr", "add", ip6, "dev", "eth0")
        self.netns.ip("route", "add", "default", "via", gw4)
        self.netns.ip("-6", "route", "add", "default", "via", gw6)

    def _unplug(self) -> None:
        """The kernel takes the link away some time after the namespace; the next guest wants its name."""
        self.host.run("ip", "link", "del", self.port, check=False)

    @property
    def mac(self) -> str:
        return link_mac(self.netns, "eth0")


class SlirpGuest(NetnsGuest):
    """A namespace whose network is slirp4netns in the host's namespace."""

    conduit = "slirp4netns"

    def __init__(self, host: Host, suffix: str, cleanup: Cleanup, host_loopback: bool = True,
                 program: str | Path = "slirp4netns") -> None:
        need("slirp4netns")
        super().__init__(host, suffix, cleanup)
        ready, writer = os.pipe()
        argv = [program, "--configure", "--enable-ipv6", f"--ready-fd={writer}",
                "--netns-type=path"]
        if not host_loopback:
            argv.append("--disable-host-loopback")
        self.process = host.spawn(*argv, self.netns.path, "tap0", pass_fds=[writer],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        cleanup.add(end, self.process)
        os.close(writer)
        with os.fdopen(ready, "rb") as file:
            if file.read(1) != b"1":
                raise LabError("slirp4netns did not start")
        self.netns.ip("addr", "add", "fd00::100/64", "dev", "tap0")
        self.netns.ip("-6", "route", "add", "default", "via", "fd00::2")


class PastaGuest(NetnsGuest):
    """A namespace whose network is pasta in the host's namespace (host.serve() comes before it)."""

    conduit = "pasta"

    def __init__(self, host: Host, suffix: str, cleanup: Cleanup) -> None:
        need("pasta")
        super().__init__(host, suffix, cleanup)
        folder = Path(tempfile.mkdtemp(prefix="lhg-pasta-"))
        cleanup.add(shutil.rmtree, folder)
        pidfile = folder / "pid"
        self.process = host.spawn("pasta", "--runas", "0", "--netns-only", "--config-net", "-f",
                                  "-P", pidfile, "--netns", self.netns.path,
                                  stdin=subprocess.DEVNULL, stdout=open(folder / "log", "w"),
                                  stderr=subprocess.STDOUT)
        cleanup.add(end, self.process)
        listening(self.process, lambda: "default" in self.netns.ip("route"), "pasta's routes")


class Podman:
    """A podman of the lab's own: image, storage and state in a private mount namespace."""

    IMAGE = "lhguard-lab"

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        need("podman", "crun", "conmon")
        self.host = host
        # Storage in memory: fast, and gone with the mount namespace.
        self.cave = Cave(host.netns, cleanup, "/var/lib/containers", "/run/containers",
                         "/run/libpod", "/var/lib/cni", "/run/crun")
        cleanup.add(self._remove_all)
        self.cave.run("podman", *self.globals, "import", CACHE / "root.tar", self.IMAGE, timeout=120)

    globals = ["--cgroup-manager=cgroupfs", "--events-backend=none", "--storage-driver=overlay"]

    def _remove_all(self) -> None:
        # One that goes by itself meanwhile is no reason to complain.
        wait_for(self._is_empty, "podman to remove its containers")

    def _is_empty(self) -> bool:
        self.cave.run("podman", *self.globals, "rm", "--all", "--force", "--time=0", timeout=120, check=False)
        return not self.cave.run("podman", *self.globals, "ps", "--all", "--quiet", timeout=120).strip()


class PodmanGuest(Guest):
    """A podman container; @network is its --network, @options more of `podman run`."""

    runtime = "podman"

    def __init__(self, podman: Podman, name: str, cleanup: Cleanup, network: str,
                 *options: str, session: Path | None = None) -> None:
        """@session: the cgroup that podman is started from."""
        super().__init__(podman.host, name)
        self.podman, self.network = podman, network
        process = spawn([
            *(enter_cgroup(session) if session else []), *podman.cave.enter, "podman",
            *podman.globals, "run", "--interactive", "--rm", "--name", name, "--network",
            network, "--privileged", "--pids-limit=-1", "--ulimit", "nofile=1000:1000", "--ulimit",
            "nproc=1000:1000", *options, Podman.IMAGE, "/bin/sh", "/agent"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._attach(process, cleanup, 10)  # it removes its container before it ends

    def hide_by_exec(self, trick: str, target: Target, timeout: float = 2.5) -> Answer:
        """hide() in a process whose parent is outside the container: `podman exec`."""
        argv, tokens = hide_arguments(trick, target, timeout)
        output = self.podman.cave.run("podman", *Podman.globals, "exec", self.name, *argv)
        return probe_answers(output, tokens)[0]


class LxcGuest(Guest):
    """An LXC container on a bridge."""

    runtime = "lxc"

    def __init__(self, host: Host, name: str, cleanup: Cleanup, bridge: str, ip4: str, gw4: str,
                 ip6: str, gw6: str) -> None:
        need("lxc-start", "lxc-attach", "lxc-stop")
        super().__init__(host, name)
        self.interface, self.gw4, self.gw6 = bridge, gw4, gw6
        self.ip4, self.ip6 = ip4.split("/")[0], ip6.split("/")[0]
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-lxc-"))
        cleanup.add(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        rootfs = self.folder / name / "rootfs"
        shutil.copytree(image.root(), rootfs, symlinks=True)
        (self.folder / name / "config").write_text(f"""\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{rootfs}
lxc.net.0.type = veth
lxc.net.0.link = {bridge}
lxc.net.0.flags = up
lxc.net.0.ipv4.address = {ip4}
lxc.net.0.ipv4.gateway = {gw4}
lxc.net.0.ipv6.address = {ip6}
lxc.net.0.ipv6.gateway = {gw6}
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:rw sys:ro
lxc.init.cmd = /bin/sleep 100000
""")
        self.cave = Cave(host.netns, cleanup, sysfs=True)
        log = self.folder / "log"
        self.process = self.cave.spawn("lxc-start", "-F", "-n", name, "-P", self.folder, "-o", log,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        cleanup.add(end, self.process)
        cleanup.add(self._stop)
        wait_for(lambda: self._state() == "RUNNING", f"LXC container {name}: see {log}", step=0.1)
        self._attach(self.cave.spawn("lxc-attach", "-n", name, "-P", self.folder, "--", "/bin/sh",
                                     "/agent", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT), cleanup)

    def wait_ready(self) -> None:
        super().wait_ready()
        wait_for(lambda: "tentative" not in self.sh("ip -6 addr show dev eth0"),
                 f"{self}: duplicate address detection")

    def _state(self) -> str:
        return self.cave.run("lxc-info", "-n", self.name, "-P", self.folder, "-s", "-H",
                             check=False).strip()

    def _stop(self) -> None:
        self.cave.run("lxc-stop", "-k", "-n", self.name, "-P", self.folder, check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)  # it removes its cgroups; where they stay the next one is "NAME-1"
        remove_lxc_cgroups(self.name)


class Waiting:
    """A program in a container that waits on ports, until the end of the block."""

    def __init__(self, guest, *targets: Target) -> None:
        self.guest = guest
        self.words = " ".join(f"{t.protocol},{t.address},{t.port}" for t in targets)

    def __enter__(self) -> None:
        self.pid = int(self.guest.sh(f"waiter {self.words} >/dev/null 2>&1 & echo $!"))

    def __exit__(self, *_: object) -> None:
        self.guest.sh(f"kill {self.pid}")
