# SPDX-License-Identifier: GPL-2.0-or-later
"""Each example of README and the man pages is run, and prints what stands below it there.

The daemon is a fixed one (pretender.py), and so is the journal: it is the wording that is held. What cannot be run so
is in examples.py by name, with the reason. Times of a day are all alike.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
from conftest import ANSWERS, JOURNAL_REMOTE, LHGUARD, ROOT, read_terminal
from examples import (BLOCKS_NOT_RUN, COMMANDS, COMMANDS_NOT_RUN, CONFIGURATION, DAEMONS_WORDS, EXCEPTIONS, FILES,
                      HELP_NOT_RUN,                      JOURNAL, MUTED, NOTES, NUMBERS, PAGES, PLACES_NOT_RUN, WATCHED, Block, Example, answers_of,
                      blocks)
from interface import Interface
from pretender import Pretender, exception
from test_golden import verbs

ALL = [block for page in PAGES for block in blocks(page)]
WITH_PROMPTS = [block for block in ALL if block.examples()]
WITHOUT = [block for block in ALL if not block.examples()]
NO_LINE_IS_AS_WIDE = 1000
# What is no part of the project: who is called, and how they are stood for.
STANDINS = {
    "ssh": 'shift; exec "$@"',  # root@other: the same host once more
    "notify-send": 'shift; echo "$@" >>notified',
    "editor": "",
}


def is_run(block: Block, example: Example) -> bool:
    return example.place not in PLACES_NOT_RUN and name_of(block, example) not in COMMANDS_NOT_RUN


def name_of(block: Block, example: Example) -> str:
    return f"{block.page}: {example.command.splitlines()[0]}"


def alike(text: str) -> str:
    """Times differ from run to run, and just after midnight those of a moment ago have a date."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(?!:)", "[a day and time]", text)
    return re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", "hh:mm:ss", text)


class Host:
    """A folder, the programs, a daemon and a journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemon = Pretender(folder / "socket")
        self.journal = folder / "fixed.journal"
        self.watched = list(WATCHED)
        muted = folder / ".local/state/lhguard/muted"
        muted.parent.mkdir(parents=True)
        muted.write_text(MUTED)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "lhguard-notify").symlink_to(LHGUARD.with_name("lhguard-notify"))
        self._script(programs / "lhguard", f"""case $1 in
            log|suggest) exec {LHGUARD} "$@" --file {self.journal} ;;
            *) exec {LHGUARD} "$@" ;; esac""")
        for name, text in STANDINS.items():
            self._script(programs / name, text)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                            "TERM": "dumb", "LHGUARD_SOCKET": str(self.daemon.path), "HOME": str(folder)}

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def write_journal(self, attempts: list[tuple[int, int]]) -> None:
        """Attempts of vm:devbox: a port, and how often, of a moment ago."""
        first = (ANSWERS / "journal.export").read_text().split("\n\n")[1] + "\n\n"
        assert "LHGUARD_SOURCE=vm:devbox\n" in first and "LHGUARD_PROGRAM=chrome\n" in first
        at, number, records = int(time.time()) - 30, 0, ""
        for port, count in attempts:
            for _ in range(count):
                number += 1
                told = {"__REALTIME_TIMESTAMP": (at + number) * 1000000,
                        "LHGUARD_TIME": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + number)),
                        "LHGUARD_EVENT": number, "LHGUARD_SERVICE": f"127.0.0.1:{port}", "LHGUARD_PROGRAM": "python3"}
                record = first
                for field, value in told.items():
                    record = re.sub(rf"^{field}=.*$", f"{field}={value}", record, flags=re.M)
                records += record
        self.journal.unlink(missing_ok=True)
        subprocess.run([JOURNAL_REMOTE, "-o", self.journal, "-"], input=records.encode(), check=True,
                       capture_output=True)

    def prepare(self, command: str) -> None:
        """What this example is about."""
        self.daemon.answers = answers_of(command)
        self.daemon.number = NUMBERS.get(command, 0)
        self.daemon.notes = list(NOTES.get(command, []))
        if command == "lhguard watch":
            self.daemon.answers = {"Watch": [self.watched.pop(0)]}
        if command in JOURNAL:
            self.write_journal(JOURNAL[command])

    def run(self, command: str) -> tuple[int, str]:
        """As on a very wide terminal, with nobody at it. Return: exit status, and what is seen."""
        self.prepare(command)
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, NO_LINE_IS_AS_WIDE, 0, 0))
        process = subprocess.Popen(["sh", "-c", command], env=self.environment, cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
        os.close(follower)
        seen = read_terminal(leader).replace(b"\r\n", b"\n").decode()
        os.close(leader)
        return process.wait(60), seen.strip("\n")


@pytest.fixture
def host(tmp_path: Path):
    if not LHGUARD.exists():
        pytest.exit("build/lhguard is not built: run make", 1)
    host = Host(tmp_path)
    yield host
    host.daemon.close()
    interface = Interface()
    for method, answer in host.daemon.told:
        assert interface.complaints(interface.methods[method], answer, method) == []


def test_the_examples_are_found() -> None:
    assert len(WITH_PROMPTS) > 20 and len(WITHOUT) > 10
    assert sum(len(block.examples()) for block in WITH_PROMPTS) > 50
    assert sum(bool(example.shown) for block in WITH_PROMPTS for example in block.examples()) > 30


@pytest.mark.parametrize("block", WITH_PROMPTS, ids=lambda block: block.name)
def test_it_prints_what_is_shown(host: Host, block: Block) -> None:
    host.daemon.begin(EXCEPTIONS.get(block.page, []))
    for example in block.examples():
        if example.place in PLACES_NOT_RUN:
            host.daemon.use()
        if not is_run(block, example):
            continue
        status, seen = host.run(example.command)
        assert status == 0, f"{example.command}: exit {status}\n{seen}"
        assert not example.shown or alike(seen) == alike(example.shown), example.command
        if example.command in FILES:
            name, text = FILES[example.command]
            assert text in (host.folder / name).read_text()


@pytest.mark.parametrize("block", [block for block in WITHOUT if block.name in COMMANDS], ids=lambda block: block.name)
def test_commands_without_a_prompt(host: Host, block: Block) -> None:
    """Each does what it says, and nothing else is said of it."""
    host.daemon.begin(EXCEPTIONS[block.name])
    for line in block.lines:
        status, seen = host.run(line)
        assert status == 0, f"{line}: exit {status}\n{seen}"


@pytest.mark.parametrize("block", [block for block in WITHOUT if block.name in CONFIGURATION],
                         ids=lambda block: block.name)
def test_configuration_has_no_mistake(tmp_path: Path, block: Block) -> None:
    file = tmp_path / "example.conf"
    kind = CONFIGURATION[block.name]
    installed = (ROOT / "conf/services.conf").read_text() if kind == "services" else ""  # to which it is an addition
    file.write_text(installed + "\n".join(block.lines) + "\n")
    ran = subprocess.run([LHGUARD, "check", file, "--as", kind, "--catalogue", ROOT / "conf/guests.conf"],
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def helped(verb: str) -> list[str]:
    """The examples of `lhguard help VERB`."""
    said = subprocess.run([LHGUARD, "help", verb], capture_output=True, text=True, check=True).stdout
    return [line.strip() for line in said.partition("\nExamples\n")[2].split("\n\n")[0].splitlines()]


def test_examples_of_help(host: Host) -> None:
    """In the order of help: what export has written, import reads."""
    examples = [example for verb in verbs() for example in helped(verb)]
    assert len(examples) > 25 and set(HELP_NOT_RUN) <= set(examples)
    for example in examples:
        if example in HELP_NOT_RUN:
            continue
        host.daemon.begin([exception(3, "allow", "tcp/127.0.0.1:9222", "vm:devbox")])
        host.write_journal([(9222, 2)])
        status, seen = host.run(example)
        assert status == 0 and seen, f"{example}: exit {status}\n{seen}"


def test_who_needs_an_argument_is_shown_one() -> None:
    """The first example of help goes into the complaint."""
    for verb in ("allow", "deny", "edit", "explain", "import", "check"):
        ran = subprocess.run([LHGUARD, verb], capture_output=True, text=True)
        first = helped(verb)[0]
        assert ran.returncode == 2 and first and ran.stderr.endswith(f", e.g. {first.split('#')[0].strip()}\n")


def test_nothing_is_left_out_in_silence() -> None:
    """Each block is run, or named with a reason."""
    known = {*COMMANDS, *CONFIGURATION, *BLOCKS_NOT_RUN}
    assert [block.name for block in WITHOUT if block.name not in known] == []
    places = {example.place for block in WITH_PROMPTS for example in block.examples()}
    assert places - set(PLACES_NOT_RUN) == {"", "host"}


def test_what_is_named_is_there() -> None:
    """Of what an example is called here nothing may be left when the page has it no more."""
    named = {block.name for block in WITHOUT}
    assert {*COMMANDS, *CONFIGURATION, *BLOCKS_NOT_RUN} - named == set()
    examples = [(block, example) for block in WITH_PROMPTS for example in block.examples()]
    assert set(COMMANDS_NOT_RUN) - {name_of(block, example) for block, example in examples} == set()
    assert set(PLACES_NOT_RUN) == {example.place for _, example in examples} - {"", "host"}
    assert {*FILES, *JOURNAL, *NUMBERS, *NOTES} - {example.command for _, example in examples} == set()
    assert sum(example.command == "lhguard watch" for _, example in examples) == len(WATCHED)
    assert set(EXCEPTIONS) - {block.page for block in ALL} - named == set()


def test_the_reasons_name_tests_that_there_are() -> None:
    reasons = " ".join([*BLOCKS_NOT_RUN.values(), *COMMANDS_NOT_RUN.values()])
    tests = set(re.findall(r"test_\w+\.py", reasons))
    assert len(tests) > 2
    assert tests - {path.name for folder in ("cli", "system") for path in (ROOT / "tests" / folder).iterdir()} == set()


@pytest.mark.parametrize("file", DAEMONS_WORDS)
def test_the_daemon_has_these_words(file: str) -> None:
    text = (ROOT / file).read_text()
    assert [words for words in DAEMONS_WORDS[file] if f'"{words}"' not in text] == []
