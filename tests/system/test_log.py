# SPDX-License-Identifier: GPL-2.0-or-later
"""lhguard log and suggest, and what watch filters: a real journald, a real guard, real guests."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lab.guard import guarded
from lab.guests import UserVm, VethGuest
from lab.host import Host, Target
from lab.journal import Journald
from lab.system import BUILD, PATIENCE, ROOT, Cleanup, wait_for

sys.path.append(str(ROOT / "tests/cli"))
from schema import complaints  # noqa: E402

NAME = "box'; $(id) \\x1b <b>"  # as printable as a name has to be, and a guest's own choice
SERVICES = [Target("tcp", "127.0.0.1", 9222), Target("tcp", "0.0.0.0", 8080), Target("udp", "0.0.0.0", 8080)]

FORGE = """
import socket, sys
fields = {"MESSAGE": "forged", "MESSAGE_ID": "cb0d0915b5544e38a093f4b2df03b490", "PRIORITY": "5",
          "_UID": "0", "_SYSTEMD_UNIT": "lhguardd.service", "_COMM": "lhguardd",
          "SYSLOG_IDENTIFIER": "lhguardd", "LHGUARD_TYPE": "attempt", "LHGUARD_EVENT": "666",
          "LHGUARD_VERDICT": "drop", "LHGUARD_MODE": "enforce", "LHGUARD_REASON": "default",
          "LHGUARD_RULE": "vm = refuse", "LHGUARD_CLASS": "guest", "LHGUARD_SOURCE": "vm:forged",
          "LHGUARD_KIND": "vm", "LHGUARD_NAME": "forged", "LHGUARD_ROUTE": "user-net",
          "LHGUARD_PROTOCOL": "tcp", "LHGUARD_SERVICE": "127.0.0.1:22", "LHGUARD_CLIENT": "127.0.0.1:1"}
text = "".join(f"{name}={value}\\n" for name, value in fields.items())
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.sendto(text.encode(), "/run/systemd/journal/socket")
"""


@pytest.fixture(scope="module")
def scene(machine: None):
    """A host with a VM and a guest on a wire, and a guard whose journal nobody else writes to."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(*SERVICES)
        journald = Journald(cleanup)
        vm = UserVm(host, NAME.replace(",", ",,"), cleanup)
        veth = VethGuest(host, "veth", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1")
        vm.wait_ready()
        guard = guarded(host, cleanup, stage=journald.unit)
        scene = SimpleNamespace(host=host, journald=journald, vm=vm, veth=veth, guard=guard)
        scene.events = guard.events()
        assert not vm.tcp("10.0.2.2", 9222)
        host.run("ss", "--kill", "state", "syn-sent")  # QEMU would go on for its guest
        veth.probe([Target("tcp", "10.22.0.1", 8080), Target("udp", "10.22.0.1", 8080)], 0.5)
        guard.must("allow", "127.0.0.1:9222", "--from", f"vm:{NAME}")
        assert vm.tcp("10.0.2.2", 9222, 3.0)
        guard.forget()
        journald.sync()
        yield scene


def lhguard(scene: SimpleNamespace, *argv: str, uid: int = 0) -> subprocess.CompletedProcess:
    drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    scene.journald.sync()
    return subprocess.run([*scene.journald.enter, *drop, str(BUILD / "lhguard"), "--socket",
                           str(scene.guard.socket), *argv], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL)


def test_the_journal_vouches_for_the_daemon(scene: SimpleNamespace) -> None:
    """What log relies on is what journald itself writes of the daemon that runs as a unit."""
    entries = scene.journald.entries("SYSLOG_IDENTIFIER=lhguardd")
    assert entries
    for entry in entries:
        assert (entry["_UID"], entry["_SYSTEMD_UNIT"]) == ("0", "lhguardd.service")


def test_log_tells_what_watch_told(scene: SimpleNamespace) -> None:
    """The same objects, member by member, as they were told when they were new."""
    said = lhguard(scene, "log", "--json")
    assert said.returncode == 0, said.stderr
    logged = [json.loads(line) for line in said.stdout.splitlines()]
    told = [{"schema": 1, **event} for event in scene.events.since() if event["count"] == 1]
    assert {event["source"]["label"] for event in told} >= {f"vm:{NAME}"}
    assert {event["verdict"] for event in told} == {"accept", "drop"}
    assert logged == told
    assert [complaint for event in logged for complaint in complaints("log", event)] == []


def test_the_lines_are_those_of_watch(scene: SimpleNamespace) -> None:
    lines = lhguard(scene, "log", "--from", f"vm:{NAME}", "--verdict", "refused").stdout.splitlines()
    assert len(lines) == 1
    assert f" drop   vm:{NAME.replace(chr(92), chr(92) * 2)} → tcp 127.0.0.1:9222 (" in lines[0]
    assert "; allow: lhguard allow tcp/127.0.0.1:9222 --from 'vm:box'\\''; $(id) " in lines[0]


def test_what_the_manual_asks_journalctl(scene: SimpleNamespace) -> None:
    """The examples of lhguardd(8) with a guest that is there; of listeners there are none."""
    refused, listeners = re.findall(r"^journalctl (.+)$", (ROOT / "daemon/lhguardd.8").read_text(), re.M)
    words = [word.replace("vm:devbox", f"vm:{NAME}".replace("\\", "\\\\")) for word in shlex.split(refused)]
    found = scene.journald.entries(*words)
    assert [entry["LHGUARD_SERVICE"] for entry in found] == ["127.0.0.1:9222"]
    assert found[0]["MESSAGE"].startswith("drop vm:box")
    assert scene.journald.entries(*shlex.split(listeners)) == []


@pytest.mark.parametrize("who", ("a user", "root outside the unit"))
def test_nobody_else_writes_into_the_log(scene: SimpleNamespace, who: str) -> None:
    """The entry arrives, with all that the sender can choose; log does not show it."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if who == "a user" else []
    before = len(scene.journald.entries("LHGUARD_NAME=forged"))
    subprocess.run([*scene.journald.enter, *drop, sys.executable, "-c", FORGE], check=True, timeout=20)
    wait_for(lambda: len(scene.journald.entries("LHGUARD_NAME=forged")) == before + 1, "the forged entry")
    said = lhguard(scene, "log")
    assert said.returncode == 0 and "box" in said.stdout and "forged" not in said.stdout


def test_who_may_not_read_the_journal_is_told(scene: SimpleNamespace) -> None:
    said = lhguard(scene, "log", uid=65534)
    assert said.returncode == 4 and said.stdout == ""
    assert "try sudo; members of the group systemd-journal" in said.stderr


def test_a_host_without_a_journal(scene: SimpleNamespace) -> None:
    """In a mount namespace where nothing is in its folders."""
    empty = "for folder in /run/log /var/log; do mount -t tmpfs none $folder; done; exec \"$@\""
    said = subprocess.run(["unshare", "--mount", "sh", "-c", empty, "sh", str(BUILD / "lhguard"), "log"],
                          capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert said.returncode == 1 and said.stdout == ""
    assert "keeps no journal" in said.stderr and "lhguard watch --past 1024" in said.stderr


def suggested(said: subprocess.CompletedProcess) -> set[tuple[str, str]]:
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert complaints("suggest", found) == []
    return {(one["service"], one["source"]) for one in found["suggestions"]}


def run_commands(scene: SimpleNamespace, commands: str) -> None:
    """As a person does who pastes them."""
    subprocess.run([*scene.host.netns.enter, "sh", "-e"], input=commands, text=True, check=True, timeout=20,
                   env={"PATH": f"{BUILD}:/usr/bin:/bin", "LHGUARD_SOCKET": str(scene.guard.socket)})


def test_what_is_suggested_lets_it_through_and_is_not_suggested_again(scene: SimpleNamespace) -> None:
    try:
        said = lhguard(scene, "suggest", "--from", f"vm:{NAME}")
        assert said.returncode == 0 and len(said.stdout.splitlines()) == 1, said
        run_commands(scene, said.stdout)
        made, = scene.guard.exceptions()
        assert (made["service"], made["source"]) == ("tcp/127.0.0.1:9222", f"vm:{NAME}")
        assert "1 attempt, last 20" in made["comment"]
        assert scene.vm.tcp("10.0.2.2", 9222, 3.0)
        assert not scene.vm.tcp("10.0.2.2", 8080)
        again = lhguard(scene, "suggest", "--from", f"vm:{NAME}", "--service", "9222")
        assert again.stdout == "" and "Of the attempts 1 would be allowed now" in again.stderr
    finally:
        scene.guard.forget()


def test_what_an_exception_denies_is_not_suggested(scene: SimpleNamespace) -> None:
    try:
        scene.guard.must("deny", "9222", "--from", "vm")
        said = lhguard(scene, "suggest", "--from", f"vm:{NAME}", "--service", "9222")
        assert said.stdout == "" and "met an exception that denies" in said.stderr
    finally:
        scene.guard.forget()


def test_what_monitor_mode_let_through_is_suggested(scene: SimpleNamespace) -> None:
    scene.guard.must("mode", "monitor")
    try:
        for port in (7001, 7002, 7003, 7005):
            scene.vm.tcp("10.0.2.2", port)  # nobody is there, but that is not the guard's doing
    finally:
        scene.guard.must("mode", "enforce")
    said = lhguard(scene, "suggest", "--json", "--from", f"vm:{NAME}", "--service", "7000-7999")
    assert suggested(said) == {
        ("tcp/127.0.0.1:7001-7003", f"vm:{NAME}"), ("tcp/127.0.0.1:7005", f"vm:{NAME}")}


def test_without_a_journal_the_daemon_is_asked(scene: SimpleNamespace) -> None:
    by_journal = lhguard(scene, "suggest", "--json")
    empty = "for folder in /run/log /var/log; do mount -t tmpfs none $folder; done; exec \"$@\""
    command = ["unshare", "--mount", "sh", "-c", empty, "sh", str(BUILD / "lhguard"), "--socket",
               str(scene.guard.socket), "suggest"]
    by_ring = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=20)
    assert suggested(by_ring) == suggested(by_journal)
    assert len(suggested(by_ring)) > 3
    words = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert "of the newest 1024 attempts, which lhguardd keeps itself" in words.stderr


def test_watch_shows_and_runs_for_those_that_match(scene: SimpleNamespace, tmp_path) -> None:
    """The newest of the past that match, then what comes; and the guest's name reaches no shell."""
    shown, ran = tmp_path / "shown", tmp_path / "ran"
    watch = scene.host.netns.spawn(
        BUILD / "lhguard", "--socket", scene.guard.socket, "watch", "--json", "--past", "1",
        "--from", f"vm:{NAME}", "--service", "tcp/9222", "--verdict", "refused", "--exec",
        f"printf '%s\\n' \"$LHGUARD_ID $LHGUARD_SERVICE $LHGUARD_SOURCE\" >>{tmp_path}/ran",
        stdin=subprocess.DEVNULL, stdout=open(shown, "wb"), stderr=subprocess.PIPE)
    try:
        wait_for(lambda: ran.exists() and len(ran.read_text().splitlines()) == 1, "the past")
        scene.veth.probe([Target("tcp", "10.22.0.1", 8080)], 0.5)
        assert not scene.vm.tcp("10.0.2.2", 8080)
        assert not scene.vm.tcp("10.0.2.2", 9222)
        wait_for(lambda: len(ran.read_text().splitlines()) >= 2, "the new one")
    finally:
        watch.terminate()
        assert watch.wait(PATIENCE) == 0
        watch.stderr.close()
    events = [json.loads(line) for line in shown.read_text().splitlines()]
    assert all((event["source"]["name"], event["service"]["port"], event["verdict"]) == (NAME, 9222, "drop")
               for event in events)
    assert len({event["id"] for event in events}) == 2
    lines = ran.read_text().splitlines()  # a repeat may have been shown just before the end
    assert lines == [f"{event['id']} tcp/127.0.0.1:9222 vm:{NAME}" for event in events][:len(lines)]
