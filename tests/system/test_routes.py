# SPDX-License-Identifier: GPL-2.0-or-later
"""With the guard every route is refused and named, and an exception opens it for that guest alone."""

from __future__ import annotations

import pytest

from lab.guard import Events, Guard
from lab.host import Target, service_name
from routes import Route, every_route

REFUSED_AFTER = 0.5  # seconds; test_exception… proves that an open route answers well within it


@every_route
def test_refused_and_named(lab, guard: Guard, events: Events, route: Route) -> None:
    """Refused by default, and the event names guest, kind, runtime, route and service."""
    guest = getattr(lab.guests, route.guest)
    mark = events.mark()
    answer = guest.ask(route.target, REFUSED_AFTER)
    assert answer.reply is None and not lab.services.saw(answer.token), "it leaks"
    event = events.wait_refused(guest.label, route.protocol, route.service, route.port, mark)
    assert event["verdict"] == "drop"
    assert event["mode"] == "enforce"
    assert event["reason"] == "default"
    assert event["route"] == route.route
    assert event["source"]["class"] == "guest"
    assert event["source"]["kind"] == guest.kind
    assert event["source"]["runtime"] == route.runtime
    assert event["source"]["name"] == guest.name
    if route.route in ("user-net", "host-net"):
        assert event["interface"] == "lo"
    if route.route in ("bridge", "veth", "tap"):
        assert event["client"]["address"] in (getattr(guest, "ip4", ""), getattr(guest, "ip6", "")) \
            or route.guest == "bridged"
    assert event["service"]["program"] in ("python3", "")  # see test_program_is_named


@every_route
def test_exception_is_for_that_guest_alone(lab, guard: Guard, route: Route) -> None:
    """`allow` for another guest opens nothing; for this one it opens; `remove` closes it again."""
    guest = getattr(lab.guests, route.guest)
    other = lab.guests.builder if route.guest != "builder" else lab.guests.devbox
    service = service_name(route.service, route.port, route.protocol)
    try:
        guard.must("allow", service, "--from", other.label)
        answer = guest.ask(route.target, REFUSED_AFTER)
        assert answer.reply is None and not lab.services.saw(answer.token), \
            f"an exception for {other.label} opened it for {guest.label}"
        guard.must("allow", service, "--from", guest.label)
        route.arrives(lab)
    finally:
        guard.forget()
    answer = guest.ask(route.target, 0.3)
    assert answer.reply is None and not lab.services.saw(answer.token), "open after remove"


@pytest.mark.parametrize("target,service", [
    (Target("tcp", "127.0.0.1", 9222), "127.0.0.1"), (Target("udp", "127.0.0.1", 9222), "127.0.0.1"),
    (Target("tcp", "::1", 9222), "::1"), (Target("udp", "::1", 8080), "::1")], ids=str)
def test_program_is_named(lab, guard: Guard, events: Events, target: Target, service: str) -> None:
    """The event names the program that listens. It may be missing while there are many attempts (the
    guard looks it up a few times a second), so within three attempts."""
    guest, programs = lab.guests.web, []
    while "python3" not in programs:
        assert len(programs) < 3, programs
        mark = events.mark()
        guest.ask(target, 2.0)
        programs.append(events.wait_refused(guest.label, target.protocol, service, target.port,
                                            mark)["service"]["program"])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_exception_by_runtime(lab, guard: Guard, protocol: str) -> None:
    """`--from qemu:devbox` means the same guest as `vm:devbox`, `--from podman:devbox` does not."""
    target = Target(protocol, "10.0.2.2", 9222)
    try:
        guard.must("allow", f"{protocol}/127.0.0.1:9222", "--from", "podman:devbox")
        assert lab.guests.devbox.ask(target, REFUSED_AFTER).reply is None
        guard.must("allow", f"{protocol}/127.0.0.1:9222", "--from", "qemu:devbox")
        assert lab.guests.devbox.ask(target, 3.0).open
    finally:
        guard.forget()


def test_guests_are_listed(lab, guard: Guard) -> None:
    """`lhguard guests` knows every guest of the lab by kind, runtime and name."""
    listed = {(g["label"], g["runtime"]) for g in guard.guests()}
    expected = {(g.label, g.runtime) for g in vars(lab.guests).values()}
    assert expected <= listed, f"not listed: {expected - listed}; listed: {listed}"
