# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the control socket that do not play by the rules: an error by name or a closed connection,
and a daemon that goes on, with as much memory and as many descriptors as before."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.guard import Guard, guarded
from lab.guests import VethGuest
from lab.host import Host, Target
from lab.system import PATIENCE, Cleanup, end, spawn, wait_for
from lab.varlinkctl import assert_defined

SERVICE = Target("tcp", "127.0.0.1", 9222)
MIB = 1 << 20
STATUS = b'{"method":"org.lhguard.GetStatus"}\0'
LONGEST = 64 * 1024  # WIRE_MESSAGE_MAX of daemon/control/wire.h, with the NUL


@pytest.fixture(scope="module")
def host(machine):
    with Cleanup() as cleanup:
        host = Host(cleanup)
        host.serve(SERVICE)
        yield host


@pytest.fixture(scope="module")
def guest(host):
    with Cleanup() as cleanup:
        yield VethGuest(host, "noisy", cleanup, "10.22.0.2/24", "10.22.0.1", "fd22::2/64", "fd22::1")


@pytest.fixture(scope="module")
def module_guard(host, guest):
    with Cleanup() as cleanup:
        guard = guarded(host, cleanup)
        guest.probe([Target("udp", "10.22.0.1", 1)], 0.1)  # its first attempt opens the way to the journal
        yield guard


def figures(guard: Guard) -> tuple[int, int]:
    """Resident KiB, and open descriptors."""
    proc = Path(f"/proc/{guard.process.pid}")
    resident = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]), len(list((proc / "fd").iterdir()))


@pytest.fixture
def guard(host, module_guard):
    """Whatever a test does to it, it answers and judges afterwards, and holds on to nothing."""
    assert module_guard.status()["mode"] == "enforce"
    resident, descriptors = figures(module_guard)
    yield module_guard
    assert module_guard.alive
    assert module_guard.status()["mode"] == "enforce"
    assert [answer.open for answer in host.probe([SERVICE], 3.0)] == [True]
    wait_for(lambda: figures(module_guard)[1] <= descriptors, "descriptors to be closed")
    assert figures(module_guard)[0] < resident + 4096, "it keeps memory"


class Client(socket.socket):
    """A connection to the control socket."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(socket.AF_UNIX)
        self.settimeout(PATIENCE)
        self.connect(str(guard.socket))
        self._rest = b""

    def say(self, data: bytes) -> "Client":
        """Send as much as is taken: who says too much may be cut off in the middle."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sendall(data)
        return self

    def answer(self) -> dict | None:
        """The next answer; None when the connection ended."""
        while b"\0" not in self._rest:
            try:
                part = self.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                assert not self._rest, f"half an answer: {self._rest!r}"
                return None
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, data: bytes) -> dict | None:
        return self.say(data).answer()


def call(method: str, **parameters: object) -> bytes:
    return json.dumps({"method": f"org.lhguard.{method}", "parameters": parameters}).encode() + b"\0"


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return (b'{"method":"org.lhguard.GetStatus","parameters":{"x":' + opening * depth +
            closing * depth + b"}}\0")


CLOSED = None
INVALID, NO_METHOD, NO_INTERFACE = (f"org.varlink.service.{name}" for name in
                                    ("InvalidParameter", "MethodNotFound", "InterfaceNotFound"))

# What is said, and the error that it brings; CLOSED: none, and the connection ends.
MESSAGES = {
    "nothing": (b"\0", CLOSED),
    "three times nothing": (b"\0\0\0", CLOSED),
    "a web page": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0", CLOSED),
    "half an object": (b'{"method":\0', CLOSED),
    "an array": (b"[]\0", CLOSED),
    "a string": (b'"org.lhguard.GetStatus"\0', CLOSED),
    "null": (b"null\0", CLOSED),
    "two objects": (b"{}{}\0", CLOSED),
    "a comma too many": (b'{"method":"org.lhguard.GetStatus",}\0', CLOSED),
    "a key twice": (b'{"method":"org.lhguard.GetStatus","method":"org.lhguard.Reload"}\0', CLOSED),
    "a parameter twice": (b'{"method":"org.lhguard.Watch","parameters":{"past":1,"past":0}}\0', CLOSED),
    "no UTF-8": (b'{"method":"org.lhguard.\xff"}\0', CLOSED),
    "half a surrogate pair": (b'{"method":"org.lhguard.\\ud800"}\0', CLOSED),
    "overlong UTF-8": (b'{"method":"org.lhguard.\xc0\xae"}\0', CLOSED),
    "a byte order mark": (b'\xef\xbb\xbf{"method":"org.lhguard.GetStatus"}\0', CLOSED),
    "an escaped NUL": (b'{"method":"org.lhguard.GetStatus\\u0000"}\0', CLOSED),
    "a huge number": (call("Watch", past=1 << 64), CLOSED),
    "arrays in arrays, very deep": (nested(10000), CLOSED),
    "objects in objects, very deep": (nested(5000, b'{"x":', b"null}"), CLOSED),
    "arrays in arrays": (nested(500), INVALID),
    "no method": (b"{}\0", INVALID),
    "a method that is a number": (b'{"method":1}\0', INVALID),
    "parameters that are an array": (b'{"method":"org.lhguard.GetStatus","parameters":[]}\0', INVALID),
    "an unknown member": (b'{"method":"org.lhguard.GetStatus","id":7}\0', INVALID),
    "a flag that is a word": (b'{"method":"org.lhguard.GetStatus","more":"yes"}\0', INVALID),
    "upgrade": (b'{"method":"org.lhguard.GetStatus","upgrade":true}\0', INVALID),
    "an unknown field": (call("GetStatus", colour="blue"), INVALID),
    "a field of a wrong type": (call("AddException", action="deny", service=80), INVALID),
    "a field that is an object": (call("AddException", action={}, service="80"), INVALID),
    "ids that are words": (call("RemoveExceptions", ids=["1"]), INVALID),
    "a negative past": (call("Watch", past=-(1 << 63)), INVALID),
    "a fraction": (call("Watch", past=0.5), INVALID),
    "an unknown method": (call("Nothing"), NO_METHOD),
    "another case": (b'{"method":"org.lhguard.getstatus"}\0', NO_METHOD),
    "an unknown interface": (b'{"method":"org.other.GetStatus"}\0', NO_INTERFACE),
    "no interface": (b'{"method":"GetStatus"}\0', NO_INTERFACE),
    "an empty name": (b'{"method":""}\0', NO_INTERFACE),
    "only dots": (b'{"method":"...."}\0', NO_INTERFACE),
    "the longest message": (b'{"method":"' + b"x" * (LONGEST - 14) + b'"}\0', NO_INTERFACE),
    "one byte more": (b'{"method":"' + b"x" * (LONGEST - 13) + b'"}\0', CLOSED),
    "1 MiB": (b'{"method":"' + b"x" * (MIB - 14) + b'"}\0', CLOSED),
    "1 MiB and a byte": (b'{"method":"' + b"x" * (MIB - 13) + b'"}\0', CLOSED),
    "1 MiB of spaces before it": (b" " * MIB + STATUS, CLOSED),
    "1 MiB without an end": (b"x" * MIB, CLOSED),
    "16 MiB of keys": (b"{" + b",".join(b'"%d":0' % n for n in range(MIB)) + b"}\0", CLOSED),
    "as many fields as fit": (call("GetStatus", **{f"x{n}": 0 for n in range(5000)}), INVALID),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(guard: Guard, name: str) -> None:
    message, error = MESSAGES[name]
    with Client(guard) as client:
        answer = client.ask(message)
        if error is CLOSED:
            assert answer is None
        else:
            method = json.loads(message[:-1]).get("method")
            assert_defined(method if isinstance(method, str) else "", [answer])
            assert answer["error"] == error
            assert client.ask(STATUS)["parameters"]["status"]["mode"] == "enforce", "the connection stays"


@pytest.mark.parametrize("how", ["oneway", "more and oneway"])
def test_no_answer_is_wanted(guard: Guard, how: str) -> None:
    more = b',"more":true' if "more" in how else b""
    with Client(guard) as client:
        for method in (b"GetStatus", b"Watch", b"ListConnections", b"Nothing"):
            client.say(b'{"method":"org.lhguard.' + method + b'","oneway":true' + more + b"}\0")
        assert "status" in client.ask(STATUS)["parameters"], "it was answered all the same"


def test_one_byte_at_a_time(guard: Guard) -> None:
    with Client(guard) as client:
        for byte in STATUS * 3:
            client.say(bytes([byte]))
        assert [client.answer()["parameters"].keys() for _ in range(3)] == [{"status"}] * 3


def test_half_a_message(guard: Guard) -> None:
    """Those who end in the middle of what they say have said nothing."""
    reload = call("Reload")
    for length in (1, 10, len(reload) - 1):
        with Client(guard) as client:
            client.say(reload[:length])
            client.shutdown(socket.SHUT_WR)
            assert client.answer() is None


def test_pipelined(guard: Guard) -> None:
    """Many calls at once are answered in order; what is wrong among them is told in its place."""
    with Client(guard) as client:
        client.say((STATUS + call("Nothing")) * 200)
        for _ in range(200):
            assert "status" in client.answer()["parameters"]
            assert client.answer()["error"] == NO_METHOD
        client.say(STATUS + b"nonsense\0" + STATUS)
        assert "status" in client.answer()["parameters"]
        assert client.answer() is None


def test_descriptors_that_come_along(guard: Guard) -> None:
    """They are not kept, and nobody's is kept open by them."""
    with Client(guard) as client:
        client.ask(STATUS)
        before = figures(guard)[1]
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                for _ in range(50):
                    socket.send_fds(client, [STATUS], [theirs.fileno()] * 20)
                    assert "status" in client.answer()["parameters"]
            ours.settimeout(PATIENCE)
            assert ours.recv(1) == b"", "somebody has the other end"
        wait_for(lambda: figures(guard)[1] <= before, "descriptors to be closed")


def test_who_asks_and_does_not_listen(guard: Guard) -> None:
    """It is read from no more, and costs one answer; the others are served."""
    resident = figures(guard)[0]
    with Client(guard) as flood, Client(guard) as other:
        flood.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 64 * MIB:
                sent += flood.send(STATUS * 64)
        assert sent < 8 * MIB, "it goes on reading"
        assert "status" in other.ask(STATUS)["parameters"]
        assert figures(guard)[0] < resident + 4096


def test_who_watches_and_does_not_listen(host, guest, guard: Guard) -> None:
    """It loses events, and is told how many once it listens."""
    with Client(guard) as watcher:
        assert watcher.ask(call("Watch", past=0)[:-2] + b',"more":true}\0')["parameters"] == \
            {"event": None, "lost": 0}
        resident = figures(guard)[0]
        first = guard.status()["attempts"]
        for start in range(20000, 21000, 25):
            guest.probe([Target("udp", "10.22.0.1", port) for port in range(start, start + 25)], 0.1)
        wait_for(lambda: guard.status()["attempts"] - first >= 1000, "all of them")
        made = guard.status()["attempts"] - first
        assert figures(guard)[0] < resident + 4096
        told, lost = set(), 0
        watcher.settimeout(2)
        with contextlib.suppress(TimeoutError):  # nothing more is on its way
            while True:
                answer = watcher.answer()["parameters"]
                told.add(answer["event"]["id"])
                lost += answer["lost"]
        watcher.settimeout(PATIENCE)
        # What was lost behind the last is told with the next.
        guest.probe([Target("udp", "10.22.0.1", 21000)], 0.1)
        answer = watcher.answer()["parameters"]
        told.add(answer["event"]["id"])
        lost += answer["lost"]
        assert 100 < len(told) < made, "it was waited for"
        assert len(told) + lost == made + 1


IDLE = 200


def test_idle_clients(host, guard: Guard) -> None:
    """200 of them cost some descriptors, little memory, and no verdict."""
    resident, descriptors = figures(guard)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Client(guard)) for _ in range(IDLE)]
        for client in idle[::2]:
            client.say(b'{"method":"org.lhguard.GetSta')
        wait_for(lambda: figures(guard)[1] >= descriptors + IDLE, "the clients to be taken")
        assert figures(guard)[0] < resident + 4096
        assert [answer.open for answer in host.probe([SERVICE] * 20, 3.0)] == [True] * 20
        assert guard.status()["mode"] == "enforce"
        for client in idle[::2]:
            assert "status" in client.ask(b'tus"}\0')["parameters"]


def test_too_many_clients(guard: Guard) -> None:
    """300: those over the limit are turned away at once; when some go, others come."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(guard))]
        clients[0].ask(STATUS)  # so those of before have been seen to go
        clients += [stack.enter_context(Client(guard)) for _ in range(299)]
        answers = [client.ask(STATUS) for client in clients]
        assert all(answers[:256]) and not any(answers[256:])
        clients[0].close()
        wait_for(lambda: Client(guard).ask(STATUS), "room for another")
    wait_for(lambda: guard.cli("status").status == 0, "room for the CLI")


TAKE_ALL = """
import socket, sys
taken = []
for _ in range(300):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(sys.argv[1])
    try:
        client.sendall(b'{"method":"org.varlink.service.GetInfo"}\\0')
        if client.recv(65536):
            taken.append(client)
    except (BrokenPipeError, ConnectionResetError):
        pass
print(len(taken), flush=True)
sys.stdin.read()
"""


def test_others_cannot_take_roots_place(guard: Guard) -> None:
    """The socket is open to all, for polkit to be asked: one user gets a few places of it."""
    process = spawn(["setpriv", "--reuid=64124", "--regid=64124", "--clear-groups", sys.executable, "-c",
                     TAKE_ALL, guard.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert int(process.stdout.readline()) == 32
        with Client(guard) as client:
            assert "status" in client.ask(STATUS)["parameters"]
        assert guard.status()["mode"] == "enforce"
    finally:
        end(process)
