# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard-notify --details`: the text that an alert's Open opened last, with what the desktop has for texts."""

from __future__ import annotations

import os
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
    said = subprocess.run([PROGRAM, "--details"], env=person, capture_output=True, text=True, timeout=20)
    return said.returncode, said.stderr


def test_nothing_was_opened_yet(person: dict[str, str]) -> None:
    assert details(person) == (1, "lhguard-notify: no text of an alert was opened in this session yet\n")


def test_there_is_no_program_for_texts(person: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "lhguard-details.txt").write_text("why\n")
    status, complaint = details(person)
    assert status == 1 and complaint.startswith("lhguard-notify: the text cannot be opened: ")


def test_it_is_opened(person: dict[str, str], tmp_path: Path) -> None:
    text, viewer, opened = (tmp_path / name for name in ("lhguard-details.txt", "viewer", "opened"))
    text.write_text("why\n")
    viewer.write_text(f"#!/bin/sh\ncp \"$1\" {opened}.new && mv {opened}.new {opened}\n")
    viewer.chmod(0o755)
    (tmp_path / "applications").mkdir()
    (tmp_path / "applications/viewer.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=viewer\nExec={viewer} %f\nMimeType=text/plain;\n")
    (tmp_path / "mimeapps.list").write_text("[Default Applications]\ntext/plain=viewer.desktop\n")
    assert details(person) == (0, "")
    deadline = time.monotonic() + 10
    while not opened.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert opened.read_text() == "why\n"
