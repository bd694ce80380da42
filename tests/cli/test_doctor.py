# SPDX-License-Identifier: GPL-2.0-or-later
"""lhguard doctor: its words to the letter, for what is in files/doctor; and of this machine, text against document.

What it finds is of the machine that it runs on, and may be another thing from one run to the next: each run of one
kind is between two of the other that agree. golden/doctor/CASE.txt is what build/tests/cli/doctor_text prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from cases import NARROW, WIDE
from conftest import HERE, LHGUARD, ROOT, Cli
from examples import guest, source
from pretender import Pretender
from schema import complaints
from test_golden import document, too_wide, visible

INDENT = " " * 34
WANTS_ADVICE = {"unknown", "warning", "problem", "found", "not looked at", "cannot be told"}
SECONDS = 60
NOWHERE = "/nowhere/socket"
PID_OF_NOBODY = 1 << 22  # PID_MAX_LIMIT of linux/threads.h


def readable(text: str) -> str:
    """As it is for a person: what nobody would see as a character is told byte by byte."""
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in c.encode())
                   for c in text.replace("\\", "\\\\"))


def told(item: dict) -> list[str]:
    """The lines of a check or a blind spot, on a pipe."""
    lines = [f"{item['name']:17} {item['state']:15} {item['title']}"]
    lines += [INDENT + readable(text) for text in item["found"]]
    if item["state"] in WANTS_ADVICE and item["advice"]:
        lines.append(f"{INDENT}\u2192 {item['advice']}")
    return lines


def both(cli: Cli, **options: str) -> tuple[dict, str]:
    """The document, and the text of a moment in which it was that."""
    before = cli.run("doctor", "--json", **options).output
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        text = cli.run("doctor", **options).output.decode()
        after = cli.run("doctor", "--json", **options).output
        if before == after:
            return json.loads(after), text
        before = after
    pytest.fail(f"for {SECONDS} seconds this machine was another one in each run")


@pytest.mark.parametrize("where", ("", NOWHERE), ids=("daemon", "alone"))
def test_the_text_is_that_of_the_document(cli: Cli, where: str) -> None:
    """Name, state, title, each thing found, and advice exactly where the state calls for it."""
    document, text = both(cli, socket=where)
    checks, spots = text.split("\n\nWhat the guard cannot see, ")
    assert checks.splitlines() == [line for item in document["checks"] for line in told(item)]
    title, spots = spots.split("\n\n", 1)
    assert title.endswith("what of it is here:") and "\n" not in title
    assert spots.splitlines() == [line for item in document["blindSpots"] for line in told(item)]


GOLDEN = HERE / "golden/doctor"
FOUND = sorted((HERE / "files/doctor").glob("*.json"))
SURROUNDINGS = {
    "txt": {},
    "80.txt": {"columns": NARROW, "NO_COLOR": "1"},
    "200.colour.txt": {"columns": WIDE},
    "80.C.txt": {"columns": NARROW, "LC_ALL": "C", "NO_COLOR": "1"},
}
CASES = {f"{path.stem}.{place}": (path, options) for path in FOUND for place, options in SURROUNDINGS.items()}


@pytest.fixture(scope="session")
def doctor_text():
    """Built as the rest was: other flags would build all of it anew."""
    program = ROOT / "build/tests/cli/doctor_text"
    compiler = (ROOT / "build/flags").read_text().split(" -std=")[0]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(["make", "-s", "-C", ROOT, f"CC={compiler}", program.relative_to(ROOT)], check=True, env=environment)
    return program


@pytest.mark.parametrize("name", CASES)
def test_its_words(cli: Cli, doctor_text, name: str, request: pytest.FixtureRequest) -> None:
    path, options = CASES[name]
    ran = cli.run(str(path), program=doctor_text, error_too=bool(options), **options)
    assert ran.status == 0
    text = visible(ran.output + ran.error)
    golden = GOLDEN / name
    if request.config.getoption("update_golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text(), f"{name}: if that is meant, pytest tests/cli --update-golden, and read the diff"
    assert too_wide(text, options["columns"]) == [] if "NO_COLOR" in options else True
    assert text.isascii() or options.get("LC_ALL") != "C"


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_its_document(cli: Cli, doctor_text, path, request: pytest.FixtureRequest) -> None:
    ran = cli.run(str(path), "--json", program=doctor_text)
    golden = GOLDEN / f"{path.stem}.json"
    if request.config.getoption("update_golden"):
        golden.write_text(document(ran))
    assert document(ran) == golden.read_text()
    assert complaints("doctor", json.loads(ran.output)) == []


def test_golden_files_are_those_of_the_cases() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*CASES, *(f"{path.stem}.json" for path in FOUND)}


def test_each_of_them_is_ill_and_unknown_once() -> None:
    """Each name in the files is one of the doctor's, and ill.json has all that can be found."""
    document = json.loads((GOLDEN / "ill.json").read_text())
    names = {kind: {item["name"] for item in document[kind]} for kind in ("checks", "blindSpots")}
    for path in FOUND:
        given = json.loads(path.read_text())
        assert all(set(given[kind]) <= names[kind] for kind in given)
    can_be_told = {item["name"] for item in document["blindSpots"] if item["state"] != "cannot be told"}
    ill = json.loads((HERE / "files/doctor/ill.json").read_text())
    assert (set(ill["checks"]), set(ill["blindSpots"])) == (names["checks"], can_be_told)


def test_what_is_not_looked_at_says_why_and_what_to_do() -> None:
    document = json.loads((GOLDEN / "unknown.json").read_text())
    unknown = [item for kind in ("checks", "blindSpots") for item in document[kind]
               if item["state"] in ("unknown", "not looked at")]
    assert len(unknown) > 10 and all(item["found"] and item["advice"] for item in unknown)


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
