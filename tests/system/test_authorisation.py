# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call what: real users, real guests that have the control socket, and those who cheat."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Callable, Iterator

import pytest

from calls import CHANGES, METHODS, READS, message
from lab import image
from lab.guard import CONFIG, Guard, guarded
from lab.guests import Podman, PodmanGuest, VethGuest
from lab.host import Host
from lab.nspawn import NspawnGuest
from lab.sandbox import BubblewrapGuest
from lab.system import PATIENCE, Cleanup, cgroup_root, enter_cgroup, make_cgroup, spawn
from lab.varlinkctl import assert_defined

GROUP, USER = 64123, 64124
SOCKET = "/run/lhguard/org.lhguard"  # in the guests
RELOAD = message("Reload")


@dataclass(frozen=True)
class Caller:
    """@call sends a message; @reads, @changes: may it? @why: a word of the refusal's reason."""
    call: Callable[[SimpleNamespace, str], str]
    reads: bool
    changes: bool
    why: str = ""


def on_host(*ids: str):
    """A process of the host, as somebody."""
    def call(lab, text: str) -> str:
        drop = ["setpriv", *ids] if ids else []
        return subprocess.run([*lab.host.netns.enter, *drop, image.caller(), "plain", lab.guard.socket, text],
                              capture_output=True, text=True, timeout=20).stdout
    return call


def in_guest(name: str, trick: str = "plain", path: str = SOCKET):
    def call(lab, text: str) -> str:
        words = text.replace("'", "'\\''")
        return getattr(lab, name).sh(f"caller {trick} {path} '{words}'", check=False)
    return call


def in_netns(lab, text: str) -> str:
    """It sees the host's files."""
    return in_guest("veth", path=str(lab.guard.socket))(lab, text)


CALLERS = {
    "root": Caller(on_host(), True, True),
    "member": Caller(on_host(f"--reuid={USER}", f"--regid={USER}", f"--groups={GROUP}"), True, False,
                     f"user {USER} may change nothing"),
    "member by its own group": Caller(on_host(f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"),
                                      True, False, f"user {USER} may change nothing"),
    "other": Caller(on_host(f"--reuid={USER}", f"--regid={USER}", "--clear-groups"), False, False,
                    f"user {USER} may"),
    "root in podman": Caller(in_guest("web"), True, False, "is inside a guest (container:wired)"),
    "root in podman without a cgroup": Caller(in_guest("loose"), True, False,
                                              "is inside a guest (container:"),
    "root in podman with the host's pids": Caller(in_guest("pids"), True, False,
                                                  "is inside a guest (container:wired-pids)"),
    "member in podman": Caller(in_guest("member"), True, False, "is inside a guest (container:wired-member)"),
    "root in nspawn": Caller(in_guest("loft"), True, False, "is inside a guest (container:wired-loft)"),
    "root in bubblewrap": Caller(in_guest("sandbox", path="/tmp/run/org.lhguard"), True, False,
                                 "is inside a guest ("),
    "root in a network namespace": Caller(in_netns, True, False, "is inside a guest (container:lhg-"),
}


@pytest.fixture(scope="module")
def lab(machine, tmp_path_factory):
    """A daemon that finds the group, and guests that were given its socket."""
    group = tmp_path_factory.mktemp("etc") / "group"
    group.write_text(f"root:x:0:\nlhguard:x:{GROUP}:\n")
    stage = ("unshare", "--mount", "--propagation=slave", "sh", "-c",
             'mount --bind "$0" /etc/group && exec "$@"', str(group))
    with Cleanup() as cleanup:
        host = Host(cleanup)
        lab = SimpleNamespace(host=host, guard=guarded(host, cleanup, stage=stage))
        podman = Podman(host, cleanup)
        shared = ("--volume", f"{lab.guard.runtime}:/run/lhguard")
        lab.web = PodmanGuest(podman, "wired", cleanup, "host", *shared)
        lab.loose = PodmanGuest(podman, "wired-loose", cleanup, "host", "--cgroups=disabled", *shared)
        lab.pids = PodmanGuest(podman, "wired-pids", cleanup, "host", "--pid=host", *shared)
        lab.member = PodmanGuest(podman, "wired-member", cleanup, "host", f"--user={USER}:{GROUP}", *shared)
        lab.loft = NspawnGuest(host, "wired-loft", cleanup, "-M", "wired-loft",
                               f"--bind={lab.guard.runtime}:/run/lhguard", unit=False)
        lab.veth = VethGuest(host, "veth", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1")
        lab.sandbox = BubblewrapGuest(host, cleanup, "--bind", str(lab.guard.runtime), "/tmp/run")
        for guest in (lab.web, lab.loose, lab.pids, lab.member, lab.loft):
            guest.wait_ready()
        yield lab


@pytest.fixture
def unchanged(lab):
    """Whatever is tried leaves the exceptions and the configuration as they are."""
    lab.guard.forget()
    lab.guard.must("deny", "1", "--comment", "stays")
    lab.guard.config.write_text(CONFIG + "[guard]\nnonsense = 1\n")  # would fail to be read again
    before = lab.guard.exceptions()
    yield
    lab.guard.config.write_text(CONFIG)
    assert lab.guard.exceptions() == before
    assert lab.guard.status()["configuration"]["state"] == "ok"


def refusal(method: str, said: str) -> str | None:
    """The reason of a NotPermitted; None when the call was permitted."""
    answer = json.loads(said)
    assert_defined(f"org.lhguard.{method}", [answer])
    return answer["parameters"]["reason"] if answer.get("error") == "org.lhguard.NotPermitted" else None


def test_every_method_has_a_row() -> None:
    assert set(METHODS) == set(READS) | set(CHANGES) and not set(READS) & set(CHANGES)


def owner_and_mode(lab) -> tuple[int, int, int]:
    status = lab.guard.socket.stat()
    return status.st_uid, status.st_gid, status.st_mode & 0o777


@pytest.fixture
def without_polkit(lab):
    lab.guard.config.write_text(CONFIG + "[control]\npolkit = no\n")
    lab.guard.must("reload")
    yield
    lab.guard.config.write_text(CONFIG)
    lab.guard.must("reload")


def test_the_socket_is_the_groups(lab, without_polkit) -> None:
    assert owner_and_mode(lab) == (0, GROUP, 0o660)


def test_where_polkit_decides_all_may_ask(lab) -> None:
    """In this lab nobody answers on the system bus: the group decides (test_polkit.py has a real one)."""
    assert owner_and_mode(lab) == (0, GROUP, 0o666)


def test_members_may_change_where_the_configuration_says_so(lab) -> None:
    lab.guard.config.write_text(CONFIG + "[control]\nmembers-may-change = yes\n")
    lab.guard.must("reload")
    try:
        assert refusal("SetMode", CALLERS["member"].call(lab, message("SetMode"))) is None
        assert refusal("SetMode", CALLERS["other"].call(lab, message("SetMode")))
        assert "inside a guest" in refusal("SetMode", CALLERS["member in podman"].call(lab, message("SetMode")))
    finally:
        lab.guard.config.write_text(CONFIG)
        lab.guard.must("reload")
    assert refusal("SetMode", CALLERS["member"].call(lab, message("SetMode")))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CALLERS)
def test_who_may_call_what(lab, request, name: str, method: str) -> None:
    caller = CALLERS[name]
    may = caller.reads if method in READS else caller.changes
    if not may:
        request.getfixturevalue("unchanged")
    reason = refusal(method, caller.call(lab, message(method)))
    if may:
        assert reason is None
    else:
        assert reason and caller.why in reason


def test_others_cannot_connect(lab, without_polkit) -> None:
    assert CALLERS["other"].call(lab, message("GetStatus")) == ""
    assert CALLERS["member"].call(lab, message("GetStatus")) != ""
    said = json.loads(CALLERS["other"].call(lab, '{"method":"org.varlink.service.GetInfo"}') or "{}")
    assert said == {}


# Those who cheat

@contextmanager
def frozen(guard: Guard) -> Iterator[None]:
    """Meanwhile the daemon looks at nobody."""
    guard.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        guard.process.send_signal(signal.SIGCONT)


def connect_and_end(lab, control: socket.socket, *enter: str) -> int:
    """A process connects @control, and has ended; its pid."""
    connect = f"import socket; socket.socket(fileno=0).connect({str(lab.guard.socket)!r})"
    process = spawn([*enter, sys.executable, "-c", connect], stdin=control)
    assert process.wait(20) == 0
    return process.pid


def answer_on(control: socket.socket, call: str) -> str:
    control.settimeout(PATIENCE)
    control.sendall(call.encode() + b"\0")
    return control.recv(65536)[:-1].decode()


@pytest.mark.parametrize("guest", ["web", "loose", "pids", "loft"])
@pytest.mark.parametrize("trick", ["leave", "become"])
def test_who_connects_and_ends_or_becomes_another(lab, unchanged, guest: str, trick: str) -> None:
    assert refusal("Reload", in_guest(guest, trick)(lab, RELOAD))


def test_who_has_ended_on_the_host(lab, unchanged) -> None:
    """Nobody knows what it was: it may have been a guest's."""
    with socket.socket(socket.AF_UNIX) as control:
        with frozen(lab.guard):
            connect_and_end(lab, control)
        assert "has ended or cannot be looked at" in refusal("Reload", answer_on(control, RELOAD))


def test_who_becomes_another_on_the_host_may(lab) -> None:
    said = subprocess.run([image.caller(), "become", lab.guard.socket, RELOAD], capture_output=True,
                          text=True, timeout=20).stdout
    assert refusal("Reload", said) is None


def test_a_connection_that_the_host_gave_away(lab, unchanged) -> None:
    """A program of the host hands its own connection to a container: that may read by it."""
    path = lab.guard.runtime / "handed"
    with socket.socket(socket.AF_UNIX) as control, socket.socket(socket.AF_UNIX) as door:
        control.connect(str(lab.guard.socket))
        # No settimeout(): that would make it a non-blocking one for the container, too.
        control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))

        def ask(method: str) -> str:
            control.sendall(message(method).encode() + b"\0")
            with control.makefile("rb") as file:
                return b"".join(iter(lambda: file.read(1), b"\0")).decode()

        assert refusal("GetStatus", ask("GetStatus")) is None
        door.bind(str(path))
        try:
            door.listen()
            giver = spawn([sys.executable, "-c", HAND_OUT], stdin=door, pass_fds=[control.fileno()],
                          env={"CONTROL": str(control.fileno())})
            said = in_guest("web", "take", "/run/lhguard/handed")(lab, RELOAD)
            giver.wait(PATIENCE)
        finally:
            path.unlink()
        assert "inside a guest (container:wired)" in refusal("Reload", said)
        # What the guest began to say the host could end: it is a guest's connection for good.
        assert "inside a guest (container:wired)" in refusal("Reload", ask("Reload"))
        assert refusal("GetStatus", ask("GetStatus")) is None


HAND_OUT = """
import os, socket
door = socket.socket(fileno=os.dup(0))
with door.accept()[0] as guest:
    socket.send_fds(guest, [b"x"], [int(os.environ["CONTROL"])])
"""

GO_INSIDE = """
import os, socket, sys
control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1])
control.settimeout(10)
def ask(text):
    control.sendall(text.encode() + b"\\0")
    said = b""
    while not said.endswith(b"\\0"):
        said += control.recv(65536)
    print(said[:-1].decode(), flush=True)
ask(sys.argv[2])
with open(sys.argv[3], "w") as file:
    file.write(str(os.getpid()))
ask(sys.argv[2])
"""


def test_who_goes_into_a_guest(lab) -> None:
    """A process of the host joins a container's cgroup after it has connected."""
    [guest] = [guest for guest in lab.guard.guests() if guest["label"] == "container:wired"]
    procs = cgroup_root() / guest["cgroup"].lstrip("/") / "cgroup.procs"
    done = subprocess.run([sys.executable, "-c", GO_INSIDE, lab.guard.socket, RELOAD, procs],
                          capture_output=True, text=True, timeout=30)
    before, after = done.stdout.splitlines()
    assert refusal("Reload", before) is None
    assert "is inside a guest (container:wired)" in refusal("Reload", after)


def take_pid(pid: int) -> subprocess.Popen:
    """A process of the host that has this pid, which is free."""
    limit = int(open("/proc/sys/kernel/pid_max").read())
    for _ in range(20 * limit):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w") as file:
                file.write(str(pid - 1))
        except OSError:
            pass  # this kernel cannot: all the others are gone through
        process = spawn(["sleep", "1000"])
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    raise AssertionError(f"pid {pid} is not to be had")


def test_a_pid_that_is_used_again(lab, unchanged) -> None:
    """A guest's process connects and ends while the daemon is busy, and root on the host gets its pid."""
    with Cleanup() as cleanup, socket.socket(socket.AF_UNIX) as control:
        cgroup = make_cgroup(f"machine.slice/libpod-{'e' * 64}.scope", cleanup)
        with frozen(lab.guard):
            pid = connect_and_end(lab, control, *enter_cgroup(cgroup))
            other = take_pid(pid)
            cleanup.add(other.wait)
            cleanup.add(other.kill)
        # By what was known of the one that had it, or by its end.
        assert f"process {pid} " in refusal("Reload", answer_on(control, RELOAD))
        assert other.poll() is None and os.path.exists(f"/proc/{pid}")
