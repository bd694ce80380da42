# SPDX-License-Identifier: GPL-2.0-or-later
"""lhguard at a terminal, against a guarded host with real guests: what a person sees, and does."""

from __future__ import annotations

import json
import sys

import pytest

from lab.guard import Guard, guarded
from lab.guests import UserVm, VethGuest
from lab.host import Host, Target
from lab.system import BUILD, ROOT, Cleanup, wait_for
from lab.terminal import Terminal

sys.path.append(str(ROOT / "tests/cli"))
from schema import complaints  # noqa: E402

PROMPT = "ready> "


class Scene:
    """A host with a VM that knocks at a port of it, a guest on a wire, and the guard."""

    def __init__(self, cleanup: Cleanup) -> None:
        self.host = Host(cleanup)
        self.host.serve(Target("tcp", "127.0.0.1", 9222))
        self.vm = UserVm(self.host, "desk", cleanup)
        self.veth = VethGuest(self.host, "veth", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64",
                              "fd22::1")
        self.vm.wait_ready()
        self.guard: Guard = guarded(self.host, cleanup)
        self.guard.must("allow", "127.0.0.1:8080", "--from", "vm:desk", "--comment", "package cache")
        self.guard.must("deny", "5432", "--comment", "the database is nobody's but the host's own, whatever")
        self.knock()

    def knock(self) -> None:
        assert not self.vm.tcp("10.0.2.2", 9222)

    def shell(self, columns: int, **environment: str) -> Terminal:
        """A shell whose lhguard asks this guard."""
        return Terminal(*self.host.netns.enter, "env", f"PS1={PROMPT}", "sh", "-i", columns=columns,
                        PATH=f"{BUILD}:/usr/sbin:/usr/bin:/sbin:/bin",
                        LHGUARD_SOCKET=str(self.guard.socket), **environment)


@pytest.fixture(scope="module")
def scene(machine: None):
    with Cleanup() as cleanup:
        yield Scene(cleanup)


def ask(terminal: Terminal, command: str) -> list[str]:
    """The lines of its answer."""
    terminal.type(f"clear; {command}; echo en''d")
    terminal.press("Enter")
    terminal.wait("\nend")
    lines = terminal.screen().splitlines()
    return lines[:lines.index("end")]


@pytest.mark.parametrize("columns", (80, 200))
@pytest.mark.parametrize("verb", ("status", "guests", "list", "connections", "ports", "doctor"))
def test_tables_fit(scene: Scene, verb: str, columns: int) -> None:
    """No line goes on in the next one."""
    with scene.shell(columns) as terminal:
        terminal.wait(PROMPT.strip())
        lines = [line for line in ask(terminal, f"lhguard {verb}") if line]
        joined = terminal.unwrapped()
        assert lines and all(line in joined for line in lines), "\n".join(lines)


@pytest.mark.parametrize("environment,coloured", [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour(scene: Scene, environment: dict, coloured: bool) -> None:
    with scene.shell(200, **environment) as terminal:
        terminal.wait(PROMPT.strip())
        terminal.type("lhguard watch --past 20")
        terminal.press("Enter")
        terminal.wait("drop ", "vm:desk")
        assert ("\x1b[31mdrop" in terminal.screen(escapes=True)) == coloured


def test_watch_follows_through_a_resize_until_ctrl_c(scene: Scene) -> None:
    with scene.shell(80) as terminal:
        terminal.wait(PROMPT.strip())
        terminal.type("clear; lhguard watch --past 1; echo exit=$?")
        terminal.press("Enter")
        terminal.wait("vm:desk")
        for columns in (200, 40, 120):
            terminal.resize(columns)
            before = "\n".join(terminal.unwrapped()).count("127.0.0.1:9222 (")
            wait_for(lambda: scene.knock() or
                     "\n".join(terminal.unwrapped()).count("127.0.0.1:9222 (") > before,
                     f"a new line at {columns} columns")
        terminal.press("C-c")
        terminal.wait("exit=0")
        wait_for(lambda: terminal.screen().rstrip().endswith(PROMPT.strip()), "the prompt")


def test_a_terminal_that_is_no_utf8(scene: Scene) -> None:
    with scene.shell(200, LC_ALL="C") as terminal:
        terminal.wait(PROMPT.strip())
        terminal.type("lhguard watch --past 1")
        terminal.press("Enter")
        assert terminal.wait("vm:desk -> tcp 127.0.0.1:9222").isascii()


@pytest.mark.parametrize("words", [("status",), ("guests",), ("guests", "desk"), ("list",), ("connections",),
                                   ("doctor",), ("version",), ("reload",)], ids=" ".join)
def test_the_daemons_documents_keep_to_the_schema(scene: Scene, words: tuple[str, ...]) -> None:
    document = json.loads(scene.guard.must(*words, "--json").output)
    assert complaints(words[0], document) == []


def test_documents_of_changes_keep_to_the_schema(scene: Scene) -> None:
    made = scene.guard.must("allow", "9222", "--from", "vm:desk", "--until-stop", "--for", "1h",
                            "--json").json
    assert complaints("allow", made) == []
    gone = scene.guard.must("remove", str(made["exception"]["id"]), "--cut", "--json").json
    assert complaints("remove", gone) == []
    made = scene.guard.must("deny", "9222", "--json").json
    assert complaints("deny", made) == []
    scene.guard.must("remove", str(made["exception"]["id"]))


def test_events_keep_to_the_schema(scene: Scene) -> None:
    events = scene.guard.events()
    scene.knock()
    event = events.wait(lambda event: event["service"]["port"] == 9222)
    assert complaints("watch", event) == []
