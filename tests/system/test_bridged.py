# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows 13 and 14: VMs bridged onto the host's own adapter, told from LAN peers by their MAC address.

No VirtualBox and no VMware can run here, so three things are stand-ins. The wire: `eth0` is a veth that
the configuration says leads to the LAN, and peers with MAC addresses of their choice are at its other
end; a bridged VM's frames come in by the adapter just so. The VMM: a shell under the VMM's name, with
its arguments, its open log and its configuration file. The driver: the guard sees a /proc/misc where the
number of /dev/net/tun is that of VirtualBox's and VMware's. The macvtap and the bridge are real, and so
are their VMs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import packets
from lab.guard import CONFIG, guarded
from lab.guests import BridgedVm, NetnsGuest, VethGuest, Vm, link_mac
from lab.host import Host, Target
from lab.system import Cleanup, Netns, end, wait_for

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
HOST4, HOST6 = "198.51.100.1", "2001:db8:51::1"
BOX, TWIN = f"box-{os.getpid()}", f"twin-{os.getpid()}"  # other guests may run on the machine
UUID = "5f1f0a3c-60e7-4d7c-8c5a-6d5f6f6a7b01"
VBOX_MAC, STRANGER_MAC, VMWARE_MAC = "08:00:27:0a:0b:0c", "08:00:27:99:99:99", "00:0c:29:0a:0b:0d"
CHOSEN_MAC, ORDINARY_MAC = "02:11:22:33:44:55", "00:1b:21:0a:0b:0e"

SERVICES = [Target(protocol, address, 8080) for address in (HOST4, HOST6)
            for protocol in ("tcp", "udp")]
every_service = pytest.mark.parametrize("target", SERVICES, ids=str)


class Peer(NetnsGuest):
    """A machine at the other end of eth0, with a MAC address of its choice."""

    kind = "vm"

    def __init__(self, host: Host, wire: Netns, suffix: str, number: int, cleanup: Cleanup,
                 mac: str) -> None:
        super().__init__(host, suffix, cleanup)
        self.mac, self.ip4 = mac, f"198.51.100.{number}"
        wire.ip("link", "add", "link", "wire0", "name", "eth0", "netns", self.netns.name, "address",
                mac, "type", "macvlan", "mode", "private")  # past each other, as on a wire
        self.netns.ip("link", "set", "eth0", "up")
        self.netns.ip("addr", "add", f"{self.ip4}/24", "dev", "eth0")
        self.netns.ip("addr", "add", f"2001:db8:51::{number}/64", "dev", "eth0")


DEVICE = (10, 200)  # major and minor number of /dev/net/tun
MISC = f"{DEVICE[1]} vboxdrv\n{DEVICE[1]} vmmon\n"
WITH_DRIVERS = ("unshare", "--mount", "--propagation", "slave", "sh", "-c",
                'mount --bind "$0" /proc/misc && exec "$@"')


@dataclass(frozen=True)
class Driver:
    """What a VMM holds under the name of its driver's device.

    @number: of that device, None for none
    @contained: it is in a pid namespace of its own all the while
    """
    number: tuple[int, int] | None = DEVICE
    contained: bool = False


LOADED = Driver()
CLAIMS = {"nothing": Driver(None), "another-device": Driver((1, 3)),
          "contained": Driver(contained=True)}


class Vmm:
    """A process that looks like a VMM of this host (stand-in)."""

    device = ""

    def __init__(self, host: Host, program: str, script: str, *arguments: str, driver: Driver) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lhg-vmm-"))
        executable = self.folder / program
        shutil.copy(os.path.realpath("/bin/sh"), executable)
        stage: tuple[str, ...] = ()
        if driver.number:
            numbers = " ".join(map(str, driver.number))
            pid = ("--pid", "--fork", "--kill-child") if driver.contained else ()
            stage = ("unshare", "--mount", *pid, "sh", "-c", "set -e; mount -t tmpfs none /dev; "
                     f'mknod {self.device} c {numbers}; exec 8<>{self.device}; exec "$0" "$@"')
        self.process = host.spawn(*stage, executable, "-c", f"{script} read forever",
                                  *arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        end(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class VirtualBox(Vmm):
    """With one adapter, or without a configuration that anybody could read."""

    device = "/dev/vboxdrv"

    def __init__(self, host: Host, name: str, mac: str | None, driver: Driver = LOADED) -> None:
        self.machine = Path(tempfile.mkdtemp(prefix="lhg-vbox-"))
        (self.machine / "Logs").mkdir()
        log = self.machine / "Logs" / "VBox.log"
        if mac:
            self.write(name, mac)
        super().__init__(host, "VBoxHeadless", f'exec 7>"{log}";', "--comment", name, "--startvm",
                         UUID, "--no-startvm-errormsgbox", driver=driver)

    def write(self, name: str, *macs: str) -> None:
        adapters = "".join(f'<Adapter slot="{slot}" enabled="true" type="82540EM" '
                           f'MACAddress="{mac.replace(":", "").upper()}"/>'
                           for slot, mac in enumerate(macs))
        (self.machine / f"{name}.vbox").write_text(
            f'<VirtualBox><Machine uuid="{{{UUID}}}" name="{name}"><Hardware><Network>{adapters}'
            "</Network></Hardware></Machine></VirtualBox>")

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.machine, ignore_errors=True)


class Vmware(Vmm):
    device = "/dev/vmmon"

    def __init__(self, host: Host, name: str, mac: str, driver: Driver = LOADED) -> None:
        self.machine = Path(tempfile.mkdtemp(prefix="lhg-vmware-"))
        configuration = self.machine / f"{name}.vmx"
        configuration.write_text('.encoding = "UTF-8"\nethernet0.addressType = "generated"\n'
                                 f'ethernet0.generatedAddress = "{mac.upper()}"\n')
        super().__init__(host, "vmware-vmx", "", "-s", "vmx.stdio.keep=TRUE", str(configuration),
                         driver=driver)

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.machine, ignore_errors=True)


class Place:
    """A host with a LAN wire, its services and its guard."""

    def __init__(self, cleanup: Cleanup) -> None:
        self.cleanup = cleanup
        self.host = Host(cleanup, lan=False)
        self.wire = Netns(f"{self.host.name}-wire", cleanup)
        self.host.ip("link", "add", "eth0", "type", "veth", "peer", "name", "wire0", "netns",
                     self.wire.name)
        self.wire.ip("link", "set", "wire0", "up")
        self.host.ip("link", "set", "eth0", "up")
        self.host.ip("addr", "add", f"{HOST4}/24", "dev", "eth0")
        self.host.ip("addr", "add", f"{HOST6}/64", "dev", "eth0")
        self.host.serve(Target("tcp", "0.0.0.0", 8080), Target("tcp", "::", 8080),
                        Target("udp", "0.0.0.0", 8080), Target("udp", "::", 8080))
        for number, (name, mac) in enumerate([("vm", VBOX_MAC), ("stranger", STRANGER_MAC),
                                              ("ordinary", ORDINARY_MAC), ("chosen", CHOSEN_MAC),
                                              ("vmware", VMWARE_MAC),
                                              ("own", link_mac(self.host.netns, "eth0"))], 11):
            setattr(self, name, Peer(self.host, self.wire, name, number, cleanup, mac))
        misc = Path(tempfile.mkdtemp(prefix="lhg-misc-")) / "misc"
        cleanup.add(shutil.rmtree, misc.parent)
        misc.write_text(MISC)
        self.guard = guarded(self.host, cleanup, CONFIG + "[interfaces]\nlan = eth0 host0 nic0\n",
                             (*WITH_DRIVERS, str(misc)))
        self.events = self.guard.events()

    @property
    def queued(self) -> int:
        return next(queue["packets"] for queue in self.guard.status()["queues"]
                    if queue["name"] == "guests")

    def knows(self, label: str) -> None:
        wait_for(lambda: label in {g["label"] for g in self.guard.guests()}, label)

    def filters(self, address: str, name: str = "vm_macs") -> bool:
        """Does the table's set hold this address or prefix?"""
        return address in self.host.run("nft", "list", "set", "inet", "lhguard", name)


@pytest.fixture(scope="module")
def place(machine):
    with Cleanup() as cleanup:
        yield Place(cleanup)


@pytest.fixture
def vmm(place):
    """Start VMMs that end with the test."""
    with Cleanup() as cleanup:
        def start(kind: type, *arguments) -> Vmm:
            started = kind(place.host, *arguments)
            cleanup.add(started.stop)
            return started
        yield start
    place.guard.forget()
    wait_for(lambda: not {g["label"] for g in place.guard.guests() if g["kind"] == "vm"} &
             {f"vm:{BOX}", f"vm:{TWIN}"}, "the end of the VMMs")


@pytest.fixture
def box(place, vmm) -> VirtualBox:
    started = vmm(VirtualBox, BOX, VBOX_MAC)
    place.knows(f"vm:{BOX}")
    wait_for(lambda: place.filters(VBOX_MAC), "its address in the table")
    return started


def is_one_of(label: str, *names: str) -> bool:
    """Other VMs of that maker may run on the machine, and are named beside @names."""
    prefix = "vm:one of: "
    return label.startswith(prefix) and set(names) <= set(label.removeprefix(prefix).split(", "))


def refused(place, peer: Peer, target: Target, name: str, shared: bool = False) -> dict:
    """Ask in vain, and be told by @name: of one VM, or of several of which it may be."""
    mark = place.events.mark()
    answer = peer.ask(target, 0.5)
    assert answer.reply is None and not place.host.services.saw(answer.token)
    event = place.events.wait(lambda e: e["verdict"] == "drop" and e["service"]["port"] == 8080 and
                              e["service"]["protocol"] == target.protocol, mark)
    label = event["source"]["label"]
    assert is_one_of(label, name) if shared else label == f"vm:{name}", event
    assert event["service"]["address"] == target.address
    assert event["route"] == "lan" and event["interface"] == "eth0"
    return event


@every_service
def test_without_a_vmm_all_are_lan_peers(place, target: Target) -> None:
    before = place.queued
    for peer in (place.vm, place.stranger, place.ordinary, place.chosen, place.vmware, place.own):
        assert peer.ask(target, 3.0).open, peer.name
    assert place.queued == before, "a LAN peer was queued"


@every_service
def test_bridged_vm_is_refused_by_name(place, box, target: Target) -> None:
    event = refused(place, place.vm, target, BOX)
    assert event["source"]["runtime"] == "virtualbox"
    place.guard.must("allow", "8080", "--from", f"vm:{BOX}")
    assert place.vm.ask(target, 3.0).open


@every_service
def test_lan_peers_are_not_queued_beside_it(place, box, target: Target) -> None:
    before = place.queued
    for peer in (place.ordinary, place.chosen, place.vmware):
        assert peer.ask(target, 3.0).open, peer.name
    assert place.queued == before, "a LAN peer was queued"


@every_service
def test_same_maker_elsewhere_is_a_lan_peer(place, box, target: Target) -> None:
    """All configurations were read, and none has this address: it is somebody else's VM."""
    assert place.stranger.ask(target, 3.0).open


def test_vm_that_ends_leaves_a_lan_peer(place, box) -> None:
    refused(place, place.vm, SERVICES[0], BOX)
    box.stop()
    wait_for(lambda: not place.filters(VBOX_MAC), "the table without it")
    before = place.queued
    assert place.vm.ask(SERVICES[0], 3.0).open
    assert place.queued == before


def test_address_of_no_maker(place, vmm) -> None:
    """An address that the owner chose for the VM names it like any other."""
    vmm(VirtualBox, BOX, CHOSEN_MAC)
    wait_for(lambda: place.filters(CHOSEN_MAC), "its address in the table")
    refused(place, place.chosen, SERVICES[0], BOX)


def test_unread_configuration_may_have_any_address(place, vmm) -> None:
    """It is refused, and no exception by name opens it; one for the runtime does."""
    vmm(VirtualBox, BOX, None)
    place.knows(f"vm:{BOX}")
    wait_for(lambda: place.filters("08:00:27", "vm_prefixes"), "its prefix in the table")
    refused(place, place.stranger, SERVICES[0], BOX, shared=True)
    place.guard.must("allow", "8080", "--from", f"vm:{BOX}")
    refused(place, place.stranger, SERVICES[0], BOX, shared=True)
    place.guard.must("allow", "8080", "--from", "virtualbox:*")
    assert place.stranger.ask(SERVICES[0], 3.0).open
    assert place.ordinary.ask(SERVICES[0], 3.0).open


def test_new_adapter(place, box) -> None:
    """A VM that gets another adapter while it runs is known by that soon after its first packet."""
    box.write(BOX, VBOX_MAC, STRANGER_MAC)
    place.stranger.ask(SERVICES[1])
    wait_for(lambda: place.filters(STRANGER_MAC), "the new address in the table")
    refused(place, place.stranger, SERVICES[0], BOX)


def test_clones_are_not_told_apart(place, box, vmm) -> None:
    vmm(VirtualBox, TWIN, VBOX_MAC)
    place.knows(f"vm:{TWIN}")
    wait_for(lambda: place.vm.ask(SERVICES[1], 0.3).reply is None and
             [e for e in place.events.since() if is_one_of(e["source"]["label"], BOX, TWIN)],
             "both names")


@every_service
def test_vmware_on_wifi_has_the_hosts_address(place, vmm, target: Target) -> None:
    """Its frames bear the adapter's own address: it is one of the VMs, whatever its configuration has."""
    vm = vmm(Vmware, BOX, VMWARE_MAC)
    place.knows(f"vm:{BOX}")
    wait_for(lambda: place.filters(VMWARE_MAC), "its address in the table")
    refused(place, place.vmware, target, BOX)
    refused(place, place.own, target, BOX, shared=True)
    assert place.ordinary.ask(target, 3.0).open
    vm.stop()
    wait_for(lambda: not place.filters(VMWARE_MAC), "the table without it")
    assert place.own.ask(target, 3.0).open


def runtime_of(place, vm: Vmm) -> str | None:
    """By the guard, as whose guest it counts."""
    pid = vm.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next((g["runtime"] for g in place.guard.guests()
                 if str(g["leader"]) in (str(pid), *children)), None)


@pytest.mark.parametrize("driver", CLAIMS.values(), ids=CLAIMS)
@pytest.mark.parametrize("kind, runtime", [(VirtualBox, "virtualbox"), (Vmware, "vmware")])
def test_who_has_no_driver_claims_no_address(place, vmm, kind: type, runtime: str,
                                             driver: Driver) -> None:
    """Any process may take a VMM's name and write another machine's address into a file."""
    vm = vmm(kind, BOX, ORDINARY_MAC, driver)
    # What is contained is not even believed to be a VMM.
    known_as = "contained" if driver is CLAIMS["contained"] else runtime
    wait_for(lambda: runtime_of(place, vm) == known_as, "the guest")
    time.sleep(0.5)  # it is looked at three times at least
    mark, before = place.events.mark(), place.queued
    for peer in (place.ordinary, place.stranger, place.vmware, place.own):
        assert peer.ask(SERVICES[0], 3.0).open, peer.name
    assert place.queued == before, "a LAN peer was queued"
    assert not [e for e in place.events.since(mark) if e["source"]["label"] != "host"]
    assert not place.filters(ORDINARY_MAC)


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_a_routers_address_is_no_vms(place, vmm, family: str) -> None:
    """Or all that comes through the router would be the VM's."""
    host, router = place.host, place.ordinary
    gateway = router.ip4 if family == "-4" else router.ip4.replace("198.51.100.", "2001:db8:51::")
    services = [target for target in SERVICES if (":" in target.address) == (family == "-6")]
    assert router.ask(services[0], 3.0).open  # the host has resolved its address
    host.ip(family, "route", "add", "default", "via", gateway, "dev", "eth0")
    try:
        vmm(VirtualBox, BOX, ORDINARY_MAC)
        wait_for(lambda: place.filters("08:00:27", "vm_prefixes"), "the prefixes of a VM that runs")
        wait_for(lambda: "MAC address of a router" in place.guard.log_text(), "a warning")
        time.sleep(0.5)
        before = place.queued
        for target in services:
            assert router.ask(target, 3.0).open
        assert place.queued == before and not place.filters(ORDINARY_MAC)
    finally:
        host.ip(family, "route", "del", "default")


def test_a_claim_is_told_once(place, vmm) -> None:
    def warnings() -> int:
        return place.guard.log_text().count("is called as a VMM of ")

    vmm(Vmware, BOX, ORDINARY_MAC, CLAIMS["nothing"])
    vmm(VirtualBox, TWIN, ORDINARY_MAC, CLAIMS["nothing"])
    wait_for(warnings, "the warning")
    time.sleep(1)
    assert warnings() == 1


@pytest.fixture
def tun(place):
    """A tun of the host, such as a VPN has: it leads to others, and has no Ethernet header."""
    host = place.host

    def attach() -> int:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"tun-lan", IFF_TUN | IFF_NO_PI))
        return fd

    fd = host.netns.call(attach)
    host.ip("link", "set", "tun-lan", "up")
    host.ip("addr", "add", "2001:db8:54::1/64", "dev", "tun-lan")
    yield fd
    os.close(fd)


def test_interface_without_ethernet_header(place, vmm, tun: int) -> None:
    """Where no source address can be, none is read: the bytes that would be there are a VM's address."""
    vmm(VirtualBox, BOX, "06:40:20:01:0d:b8")  # TCP, 64 hops, 2001:db8…
    wait_for(lambda: place.filters("06:40:20:01:0d:b8"), "its address in the table")
    before = place.queued
    source, target = "2001:db8:54::2", "2001:db8:54::1"
    packet = packets.ip6(source, target, packets.TCP,
                         packets.tcp(source, target, 8080, packets.SYN, client_port=40000))
    assert packet[6:12].hex(":") == "06:40:20:01:0d:b8"
    os.write(tun, packet)

    def answer() -> bool:
        try:
            reply = os.read(tun, 2048)
        except BlockingIOError:
            return False
        return reply[6] == packets.TCP and reply[53] == packets.SYN | packets.ACK
    wait_for(answer, "the service's answer")
    assert place.queued == before


class MacvtapVm(Vm):
    """A real VM on a macvtap on eth0."""

    def __init__(self, host: Host, name: str, cleanup: Cleanup, interface: str, ip4: str,
                 ip6: str) -> None:
        host.ip("link", "add", "link", "eth0", "name", interface, "type", "macvtap", "mode", "bridge")
        cleanup.add(host.ip, "link", "del", interface)
        index = host.ip("-o", "link", "show", interface).split(":")[0]
        device = host.run("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && "
                          f"cat /sys/class/net/{interface}/macvtap/tap{index}/dev").strip()
        folder = Path(tempfile.mkdtemp(prefix="lhg-macvtap-"))
        cleanup.add(shutil.rmtree, folder)
        node = folder / f"tap{index}"
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(*map(int, device.split(":"))))
        super().__init__(host, name, cleanup, "tap,id=n,fd=9", ip4, "198.51.100.1", ip6, HOST6, "",
                         ("sh", "-c", 'exec 9<>"$0" && exec "$@"', str(node)))
        host.ip("link", "set", interface, "address", self.mac)
        host.ip("link", "set", interface, "up")


def test_macvtap(place) -> None:
    """Host and guest meet where the host has a macvlan of its own on the same adapter."""
    host, name = place.host, f"mv-{os.getpid()}"
    own4, own6 = "203.0.113.1", "2001:db8:52::1"
    with Cleanup() as cleanup:
        host.ip("link", "add", "link", "eth0", "name", "host0", "type", "macvlan", "mode", "bridge")
        cleanup.add(host.ip, "link", "del", "host0")
        host.ip("link", "set", "host0", "up")
        host.ip("addr", "add", f"{own4}/24", "dev", "host0")
        host.ip("addr", "add", f"{own6}/64", "dev", "host0")
        vm = MacvtapVm(host, name, cleanup, "macvtap0", "203.0.113.2/24", "2001:db8:52::2/64")
        vm.wait_ready()
        wait_for(lambda: place.filters(vm.mac), "its address in the table")
        for target in (Target(protocol, address, 8080) for address in (own4, own6)
                       for protocol in ("tcp", "udp")):
            mark = place.events.mark()
            assert vm.ask(target, 0.5).reply is None
            event = place.events.wait_refused(f"vm:{name}", target.protocol, target.address, 8080,
                                              mark)
            assert event["route"] == "macvtap" and event["interface"] == "host0"
        assert not vm.ask(Target("tcp", HOST4, 8080), 0.5).open  # eth0 itself is out of its reach
        place.guard.must("allow", "8080", "--from", f"vm:{name}")
        cleanup.add(place.guard.forget)
        assert vm.ask(Target("tcp", own4, 8080), 3.0).open


def test_bridge_over_the_adapter(place) -> None:
    """A bridge with the adapter and a VM's tap as ports: who came in by the adapter is a LAN peer."""
    host, name = place.host, f"br-{os.getpid()}"
    gate4, gate6 = "203.0.113.65", "2001:db8:53::1"
    with Cleanup() as cleanup:
        host.bridge("br0", f"{gate4}/26", f"{gate6}/64")
        cleanup.add(host.ip, "link", "del", "br0")
        vm = BridgedVm(host, name, cleanup, "br0", "tap-br0", "203.0.113.66/26", gate4,
                       "2001:db8:53::2/64", gate6)
        peer = VethGuest(host, "lan", cleanup, "203.0.113.67/26", gate4, "2001:db8:53::3/64", gate6,
                         "br0", port="nic0")
        vm.wait_ready()
        for target in (Target(protocol, address, 8080) for address in (gate4, gate6)
                       for protocol in ("tcp", "udp")):
            mark, before = place.events.mark(), place.queued
            assert vm.ask(target, 0.5).reply is None
            event = place.events.wait_refused(f"vm:{name}", target.protocol, target.address, 8080,
                                              mark)
            assert event["route"] == "bridge" and event["interface"] == "br0"
            mark = place.events.mark()
            assert peer.ask(target, 3.0).open
            assert not place.events.since(mark), "a LAN peer is no event"
            assert place.queued > before, "what comes over a bridge is asked about"
        # The port tells them apart, so a peer that takes the VM's address gains nothing.
        place.guard.must("allow", "8080", "--from", f"vm:{name}")
        cleanup.add(place.guard.forget)
        place.guard.must("deny", "8080", "--from", "lan")
        assert vm.ask(Target("tcp", gate4, 8080), 3.0).open
        peer.netns.ip("link", "set", "eth0", "address", vm.mac)
        assert peer.ask(Target("tcp", gate4, 8080), 0.5).reply is None
