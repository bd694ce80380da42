# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own processes are never refused, of whatever user, while guests are running too."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from lab import image
from lab.guard import Events, Guard, guarded
from lab.guests import PastaGuest, SlirpGuest
from lab.host import Host, Target, new_token
from lab.system import Cleanup, wait_for

ADDRESSES = ["127.0.0.1", "::1", Host.LAN4, Host.LAN6]
EVERYTHING = [Target(protocol, address, 9222) for protocol in ("tcp", "udp")
              for address in ADDRESSES] + \
             [Target(protocol, address, 8080) for protocol in ("tcp", "udp")
              for address in ("127.0.0.1", "127.5.5.5", "::1", "10.20.0.1", "fd20::1", "10.21.0.1")]


def refused_host(events: Events, mark: int) -> list[dict]:
    """Refusals since @mark that are not of a guest: the host's (or taken for nobody's)."""
    return [e for e in events.since(mark)
            if e["verdict"] != "accept" and e["source"]["class"] in ("host", "unknown")]


@pytest.mark.parametrize("uid", [0, 1000, 4242, 65534])
def test_host_never_refused(lab, guard: Guard, events: Events, uid: int) -> None:
    """Any user, TCP and UDP, IPv4 and IPv6, every address of the host: served, without an event."""
    mark = events.mark()
    for target, answer in zip(EVERYTHING, lab.host.probe(EVERYTHING, 5.0, uid)):
        assert answer.open, f"uid {uid} at {target}: {answer.error}"
    assert refused_host(events, mark) == []


def test_host_never_refused_while_guests_try(lab, guard: Guard, events: Events) -> None:
    """Guests of three sorts hammer the same services; the host's processes do not notice."""
    busy = threading.Event()

    def hammer(guest, address: str) -> None:
        while not busy.is_set():
            guest.probe([Target("tcp", address, 9222)] * 8 + [Target("udp", address, 9222)] * 8, 0.2)

    threads = [threading.Thread(target=hammer, args=args) for args in (
        (lab.guests.devbox, "10.0.2.2"), (lab.guests.web, "127.0.0.1"),
        (lab.guests.veth, Host.LAN4))]
    mark = events.mark()
    for thread in threads:
        thread.start()
    try:
        failures = [f"{target}: {answer.error}" for _ in range(15)
                    for target, answer in zip(EVERYTHING, lab.host.probe(EVERYTHING, 5.0, 1000))
                    if not answer.open]
    finally:
        busy.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert refused_host(events, mark) == []


# A program that sends one datagram, or opens and closes one connection, and is gone before anybody
# could look at its socket. Told is the port that each had.
SHOTS = 50
FIRE = """
import os, socket, sys
protocol, address, port, token, count = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
reader, writer = os.pipe()
for i in range(int(count)):
    if os.fork() == 0:
        s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        s.bind(("", 0))
        os.write(writer, f"{s.getsockname()[1]}\\n".encode())
        if protocol == "tcp":
            s.connect((address, int(port)))
            s.send(f"{token}.{i}".encode())
        else:
            s.sendto(f"{token}.{i}".encode(), (address, int(port)))
        os._exit(0)
    os.wait()
os.close(writer)
print(open(reader).read())
"""


def fire(host: Host, protocol: str, address: str) -> tuple[list[int], str]:
    """Run FIRE; the port of each program, and the token."""
    token = new_token()
    said = host.run(sys.executable, "-c", FIRE, protocol, address, "9222", token, str(SHOTS))
    ports = [int(line) for line in said.split()]
    assert len(ports) == SHOTS
    return ports, token


def lost(host: Host, token: str) -> list[int]:
    """The numbers of the programs whose word does not arrive."""
    deadline = time.monotonic() + 5
    while True:
        arrived = {record.get("token") for record in host.services.since(0)}
        missing = [i for i in range(SHOTS) if f"{token}.{i}" not in arrived]
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(0.05)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("guest", ["web", "loose", "devbox"])
def test_guests_gain_nothing_by_haste(lab, guard: Guard, events: Events, guest: str,
                                      address: str) -> None:
    """A guest's program that sends one datagram and ends at once is not taken for the host's."""
    asked = {"127.0.0.1": "10.0.2.2", "::1": "fec0::2"}[address] if guest == "devbox" else address
    token = new_token()
    getattr(lab.guests, guest).sh(
        f"for i in $(seq 50); do probe 0 udp,{asked},9222,{token}.$i >/dev/null; done", 60)
    assert not lab.services.wait_saw(token, 0.5), "it leaks"


every_shot = pytest.mark.parametrize("protocol,address", [
    (protocol, address) for protocol in ("tcp", "udp") for address in ("127.0.0.1", "::1")])


@pytest.fixture(scope="module", params=[SlirpGuest, PastaGuest], ids=["slirp4netns", "pasta"])
def quiet(request, machine):
    """A guarded host of its own, whose only guest is behind a conduit and has been there for a while."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(*[Target(protocol, address, 9222) for protocol in ("tcp", "udp")
                     for address in ("127.0.0.1", "::1")])
        guest = request.param(host, "quiet", cleanup)
        guard = guarded(host, cleanup)
        wait_for(lambda: guest.label in {g["label"] for g in guard.guests()}, "the guest's name")
        time.sleep(1.2)
        yield SimpleNamespace(host=host, events=guard.events())


@every_shot
def test_fire_and_forget(quiet, protocol: str, address: str) -> None:
    """Programs that end at once after sending are served like all others."""
    mark = quiet.events.mark()
    _, token = fire(quiet.host, protocol, address)
    assert lost(quiet.host, token) == []
    assert refused_host(quiet.events, mark) == []


@every_shot
def test_fire_and_forget_beside_a_loose_container(lab, guard: Guard, events: Events, protocol: str,
                                                  address: str) -> None:
    """A socket that has closed cannot be told from that of a container without cgroups. A datagram may
    be refused then, but as nobody's and not in silence; TCP keeps its socket and is served."""
    mark = events.mark()
    ports, token = fire(lab.host, protocol, address)
    missing = [ports[i] for i in lost(lab.host, token)]
    if protocol == "tcp":
        assert missing == []
    for port in missing:
        event = events.wait(lambda e: e["client"]["port"] == port and e["verdict"] == "drop", mark)
        assert (event["source"]["class"], event["reason"]) == ("unknown", "vanished")
    told = {e["client"]["port"] for e in refused_host(events, mark)}
    assert told == set(missing), "refused, but it arrived"


CLIENTS = """
import socket, sys
count = int(sys.argv[1])
failed = 0
for i in range(count):
    try:
        with socket.create_connection(("127.0.0.1", 9222), 5) as s:
            pass
    except OSError as error:
        failed += 1
        print(i, error, file=sys.stderr)
print(failed)
"""


def test_ten_thousand_short_clients(lab, guard: Guard, events: Events) -> None:
    """10,000 short connections of host processes, four at a time: no false refusal."""
    mark = events.mark()
    workers = [lab.host.spawn(sys.executable, "-c", CLIENTS, "2500", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(4)]
    for worker in workers:
        output, errors = worker.communicate(timeout=300)
        assert output.strip() == "0", errors[:2000]
    assert refused_host(events, mark) == []


def test_what_the_kernel_says(lab, guard: Guard, events: Events) -> None:
    """Packets that the kernel makes itself pass on lo: resets, ICMP errors, echo replies."""
    mark = events.mark()
    closed = [Target(protocol, address, 9) for protocol in ("tcp", "udp") for address in ADDRESSES]
    for target, answer in zip(closed, lab.host.probe(closed, 3.0)):
        assert answer.error == "Connection refused", f"{target}: {answer}"
    for address in ADDRESSES:
        six = "-6" if ":" in address else "-4"
        lab.host.run(image.root() / "bin/busybox", "ping", six, "-c", "1", "-W", "2", address)
    assert refused_host(events, mark) == []


def test_multipath_tcp(lab, guard: Guard, events: Events) -> None:
    """MPTCP: the kernel makes the socket that connects. The host's passes, a guest's does not."""
    target = Target("mptcp", "127.0.0.1", 9222)
    mark = events.mark()
    assert lab.host.probe([target], 3.0)[0].open
    assert refused_host(events, mark) == []
    for guest in (lab.guests.web, lab.guests.loose):
        answer = guest.ask(target, 0.7)
        assert answer.reply is None and not lab.services.saw(answer.token), guest
        events.wait_refused(guest.label, "tcp", "127.0.0.1", 9222, mark)
