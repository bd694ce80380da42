# SPDX-License-Identifier: GPL-2.0-or-later
"""A broad exception is said to be one, and on a terminal it wants an answer."""

from __future__ import annotations

import os

import pytest
from conftest import LHGUARD, Cli
from lab.terminal import Terminal

PATHS = f"{LHGUARD.parent}:{os.environ['PATH']}"
QUESTION = "allow it all the same? [y/N]"


@pytest.fixture
def terminal(cli: Cli):
    """A shell at its prompt, and a daemon that has not been asked for anything."""
    cli.daemon.variant, cli.daemon.calls = "", []
    with Terminal("sh", columns=100, PATH=PATHS, LHGUARD_SOCKET=str(cli.daemon.path), PS1="ready> ") as terminal:
        terminal.wait("ready>")
        yield terminal


def added(cli: Cli) -> bool:
    return any(call.startswith("AddException") for call in cli.daemon.calls)


def enter(terminal: Terminal, text: str) -> None:
    terminal.type(text)
    terminal.press("Enter")


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe", "yy"])
def test_without_a_yes_nothing_is_allowed(cli: Cli, terminal: Terminal, answer: str) -> None:
    enter(terminal, "lhguard allow chrome-devtools; echo exit $?")
    terminal.wait("is sensitive (Chrome DevTools)", "this gives every guest (any) power", QUESTION)
    enter(terminal, answer)
    terminal.wait("nothing was allowed", "exit 1")
    assert not added(cli)


@pytest.mark.parametrize("key", ["C-c", "C-d"])
def test_who_goes_away_has_allowed_nothing(cli: Cli, terminal: Terminal, key: str) -> None:
    enter(terminal, "lhguard allow 9222")
    terminal.wait(QUESTION)
    terminal.press(key)
    enter(terminal, "echo exit $?")
    terminal.wait("exit 1" if key == "C-d" else "exit 130")
    assert not added(cli)


@pytest.mark.parametrize("answer", ["y", "YES"])
def test_yes_allows_it(cli: Cli, terminal: Terminal, answer: str) -> None:
    enter(terminal, "lhguard allow 9222")
    terminal.wait(QUESTION)
    assert not added(cli)
    enter(terminal, answer)
    terminal.wait("undo: lhguard remove")
    assert added(cli)


@pytest.mark.parametrize("option", ["--yes", "-y", "--dry-run"])
def test_with_the_option_nobody_is_asked(cli: Cli, terminal: Terminal, option: str) -> None:
    enter(terminal, f"lhguard allow 9222 {option}; echo do''ne")
    assert QUESTION not in terminal.wait("is sensitive", "\ndone")
    assert added(cli)


def test_without_a_terminal_it_is_only_said(cli: Cli, terminal: Terminal) -> None:
    """A script goes on: neither its input nor its output can hold a question."""
    enter(terminal, "lhguard allow 9222 </dev/null; lhguard allow 9222 2>&1 | cat; echo do''ne")
    screen = terminal.wait("\ndone")
    assert screen.count("is sensitive") == 2 and QUESTION not in screen
    assert sum(call.startswith("AddException") for call in cli.daemon.calls) == 2


@pytest.mark.parametrize("words,is_broad", [
    (("9222",), True),
    (("udp/9222",), False),
    (("4711",), False),
    (("chrome-devtools", "--from", "vm"), True),
    (("127.0.0.1:chrome-devtools", "--from", "podman:*"), True),
    (("chrome-devtools", "--from", "vm:devbox"), False),
    (("chrome-devtools", "--from", "guest:1"), False),
    (("chrome-devtools", "--from", "iface:virbr0"), False),
    (("docker-api", "--from", "vm:devbox"), False),
    (("docker-api", "--from", "container"), True),
    (("dns",), False),
    (("9200-9300", "--from", "vm:devbox"), True),
    (("udp/9200-9300", "--from", "vm:devbox"), False),
    (("tcp/2375-2376", "--from", "vm:devbox"), False),
    (("tcp/2375-2377", "--from", "vm:devbox"), True),
    (("20000-20998",), False),
    (("20000-20999", "--from", "vm:devbox"), True),
    (("*", "--from", "vm:devbox"), True),
    (("udp/[::1]:*", "--from", "guest:1"), True),
])
def test_what_is_broad(cli: Cli, words: tuple[str, ...], is_broad: bool) -> None:
    ran = cli.run("allow", *words)
    assert ran.status == 0
    assert any(said in ran.error for said in (b"is sensitive", b" port")) == is_broad, ran.error
    assert "ListServices" not in str(cli.run("deny", *words).calls)


@pytest.mark.parametrize("source,words", [("lan", b"gives every host of the LAN power"),
                                          ("unknown", b"gives whoever cannot be told (unknown) power"),
                                          ("vm", b"gives every vm power"), ("qemu", b"gives every guest of qemu power")])
def test_whom_it_gives_power(cli: Cli, source: str, words: bytes) -> None:
    assert words in cli.run("allow", "9222", "--from", source).error


def test_a_daemon_without_names_is_no_reason_to_refuse(cli: Cli) -> None:
    assert cli.run("allow", "9222", variant="none").status == 0


def section(number: int, service: str, source: str, action: str = "allow") -> str:
    return f"[exception {number}]\naction = {action}\nservice = {service}\nsource = {source}\n\n"


BROAD = (section(1, "tcp/9222", "any") + section(2, "tcp/4711", "any") + section(3, "*", "any", "deny") +
         section(4, "20000-20999", "vm:devbox"))


def imported(cli: Cli) -> bool:
    return any(call.startswith("ImportExceptions") for call in cli.daemon.calls)


@pytest.mark.parametrize("answer", ["n", "y"])
def test_a_file_is_asked_about_once(cli: Cli, terminal: Terminal, tmp_path, answer: str) -> None:
    (tmp_path / "fleet.conf").write_text(BROAD)
    enter(terminal, f"cd {tmp_path}; clear; lhguard import fleet.conf; echo exit $?")
    screen = terminal.wait("fleet.conf:1: tcp/9222 is sensitive", "fleet.conf:16: 20000-20999 is 1000 ports", QUESTION)
    assert "fleet.conf:6" not in screen and "fleet.conf:11" not in screen
    assert not imported(cli)
    enter(terminal, answer)
    screen = terminal.wait("exit 0" if answer == "y" else "exit 1")
    assert screen.count(QUESTION) == 1
    assert imported(cli) == (answer == "y")


@pytest.mark.parametrize("option", ["--yes", "--dry-run"])
def test_a_file_is_not_asked_about_with_the_option(cli: Cli, terminal: Terminal, tmp_path, option: str) -> None:
    (tmp_path / "fleet.conf").write_text(BROAD)
    enter(terminal, f"lhguard import {option} {tmp_path}/fleet.conf; echo do''ne")
    assert QUESTION not in terminal.wait("tcp/9222 is sensitive", "\ndone")
    assert imported(cli)


def test_of_a_long_file_some_are_told(cli: Cli, tmp_path) -> None:
    text = "".join(section(i, f"tcp/{20000 + i}-30000", f"vm:v{i}") for i in range(1, 25))
    (tmp_path / "fleet.conf").write_text(text)
    ran = cli.run("import", str(tmp_path / "fleet.conf"))
    assert ran.status == 0 and ran.error.count(b"ports: ") == 10, ran.error
    assert b"and 14 more that are as broad" in ran.error


def test_a_file_that_is_not_broad_costs_no_call(cli: Cli, tmp_path) -> None:
    (tmp_path / "fleet.conf").write_text(section(1, "tcp/9222", "vm:devbox"))
    ran = cli.run("import", str(tmp_path / "fleet.conf"))
    assert ran.status == 0 and "ListServices" not in str(ran.calls)


def cut(cli: Cli) -> bool:
    return any(call.startswith("CutConnections") for call in cli.daemon.calls)


@pytest.mark.parametrize("answer", ["", "y"])
def test_before_all_connections_are_ended_somebody_is_asked(cli: Cli, terminal: Terminal, answer: str) -> None:
    enter(terminal, "lhguard connections --cut; echo exit $?")
    terminal.wait("this ends 3 and more open connections of guests, allowed or not: go on? [y/N]")
    assert not cut(cli)
    enter(terminal, answer)
    terminal.wait("cut 1 open connection" if answer else "nothing was cut", "exit 0" if answer else "exit 1")
    assert cut(cli) == bool(answer)


@pytest.mark.parametrize("words", ["--yes", "--refused", "--from vm:devbox", "</dev/null"])
def test_who_says_which_connections_is_not_asked(cli: Cli, terminal: Terminal, words: str) -> None:
    enter(terminal, f"lhguard connections --cut {words}; echo do''ne")
    assert "[y/N]" not in terminal.wait("\ndone")
    assert cut(cli)
