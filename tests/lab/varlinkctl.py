# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd's varlinkctl, of Debian trixie: a client of the control socket that is not ours.

It runs in a root folder of its own with the libraries that it needs, fetched once by apt into build/lab
from wherever this machine's own Debian packages come. Nothing is installed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .guard import Guard, Said
from .system import BUILD, CACHE, LabError, need, run, spawn

SUITE = "trixie"
FOLDER = CACHE / SUITE
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOCKET = "/run/lhguard/org.lhguard"  # in the root folder


def _known_mirror() -> str | None:
    targets = run("apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)",
                  "Created-By: Packages")
    return next((words[2] for words in map(str.split, targets.splitlines())
                 if len(words) == 3 and words[:2] == ["Debian", "Debian"]), None)


def _mirror() -> str:
    """Where this machine's own Debian packages come from."""
    mirror = _known_mirror()
    if not mirror:  # who made this machine may have thrown apt's lists away
        run("apt-get", "-qq", "update", timeout=300)
        mirror = _known_mirror()
    if not mirror:
        raise LabError(f"apt of this machine knows no mirror of Debian, so there is no varlinkctl of {SUITE}")
    return mirror


def _apt(state: Path, *argv: str) -> None:
    """apt-get with lists, cache and a status of its own, and the machine's way to the network."""
    options = {"Dir::State": state / "lib", "Dir::State::status": state / "status",
               "Dir::Cache": state / "cache", "Dir::Etc::SourceList": state / "sources.list",
               "Dir::Etc::SourceParts": "/dev/null", "Dir::Etc::Preferences": "/dev/null",
               "Dir::Etc::PreferencesParts": "/dev/null", "APT::Install-Recommends": "0",
               "APT::Sandbox::User": "root", "APT::Update::Error-Mode": "any",
               "Acquire::Languages": "none", "Acquire::Retries": "3"}
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(["apt-get", "-qq", *words, *argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode:
        raise LabError(f"apt-get {' '.join(argv)} for {SUITE} failed:\n{done.stdout}")


def _fetch(partial: Path) -> None:
    """Fetch systemd of the suite and all that it depends on, and unpack it into @partial/root."""
    state, root = partial / "apt", partial / "root"
    for folder in ("lib/lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (state / "sources.list").write_text(f"deb {signed}{_mirror()} {SUITE} main\n")
    _apt(state, "update")
    _apt(state, "install", "--yes", "--download-only", "systemd")
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for package in sorted((state / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    (root / "proc").mkdir()
    (root / SOCKET[1:]).parent.mkdir(parents=True)
    shutil.rmtree(state)


def build() -> Path:
    """The root folder with varlinkctl in it, made unless it is there already."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not FOLDER.exists():
            need("apt-get", "dpkg", "chroot")
            partial = CACHE / f"{SUITE}.part"
            shutil.rmtree(partial, ignore_errors=True)
            _fetch(partial)
            partial.rename(FOLDER)
    return FOLDER / "root"


class Varlinkctl:
    """varlinkctl, for the control socket of @guard."""

    def __init__(self, guard: Guard) -> None:
        self.root, self.guard = build(), guard

    def command(self, *words: str) -> list[str]:
        """A process of the host that sees the socket at its usual place."""
        script = ('root=$1 && shift && mount --bind "$0" "$root/run/lhguard" && '
                  'mount --bind /proc "$root/proc" && exec chroot "$root" /usr/bin/varlinkctl "$@"')
        return ["unshare", "--mount", "sh", "-c", script, str(self.guard.runtime), str(self.root), *words]

    def run(self, *words: str) -> Said:
        """varlinkctl with these words, as somebody would type them."""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, env=os.environ | {"LC_ALL": "C.UTF-8"})
        return Said(done.returncode, done.stdout, done.stderr)

    def validated(self, definition: Path) -> str:
        """A definition as varlinkctl reads it, in its own form; it has to be a right one."""
        done = subprocess.run(["chroot", self.root, "/usr/bin/varlinkctl", "validate-idl"],
                              input=definition.read_text(), capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def __call__(self, verb: str, *argv: str, options: tuple[str, ...] = ()) -> Said:
        return self.run("--no-pager", "--timeout=20", *options, verb, SOCKET, *argv)

    def call(self, method: str, parameters: dict | None = None, *options: str) -> Called:
        """Call a method of org.lhguard; its answers, each as the interface defines it."""
        words = [] if parameters is None else [json.dumps(parameters)]
        said = self("call", f"org.lhguard.{method}", *words, options=("--json=short", *options))
        failure = re.fullmatch(rf"Method call (?:org\.lhguard\.{method}\(\) )?failed: ([A-Za-z.]+)\n",
                               said.error)
        called = Called([sequence_item(line) for line in said.output.split("\n")[:-1]],
                        failure[1] if failure else None)
        assert said.status == (1 if failure else 0) and (failure or not said.error), said
        if failure:
            messages = [{"error": called.error, **({"parameters": answer} if answer else {})}
                        for answer in called.answers or [None]]
        else:
            messages = [{"parameters": answer} for answer in called.answers]
        assert_defined(f"org.lhguard.{method}", messages)
        return called

    def must(self, method: str, parameters: dict | None = None) -> dict:
        """call() that has to succeed with one answer."""
        called = self.call(method, parameters)
        assert called.error is None and len(called.answers) == 1, called
        return called.answers[0]

    def stream(self, method: str, parameters: dict) -> subprocess.Popen:
        """Call a method with "more", without an end: its answers come on standard output."""
        return spawn(self.command("--json=short", "--more", "--timeout=20", "call", SOCKET,
                                  f"org.lhguard.{method}", json.dumps(parameters)),
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def sequence_item(line: str) -> dict:
    """One of the texts that --more prints: RFC 7464, a record separator before each."""
    return json.loads(line.removeprefix("\x1e"))


@dataclass(frozen=True)
class Called:
    """What a call brought: the parameters of each answer, and the name of the error that was the last."""
    answers: list[dict]
    error: str | None


def assert_defined(method: str, messages: list[dict]) -> None:
    """@messages are answers that the interface's definition knows for @method."""
    check = BUILD / "tests/interface/check"
    if not check.exists():
        raise LabError(f"{check} is not built: run make")
    done = subprocess.run([check, "--answers", method], capture_output=True, text=True,
                          input="".join(json.dumps(message) + "\n" for message in messages))
    assert done.returncode == 0, done.stderr
