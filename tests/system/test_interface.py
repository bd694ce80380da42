# SPDX-License-Identifier: GPL-2.0-or-later
"""The build holds the daemon's method table against the interface's definition: what it would not take."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.system import BUILD, ROOT, LabError

INTERFACE, TABLE = "conf/org.lhguard.varlink", "daemon/control/methods.c"
CHANGES = "daemon/control/changes.c"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The sources and what was built of them, with their times, so that make goes on from there."""
    if not (BUILD / "interface.checked").exists():
        raise LabError("not built: run make")
    copy = tmp_path_factory.mktemp("tree")
    for name in ("daemon", "conf", "tests/interface"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy2(ROOT / "Makefile", copy)
    for name in ("daemon", "tests/interface"):
        shutil.copytree(BUILD / name, copy / "build" / name)
    for name in ("liblhguardd.a", "flags", "interface.checked"):
        shutil.copy2(BUILD / name, copy / "build")
    assert make(copy).returncode == 0
    yield copy


def make(tree: Path) -> subprocess.CompletedProcess:
    """Whatever this tree was built with."""
    compiler = (BUILD / "flags").read_text().split(" -std=")[0]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    return subprocess.run(["make", "-s", f"CC={compiler}", "build/lhguardd"], cwd=tree, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


# What is changed, from what to what, and what make says then.
MISTAKES = {
    "a parameter that may not be left out": (
        INTERFACE, "method Watch(past: ?int", "method Watch(past: int",
        "org.lhguard.Watch(past): is ?int here, but int in the interface"),
    "a parameter of another name": (
        INTERFACE, "method Watch(past: ?int", "method Watch(newest: ?int",
        "org.lhguard.Watch(newest): the method table has no such parameter"),
    "a parameter of another type": (
        TABLE, '"seconds", PARAMETER_INTEGER', '"seconds", PARAMETER_STRING',
        "org.lhguard.AddException(seconds): is ?string here, but ?int in the interface"),
    "a parameter that only the table has": (
        TABLE, '{"past", PARAMETER_INTEGER, true}',
        '{"past", PARAMETER_INTEGER, true}, {"x", PARAMETER_BOOLEAN, true}',
        "org.lhguard.Watch(x): the interface has no such parameter"),
    "a method that only the interface has": (
        INTERFACE, "method Reload(allowInteractiveAuthentication: ?bool) -> ()", "method Reload(allowInteractiveAuthentication: ?bool) -> ()\nmethod Extra() -> ()",
        "org.lhguard.Extra: has no entry in the method table"),
    "a method that only the table has": (
        TABLE, 'OWN("Reload")', 'OWN("Reloads")', "org.lhguard.Reloads: is not in the interface"),
    "a method that nobody decided on": (
        TABLE, 'OWN("Reload"), PRIVILEGE_CHANGE', 'OWN("Reload"), PRIVILEGE_UNDECIDED',
        "org.lhguard.Reload: the table does not say who may call it"),
    "an error that is not declared": (
        INTERFACE, "error NoSuchGuest (reason: string)", "",
        f"{CHANGES}: NoSuchGuest: neither an error nor a method of the interface"),
    "an error that nothing gives": (
        INTERFACE, "error Failed (", "error Unused ()\nerror Failed (",
        "Unused: no source gives this error"),
    "a type that is not there": (
        INTERFACE, "-> (status: Status)", "-> (status: State)", "no such type: State"),
    "no interface at all": (
        INTERFACE, "interface org.lhguard", "interfaces org.lhguard", "expected: interface"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_not_built(tree, name: str) -> None:
    path, good, bad, said = MISTAKES[name]
    text = (tree / path).read_text()
    assert good in text
    (tree / path).write_text(text.replace(good, bad, 1))
    try:
        (tree / "build/lhguardd").unlink(missing_ok=True)
        done = make(tree)
        assert done.returncode and said in done.stdout, done.stdout
        assert not (tree / "build/lhguardd").exists()
    finally:
        (tree / path).write_text(text)
    assert make(tree).returncode == 0 and (tree / "build/lhguardd").exists()
