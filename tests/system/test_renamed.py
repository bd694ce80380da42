# SPDX-License-Identifier: GPL-2.0-or-later
"""Real VMMs and conduits under names that no list has: known by what they are made of and what they hold."""

from __future__ import annotations

import shutil

import pytest

from lab.guard import guarded
from lab.guests import Guest, SlirpGuest, UserVm, copy_qemu
from lab.host import Host, Target
from lab.system import Cleanup, wait_for

ASKED = Target("tcp", "10.0.2.2", 9222)


def renamed_qemu(host: Host, folder, cleanup: Cleanup) -> Guest:
    """A QEMU with user-mode networking, as `render-job`."""
    return UserVm(host, "nightly", cleanup, program=copy_qemu(folder, "render-job"))


def renamed_slirp(host: Host, folder, cleanup: Cleanup) -> Guest:
    """A slirp4netns, as `backup`."""
    program = folder / "backup"
    shutil.copy(shutil.which("slirp4netns"), program)
    return SlirpGuest(host, "pocket", cleanup, program=program)


@pytest.fixture(scope="module")
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "127.0.0.1", 9222))
        yield host


@pytest.mark.parametrize("guard_first", [False, True], ids=["renamed-first", "guard-first"])
@pytest.mark.parametrize("start,program,kind", [(renamed_qemu, "render-job", "vm"),
                                                (renamed_slirp, "backup", "container")],
                         ids=["qemu", "slirp4netns"])
def test_renamed_is_caught(host, tmp_path, start, program: str, kind: str, guard_first: bool) -> None:
    """Refused and named after its guest; an exception for that guest opens it."""
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup) if guard_first else None
        guest = start(host, tmp_path, cleanup)
        if kind == "vm":
            guest.wait_ready()
        if not guard:
            assert guest.ask(ASKED, 3.0).open, "it does not leak without the guard"
            guard = guarded(host, cleanup)
        wait_for(lambda: guest.label in {g["label"] for g in guard.guests()}, "the guest's name")
        events = guard.events()
        answer = guest.ask(ASKED, 0.5)
        assert answer.reply is None and not host.services.saw(answer.token)
        event = events.wait_refused(guest.label, "tcp", "127.0.0.1", 9222)
        source = event["source"]
        assert (source["class"], source["kind"], source["name"], event["route"]) == \
            ("guest", kind, guest.name, "user-net")
        assert event["program"] == program
        guard.must("allow", "127.0.0.1:9222", "--from", guest.label)
        assert guest.ask(ASKED, 3.0).open
