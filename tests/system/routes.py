# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of routes: which guest asks which address, and what of it the host sees."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lab.host import Answer, Host, Target

LAN4, LAN6 = Host.LAN4, Host.LAN6


@dataclass(frozen=True)
class Route:
    """@guest asks @protocol @asked : @port; the host sees it at @service by @route."""
    row: int
    guest: str
    runtime: str
    route: str
    protocol: str
    asked: str
    service: str
    port: int

    @property
    def target(self) -> Target:
        return Target(self.protocol, self.asked, self.port)

    def arrives(self, lab) -> Answer:
        """The guest asks, again where nothing came, as a program that uses UDP would; and arrives at the service."""
        for _ in range(3):
            answer = getattr(lab.guests, self.guest).ask(self.target, 3.0)
            if lab.services.wait_saw(answer.token, 3):
                return answer
        raise AssertionError(f"{self.guest} did not reach {self.target}: {answer.error or answer.reply}")

    def __str__(self) -> str:
        return f"row{self.row}-{self.guest}-{self.protocol}-{self.asked}-{self.port}"


# row of the table of routes, guest, runtime, route, then (asked, seen by the host, port) …
_TABLE: list[tuple] = [
    (1, "devbox", "qemu", "user-net", ("10.0.2.2", "127.0.0.1", 9222), (LAN4, LAN4, 9222)),
    (2, "devbox", "qemu", "user-net", ("fec0::2", "::1", 9222), (LAN6, LAN6, 9222)),
    (1, "agent", "libvirt", "user-net", ("10.0.2.2", "127.0.0.1", 9222), (LAN4, LAN4, 9222)),
    (2, "agent", "libvirt", "user-net", ("fec0::2", "::1", 9222)),
    (1, "boxes", "qemu", "user-net", ("10.0.2.2", "127.0.0.1", 9222)),
    (2, "boxes", "qemu", "user-net", ("fec0::2", "::1", 9222)),
    (3, "slirp", "netns", "user-net", ("10.0.2.2", "127.0.0.1", 9222),
     ("fd00::2", "::1", 9222)),
    (3, "rootless", "podman", "user-net", ("10.0.2.2", "127.0.0.1", 9222),
     ("fd00::2", "::1", 9222)),
    (4, "slirp_lan", "netns", "user-net", (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
    (4, "plain", "podman", "user-net", (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
    (5, "pasta", "netns", "user-net", ("192.0.2.1", "127.0.0.1", 9222),
     ("2001:db8:2::1", "::1", 9222), ("127.0.0.1", "127.0.0.1", 9222), ("::1", "::1", 9222)),
    (5, "harbour", "qemu", "user-net", ("192.0.2.1", "127.0.0.1", 9222),
     ("2001:db8:2::1", "::1", 9222)),
    (9, "web", "podman", "host-net", ("127.0.0.1", "127.0.0.1", 9222), ("::1", "::1", 9222),
     (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
    (9, "loose", "podman", "host-net", ("127.0.0.1", "127.0.0.1", 9222), ("::1", "::1", 9222),
     (LAN4, LAN4, 9222)),
    (9, "unit", "podman", "host-net", ("127.0.0.1", "127.0.0.1", 9222), ("::1", "::1", 9222)),
    (9, "sliced", "podman", "host-net", ("127.0.0.1", "127.0.0.1", 9222)),
    (9, "lodger", "nspawn", "host-net", ("127.0.0.1", "127.0.0.1", 9222), ("::1", "::1", 9222),
     (LAN4, LAN4, 9222)),
    (9, "loft", "nspawn", "host-net", ("127.0.0.1", "127.0.0.1", 9222)),
    (10, "bridged", "podman", "bridge", ("10.88.0.1", "10.88.0.1", 8080), (LAN4, LAN4, 9222)),
    (10, "lxc", "lxc", "bridge", ("10.20.0.1", "10.20.0.1", 8080), ("fd20::1", "fd20::1", 8080),
     (LAN4, LAN4, 9222)),
    (10, "port", "netns", "bridge", ("10.20.0.1", "10.20.0.1", 8080), ("fd20::1", "fd20::1", 8080),
     (LAN6, LAN6, 9222)),
    (11, "builder", "qemu", "bridge", ("10.20.0.1", "10.20.0.1", 8080),
     ("fd20::1", "fd20::1", 8080), (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
    (11, "rack", "libvirt", "bridge", ("10.20.0.1", "10.20.0.1", 8080),
     ("fd20::1", "fd20::1", 8080), (LAN4, LAN4, 9222)),
    (12, "attic", "nspawn", "veth", ("10.29.0.1", "10.29.0.1", 8080), ("fd29::1", "fd29::1", 8080),
     (LAN4, LAN4, 9222)),
    (12, "edge", "qemu", "tap", ("10.21.0.1", "10.21.0.1", 8080), ("fd21::1", "fd21::1", 8080),
     (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
    (12, "veth", "netns", "veth", ("10.22.0.1", "10.22.0.1", 8080), ("fd22::1", "fd22::1", 8080),
     (LAN4, LAN4, 9222), (LAN6, LAN6, 9222)),
]

# Row 18, UDP, is every row once more.
ROUTES = [Route(row, guest, runtime, route, protocol, asked, service, port)
          for row, guest, runtime, route, *addresses in _TABLE
          for asked, service, port in addresses
          for protocol in ("tcp", "udp")]

every_route = pytest.mark.parametrize("route", ROUTES, ids=str)
