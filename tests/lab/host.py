# SPDX-License-Identifier: GPL-2.0-or-later
"""The host of the lab: a network namespace that plays the machine to be guarded, and its services."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import image
from .system import LAB, PATIENCE, Cleanup, LabError, Netns, end, unique, wait_for


def is_six(address: str) -> bool:
    return ":" in address


def service_name(address: str, port: int, protocol: str = "") -> str:
    """A service as the CLI writes it: `tcp/127.0.0.1:9222`, `[::1]:9222`."""
    prefix = f"{protocol}/" if protocol else ""
    return f"{prefix}[{address}]:{port}" if is_six(address) else f"{prefix}{address}:{port}"


@dataclass(frozen=True)
class Target:
    """What a client asks for: protocol, address and port as the *client* writes them."""
    protocol: str
    address: str
    port: int
    own_port: int = 0  # of the client; 0: any

    def __str__(self) -> str:
        return service_name(self.address, self.port, self.protocol)


@dataclass(frozen=True)
class Answer:
    """What a client got: the text of the reply, or None and the error."""
    token: str
    reply: str | None
    error: str | None

    @property
    def open(self) -> bool:
        return self.reply == f"hello {self.token}"


def new_token() -> str:
    return secrets.token_hex(6)


def probe_arguments(targets: list[Target], timeout: float) -> tuple[list[str], list[str]]:
    """Command line of the probe, and the token of each target."""
    tokens = [new_token() for _ in targets]
    words = [f"{t.protocol},{t.address},{t.port},{token}" + (f",{t.own_port}" if t.own_port else "")
             for t, token in zip(targets, tokens)]
    return ["probe", str(int(timeout * 1000)), *words], tokens


def hide_arguments(trick: str, target: Target, timeout: float) -> tuple[list[str], list[str]]:
    """The same for one TCP connection by a client that hides (hide.c)."""
    token = new_token()
    return ["hide", trick, str(int(timeout * 1000)), target.address, str(target.port), token], [token]


def probe_answers(output: str, tokens: list[str]) -> list[Answer]:
    """Read what the probe printed: "INDEX reply|error TEXT" in the order of the events."""
    answers: dict[int, Answer] = {}
    for line in output.splitlines():
        index, how, text = (line.strip().split(" ", 2) + ["", ""])[:3]
        if index.isdigit() and int(index) < len(tokens) and how in ("reply", "error"):
            answers[int(index)] = Answer(tokens[int(index)], text if how == "reply" else None,
                                         text if how == "error" else None)
    if len(answers) != len(tokens):
        raise LabError(f"the probe said:\n{output}")
    return [answers[i] for i in range(len(tokens))]


class Services:
    """Stand-in services in the host's namespace (service.py), with a record of who came.

    @share: others may join their ports.
    """

    def __init__(self, netns: Netns, targets: list[Target], cleanup: Cleanup, share: bool = False) -> None:
        self._records: list[dict] = []
        self._lock = threading.Lock()
        self._ready = threading.Event()
        words = ["--share"] * share + [f"{t.protocol},{t.address},{t.port}" for t in targets]
        self.process = netns.spawn(sys.executable, LAB / "service.py", *words,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        cleanup.add(end, self.process)
        threading.Thread(target=self._read, daemon=True).start()
        if not self._ready.wait(PATIENCE):
            raise LabError("the services did not start")

    def _read(self) -> None:
        for line in self.process.stdout:
            record = json.loads(line)
            if "ready" in record:
                self._ready.set()
            with self._lock:
                self._records.append(record)

    def mark(self) -> int:
        """Where the record stands now, for since()."""
        with self._lock:
            return len(self._records)

    def since(self, mark: int) -> list[dict]:
        with self._lock:
            return self._records[mark:]

    def saw(self, token: str) -> bool:
        """Whether a client's token reached a service, and who brought it."""
        with self._lock:
            return any(token in record.get("token", "") for record in self._records)

    def wait_saw(self, token: str, timeout: float = PATIENCE) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.saw(token):
                return True
            time.sleep(0.01)
        return self.saw(token)


class Host:
    """A machine to be guarded.

    lan0 carries its LAN address and the default route; its other end is only there for the carrier.
    Bridges and links for guests are added by the guests that need them.
    """

    LAN4, LAN6 = "192.0.2.10", "2001:db8:2::10"

    def __init__(self, cleanup: Cleanup, lan: bool = True) -> None:
        self.cleanup = cleanup
        self.netns = Netns(unique(), cleanup)
        self.name = self.netns.name
        self.path: Path = self.netns.path
        self.run = self.netns.run
        self.ip = self.netns.ip
        self.sysctl = self.netns.sysctl
        self.spawn = self.netns.spawn
        self.services: Services | None = None
        self.sysctl("net.ipv4.ip_forward=1")
        if lan:
            self.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan0-wire")
            self.ip("link", "set", "lan0-wire", "up")
            self.ip("link", "set", "lan0", "up")
            self.ip("addr", "add", f"{self.LAN4}/24", "dev", "lan0")
            self.ip("addr", "add", f"{self.LAN6}/64", "dev", "lan0")
            self.ip("route", "add", "default", "via", "192.0.2.1", "dev", "lan0")
            self.ip("-6", "route", "add", "default", "via", "2001:db8:2::1", "dev", "lan0")

    def serve(self, *targets: Target) -> Services:
        """Start the services. Guests such as pasta look at what listens when they start."""
        self.services = Services(self.netns, list(targets), self.cleanup)
        return self.services

    def bridge(self, name: str, *addresses: str) -> None:
        """Add a bridge with addresses, e.g. "10.20.0.1/24", for guests to be plugged into."""
        # An address of its own: without, it takes that of a port, and guests that come and go
        # leave the others with the wrong one.
        self.ip("link", "add", name, "address", new_mac(), "type", "bridge", "stp_state", "0",
                "forward_delay", "0")
        self.ip("link", "set", name, "up")
        for address in addresses:
            self.ip("addr", "add", address, "dev", name)

    def probe(self, targets: list[Target], timeout: float = 5.0, uid: int = 0) -> list[Answer]:
        """Ask for services as an ordinary process of the host that runs as @uid."""
        argv, tokens = probe_arguments(targets, timeout)
        argv[0] = str(image.probe())
        drop = [] if uid == 0 else ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return probe_answers(self.run(*drop, *argv), tokens)

    def nft(self) -> str:
        return self.run("nft", "list", "ruleset")


def new_mac() -> str:
    """A MAC address that nobody was given: unicast, locally administered."""
    return "02:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(5))


def listening(process: subprocess.Popen, condition, what: str, timeout: float = PATIENCE) -> None:
    """Wait until @condition holds, or say at once that @process ended."""
    def check() -> bool:
        if process.poll() is not None:
            raise LabError(f"{what}: the process ended with {process.returncode}")
        return bool(condition())
    wait_for(check, what, timeout)
