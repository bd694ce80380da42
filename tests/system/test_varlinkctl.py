# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket through systemd's varlinkctl: every method, by a client that is not ours."""

from __future__ import annotations

import json
import re
import shlex
from types import SimpleNamespace

import pytest

from calls import CHANGES, DEFINITION, METHODS, READS, parameters_of
from lab.guard import CONFIG, guarded
from lab.guests import Podman, PodmanGuest
from lab.host import Host, Target
from lab.system import ROOT, Cleanup, end, wait_for
from lab.varlinkctl import SOCKET, Varlinkctl, assert_defined, sequence_item

SERVICE = Target("tcp", "127.0.0.1", 9222)


@pytest.fixture(scope="module")
def lab(machine):
    """A host with a container on its network, a guard, and varlinkctl."""
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(SERVICE)
        web = PodmanGuest(Podman(host, cleanup), "wired", cleanup, "host")
        web.wait_ready()
        guard = guarded(host, cleanup)
        yield SimpleNamespace(host=host, web=web, guard=guard, ctl=Varlinkctl(guard))


@pytest.fixture
def ctl(lab):
    yield lab.ctl
    lab.guard.forget()


def test_every_method_is_called() -> None:
    """Who adds a method says in calls.py what it shall be called with."""
    assert set(METHODS) == set(READS) | set(CHANGES) and not set(READS) & set(CHANGES)
    for method, parameters in (READS | CHANGES).items():
        assert set(parameters) == parameters_of(method), f"{method} is not called with all that it takes"


def test_info(ctl) -> None:
    said = ctl("info", options=("--json=short",))
    version = re.search(r"^VERSION +:= (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
    info = {"vendor": "lhguard", "product": "lhguardd", "version": version, "url": "man:lhguardd(8)",
            "interfaces": ["org.varlink.service", "org.lhguard"]}
    assert (said.status, said.error, said.json) == (0, "", info)
    said = ctl("info")
    assert (said.status, said.error) == (0, "")
    assert said.output == (f"    Vendor: lhguard\n   Product: lhguardd\n   Version: {version}\n"
                           "       URL: man:lhguardd(8)\n"
                           "Interfaces: org.lhguard\n            org.varlink.service\n")


def test_lists(ctl) -> None:
    said = ctl("list-interfaces")
    assert (said.status, said.output, said.error) == (0, "org.lhguard\norg.varlink.service\n", "")
    said = ctl("list-methods", "org.lhguard")
    assert (said.status, said.error) == (0, "")
    assert said.output.splitlines() == sorted(f"org.lhguard.{name}" for name in METHODS)
    said = ctl("list-methods", "org.varlink.service")
    assert said.output.splitlines() == ["org.varlink.service.GetInfo",
                                        "org.varlink.service.GetInterfaceDescription"]


def test_introspection(ctl) -> None:
    """It parses what we serve, which is the file, every word and comment of it."""
    said = ctl("introspect", "org.lhguard")
    assert (said.status, said.error) == (0, "")
    assert said.output == ctl.validated(DEFINITION)
    assert "\n# A list that does not fit into one message comes in several" in said.output
    both = ctl("introspect")
    assert (both.status, both.error) == (0, "")
    assert said.output in both.output and "interface org.varlink.service\n" in both.output
    served = json.loads(ctl("call", "org.varlink.service.GetInterfaceDescription",
                            '{"interface":"org.lhguard"}').output)
    assert served == {"description": DEFINITION.read_text()}


@pytest.mark.parametrize("method", READS)
def test_reads(lab, ctl, method: str) -> None:
    """Each reading method is answered as it is defined, once there is something to tell."""
    ctl.must("AddException", CHANGES["AddException"])
    assert lab.web.ask(SERVICE, 2).open
    assert ctl.must(method, READS[method])


def test_reads_are_what_the_cli_reads(lab, ctl) -> None:
    ctl.must("AddException", CHANGES["AddException"])
    status = ctl.must("GetStatus")["status"]
    assert status.keys() == lab.guard.status().keys()
    assert status["exceptionCount"] == 1
    assert ctl.must("ListExceptions")["exceptions"] == lab.guard.exceptions()
    [guest] = [guest for guest in ctl.must("ListGuests")["guests"] if guest["name"] == "wired"]
    [shown] = [guest for guest in lab.guard.guests() if guest["name"] == "wired"]
    moving = {"processes", "lastSeen", "attempts", "refused"}
    assert {k: v for k, v in guest.items() if k not in moving} == \
        {k: v for k, v in shown.items() if k not in moving}
    assert (guest["label"], guest["runtime"]) == ("container:wired", "podman")


def test_changes(lab, ctl) -> None:
    """An exception made by varlinkctl lets the container in, and one that it removes does no more."""
    assert lab.web.ask(SERVICE, 0.7).reply is None
    made = ctl.must("AddException", CHANGES["AddException"])
    assert made["notes"] == []
    exception = made["exception"]
    assert lab.guard.exceptions() == [exception]
    assert {k: exception[k] for k in ("action", "service", "source", "untilStop", "cutAtEnd", "creator",
                                      "comment", "file")} == \
        {"action": "allow", "service": "tcp/127.0.0.1:9222", "source": "container:wired",
         "untilStop": True, "cutAtEnd": True, "creator": 0, "comment": "<b>\u00fc\"\\", "file": None}
    assert lab.web.ask(SERVICE, 2).open
    assert ctl.must("RemoveExceptions", {"ids": [exception["id"]]}) == \
        {"removed": [exception["id"]], "count": 1, "notes": []}
    assert lab.guard.exceptions() == []
    assert lab.web.ask(SERVICE, 0.7).reply is None


@pytest.mark.parametrize("how", ["CutConnections", "RemoveExceptions"])
def test_cuts(lab, ctl, how: str) -> None:
    """An open connection of the container is listed, and ended."""
    ident = ctl.must("AddException", {**CHANGES["AddException"], "cutAtEnd": False})["exception"]["id"]
    lab.web.sh("sleep 1000 | nc 127.0.0.1 9222 >/dev/null 2>&1 &")

    def listed() -> list[dict]:
        return ctl.must("ListConnections", READS["ListConnections"])["connections"]

    [found] = wait_for(lambda: [c for c in listed() if c["state"] == "established"], "the connection in the list")
    assert (found["source"]["label"], found["exception"]) == ("container:wired", ident)
    parameters = CHANGES[how] if how == "CutConnections" else {"ids": [ident], "cut": True}
    assert ctl.must(how, parameters)["cut"] == 1
    assert listed() == []


def test_reload(lab, ctl) -> None:
    lab.guard.config.write_text(CONFIG + "[guard]\nnonsense = 1\n")
    try:
        failed = ctl.call("Reload", {})
        assert failed.error == "org.lhguard.ReloadFailed"
        assert failed.answers[0]["reason"].startswith(f"{lab.guard.config}:")
        assert ctl.must("GetStatus")["status"]["configuration"]["state"] == "failed"
    finally:
        lab.guard.config.write_text(CONFIG)
    assert ctl.must("Reload", {}) == {}
    assert ctl.must("GetStatus")["status"]["configuration"]["state"] == "ok"


# method, parameters, error, its parameters or a word of its reason
ERRORS = [
    ("Nothing", {}, "org.varlink.service.MethodNotFound", {"method": "org.lhguard.Nothing"}),
    ("GetStatus", {"colour": 1}, "org.varlink.service.InvalidParameter", {"parameter": "colour"}),
    ("AddException", {}, "org.varlink.service.InvalidParameter", {"parameter": "action"}),
    ("AddException", {"action": "maybe", "service": "80"}, "org.varlink.service.InvalidParameter",
     {"parameter": "action"}),
    ("AddException", {"action": "allow", "service": 80}, "org.varlink.service.InvalidParameter",
     {"parameter": "service"}),
    ("AddException", {"action": "allow", "service": "eighty!"}, "org.lhguard.InvalidService", "eighty!"),
    ("AddException", {"action": "allow", "service": "80", "source": "A B"}, "org.lhguard.InvalidSource",
     "A B"),
    ("AddException", {"action": "allow", "service": "80", "source": "guest:4000"},
     "org.lhguard.NoSuchGuest", "guest:4000"),
    ("RemoveExceptions", {"ids": [4000]}, "org.lhguard.NoSuchException", "4000"),
    ("RemoveExceptions", {"ids": []}, "org.varlink.service.InvalidParameter", {"parameter": "ids"}),
    ("CutConnections", {"source": "A B"}, "org.lhguard.InvalidSource", "A B"),
    ("Watch", {"past": 2}, "org.varlink.service.ExpectedMore", None),
    ("Watch", {"past": -1}, "org.varlink.service.InvalidParameter", {"parameter": "past"}),
]


@pytest.mark.parametrize("method, parameters, error, told", ERRORS)
def test_errors_have_names(ctl, method: str, parameters: dict, error: str, told) -> None:
    called = ctl.call(method, parameters)
    assert called.error == error
    if isinstance(told, str):
        assert [told in answer["reason"] for answer in called.answers] == [True]
    else:
        assert called.answers == ([told] if told else [])


def test_an_interface_that_is_not_ours(ctl) -> None:
    said = ctl("call", "org.other.Nothing", "{}", options=("--json=short",))
    assert (said.status, said.json) == (1, {"interface": "org.other"})
    assert said.error == "Method call org.other.Nothing() failed: org.varlink.service.InterfaceNotFound\n"
    said = ctl("introspect", "org.other")
    assert said.status == 1 and said.output == ""
    assert "org.varlink.service.InterfaceNotFound" in said.error


def test_oneway(lab, ctl) -> None:
    """What wants no answer is done all the same."""
    for _ in range(20):  # it ends at once, and if it was not looked at before, it may change nothing
        said = ctl("call", "org.lhguard.AddException", '{"action":"deny","service":"81"}',
                   options=("--oneway",))
        assert (said.status, said.output, said.error) == (0, "", "")
        made = lab.guard.exceptions()
        if made:
            break
    assert (made[0]["action"], made[0]["service"]) == ("deny", "81")


def test_long_lists(lab, ctl) -> None:
    """A list of many pages: in several answers with "more", else refused by name."""
    for number in range(300):
        lab.guard.must("deny", str(1000 + number), "--comment", "c" * 200)
    called = ctl.call("ListExceptions", {}, "--more")
    assert called.error is None and len(called.answers) > 1
    ids = [exception["id"] for answer in called.answers for exception in answer["exceptions"]]
    assert ids == [exception["id"] for exception in lab.guard.exceptions()] and len(ids) == 300
    collected = ctl("call", "org.lhguard.ListExceptions", "{}", options=("--json=short", "--collect"))
    assert (collected.status, collected.error, collected.json) == (0, "", called.answers)
    assert ctl.call("ListExceptions", {}).error == "org.varlink.service.ExpectedMore"
    assert ctl.call("Nothing", {}, "--more").error == "org.varlink.service.MethodNotFound"
    for method in ("ListGuests", "ListConnections"):
        assert len(ctl.call(method, {}, "--more").answers) == 1


def test_watch(lab, ctl) -> None:
    """--more of Watch: first that it stands, then each attempt as it is made."""
    process = ctl.stream("Watch", {"past": 0})
    try:
        answers = [sequence_item(process.stdout.readline())]
        assert answers == [{"event": None, "lost": 0}]
        for service in (SERVICE, Target("tcp", "127.0.0.1", 9223)):
            lab.web.ask(service, 0.2)
            while not answers[-1]["event"] or answers[-1]["event"]["service"]["port"] != service.port:
                answers.append(sequence_item(process.stdout.readline()))
            event = answers[-1]["event"]
            assert (event["source"]["label"], event["verdict"]) == ("container:wired", "drop")
        assert_defined("org.lhguard.Watch", [{"parameters": answer, "continues": True} for answer in answers])
    finally:
        end(process)
    assert lab.guard.alive


def test_no_socket(lab, ctl) -> None:
    """A socket that is not there is told by varlinkctl itself: so the tests above do reach the daemon."""
    moved = lab.guard.runtime / "elsewhere"
    lab.guard.socket.rename(moved)
    try:
        said = ctl("info")
        assert said.status == 1 and SOCKET in said.error
    finally:
        moved.rename(lab.guard.socket)


def examples() -> list[list[str]]:
    """The commands with varlinkctl in README and lhguardd(8), without its name."""
    pages = [(ROOT / "README.md").read_text().replace("\\\n", ""), (ROOT / "daemon/lhguardd.8").read_text()]
    return [shlex.split(words) for page in pages
            for words in re.findall(r"^(?: *\$ )?varlinkctl (.*)$", page, re.M)]


def test_examples(lab, ctl) -> None:
    """What the pages show does what they say, in their order."""
    done = []
    for words in examples():
        assert SOCKET in words
        if "-E" in words:  # without an end
            words.insert(words.index("-E") + 1, "--timeout=1")
        if words[-1] == '{"ids":[1]}':
            words[-1] = json.dumps({"ids": [made]})
        said = ctl.run(*words)
        if "org.lhguard.AddException" in words:
            made = said.json["exception"]["id"]
            assert [exception["id"] for exception in lab.guard.exceptions()] == [made]
        method = words[words.index(SOCKET) + 1].removeprefix("org.lhguard.")
        done.append((method, said.status))
    assert done == [("org.lhguard", 0), ("AddException", 0), ("ListConnections", 0), ("RemoveExceptions", 0),
                    ("RemoveExceptions", 1), ("ListGuests", 0), ("Watch", 1)]
    assert said.error == "Method call failed: io.systemd.TimedOut\n"
