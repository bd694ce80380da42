# SPDX-License-Identifier: GPL-2.0-or-later
"""allow --once lets one connection of a real guest through, and no second one."""

from __future__ import annotations

import pytest

from lab.guard import Guard
from lab.host import Target, service_name

WAYS = [("web", "tcp", "127.0.0.1", "127.0.0.1"), ("web", "tcp", "::1", "::1"),
        ("devbox", "tcp", "10.0.2.2", "127.0.0.1"), ("edge", "tcp", "10.21.0.1", "10.21.0.1"),
        ("rootless", "tcp", "10.0.2.2", "127.0.0.1"), ("edge", "udp", "10.21.0.1", "10.21.0.1"),
        ("web", "udp", "127.0.0.1", "127.0.0.1")]


@pytest.mark.parametrize("name,protocol,asked,seen", WAYS)
def test_once(lab, guard: Guard, name: str, protocol: str, asked: str, seen: str) -> None:
    guest, target = getattr(lab.guests, name), Target(protocol, asked, 8080)
    word = service_name(seen, 8080, protocol)
    try:
        said = guard.must("allow", word, "--from", guest.label, "--once")
        assert "one connection" in said.error
        (entry,) = guard.exceptions()
        assert entry["once"] and "when used" in guard.must("list").output
        assert not lab.guests.veth.ask(Target("tcp", "10.22.0.1", 8080), 0.3).reply  # another guest spends nothing
        assert guest.ask(target, 3.0).open
        assert guard.exceptions() == []
        answer = guest.ask(target, 0.5)
        assert answer.reply is None and not lab.services.saw(answer.token), "a second one"
        assert b"once" not in (guard.state / "exceptions.conf").read_bytes()
    finally:
        guard.forget()


def test_what_allows_for_good_goes_first(lab, guard: Guard) -> None:
    web, target = lab.guests.web, Target("tcp", "127.0.0.1", 9222)
    try:
        guard.must("allow", "127.0.0.1:9222", "--from", "container:web", "--once")
        guard.must("allow", "9222", "--from", "container")
        assert web.ask(target, 3.0).open and web.ask(target, 3.0).open
        once, wide = guard.exceptions()
        assert (once["once"], once["hits"], wide["hits"]) == (True, 0, 2)
        guard.must("remove", str(wide["id"]))
        assert web.ask(target, 3.0).open
        assert web.ask(target, 0.3).reply is None
    finally:
        guard.forget()


def test_refused(guard: Guard) -> None:
    assert guard.cli("deny", "9222", "--once").status == 2
    assert guard.cli("allow", "9222", "--once", "--cut-at-end").status == 2
    assert guard.exceptions() == []
