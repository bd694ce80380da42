# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard mode`: real guests are refused, let through for a while, and refused again."""

from __future__ import annotations

from lab.guard import Guard
from lab.host import Target
from lab.system import wait_for

GUEST_WAY = Target("tcp", "10.22.0.1", 8080)  # of the guest `veth`
USER_NET = Target("tcp", "10.0.2.2", 9222)    # of the guest `devbox`


def is_open(guest, target: Target) -> bool:
    return guest.ask(target, 0.7).open


def opens(guest, target: Target) -> bool:
    return guest.ask(target, 3.0).open


def mode(guard: Guard) -> str:
    return guard.must("mode").output.strip()


def test_for_a_while(lab, start_guard) -> None:
    """Refused, let through while monitor mode lasts and recorded as refused, refused again by itself."""
    guard, guest = start_guard(), lab.guests.devbox
    events = guard.events()
    assert not is_open(guest, USER_NET)
    assert guard.status()["modeSince"] == guard.status()["since"]

    mark = events.mark()
    said = guard.must("mode", "monitor", "--for", "10s")
    assert "for 10s" in said.error and "then enforce again" in said.error
    assert opens(guest, USER_NET) and opens(lab.guests.veth, GUEST_WAY)
    status = guard.status()
    assert (status["mode"], status["configuredMode"]) == ("monitor", "enforce")
    assert status["modeOverride"]["creator"] == 0
    assert status["modeOverride"]["created"] < status["modeOverride"]["expires"]
    assert status["since"] < status["modeSince"] < status["modeOverride"]["expires"]
    # The SYN that was refused before may have come again after the mark, too.
    events.wait(lambda e: (e["source"]["label"], e["service"]["port"], e["verdict"], e["mode"]) ==
                ("vm:devbox", 9222, "drop", "monitor"), mark)

    wait_for(lambda: mode(guard) == "enforce", "the end of monitor mode")
    monitored, status = status, guard.status()
    assert status["modeOverride"] is None
    assert status["since"] == monitored["since"] < monitored["modeSince"] < status["modeSince"]
    mark = events.mark()
    assert not is_open(guest, USER_NET) and not is_open(lab.guests.veth, GUEST_WAY)
    assert events.wait_refused("vm:devbox", "tcp", "127.0.0.1", 9222, mark)["mode"] == "enforce"
    log = guard.log_text()
    assert "monitor mode for 10s, set by user 0; then enforce, as the configuration says" in log
    assert "the time of monitor mode is over: enforce mode" in log


def test_until_somebody_ends_it(lab, start_guard) -> None:
    """A reload keeps it, the configuration's own mode ends it, and so does a new start of the daemon."""
    guard, guest = start_guard(), lab.guests.veth
    guard.must("mode", "monitor")
    guard.must("reload")
    assert mode(guard) == "monitor" and opens(guest, GUEST_WAY)
    assert guard.status()["modeOverride"]["expires"] is None
    guard.must("mode", "enforce")
    assert guard.status()["modeOverride"] is None and not is_open(guest, GUEST_WAY)
    guard.must("mode", "monitor")
    guard.stop()
    guard.start()
    assert mode(guard) == "enforce" and not is_open(guest, GUEST_WAY)


def test_the_latest_counts(lab, start_guard) -> None:
    """The end of an earlier time is not the end of what was set after it."""
    guard = start_guard()
    guard.must("mode", "monitor", "--for", "1s")
    guard.must("mode", "monitor", "--for", "1h")
    expires = guard.status()["modeOverride"]["expires"]
    guard.must("mode", "enforce", "--for", "5s")
    assert mode(guard) == "enforce" and guard.status()["modeOverride"]["expires"] < expires
    wait_for(lambda: guard.status()["modeOverride"] is None, "the end of enforce mode")


def test_enforce_over_a_configuration_that_monitors(lab, start_guard) -> None:
    """The other way round, as for an evening with guests that nobody trusts."""
    guard, guest = start_guard("[guard]\nmode = monitor\n"), lab.guests.veth
    assert opens(guest, GUEST_WAY)
    guard.must("mode", "enforce")
    assert not is_open(guest, GUEST_WAY)
    assert guard.must("mode", "--json").json["configuredMode"] == "monitor"


def test_a_crash_is_of_the_same_mode(lab, start_guard) -> None:
    """While no daemon runs, the table that it left does what the mode says."""
    guard, guest = start_guard(), lab.guests.veth
    guard.must("mode", "monitor", "--for", "1h")
    assert {queue["down"] for queue in guard.status()["queues"]} == {"accept"}
    guard.kill()
    assert opens(guest, GUEST_WAY), "nothing is refused in monitor mode"
    guard.start()
    assert mode(guard) == "enforce" and not is_open(guest, GUEST_WAY)
    guard.must("mode", "monitor", "--for", "2s")
    wait_for(lambda: mode(guard) == "enforce", "the end of monitor mode")
    guard.kill()
    assert not is_open(guest, GUEST_WAY), "the guest is let in by a crash"
    guard.start()


def test_only_root_changes_it(lab, start_guard) -> None:
    guard = start_guard()
    said = guard.cli("mode", "monitor", uid=4242)
    assert said.status == 4 and mode(guard) == "enforce"
