# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the desktop's alerts have in common: a host with a guard, people, and floods."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab.guard import CONFIG, Guard
from lab.guests import Guest, NetnsGuest
from lab.host import Host, Target
from lab.notifications import FakeServer
from lab.session import NotifyAgent, Session
from lab.system import Cleanup

GROUP = 64123
PERSON = 1  # "daemon": a user that every system has, and no more than a user here
STOPPED = "was stopped from reaching"
DEVTOOLS = "Chrome DevTools"
MEMBERS = CONFIG + "[control]\nmembers-may-change = yes\n"
POLKIT = CONFIG + "[control]\nmembers-may-change = no\n"


def group_stage(folder: Path) -> tuple[str, ...]:
    """For Guard: a daemon that finds the group lhguard."""
    (folder / "group").write_text(f"root:x:0:\nlhguard:x:{GROUP}:\n")
    return ("unshare", "--mount", "--propagation=slave", "sh", "-c",
            'mount --bind "$0" /etc/group && exec "$@"', str(folder / "group"))


def start_guard(host: Host, cleanup: Cleanup, folder: Path, config: str = MEMBERS,
                environment: dict | None = None) -> Guard:
    guard = Guard(host, config, environment, group_stage(folder))
    cleanup.add(guard.close)
    return guard.start()


def reload(guard: Guard, config: str) -> None:
    guard.config.write_text(config)
    guard.must("reload")


def member(host: Host, cleanup: Cleanup) -> Session:
    return Session(host, cleanup, PERSON, GROUP)


def knock(guest: Guest, address: str, port: int = 9222, timeout: float = 0.15) -> bool:
    """Ask for the service once, and say whether it answered."""
    return guest.ask(Target("tcp", address, port), timeout).open


class Desk:
    """A session with a fake notification server and the agent: what most of these tests need."""

    def __init__(self, guard: Guard, session: Session, *capabilities: str, config: str = "",
                 server: bool = True) -> None:
        self.session = session
        self.server: FakeServer | None = FakeServer(session, *capabilities) if server else None
        self.agent = NotifyAgent(session, guard.socket, config)

    def new_server(self, *capabilities: str, known_as: tuple[str, str] | None = None) -> FakeServer:
        if self.server:
            self.server.stop()
        self.server = FakeServer(self.session, *capabilities, known_as=known_as)
        return self.server


# A packet is one refusal: by its port or its client's it is like no other.
FLOOD = """
import socket, sys, time
address, (per_second, seconds, first, ports) = sys.argv[1], map(int, sys.argv[2:])
begun, sent = time.monotonic(), 0
while sent < per_second * seconds:
    due = min(int((time.monotonic() - begun) * per_second) + 1, int(per_second * seconds))
    while sent < due:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind(("", 20000 + sent % 30000))
            out.sendto(b"x", (address, first + sent % ports))
        sent += 1
    time.sleep(0.002)
print(sent)
"""


def flood(guest: NetnsGuest, address: str, per_second: int, seconds: int, first: int,
          ports: int = 1) -> subprocess.Popen:
    """Start to send datagrams out of the guest to @ports ports from @first on; the process prints how many
    once it is done."""
    return guest.netns.spawn(sys.executable, "-c", FLOOD, address, str(per_second), str(seconds),
                             str(first), str(ports), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
