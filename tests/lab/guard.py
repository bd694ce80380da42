# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard under test: the daemon, its CLI, and the events that it tells."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .host import Host
from .system import BUILD, PATIENCE, ROOT, Cleanup, LabError, end, spawn, wait_for

POLL = ("7", "271")  # numbers of poll(2) and ppoll(2) on x86-64
CONFIG = """\
[guard]
mode = enforce
verdict = drop
"""


@dataclass(frozen=True)
class Said:
    """What the CLI said."""
    status: int
    output: str
    error: str

    @property
    def json(self) -> dict | list:
        return json.loads(self.output)


class Watch:
    """The lines of `lhguard watch`, collected from its start on."""

    def __init__(self, argv: list[str]) -> None:
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self.process = spawn(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        wait_for(self._subscribed, "lhguard watch")
        threading.Thread(target=self._read, daemon=True).start()

    def _subscribed(self) -> bool:
        """It is connected, and waits: its request has been sent."""
        if self.process.poll() is not None:
            raise LabError(f"lhguard watch ended: {self.process.stderr.read()}")
        links = []
        for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                links.append(os.readlink(fd))
            except OSError:
                pass
        try:
            waits = Path(f"/proc/{self.process.pid}/syscall").read_text().split()[0] in POLL
        except ProcessLookupError:  # it has ended
            return False
        return waits and any(link.startswith("socket:") for link in links)

    def _read(self) -> None:
        try:
            for line in self.process.stdout:
                with self._lock:
                    self._lines.append(line)
        except ValueError:  # closed by stop()
            pass

    def lines(self, mark: int = 0) -> list[str]:
        with self._lock:
            return self._lines[mark:]

    def mark(self) -> int:
        """Where the collection stands, for lines(), since() and wait()."""
        with self._lock:
            return len(self._lines)

    def wait_line(self, *words: str, mark: int = 0) -> str:
        """The first line since @mark that holds all @words."""
        return wait_for(lambda: next((line for line in self.lines(mark)
                                      if all(word in line for word in words)), ""),
                        f"a line with {words}")

    def stop(self) -> None:
        end(self.process)


class Events(Watch):
    """The same as data: `lhguard watch --json`, without what it says of lost ones."""

    def since(self, mark: int = 0) -> list[dict]:
        documents = [json.loads(line) for line in self.lines(mark)]
        return [document for document in documents if document["type"] != "lost"]

    def wait(self, matches: Callable[[dict], bool], mark: int = 0,
             timeout: float = PATIENCE) -> dict:
        """The first event since @mark that @matches; an AssertionError that shows all of them."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.since(mark):
                if matches(event):
                    return event
            if time.monotonic() > deadline:
                seen = "\n".join(json.dumps(event) for event in self.since(mark)) or "none at all"
                raise AssertionError(f"no such event; since then there were:\n{seen}")
            time.sleep(0.02)

    def wait_refused(self, label: str, protocol: str, address: str, port: int, mark: int = 0,
                     timeout: float = PATIENCE) -> dict:
        """The refusal of that guest at that service."""
        def matches(event: dict) -> bool:
            service = event["service"]
            return (event["source"]["label"] == label and event["verdict"] in ("drop", "reject") and
                    (service["protocol"], service["address"], service["port"]) ==
                    (protocol, address, port))
        return self.wait(matches, mark, timeout)


class Guard:
    """One life of the daemon on @host, with files of its own. start() and stop() may be repeated."""

    def __init__(self, host: Host, config: str = CONFIG, environment: dict | None = None,
                 stage: tuple[str, ...] = ()) -> None:
        """@stage: a command that becomes the daemon, e.g. in a mount namespace of its own."""
        for program in ("lhguardd", "lhguard"):
            if not (BUILD / program).exists():
                raise LabError(f"build/{program} is not built: run make")
        self.host = host
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-guard-"))
        # Never the machine's own polkit.
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus", **(environment or {})}
        self.stage = stage
        self.folder.chmod(0o755)
        self.config = self.folder / "lhguard.conf"
        self.state, self.runtime = self.folder / "state", self.folder / "run"
        self.installed, self.catalogue = ROOT / "conf/guests.conf", self.folder / "guests.d"
        self.named, self.services = ROOT / "conf/services.conf", self.folder / "services.d"
        self.catalogue.mkdir()
        self.services.mkdir()
        self.state.mkdir()
        self.runtime.mkdir()
        self.socket = self.runtime / "org.lhguard"
        self.log = self.folder / "log"
        self.config.write_text(config)
        self.process: subprocess.Popen | None = None
        self._watches: list[Watch] = []

    @property
    def command(self) -> list[str]:
        return [*self.stage, str(BUILD / "lhguardd"), "--netns", str(self.host.path), "--config",
                str(self.config), "--catalogue", str(self.installed),
                "--catalogue-dir", str(self.catalogue), "--services", str(self.named),
                "--services-dir", str(self.services), "--state-dir", str(self.state), "--runtime-dir",
                str(self.runtime)]

    def start(self, timeout: float = PATIENCE) -> "Guard":
        """Start the daemon and wait until it says READY=1."""
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, \
                open(self.log, "ab") as log:
            listener.bind(str(notify))
            listener.settimeout(0.1)
            self.process = spawn(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env={**os.environ, "NOTIFY_SOCKET": str(notify),
                                      **self.environment})
            deadline = time.monotonic() + timeout
            while True:
                try:
                    if b"READY=1" in listener.recv(4096):
                        return self
                except TimeoutError:
                    pass
                if self.process.poll() is not None:
                    raise LabError(f"lhguardd ended with {self.process.returncode}:\n{self.log_text()}")
                if time.monotonic() > deadline:
                    end(self.process)
                    raise LabError(f"lhguardd was not ready in {timeout} s:\n{self.log_text()}")

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """TERM and wait; its exit status."""
        for watch in self._watches:
            watch.stop()
        self._watches.clear()
        if self.process is None:
            return 0
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise LabError(f"lhguardd did not stop:\n{self.log_text()}") from None
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """stop(), and the files go too; so does the table of one that did not end by itself."""
        try:
            self.stop()
        finally:
            if self.process and self.process.returncode:
                self.host.netns.run("nft", "delete", "table", "inet", "lhguard", check=False)
            shutil.rmtree(self.folder)

    def __enter__(self) -> "Guard":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def cli(self, *argv: str, uid: int | None = None) -> Said:
        """Run `lhguard --socket … ARGV` as somebody of the host."""
        drop = [] if uid is None else ["setpriv", f"--reuid={uid}", f"--regid={uid}",
                                       "--clear-groups"]
        command = [*self.host.netns.enter, *drop, str(BUILD / "lhguard"), "--socket",
                   str(self.socket), *argv]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=2 * PATIENCE)
        return Said(done.returncode, done.stdout, done.stderr)

    def must(self, *argv: str) -> Said:
        """cli() that has to succeed."""
        said = self.cli(*argv)
        assert said.status == 0, f"lhguard {' '.join(argv)}: exit {said.status}: {said.error}"
        return said

    def status(self) -> dict:
        return unwrap(self.must("status", "--json").json, "status")

    def exceptions(self) -> list[dict]:
        return unwrap(self.must("list", "--json").json, "exceptions")

    def guests(self) -> list[dict]:
        return unwrap(self.must("guests", "--json").json, "guests")

    def wait_conduit(self, *labels: str) -> None:
        """Whom a conduit serves is looked for some time after both have come."""
        wait_for(lambda: set(labels) <= {g["label"] for g in self.guests() if g["conduits"]},
                 f"the conduit of {', '.join(labels)}")

    def forget(self) -> None:
        """Remove all stored exceptions."""
        ids = [str(e["id"]) for e in self.exceptions() if not e.get("file")]
        if ids:
            self.must("remove", *ids)

    def events(self) -> Events:
        """Start to collect events. Ended by stop()."""
        watch = Events([str(BUILD / "lhguard"), "--socket", str(self.socket), "watch", "--json"])
        self._watches.append(watch)
        self.status()  # answered after what was asked before it
        return watch

    def watch(self) -> Watch:
        """Start to collect the lines that people see. Ended by stop()."""
        watch = Watch([str(BUILD / "lhguard"), "--socket", str(self.socket), "watch"])
        self._watches.append(watch)
        self.status()  # answered after what was asked before it
        return watch


def unwrap(value: dict | list, key: str) -> dict | list:
    """The CLI's JSON is the method's answer or what is inside it: both read the same."""
    return value[key] if isinstance(value, dict) and key in value else value


def guarded(host: Host, cleanup: Cleanup, config: str = CONFIG, stage: tuple[str, ...] = ()) -> Guard:
    """A started guard that goes with @cleanup."""
    guard = Guard(host, config, stage=stage)
    cleanup.add(guard.close)
    return guard.start()
