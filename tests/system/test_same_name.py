# SPDX-License-Identifier: GPL-2.0-or-later
"""Two VMs of one name, on different routes: each event bears the id of the right one, and an exception by id is for
that one alone. An exception by the name they share is for both."""

from __future__ import annotations

import pytest

from lab.guard import guarded
from lab.guests import RoutedVm, UserVm
from lab.host import Host, Target, service_name
from lab.system import Cleanup

# What each of them asks, and what the host sees.
USER_NET = (Target("tcp", "10.0.2.2", 9222), "127.0.0.1", 9222, "user-net")
TAP = (Target("tcp", "10.21.0.1", 8080), "10.21.0.1", 8080, "tap")


@pytest.fixture(scope="module")
def twins(machine):
    """Host, guard and two VMs that are both called "twin"."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "127.0.0.1", 9222), Target("tcp", "0.0.0.0", 8080))
        first = UserVm(host, "twin", cleanup)
        second = RoutedVm(host, "twin", cleanup, "tap-twin", "10.21.0.2/24", "10.21.0.1",
                          "fd21::2/64", "fd21::1")
        first.wait_ready()
        second.wait_ready()
        guard = guarded(host, cleanup)
        ids = {g["leader"]: g["id"] for g in guard.guests() if g["label"] == "vm:twin"}
        yield guard, [(first, ids[first.process.pid], *USER_NET),
                      (second, ids[second.process.pid], *TAP)]


def test_both_are_listed(twins) -> None:
    guard, vms = twins
    listed = [g for g in guard.guests() if g["label"] == "vm:twin"]
    assert len(listed) == 2 and vms[0][1] != vms[1][1]


def test_each_event_bears_the_right_id(twins) -> None:
    guard, vms = twins
    events = guard.events()
    for vm, ident, asked, address, port, route in vms * 2:
        mark = events.mark()
        assert vm.ask(asked, 0.5).reply is None
        event = events.wait_refused("vm:twin", "tcp", address, port, mark)
        assert (event["source"]["guest"], event["route"]) == (ident, route)


def test_exception_by_id(twins) -> None:
    """It opens for the one, and for the other nothing; by the name it opens for both."""
    guard, vms = twins
    for (vm, ident, asked, address, port, _), (other, other_id, *_rest) in (vms, reversed(vms)):
        service = service_name(address, port, "tcp")
        try:
            guard.must("allow", service, "--from", f"guest:{other_id}")
            assert vm.ask(asked, 0.5).reply is None
            guard.must("allow", service, "--from", f"guest:{ident}")
            assert vm.ask(asked, 3.0).open
            guard.forget()
            assert vm.ask(asked, 0.5).reply is None
            guard.must("allow", service, "--from", "vm:twin")
            assert vm.ask(asked, 3.0).open
        finally:
            guard.forget()
