# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes, namespaces and cleaning up: whatever the lab makes, it also takes away."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Sequence, TypeVar

ROOT = Path(__file__).resolve().parents[2]
LAB = Path(__file__).resolve().parent
BUILD = ROOT / "build"
CACHE = BUILD / "lab"

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


class LabError(Exception):
    """The lab itself does not work: never a verdict on the guard."""


def need(*tools: str) -> None:
    """Fail with what to install when one of @tools is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        raise LabError(f"missing: {', '.join(missing)}. Install what the tests need: contrib/setup/deps build test")


def run(*argv: str | Path, check: bool = True, timeout: float = 60, text_input: str | None = None) -> str:
    """Run a command to its end; its output, or a LabError that holds all it said."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=None if text_input is not None else subprocess.DEVNULL,
                          input=text_input, text=True, errors="replace", timeout=timeout)
    if check and done.returncode:
        raise LabError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv: Sequence[str | Path], **options: Any) -> subprocess.Popen:
    """Start a process that the kernel kills should we die without cleaning up."""
    return subprocess.Popen([str(a) for a in argv], preexec_fn=_die_with_parent, **options)


def end(process: subprocess.Popen, grace: float = 3) -> None:
    """End a process that spawn() started, politely first."""
    if process.stdin:  # an agent ends with its input, and its container with it
        try:
            process.stdin.close()
        except OSError:
            pass
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            try:
                pipe.close()
            except OSError:
                pass


PATIENCE = 30  # seconds for what has to come at once: only a test that fails waits for so long


def wait_for(condition: Callable[[], T], what: str, timeout: float = PATIENCE, step: float = 0.02) -> T:
    """Poll until @condition is true; its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout} s in vain for {what}")
        time.sleep(step)


def takes_calls(path: Path) -> bool:
    """Whether somebody listens on a Unix socket: it is there a moment before."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


class Cleanup:
    """Undoes in reverse order, all of it even when one step fails, and then says what failed."""

    def __init__(self) -> None:
        self._steps: list[tuple[Callable[..., Any], tuple]] = []

    def add(self, step: Callable[..., Any], *args: Any) -> None:
        self._steps.append((step, args))

    def run(self) -> None:
        errors = []
        while self._steps:
            step, args = self._steps.pop()
            try:
                step(*args)
            except Exception as error:  # the other steps must still run
                errors.append(f"{getattr(step, '__name__', step)}: {error}")
        if errors:
            raise LabError("cleaning up failed:\n" + "\n".join(errors))

    def __enter__(self) -> "Cleanup":
        return self

    def __exit__(self, *_: object) -> None:
        self.run()


def unique(suffix: str = "") -> str:
    """A name that says who made it: `lhg-PID-RANDOM[-SUFFIX]`."""
    name = f"lhg-{os.getpid()}-{secrets.token_hex(2)}"
    return f"{name}-{suffix}" if suffix else name


def remove_lxc_cgroups(*names: str) -> None:
    """What is left of LXC's cgroups for containers of these names."""
    for name in names:
        for of in ("monitor", "payload"):
            for cgroup in cgroup_root().glob(f"lxc.{of}.{name}*"):
                _empty_cgroup(cgroup)


def sweep() -> None:
    """Take away namespaces and empty cgroups of a lab whose process is gone (it was killed)."""
    remove_lxc_cgroups("cellar", "brief", "second")  # those that the tests start
    folder = Path("/run/netns")
    for entry in folder.glob("lhg-*-*") if folder.is_dir() else []:
        pid = entry.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            run("ip", "netns", "del", entry.name, check=False)


class Netns:
    """A named network namespace. Entered with nsenter: `ip netns exec` would hide the cgroups."""

    def __init__(self, name: str, cleanup: Cleanup) -> None:
        self.name = name
        self.path = Path("/run/netns") / name
        run("ip", "netns", "add", name)
        cleanup.add(run, "ip", "netns", "del", name)
        self.ip("link", "set", "lo", "up")
        # No duplicate address detection: an address works at once.
        self.sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                    "net.ipv6.conf.default.accept_ra=0")

    @property
    def enter(self) -> list[str]:
        """What to put before a command so that it runs in here."""
        return ["nsenter", f"--net={self.path}", "--"]

    def run(self, *argv: str | Path, **options: Any) -> str:
        return run(*self.enter, *argv, **options)

    def ip(self, *argv: str) -> str:
        return run("ip", "-n", self.name, *argv)

    def sysctl(self, *settings: str) -> None:
        self.run("sysctl", "-qw", *settings)

    def spawn(self, *argv: str | Path, **options: Any) -> subprocess.Popen:
        return spawn([*self.enter, *argv], **options)

    def call(self, function: Callable[[], T]) -> T:
        """Run @function in a thread that lives in here, e.g. to make a socket of this namespace."""
        box: list = []

        def enter() -> None:
            try:
                with open(self.path) as file:
                    if _libc.setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"setns {self.path}")
                box.append((True, function()))
            except BaseException as error:  # handed to the caller below
                box.append((False, error))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        done, value = box[0]
        if not done:
            raise value
        return value


def cgroup_root() -> Path:
    """Where this machine has its cgroup2 tree: not at the same place on all of them."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    raise LabError("no cgroup2 is mounted")


def _remove_cgroup(path: Path) -> None:
    """Remove a cgroup of ours; one that somebody else uses by now stays."""
    for _ in range(500):
        try:
            return path.rmdir()
        except FileNotFoundError:
            return None
        except OSError:  # its last process is about to end
            time.sleep(0.01)


def session_cgroup(name: str, cleanup: Cleanup) -> Path:
    """A cgroup like that of a login session, at the top of this machine's tree."""
    path = cgroup_root() / name
    path.mkdir()
    cleanup.add(_remove_cgroup, path)
    return path


def _empty_cgroup(path: Path) -> None:
    """Remove a cgroup and what its processes made below it, from the leaves up."""
    for folder, _, _ in os.walk(path, topdown=False):
        _remove_cgroup(Path(folder))


def make_cgroup(path: str, cleanup: Cleanup) -> Path:
    """A cgroup as a runtime would make it, e.g. "machine.slice/systemd-nspawn@web.service"."""
    leaf = cgroup_root() / path
    for at in [*reversed(leaf.parents), leaf]:
        if not at.exists():  # else this machine has its own
            at.mkdir()
            cleanup.add(_empty_cgroup if at == leaf else _remove_cgroup, at)
    return leaf


def put_file(path: Path, text: str, cleanup: Cleanup, owner: int = 0) -> None:
    """A file that a runtime of @owner keeps on the machine, in folders that go with it."""
    for at in reversed(path.parents):
        if not at.exists():  # else this machine has its own
            at.mkdir()
            cleanup.add(at.rmdir)
    path.write_text(text)
    cleanup.add(path.unlink)
    os.chown(path, owner, -1)


def enter_cgroup(path: Path) -> list[str]:
    """What to put before a command so that it runs in a cgroup."""
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(path)]


class Cave:
    """A private mount namespace in @netns, kept by a sleeping process: where containers are run.

    It has a pure cgroup2 at /sys/fs/cgroup (many machines have it so anyway; on those with the
    hybrid layout it is the same tree, so that everyone outside sees the same cgroups), and with
    @sysfs also a /sys of the namespace itself.
    """

    def __init__(self, netns: Netns, cleanup: Cleanup, *scratch: str, sysfs: bool = False) -> None:
        steps = ["set -e"]
        if sysfs:
            steps += ["umount -R /sys/fs/cgroup 2>/dev/null || true", "mount -t sysfs none /sys"]
        else:
            steps += ["umount -R /sys/fs/cgroup 2>/dev/null || true"]
        steps += ["mount -t cgroup2 none /sys/fs/cgroup"]
        for folder in scratch:
            steps += [f"mkdir -p {folder}", f"mount -t tmpfs -o mode=755 none {folder}"]
        steps += ["echo ready", "exec sleep infinity"]
        # What podman, conmon, lxc and libvirt make in the machine's cgroup tree, and leave there.
        tree = cgroup_root()
        for left in ("lxc.pivot", "libpod_parent", "libpod_parent/conmon", "machine", "memory"):
            if not (tree / left).exists():
                cleanup.add(_empty_cgroup, tree / left)
        self.keeper = netns.spawn("unshare", "--mount", "sh", "-c", "\n".join(steps),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        cleanup.add(end, self.keeper)
        said = self.keeper.stdout.readline()
        if said != "ready\n":
            raise LabError(f"private mounts: {said}{self.keeper.stdout.read()}")

    @property
    def enter(self) -> list[str]:
        return ["nsenter", f"--target={self.keeper.pid}", "--mount", "--net", "--"]

    def run(self, *argv: str | Path, **options: Any) -> str:
        return run(*self.enter, *argv, **options)

    def spawn(self, *argv: str | Path, **options: Any) -> subprocess.Popen:
        return spawn([*self.enter, *argv], **options)
