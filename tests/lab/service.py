#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-ins for the host's local services: answer each client by name, record who came.

Started as `service.py [--share] tcp,127.0.0.1,9222 udp,::1,9222 …`, with --share others of its user may
join its ports (SO_REUSEPORT). A TCP or UDP client sends one line, its
token, and gets "hello TOKEN"; an HTTP client gets what Chrome's DevTools answer. Every client whose
token arrived is one line of JSON on standard output; so is "ready".
"""

import json
import selectors
import socket
import sys

IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
IP_PKTINFO = 8
DEVTOOLS = '{"Browser": "Chrome/141.0", "webSocketDebuggerUrl": "ws://127.0.0.1:9222/devtools/browser/1"}\n'


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def listen(target: str, share: bool) -> socket.socket:
    protocol, address, port = target.split(",")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, protocol == "tcp")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, share)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == socket.SOCK_DGRAM:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.bind((address, int(port)))
    if kind == socket.SOCK_STREAM:
        sock.listen(1024)  # all stand-ins come at once
    sock.setblocking(False)
    return sock


class Service:
    def __init__(self, targets: list, share: bool) -> None:
        self.selector = selectors.DefaultSelector()
        for target in targets:
            sock = listen(target, share)
            handler = self.accept if sock.type == socket.SOCK_STREAM else self.datagram
            self.selector.register(sock, selectors.EVENT_READ, (handler, target))

    def accept(self, sock: socket.socket, target: str) -> None:
        try:
            client, _ = sock.accept()
        except OSError:
            return
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ, (self.line, target))

    def line(self, client: socket.socket, target: str) -> None:
        """One read holds the whole line: the clients send it at once."""
        try:
            peer = client.getpeername()
            text = client.recv(4096).decode(errors="replace")
            if text:
                say(service=target, peer=peer[:2], token=text.splitlines()[0].strip())
            if text.startswith("GET "):
                client.send(("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
                             f"Content-Length: {len(DEVTOOLS)}\r\n\r\n{DEVTOOLS}").encode())
            elif text:
                client.send(f"hello {text.strip()}\n".encode())
        except OSError:
            pass
        self.selector.unregister(client)
        client.close()

    def datagram(self, sock: socket.socket, target: str) -> None:
        """Answer from the address that was asked, as a client with a connected socket wants."""
        try:
            data, ancillary, _, peer = sock.recvmsg(65536, 256)
            token = data.decode(errors="replace").strip()
            say(service=target, peer=peer[:2], token=token[:64])
            info = [(level, kind, value if level == socket.IPPROTO_IPV6 else
                     value[:4] + value[4:8] + b"\0\0\0\0")
                    for level, kind, value in ancillary if kind in (IP_PKTINFO, IPV6_PKTINFO)]
            sock.sendmsg([f"hello {token}\n".encode()], info, 0, peer)
        except OSError:
            pass

    def run(self) -> None:
        say(ready=True)
        while True:
            for key, _ in self.selector.select():
                handler, target = key.data
                handler(key.fileobj, target)


SHARE = sys.argv[1:2] == ["--share"]
Service(sys.argv[2:] if SHARE else sys.argv[1:], SHARE).run()
