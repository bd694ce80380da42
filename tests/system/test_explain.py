# SPDX-License-Identifier: GPL-2.0-or-later
"""explain says beforehand what the guard then does, on every route, and what would change it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from lab.guard import Events, Guard
from lab.host import Target, service_name
from lab.system import wait_for
from routes import ROUTES, Route

ROOT = Path(__file__).resolve().parents[2]

TCP = [route for route in ROUTES if route.protocol == "tcp"]  # UDP takes the same ways
STEPS = ["host", "martian", "deny-exception", "allow-exception", "own-service", "infrastructure", "default"]


def explanations(guard: Guard, *words: str) -> list[dict]:
    return guard.must("explain", "--json", *words).json["explanations"]


def by_route(guard: Guard, route: Route, label: str, conduit: str | None) -> dict:
    """A VM behind passt has two ways by user-net: its own process, and the conduit."""
    service = service_name(route.service, route.port, route.protocol)
    (found,) = [told for told in explanations(guard, label, service)
                if (told["route"], told["source"]["conduit"]) == (route.route, conduit)]
    return found


@pytest.mark.parametrize("route", TCP, ids=str)
def test_it_says_what_happens(lab, guard: Guard, events: Events, route: Route) -> None:
    """The same source, route, interface and verdict as of the guest's real attempt; and so with an exception."""
    guest, mark = getattr(lab.guests, route.guest), events.mark()
    answer = guest.ask(route.target, 0.3)
    assert not lab.services.saw(answer.token)
    event = events.wait_refused(guest.label, route.protocol, route.service, route.port, mark)
    conduit = event["source"]["conduit"]
    told = by_route(guard, route, guest.label, conduit)
    assert [told[member] for member in ("source", "route", "interface", "verdict", "reason", "rule")] == \
        [event[member] for member in ("source", "route", "interface", "verdict", "reason", "rule")]
    assert told["service"]["program"] == "python3"
    assert [step["rule"] for step in told["steps"]] == STEPS
    assert [step["result"] for step in told["steps"]] == ["passed"] * 6 + ["decides"]
    again = guard.must("explain", str(event["id"]), "--json").json
    assert again["event"]["id"] == event["id"] and again["explanations"][0]["verdict"] == "drop"

    said = guard.must("explain", guest.label, service_name(route.service, route.port)).output
    commands = [line.split(": ", 1)[1] for line in said.splitlines() if line.startswith("  to allow it: ")]
    try:
        for command in set(commands):
            guard.must(*shlex.split(command)[1:])
        told = by_route(guard, route, guest.label, conduit)
        assert (told["verdict"], told["reason"]) == ("accept", "allow-exception")
        assert told["exception"]["id"] in [made["id"] for made in guard.exceptions()]
        assert told["steps"][3]["result"] == "decides" and told["steps"][4]["result"] == "not reached"
        route.arrives(lab)
        now = guard.must("explain", f"#{event['id']}", "--json").json["explanations"][0]
        assert now["verdict"] == "accept"
    finally:
        guard.forget()


def test_a_service_without_an_address(lab, guard: Guard) -> None:
    """Each way gets the address that its guest would write; a loopback address by a wire is martian."""
    told = {t["route"]: t["service"]["address"] for t in explanations(guard, "edge", "8080")}
    assert told["tap"] == "10.21.0.1"
    assert {t["service"]["address"] for t in explanations(guard, "web", "8080")} == {"127.0.0.1"}
    martian = {t["route"]: t for t in explanations(guard, "vm:edge", "127.0.0.1:9222")}["tap"]
    assert (martian["verdict"], martian["reason"]) == ("drop", "martian")
    assert martian["steps"][1]["result"] == "decides"


def test_infrastructure_and_own_services(lab, guard: Guard) -> None:
    told = {t["route"]: t for t in explanations(guard, "vm:builder", "udp/10.20.0.1:53")}["bridge"]
    assert (told["verdict"], told["rule"]) == ("accept", "infrastructure: dns")
    told = {t["route"]: t for t in explanations(guard, "vm:builder", f"udp/{lab.host.LAN4}:53")}["bridge"]
    assert told["verdict"] == "drop"
    web = lab.guests.web
    web.sh("hide serve 5000 127.0.0.1 7007 x >/dev/null 2>&1 & echo $! >/tmp/server")
    try:
        wait_for(lambda: "127.0.0.1:7007 " in lab.host.run("ss", "-Hltn"), "the container's service")
        assert {t["reason"] for t in explanations(guard, "container:web", "127.0.0.1:7007")} == {"own-service"}
        assert {t["reason"] for t in explanations(guard, "container:loose", "127.0.0.1:7007")} == {"default"}
    finally:
        web.sh("kill $(cat /tmp/server); wait $(cat /tmp/server)", check=False)


def follow(guard: Guard, guest: str, service: str) -> str:
    """Do what explain says of the one way there is; the line that said it."""
    lines = guard.must("explain", guest, service).output.splitlines()
    (said,) = [line for line in lines if line.startswith("  to ")]
    for command in said.split(": ", 1)[1].split(" && "):
        program, *words = shlex.split(command)
        assert program == "lhguard", said
        guard.must(*words)
    return said


def verdict(guard: Guard, guest: str, service: str) -> str:
    (told,) = {t["verdict"] for t in explanations(guard, guest, service)}
    return told


LAYERS = {
    "refused by the default": ("container:web", (), "drop", "allow"),
    "denied over a default that refuses": ("container:web", ("deny 9222 --from any",), "drop", "remove {0} && "),
    "denied twice": ("container:web", ("deny 9222 --from any", "deny tcp/9222 --from container"), "drop",
                     "remove {0} {1} && "),
    "denied over an allow": ("container:web", ("allow 9222 --from container:web", "deny 9222 --from any"), "drop",
                             "remove {1}"),
    "allowed once": ("container:web", ("allow 9222 --from container:web",), "accept", "remove {0}"),
    "allowed twice": ("container:web", ("allow 9222 --from container:web", "allow 9000-9300 --from any"), "accept",
                      "deny"),
    "allowed by the default": ("lan", (), "accept", "deny"),
    "allowed over a default that allows": ("lan", ("allow 9222 --from lan",), "accept", "deny"),
}


@pytest.mark.parametrize("case", LAYERS)
def test_what_it_says_changes_the_verdict(lab, guard: Guard, case: str) -> None:
    """Whatever stands behind what decides; and there and back again."""
    guest, commands, before, part = LAYERS[case]
    service = f"{lab.host.LAN4}:9222" if guest == "lan" else "127.0.0.1:9222"
    try:
        for command in commands:
            guard.must(*command.split())
        part = part.format(*(made["id"] for made in guard.exceptions()))
        assert verdict(guard, guest, service) == before
        said = follow(guard, guest, service)
        assert f": lhguard {part}" in said, said
        after = "accept" if before == "drop" else "drop"
        assert verdict(guard, guest, service) == after
        follow(guard, guest, service)
        assert verdict(guard, guest, service) == before
    finally:
        guard.forget()


def test_those_that_are_no_guests(lab, guard: Guard) -> None:
    (host,) = explanations(guard, "host", "9222")
    assert (host["verdict"], host["source"]["class"]) == ("accept", "host")
    (lan, *_) = explanations(guard, "lan", f"{lab.host.LAN4}:9222")
    assert (lan["verdict"], lan["source"]["class"]) == ("accept", "lan")
    (unknown, *_) = explanations(guard, "unknown", "127.0.0.1:9222")
    assert (unknown["verdict"], unknown["source"]["class"]) == ("drop", "unknown")


@pytest.mark.parametrize("words,status,part", [
    (("vm:nobody", "9222"), 1, "no way from"),
    (("vm:devbox", "8000-8010"), 2, "more than one service"),
    (("vm:devbox", "10.0.0.0/8:53"), 2, "more than one service"),
    (("vm:devbox", "127.0.0.1"), 2, "127.0.0.1"),
    (("vm:devbox",), 2, "no event's number"),
    (("4000000",), 1, "no event 4000000"),
], ids=str)
def test_mistakes(guard: Guard, words: tuple[str, ...], status: int, part: str) -> None:
    said = guard.cli("explain", *words)
    assert (said.status, said.output) == (status, "") and part in said.error


def first_steps(guard: Guard) -> list[str]:
    """The commands that lhguard --help ends with."""
    said = guard.must("--help").output.split("\nFirst steps", 1)[1]
    found = [line for line in said.splitlines() if line.startswith("  lhguard ")]
    return [line.strip().split("  ")[0] for line in found]


def test_the_walk(lab, guard: Guard) -> None:
    """What help ends with, to the letter: why, allow it for an hour, see it used, take it back. README shows it."""
    explain, allow, look, remove = first_steps(guard)
    guest, target = lab.guests.web, Target("tcp", "127.0.0.1", 9222)
    assert guest.ask(target, 0.3).reply is None
    try:
        said = guard.must(*explain.split()[1:]).output
        assert "container:web → tcp 127.0.0.1:9222 (python3)" in said and "refused (drop)" in said
        assert "to allow it: lhguard allow tcp/127.0.0.1:9222 --from container:web\n" in said
        made = guard.must(*allow.split()[1:]).error
        assert guest.ask(target, 3.0).open
        (entry,) = guard.exceptions()
        assert made == (f"allowed tcp 9222 from container:web for 1h (id {entry['id']}); "
                        f"undo: lhguard remove {entry['id']}\n")
        heading, row = guard.must(*look.split()[1:]).output.splitlines()
        assert row[heading.index("HITS"):].split()[0] == "1" and entry["hits"] == 1, row
        assert row[heading.index("LAST USED"):].split()[0] != "-", row
        assert guard.must(*remove.replace("ID", str(entry["id"])).split()[1:]).error == \
            f"removed exception {entry['id']}\n"
        assert guest.ask(target, 0.3).reply is None
    finally:
        guard.forget()
    shown = (ROOT / "README.md").read_text()
    at = [shown.index(f"\n    # {command.replace('ID', '1')}\n") for command in (explain, allow, look, remove)]
    assert at == sorted(at)
