# SPDX-License-Identifier: GPL-2.0-or-later
"""ports: the sockets are those that ss(8) finds, and a guest reaches what it says, tried by real guests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Iterator

import pytest

from lab.guard import CONFIG, Guard
from lab.guests import BridgedVm, Podman, PodmanGuest, UserVm
from lab.host import Host, Target
from lab.system import Cleanup, wait_for

EVERYWHERE = Target("tcp", "0.0.0.0", 8080)
BOTH = Target("tcp", "::", 8081)
DEVTOOLS, DEVTOOLS6 = Target("tcp", "127.0.0.1", 9222), Target("tcp", "::1", 9222)
DNS = Target("udp", "10.20.0.1", 53)


class World:
    """A host with services and three guests: on user-mode networking, on the host's network, on a bridge."""

    def __init__(self, cleanup: Cleanup) -> None:
        self.host = Host(cleanup)
        self.host.bridge("br0", "10.20.0.1/24", "fd20::1/64")
        self.host.serve(EVERYWHERE, BOTH, DEVTOOLS, DEVTOOLS6, DNS)
        self.devbox = UserVm(self.host, "devbox", cleanup)
        self.builder = BridgedVm(self.host, "builder", cleanup, "br0", "tap-b", "10.20.0.11/24", "10.20.0.1",
                                 "fd20::11/64", "fd20::1")
        self.web = PodmanGuest(Podman(self.host, cleanup), "web", cleanup, "host")
        for guest in (self.devbox, self.builder, self.web):
            guest.wait_ready()
        self.guard = Guard(self.host)
        cleanup.add(self.guard.close)
        # How each guest has to write what the host calls otherwise.
        self.tries = [(self.devbox, DEVTOOLS, Target("tcp", "10.0.2.2", 9222)),
                      (self.devbox, EVERYWHERE, Target("tcp", "10.0.2.2", 8080)),
                      (self.builder, EVERYWHERE, Target("tcp", "10.20.0.1", 8080)),
                      (self.builder, BOTH, Target("tcp", "fd20::1", 8081)),
                      (self.builder, DNS, DNS),
                      (self.web, DEVTOOLS, DEVTOOLS),
                      (self.web, DEVTOOLS6, DEVTOOLS6),
                      (self.web, EVERYWHERE, Target("tcp", "127.0.0.1", 8080)),
                      (self.web, BOTH, Target("tcp", "::1", 8081))]

    def ports(self) -> dict[tuple[str, str, int], dict]:
        document = self.guard.must("ports", "--json").json
        assert not document["incomplete"]
        return {tuple(port["service"][member] for member in ("protocol", "address", "port")): port
                for port in document["ports"]}

    def reach(self, guest, service: Target) -> dict:
        (reach,) = [reach for reach in self.ports()[service.protocol, service.address, service.port]["guests"]
                    if reach["label"] == guest.label]
        return reach

    def check(self) -> dict[bool, int]:
        """What is said is what happens; how often it is yes and no."""
        counts = {True: 0, False: 0}
        ports = self.ports()
        for guest, service, target in self.tries:
            port = ports[service.protocol, service.address, service.port]
            (said,) = [reach["allowed"] for reach in port["guests"] if reach["label"] == guest.label]
            answer = guest.ask(target, 3.0 if said else 0.7)
            assert answer.open == said, f"{guest} at {target}: said {said}, but {answer}"
            counts[said] += 1
        return counts


@pytest.fixture(scope="module")
def world(machine) -> Iterator[World]:
    with Cleanup() as cleanup:
        yield World(cleanup)


@pytest.fixture
def guard(world: World) -> Iterator[Guard]:
    world.guard.config.write_text(CONFIG)
    # QEMU's own sockets go on where the VM's client has given up: they are no attempts of the next test.
    world.host.run("ss", "--kill", "state", "syn-sent")
    world.guard.start()
    try:
        yield world.guard
        world.guard.forget()
    finally:
        world.guard.stop()


def by_ss(host: Host) -> set[tuple[str, str, int]]:
    found = set()
    for line in host.run("ss", "-H", "-l", "-n", "-t", "-u").splitlines():
        protocol, _, _, _, local = line.split()[:5]
        address, port = local.rsplit(":", 1)
        address = re.sub(r"%.*", "", address.strip("[]")).replace("*", "::")
        found.add((protocol, address, int(port)))
    return found


def test_they_are_those_of_ss(world: World, guard: Guard) -> None:
    ports = world.ports()
    assert set(ports) == by_ss(world.host)
    assert len(ports) >= 5
    devtools = ports["tcp", "127.0.0.1", 9222]
    assert devtools["service"]["program"] == "python3" and devtools["pid"] == world.host.services.process.pid
    assert (devtools["name"], devtools["sensitive"], devtools["lan"]) == ("chrome-devtools", True, False)
    assert ports["tcp", "0.0.0.0", 8080]["lan"] and ports["tcp", "::", 8081]["lan"]
    assert {reach["label"] for reach in devtools["guests"]} == {"vm:devbox", "vm:builder", "container:web"}


def test_what_is_said_is_what_happens(world: World, guard: Guard) -> None:
    """By default, by exceptions that allow and deny, and by what every guest needs."""
    assert world.check() == {True: 1, False: 8}
    assert world.reach(world.builder, DNS)["rule"] == "infrastructure: dns"
    assert not world.reach(world.builder, DEVTOOLS)["allowed"]
    guard.must("allow", "chrome-devtools", "--from", "vm:devbox")
    guard.must("allow", "8080", "--from", "any")
    guard.must("deny", "8080", "--from", "container:web")
    guard.must("allow", "[fd20::1]:8081", "--from", "vm:builder")
    guard.must("allow", "[::1]:9222", "--from", "podman")
    assert world.check() == {True: 6, False: 3}
    reach = world.reach(world.devbox, DEVTOOLS)
    assert (reach["reason"], reach["exception"]) == ("allow-exception", guard.exceptions()[0]["id"])
    assert (reach["route"], reach["interface"]) == ("user-net", "lo")
    assert world.reach(world.web, EVERYWHERE)["exception"] == guard.exceptions()[2]["id"]


def test_asking_is_no_use_of_an_exception(world: World, guard: Guard) -> None:
    guard.must("allow", "chrome-devtools", "--from", "vm:devbox")
    assert world.reach(world.devbox, DEVTOOLS)["allowed"]
    assert [made["hits"] for made in guard.exceptions()] == [0]
    assert guard.status()["attempts"] == 0


def test_a_port_of_all_addresses_is_reached_at_any_of_them(world: World, guard: Guard) -> None:
    """An exception for one address of the host alone, which is not the one that a guest would write."""
    assert not world.reach(world.web, EVERYWHERE)["allowed"]
    guard.must("allow", f"{world.host.LAN4}:8080", "--from", "container:web")
    assert world.reach(world.web, EVERYWHERE)["allowed"]
    assert world.web.ask(Target("tcp", world.host.LAN4, 8080), 3.0).open
    assert not world.web.ask(Target("tcp", "127.0.0.1", 8080), 0.7).open


def test_a_guests_own_port_is_its_own(world: World, guard: Guard) -> None:
    pid = world.web.sh("waiter tcp,127.0.0.1,7001 >/dev/null 2>&1 & echo $!")
    try:
        wait_for(lambda: ":7001 " in world.host.run("ss", "-ltn"), "the container's port")
        port = world.ports()["tcp", "127.0.0.1", 7001]
        assert port["owner"] == "container:web" and port["service"]["program"] == "waiter"
        assert [(reach["label"], reach["reason"]) for reach in port["guests"] if reach["allowed"]] == \
            [("container:web", "own-service")]
        line = next(line for line in guard.must("ports").output.splitlines() if ":7001" in line)
        assert "waiter of container:web" in line and line.endswith("container:web (its own)")
    finally:
        world.web.sh(f"kill {pid}")


def test_monitor_mode_is_told(world: World, guard: Guard) -> None:
    assert guard.must("ports", "--json").json["enforced"]
    guard.config.write_text(CONFIG.replace("enforce", "monitor"))
    guard.must("reload")
    said = guard.must("ports")
    assert not guard.must("ports", "--json").json["enforced"] and "MONITOR" in said.error
    assert not world.reach(world.devbox, DEVTOOLS)["allowed"], "as it would be"
    assert world.devbox.ask(Target("tcp", "10.0.2.2", 9222), 3.0).open


def test_a_name_for_a_person(world: World, guard: Guard) -> None:
    guard.must("allow", "127.0.0.1:chrome-devtools", "--from", "vm:devbox")
    said = guard.must("ports")
    line = next(line for line in said.output.splitlines() if "127.0.0.1:9222" in line)
    assert re.fullmatch(r"tcp 127\.0\.0\.1:9222 +python3 +chrome-devtools ! +vm:devbox \(exception \d+\)", line)
    assert "Guests reach 1 sensitive service:" in said.error


def test_a_picture(world: World, guard: Guard, tmp_path: Path) -> None:
    """Drawn by the real dot: an SVG with all guests, services and colours."""
    guard.must("allow", "127.0.0.1:chrome-devtools", "--from", "vm:devbox")
    picture = tmp_path / "ports.svg"
    said = guard.must("ports", "--map", str(picture))
    assert f"drawn: {picture}" in said.error and not said.output
    root = ElementTree.parse(picture).getroot()
    text = " ".join(root.itertext())
    for word in ("vm:devbox", "vm:builder", "container:web", "chrome-devtools", "tcp 127.0.0.1:9222"):
        assert word in text
    strokes = {path.get("stroke") for path in root.iter("{http://www.w3.org/2000/svg}path")}
    assert {"#1a7f37", "#e5868c"} <= strokes
    graph = guard.must("ports", "--map").output
    assert graph.startswith("digraph ports {")
