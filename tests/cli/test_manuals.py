# SPDX-License-Identifier: GPL-2.0-or-later
"""The manuals list what the sources have."""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import LHGUARD, ROOT

JOURNAL = ROOT / "daemon/control/journal.c"


def journal_section() -> str:
    """JOURNAL FIELDS of lhguardd(8)."""
    page = (ROOT / "daemon/lhguardd.8").read_text()
    return page.split(".Sh JOURNAL FIELDS\n")[1].split("\n.Sh ")[0]


def test_each_field_of_the_journal_is_in_the_manual() -> None:
    written = re.findall(r'add_\w+\(entry, "([A-Z_]+)"', JOURNAL.read_text())
    assert len(written) > 20
    listed = [name for names in re.findall(r"^\.It Li (.+)$", journal_section(), re.M)
              for name in names.split(" , ")]
    assert sorted(listed) == sorted(set(written))


def test_both_message_ids_are_in_the_manual() -> None:
    ids = re.findall(r'JOURNAL_\w+_ID\s+"([0-9a-f]{32})"', JOURNAL.with_suffix(".h").read_text())
    assert len(ids) == 2
    assert re.findall(r"^\.Li ([0-9a-f]{32})$", journal_section(), re.M) == ids


def test_each_reason_and_route_is_in_the_manual() -> None:
    words = re.findall(r'\[(?:REASON|ROUTE)_\w+\] = "([a-z-]+)"', (ROOT / "daemon/flow.c").read_text())
    assert len(words) > 15
    quoted = " ".join(re.findall(r"^\.Ql (.+)$", journal_section(), re.M)).split()
    assert set(words) - set(quoted) == set()


def synopsis() -> dict[str, set[str]]:
    """The long options of each command in lhguard(1)'s SYNOPSIS."""
    page = (ROOT / "cli/lhguard.1").read_text()
    found: dict[str, set[str]] = {}
    for block in page.split(".Sh SYNOPSIS\n")[1].split("\n.Sh ")[0].split(".Nm\n"):
        command = re.search(r"^\.(?:Op )?Cm (\S+)$", block, re.M)
        if command:
            found.setdefault(command[1], set()).update(re.findall(r"Fl -([a-z-]+)", block))
    return found


def helped(*words: str) -> str:
    return subprocess.run([LHGUARD, "help", *words], capture_output=True, text=True, check=True).stdout


COMMANDS = [command for command in re.findall(r'^\t\{"([a-z]+)", verb_', (ROOT / "cli/commands.c").read_text(), re.M)
            if command not in ("version", "help")]


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) > 15 and {"allow", "deny", "status"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_synopsis_has_the_options_of_each_command(command: str) -> None:
    own = helped(command).split("Options of all commands")[0]
    assert synopsis()[command] == set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", own, re.M))
