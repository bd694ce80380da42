# SPDX-License-Identifier: GPL-2.0-or-later
"""What the owner does with exceptions beside making them, with real guests: how they are used and changed."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from lab.guard import guarded
from lab.guests import SlirpGuest, VethGuest
from lab.host import Host, Target
from lab.system import Cleanup, wait_for

LOCAL = Target("tcp", "10.0.2.2", 9222)  # 127.0.0.1 of the host, as slirp4netns has it
WIRE = Target("tcp", "10.22.0.1", 8080)


@pytest.fixture(scope="module")
def world(machine):
    """A host with two guests: behind slirp4netns, and on a wire."""
    with Cleanup() as cleanup:
        host = Host(cleanup, lan=False)
        host.serve(Target("tcp", "127.0.0.1", 9222), Target("tcp", "0.0.0.0", 8080))
        yield SimpleNamespace(
            host=host, slirp=SlirpGuest(host, "slirp", cleanup),
            veth=VethGuest(host, "veth", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1"))


@pytest.fixture
def guard(world):
    with Cleanup() as cleanup:
        guard = guarded(world.host, cleanup)
        labels = {world.slirp.label, world.veth.label}
        wait_for(lambda: labels <= {guest["label"] for guest in guard.guests()}, "the guests")
        guard.wait_conduit(world.slirp.label)
        yield guard


def one(guard, **members) -> dict:
    """The one exception with these members."""
    found = [e for e in guard.exceptions() if members.items() <= e.items()]
    assert len(found) == 1, found
    return found[0]


def test_the_list_shows_how_each_is_used(world, guard) -> None:
    """An attempt counts once, be it allowed or denied; counts stay when other exceptions come and go."""
    guard.must("allow", "127.0.0.1:9222", "--from", world.slirp.label)
    guard.must("deny", "8080", "--from", world.veth.label)
    fresh = one(guard, id=1)
    assert (fresh["hits"], fresh["lastUsed"]) == (0, None)
    assert world.slirp.ask(LOCAL, 3.0).open
    first = one(guard, id=1)
    assert first["hits"] == 1 and first["lastUsed"] >= first["created"]
    assert world.slirp.ask(LOCAL, 3.0).open
    # Its SYN comes again after a second: one attempt all the same.
    assert world.veth.ask(WIRE, 2.5).reply is None
    used = one(guard, id=1)
    assert used["hits"] == 2 and used["lastUsed"] > first["lastUsed"]
    assert one(guard, id=2)["hits"] == 1
    heading, *rows = guard.must("list").output.splitlines()
    assert "HITS  LAST USED" in heading
    assert all(row.split()[5] == hits for row, hits in zip(rows, ("2", "1"), strict=True)), rows

    guard.must("allow", "1", "--from", "any")
    guard.must("remove", "3")
    guard.must("reload")
    assert (one(guard, id=1)["hits"], one(guard, id=2)["hits"]) == (2, 1)
    guard.stop()
    guard.start()
    assert one(guard, id=1)["hits"] == 0, "counted since the daemon started"


def test_all_of_one_source_are_removed(world, guard) -> None:
    """And those alone; what they had allowed is refused again, and cut when that is asked for."""
    mine, other = world.slirp.label, world.veth.label
    guard.must("allow", "127.0.0.1:9222", "--from", mine)
    guard.must("allow", "8080", "--from", mine, "--until-stop")
    guard.must("allow", "8080", "--from", other)
    guard.must("allow", "1", "--from", "container")
    assert world.slirp.ask(LOCAL, 3.0).open and world.veth.ask(WIRE, 3.0).open
    said = guard.must("remove", "--from", mine, "--cut", "--json").json
    assert said["removed"] == [1, 2] and said["count"] == 2
    assert {e["id"] for e in guard.exceptions()} == {3, 4}
    assert world.slirp.ask(LOCAL).reply is None and world.veth.ask(WIRE, 3.0).open
    assert "made by allow or deny" in guard.must("remove", "--from", mine).error


def test_what_is_there_twice_is_told(world, guard) -> None:
    """When it is made, and when one of the two is taken back: what it allowed is allowed as before."""
    label = world.veth.label
    assert guard.must("allow", "8080", "--from", label).error.count("\n") == 1
    said = guard.must("allow", "tcp/8080", "--from", label, "--for", "1h").error
    assert f"allow exception 1 (8080 from {label}) allows all of it already" in said
    said = guard.must("remove", "2").error
    assert f"allow exception 1 (8080 from {label}) still allows all of what exception 2 did" in said
    assert world.veth.ask(WIRE, 3.0).open
    assert guard.must("remove", "1").error == "removed exception 1\n"


def test_what_has_expired_is_removed_from_the_file(world, guard) -> None:
    """Its time came while no daemon ran: it is not in force, and stands in the file until that is written."""
    guard.must("allow", "127.0.0.1:9222", "--from", world.slirp.label, "--for", "5s")
    guard.must("allow", "1", "--from", "any")
    guard.stop()
    stored = guard.state / "exceptions.conf"
    time.sleep(5)
    guard.start()
    assert [e["id"] for e in guard.exceptions()] == [2]
    assert "[exception 1]" in stored.read_text()
    assert guard.must("remove", "--expired").error == "removed exception 1\n"
    assert "[exception 1]" not in stored.read_text() and "[exception 2]" in stored.read_text()
    assert "no exception is past its time" in guard.must("remove", "--expired").error


def test_a_dry_run_changes_nothing(world, guard) -> None:
    """It is checked as the real one is, and says what would undo it."""
    guard.must("deny", "8080", "--from", "container")
    stored = guard.state / "exceptions.conf"
    before = stored.read_text()
    label = world.veth.label
    said = guard.must("allow", "10.22.0.1:8080", "--from", "container", "--dry-run").error
    assert said == ("would allow 10.22.0.1:8080 from container; nothing was changed\n"
                    "lhguard: deny exception 1 (8080 to container) would still refuse all of it\n")
    made = guard.must("allow", "9222", "--from", label, "--until-stop", "--for", "1h", "--dry-run",
                      "--json").json
    assert (made["exception"]["id"], made["exception"]["untilStop"]) == (0, True)
    assert guard.cli("allow", "9222", "--from", "vm:nobody", "--until-stop", "--dry-run").status == 1
    guard.must("edit", "1", "--service", "1", "--dry-run")
    assert stored.read_text() == before and [e["service"] for e in guard.exceptions()] == ["8080"]
    # What was said is so: the allow does not help.
    said = guard.must("allow", "10.22.0.1:8080", "--from", "container").error
    assert "deny exception 1 (8080 to container) still refuses all of it" in said
    assert world.veth.ask(WIRE).reply is None


def test_an_exception_is_edited(world, guard) -> None:
    """In place, over a restart too: what it allowed is refused, what it did not is allowed."""
    guard.must("allow", "127.0.0.1:1", "--from", world.slirp.label, "--for", "1h", "--comment", "why")
    made = one(guard, id=1)
    assert world.slirp.ask(LOCAL).reply is None
    assert guard.must("edit", "1", "--service", "127.0.0.1:9222", "--forever").error == \
        f"exception 1 now allows 127.0.0.1:9222 from {world.slirp.label}\n"
    assert world.slirp.ask(LOCAL, 3.0).open
    # The connection that was refused before comes again, too, as slirp4netns tries on.
    assert one(guard, id=1)["hits"] in (1, 2)
    assert one(guard, id=1) | {"hits": 0, "lastUsed": None} == \
        made | {"service": "127.0.0.1:9222", "expires": None}
    guard.stop()
    guard.start()
    assert one(guard, id=1)["comment"] == "why"
    guard.must("edit", "1", "--from", world.veth.label, "--service", "tcp/8080")
    assert world.veth.ask(WIRE, 3.0).open and world.slirp.ask(LOCAL).reply is None
    assert guard.cli("edit", "7", "--forever").status == 1
    with_guest = guard.must("edit", "1", "--until-stop", "--json").json["exception"]
    assert with_guest["untilStop"] and with_guest["created"] > made["created"]
    assert world.veth.ask(WIRE, 3.0).open
    assert guard.cli("edit", "1", "--from", "vm:nobody").status == 1
    assert one(guard, id=1) | {"hits": 0, "lastUsed": None} == with_guest | {"hits": 0, "lastUsed": None}


def test_exceptions_are_taken_to_another_guard(world, guard, tmp_path) -> None:
    """Written down and read again; they work as the first did, and the file would do for exceptions.d."""
    guard.must("allow", "127.0.0.1:9222", "--from", world.slirp.label, "--for", "1h",
               "--comment", "a # b\n; =")
    guard.must("deny", "8080", "--from", world.veth.label)
    guard.must("allow", "1", "--from", world.veth.label, "--until-stop")
    file = tmp_path / "exceptions.d/taken.conf"
    file.parent.mkdir()
    said = guard.must("export", str(file))
    assert "2 exceptions written" in said.error and "left out" in said.error and said.error.endswith(" 3\n")
    assert guard.must("export").output == file.read_text()
    guard.must("check", str(file))

    def told() -> list[dict]:
        return [{k: v for k, v in e.items() if k not in ("id", "file", "hits", "lastUsed")}
                for e in guard.exceptions()]

    before = told()[:2]
    assert guard.must("import", str(file)).error == "0 added, 2 unchanged, 0 removed\n"
    guard.must("import", str(file), "--replace", "--dry-run")
    assert len(told()) == 3
    assert guard.must("import", str(file), "--replace").error == "0 added, 2 unchanged, 1 removed\n"
    guard.forget()
    assert world.slirp.ask(LOCAL).reply is None
    assert guard.must("import", str(file)).error == "2 added, 0 unchanged, 0 removed\n"
    assert told() == before
    assert world.slirp.ask(LOCAL, 3.0).open and world.veth.ask(WIRE).reply is None

    bad = tmp_path / "bad.conf"
    bad.write_text(file.read_text() + "nonsense = 1\n")
    said = guard.cli("import", str(bad), "--replace")
    lines = len(file.read_text().splitlines())
    assert said.status == 1 and said.error.startswith(f"lhguard: {bad}:{lines + 1}: unknown key")
    assert told() == before
    odd = tmp_path / "odd.conf"  # which the daemon alone can tell, by the line of what it was given
    odd.write_text("# A remark.\n\n[exception 1]\n# Another.\naction = deny\nservice = 1\nsource = podmen:x\n")
    said = guard.cli("import", str(odd))
    assert said.status == 1 and said.error.startswith(f"lhguard: {odd}:3: no runtime is called \"podmen\"")
    many = tmp_path / "many.conf"
    many.write_text("".join(f"[exception {n}]\naction = deny\nservice = {n}\nsource = vm:a\n"
                            for n in range(1, 2000)))
    said = guard.cli("import", str(many))
    assert said.status == 1 and "more than one message" in said.error and told() == before
    some = tmp_path / "some.conf"
    some.write_text("".join(many.read_text().partition("[exception 600]")[0]))
    assert guard.must("import", str(some)).error == "599 added, 0 unchanged, 0 removed\n"
    guard.forget()


def test_a_source_that_is_nobody_is_refused(world, guard) -> None:
    """A guest's bare name is no runtime, though explain takes it; what a file has is only told of."""
    name = world.veth.label.split(":", 1)[1]
    for words in (("deny", "8080"), ("allow", "8080"), ("allow", "8080", "--dry-run")):
        said = guard.cli(*words, "--from", name)
        assert said.status == 2 and f"do you mean {world.veth.label}?" in said.error
    assert "do you mean container?" in guard.cli("allow", "8080", "--from", "contaner").error
    assert "no interface nope" in guard.must("allow", "1", "--from", "iface:nope").error
    assert "no conduit called nope" in guard.must("allow", "1", "--from", "conduit:nope").error
    assert guard.must("allow", "1", "--from", "iface:lo").error.count("\n") == 1
    guard.forget()
    assert guard.exceptions() == []
    stored = guard.state / "exceptions.conf"
    guard.must("deny", "8080", "--from", world.veth.label)
    guard.stop()
    stored.write_text(stored.read_text().replace(world.veth.label, "contaner"))
    guard.start()
    assert [e["source"] for e in guard.exceptions()] == ["contaner"]
    assert 'exception 4 is about nobody: no runtime is called "contaner"' in guard.log_text()
