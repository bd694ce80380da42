# SPDX-License-Identifier: GPL-2.0-or-later
"""One host with all its guests for the whole run; the guard is started and stopped by the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import image, system  # noqa: E402
from lab.guard import CONFIG, Events, Guard  # noqa: E402
from lab.guests import (BridgedVm, LxcGuest, PastaGuest, Podman, PodmanGuest, RoutedVm,  # noqa: E402
                        SlirpGuest, UserVm, VethGuest)
from lab.host import Host, Target  # noqa: E402
from lab.libvirt import Libvirt, LibvirtBridgedVm, LibvirtUserVm  # noqa: E402
from lab.nspawn import NspawnGuest, NspawnVethGuest  # noqa: E402
from lab.passt import PasstVm  # noqa: E402
from lab.system import Cleanup, make_cgroup, need, session_cgroup  # noqa: E402

_guards: list[Guard] = []


@pytest.fixture(scope="session", autouse=True)
def machine() -> None:
    """What every test needs: root, the tools, the guests' images, no remains of a killed run."""
    if os.geteuid():
        pytest.exit("the system tests need root: they make network namespaces", 1)
    need("ip", "nsenter", "unshare", "setpriv", "nft", "sysctl")
    image.build()
    system.sweep()


@pytest.fixture(scope="session")
def lab(machine: None):
    """The host, its services, and one guest of each sort, all running side by side.

    Port 9222 is bound to single addresses (a browser's debugging port), 8080 to all of them.
    """
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.bridge("br0", "10.20.0.1/24", "fd20::1/64")
        host.serve(*[Target(protocol, address, 9222) for protocol in ("tcp", "udp")
                     for address in ("127.0.0.1", "::1", host.LAN4, host.LAN6)],
                   *[Target(protocol, address, 8080) for protocol in ("tcp", "udp")
                     for address in ("0.0.0.0", "::")])
        guests = SimpleNamespace()
        system, session = Libvirt(host, cleanup), Libvirt(host, cleanup, session=True)
        guests.devbox = UserVm(host, "devbox", cleanup)
        guests.builder = BridgedVm(host, "builder", cleanup, "br0", "tap-builder", "10.20.0.11/24",
                                   "10.20.0.1", "fd20::11/64", "fd20::1")
        guests.edge = RoutedVm(host, "edge", cleanup, "tap-edge", "10.21.0.2/24", "10.21.0.1",
                               "fd21::2/64", "fd21::1")
        podman = Podman(host, cleanup)
        guests.web = PodmanGuest(podman, "web", cleanup, "host")
        # Without a cgroup of its own it stays in that of the session that it was started from.
        guests.loose = PodmanGuest(podman, "loose", cleanup, "host", "--cgroups=disabled",
                                   session=session_cgroup(f"{host.name}-session", cleanup))
        guests.bridged = PodmanGuest(podman, "bridged", cleanup, "bridge")
        guests.rootless = PodmanGuest(podman, "rootless", cleanup,
                                      "slirp4netns:allow_host_loopback=true,enable_ipv6=true")
        guests.plain = PodmanGuest(podman, "plain", cleanup, "slirp4netns")
        # As Quadlet's units have it, and as a slice's administrator.
        guests.unit = PodmanGuest(podman, "unit", cleanup, "host", "--cgroups=split",
                                  session=make_cgroup("system.slice/lhg-web.service", cleanup))
        make_cgroup("lhg.slice/deep", cleanup)
        guests.sliced = PodmanGuest(podman, "sliced", cleanup, "host",
                                    "--cgroup-parent=/lhg.slice/deep")
        guests.lxc = LxcGuest(host, "cellar", cleanup, "br0", "10.20.0.13/24", "10.20.0.1",
                              "fd20::13/64", "fd20::1")
        guests.veth = VethGuest(host, "veth", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64",
                                "fd22::1")
        guests.port = VethGuest(host, "port", cleanup, "10.20.0.12/24", "10.20.0.1", "fd20::12/64",
                                "fd20::1", "br0")
        guests.slirp = SlirpGuest(host, "slirp", cleanup)
        guests.slirp_lan = SlirpGuest(host, "slirpl", cleanup, host_loopback=False)
        guests.pasta = PastaGuest(host, "pasta", cleanup)
        guests.attic = NspawnVethGuest(host, "attic", cleanup, "10.29.0.2/24", "10.29.0.1",
                                       "fd29::2/64", "fd29::1")
        guests.lodger = NspawnGuest(host, "lodger", cleanup, "--machine=lodger")
        # By hand, in no unit.
        guests.loft = NspawnGuest(host, "loft", cleanup, "-M", "loft", unit=False)
        guests.harbour = PasstVm(host, "harbour", cleanup)
        guests.agent = LibvirtUserVm(system, "build agent", cleanup)
        guests.rack = LibvirtBridgedVm(system, "test rack", cleanup, "br0", "52:54:00:1a:b1:01",
                                       "10.20.0.21/24", "10.20.0.1", "fd20::21/64", "fd20::1")
        guests.boxes = LibvirtUserVm(session, "my box", cleanup)
        for guest in (guests.devbox, guests.builder, guests.edge, guests.lxc, guests.web,
                      guests.loose, guests.bridged, guests.rootless, guests.plain, guests.unit,
                      guests.sliced, guests.attic, guests.lodger, guests.loft, guests.harbour,
                      guests.agent, guests.rack, guests.boxes):
            guest.wait_ready()
        yield SimpleNamespace(host=host, services=host.services, guests=guests, cleanup=cleanup)


def _start(host: Host, config: str = CONFIG) -> Guard:
    guard = Guard(host, config)
    _guards.append(guard)
    try:
        guard.start()
    except BaseException:
        _end(guard)
        raise
    return guard


def _end(guard: Guard) -> None:
    _guards.remove(guard)
    guard.close()


@pytest.fixture(scope="module")
def guard(lab):
    """The guard with its default policy, for all tests of a module."""
    guard = _start(lab.host)
    yield guard
    _end(guard)


@pytest.fixture(scope="module")
def events(guard: Guard) -> Events:
    """Every event since the module's guard started."""
    return guard.events()


@pytest.fixture
def unguarded(lab) -> None:
    """No guard runs: what this test shows is what the host does by itself."""
    assert not _guards and "lhguard" not in lab.host.nft()


@pytest.fixture
def start_guard(lab):
    """Start guards of the test's own: `start_guard(config)`."""
    with Cleanup() as cleanup:
        def start(config: str = CONFIG) -> Guard:
            guard = _start(lab.host, config)
            cleanup.add(_end, guard)
            return guard

        yield start


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Show the daemon's log beside every failure."""
    report = (yield).get_result()
    if report.failed:
        for guard in _guards:
            report.sections.append(("log of lhguardd", guard.log_text()[-6000:]))
