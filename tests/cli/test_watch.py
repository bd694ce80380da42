# SPDX-License-Identifier: GPL-2.0-or-later
"""lhguard watch as a stream that goes on: what it holds back, what it runs, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from conftest import LHGUARD
from daemon import ANSWERS

EVENT = next(answer["parameters"]["event"] for answer in json.loads((ANSWERS / "Watch.json").read_text())
             if answer["parameters"]["event"])


def event(number: int, name: str = "devbox", **members: object) -> dict:
    source = {**EVENT["source"], "name": name, "label": f"vm:{name}"}
    return {**EVENT, "id": number, "source": source, **members}


def until(condition: Callable[[], object], what: str) -> object:
    deadline = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return value


class LiveDaemon:
    """Keeps @past, and tells whoever watches what the test tells it.

    @replayed: what it still has of that when the stream begins, and what came meanwhile.
    """

    def __init__(self, path: Path, past: list[dict], replayed: list[dict] | None = None) -> None:
        self.path, self.past = path, past
        self.replayed = past if replayed is None else replayed
        self._watcher: socket.socket | None = None
        self._watched = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            data = b""
            while not data.endswith(b"\0"):
                data += client.recv(65536)
            call = json.loads(data[:-1])
            assert call["method"] == "org.lhguard.Watch"
            if call.get("more"):
                self._watcher = client
                past = call["parameters"].get("past", 0)
                self.tell(None, *(self.replayed[-past:] if past else []))
                self._watched.set()
            else:
                self._send(client, {"parameters": {"event": self.past[-1] if self.past else None, "lost": 0}})

    @staticmethod
    def _send(client: socket.socket, answer: dict) -> None:
        client.sendall(json.dumps(answer).encode() + b"\0")

    def tell(self, *events: dict | None, lost: int = 0) -> None:
        for told in events:
            self._send(self._watcher, {"continues": True, "parameters": {"event": told, "lost": lost}})

    def wait_watched(self) -> None:
        assert self._watched.wait(10)

    def close(self) -> None:
        self._listener.close()
        if self._watcher:
            self._watcher.close()


class Watching:
    """lhguard watch with @options, running; its output goes to files."""

    def __init__(self, folder: Path, past: list[dict], *options: str,
                 replayed: list[dict] | None = None, **environment: str) -> None:
        self.daemon = LiveDaemon(folder / "socket", past, replayed)
        self._output, self._error = folder / "output", folder / "error"
        with open(self._output, "wb") as output, open(self._error, "wb") as error:
            self.process = subprocess.Popen(
                [LHGUARD, "watch", *options], stdin=subprocess.DEVNULL, stdout=output, stderr=error,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC",
                     "LHGUARD_SOCKET": str(self.daemon.path), **environment})
        self.daemon.wait_watched()

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def error(self) -> str:
        return self._error.read_text()

    def numbers(self) -> list[int]:
        """Of the events that are shown."""
        return [int(line.split("#")[1].split()[0]) for line in self.output.splitlines()]

    def wait_output(self, text: str) -> None:
        until(lambda: text in self.output, f"{text!r} in:\n{self.output}{self.error}")

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def watching(tmp_path: Path):
    """Start one: `watching(past, *options)`."""
    started: list[Watching] = []

    def start(past: list[dict], *options: str, **more: object) -> Watching:
        started.append(Watching(tmp_path, past, *options, **more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.daemon.close()


PAST = [event(1), event(2, "other"), event(3), event(4), event(5, "other")]


def test_the_newest_that_match_come_first_and_then_those_that_are_made(watching) -> None:
    watch = watching(PAST, "--past", "2", "--from", "vm:devbox")
    watch.wait_output("#4")  # held back until all of the past was told, not until the end
    watch.daemon.tell(event(6, "other"), event(7))
    watch.wait_output("#7")
    assert watch.numbers() == [3, 4, 7]
    assert watch.end() == 0 and watch.error == ""


def test_an_older_attempt_that_is_repeated_is_news(watching) -> None:
    watch = watching(PAST, "--past", "1", "--from", "vm:devbox")
    watch.wait_output("#4")
    watch.daemon.tell(event(1, count=2))
    watch.wait_output("#1 ")
    assert watch.numbers() == [4, 1]


def test_a_ring_that_went_on_meanwhile(watching) -> None:
    """The event that was the newest has gone: one that came later ends the past, too."""
    watch = watching(PAST, "--past", "2", "--verdict", "drop", replayed=[event(8), event(9)])
    watch.daemon.tell(event(10))
    watch.wait_output("#10")
    assert watch.numbers() == [8, 9, 10]


def test_without_a_past_nothing_is_held_back(watching) -> None:
    watch = watching([], "--past", "5", "--from", "vm:devbox")
    watch.daemon.tell(event(1))
    watch.wait_output("#1 ")
    watch.daemon.tell(event(2), lost=3)
    watch.wait_output("#2 ")
    assert "3 events were lost" in watch.error
