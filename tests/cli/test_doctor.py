# SPDX-License-Identifier: GPL-2.0-or-later
"""lhguard doctor prints for a person what its document says; it has no golden files.

What it finds is of the machine that it runs on, and may be another thing from one run to the next: each run of one
kind is between two of the other that agree.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from conftest import LHGUARD, Cli
from examples import guest, source
from pretender import Pretender

INDENT = " " * 34
WANTS_ADVICE = {"unknown", "warning", "problem", "found", "not looked at", "cannot be told"}
TRIES = 10
NOWHERE = "/nowhere/socket"
PID_OF_NOBODY = 1 << 22  # PID_MAX_LIMIT of linux/threads.h


def visible(text: str) -> str:
    """As it is for a person: what nobody would see as a character is told byte by byte."""
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in c.encode())
                   for c in text.replace("\\", "\\\\"))


def told(item: dict) -> list[str]:
    """The lines of a check or a blind spot, on a pipe."""
    lines = [f"{item['name']:17} {item['state']:15} {item['title']}"]
    lines += [INDENT + visible(text) for text in item["found"]]
    if item["state"] in WANTS_ADVICE and item["advice"]:
        lines.append(f"{INDENT}\u2192 {item['advice']}")
    return lines


def both(cli: Cli, **options: str) -> tuple[dict, str]:
    """The document, and the text of a moment in which it was that."""
    before = cli.run("doctor", "--json", **options).output
    for _ in range(TRIES):
        text = cli.run("doctor", **options).output.decode()
        after = cli.run("doctor", "--json", **options).output
        if before == after:
            return json.loads(after), text
        before = after
    pytest.fail(f"this machine was another one in each of {TRIES} runs")


@pytest.mark.parametrize("where", ("", NOWHERE), ids=("daemon", "alone"))
def test_the_text_is_that_of_the_document(cli: Cli, where: str) -> None:
    """Name, state, title, each thing found, and advice exactly where the state calls for it."""
    document, text = both(cli, socket=where)
    checks, spots = text.split("\n\nWhat the guard cannot see, ")
    assert checks.splitlines() == [line for item in document["checks"] for line in told(item)]
    title, spots = spots.split("\n\n", 1)
    assert title.endswith("what of it is here:") and "\n" not in title
    assert spots.splitlines() == [line for item in document["blindSpots"] for line in told(item)]


def test_guests_that_cannot_be_looked_at(tmp_path) -> None:
    """Who cannot read a container's mounts is not told that it has none of the host's sockets."""
    daemon = Pretender(tmp_path / "socket")
    daemon.answers = {"ListGuests": {"guests": [
        guest(source("web", "container", "podman", None, 1), PID_OF_NOBODY),
        guest(source("boxed", "vm", "virtualbox", None, 2), os.getpid()),
        guest(source("gone", "vm", "qemu", None, 3), 0) | {"leader": None},
    ]}}
    ran = subprocess.run([LHGUARD, "doctor", "--json", "--socket", daemon.path], capture_output=True, text=True)
    daemon.close()
    spots = {spot["name"]: spot for spot in json.loads(ran.stdout)["blindSpots"]}
    assert spots["mounted-sockets"]["state"] == spots["shared-folders"]["state"] == "not looked at"
    assert spots["mounted-sockets"]["found"] == ["container:web was not looked at: No such file or directory"]
    assert spots["mounted-sockets"]["advice"] == "look again as root, while lhguardd runs"
    assert spots["shared-folders"]["found"] == [
        "vm:boxed was not looked at: only QEMU has what it shares on its command line",
        "vm:gone was not looked at: No such process"]
    assert "VBoxManage" in spots["shared-folders"]["advice"]
