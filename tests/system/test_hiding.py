# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that hide whose a connection is: never taken for the host, whatever they do to their sockets.

A trick may cost the guest its name (the source is `unknown` then), but not its guard.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from lab.guard import Events, Guard, guarded
from lab.guests import Guest, Waiting
from lab.host import Answer, Host, Services, Target, hide_arguments, new_token, probe_answers
from lab.system import CACHE, PATIENCE, Cleanup, end, wait_for

PORTS = iter(range(23000, 24000))  # below ip_local_port_range: no client of another test has one
SERVICE = Target("tcp", "127.0.0.1", 9222)


def refused(events: Events, service: Target, mark: int, labels: set[str]) -> dict:
    """The refusal since @mark, of one who is named by one of @labels or unknown. Another guest's SYN of an
    earlier test may still be sent again meanwhile; it is told by that one's name."""
    def is_it(event: dict) -> bool:
        told = event["service"]
        return event["type"] == "attempt" and (told["protocol"], told["address"], told["port"]) == \
            (service.protocol, service.address, service.port)

    names = labels | {"unknown"}
    event = events.wait(lambda e: is_it(e) and e["verdict"] == "drop" and
                        e["source"]["label"] in names, mark)
    for other in filter(is_it, events.since(mark)):
        assert other["verdict"] == "drop", other
        assert other["source"]["class"] in ("guest", "unknown"), other
    return event


# Which guest does what. A container without cgroups has only its processes to be known by, the other
# its cgroup.
TRICKS = [
    ("loose", "files"), ("loose", "leader"), ("loose", "sibling"), ("loose", "sibling-exec"),
    ("loose", "message"), ("loose", "ring"),
    ("web", "files"), ("web", "leader"), ("web", "sibling-exec"), ("web", "message"), ("web", "ring"),
    ("web", "removed-cgroup"), ("web", "deep-cgroup"),
]
every_trick = pytest.mark.parametrize("guest,trick", TRICKS, ids=[f"{g}-{t}" for g, t in TRICKS])


JOINED = [("web", "127.0.0.1"), ("web", "::1"), ("loose", "127.0.0.1"), ("loose", "::1")]


def play(guest: Guest, trick: str, target: Target) -> Answer:
    """@trick, by the agent's shell or (-exec) by a child of somebody outside."""
    if trick.endswith("-exec"):
        return guest.hide_by_exec(trick.removesuffix("-exec"), target)
    return guest.hide(trick, target)


@pytest.mark.parametrize("guest,address", JOINED)
def test_joined_port_without_guard(lab, unguarded, guest: str, address: str) -> None:
    """One in two of its connections goes to the host's program."""
    target = Target("tcp", address, next(PORTS))
    with Cleanup() as cleanup:
        services = Services(lab.host.netns, [target], cleanup, share=True)
        assert services.wait_saw(getattr(lab.guests, guest).hide("joined", target).token)


@every_trick
def test_trick_without_guard(lab, unguarded, guest: str, trick: str) -> None:
    """The trick is a real client: it is served."""
    answer = play(getattr(lab.guests, guest), trick, SERVICE)
    assert answer.open, answer.error


# A datagram by a raw socket that says to be from the port where a program of the host listens.

HOLDER = """
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def borrowed(lab, address: str):
    """A port of @address with a UDP socket of the host's."""
    port = next(PORTS)
    with Cleanup() as cleanup:
        holder = lab.host.spawn(sys.executable, "-c", HOLDER, address, str(port), text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cleanup.add(end, holder)
        assert holder.stdout.readline() == "ready\n"
        time.sleep(0.1)
        yield port


# Not `loose`: a raw socket of a container without a cgroup of its own cannot be told from the socket whose
# port it bears (lhguardd(8), WHAT IT CANNOT SEE).
every_forger = pytest.mark.parametrize("guest", ["web"])
every_address = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@every_address
@every_forger
def test_borrowed_port_without_guard(lab, unguarded, borrowed: int, guest: str, address: str) -> None:
    answer = getattr(lab.guests, guest).ask(Target("raw", address, 9222, borrowed), 0.2)
    assert lab.services.wait_saw(answer.token)


@every_trick
def test_trick_refused(lab, guard: Guard, events: Events, guest: str, trick: str) -> None:
    """Neither the first SYN nor the next one is taken for the host's."""
    client, mark = getattr(lab.guests, guest), events.mark()
    answer = play(client, trick, SERVICE)
    assert answer.reply is None and not lab.services.saw(answer.token), "it leaks"
    assert answer.error == "timeout", f"the trick does not work: {answer.error}"
    refused(events, SERVICE, mark, {client.label})


@every_address
@every_forger
def test_borrowed_port_refused(lab, guard: Guard, events: Events, borrowed: int, guest: str,
                               address: str) -> None:
    """A raw datagram is not of the socket whose port it bears."""
    client, mark = getattr(lab.guests, guest), events.mark()
    answer = client.ask(Target("raw", address, 9222, borrowed), 0.2)
    assert answer.error == "sent", answer
    assert not lab.services.wait_saw(answer.token, 0.5), "it leaks"
    event = refused(events, Target("udp", address, 9222), mark, {client.label})
    assert event["client"]["port"] == borrowed


# The host itself, where nobody hides.

TWO_USERS = """
import os, socket, sys
address, port, own, token = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
family = socket.AF_INET6 if ":" in address else socket.AF_INET

def make():
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", own))
    return sock

first = make()
reader, writer = os.pipe()
if os.fork() == 0:
    os.setuid(65534)
    second = make()
    second.sendto(f"{token}.nobody".encode(), (address, port))
    os.write(writer, b"x")
    second.recv(100)
    os._exit(0)
os.read(reader, 1)
first.sendto(f"{token}.root".encode(), (address, port))
first.settimeout(0.3)
try:
    first.recv(100)
except TimeoutError:
    pass
"""


@every_address
def test_one_port_of_two_users(machine, address: str) -> None:
    """Two programs of the host on one UDP port, as with mDNS: both are served. No guest is here.

    A process that nobody saw, soon after cgroups came or went anywhere on the machine, may have been a
    container's: then the guard is in doubt for a second, and refuses. So it is asked again after one.
    """
    with Cleanup() as cleanup:
        host = Host(cleanup)
        services = host.serve(Target("udp", address, 9222))
        events = guarded(host, cleanup).events()

        def served() -> bool:
            token, mark = new_token(), events.mark()
            host.spawn(sys.executable, "-c", TWO_USERS, address, "9222", str(next(PORTS)), token,
                       stdin=subprocess.DEVNULL).wait(PATIENCE)
            seen = [services.wait_saw(f"{token}.{user}", 1) for user in ("root", "nobody")]
            refused = [e for e in events.since(mark) if e["verdict"] != "accept"]
            assert all(e["source"]["class"] == "unknown" for e in refused), refused
            return all(seen) and not refused

        wait_for(served, "both are served", step=1.1)


def test_socket_that_stays_behind(machine) -> None:
    """A container's only process leaves the host's network and becomes another program: its socket stays."""
    def ask(host: Host) -> Answer:
        argv, tokens = hide_arguments("network", SERVICE, 2.5)
        hide = CACHE / "root/bin" / argv[0]
        return probe_answers(host.run("unshare", "--pid", "--fork", hide, *argv[1:]), tokens)[0]

    with Cleanup() as cleanup:
        host = Host(cleanup)
        services = host.serve(SERVICE)
        assert ask(host).open, "the trick does not work"
        events = guarded(host, cleanup).events()
        mark = events.mark()
        answer = ask(host)
        assert answer.reply is None and not services.saw(answer.token), "it leaks"
        assert answer.error == "timeout", answer
        event = events.wait(lambda e: e["service"]["port"] == SERVICE.port and e["verdict"] == "drop", mark)
        assert event["source"]["class"] == "guest", event


# A container on the host's network and services of its own.

@pytest.mark.parametrize("listen", ["127.0.0.1", "::1", "127.0.0.9"])
@pytest.mark.parametrize("guest", ["web", "loose"])
def test_own_service(lab, guard: Guard, events: Events, guest: str, listen: str) -> None:
    """A container may reach what it serves itself; that opens nothing of the host's."""
    client, mark, own = getattr(lab.guests, guest), events.mark(), Target("tcp", listen, next(PORTS))
    answer = client.hide("own", own)
    assert answer.open, answer.error
    event = events.wait(lambda e: e["type"] == "attempt" and e["service"]["port"] == own.port, mark)
    assert (event["verdict"], event["reason"]) == ("accept", "own-service")
    assert event["source"]["label"] == client.label
    hosts = Target("tcp", "::1" if ":" in listen else "127.0.0.1", 9222)
    answer = client.ask(hosts, 0.5)
    assert answer.reply is None and not lab.services.saw(answer.token)
    refused(events, hosts, mark, {client.label})


@pytest.mark.parametrize("guest", ["web", "loose"])
def test_own_service_on_the_hosts_port(lab, guard: Guard, guest: str) -> None:
    """Its listener on another address of the same port opens nothing of the host's."""
    client = getattr(lab.guests, guest)
    client.sh("hide serve 5000 127.0.0.9 9222 x >/dev/null 2>&1 & echo $! >/tmp/server")
    try:
        wait_for(lambda: "127.0.0.9:9222 " in lab.host.run("ss", "-Hltn"), "its service")
        answer = client.ask(SERVICE, 0.5)
        assert answer.reply is None and not lab.services.saw(answer.token), "it leaks"
    finally:
        client.sh("kill $(cat /tmp/server); wait $(cat /tmp/server)", check=False)


def test_joined_port(lab, guard: Guard, events: Events) -> None:
    """What a container asks for at a port that it shares with a host program is no service of its own."""
    targets = [Target("tcp", address, next(PORTS)) for _, address in JOINED]
    with Cleanup() as cleanup:
        services = Services(lab.host.netns, targets, cleanup, share=True)
        seen = Target("tcp", "127.0.0.1", next(PORTS))  # who listens has been looked at since
        with Waiting(lab.guests.web, seen):
            wait_for(lambda: f"127.0.0.1:{seen.port} " in guard.must("guests", "web").output, "a look")
        for (guest, _), target in zip(JOINED, targets):
            client, mark = getattr(lab.guests, guest), events.mark()
            answer = client.hide("joined", target)
            refused(events, target, mark, {client.label})
            assert not services.saw(answer.token), f"it leaks to {guest}"


@pytest.mark.parametrize("guest,other", [("web", "loose"), ("loose", "web")])
def test_service_of_another_container(lab, guard: Guard, guest: str, other: str) -> None:
    """Only its own: the service of its neighbour is as closed as the host's."""
    server, port = getattr(lab.guests, other), next(PORTS)
    server.sh(f"hide serve 5000 127.0.0.1 {port} x >/dev/null 2>&1 & echo $! >/tmp/server")
    try:
        wait_for(lambda: f"127.0.0.1:{port} " in lab.host.run("ss", "-Hltn"), "its neighbour's service")
        answer = getattr(lab.guests, guest).ask(Target("tcp", "127.0.0.1", port), 0.5)
        assert answer.error == "timeout", answer
    finally:
        server.sh("kill $(cat /tmp/server); wait $(cat /tmp/server)", check=False)
