# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 21: connections that are open when the guard starts, or when an exception ends: named, and cut."""

from __future__ import annotations

import shlex
import socket
import time

import pytest

from lab.guard import Guard
from lab.guests import Guest
from lab.host import Host, new_token, service_name
from lab.system import PATIENCE, Cleanup, wait_for

PORTS = iter(range(24000, 25000))  # below ip_local_port_range: no client of another test has one


class Service:
    """A service of the host on all its addresses that keeps its clients. The test is its process."""

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        self.port, self.cleanup = next(PORTS), cleanup
        self.clients: dict[str, socket.socket] = {}
        self._listeners = host.netns.call(lambda: [
            socket.create_server(("0.0.0.0", self.port)),
            socket.create_server(("::", self.port), family=socket.AF_INET6)])
        for listener in self._listeners:
            listener.setblocking(False)
            cleanup.add(listener.close)
        cleanup.add(lambda: [client.close() for client in self.clients.values()])

    def accept(self) -> None:
        """Take whoever waits; a client's first line is its name."""
        for listener in self._listeners:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                continue
            client.settimeout(PATIENCE)
            self.clients[client.recv(100).decode().strip()] = client

    def has(self, token: str) -> bool:
        self.accept()
        return token in self.clients

    def is_open(self, token: str) -> bool:
        """Whether the service's own end of that connection still is."""
        client = self.clients[token]
        client.setblocking(False)
        try:
            client.send(b"x")
            return True
        except OSError:
            return False


class Held:
    """A connection of @guest to @service that stays open."""

    def __init__(self, guest: Guest, service: Service, asked: str, half_closed: bool = False) -> None:
        self.guest, self.service, self.token = guest, service, new_token()
        self.address = service_name(asked, service.port)
        self._ended = f"/tmp/{self.token}"
        said = f"echo $$ >{self._ended}.pid; echo {self.token}"
        said += "" if half_closed else "; exec sleep 1000"
        client = f"nc {asked} {service.port} >/dev/null 2>&1; echo ended >{self._ended}"
        service.cleanup.add(self._remove)
        guest.sh(f"sh -c {shlex.quote(said)} | {{ {client}; }} >/dev/null 2>&1 &")

    def _remove(self) -> None:
        """Some guests share files and processes with the machine."""
        self.guest.sh(f"kill $(cat {self._ended}.pid) 2>/dev/null; rm -f {self._ended}*", check=False)

    def wait_open(self) -> "Held":
        wait_for(lambda: self.service.has(self.token), f"{self.guest} at {self.address}")
        return self

    @property
    def guest_sees_it(self) -> bool:
        return "ended" not in self.guest.sh(f"cat {self._ended} 2>&1", check=False)

    def wait_ended(self) -> None:
        """The kernel has ended it at once; that its ends see it takes them a moment."""
        wait_for(lambda: not self.is_open, f"{self.guest}: the end of {self.address}", step=0.2)

    @property
    def is_open(self) -> bool:
        """At both ends, which have to agree."""
        here = self.service.is_open(self.token)
        if not here:
            wait_for(lambda: not self.guest_sees_it, f"{self.guest}: the end of {self.address}")
        return here and self.guest_sees_it


# guest, what it asks, where the host sees it, the route
WAYS = [
    ("devbox", "10.0.2.2", "127.0.0.1", "user-net"), ("devbox", "fec0::2", "::1", "user-net"),
    ("slirp", "10.0.2.2", "127.0.0.1", "user-net"),
    ("web", "127.0.0.1", "127.0.0.1", "host-net"), ("web", "::1", "::1", "host-net"),
    ("web", Host.LAN4, Host.LAN4, "host-net"), ("loose", "127.0.0.1", "127.0.0.1", "host-net"),
    ("builder", "10.20.0.1", "10.20.0.1", "bridge"), ("builder", "fd20::1", "fd20::1", "bridge"),
    ("builder", Host.LAN4, Host.LAN4, "bridge"),
    ("port", "10.20.0.1", "10.20.0.1", "bridge"), ("edge", "10.21.0.1", "10.21.0.1", "tap"),
    ("edge", "fd21::1", "fd21::1", "tap"), ("veth", "10.22.0.1", "10.22.0.1", "veth"),
    ("veth", "fd22::1", "fd22::1", "veth"),
]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way[0]}-{way[1]}")


@pytest.fixture
def service(lab):
    with Cleanup() as cleanup:
        yield Service(lab.host, cleanup)


@pytest.fixture
def hosts_own(lab, service: Service):
    """Connections of a program of the host: they are to stay, whatever is cut."""
    with Cleanup() as cleanup:
        tokens = []
        for address in ("127.0.0.1", "::1", Host.LAN4):
            client = lab.host.netns.call(lambda: socket.create_connection((address, service.port)))
            cleanup.add(client.close)
            tokens.append(new_token())
            client.sendall(f"{tokens[-1]}\n".encode())
            wait_for(lambda: service.has(tokens[-1]), "the host's own connection")
        yield tokens


def listed(guard: Guard, service: Service, *options: str) -> list[dict]:
    """The open connections to @service."""
    return [c for c in guard.must("connections", "--json", *options).json["connections"]
            if c["service"]["port"] == service.port]


def test_open_when_the_guard_starts(lab, unguarded, service: Service, hosts_own: list[str],
                                    start_guard) -> None:
    """All guests' connections are listed by name and route, cut by name, and no other is touched."""
    held = {(getattr(lab.guests, name).label, route, seen):
            Held(getattr(lab.guests, name), service, asked) for name, asked, seen, route in WAYS}
    for connection in held.values():
        connection.wait_open()
    guard = start_guard()

    def look() -> dict:
        return {(c["source"]["label"], c["route"], c["service"]["address"]): c
                for c in listed(guard, service)}

    # Whom a conduit serves is looked for after the start; until then it is "a conduit of unknown guests".
    wait_for(lambda: set(look()) == set(held), "all of them by name")
    seen = look()
    assert len(listed(guard, service)) == len(WAYS), "listed twice, or the host's own"
    for connection in seen.values():
        assert not connection["allowed"] and connection["reason"] == "default", connection
        assert connection["state"] == "established"
        assert connection["service"]["program"] == "python3", connection
    assert len(listed(guard, service, "--refused")) == len(WAYS)
    lines = guard.must("connections").output.splitlines()
    assert lines[0].split()[:6] == ["GUEST", "ROUTE", "SERVICE", "PROGRAM", "CLIENT", "STATE"]
    assert any(line.startswith("vm:devbox") and f"tcp [::1]:{service.port}" in line
               and "nothing now: " in line for line in lines), lines

    said = guard.must("connections", "--from", "vm:builder", "--cut", "--json").json
    assert said["cut"] == 3
    for (label, _, _), connection in held.items():
        if label == "vm:builder":
            connection.wait_ended()
        else:
            assert connection.is_open, connection.address
    said = guard.must("connections", "--refused", "--cut")
    assert f"cut {len(WAYS) - 3} open connections" in said.error
    for connection in held.values():
        connection.wait_ended()
    assert all(service.is_open(token) for token in hosts_own), "the host's own connection was cut"
    assert listed(guard, service) == []


@every_way
def test_removed_with_and_without_cut(lab, start_guard, service: Service, hosts_own: list[str],
                                      way: tuple) -> None:
    """`remove` leaves what is open, `remove --cut` ends it: that of this guest, to this service."""
    name, asked, seen, _ = way
    guard, guest = start_guard(), getattr(lab.guests, name)
    word = service_name(seen, service.port, "tcp")
    guard.must("allow", word, "--from", guest.label)
    held = Held(guest, service, asked).wait_open()
    (connection,) = listed(guard, service)
    assert connection["allowed"] and connection["exception"] == guard.exceptions()[0]["id"]
    guard.must("remove", str(guard.exceptions()[0]["id"]))
    assert held.is_open
    (connection,) = listed(guard, service, "--refused")
    assert connection["source"]["label"] == guest.label
    # It may go on under a new exception, and ends with that one.
    guard.must("allow", word, "--from", guest.label)
    said = guard.must("remove", "--cut", str(guard.exceptions()[0]["id"]))
    assert "cut 1 open connection\n" in said.error
    held.wait_ended()
    assert all(service.is_open(token) for token in hosts_own)


@pytest.mark.parametrize("name,asked,seen", [("web", "127.0.0.1", "127.0.0.1"),
                                             ("veth", "10.22.0.1", "10.22.0.1")])
def test_what_else_allows_it(lab, start_guard, service: Service, name: str, asked: str,
                             seen: str) -> None:
    """A connection that another exception still allows is not cut, nor that of another guest."""
    guard, guest = start_guard(), getattr(lab.guests, name)
    other = lab.guests.devbox
    word = service_name(seen, service.port)
    guard.must("allow", word, "--from", guest.label)
    guard.must("allow", str(service.port), "--from", guest.kind)
    guard.must("allow", str(service.port), "--from", other.label)
    held = Held(guest, service, asked).wait_open()
    others = Held(other, service, "10.0.2.2").wait_open()
    narrow, wide, third = (str(e["id"]) for e in guard.exceptions())
    guard.must("remove", third)  # without: its connection stays, whatever is cut later
    said = guard.must("remove", "--cut", "--json", narrow).json
    assert (said["removed"], said["cut"]) == ([int(narrow)], 0)
    assert held.is_open and others.is_open
    assert guard.must("remove", "--cut", "--json", wide).json["cut"] == 1
    held.wait_ended()
    assert others.is_open


@pytest.mark.parametrize("name,asked,seen", [("web", "127.0.0.1", "127.0.0.1"),
                                             ("devbox", "fec0::2", "::1"),
                                             ("veth", "10.22.0.1", "10.22.0.1")])
def test_cut_at_end(lab, start_guard, service: Service, hosts_own: list[str], name: str, asked: str,
                    seen: str) -> None:
    """With --cut-at-end a connection ends with its exception: at its time, or when it is removed."""
    guard, guest = start_guard(), getattr(lab.guests, name)
    word = service_name(seen, service.port)
    guard.must("allow", word, "--from", guest.label, "--cut-at-end", "--for", "10s")
    held = Held(guest, service, asked).wait_open()
    assert held.is_open
    held.wait_ended()
    assert guard.exceptions() == []

    guard.must("allow", word, "--from", guest.label, "--cut-at-end")
    held = Held(guest, service, asked).wait_open()
    guard.must("remove", str(guard.exceptions()[0]["id"]))
    held.wait_ended()

    guard.must("allow", word, "--from", guest.label, "--for", "10s")
    held = Held(guest, service, asked).wait_open()
    wait_for(lambda: guard.exceptions() == [], "the end of the exception", step=0.2)
    time.sleep(0.5)
    assert held.is_open, "cut without having been asked for"
    assert all(service.is_open(token) for token in hosts_own)


@pytest.mark.parametrize("name,asked", [("web", "127.0.0.1"), ("devbox", "10.0.2.2"),
                                        ("veth", "fd22::1")])
def test_half_closed(lab, unguarded, service: Service, start_guard, name: str, asked: str) -> None:
    """A client that has no more to say, and still listens, has an open connection."""
    guest = getattr(lab.guests, name)
    held = Held(guest, service, asked, half_closed=True).wait_open()
    guard = start_guard()
    wait_for(lambda: [c["source"]["label"] for c in listed(guard, service)] == [guest.label], "it by name")
    assert guard.must("connections", "--cut", "--json", "--from", guest.label).json["cut"] == 1
    held.wait_ended()


def test_connections_of_the_host_to_guests(lab, start_guard) -> None:
    """What a program of the host opens to a guest is no guest's connection, and is not cut."""
    guard = start_guard()
    wait_for(lambda: guard.must("connections", "--json").json["connections"] == [], "the end of earlier ones")
    for name, address in (("veth", "10.22.0.2"), ("web", "127.0.0.1")):
        guest, port = getattr(lab.guests, name), next(PORTS)
        pid = guest.sh(f"nc -ll -p {port} -e cat >/dev/null 2>&1 & echo $!").strip()
        try:
            client = wait_for(lambda: _connected(lab.host, address, port), f"{guest} serves")
            with client:
                client.settimeout(PATIENCE)
                said = guard.must("connections", "--cut", "--json").json
                assert said == {"schema": 1, "connections": [], "cut": 0, "incomplete": False}
                client.sendall(b"still here\n")
                assert client.recv(100) == b"still here\n"
        finally:
            guest.sh(f"kill {pid}")


def _connected(host: Host, address: str, port: int) -> socket.socket | None:
    try:
        return host.netns.call(lambda: socket.create_connection((address, port), 1))
    except OSError:
        return None


def test_strangers_and_nonsense(lab, start_guard) -> None:
    """A stranger may neither look nor cut; asked for nonsense the CLI says so."""
    guard = start_guard()
    assert guard.cli("connections", uid=4242).status == 4
    assert guard.cli("connections", "--cut", uid=4242).status == 4
    said = guard.cli("connections", "--from", "vm:")
    assert said.status == 2 and said.error.count("\n") == 1, said
