# SPDX-License-Identifier: GPL-2.0-or-later
"""Exceptions that end with their guest, guests of one name, and guests behind one conduit."""

from __future__ import annotations

import re
import shlex

import pytest

from lab.guard import guarded
from lab.guests import Guest, LxcGuest, PodmanGuest, SlirpGuest, UserVm, VethGuest
from lab.host import Host, Target, service_name
from lab.system import Cleanup, wait_for

PORTS = {"until-stop": 9222, "permanent": 8080}


class Lives:
    """One guest after the other under one name, each with a life of its own."""

    def __init__(self, lab, kind: str) -> None:
        self.lab, self.kind = lab, kind
        self.cleanup = Cleanup()
        self.guest: Guest | None = None
        self.address = "127.0.0.1" if kind == "podman" else "10.0.2.2"

    def start(self) -> Guest:
        self.cleanup.__enter__()
        host = self.lab.host
        if self.kind == "podman":
            self.guest = PodmanGuest(self.lab.guests.web.podman, "brief", self.cleanup, "host")
        elif self.kind == "vm":
            self.guest = UserVm(host, "brief", self.cleanup)
        else:
            self.guest = SlirpGuest(host, "brief", self.cleanup)
        if self.kind != "slirp":
            self.guest.wait_ready()
        return self.guest

    def stop(self) -> None:
        self.cleanup.__exit__(None, None, None)
        self.cleanup = Cleanup()

    def opens(self, which: str) -> bool:
        target = Target("tcp", self.address, PORTS[which])
        return self.guest.ask(target, 3.0).open


def listed(guard) -> set[str]:
    return {e["service"] for e in guard.exceptions()}


@pytest.mark.parametrize("kind", ["podman", "vm", "slirp"])
def test_it_ends_with_the_guest(lab, start_guard, kind: str) -> None:
    """Over a restart of the daemon, but not over one of the guest; the permanent one holds again."""
    guard, lives = start_guard(), Lives(lab, kind)
    try:
        first = lives.start()
        label = first.label
        wait_for(lambda: label in {g["label"] for g in guard.guests()}, "the guest")
        said = guard.must("allow", "127.0.0.1:9222", "--from", label, "--until-stop")
        assert "until it stops" in said.error
        guard.must("allow", "127.0.0.1:8080", "--from", label)
        assert lives.opens("until-stop") and lives.opens("permanent")
        entry = next(e for e in guard.exceptions() if e["untilStop"])
        assert entry["source"] == label and entry["expires"] is None
        assert "when it stops" in guard.must("list").output

        assert guard.stop() == 0
        guard.start()
        wait_for(lambda: lives.opens("until-stop"), "the exception after a restart", step=0.5)
        assert lives.opens("permanent")

        lives.stop()
        wait_for(lambda: listed(guard) == {"127.0.0.1:8080"}, "the exception's end")
        assert "9222" not in (guard.state / "exceptions.conf").read_text()
        lives.start()
        # Whom a conduit serves is found only when its tap is there.
        wait_for(lambda: lives.opens("permanent"), "the permanent exception to hold again", step=0.2)
        assert not lives.opens("until-stop"), "the next guest of that name has its exception"
    finally:
        lives.stop()


def test_it_ends_while_nobody_looks(lab, start_guard) -> None:
    """A container that is started again while the daemon is down, with the same key, is another."""
    guard = start_guard()
    target = Target("tcp", "10.20.0.1", 8080)

    def start(cleanup: Cleanup) -> LxcGuest:
        guest = LxcGuest(lab.host, "brief", cleanup, "br0", "10.20.0.17/24", "10.20.0.1",
                         "fd20::17/64", "fd20::1")
        guest.wait_ready()
        return guest

    with Cleanup() as cleanup:
        guest = start(cleanup)
        guard.must("allow", "10.20.0.1:8080", "--from", guest.label, "--until-stop")
        guard.must("allow", "10.20.0.1:9222", "--from", guest.label)
        assert guest.ask(target, 3.0).open
        guard.stop()
        guard.start()
        wait_for(lambda: guest.ask(target, 1.0).open, "the exception after a restart", step=0.5)
        guard.stop()
    with Cleanup() as cleanup:
        guest = start(cleanup)
        guard.start()
        assert guest.ask(target, 1.5).reply is None, "a restarted container has its exception"
        wait_for(lambda: listed(guard) == {"10.20.0.1:9222"}, "the exception's end", step=0.5)
        assert guest.ask(target, 1.0).reply is None


def test_it_does_not_pass_to_the_next_namespace(machine) -> None:
    """A named namespace keeps it over a restart of the daemon; one that took its number has nothing of it."""
    target = Target("tcp", "10.29.0.1", 8080)
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "0.0.0.0", 8080))
        guard = guarded(host, cleanup)

        def start(name: str, its_cleanup: Cleanup) -> VethGuest:
            return VethGuest(host, name, its_cleanup, "10.29.0.2/24", "10.29.0.1", "fd29::2/64",
                             "fd29::1", port="v-brief")

        with Cleanup() as its_cleanup:
            guest = start("brief", its_cleanup)
            number = guest.netns.path.stat().st_ino
            assert guest.ask(target, 1.0).reply is None
            guard.must("allow", "10.29.0.1:8080", "--from", guest.label, "--until-stop")
            assert guest.ask(target, 3.0).open
            guard.stop()
            guard.start()
            wait_for(lambda: guest.ask(target, 1.0).open, "the exception after a restart", step=0.5)
            guard.stop()
        stored = guard.state / "exceptions.conf"
        guest = start("other", cleanup)
        # The kernel gives out the lowest free number; that it is this one does not depend on luck here.
        assert f"netns:{number}" in stored.read_text()
        stored.write_text(stored.read_text().replace(
            f"netns:{number}", f"netns:{guest.netns.path.stat().st_ino}"))
        guard.start()
        assert guest.ask(target, 1.5).reply is None, "another namespace has its exception"
        wait_for(lambda: listed(guard) == set(), "the exception's end", step=0.5)
        assert guest.ask(target, 1.0).reply is None


def test_two_of_one_name(lab, start_guard) -> None:
    """Two VMs of one name: by the name both are meant, and that is said; by id one of them is."""
    target = Target("tcp", "10.0.2.2", 9222)
    guard = start_guard()
    events = guard.events()
    with Cleanup() as cleanup:
        twins = [UserVm(lab.host, "twin", cleanup) for _ in range(2)]
        for twin in twins:
            twin.wait_ready()
        ids = {g["leader"]: g["id"] for g in guard.guests() if g["label"] == "vm:twin"}
        assert set(ids) == {twin.process.pid for twin in twins}
        first, second = (ids[twin.process.pid] for twin in twins)

        said = guard.must("allow", "127.0.0.1:9222", "--from", "vm:twin")
        assert said.error.count("it allows both") == 1
        for twin in twins:
            assert f"guest:{ids[twin.process.pid]} qemu pid {twin.process.pid}" in said.error
            assert twin.ask(target, 3.0).open
        guard.forget()

        said = guard.cli("allow", "127.0.0.1:9222", "--from", "vm:twin", "--until-stop")
        assert said.status == 1 and f"guest:{first} " in said.error and f"guest:{second} " in said.error
        assert guard.exceptions() == []

        mark = events.mark()
        said = guard.must("allow", "127.0.0.1:9222", "--from", f"guest:{first}")
        assert said.output == "" and "until it stops" in said.error
        assert twins[0].ask(target, 3.0).open
        assert twins[1].ask(target, 1.0).reply is None, "its namesake's exception opens for it"
        event = events.wait_refused("vm:twin", "tcp", "127.0.0.1", 9222, mark)
        assert event["source"]["guest"] == second

        twins[1].process.kill()
        wait_for(lambda: second not in {g["id"] for g in guard.guests()}, "the second's end")
        assert twins[0].ask(target, 3.0).open, "it ended with its namesake"
        twins[0].process.kill()
        wait_for(lambda: guard.exceptions() == [], "the exception's end")


def test_nobody_of_that_name(lab, start_guard) -> None:
    guard = start_guard()
    said = guard.cli("allow", "9222", "--from", "vm:nobody", "--until-stop")
    assert said.status == 1 and "vm:nobody does not run" in said.error
    said = guard.must("allow", "9222", "--from", "vm:nobody")
    assert "no guest called vm:nobody runs now" in said.error
    assert [e["untilStop"] for e in guard.exceptions()] == [False]


def test_behind_one_conduit(lab, start_guard) -> None:
    """Two containers share a slirp4netns: only what names the conduit, or both, opens it."""
    service, target = service_name("127.0.0.1", 9222, "tcp"), Target("tcp", "10.0.2.2", 9222)
    guard = start_guard()
    events, watch = guard.events(), guard.watch()
    podman = lab.guests.web.podman
    with Cleanup() as cleanup:
        one = PodmanGuest(podman, "one", cleanup, "slirp4netns:allow_host_loopback=true")
        one.wait_ready()
        two = PodmanGuest(podman, "two", cleanup, "container:one")
        two.wait_ready()
        guard.wait_conduit("container:one", "container:two")

        def refused() -> dict:
            mark = events.mark()
            assert two.ask(target, 0.7).reply is None, "an exception for one opens for all"
            return events.wait(lambda e: e["source"]["shared"] and e["verdict"] == "drop", mark)

        source = wait_for(lambda: refused()["source"], "the conduit's namespace")
        assert set(source["name"].removeprefix("one of: ").split(", ")) == {"one", "two"}
        assert source["kind"] == "container" and source["runtime"] == "podman"
        assert source["conduit"] == "slirp4netns" and source["guest"] is None
        ids = [g["id"] for g in guard.guests() if g["label"] in ("container:one", "container:two")]
        for selector in ["container:one", "container:two", "podman:two", *[f"guest:{i}" for i in ids],
                         "conduit:pasta", "vm"]:
            guard.must("allow", service, "--from", selector)
            refused()
        guard.forget()

        line = watch.wait_line("one of: ", " behind slirp4netns → ")
        suggested = shlex.split(re.search(r"allow: lhguard (.*)$", line).group(1))
        assert suggested == ["allow", "tcp/127.0.0.1:9222", "--from", "conduit:slirp4netns"]
        for command in (suggested, ["allow", service, "--from", "podman"],
                        ["allow", service, "--from", "container"]):
            guard.must(*command)
            assert two.ask(target, 3.0).open and one.ask(target, 3.0).open, command
            guard.forget()
            refused()


def test_a_namespace_stays_the_same_guest_over_a_reload(lab, start_guard) -> None:
    """Nothing but its wire tells of it, and who is at its end is not found by the catalogue."""
    guard = start_guard()
    with Cleanup() as cleanup:
        guest = VethGuest(lab.host, "reread", cleanup, "10.23.0.2/24", "10.23.0.1", "fd23::2/64", "fd23::1")
        known = wait_for(lambda: next((g for g in guard.guests() if g["label"] == guest.label), None), "it")
        guard.must("allow", "9222", "--from", f"guest:{known['id']}")
        guard.must("reload")
        assert [g["id"] for g in guard.guests() if g["label"] == guest.label] == [known["id"]]
        assert [e["guest"] for e in guard.exceptions()] == [known["id"]]
