# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop's agent between a daemon and a notification server that do what a test says: no root, no guest."""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from daemon import stop_listening  # noqa: E402
from lab.notifications import FakeServer  # noqa: E402
from lab.puppet import PYTHON, Puppet  # noqa: E402
from lab.session import NotifyAgent, Session  # noqa: E402
from lab.system import Cleanup, wait_for  # noqa: E402

DEVTOOLS = {"name": "chrome-devtools", "title": "Chrome DevTools", "ports": "tcp/9222", "sensitive": True}
STATUS = {"mode": "enforce", "since": "2026-11-26T12:00:00+00:00", "tableRestored": 0, "queues": []}


class TalkingDaemon:
    """It serves @path, tells its watchers what the test has it tell, and notes what it is asked to allow."""

    def __init__(self, path: Path, cleanup: Cleanup, services: list[dict] | None = None) -> None:
        self.path, self.services = path, [DEVTOOLS] if services is None else services
        self.answers_services = threading.Event()  # or ListServices waits
        self.answers_services.set()
        self.allowed: list[dict] = []
        self.running = False
        cleanup.add(self.stop)
        self.start()

    def start(self) -> None:
        self._ids = itertools.count(1)
        self._lock, self._clients, self._watchers = threading.Lock(), [], []
        self.running = True
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._server = threading.Thread(target=self._serve, args=(self._listener,), daemon=True)
        self._server.start()

    def stop(self) -> None:
        """It ends, and takes its socket with it."""
        if not self.running:
            return
        self.running = False
        self.path.unlink()
        stop_listening(self._listener, self._server)
        for client in self._clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has gone
                pass

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed
                return
            self._clients.append(client)
            threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        rest = b""
        try:
            while data := client.recv(65536):
                *messages, rest = (rest + data).split(b"\0")
                for message in messages:
                    self._answer(client, json.loads(message))
        except OSError:  # it has gone
            pass

    def _answer(self, client: socket.socket, call: dict) -> None:
        method = call["method"].removeprefix("org.lhguard.")
        if method == "Watch":
            self._send(client, {}, True)
            with self._lock:
                self._watchers.append(client)
        elif method == "GetStatus":
            self._send(client, {"status": STATUS}, True)
        elif method == "ListServices":
            self.answers_services.wait(30)
            self._send(client, {"services": self.services})
        elif method == "AllowEvent":
            self.allowed.append(call["parameters"])
            self._send(client, {"notes": []})

    def _send(self, client: socket.socket, parameters: dict, continues: bool = False) -> None:
        message = {"parameters": parameters, **({"continues": True} if continues else {})}
        client.sendall(json.dumps(message).encode() + b"\0")

    def tell(self, name: str = "devbox", port: int = 9222, **members: Any) -> int:
        """A guest was refused a port; the event's number. @members of the event are as they are given."""
        wait_for(lambda: self._watchers, "the agent")
        number = members.pop("id", None) or next(self._ids)
        event = {"id": number, "type": "attempt", "time": "2026-11-26T12:00:01+00:00",
                 "last": "2026-11-26T12:00:01+00:00", "count": 1, "verdict": "drop", "mode": "enforce",
                 "reason": "default", "rule": "", "route": "user-net", "interface": "lo", "exception": 0,
                 "program": "", "source": {"class": "guest", "kind": "vm", "runtime": "qemu", "name": name,
                                           "label": f"vm:{name}", "guest": 1, "shared": False,
                                           "conduit": "qemu-system-x86"},
                 "service": {"protocol": "tcp", "address": "127.0.0.1", "port": port, "program": "chrome"},
                 **members}
        for client in self._watchers:
            try:
                self._send(client, {"event": event}, True)
            except OSError:  # it has gone
                pass
        return number


class Desk:
    """A person's session with a notification server, the agent, and the daemon that it hears of."""

    def __init__(self, cleanup: Cleanup, *capabilities: str, config: str = "", start: bool = True) -> None:
        self.session = Session(None, cleanup)
        self.server = FakeServer(self.session, *capabilities)
        self.daemon = TalkingDaemon(self.session.folder / "guard", cleanup)
        self.agent = NotifyAgent(self.session, self.daemon.path, config, start)

    def puppet(self, program: str, *argv: str) -> Puppet:
        """A program of the lab in this session."""
        folder = Path(__file__).resolve().parents[1] / "lab"
        return Puppet([*self.session.enter, PYTHON, folder / program, *argv], self.session.cleanup,
                      env=self.session.environment, cwd=self.session.home)
