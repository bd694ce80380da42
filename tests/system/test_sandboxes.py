# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxed applications on the host's network: a kind of their own, allowed unless the policy says so."""

from __future__ import annotations

import pytest

from lab.guard import CONFIG, guarded
from lab.host import Host, Target
from lab.sandbox import BubblewrapGuest
from lab.system import Cleanup

SERVICE = Target("tcp", "127.0.0.1", 9222)


@pytest.fixture(scope="module")
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(SERVICE, Target("udp", "127.0.0.1", 9222))
        yield host


@pytest.fixture(scope="module")
def sandbox(host):
    """A program in bubblewrap, started before the guard."""
    with Cleanup() as cleanup:
        yield BubblewrapGuest(host, cleanup)


def told(event: dict) -> tuple:
    source = event["source"]
    return (event["verdict"], source["class"], source["kind"], source["runtime"], source["name"],
            event["route"])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_allowed_and_told(host, sandbox, protocol: str) -> None:
    with Cleanup() as cleanup:
        events = guarded(host, cleanup).events()
        assert sandbox.ask(Target(protocol, "127.0.0.1", 9222), 3.0).open
        event = events.wait(lambda e: e["source"]["kind"] == "sandbox")
        assert told(event) == ("accept", "guest", "sandbox", "bubblewrap", "sh", "host-net")
        assert event["reason"] == "default"


def test_told_when_the_guard_was_first(host) -> None:
    with Cleanup() as cleanup:
        events = guarded(host, cleanup).events()
        assert BubblewrapGuest(host, cleanup).ask(SERVICE, 3.0).open
        event = events.wait(lambda e: e["source"]["kind"] == "sandbox")
        assert told(event) == ("accept", "guest", "sandbox", "bubblewrap", "sh", "host-net")


def test_refused_by_policy(host, sandbox) -> None:
    """`sandbox = deny` in [defaults] refuses it and not the host's programs; an exception lets it in."""
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup, CONFIG + "[defaults]\nsandbox = deny\n")
        events = guard.events()
        answer = sandbox.ask(SERVICE, 0.5)
        assert answer.reply is None and not host.services.saw(answer.token)
        event = events.wait(lambda e: e["source"]["kind"] == "sandbox")
        assert told(event) == ("drop", "guest", "sandbox", "bubblewrap", "sh", "host-net")
        assert all(a.open for a in host.probe([SERVICE]))
        guard.must("allow", "127.0.0.1:9222", "--from", sandbox.label)
        assert sandbox.ask(SERVICE, 3.0).open
