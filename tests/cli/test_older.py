# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon does not tell is left out, not made up. What it looks like without all of it: golden/*-older.txt."""

from __future__ import annotations

import pytest
from cases import FILE, LATER
from conftest import Cli
from interface import Interface

VERBS = {
    "Status": ("status",),
    "Part": ("status",),
    "Queue": ("status",),
    "Exception": ("list",),
    "Guest": ("guests", "devbox"),
    "Conduit": ("guests", "devbox"),
    "Interface": ("guests", "podman:web"),
    "KnownService": ("services",),
    "Event": ("watch", "--past", "20"),
    "Source": ("watch", "--past", "20"),
    "Service": ("watch", "--past", "20"),
    "Connection": ("connections",),
    "Client": ("connections",),
    "Explanation": ("explain", "vm:devbox", "9222"),
    "Step": ("explain", "vm:devbox", "9222"),
    "Change": ("explain", "vm:devbox", "9222"),
    "Port": ("ports",),
    "Reach": ("ports",),
}


def may_be_missing(kind: str, member: str) -> bool:
    """Null, or of a later daemon."""
    told = Interface().types[kind][member]
    return member in LATER or isinstance(told, tuple) and told[0] == "?"


CASES = [(kind, member, variant) for kind in VERBS for member in Interface().types[kind] if may_be_missing(kind, member)
         for variant in (("", "set", "wrong") if VERBS[kind] == ("status",) else ("",))]


def test_what_came_later_is_in_the_interface() -> None:
    interface = Interface()
    known = {member for members in interface.types.values() for member in members} | {"notes", "removed"}
    assert set(LATER) <= known


@pytest.mark.parametrize("kind,member,variant", CASES, ids=[".".join(filter(None, case)) for case in CASES])
def test_one_member_less(cli: Cli, kind: str, member: str, variant: str) -> None:
    """No time, no failure and no word that the daemon did not say; and no crash."""
    whole = cli.run(*VERBS[kind], variant=variant)
    ran = cli.run(*VERBS[kind], variant=variant, without=(member,))
    said, text = ran.output.decode(), whole.output.decode()
    assert whole.status == ran.status == 0
    assert "1970" not in said and "(null)" not in said and ", ," not in said
    assert said.count("FAILED") <= text.count("FAILED")
    assert not any(line != line.rstrip() for line in said.splitlines())


@pytest.mark.parametrize("argv", [("status",), ("guests",), ("list",), ("watch", "--past", "20"), ("reload",),
                                  ("remove", "1"), ("allow", "9222"), ("explain", "vm:devbox", "9222"),
                                  ("log", *FILE)], ids=" ".join)
def test_json_has_what_was_told(cli: Cli, argv: tuple[str, ...]) -> None:
    ran = cli.run(*argv, "--json", without=LATER)
    assert ran.status == 0
    assert all(line.startswith(b'{"schema":1,') for line in ran.output.splitlines()) and ran.output
