# SPDX-License-Identifier: GPL-2.0-or-later
"""From a guest's SYN to the desktop: when the notification server is asked to show the alert."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from lab.guard import Guard
from lab.host import Host, Services, Target
from lab.notifications import FakeServer
from lab.session import NotifyAgent, Session
from lab.system import BUILD, Cleanup, Netns, end

PORT = 9222
GATEWAY, ADDRESS = "10.22.0.1", "10.22.0.2/24"
SETTLE_S = 0.5  # so long after its start the agent has found the daemon

# Sends a SYN for each line, and says when, by the clock that all of this machine share.
CLIENT = """
import socket, sys, time
address, port = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    out = socket.socket()
    out.setblocking(False)
    begun = time.monotonic()
    out.connect_ex((address, port))
    print(begun, flush=True)
    time.sleep(0.3)  # not until it is sent again
    out.close()
"""


class Guest:
    """A network namespace on a veth, and a client in it. A conduit would send its SYNs again, also for a
    client that has gone."""

    def __init__(self, host: Host, cleanup: Cleanup) -> None:
        netns = Netns(f"{host.name}-bench", cleanup)
        self.name = netns.name
        host.ip("link", "add", "v-bench", "type", "veth", "peer", "name", "eth0", "netns", netns.name)
        host.ip("addr", "add", f"{GATEWAY}/24", "dev", "v-bench")
        host.ip("link", "set", "v-bench", "up")
        netns.ip("link", "set", "eth0", "up")
        netns.ip("addr", "add", ADDRESS, "dev", "eth0")
        self.client = netns.spawn(sys.executable, "-c", CLIENT, GATEWAY, str(PORT),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cleanup.add(end, self.client)
        self.client.stdout.readline()

    def knock(self) -> float:
        self.client.stdin.write("\n")
        self.client.stdin.flush()
        return float(self.client.stdout.readline())


def measure_alerts(samples: int) -> dict | None:
    """Latencies in ms, and the agent's memory; a new agent for each, as one restrains itself."""
    if not (BUILD / "lhguard-notify").exists():
        print("bench: no lhguard-notify in the build folder, measuring without it", file=sys.stderr)
        return None
    latencies, resident = [], []
    with Cleanup() as cleanup:
        host = Host(cleanup)
        Services(host.netns, [Target("tcp", "0.0.0.0", PORT)], cleanup)
        guard = Guard(host)
        cleanup.add(guard.close)
        guard.start()
        guest, session = Guest(host, cleanup), Session(host, cleanup)
        server = FakeServer(session)
        for number in range(samples + 1):
            agent = NotifyAgent(session, guard.socket)
            time.sleep(SETTLE_S)
            mark, begun = server.mark(), guest.knock()
            shown = server.wait_shown(guest.name, mark=mark)
            if number:  # the first finds nothing in any cache
                latencies.append((shown["time"] - begun) * 1000)
                resident.append(agent.resident_kib)
            agent.stop()
    return {"latency_ms": latencies, "rss_kib": resident}


def alert_rows(raw: dict | None, row) -> None:
    if not raw:
        return
    latencies = sorted(raw["latency_ms"])
    worst = latencies[min(len(latencies) - 1, int(len(latencies) * 0.95))]
    row("alert: a guest's SYN until it is to be shown, p50", statistics.median(latencies), "ms")
    row("alert: the same, p95", worst, "ms", "≤ 100", worst <= 100)
    row("alert: the agent's resident memory", max(raw["rss_kib"]) / 1024, "MiB")
