# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that always answers the same, from answers/METHOD.json, and notes what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

ANSWERS = Path(__file__).resolve().parent / "answers"


def without(value: object, members: tuple[str, ...]) -> object:
    """The same, but for @members of any object in it. "error" and "parameters" are the message's own."""
    if isinstance(value, list):
        return [without(item, members) for item in value]
    if isinstance(value, dict):
        return {key: without(item, members) for key, item in value.items() if key not in members}
    return value


def stop_listening(listener: socket.socket, server: threading.Thread) -> None:
    """Close @listener when @server has left it: else it may take a client of the next one with that descriptor."""
    listener.shutdown(socket.SHUT_RDWR)
    server.join(30)
    assert not server.is_alive(), "the daemon of the test does not end"
    listener.close()


class FixedDaemon:
    """It serves @path. answers/METHOD.VARIANT.json goes before answers/METHOD.json.

    A file holds one message, {"parameters": …} or {"error": …, "parameters": …}, or a list of them.
    Who asks without "more" is given the last. Members of the names @without are left out, as by a daemon
    that is too old to know them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.variant = ""
        self.without: tuple[str, ...] = ()
        self.calls: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        rest = b""
        try:
            with client:
                while data := client.recv(65536):
                    *messages, rest = (rest + data).split(b"\0")
                    for message in messages:
                        client.sendall(self._answer(json.loads(message)))
        except ConnectionError:  # it has gone
            pass

    def _answer(self, call: dict) -> bytes:
        method = call["method"].removeprefix("org.lhguard.")
        parameters = json.dumps(call.get("parameters", {}), sort_keys=True, ensure_ascii=True)
        self.calls.append(f"{method} {parameters}{' more' if call.get('more') else ''}")
        path = ANSWERS / f"{method}.{self.variant}.json"
        if not path.exists():
            path = ANSWERS / f"{method}.json"
        answers = without(json.loads(path.read_text()), self.without)
        answers = answers if isinstance(answers, list) else [answers]
        if not call.get("more"):
            answers = answers[-1:]
        for answer in answers[:-1]:
            answer["continues"] = True
        return b"".join(json.dumps(answer).encode() + b"\0" for answer in answers)

    def close(self) -> None:
        stop_listening(self._listener, self._server)
