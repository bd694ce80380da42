# SPDX-License-Identifier: GPL-2.0-or-later
"""services.conf and services.d: a name lets a real container in, a new name needs no C, mistakes are told."""

from __future__ import annotations

import subprocess
from typing import Iterator

import pytest

from lab.guard import Guard, guarded
from lab.guests import Podman, PodmanGuest
from lab.host import Host, Target
from lab.system import PATIENCE, Cleanup

DEVTOOLS, OWN = Target("tcp", "127.0.0.1", 9222), Target("tcp", "127.0.0.1", 4711)


class Small:
    """A host with two services, a guard, and a container on the host's network."""

    def __init__(self, cleanup: Cleanup) -> None:
        self.host = Host(cleanup)
        self.host.serve(DEVTOOLS, OWN)
        self.web = PodmanGuest(Podman(self.host, cleanup), "named", cleanup, "host")
        self.web.wait_ready()
        self.guard: Guard = guarded(self.host, cleanup)

    def opens(self, target: Target) -> bool:
        return self.web.ask(target, 2.0).open

    def describe(self, text: str) -> str:
        path = self.guard.services / "own.conf"
        path.write_text(text)
        self.guard.must("reload")
        return str(path)


@pytest.fixture
def small(machine) -> Iterator[Small]:
    with Cleanup() as cleanup:
        yield Small(cleanup)


def test_a_name_is_as_good_as_its_port(small: Small) -> None:
    assert not small.opens(DEVTOOLS)
    said = small.guard.must("allow", "chrome-devtools", "--from", "container:named")
    assert "allowed tcp 9222 from container:named" in said.error
    assert small.opens(DEVTOOLS) and not small.opens(OWN)
    small.guard.must("deny", "127.0.0.1:chrome-devtools", "--from", "podman:named")
    assert [e["service"] for e in small.guard.exceptions()] == ["tcp/9222", "tcp/127.0.0.1:9222"]
    assert not small.opens(DEVTOOLS)
    said = small.guard.cli("allow", "chrome-devtool")
    assert said.status == 2 and "do you mean chrome-devtools?" in said.error
    assert "chrome-devtools" in small.guard.must("services").output


def test_a_name_of_ones_own_needs_a_reload_only(small: Small) -> None:
    """What an exception by name has got it keeps, whatever the name means later."""
    small.describe("[our-thing]\ntitle = Ours\nports = tcp/4711\n")
    small.guard.must("allow", "our-thing", "--from", "container:named")
    assert small.opens(OWN)
    small.describe("[our-thing]\nports = tcp/9222\n")
    assert small.opens(OWN) and not small.opens(DEVTOOLS)
    small.guard.must("allow", "our-thing", "--from", "container:named")
    assert small.opens(DEVTOOLS)


def test_mistakes_are_told_and_the_rest_is_in_force(small: Small) -> None:
    path = small.describe("[our-thing]\nports = tcp/4711\nport = 1\n[none]\n")
    status = small.guard.status()["services"]
    assert status["state"] == "failed"
    assert status["error"].startswith(f"{path}:3: ") and "(and 1 more)" in status["error"]
    assert f"services        FAILED {path}:3: " in small.guard.must("status").output
    checked = subprocess.run([*small.guard.command, "--check"], capture_output=True, text=True, timeout=PATIENCE)
    assert checked.returncode == 1
    for line in (3, 4):
        assert f"{path}:{line}: " in checked.stderr and f"{path}:{line}: " in small.guard.log_text()
    small.guard.must("allow", "our-thing", "--from", "container:named")
    assert small.opens(OWN)
    small.describe("")
    assert small.guard.status()["services"] == {"state": "ok", "error": None}


def test_without_names_the_guard_guards(small: Small) -> None:
    small.guard.stop()
    small.guard.named = small.guard.folder / "missing"
    small.guard.start()
    assert not small.opens(DEVTOOLS)
    assert "missing: No such file" in small.guard.status()["services"]["error"]
    small.guard.must("allow", "tcp/9222", "--from", "container:named")
    assert small.opens(DEVTOOLS)
