# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams to a multicast group or a broadcast address: the host's own copy of them is no way in.

They leave by the adapter and not by lo, and still reach every service of the host on their port.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.guard import Events, Guard
from lab.host import Target, new_token
from lab.system import PATIENCE

ALL_HOSTS = Target("udp", "224.0.0.1", 8080)  # each host is in this group
GUESTS = ["web", "loose", "devbox", "slirp"]
every_guest = pytest.mark.parametrize("guest", GUESTS)

SENDER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.sendto(sys.argv[3].encode(), (sys.argv[1], int(sys.argv[2])))
sys.stdin.read()
"""


@every_guest
def test_reaches_the_host_without_guard(lab, unguarded, guest: str) -> None:
    answer = getattr(lab.guests, guest).ask(ALL_HOSTS, 0.3)
    assert lab.services.wait_saw(answer.token)


@every_guest
def test_refused(lab, guard: Guard, events: Events, guest: str) -> None:
    client, mark = getattr(lab.guests, guest), events.mark()
    answer = client.ask(ALL_HOSTS, 0.3)
    event = events.wait(lambda e: e["service"]["address"] == ALL_HOSTS.address and
                        e["verdict"] == "drop", mark)
    assert event["source"]["label"] == client.label and event["route"] != "lan", event
    assert not lab.services.wait_saw(answer.token, 0.5), "it leaks"


@every_guest
def test_allowed_by_an_exception(lab, guard: Guard, guest: str) -> None:
    client = getattr(lab.guests, guest)
    try:
        guard.must("allow", "udp/8080", "--from", client.label)
        assert lab.services.wait_saw(client.ask(ALL_HOSTS, 0.3).token)
    finally:
        guard.forget()


@pytest.mark.parametrize("address", ["224.0.0.1", "192.0.2.255", "255.255.255.255"])
def test_the_host_reaches_itself(lab, guard: Guard, address: str) -> None:
    """A program of the host that goes on: it gets its copy with the guests beside it."""
    token = new_token()
    sender = lab.host.spawn(sys.executable, "-c", SENDER, address, "8080", token, stdin=subprocess.PIPE)
    try:
        assert lab.services.wait_saw(token)
    finally:
        sender.stdin.close()
        sender.wait(PATIENCE)
