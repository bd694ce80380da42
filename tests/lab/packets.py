# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets made by hand, and the wire to send them on: for guests that do not play by the rules.

Header layouts after RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP), 9260 (SCTP).
"""

from __future__ import annotations

import random
import select
import socket
import struct
import time

from .system import Netns

ETH_P_ALL = 3
PACKET_OUTGOING = 4
TCP, UDP, SCTP, FRAGMENT, HOP, DESTINATION, ROUTING, NONE = 6, 17, 132, 44, 0, 60, 43, 59
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128


def six(address: str) -> bool:
    return ":" in address


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if six(address) else socket.AF_INET, address)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport_sum(source: str, target: str, protocol: int, segment: bytes) -> int:
    """Checksum with the pseudo header of the address family."""
    if six(target):
        pseudo = packed(source) + packed(target) + struct.pack("!IxxxB", len(segment), protocol)
    else:
        pseudo = packed(source) + packed(target) + struct.pack("!xBH", protocol, len(segment))
    return checksum(pseudo + segment)


def udp(source: str, target: str, port: int, data: bytes, client_port: int = 0,
        length: int | None = None, summed: bool = True) -> bytes:
    client_port = client_port or random.randint(20000, 60000)
    header = struct.pack("!HHHH", client_port, port, 8 + len(data) if length is None else length, 0)
    total = transport_sum(source, target, UDP, header + data) or 0xffff
    return header[:6] + struct.pack("!H", total if summed else 0) + data


def tcp(source: str, target: str, port: int, flags: int, data: bytes = b"", options: bytes = b"",
        client_port: int = 0, offset: int | None = None, sequence: int = 1000,
        acknowledge: int = 0) -> bytes:
    client_port = client_port or random.randint(20000, 60000)
    words = 5 + len(options) // 4 if offset is None else offset
    header = struct.pack("!HHIIBBHHH", client_port, port, sequence, acknowledge, words << 4, flags,
                         64240, 0, 0)
    segment = header + options + data
    total = transport_sum(source, target, TCP, segment)
    return segment[:16] + struct.pack("!H", total) + segment[18:]


def sctp_init(port: int) -> bytes:
    """An INIT chunk with the CRC32c that the RFC wants."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    header = struct.pack("!HHI", random.randint(20000, 60000), port, 0)
    return header + struct.pack("<I", crc32c(header + b"\0\0\0\0" + chunk)) + chunk


def crc32c(data: bytes) -> int:
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def ip4(source: str, target: str, protocol: int, data: bytes, options: bytes = b"",
        identification: int = 0, more: bool = False, offset: int = 0,
        length: int | None = None, header_words: int | None = None) -> bytes:
    """An IPv4 packet; @offset in bytes."""
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (words if header_words is None else header_words),
                         0, words * 4 + len(data) if length is None else length, identification,
                         (0x2000 if more else 0) | offset // 8, 64, protocol, 0, packed(source),
                         packed(target)) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + data


def ip6(source: str, target: str, following: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(data) if length is None else length, following,
                       64) + packed(source) + packed(target) + data


def option_header(following: int, units: int = 0) -> bytes:
    """A hop-by-hop or destination options header of 8 + 8 * @units bytes.

    It holds one unknown option of the sort that is to be skipped: long padding the kernel refuses.
    """
    length = 8 + 8 * units - 4
    return struct.pack("!BBBB", following, units, 0x1e, length) + bytes(length)


def fragment_header(following: int, offset: int, more: bool, identification: int) -> bytes:
    return struct.pack("!BxHI", following, offset & ~7 | more, identification)


def fragments(source: str, target: str, protocol: int, data: bytes, *cuts: int) -> list[bytes]:
    """@data as fragments, cut at @cuts (multiples of 8)."""
    identification = random.getrandbits(16)
    edges = [0, *cuts, len(data)]
    packets = []
    for start, stop in zip(edges, edges[1:]):
        more = stop < len(data)
        if six(target):
            packets.append(ip6(source, target, FRAGMENT, fragment_header(
                protocol, start, more, identification) + data[start:stop]))
        else:
            packets.append(ip4(source, target, protocol, data[start:stop], more=more, offset=start,
                               identification=identification))
    return packets


class Wire:
    """A raw socket on an interface of a namespace."""

    def __init__(self, netns: Netns, interface: str, gateway_mac: str, own_mac: str) -> None:
        def make() -> socket.socket:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.bind((interface, ETH_P_ALL))
            return sock
        self.sock = netns.call(make)
        self.gateway_mac, self.own_mac = gateway_mac, own_mac

    def send(self, packet: bytes, source_mac: str | None = None, target_mac: str | None = None,
             ethertype: int | None = None) -> None:
        kind = ethertype or (0x86dd if packet[0] >> 4 == 6 else 0x0800)
        frame = bytes.fromhex((target_mac or self.gateway_mac).replace(":", "")) + \
            bytes.fromhex((source_mac or self.own_mac).replace(":", "")) + \
            struct.pack("!H", kind) + packet
        self.sock.send(frame)

    def drain(self) -> None:
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(65536)

    def answers(self, seconds: float, port: int) -> list[tuple[str, int]]:
        """What came from @port within @seconds: ("tcp", flags), ("udp", 0), ("sctp", type).

        ICMP errors are answers of the host's IP layer, not of a service: they are not told here.
        """
        found: list[tuple[str, int]] = []
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                break
            frame, address = self.sock.recvfrom(65536)
            if address[2] == PACKET_OUTGOING:
                continue
            answer = _answer(frame[14:], port)
            if answer:
                found.append(answer)
        return found

    def close(self) -> None:
        self.sock.close()


def _answer(packet: bytes, port: int) -> tuple[str, int] | None:
    if len(packet) < 20:
        return None
    if packet[0] >> 4 == 4:
        protocol, data = packet[9], packet[(packet[0] & 15) * 4:]
    elif packet[0] >> 4 == 6 and len(packet) >= 40:
        protocol, data = packet[6], packet[40:]
    else:
        return None
    if len(data) < 14 or struct.unpack("!H", data[:2])[0] != port:
        return None
    return {TCP: ("tcp", data[13]), UDP: ("udp", 0), SCTP: ("sctp", data[12])}.get(protocol)
