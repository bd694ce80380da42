# SPDX-License-Identifier: GPL-2.0-or-later
"""Route 17: a guest that waits for connections on the host, or takes a port that the host had."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lab import image
from lab.guests import UserVm, Waiting
from lab.host import Services, Target, service_name
from lab.system import Cleanup, end, wait_for

WAYS = [("tcp", "127.0.0.1"), ("tcp", "::1"), ("tcp", "0.0.0.0"), ("udp", "127.0.0.1"), ("udp", "::1")]
PERIOD = 6  # seconds in which a look comes for sure, also on a busy machine


def ways(first: int) -> list[Target]:
    """IPv4 and IPv6, TCP and UDP, each with a port of its own."""
    return [Target(protocol, address, first + i) for i, (protocol, address) in enumerate(WAYS)]


def is_listener(event: dict, label: str, protocol: str, address: str, port: int) -> bool:
    service = event["service"]
    return (event["type"] == "listener" and event["source"]["label"] == label and
            (service["protocol"], service["address"], service["port"]) == (protocol, address, port))


def test_what_listened_before_the_guard(lab, start_guard) -> None:
    """What a guest has open when the guard starts is no event, but shown with the guest."""
    with Cleanup() as cleanup, Waiting(lab.guests.web, Target("tcp", "127.0.0.1", 7008)):
        UserVm(lab.host, "early", cleanup, forward=("tcp:127.0.0.1:2232-:22",))
        for port in (2232, 7008):
            wait_for(lambda: f":{port} " in lab.host.run("ss", "-tln"), f"port {port}")
        guard = start_guard()
        events = guard.events()
        wait_for(lambda: "tcp 127.0.0.1:2232 (qemu" in guard.must("guests", "early").output,
                 "the VM's port")
        wait_for(lambda: "tcp 127.0.0.1:7008 (waiter" in guard.must("guests", "web").output,
                 "the container's port")
        time.sleep(PERIOD)
        assert not [e for e in events.since() if e["type"] == "listener"]


def test_forwarded_ports_of_a_vm(lab, guard, events) -> None:
    """QEMU opens ports for its VM: each is told once, by the VM's name, within a look or two."""
    watch = guard.watch()
    mark = events.mark()
    with Cleanup() as cleanup:
        UserVm(lab.host, "gateway", cleanup,
               forward=("tcp:127.0.0.1:2222-:22", "udp:127.0.0.1:2223-:53", "tcp:0.0.0.0:2224-:80"))
        for protocol, address, port in (("tcp", "127.0.0.1", 2222), ("udp", "127.0.0.1", 2223),
                                        ("tcp", "0.0.0.0", 2224)):
            event = events.wait(lambda e: is_listener(e, "vm:gateway", protocol, address, port),
                                mark, 15)
            assert event["reason"] == "listens" and event["verdict"] == "accept"
            assert event["program"] == "qemu-system-x86" and event["route"] == "user-net"
        watch.wait_line("listen", "vm:gateway (qemu-system-x86) listens on tcp 127.0.0.1:2222")
        said = guard.must("guests", "gateway").output
        assert "listens on   " in said and "  tcp 127.0.0.1:2222 (qemu-system-x86)\n" in said
        time.sleep(PERIOD)
        assert len([e for e in events.since(mark) if e["type"] == "listener"]) == 3
    wait_for(lambda: "vm:gateway" not in {g["label"] for g in guard.guests()}, "the VM's end")


@pytest.mark.parametrize("guest, first", [("web", 7010), ("loose", 7020)])
def test_host_network_container(lab, guard, events, guest: str, first: int) -> None:
    """A container on the host's network opens ports there: by cgroup, and by its namespaces."""
    container = getattr(lab.guests, guest)
    targets = ways(first)
    mark = events.mark()
    with Waiting(container, *targets):
        for t in targets:
            event = events.wait(lambda e: is_listener(e, container.label, t.protocol, t.address,
                                                      t.port), mark, 2 * PERIOD)
            assert event["reason"] == "listens" and event["program"] == "waiter"
            assert event["route"] == "host-net" and event["source"]["runtime"] == "podman"


def test_taken_ports(lab, guard, events) -> None:
    """Ports that a host program had: the events name it. The host's own comings and goings are none."""
    targets = ways(7040)
    watch = guard.watch()
    mark = events.mark()
    with Cleanup() as cleanup:
        Services(lab.host.netns, targets, cleanup)
        time.sleep(PERIOD)
    time.sleep(PERIOD)
    assert not [e for e in events.since(mark) if e["type"] == "listener"]
    with Waiting(lab.guests.web, *targets):
        for t in targets:
            event = events.wait(lambda e: is_listener(e, "container:web", t.protocol, t.address,
                                                      t.port), mark, 2 * PERIOD)
            assert event["reason"] == "takes-port" and event["service"]["program"] == "python3"
            assert event["rule"].startswith("which python3 had until ")
            word = service_name(t.address, t.port)
            watch.wait_line(f"takes {t.protocol} {word}, which python3 had until ")


def test_port_taken_by_a_new_vm(lab, guard, events) -> None:
    """The same by a VM that starts at the moment at which the host's program ends."""
    mark = events.mark()
    with Cleanup() as cleanup:
        with Cleanup() as short:
            Services(lab.host.netns, [Target("tcp", "127.0.0.1", 7050)], short)
            time.sleep(PERIOD)
        UserVm(lab.host, "taker", cleanup, forward=("tcp:127.0.0.1:7050-:80",))
        event = events.wait(lambda e: is_listener(e, "vm:taker", "tcp", "127.0.0.1", 7050), mark)
        assert event["reason"] == "takes-port" and event["service"]["program"] == "python3"


def test_flapping_is_one_event(lab, guard, events) -> None:
    """A port that a guest opens again and again is one event with a count."""
    mark = events.mark()
    lab.guests.web.sh("for i in 1 2 3 4; do timeout 2 waiter tcp,127.0.0.1,7060 >/dev/null 2>&1;"
                      " sleep 2.5; done", 60, check=False)
    events.wait(lambda e: is_listener(e, "container:web", "tcp", "127.0.0.1", 7060), mark)
    seen = [e for e in events.since(mark)
            if is_listener(e, "container:web", "tcp", "127.0.0.1", 7060)]
    assert seen and len({e["id"] for e in seen}) == 1


def test_datagrams_of_a_guest_are_no_listeners(lab, guard, events) -> None:
    """QEMU sends a guest's datagrams by sockets without a peer: no ports that it waits on."""
    mark = events.mark()
    target = Target("udp", "10.0.2.2", 9222)
    for _ in range(3):
        lab.guests.devbox.ask(target, 0.3)
    time.sleep(PERIOD)
    assert not [e for e in events.since(mark) if e["type"] == "listener"]


def test_published_port(lab, guard, events) -> None:
    """A stand-in for docker-proxy, which waits for a container: told once, as its runtime's."""
    mark = events.mark()
    with Cleanup() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="lhg-proxy-"))
        cleanup.add(shutil.rmtree, folder)
        proxy = folder / "docker-proxy"
        shutil.copy(image.root() / "bin/waiter", proxy)
        cleanup.add(end, lab.host.spawn(proxy, "tcp,0.0.0.0,7070", "tcp,::,7070",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        for address in ("0.0.0.0", "::"):
            event = events.wait(lambda e: is_listener(e, "container:?", "tcp", address, 7070), mark)
            assert event["source"]["runtime"] == "docker" and event["program"] == "docker-proxy"
        time.sleep(PERIOD)
        assert len([e for e in events.since(mark) if e["type"] == "listener"]) == 2
