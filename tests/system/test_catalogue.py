# SPDX-License-Identifier: GPL-2.0-or-later
"""guests.conf and guests.d: a new runtime without a line of C, mistakes, and a catalogue that is gone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from lab import image
from lab.guard import Guard, guarded
from lab.host import Answer, Host, Target, probe_answers, probe_arguments
from lab.system import PATIENCE, Cleanup

SERVICE = Target("tcp", "127.0.0.1", 9222)
OURVM = """\
[ourvm]
kind = vm
program = vmm ourvm-*
name = comm ourvm-{name}
"""


class Small:
    """A host with a service, a guard, and a program that no list names."""

    def __init__(self, cleanup: Cleanup, folder: Path) -> None:
        self.host = Host(cleanup)
        self.host.serve(SERVICE)
        self.guard: Guard = guarded(self.host, cleanup)
        self.program = folder / "ourvm-blue"
        shutil.copy(image.probe(), self.program)

    def ask(self) -> Answer:
        """The program, as a VMM would, connects for its guest."""
        argv, tokens = probe_arguments([SERVICE], 1.0)
        argv[0] = str(self.program)
        return probe_answers(self.host.run(*argv), tokens)[0]

    def describe(self, text: str, name: str = "own.conf") -> Path:
        path = self.guard.catalogue / name
        path.write_text(text)
        return path

    def check(self) -> subprocess.CompletedProcess:
        return subprocess.run([*self.guard.command, "--check"], capture_output=True, text=True,
                              timeout=PATIENCE)


@pytest.fixture
def small(machine, tmp_path: Path) -> Iterator[Small]:
    with Cleanup() as cleanup:
        yield Small(cleanup, tmp_path)


def test_a_runtime_needs_no_c(small: Small) -> None:
    """A file and a reload: what was a program of the host is a VM by its name, and back."""
    events = small.guard.events()
    assert small.ask().open, "a program that nobody described is the host's"
    path = small.describe(OURVM)
    small.guard.must("reload")
    assert small.guard.status()["catalogue"] == {"state": "ok", "error": None}
    mark = events.mark()
    assert not small.ask().open
    event = events.wait_refused("vm:blue", "tcp", "127.0.0.1", 9222, mark)
    assert event["source"]["runtime"] == "ourvm" and event["route"] == "user-net"
    small.guard.must("allow", "127.0.0.1:9222", "--from", "ourvm:blue")
    assert small.ask().open
    small.guard.must("remove", str(small.guard.exceptions()[0]["id"]))
    assert not small.ask().open
    path.unlink()
    small.guard.must("reload")
    assert small.ask().open


def test_mistakes_are_told_and_the_rest_is_in_force(small: Small) -> None:
    """Each with file and line: in the status, by --check, and in the log."""
    path = small.describe(OURVM + "program = vmm\nnonsense\n[other\nkind = vm\n")
    small.describe("[third]\nkind = vm\nprogram = conduit third\n", "zz.conf")
    small.guard.must("reload")
    status = small.guard.status()["catalogue"]
    assert status["state"] == "failed"
    assert status["error"].startswith(f"{path}:5: ") and "(and 2 more)" in status["error"]
    assert f"catalogue       FAILED {path}:5: " in small.guard.must("status").output
    log = small.guard.log_text()
    checked = small.check()
    assert checked.returncode == 1
    for line in (5, 6, 7):
        assert f"{path}:{line}: " in log and f"{path}:{line}: " in checked.stderr
    assert not small.ask().open, "what is right in the file is in force"
    path.unlink()
    small.guard.must("reload")
    assert small.guard.status()["catalogue"]["state"] == "ok"
    assert small.check().returncode == 0


def test_without_a_catalogue(small: Small, tmp_path: Path) -> None:
    """At the start it is refused; at a reload the old one stays, and it is told."""
    installed = tmp_path / "guests.conf"
    installed.write_text(OURVM)
    small.guard.stop()
    small.guard.installed = installed
    small.guard.start()
    assert not small.ask().open
    installed.unlink()
    said = small.guard.cli("reload")
    assert said.status == 1 and str(installed) in said.error
    assert str(installed) in small.guard.status()["catalogue"]["error"]
    assert not small.ask().open, "the old one is gone"
    before = small.host.nft()
    small.guard.stop()
    done = subprocess.run(small.guard.command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and str(installed) in done.stderr
    assert "lhguard" in before and "lhguard" not in small.host.nft()
