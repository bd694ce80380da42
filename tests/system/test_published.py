# SPDX-License-Identifier: GPL-2.0-or-later
"""Route 16: published ports. What is forwarded to the container is no service of the host; a proxy is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.guard import Guard, guarded
from lab.guests import Podman, PodmanGuest, SlirpGuest, VethGuest
from lab.host import Host, Target
from lab.system import LAB, Cleanup, end, wait_for

PUBLISHED, INSIDE, PROXIED, LOCAL = 7080, 7081, 7070, 9222
GATEWAY = "10.22.0.1"


@pytest.fixture(scope="module")
def place(machine):
    """A host with a podman container that publishes a port, and two guests that are not meant by it."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(Target("tcp", "0.0.0.0", LOCAL))
        veth = VethGuest(host, "veth", cleanup, "10.22.0.2/24", GATEWAY, "fd22::2/64", "fd22::1")
        slirp = SlirpGuest(host, "slirp", cleanup)
        guard = guarded(host, cleanup)
        events = guard.events()
        shop = PodmanGuest(Podman(host, cleanup), "shop", cleanup, "bridge", "--publish",
                           f"{PUBLISHED}:{INSIDE}")
        shop.wait_ready()
        shop.sh(f"nc -ll -p {INSIDE} -e sh -c 'read token; echo hello $token' >/dev/null 2>&1 &")
        yield SimpleNamespace(host=host, guard=guard, events=events, veth=veth, slirp=slirp, shop=shop)


def host_reaches(place, address: str, port: int) -> bool:
    return place.host.probe([Target("tcp", address, port)])[0].open


def test_the_host_and_its_guests_reach_the_container(place) -> None:
    """From outside lo the port is the container's by DNAT: forwarded, guest to guest, and no event."""
    for address in ("127.0.0.1", Host.LAN4, GATEWAY):
        wait_for(lambda: host_reaches(place, address, PUBLISHED), f"the port at {address}", step=0.2)
    mark = place.events.mark()
    for address in (GATEWAY, Host.LAN4):
        assert place.veth.ask(Target("tcp", address, PUBLISHED), 3.0).open, address
    # A service of the host's own at the same address is refused all the same.
    assert place.veth.ask(Target("tcp", GATEWAY, LOCAL)).reply is None
    place.events.wait_refused(place.veth.label, "tcp", GATEWAY, LOCAL, mark)
    assert not [e for e in place.events.since(mark)
                if e["type"] != "listener" and e["service"]["port"] in (PUBLISHED, INSIDE)]


def test_by_way_of_lo_it_is_refused(place) -> None:
    """User networking asks on lo, before DNAT: the container's port is one like any other there."""
    guard: Guard = place.guard
    wait_for(lambda: host_reaches(place, "127.0.0.1", PUBLISHED), "the published port", step=0.2)
    target = Target("tcp", "10.0.2.2", PUBLISHED)
    mark = place.events.mark()
    assert place.slirp.ask(target).reply is None
    place.events.wait_refused(place.slirp.label, "tcp", "127.0.0.1", PUBLISHED, mark)
    guard.must("allow", f"127.0.0.1:{PUBLISHED}", "--from", place.slirp.label)
    try:
        assert place.slirp.ask(target, 3.0).open
    finally:
        guard.forget()


def test_podman_holds_the_port(place) -> None:
    """Podman keeps a listener on the port, conmon's and for a moment crun's: told as the container's."""
    event = place.events.wait(lambda e: e["type"] == "listener" and e["service"]["port"] == PUBLISHED)
    assert event["source"]["label"] == place.shop.label and event["program"] in ("conmon", "crun")
    assert event["source"]["runtime"] == "podman" and event["service"]["protocol"] == "tcp"


def test_a_proxy_is_a_service_of_the_host(place) -> None:
    """What a proxy (docker-proxy's stand-in) listens on is the host's: another guest is refused there."""
    guard: Guard = place.guard
    target = Target("tcp", GATEWAY, PROXIED)
    with Cleanup() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="lhg-proxy-"))
        cleanup.add(shutil.rmtree, folder)
        proxy = folder / "docker-proxy"
        shutil.copy(Path(sys.executable).resolve(), proxy)
        cleanup.add(end, place.host.spawn(proxy, LAB / "service.py", f"tcp,0.0.0.0,{PROXIED}",
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        wait_for(lambda: host_reaches(place, GATEWAY, PROXIED), "the proxy", step=0.2)
        mark = place.events.mark()
        assert place.veth.ask(target).reply is None
        event = place.events.wait_refused(place.veth.label, "tcp", GATEWAY, PROXIED, mark)
        assert event["service"]["program"] == "docker-proxy"
        guard.must("allow", f"{GATEWAY}:{PROXIED}", "--from", place.veth.label)
        try:
            assert place.veth.ask(target, 3.0).open
        finally:
            guard.forget()
