# SPDX-License-Identifier: GPL-2.0-or-later
"""A conduit of VMs is told by whose ends of its Unix sockets: one VM's connections bear that VM's name, those of
several are of one of them. (passt with a socket of its own is `harbour` in the table of routes.)"""

from __future__ import annotations

import subprocess

import pytest

from lab.guard import Guard, guarded
from lab.guests import Vm
from lab.host import Host, Target, listening
from lab.passt import Passt, PasstVm
from lab.standins import Process, Standin
from lab.system import Cleanup, end, wait_for

ASKED, SEEN = Target("tcp", "192.0.2.1", 9222), ("tcp", "127.0.0.1", 9222)


@pytest.fixture
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target(*SEEN))
        yield host


def wait_served(guard: Guard, program: str, *names: str) -> None:
    """Whom a conduit serves is looked for some time after its VM has come."""
    wait_for(lambda: {f"vm:{name}" for name in names} <= {
        g["label"] for g in guard.guests() for c in g["conduits"] if c["program"].startswith(program)},
        f"whom {program} serves")


def assert_named(guard: Guard, vm: Vm) -> None:
    wait_served(guard, "passt", vm.name)
    events = guard.events()
    assert vm.ask(ASKED, 0.5).reply is None
    event = events.wait_refused(vm.label, *SEEN)
    source = event["source"]
    assert (source["class"], source["kind"], source["runtime"], event["route"]) == \
        ("guest", "vm", "qemu", "user-net")


def test_socket_pair(host) -> None:
    """passt with one end of a socket pair, the VMM with the other, as a VMM starts its helper."""
    with Cleanup() as cleanup:
        vm = PasstVm(host, "handed", cleanup, by_fd=True)
        vm.wait_ready()
        assert vm.ask(ASKED, 3.0).open
        guard = guarded(host, cleanup)
        assert_named(guard, vm)
        guard.must("allow", "127.0.0.1:9222", "--from", "vm:other")
        assert vm.ask(ASKED, 0.5).reply is None
        guard.must("allow", "127.0.0.1:9222", "--from", "vm:handed")
        assert vm.ask(ASKED, 3.0).open


def test_one_vm_after_the_other(host) -> None:
    """The conduit stays, its VM is another one now."""
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup)
        passt = Passt(host, cleanup)
        with Cleanup() as first:
            vm = PasstVm(host, "first", first, passt=passt)
            vm.wait_ready()
            assert_named(guard, vm)
            guard.must("allow", "127.0.0.1:9222", "--from", "vm:first")
            assert vm.ask(ASKED, 3.0).open
        vm = PasstVm(host, "second", cleanup, passt=passt)
        vm.wait_ready()
        assert_named(guard, vm)


def paused_vm(host: Host, name: str, cleanup: Cleanup, socket: object) -> subprocess.Popen:
    """A QEMU that has called the conduit and never runs its guest."""
    process = host.spawn("qemu-system-x86_64", "-name", f"guest={name}", "-machine", "q35,accel=tcg",
                         "-m", "16", "-nodefaults", "-display", "none", "-S", "-netdev",
                         f"stream,id=n,server=off,addr.type=unix,addr.path={socket}", "-device",
                         "virtio-net-pci,netdev=n,romfile=", stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.add(end, process)
    return process


@pytest.mark.parametrize("names", [("ada",), ("ada", "bob")], ids=["one", "two"])
def test_one_of_several(host, tmp_path, names: tuple[str, ...]) -> None:
    """A stand-in for gvproxy, which serves all VMs of a user: of one it bears the name, of two neither's, and an
    exception for one of them does not open it for both."""
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup)
        events = guard.events()
        socket = tmp_path / "socket"

        standin = Standin(host, tmp_path, cleanup, Process("gvproxy", serve=(socket, len(names))),
                          target=Target(*SEEN))
        listening(standin.process, socket.exists, "the stand-in's socket")
        for name in names:
            paused_vm(host, name, cleanup, socket)
        standin.wait_ready()
        guard.must("allow", "127.0.0.1:9222", "--from", "vm:ada")
        wait_served(guard, "gvproxy", *names)
        standin.connect()
        port, reply, error = standin.outcome()
        event = events.wait(lambda e: e["client"]["port"] == port)
        source = event["source"]
        assert (source["class"], source["kind"], source["runtime"]) == ("guest", "vm", "qemu")
        if len(names) == 1:
            assert (source["name"], event["verdict"]) == ("ada", "accept") and reply
        else:
            assert source["name"] in ("one of: ada, bob", "one of: bob, ada")
            assert event["verdict"] == "drop" and error == "timeout"
