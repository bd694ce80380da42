# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of README and the man pages: how they are found, and what each is run against."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from daemon import ANSWERS
from pretender import exception, moment

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "cli/lhguard.1", "cli/lhguard-json.7", "cli/notify/lhguard-notify.1", "daemon/lhguardd.8",
         "conf/guests.conf.5", "conf/lhguard.conf.5", "conf/notify.conf.5", "conf/services.conf.5")
PROMPT = re.compile(r"( {0,2})([a-z-]*)[#$] (.*)")  # of the host, or of a guest by its name


@dataclass(frozen=True)
class Example:
    """@place: whose prompt it is; "": the host's. @shown: what is printed, "" where the page leaves that out."""
    place: str
    command: str
    shown: str


@dataclass(frozen=True)
class Block:
    page: str
    lines: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.lines[0]

    @property
    def name(self) -> str:
        return f"{self.page}: {self.first}"

    def examples(self) -> list[Example]:
        """Commands behind a prompt, each with the lines below it that are not above it."""
        found, lines = [], list(self.lines)
        while lines:
            prompt = PROMPT.fullmatch(lines.pop(0))
            if not prompt:
                continue
            indent, place, command = prompt.groups()
            while command.endswith("\\"):
                command += "\n" + lines.pop(0)
            shown = []
            while lines and not PROMPT.fullmatch(lines[0]) and (not indent or re.match(rf"{indent} |$", lines[0])):
                shown.append(lines.pop(0))
            found.append(Example(place, command, textwrap.dedent("\n".join(shown)).strip("\n")))
        return found


def man_blocks(page: str, text: str) -> list[Block]:
    found = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, re.M)
    return [Block(page, tuple(block.replace("\\(dq", '"').replace("\\e", "\\").splitlines())) for block in found]


def markdown_blocks(page: str, text: str) -> list[Block]:
    """Each is indented by four blanks, with an empty line before it."""
    found = re.findall(r"^\n((?: {4}.*\n|\n(?= {4}))+)", text, re.M)
    return [Block(page, tuple(textwrap.dedent(block).splitlines())) for block in found]


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return markdown_blocks(page, text) if page.endswith(".md") else man_blocks(page, text)


# Blocks without a prompt, by their first line.

CONFIGURATION = {  # by what `lhguard check --as` calls it
    "README.md: [ourvm]": "guests",
    "conf/guests.conf.5: [ourvm]": "guests",
    "conf/guests.conf.5: [docker]": "guests",
    "conf/lhguard.conf.5: [exception 1]": "exceptions",
    "conf/lhguard.conf.5: [infrastructure]": "config",
    "conf/notify.conf.5: [alerts]": "notify",
    "conf/services.conf.5: [package-cache]": "services",
}
COMMANDS = {"README.md: lhguard allow 127.0.0.1:9222 --from vm:devbox            # one service, one guest"}

# What is not run here, and why: each entry has to occur.

BLOCKS_NOT_RUN = {
    "README.md: sudo make start     # install what the build needs, build, install, guard this host, show the status":
        "installs packages, and guards this host",
    "README.md: sudo make uninstall     # stop, and remove what was installed, but for settings and exceptions; "
    "with PURGE=1 those, too": "changes this host; test_install.py installs and removes in a folder",
    "README.md: sudo make demo      # the whole story below in namespaces of its own": "boots virtual machines",
    "README.md: make            # build/lhguardd, build/lhguard, build/lhguard-notify": "builds and tests, as CI does",
    "README.md: host program            guest on lo                  guest on a wire": "a picture",
    "cli/notify/lhguard-notify.1: bindsym $mod+n exec dunstctl context": "keys of a window manager",
    "cli/notify/lhguard-notify.1: [app-name=lhguard]": "a configuration of mako",
    "cli/notify/lhguard-notify.1: // /etc/polkit-1/rules.d/50-lhguard.rules": "a rule for polkit, which is not asked here",
    "daemon/lhguardd.8: lhguardd --netns /run/netns/lab --state-dir /tmp/lab --runtime-dir /tmp/lab":
        "guards, as root: each of tests/system starts it with these options",
    "daemon/lhguardd.8: varlinkctl call /run/lhguard/org.lhguard org.lhguard.ListGuests":
        "needs systemd's varlinkctl: test_varlinkctl.py takes it from the page",
    "daemon/lhguardd.8: journalctl --since today LHGUARD_SOURCE=vm:devbox LHGUARD_VERDICT=drop LHGUARD_VERDICT=reject":
        "needs the journal of a daemon: test_log.py takes it from the page",
}
VARLINKCTL = "needs systemd's varlinkctl: test_varlinkctl.py takes it from README"
COMMANDS_NOT_RUN = {
    "README.md: varlinkctl introspect /run/lhguard/org.lhguard org.lhguard": VARLINKCTL,
    "README.md: varlinkctl call /run/lhguard/org.lhguard org.lhguard.AddException \\": VARLINKCTL,
    "README.md: varlinkctl call --more /run/lhguard/org.lhguard org.lhguard.ListConnections "
    "'{\"source\":\"container:web\"}'": VARLINKCTL,
    "README.md: varlinkctl call /run/lhguard/org.lhguard org.lhguard.RemoveExceptions '{\"ids\":[1]}'": VARLINKCTL,
    "cli/notify/lhguard-notify.1: systemctl --user start lhguard-notify": "needs a user's systemd",
    "cli/notify/lhguard-notify.1: systemctl --user mask --now lhguard-notify": "needs a user's systemd",
}
HELP_NOT_RUN = {
    "lhguard check /etc/lhguard/lhguard.conf": "not every host has it: golden/check-config.txt",
    "lhguard check own.conf --as guests": "not every host has it: golden/check-guests.txt",
}
PLACES_NOT_RUN = {"devbox": "in a virtual machine", "ci-runner": "in a virtual machine", "web": "in a container"}


# What the others are run against.

def source(name: str, kind: str, runtime: str, conduit: str | None, number: int) -> dict:
    return {"class": "guest", "kind": kind, "runtime": runtime, "name": name, "label": f"{kind}:{name}",
            "guest": number, "shared": False, "conduit": conduit}


DEVBOX = source("devbox", "vm", "qemu", None, 1)
CI_RUNNER = source("ci-runner", "vm", "qemu", None, 2)
WEB = source("web", "container", "podman", None, 1)
BROWSER = {"protocol": "tcp", "address": "127.0.0.1", "port": 9222, "program": "python3"}


def refused(guest: dict, route: str) -> dict:
    """The answer of Explain where nothing but the default is about it."""
    first = json.loads((ANSWERS / "Explain.json").read_text())["parameters"]["explanations"][0]
    rule = f"default for {guest['kind']}"
    return {"explanations": [first | {"source": guest, "route": route, "interface": "lo", "service": BROWSER,
                                      "rule": rule, "place": None}], "incomplete": False}


def attempt(number: int, guest: dict, **more: object) -> dict:
    """An event of Watch."""
    return {"event": {"id": number, "type": "attempt", "time": moment(), "last": moment(), "count": 1,
                      "verdict": "drop", "mode": "enforce", "reason": "default", "rule": f"default for {guest['kind']}",
                      "exception": None, "route": "user-net", "source": guest, "service": BROWSER,
                      "client": {"address": "127.0.0.1", "port": 40000}, "interface": "lo", "mac": None, "pid": 27249,
                      "program": "qemu-system-x86"} | more, "lost": 0}


def guest(told: dict, pid: int) -> dict:
    """Of ListGuests."""
    return {"id": told["guest"], "kind": told["kind"], "runtime": told["runtime"], "name": told["name"],
            "label": told["label"], "leader": pid, "user": 0, "processes": 1, "recognised": "its program",
            "key": f"qemu:{pid}:1", "cgroup": None, "netns": None, "interfaces": [], "macs": [], "addresses": [],
            "conduits": [], "listens": [], "since": moment(), "lastSeen": moment(), "attempts": 0, "refused": 0}


def demo_status() -> dict:
    status = json.loads((ANSWERS / "GetStatus.json").read_text())["parameters"]["status"]
    queues = [{**queue, "number": number, "length": 4096, "overflow": "drop"}
              for queue, number in zip(status["queues"], (27701, 27702))]
    nothing = dict.fromkeys(("exceptionCount", "attempts", "refused", "refusedLastHour", "vanished"), 0)
    return {"status": status | nothing | {
        "since": moment(), "modeSince": moment(), "netns": "/run/netns/lhg-demo", "expression": "compat",
        "configurationFile": "/tmp/lhg-demo/lhguard.conf", "guestCount": 2, "queues": queues}}


def port(protocol: str, address: str, number: int, name: str, *, lan: bool = False, sensitive: bool = False,
         reached: tuple = ()) -> dict:
    """Of ListPorts. @reached: by whom, the rule, and the exception."""
    guests = [{"guest": 1, "label": label, "route": "user-net", "interface": "lo", "allowed": True,
               "reason": "exception" if by else "infrastructure", "rule": rule, "exception": by}
              for label, rule, by in reached]
    return {"service": {"protocol": protocol, "address": address, "port": number, "program": "python3"}, "name": name,
            "title": name, "sensitive": sensitive, "pid": 1, "owner": None, "lan": lan, "reached": len(guests),
            "refused": 1, "guests": guests}


DEBUGGING = {"sensitive": True, "reached": (("vm:devbox", "exception 1", 1),)}
PORTS = {"enforced": True, "incomplete": False, "ports": [
    port("udp", "10.20.0.1", 53, "dns", lan=True, reached=(("vm:builder", "infrastructure: dns", None),)),
    port("tcp", "0.0.0.0", 8080, "code-server", lan=True), port("tcp", "::", 8081, "metro", lan=True),
    port("tcp", "::1", 9222, "chrome-devtools", **DEBUGGING),
    port("tcp", "127.0.0.1", 9222, "chrome-devtools", **DEBUGGING)]}

# What the host has when a block begins.
EXCEPTIONS = {
    "cli/lhguard.1": [exception(2, "deny", "8080", "vm"), exception(3, "allow", "tcp/127.0.0.1:9222", "vm:devbox")],
    "README.md: lhguard allow 127.0.0.1:9222 --from vm:devbox            # one service, one guest":
        [exception(number, "allow", "80", "vm") for number in (2, 3)],
}
# What the journal has: the guest's program and its service, and how often.
JOURNAL = {
    "lhguard suggest --from vm:devbox": [(8081, 1), (8082, 2), (9222, 2)],
    "lhguard log --since 10m --from vm:devbox --service 9222": [(9222, 1)],
    "lhguard log --since yesterday --from vm:devbox --verdict refused": [(9222, 1)],
    "lhguard log --since yesterday --json | jq -r '.service | \"\\(.address) \\(.port)\"' | sort | uniq -c":
        [(8081, 3), (9222, 2)],
    "lhguard suggest --since 10m --from vm:devbox >wanted": [(8081, 3), (9222, 2)],
}


def answers_of(command: str) -> dict[str, dict | list]:
    """By method, where an example's daemon is another one than pretender.py's."""
    if command.startswith("lhguard ports"):
        return {"ListPorts": PORTS}
    return {
        "lhguard status": {"GetStatus": demo_status()},
        "lhguard guests": {"ListGuests": {"guests": [guest(DEVBOX, 27249), guest(CI_RUNNER, 27251)]}},
        "lhguard explain vm:devbox 127.0.0.1:9222": {"Explain": refused(DEVBOX, "user-net")},
        "lhguard explain web 9222": {"Explain": refused(WEB, "host-net")},
    }.get(command, {})


# What the demo's two looks at lhguard watch had to show, in this order.
WATCHED = [attempt(1, DEVBOX), attempt(4, CI_RUNNER, pid=27251)]
# The number that the daemon had come to.
NUMBERS = {
    "lhguard allow tcp/127.0.0.1:9222 --from vm:devbox --for 10m": 3,
    "lhguard allow chrome-devtools --from vm:devbox --for 10m": 4,
    "lhguard allow 127.0.0.1:9222 --from vm:devbox --until-stop": 5,
}
# What the daemon remarked.
NOTES = {
    "lhguard allow 8080 --from vm:devbox --dry-run": ["deny exception 2 (8080 to vm) would still refuse all of it"],
}
# What an example leaves behind: a file, and what is in it.
FILES = {
    "lhguard watch --verdict refused --exec \\\n  'notify-send -- \"$LHGUARD_NAME was refused $LHGUARD_SERVICE\"'":
        ("notified", "vm:devbox was refused tcp/127.0.0.1:9222\n"),
    "lhguard ports --map ports.svg": ("ports.svg", "chrome&#45;devtools"),  # Graphviz writes "-" so
    "lhguard suggest --since 10m --from vm:devbox >wanted":
        ("wanted", "lhguard allow tcp/127.0.0.1:8081 --from vm:devbox --comment "),
}
# Words in the examples that are the daemon's, and where it has them.
DAEMONS_WORDS = {
    "daemon/control/changes.c": ["would still refuse all of it"],
    "daemon/policy/steps.c": [step["text"] for step in refused(WEB, "host-net")["explanations"][0]["steps"]],
    "daemon/policy/decision.c": ["infrastructure: dns"],
    "daemon/flow.c": ["user-net", "host-net"],
}
# The mute list of lhguard-notify.
MUTED = "vm:devbox tcp/127.0.0.1:9222\n"
