# SPDX-License-Identifier: GPL-2.0-or-later
"""A container whose cgroup has another name: LXC adds a number where it finds one taken. It is called as its owner
called it, and is one guest with its supervisor."""

from __future__ import annotations

import pytest

from lab.guard import guarded
from lab.guests import LxcGuest
from lab.host import Target
from lab.system import Cleanup, cgroup_root, make_cgroup

SERVICE = Target("tcp", "10.20.0.1", 8080)


@pytest.mark.parametrize("guard_is_first", [True, False])
def test_it_has_its_owners_name(lab, unguarded, guard_is_first: bool) -> None:
    with Cleanup() as cleanup:
        if guard_is_first:
            guard = guarded(lab.host, cleanup)
        make_cgroup("lxc.payload.second", cleanup)
        guest = LxcGuest(lab.host, "second", cleanup, "br0", "10.20.0.18/24", "10.20.0.1",
                         "fd20::18/64", "fd20::1")
        guest.wait_ready()
        assert (cgroup_root() / "lxc.payload.second-1").is_dir(), "LXC's cgroup has that name"
        if not guard_is_first:
            guard = guarded(lab.host, cleanup)
        events = guard.events()
        assert guest.ask(SERVICE, 0.5).reply is None
        events.wait_refused(guest.label, "tcp", SERVICE.address, SERVICE.port)
        known = [g["label"] for g in guard.guests() if g["name"].startswith("second")]
        assert known == [guest.label]
        guard.must("allow", f"tcp/{SERVICE.address}:{SERVICE.port}", "--from", guest.selector)
        assert guest.ask(SERVICE, 3.0).open
