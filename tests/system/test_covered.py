# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing that the guard claims to know is untried: each runtime, and each line of guests.conf that tells a
process or a cgroup, has a stand-in (standins.py) that is wrong without it, or a real guest (routes.py).

Which line tells a stand-in is found as guests.conf(5) has it: of commands, then of programs by the
executable, then by the names that a process gives itself, the first line that matches; of cgroups the first
node from the root on. A line is tried by a stand-in that it tells and that has to be named by the line's
section: of VMMs, conduits and cgroups by the process that connects, of supervisors and sandboxing programs by
a parent of it. Supervisors and programs of the host are also tried by a stand-in that has to be the host's
though it lives in namespaces of its own, in which any other program is a container.

Interfaces, MAC addresses and libraries are not processes' looks: tests/unit/test_catalogue.c has a row for
each, and fails where one is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

from lab.standins import Process
from lab.system import ROOT
from routes import ROUTES
from standins import HOST_ROWS, ROWS

BY_ITS_OWN_NAMES = ("vmm", "conduit")  # the roles for which argv[0] and comm count
WIRES = ("interface", "mac")
COMM_SIZE = 15

# What each placeholder stands for.
PLACEHOLDERS = {"{id}": "[0-9a-f]{64}", "{build}": "[0-9a-z]{25}", "{uuid}": "[0-9a-fA-F-]{36}",
                "{name}": "[^/]+", "{lossy}": "[^/]+", "*": ".*", "?": "."}


@dataclass(frozen=True)
class Fact:
    """One pattern of a line: @value is the pattern, @argument that of a command."""
    section: str
    key: str
    role: str
    value: str
    argument: str = ""

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} = {self.role} {self.value} {self.argument}".replace("  ", " ").strip()


def read_catalogue() -> tuple[list[str], list[Fact]]:
    """The sections of conf/guests.conf, and the facts of all their lines in their order."""
    sections: list[str] = []
    facts: list[Fact] = []
    for line in (ROOT / "conf/guests.conf").read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            sections.append(line.strip("[]"))
        elif line and line[0] not in "#;":
            key, value = (part.strip() for part in line.split("=", 1))
            words = value.split()
            if key == "program":
                facts += [Fact(sections[-1], key, words[0], word) for word in words[1:]]
            elif key == "command":
                facts += [Fact(sections[-1], key, words[0], words[1], word) for word in words[2:]]
            elif key == "cgroup":
                facts.append(Fact(sections[-1], key, "", value))
            elif key in WIRES:
                facts += [Fact(sections[-1], key, "", word) for word in words]
    return sections, facts


SECTIONS, FACTS = read_catalogue()


def of(key: str) -> list[Fact]:
    return [fact for fact in FACTS if fact.key == key]


def is_program(fact: Fact, path: str) -> bool:
    return fnmatchcase(path if "/" in fact.value else path.rsplit("/", 1)[-1], fact.value)


def is_comm(fact: Fact, comm: str) -> bool:
    """The kernel cuts it."""
    return fnmatchcase(comm, fact.value) or \
        (len(comm) == COMM_SIZE and fact.value[:COMM_SIZE] == comm)


def fact_of_program(process: Process, is_contained: bool) -> Fact | None:
    """What tells a process: a contained one only its executable."""
    path = f"/{process.program.lstrip('/')}"
    name = path.rsplit("/", 1)[-1]
    argv = process.argv or (name,)
    if not is_contained:
        for fact in of("command"):
            if is_program(fact, path) and any(fnmatchcase(word, fact.argument) for word in argv):
                return fact
    for fact in of("program"):
        if is_program(fact, path):
            return fact
    if is_contained:
        return None
    for matches, own in ((is_program, argv[0]), (is_comm, process.comm or name[:COMM_SIZE])):
        for fact in of("program"):
            if fact.role in BY_ITS_OWN_NAMES and matches(fact, own):
                return fact
    return None


def is_node(pattern: str, node: str) -> bool:
    """Does the name of one node match?"""
    words = re.split(r"(\{\w+\}|[*?])", pattern)
    return bool(re.fullmatch("".join(PLACEHOLDERS.get(word, re.escape(word)) for word in words), node))


def fact_of_cgroup(path: str) -> Fact | None:
    """What tells a cgroup."""
    above = ""
    for node in path.split("/"):
        node = re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), node)
        for fact in of("cgroup"):
            parent, _, own = fact.value.rpartition("/")
            if is_node(own, node) and (not parent or is_node(parent, above)):
                return fact
        above = node
    return None


def chains() -> Iterator[tuple[str, tuple[Process, ...]]]:
    """Each stand-in: the runtime that it has to be named by, "" for the host, and its processes."""
    yield from ((row.runtime, row.processes) for row in ROWS)
    yield from (("", processes) for _, processes in HOST_ROWS)


def tried() -> Iterator[Fact]:
    """The facts that some stand-in tries."""
    for runtime, processes in chains():
        cgroup = ""
        for index, process in enumerate(processes):
            cgroup = process.cgroup or cgroup
            told = fact_of_program(process, bool(set(process.unshare.split()) & {"pid", "user"}))
            is_parent = index + 1 < len(processes)
            if not told:
                continue
            if runtime and told.section == runtime and is_parent != (told.role in BY_ITS_OWN_NAMES):
                yield told
            if not runtime and told.role not in BY_ITS_OWN_NAMES and process.unshare:
                yield told
        told = fact_of_cgroup(cgroup)
        if told and told.section == runtime:
            yield told


TRIED = set(tried())
REAL = {route.guest: route.runtime for route in ROUTES}
NAMED = {row.what for row in ROWS}


@pytest.mark.parametrize("fact", [fact for fact in FACTS if fact.key not in WIRES], ids=str)
def test_each_line_has_a_stand_in(fact: Fact) -> None:
    assert fact in TRIED, f"no stand-in is told by {fact}: add a row to standins.py"


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_a_guest(section: str) -> None:
    """One whose lines are all of wires has none of its own: see the top."""
    facts = [fact for fact in FACTS if fact.section == section]
    assert facts, f"[{section}] tells nothing"
    assert section in {row.runtime for row in ROWS} | set(REAL.values()) | {fact.section for fact in TRIED} \
        or all(fact.key in WIRES for fact in facts), f"no guest is of [{section}]"


# What the guard is to know, and what tries each: stand-ins by their names in standins.py, real guests as
# "real NAME" (routes.py), and wires as their patterns stand in guests.conf.
RUNTIMES = {
    "Docker, systemd's cgroups": ("docker-systemd",),
    "Docker, cgroupfs": ("docker-cgroupfs",),
    "Docker, rootless": ("docker-rootless", "docker-rootless-named", "docker-rootless-helper"),
    "Docker, BuildKit": ("docker-build", "docker-build-cgroupfs"),
    "Podman, rootful": ("podman-systemd", "real web", "real bridged"),
    "Podman, rootless": ("podman-rootless", "real rootless"),
    "Podman, Quadlet": ("podman-quadlet", "real unit"),
    "podman machine": ("podman-machine", "podman-machine-gvproxy"),
    "containerd": ("containerd-ctr",),
    "containerd, nerdctl": ("containerd-nerdctl", "containerd-nerdctl-cgroupfs"),
    "containerd, nerdctl, rootless": ("nerdctl-rootless",),
    "Kubernetes, kubelet": ("kubernetes-containerd", "kubernetes-cgroupfs", "kubernetes-pod"),
    "Kubernetes, CRI-O": ("kubernetes-crio",),
    "Kubernetes, CNI": ("interface cali*", "interface flannel.*", "interface cilium_*",
                        "interface kube-bridge", "interface cni*"),
    "LXC": ("real lxc", "lxc-at-boot"),
    "LXD containers": ("lxd-container", "lxd-starting"),
    "LXD VMs": ("lxd-vm",),
    "Incus containers": ("incus-container", "incus-starting"),
    "Incus VMs": ("incus-vm",),
    "systemd-nspawn": ("nspawn-by-hand", "real attic", "real lodger", "real loft"),
    "systemd-vmspawn": ("vmspawn", "vmspawn-unit", "interface vt-*"),
    "libvirt, system": ("libvirt-machined", "real agent", "real rack"),
    "libvirt, session": ("real boxes",),
    "plain QEMU": ("real devbox", "real builder", "real edge"),
    "GNOME Boxes": ("real boxes",),
    "Multipass": ("multipass", "interface mpqemubr*"),
    "Lima": ("lima-host-agent", "lima-vm"),
    "VirtualBox, NAT": ("virtualbox-headless", "virtualbox-window"),
    "VirtualBox, NAT network": ("virtualbox-nat-network",),
    "VirtualBox, host-only": ("interface vboxnet*",),
    "VirtualBox, bridged": ("mac 08:00:27",),
    "VMware, NAT": ("vmware", "vmware-nat"),
    "VMware, host-only": ("interface vmnet*",),
    "VMware, bridged": ("mac 00:0c:29",),
    "Firecracker": ("firecracker",),
    "Cloud Hypervisor": ("cloud-hypervisor",),
    "crosvm": ("crosvm",),
    "libkrun": ("libkrun",),
    "muvm": ("muvm",),
    "Kata": ("kata",),
    "gVisor": ("gvisor", "gvisor-in-docker"),
    "Waydroid": ("waydroid",),
    "Android emulator": ("android-emulator",),
    "Docker Desktop": ("docker-desktop",),
    "gvproxy": ("podman-machine-gvproxy",),
    "vpnkit": ("vpnkit",),
    "rootlesskit": ("rootlesskit",),
    "distrobox": ("distrobox",),
    "toolbox": ("toolbox",),
}


@pytest.mark.parametrize("what", RUNTIMES)
def test_each_runtime_has_a_guest(what: str) -> None:
    there = NAMED | {f"real {guest}" for guest in REAL} | \
        {f"{fact.key} {fact.value}" for fact in FACTS if fact.key in WIRES}
    assert RUNTIMES[what] and set(RUNTIMES[what]) <= there, \
        f"{what}: there is no {', '.join(set(RUNTIMES[what]) - there) or 'guest'}"
