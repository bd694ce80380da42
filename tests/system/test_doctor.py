# SPDX-License-Identifier: GPL-2.0-or-later
"""`lhguard doctor` finds on this host what keeps the guard from its work, and what the guard cannot see."""

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess

import pytest

from lab.guard import Guard, Said
from lab.guests import PodmanGuest
from lab.host import Target
from lab.standins import Process, Standin
from lab.system import BUILD, Cleanup, end, wait_for

NETLINK_NETFILTER = 12


def checks_of(said: Said) -> dict[str, dict]:
    return {check["name"]: check for check in said.json["checks"]}


def check(guard: Guard, name: str) -> dict:
    return checks_of(guard.cli("doctor", "--json"))[name]


def hold_queue(number: int) -> socket.socket:
    """Bind an NFQUEUE as any program of this kind does (linux/netfilter/nfnetlink_queue.h)."""
    queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    queue.bind((0, 0))
    body = struct.pack("=BBHHHBBH", 0, 0, socket.htons(number), 8, 1, 1, 0, 0)
    queue.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | 2, 1 | 4, 1, 0) + body)
    assert struct.unpack_from("=i", queue.recv(4096), 16) == (0,)
    return queue


def test_all_is_well(lab, guard: Guard) -> None:
    """What the guard needs is here: nothing of it is a problem, and the exit status says so."""
    said = guard.cli("doctor", "--json")
    states = {name: found["state"] for name, found in checks_of(said).items()}
    for name in ("capabilities", "own-view", "queues", "other-queues", "queue-expression", "socket-cgroup",
                 "cgroups", "process-events", "cut-connections", "bridge-netfilter"):
        assert states[name] == "ok", checks_of(said)[name]
    assert said.status == 0 and "problem" not in states.values()
    assert "0 problems" in guard.must("doctor").error


def test_from_another_namespace(lab, guard: Guard) -> None:
    """It looks where the daemon guards, not where it was started."""
    done = subprocess.run([str(BUILD / "lhguard"), "--socket", str(guard.socket), "doctor", "--json"],
                          capture_output=True, text=True, timeout=20)
    found = checks_of(Said(done.returncode, done.stdout, done.stderr))
    assert found["queues"]["state"] == "ok" and found["own-view"]["state"] == "ok"
    assert any(f"pid {lab.guests.slirp.process.pid}" in text for text in found["slirp4netns"]["found"])


def test_settings_that_open_the_host(lab, guard: Guard) -> None:
    """Real conduits by their real options, and containers that share the host's network."""
    found = checks_of(guard.must("doctor", "--json"))
    slirp, pasta = found["slirp4netns"], found["pasta"]
    assert slirp["state"] == pasta["state"] == found["host-network"]["state"] == "warning"
    assert any(f"pid {lab.guests.slirp.process.pid})" in text for text in slirp["found"])
    assert not any(f"pid {lab.guests.slirp_lan.process.pid})" in text for text in slirp["found"])
    mine = [text for text in pasta["found"] if f"pid {lab.guests.pasta.process.pid})" in text]
    assert any("-T auto" in text for text in mine) and any("--no-map-gw" in text for text in mine)
    assert "container:web" in found["host-network"]["found"]
    assert "container:bridged" not in found["host-network"]["found"]


def test_route_localnet(lab, guard: Guard) -> None:
    assert "br0" not in check(guard, "route-localnet")["found"]
    lab.host.sysctl("net.ipv4.conf.br0.route_localnet=1")
    try:
        found = check(guard, "route-localnet")
        assert found["state"] == "warning" and "br0" in found["found"]
        assert "route_localnet=0" in guard.must("doctor").output
    finally:
        lab.host.sysctl("net.ipv4.conf.br0.route_localnet=0")
    assert "br0" not in check(guard, "route-localnet")["found"]


@pytest.mark.parametrize("rule,state,words", [
    (("-j", "ACCEPT"), "ok", "OUTPUT at -300"),
    (("-j", "CT", "--notrack"), "warning", "NOTRACK"),
    (("-j", "NFQUEUE", "--queue-num", "7"), "warning", "QUEUES packets to 7"),
    (("-j", "NFQUEUE", "--queue-num", "27702"), "problem", "27702, which is the guard's"),
], ids=["accept", "notrack", "queue", "our-queue"])
def test_firewall_tables(lab, guard: Guard, rule: tuple[str, ...], state: str, words: str) -> None:
    """The raw table of iptables, which packets pass before the guard's."""
    def others() -> list[str]:
        return [text for text in check(guard, "firewall-tables")["found"] if "table ip raw" in text]

    assert others() == []
    lab.host.run("iptables-nft", "-t", "raw", "-A", "OUTPUT", "-s", "192.0.2.1", *rule)
    try:
        said = guard.cli("doctor", "--json")
        found = checks_of(said)["firewall-tables"]
        assert words in others()[0] and found["state"] == state
        assert said.status == (1 if state == "problem" else 0)
    finally:
        lab.host.run("nft", "delete", "table", "ip", "raw")
    assert others() == []


def test_whose_table(lab, guard: Guard) -> None:
    """Firewalls are known by the names that they use; a chain behind the guard's is in nobody's way."""
    lab.host.run("nft", "add", "table", "inet", "firewalld")
    try:
        lab.host.run("nft", "add", "chain", "inet", "firewalld", "late",
                     "{ type filter hook input priority 100; }")
        assert not any("firewalld" in text for text in check(guard, "firewall-tables")["found"])
        lab.host.run("nft", "add", "chain", "inet", "firewalld", "filter_INPUT",
                     "{ type filter hook input priority 0; }")
        assert any("inet firewalld (firewalld): filter_INPUT at 0" in text
                   for text in check(guard, "firewall-tables")["found"])
    finally:
        lab.host.run("nft", "delete", "table", "inet", "firewalld")


def test_other_queues(lab, guard: Guard) -> None:
    """Another program that gives verdicts is named."""
    assert check(guard, "other-queues")["found"] == []
    with lab.host.netns.call(lambda: hold_queue(77)):
        found = check(guard, "other-queues")
    assert found["state"] == "warning"
    assert any(text.startswith("queue 77: held by") and f"(pid {os.getpid()})" in text
               for text in found["found"])


def test_queues_that_somebody_else_holds(lab, guard: Guard) -> None:
    """Why lhguardd would not start: somebody has its number."""
    guard.stop()
    try:
        said = guard.cli("doctor", "--json")
        assert checks_of(said)["queues"]["state"] == "ok" and said.status == 3
        with lab.host.netns.call(lambda: hold_queue(27702)):
            found = check(guard, "queues")
        assert found["state"] == "problem" and f"(pid {os.getpid()})" in found["found"][0]
    finally:
        guard.start()


def test_for_those_who_may_not_look(lab, guard: Guard) -> None:
    """Who is not root gets what there is, and is told that it is not all."""
    said = guard.cli("doctor", "--json", uid=4242)
    found = checks_of(said)
    assert said.status == 4
    assert found["own-view"]["state"] == "warning" and found["host-network"]["state"] == "unknown"
    assert found["cut-connections"]["state"] == "unknown"
    assert found["capabilities"]["state"] == "ok"  # it is running


def spots(guard: Guard) -> dict[str, dict]:
    return {spot["name"]: spot for spot in guard.must("doctor", "--json").json["blindSpots"]}


def test_abstract_sockets(lab, guard: Guard) -> None:
    """A listener that a host-net container could reach by its name alone."""
    def listen() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind("\0lhg-doctor\x1b")
        made.listen()
        return made

    with lab.host.netns.call(listen):
        found = spots(guard)["abstract-sockets"]
        said = guard.must("doctor").output
    assert found["state"] == "found"
    assert any("@lhg-doctor" in text for text in found["found"])
    assert "@lhg-doctor" in said and "\x1b" not in said
    assert not any("@lhg-doctor" in text for text in spots(guard)["abstract-sockets"]["found"])


def listen_on_vsock() -> socket.socket | None:
    """For every guest, on a free port; None: the kernel has no AF_VSOCK."""
    try:
        made = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    except OSError as error:
        assert error.errno == errno.EAFNOSUPPORT
        return None
    made.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
    made.listen()
    return made


def lists_vsock() -> bool:
    """Whether the kernel has vsock_diag (linux/sock_diag.h, linux/vm_sockets_diag.h)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:  # NETLINK_SOCK_DIAG
        diag.settimeout(5)
        request = struct.pack("=BBHIIIII", socket.AF_VSOCK, 0, 0, 1 << 10, 0, 0, 0, 0)
        diag.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0) + request)
        answer = diag.recv(65536)
    is_error = struct.unpack_from("=H", answer, 4) == (2,)
    return not is_error or struct.unpack_from("=i", answer, 16) != (-errno.ENOENT,)


def test_vsock(lab, guard: Guard) -> None:
    """A listener is named where the kernel lists them; where it does not, nobody is told that there is none."""
    with Cleanup() as cleanup:
        listener = lab.host.netns.call(listen_on_vsock)
        if listener:
            cleanup.add(listener.close)
            port = listener.getsockname()[1]
        listed = lab.host.netns.call(lists_vsock)
        spot, said = spots(guard)["vsock"], guard.must("doctor").output
    if not listener:
        assert spot["state"] == "none" and spot["found"] == []
    elif listed:
        assert spot["state"] == "found" and f"port {port}, for every guest" in spot["found"]
        assert f"port {port}, for every guest" in said
    else:
        assert spot["state"] == "not looked at" and ["vsock_diag" in text for text in spot["found"]] == [True]
        assert "vsock_diag" in said and spot["advice"] in said


def test_mounted_sockets(lab, guard: Guard, tmp_path) -> None:
    """A container that has the socket of a container engine is named."""
    with Cleanup() as cleanup, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        guest = PodmanGuest(lab.guests.web.podman, "trusting", cleanup, "host", "--volume",
                            f"{tmp_path}/docker.sock:/run/docker.sock")
        guest.wait_ready()
        wait_for(lambda: "container:trusting has docker.sock" in spots(guard)["mounted-sockets"]["found"],
                 "the container and its socket", step=0.3)


def test_containers_without_a_cgroup(lab, guard: Guard) -> None:
    """Only those on the host's network that have none: not the one with a cgroup, nor the one with a network."""
    found = spots(guard)["without-cgroup"]["found"]
    assert lab.guests.loose.label in found
    assert not {lab.guests.web.label, lab.guests.bridged.label} & set(found)


def test_a_conduit_of_several(lab, guard: Guard) -> None:
    """Two containers in one network namespace that a slirp4netns serves."""
    podman = lab.guests.web.podman
    with Cleanup() as cleanup:
        assert spots(guard)["shared-conduits"]["found"] == []
        PodmanGuest(podman, "upper", cleanup, "slirp4netns:allow_host_loopback=true").wait_ready()
        PodmanGuest(podman, "lower", cleanup, "container:upper").wait_ready()
        guard.wait_conduit("container:upper", "container:lower")
        found = spots(guard)["shared-conduits"]["found"]
        assert len(found) == 1 and found[0].startswith("slirp4netns (pid ")
        assert set(found[0].split(" of ")[1].split(", ")) == {"container:upper", "container:lower"}


def test_shared_folders(lab, guard: Guard, tmp_path) -> None:
    """QEMU's stand in its command line; of a VM of another program it is not known."""
    def shares() -> dict:
        return spots(guard)["shared-folders"]

    assert (shares()["state"], shares()["found"]) == ("none", [])
    with Cleanup() as cleanup:
        process = lab.host.spawn(
            "qemu-system-x86_64", "-name", "guest=sharer", "-machine", "q35,accel=tcg", "-m", "16",
            "-nodefaults", "-display", "none", "-S", "-virtfs",
            f"local,path={tmp_path},mount_tag=x,security_model=none", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cleanup.add(end, process)
        wait_for(lambda: shares()["found"] == ["vm:sharer has -virtfs"], "the shared folder", step=0.3)
        assert shares()["state"] == "found"
    wait_for(lambda: shares()["state"] == "none", "its end", step=0.3)
    with Cleanup() as cleanup:
        standin = Standin(lab.host, tmp_path, cleanup,
                          Process("VBoxHeadless", ("VBoxHeadless", "--comment", "boxed")),
                          target=Target("tcp", "127.0.0.1", 9222))
        standin.wait_ready()
        wait_for(lambda: shares()["state"] == "not looked at", "a VM of another program", step=0.3)
        assert shares()["found"] == ["vm:boxed was not looked at: only QEMU has what it shares on its command line"]
        assert "VBoxManage showvminfo" in shares()["advice"] and shares()["advice"] in guard.must("doctor").output


def test_without_a_daemon(lab, guard: Guard) -> None:
    """What can be told without the daemon is told, and the rest is said not to be known."""
    said = guard.cli("doctor", "--json", "--socket", "/proc/none/socket")
    assert said.status == 3 and "not running" in said.error
    states = {spot["name"]: spot["state"] for spot in said.json["blindSpots"]}
    assert states["mounted-sockets"] == "not looked at"
    (mounted,) = (spot for spot in said.json["blindSpots"] if spot["name"] == "mounted-sockets")
    assert mounted["found"] == ["lhguardd knows the guests, but cannot be asked"]
    assert mounted["advice"] == "look again as root, while lhguardd runs"
    listener = listen_on_vsock()
    if listener:
        listener.close()
    assert states["vsock"] in (("none", "found") if lists_vsock() or not listener else ("not looked at",))
    assert states["forged-mac"] == "cannot be told"
    checks = {name: check["state"] for name, check in checks_of(said).items()}
    assert checks["queue-expression"] == checks["socket-cgroup"] == checks["cut-connections"] == "ok"
    assert checks["capabilities"] == checks["host-network"] == "unknown"
