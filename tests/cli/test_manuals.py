# SPDX-License-Identifier: GPL-2.0-or-later
"""The manuals list what the sources have."""

from __future__ import annotations

import re

from conftest import ROOT

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
