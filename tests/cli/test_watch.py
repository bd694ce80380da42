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
from daemon import ANSWERS, stop_listening
from schema import complaints

EVENT = next(answer["parameters"]["event"] for answer in json.loads((ANSWERS / "Watch.json").read_text())
             if answer["parameters"]["event"])


def event(number: int, name: str = "devbox", **members: object) -> dict:
    source = {**EVENT["source"], "name": name, "label": f"vm:{name}"}
    return {**EVENT, "id": number, "source": source, **members}


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> object:
    deadline = time.monotonic() + seconds
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
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            data = b""
            while not data.endswith(b"\0") and (more := client.recv(65536)):
                data += more
            if not data.endswith(b"\0"):  # it has gone
                continue
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
        assert self._watched.wait(30)

    def close(self) -> None:
        if self._server.is_alive():
            stop_listening(self._listener, self._server)
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
                [LHGUARD, "watch", *options], stdin=subprocess.PIPE, stdout=output, stderr=error,
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
        until(lambda: text in self.output and self.output.endswith("\n"), f"{text!r} in:\n{self.output}{self.error}")

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


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
        one.process.stdin.close()
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


@pytest.mark.parametrize("options", ((), ("-q",), ("--from", "vm:other")))
def test_a_program_is_told_of_lost_events_where_they_are_missing(watching, options: tuple[str, ...]) -> None:
    watch = watching([], "--json", *options)
    watch.daemon.tell(event(1, "other"))
    watch.daemon.tell(event(5, "other"), lost=3)
    watch.wait_output('"id":5')
    told = [json.loads(line) for line in watch.output.splitlines()]
    assert [document.get("id") for document in told] == [1, None, 5]
    assert told[1] == {"schema": 1, "type": "lost", "count": 3}
    assert complaints("watch", told[1]) == []


# --exec

def test_the_event_is_in_the_environment(watching, tmp_path: Path) -> None:
    watch = watching([], "--exec", f"env -0 >{tmp_path}/part; mv {tmp_path}/part {tmp_path}/environment",
                     LHGUARD_GUEST="stale")
    watch.daemon.tell(event(7, reason="default", count=3))
    found = until((tmp_path / "environment").exists, "the command") and \
        dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().split("\0") if line)
    told = {name.removeprefix("LHGUARD_"): value for name, value in found.items()
            if name.startswith("LHGUARD_")}
    assert json.loads(told.pop("EVENT")) == {"schema": 1, **event(7, reason="default", count=3)}
    assert told == {"ID": "7", "COUNT": "3", "TYPE": "attempt", "VERDICT": "drop", "MODE": "enforce",
                    "REASON": "default", "SOURCE": "vm:devbox", "GUEST": "1", "NAME": "vm:devbox",
                    "SERVICE": "tcp/127.0.0.1:9222", "PROGRAM": "chrome",
                    "ALLOW": "lhguard allow tcp/127.0.0.1:9222 --from vm:devbox",
                    "SOCKET": str(watch.daemon.path)}


@pytest.mark.parametrize("members", [{"reason": "martian"}, {"verdict": "accept", "reason": "infrastructure"},
                                     {"reason": "deny-exception", "exception": 3}],
                         ids=lambda members: members["reason"])
def test_where_an_exception_would_change_nothing_none_is_offered(watching, members: dict) -> None:
    watch = watching([], "--exec", 'echo "[$LHGUARD_ALLOW] $LHGUARD_REASON" >&2')
    watch.daemon.tell(event(1, **members))
    until(lambda: f"[] {members['reason']}" in watch.error, "the command")


HOSTILE = "$(touch pwned)`touch pwned`'; touch pwned; '\"\\\\x1b[31m\\x0ared"  # as the daemon tells it


def test_a_hostile_name_stays_text(watching, tmp_path: Path) -> None:
    """It can be handed to --from, and the command that would allow it can be evaluated."""
    watch = watching([], "--exec", f"cd {tmp_path}; "
                     "printf '%s|' \"$LHGUARD_NAME\" \"$LHGUARD_SOURCE\" >names; "
                     "lhguard() { printf '%s|' \"$@\" >part; mv part words; }; eval \"$LHGUARD_ALLOW\"")
    watch.daemon.tell(event(1, HOSTILE))
    until((tmp_path / "words").exists, "the command")
    assert (tmp_path / "names").read_text() == f"vm:{HOSTILE}|" * 2
    assert (tmp_path / "words").read_text() == f"allow|tcp/127.0.0.1:9222|--from|vm:{HOSTILE}|"
    assert not (tmp_path / "pwned").exists()


def test_no_control_character_gets_through(watching) -> None:
    watch = watching([], "--exec", "env | grep ^LHGUARD_ >&2; echo end >&2")
    watch.daemon.tell(event(1, "a\x1b[31m\nb\u202e", service={**EVENT["service"], "program": "c\r\x07"}))
    until(lambda: watch.error.endswith("\nend\n"), "the command")
    assert all(line.isascii() and line.isprintable() for line in watch.error.splitlines())
    assert "LHGUARD_SOURCE=vm:a\\x1b[31m\\x0ab\\xe2\\x80\\xae\n" in watch.error
    assert "LHGUARD_PROGRAM=c\\x0d\\x07\n" in watch.error


def test_one_at_a_time_in_their_order(watching, tmp_path: Path) -> None:
    log = tmp_path / "log"
    watch = watching(PAST, "--past", "9", "--from", "vm:devbox", "--exec",
                     f"echo begin $LHGUARD_ID >>{log}; sleep 0.05; echo end $LHGUARD_ID >>{log}")
    watch.daemon.tell(event(6, "other"), event(7))
    until(lambda: log.exists() and "end 7" in log.read_text(), "the last")
    assert log.read_text().splitlines() == [f"{what} {n}" for n in (1, 3, 4, 7) for what in ("begin", "end")]


def test_a_command_that_hangs_costs_commands_that_are_counted_and_no_line(watching, tmp_path: Path) -> None:
    watch = watching([], "--exec", f"echo $LHGUARD_ID >>{tmp_path}/log; "
                                   f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done")
    watch.daemon.tell(*map(event, range(1, 301)))
    until(lambda: len(watch.output.splitlines()) == 300, "all lines")
    assert watch.error == "lhguard: --exec: the command still runs for event #1, and 256 wait: it is not " \
                          "run for those that come now\n"
    (tmp_path / "go").touch()
    until(lambda: "was not run for 43 events" in watch.error, "the count")
    until(lambda: (tmp_path / "log").read_text().endswith("\n257\n"), "those that waited",
          seconds=60)  # each is a process, and the machine may be busy
    watch.daemon.tell(event(301))
    until(lambda: (tmp_path / "log").read_text().endswith("\n257\n301\n"), "the next")


def those_who_sleep(seconds: str) -> list[str]:
    found = subprocess.run(["pgrep", "-f", f"^sleep {seconds}$"], capture_output=True, text=True)
    return found.stdout.split()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
@pytest.mark.parametrize("trap", ("", "trap '' TERM INT;"))
def test_the_end_leaves_nobody_behind(watching, number: int, trap: str) -> None:
    seconds = f"9{os.getpid()}{len(trap)}{number}"
    watch = watching([], "--exec", f"{trap} sleep {seconds} & sleep {seconds}; true")
    watch.daemon.tell(event(1), event(2))
    until(lambda: len(those_who_sleep(seconds)) == 2, "the command")
    watch.wait_output("#2 ")
    assert watch.end(number) == 0
    until(lambda: not those_who_sleep(seconds), "the end of those that were killed", seconds=5)
    assert "was not run for 1 event\n" in watch.error  # it waited


def test_the_command_may_tidy_up_before_the_end(watching) -> None:
    watch = watching([], "--exec", "trap 'echo tidied >&2; exit' TERM; echo begin >&2; sleep 60 & wait")
    watch.daemon.tell(event(1))
    until(lambda: "begin\n" in watch.error, "the command")
    assert watch.end() == 0 and watch.error == "begin\ntidied\n"


def test_what_a_command_leaves_in_the_background_ends_with_it(watching) -> None:
    seconds = f"8{os.getpid()}"
    watch = watching([], "--exec", f"sleep {seconds} & echo done >&2")
    watch.daemon.tell(event(1))
    until(lambda: "done" in watch.error, "the command")
    until(lambda: not those_who_sleep(seconds), "its end")
    assert watch.process.poll() is None


def test_who_kills_watch_ends_the_command(watching) -> None:
    seconds = f"7{os.getpid()}"
    watch = watching([], "--exec", f"exec sleep {seconds}")
    watch.daemon.tell(event(1))
    until(lambda: those_who_sleep(seconds), "the command")
    watch.end(signal.SIGKILL)
    until(lambda: not those_who_sleep(seconds), "its end")


def test_failures_are_said(watching) -> None:
    watch = watching([], "--exec", "[ $LHGUARD_ID != 1 ] || exit 3; kill -9 $$")
    watch.daemon.tell(event(1), event(2))
    until(lambda: watch.error.count("\n") == 2, "two words")
    assert watch.error == "--exec: the command for event #1 ended with status 3\n" \
                          "--exec: the command for event #2 was ended by signal 9\n"


def test_the_command_has_no_signal_blocked_and_nothing_to_read(watching) -> None:
    watch = watching([], "--exec", "grep SigBlk /proc/self/status >&2; cat >&2; echo end >&2")
    watch.daemon.tell(event(1))
    until(lambda: watch.error.endswith("end\n"), "the command")
    assert watch.error == "SigBlk:\t0000000000000000\nend\n"


def test_when_the_daemon_ends_what_waits_is_run(watching, tmp_path: Path) -> None:
    watch = watching([], "--exec", f"sleep 0.05; echo $LHGUARD_ID >>{tmp_path}/log")
    watch.daemon.tell(event(1), event(2), event(3))
    watch.daemon.close()
    assert watch.process.wait(30) == 3
    assert (tmp_path / "log").read_text() == "1\n2\n3\n"
