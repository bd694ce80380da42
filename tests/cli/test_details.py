# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard-notify --details`: the text that an alert's Open opened last, with what the desktop has for texts."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "build/lhguard-notify"


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with a runtime folder, and with no program for texts."""
    folders = {name: str(tmp_path) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME",
                                                "XDG_DATA_DIRS", "XDG_CONFIG_DIRS")}
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **folders}


def details(person: dict[str, str]) -> tuple[int, str]:
    """Its exit status and what it complains of."""
    said = subprocess.run([PROGRAM, "--details"], env=person, capture_output=True, text=True, timeout=60)
    return said.returncode, said.stderr


def test_nothing_was_opened_yet(person: dict[str, str]) -> None:
    assert details(person) == (1, "lhguard-notify: no text of an alert was opened in this session yet\n")


def test_there_is_no_program_for_texts(person: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "lhguard-details.txt").write_text("why\n")
    status, complaint = details(person)
    assert status == 1 and complaint.startswith("lhguard-notify: the text cannot be opened: ")


def make_viewer(folder: Path, script: str) -> None:
    viewer = folder / "viewer"
    viewer.write_text(f"#!/bin/sh\n{script}\n")
    viewer.chmod(0o755)
    (folder / "applications").mkdir()
    (folder / "applications/viewer.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=viewer\nExec={viewer} %f\nMimeType=text/plain;\n")
    (folder / "mimeapps.list").write_text("[Default Applications]\ntext/plain=viewer.desktop\n")
    (folder / "lhguard-details.txt").write_text("why\n")


def test_it_is_opened(person: dict[str, str], tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    make_viewer(tmp_path, f"cp \"$1\" {opened}.new && mv {opened}.new {opened}")
    assert details(person) == (0, "")
    deadline = time.monotonic() + 30
    while not opened.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert opened.read_text() == "why\n"


@pytest.mark.parametrize("script, words", [("exit 3", "with status 3"), ("exec /no/such/program", "with status 127"),
                                           ("kill -SEGV $$", "by signal 11"), ("(exit 5) & exec sleep 0.3", ""),
                                           ("sleep 3 & exit 5", "")])
def test_the_viewer_fails_at_once(person: dict[str, str], tmp_path: Path, script: str, words: str) -> None:
    """It has not where a part of it goes on, or ended well; and who waits for the start is told of a good one
    alone."""
    make_viewer(tmp_path, script)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waiting:
        waiting.bind(str(tmp_path / "waiting"))
        waiting.setblocking(False)
        status, complaint = details({**person, "NOTIFY_SOCKET": str(tmp_path / "waiting")})
        if words:
            assert status == 1 and complaint.endswith(
                f"lhguard-notify: the text cannot be opened: the program for texts ended at once, {words}\n")
            with pytest.raises(BlockingIOError):
                waiting.recv(100)
        else:
            assert (status, complaint, waiting.recv(100)) == (0, "", b"READY=1")
