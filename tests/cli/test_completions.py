# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions in real shells: the TAB key in bash and zsh, complete -C in fish."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import LHGUARD, ROOT, Cli
from lab.terminal import Terminal

FOLDER = ROOT / "contrib/completions"
LONG = "vm:a name with blanks, quotes ' \" and a $HOME that goes on and on and on"
PATHS = f"{LHGUARD.parent}:{os.environ['PATH']}"


def asked(cli: Cli, *words: str, **environment: str) -> list[str]:
    ran = cli.run("__complete", "--", *words, **environment)
    assert (ran.status, ran.error) == (0, b"")
    return [line.split("\t")[0] for line in ran.output.decode().splitlines()]


def test_what_is_offered(cli: Cli) -> None:
    assert asked(cli, "g") == ["guests"]
    assert asked(cli, "allow", "9222", "--from=vm:d") == ["--from=vm:devbox"]
    assert LONG in asked(cli, "allow", "9222", "--from", "vm:")
    assert asked(cli, "remove", "1", "--c") == ["--cut"]
    assert "--cut" not in asked(cli, "remove", "--cut", "--")
    assert "--past" not in asked(cli, "remove", "--")
    assert asked(cli, "remove", "") == ["1", "3", "4", "5", "6"]  # 2 is the administrator's
    assert asked(cli, "guests", "devbox", "") == []
    assert asked(cli, "--socket", "") == [":files"]
    assert asked(cli, "help", "wa") == ["watch"]
    assert asked(cli, "log", "--since", "to") == ["today"]
    assert asked(cli, "log", "--file", "") == [":files"]
    assert asked(cli, "watch", "--verdict", "re") == ["reject", "refused"]
    assert "vm:devbox" in asked(cli, "watch", "--from", "")
    assert asked(cli, "watch", "--from", "l") == asked(cli, "allow", "9222", "--from", "l") == ["lan"]
    assert asked(cli, "allow", "9222", "--from", "h") == []  # explain alone asks about the host itself
    assert asked(cli, "explain", "h") == ["host"]
    assert {"vm:devbox", "vm", "container", "lan", "unknown", "any"} < set(asked(cli, "explain", ""))
    assert asked(cli, "watch", "--service", "udp") == ["udp/10.0.0.0/8:53"]
    assert asked(cli, "allow", "chr") == ["chrome-devtools"]
    assert asked(cli, "deny", "127.0.0.1:chr") == ["127.0.0.1:chrome-devtools"]
    assert asked(cli, "allow", "[::1]:d") == ["[::1]:docker-api", "[::1]:dns"]


def test_a_name_that_nobody_can_type_is_offered_by_its_number(cli: Cli) -> None:
    words = asked(cli, "guests", "")
    assert "guest:4" in words and not any("evil" in word for word in words)


def test_without_a_daemon_it_is_quiet(cli: Cli) -> None:
    assert asked(cli, "guests", "", LHGUARD_SOCKET="/nowhere") == []
    assert asked(cli, "--socket", "/nowhere", "guests", "") == []


def test_it_does_not_wait_for_a_daemon_that_does_not_answer(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        started = time.monotonic()
        assert asked(cli, "guests", "", LHGUARD_SOCKET=str(path)) == []
        assert time.monotonic() - started < 9  # other commands wait for 10 s


def mute(state: Path) -> None:
    """One alert is muted."""
    (state / "lhguard").mkdir()
    (state / "lhguard/muted").write_text("vm:devbox tcp/127.0.0.1:9222\n")


@pytest.fixture(params=["bash", "zsh"])
def shell(cli: Cli, request: pytest.FixtureRequest, tmp_path: Path):
    """That shell at its prompt, with nobody's settings."""
    cli.daemon.variant = ""
    (tmp_path / ".zshrc").write_text(f"fpath=({FOLDER} $fpath)\nautoload -Uz compinit\n"
                                     "compinit -u -D\nPS1='ready> '\n")
    (tmp_path / "bashrc").write_text(f". {FOLDER}/lhguard.bash\n. {FOLDER}/lhguard-notify.bash\n"
                                     "PS1='ready> '\n"
                                     "bind 'set bell-style none'\nbind 'set page-completions off'\n")
    argv = {"bash": ["bash", "--noprofile", "--rcfile", str(tmp_path / "bashrc"), "-i"],
            "zsh": ["zsh", "-d", "-i"]}[request.param]
    mute(tmp_path)
    with Terminal(*argv, columns=200, PATH=PATHS, ZDOTDIR=str(tmp_path), XDG_STATE_HOME=str(tmp_path),
                  LHGUARD_SOCKET=str(cli.daemon.path)) as terminal:
        terminal.wait("ready>")
        terminal.name = request.param
        yield terminal


@pytest.mark.parametrize("typed,becomes", [
    ("lhguard gue", "lhguard guests "),
    ("lhguard remove --cu", "lhguard remove --cut "),
    ("lhguard allow 9222 --from vm:dev", "lhguard allow 9222 --from vm:devbox "),
    ("lhguard allow 9222 --from=vm:dev", "lhguard allow 9222 --from=vm:devbox "),
    ("lhguard allow udp", "lhguard allow udp/10.0.0.0/8:53 "),
    ("lhguard allow chr", "lhguard allow chrome-devtools "),
    ("lhguard explain ho", "lhguard explain host "),
    ("lhguard explain la", "lhguard explain lan "),
    ("lhguard allow 127.0.0.1:chr", "lhguard allow 127.0.0.1:chrome-devtools "),
    ("lhguard-notify --mu", "lhguard-notify --muted "),
    ("lhguard-notify --de", "lhguard-notify --details "),
    ("lhguard-notify --unmute a", "lhguard-notify --unmute all "),
    ("lhguard-notify --unmute 1", "lhguard-notify --unmute 1 "),
])
def test_tab(shell: Terminal, typed: str, becomes: str) -> None:
    shell.type(typed)
    shell.press("Tab")
    shell.type("#")  # shows where the cursor is
    shell.wait(f"ready> {becomes}#")


@pytest.mark.parametrize("typed", ["vm:a", "vm:a\\ na", "'vm:a na", "\"vm:a na", "'vm:a name with b"])
def test_a_hostile_name_is_quoted_right(shell: Terminal, typed: str) -> None:
    """The line as completed is run: it is about that guest."""
    shell.type(f"lhguard guests {typed}")
    shell.press("Tab")
    shell.wait("HOME")
    shell.press("Enter")
    shell.wait("id           3 (guest:3)")


def test_exceptions_are_offered(shell: Terminal) -> None:
    """zsh shows what each is."""
    shell.type("lhguard remove ")
    shell.press("Tab", "Tab")
    shell.wait("6", "3", *(["allow tcp/127.0.0.1:9222 from vm:devbox"] if shell.name == "zsh" else []))


def test_files(shell: Terminal, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    shell.type(f"lhguard --socket {tmp_path}/a")
    shell.press("Tab")
    shell.wait("/a\\ file")


def fish(cli: Cli, home: Path, line: str) -> list[str]:
    cli.daemon.variant = ""
    command = f"source {FOLDER}/lhguard.fish; source {FOLDER}/lhguard-notify.fish; complete -C $argv[1]"
    done = subprocess.run(["fish", "--no-config", "-c", command, line],
                          env={"PATH": PATHS, "HOME": str(home), "LC_ALL": "C.UTF-8",
                               "XDG_STATE_HOME": str(home), "LHGUARD_SOCKET": str(cli.daemon.path)},
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()


@pytest.mark.parametrize("typed,offers", [
    ("lhguard gue", "guests\tthe VMs and containers known, or all about one"),
    ("lhguard remove --cu", "--cut\tend the open connections, too, that nothing else allows"),
    ("lhguard allow 9222 --from vm:dev", "vm:devbox\tqemu guest:1"),
    ("lhguard allow 9222 --from=vm:dev", "--from=vm:devbox\tqemu guest:1"),
    ("lhguard allow chr", "chrome-devtools\ttcp/9222 Chrome DevTools"),
    ("lhguard explain ho", "host\tprograms of this host"),
    ("lhguard explain la", "lan\thosts of the LAN"),
    ("lhguard remove ", "1\tallow tcp/127.0.0.1:9222 from vm:devbox"),
    ("lhguard guests vm:a", f"{LONG}\tvirtualbox guest:3"),
    ("lhguard guests vm:a\\ n", f"{LONG}\tvirtualbox guest:3"),
    ("lhguard guests 'vm:a n", f"{LONG}\tvirtualbox guest:3"),
    ("lhguard-notify --mu", "--muted\tlist what no alerts are shown about"),
    ("lhguard-notify --de", "--details\topen the text that Open opened last"),
    ("lhguard-notify --unmute ", "1\tvm:devbox tcp/127.0.0.1:9222"),
])
def test_fish(cli: Cli, tmp_path: Path, typed: str, offers: str) -> None:
    mute(tmp_path)
    assert offers in fish(cli, tmp_path, typed)
