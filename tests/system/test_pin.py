# SPDX-License-Identifier: GPL-2.0-or-later
"""allow --pin holds while the program listens that did when it was made, and for no other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.guard import Guard
from lab.host import Target
from lab.system import Cleanup, end, wait_for

SERVE = """
import socket, sys
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("::", int(sys.argv[1])))
listener.listen()
print("ready", flush=True)
while True:
    client, _ = listener.accept()
    words = client.recv(100).split()  # none of a client that gave up meanwhile
    client.sendall(b"hello " + (words[0] if words else b"") + b"\\n")
    client.close()
"""
PORTS = iter(range(7100, 7200))


@pytest.fixture
def programs(tmp_path: Path):
    """Two programs of the same bytes, under two paths: interpreters of this machine's, copied."""
    made = []
    for name in ("browser", "other"):
        path = tmp_path / name
        shutil.copy(Path(sys.executable).resolve(), path)
        made.append(path)
    tmp_path.chmod(0o755)
    return made


def serve(lab, cleanup: Cleanup, program: Path, port: int, uid: int = 0) -> subprocess.Popen:
    drop = [] if not uid else ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    process = lab.host.spawn(*drop, str(program), "-c", SERVE, str(port), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
    cleanup.add(end, process)
    assert process.stdout.readline() == "ready\n"
    return process


def reaches(guest, address: str, port: int, timeout: float) -> bool:
    return guest.ask(Target("tcp", address, port), timeout).open


@pytest.mark.parametrize("name,asked", [("web", "127.0.0.1"), ("devbox", "10.0.2.2"), ("edge", "10.21.0.1")])
def test_pin(lab, guard: Guard, programs: list[Path], name: str, asked: str) -> None:
    guest, port = getattr(lab.guests, name), next(PORTS)
    browser, other = programs
    with Cleanup() as cleanup:
        cleanup.add(guard.forget)
        first = serve(lab, cleanup, browser, port)
        said = guard.must("allow", str(port), "--from", guest.label, "--pin")
        assert str(browser) in said.error
        (entry,) = guard.exceptions()
        assert entry["pin"] == {"executable": str(browser), "user": 0}
        told = guard.must("explain", "--json", guest.label, str(port)).json["explanations"]
        assert "allow-exception" in {t["reason"] for t in told}
        assert reaches(guest, asked, port, 5)  # its first packet may be refused, and comes again

        end(first)
        serve_other = serve(lab, cleanup, other, port)
        assert not reaches(guest, asked, port, 2.5), "another program inherits it"
        told = guard.must("explain", "--json", guest.label, str(port)).json["explanations"]
        assert "allow-exception" not in {t["reason"] for t in told}
        end(serve_other)
        by_nobody = serve(lab, cleanup, browser, port, 65534)
        assert not reaches(guest, asked, port, 2.5), "another user inherits it"
        end(by_nobody)
        serve(lab, cleanup, browser, port)
        wait_for(lambda: reaches(guest, asked, port, 5), "the same program, started anew")
        assert guard.exceptions()[0]["hits"] >= 2


def test_another_guests_listener_is_no_program_of_the_host(lab, guard: Guard, programs: list[Path]) -> None:
    """A container on the host's network takes the port."""
    web, port = lab.guests.web, next(PORTS)
    web.sh(f"hide serve 5000 127.0.0.1 {port} x >/dev/null 2>&1 & echo $! >/tmp/server")
    try:
        wait_for(lambda: f"127.0.0.1:{port} " in lab.host.run("ss", "-Hltn"), "its service")
        said = guard.cli("allow", f"127.0.0.1:{port}", "--from", "vm:devbox", "--pin")
        assert said.status == 1 and "guest's" in said.error and guard.exceptions() == []
    finally:
        web.sh("kill $(cat /tmp/server); wait $(cat /tmp/server)", check=False)


@pytest.mark.parametrize("words,part", [(("7999",), "no program is found"), (("8000-8010",), "more than one"),
                                        (("10.0.0.0/8:80",), "more than one")])
def test_refused(guard: Guard, words: tuple[str, ...], part: str) -> None:
    said = guard.cli("allow", *words, "--from", "vm:devbox", "--pin")
    assert said.status != 0 and part in said.error and guard.exceptions() == []


def test_its_pin_survives_a_restart(lab, guard: Guard, programs: list[Path]) -> None:
    port = next(PORTS)
    with Cleanup() as cleanup:
        cleanup.add(guard.forget)
        serve(lab, cleanup, programs[0], port)
        guard.must("allow", str(port), "--from", "container:web", "--pin")
        before = guard.exceptions()[0]["pin"]
        guard.stop()
        guard.start()
        assert guard.exceptions()[0]["pin"] == before
        wait_for(lambda: reaches(lab.guests.web, "127.0.0.1", port, 3), "the pinned program")


def test_edit_pins_anew(lab, guard: Guard, programs: list[Path]) -> None:
    """What is moved to another port is for the program there; unless it is let go."""
    port, other_port = next(PORTS), next(PORTS)
    with Cleanup() as cleanup:
        cleanup.add(guard.forget)
        serve(lab, cleanup, programs[0], port)
        serve(lab, cleanup, programs[1], other_port)
        guard.must("allow", str(port), "--from", "container:web", "--pin")
        (entry,) = guard.exceptions()
        guard.must("edit", str(entry["id"]), "--service", str(other_port))
        assert guard.exceptions()[0]["pin"]["executable"] == str(programs[1])
        assert reaches(lab.guests.web, "127.0.0.1", other_port, 5)
        assert not reaches(lab.guests.web, "127.0.0.1", port, 0.5)
