# SPDX-License-Identifier: GPL-2.0-or-later
"""The golden cases: how lhguard is called, and where. A case's name is that of its golden file.

TABLES are each seen on terminals of 80 and 200 columns and on a pipe, in colour and without, in C and in C.UTF-8.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EXCEPTIONS = "tests/cli/files/exceptions.d"
NARROW, WIDE = 80, 200
FILE = ("--file", "JOURNAL")
SINCE = ("--since", "2020-01-01")


@dataclass(frozen=True)
class Case:
    argv: tuple[str, ...]
    variant: str = ""  # of the daemon's answers
    columns: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()  # members of the daemon's answers


CATALOGUE = ("--catalogue", "conf/guests.conf")
# What the first daemons did not send: an upgrade leaves one of them running until it is started anew.
LATER = ("catalogue", "services", "processesSilent", "configuredMode", "modeOverride", "modeSince", "refusedLastHour",
         "eventsLost", "kernel", "untilStop", "guest", "cutAtEnd", "hits", "lastUsed", "once", "pin", "user",
         "processes", "key", "cgroup", "netns", "interfaces", "macs", "addresses", "conduits", "listens", "lastSeen",
         "shared", "conduit", "type", "changes", "notes", "removed", "count")


def older(*argv: str) -> Case:
    return Case(argv, without=LATER)


def checked(file: str, *options: str) -> Case:
    return Case(("check", f"tests/cli/files/{file}", *options))


TABLES = {
    "status": Case(("status",)),
    "status-wrong": Case(("status",), "wrong"),
    "guests": Case(("guests",)),
    "guests-one": Case(("guests", "devbox")),
    "list": Case(("list",)),
    "ports": Case(("ports",)),
    "services": Case(("services",)),
    "connections": Case(("connections",)),
    "explain": Case(("explain", "vm:devbox", "9222")),
    "watch": Case(("watch", "--past", "20")),
    "log": Case(("log", *FILE)),
    "suggest": Case(("suggest", *SINCE, *FILE)),
}

# Verbs whose document is data; the others print words.
DOCUMENTS = {
    "status": Case(("status", "--json")),
    "status-wrong": Case(("status", "--json"), "wrong"),
    "guests": Case(("guests", "--json")),
    "guests-one": Case(("guests", "vm:devbox", "--json")),
    "guests-none": Case(("guests", "--json"), "none"),
    "list": Case(("list", "--json")),
    "list-none": Case(("list", "--json"), "none"),
    "ports": Case(("ports", "--json")),
    "ports-none": Case(("ports", "--json"), "none"),
    "services": Case(("services", "--json")),
    "connections": Case(("connections", "--json")),
    "connections-cut": Case(("connections", "--cut", "--json")),
    "explain": Case(("explain", "vm:devbox", "9222", "--json")),
    "explain-event": Case(("explain", "1", "--json")),
    "watch": Case(("watch", "--past", "20", "--json")),
    "watch-filtered": Case(("watch", "--past", "20", "--json", "--service", "udp/*")),
    "log": Case(("log", "--json", *FILE)),
    "log-filtered": Case(("log", "--json", "--from", "podman:web", "--verdict", "refused", *FILE)),
    "suggest": Case(("suggest", *SINCE, *FILE, "--json")),
    "suggest-none": Case(("suggest", *FILE, "--json")),
    "allow": Case(("allow", "9222", "--json")),
    "deny": Case(("deny", "5432", "--json"), "deny"),
    "allow-dry": Case(("allow", "9222", "--dry-run", "--json"), "dry"),
    "edit": Case(("edit", "3", "--comment", "new", "--json")),
    "export": Case(("export", "--json")),
    "import": Case(("import", f"{EXCEPTIONS}/fleet.conf", "--json")),
    "remove": Case(("remove", "1", "2", "--json")),
    "remove-cut": Case(("remove", "1", "--cut", "--json")),
    "mode": Case(("mode", "--json")),
    "mode-set": Case(("mode", "monitor", "--for", "10m", "--json")),
    "remove-from": Case(("remove", "--from", "vm:devbox", "--json"), "source"),
    "check": checked("exceptions.conf", "--json"),
    "reload": Case(("reload", "--json")),
    "version": Case(("version", "--json")),
}

WORDS = {
    "alone": Case(()),
    "status-reject": Case(("status",), "reject"),
    "guests-none": Case(("guests",), "none"),
    "guests-quiet": Case(("guests", "-q"), "none"),
    "guests-two-of-one-name": Case(("guests", "web")),
    "guests-container": Case(("guests", "podman:web")),
    "guests-by-id": Case(("guests", "guest:4")),
    "guests-near": Case(("guests", "vm:devbax")),
    "guests-unknown": Case(("guests", "\x1b[31mnobody")),
    "guests-no-legend": Case(("guests", "--no-legend")),
    "list-none": Case(("list",), "none"),
    "list-quiet": Case(("list", "--quiet"), "none"),
    "list-no-legend": Case(("list", "--no-legend")),
    "ports-none": Case(("ports",), "none"),
    "ports-monitor": Case(("ports",), "monitor"),
    "ports-default": Case(("ports",), "default"),
    "ports-many": Case(("ports",), "many"),
    "ports-quiet": Case(("ports", "-q", "--no-legend")),
    "ports-map": Case(("ports", "--map")),
    "ports-map-monitor": Case(("ports", "--map"), "monitor"),
    "ports-map-none": Case(("ports", "--map"), "none"),
    "ports-map-nameless": Case(("ports", "--map", "ports")),
    "ports-map-json": Case(("ports", "--map", "--json")),
    "ports-file": Case(("ports", "a\x1b.svg")),
    "services-none": Case(("services",), "none"),
    "connections-none": Case(("connections",), "none"),
    "connections-refused-none": Case(("connections", "--refused"), "none"),
    "connections-cut": Case(("connections", "--from", "vm:devbox", "--cut")),
    "connections-no-legend": Case(("connections", "--no-legend")),
    "log-newest": Case(("log", "--past", "3", *FILE)),
    "log-newest-from": Case(("log", "--past", "2", "--from", "podman:web", *FILE)),
    "log-since": Case(("log", "--since", "2020-02-03T04:05:17Z", *FILE)),
    "log-newest-since": Case(("log", "--since", "2020-02-03T04:05:17Z", "--past", "100", *FILE)),
    "log-filtered": Case(("log", "--from", "vm", "--service", "11000-12000", "--verdict", "drop", *FILE)),
    "log-by-guest": Case(("log", "--guest", "vm", "--service", "11000-12000", "--verdict", "drop", *FILE)),
    "log-none-matches": Case(("log", "--from", "vm:nobody", *FILE)),
    "log-none-since": Case(("log", "--since", "1h", *FILE)),
    "log-of-another-unit": Case(("log", "--unit", "lhguardd@vpn.service", *FILE)),
    "log-of-another-units-name": Case(("log", "--unit", "lhguardd@vpn", *FILE)),
    "log-newest-none": Case(("log", "--past", "0", *FILE)),
    "log-no-file": Case(("log", "--file", "/nowhere/it.journal")),
    "log-no-directory": Case(("log", "--directory", "/nowhere")),
    "log-no-journal": Case(("log", "--file", "/dev/null")),
    "log-file-and-directory": Case(("log", "--directory", "/nowhere", *FILE)),
    "log-bad-since": Case(("log", "--since", "\x1bsoon", *FILE)),
    "suggest-from": Case(("suggest", *SINCE, "--from", "conduit:pasta", *FILE)),
    "suggest-service": Case(("suggest", *SINCE, "--service", "tcp/11434", *FILE)),
    "suggest-without-exceptions": Case(("suggest", *SINCE, *FILE), "none"),
    "suggest-denied": Case(("suggest", *SINCE, *FILE), "denies"),
    "suggest-quiet": Case(("suggest", "-q", *SINCE, *FILE)),
    "suggest-nothing": Case(("suggest", "--from", "vm:nobody", *SINCE, *FILE)),
    "suggest-without-a-daemon": Case(("suggest", *SINCE, *FILE, "--socket", "/nowhere/socket")),
    "suggest-no-file": Case(("suggest", "--file", "/nowhere/it.journal")),
    "watch-from": Case(("watch", "--past", "20", "--from", "podman:web")),
    "watch-from-kind": Case(("watch", "--past", "20", "--from", "container")),
    "watch-from-shared": Case(("watch", "--past", "20", "--from", "conduit:pasta")),
    "watch-from-shared-name": Case(("watch", "--past", "20", "--from", "container:a, b")),
    "watch-from-guest": Case(("watch", "--past", "20", "--from", "guest:1")),
    "watch-from-interface": Case(("watch", "--past", "20", "--from", "iface:podman0")),
    "watch-newest-from": Case(("watch", "--past", "2", "--from", "podman:web")),
    "watch-newest-of-none": Case(("watch", "--past", "2", "--from", "podman:web"), "none"),
    "watch-live-from": Case(("watch", "--from", "podman:web")),
    "watch-service": Case(("watch", "--past", "20", "--service", "127.0.0.0/8:9000-12000")),
    "watch-refused": Case(("watch", "--past", "20", "--verdict", "refused")),
    "watch-rejected": Case(("watch", "--past", "20", "--verdict", "reject")),
    "watch-accepted": Case(("watch", "--past", "20", "--verdict", "accept")),
    "watch-all-filters": Case(("watch", "--past", "1", "--from", "vm:devbox", "--service", "tcp/9222",
                               "--verdict", "drop")),
    "watch-exec-nothing": Case(("watch", "--exec", "")),
    "watch-service-name": Case(("watch", "--past", "20", "--service", "127.0.0.1:chrome-devtools")),
    "watch-service-unknown": Case(("watch", "--service", "postgres")),
    "watch-service-hostname": Case(("watch", "--service", "localhost:dns")),
    "watch-bad-verdict": Case(("watch", "--verdict", "\x1bno")),
    "watch-bad-from": Case(("watch", "--from", "host")),
    "watch-bad-service": Case(("watch", "--service", "127.0.0.1")),
    "explain-event": Case(("explain", "#1")),
    "explain-vanished": Case(("explain", "1"), "vanished"),
    "explain-no-event": Case(("explain", "99"), "none"),
    "explain-icmp": Case(("explain", "1"), "icmp"),
    "list-refused": Case(("list",), "refused"),
    **{f"list-{comments}-comments": Case(("list",), comments, NARROW, {"NO_COLOR": "1"})
       for comments in ("long", "short", "plain")},
    "export-refused": Case(("export",), "refused"),
    "edit-pin": Case(("edit", "3", "--pin")),
    "explain-many": Case(("explain", "any", "9222"), "many"),
    "explain-layers": Case(("explain", "any", "5432"), "layers"),
    "explain-nobody": Case(("explain", "vm:nobody", "9222"), "none"),
    "explain-half": Case(("explain", "vm:devbox")),
    "allow": Case(("allow", "tcp/127.0.0.1:9222", "--from", "vm:devbox", "--for", "1h", "--comment", "test")),
    "allow-until-stop": Case(("allow", "127.0.0.1:9222", "--from", "vm:devbox", "--until-stop"), "stop"),
    "allow-pin": Case(("allow", "9222", "--from", "vm:devbox", "--pin"), "pin"),
    "allow-once": Case(("allow", "9222", "--from", "vm:devbox", "--once"), "once"),
    "allow-once-cut": Case(("allow", "9222", "--once", "--cut-at-end")),
    "allow-quiet": Case(("allow", "9222", "-q")),
    "allow-unknown-name": Case(("allow", "127.0.0.1:chrome-devtool", "--from", "vm:devbox"), "unknown"),
    "allow-all-ports": Case(("allow", "127.0.0.1:*", "--from", "vm:devbox")),
    "allow-range": Case(("allow", "tcp/2000-9300", "--from", "vm:devbox")),
    "allow-sensitive": Case(("allow", "chrome-devtools", "--from", "podman")),
    "allow-sensitive-yes": Case(("allow", "chrome-devtools", "--yes")),
    "allow-sensitive-yes-quiet": Case(("allow", "chrome-devtools", "-yq")),
    "allow-refused": Case(("allow", "9222"), "refused"),
    "allow-bad-service": Case(("allow", "127.0.0.1")),
    "allow-bad-duration": Case(("allow", "9222", "--for", "soon")),
    "deny": Case(("deny", "5432"), "deny"),
    "allow-dry": Case(("allow", "tcp/127.0.0.1:9222", "--from", "vm:devbox", "--for", "1h", "--dry-run"),
                      "dry"),
    "allow-dry-broad": Case(("allow", "*", "--dry-run"), "dry"),
    "deny-dry": Case(("deny", "5432", "--dry-run"), "dry-deny"),
    "edit": Case(("edit", "3", "--for", "1h", "--comment", "new")),
    "edit-comment": Case(("edit", "3", "--comment", "new")),
    "edit-forever": Case(("edit", "3", "--forever", "--from", "any", "--service", "tcp/80"), "forever"),
    "edit-stop": Case(("edit", "3", "--until-stop", "--cut-at-end"), "stop"),
    "edit-broad": Case(("edit", "1", "--from", "any"), "forever"),
    "edit-dry": Case(("edit", "3", "--until-stop", "--dry-run"), "stop"),
    "edit-nothing": Case(("edit", "3")),
    "edit-nothing-but": Case(("edit", "3", "--dry-run")),
    "edit-two-ends": Case(("edit", "3", "--for", "1h", "--forever")),
    "edit-bad": Case(("edit", "x", "--forever")),
    "edit-bad-service": Case(("edit", "3", "--service", "127.0.0.1")),
    "export": Case(("export",)),
    "export-none": Case(("export", "-"), "none"),
    "export-nowhere": Case(("export", "/nowhere/file")),
    "import": Case(("import", f"{EXCEPTIONS}/fleet.conf")),
    "import-replace": Case(("import", f"{EXCEPTIONS}/fleet.conf", "--replace"), "replace"),
    "import-broad": Case(("import", f"{EXCEPTIONS}/broad.conf")),
    "import-dry": Case(("import", f"{EXCEPTIONS}/fleet.conf", "--replace", "--dry-run"), "replace"),
    "import-nothing": Case(("import", "-")),
    "import-bad": Case(("import", f"{EXCEPTIONS}/bad.conf")),
    "import-own": Case(("import", f"{EXCEPTIONS}/store.conf")),
    "import-missing": Case(("import", "/nowhere/file")),
    "import-unknown-runtime": Case(("import", f"{EXCEPTIONS}/remarks.conf"), "unknown"),
    "import-another-mistake": Case(("import", f"{EXCEPTIONS}/remarks.conf"), "strange"),
    "import-refused": Case(("import", f"{EXCEPTIONS}/fleet.conf"), "refused"),
    "edit-missing": Case(("edit", "99", "--forever"), "missing"),
    "remove": Case(("remove", "1", "2")),
    "remove-cut": Case(("remove", "1", "--cut")),
    "remove-quiet": Case(("remove", "1", "-q")),
    "remove-missing": Case(("remove", "99"), "missing"),
    "remove-bad": Case(("remove", "x")),
    "status-older": older("status"),
    "guests-older": older("guests"),
    "guests-one-older": older("guests", "devbox"),
    "list-older": older("list"),
    "watch-older": older("watch", "--past", "20"),
    "explain-older": older("explain", "vm:devbox", "9222"),
    "allow-older": older("allow", "tcp/127.0.0.1:9222", "--from", "vm:devbox"),
    "allow-too-old": Case(("allow", "9222", "--from", "vm:devbox", "--once"), "older"),
    "explain-too-old": Case(("explain", "vm:devbox", "9222"), "older"),
    "remove-older": older("remove", "1"),
    "mode-older": older("mode"),
    "reload-older": older("reload"),
    "status-mode-set": Case(("status",), "set"),
    "status-mode-held": Case(("status",), "held"),
    "mode": Case(("mode",)),
    "mode-is-set": Case(("mode",), "set"),
    "mode-is-held": Case(("mode",), "held"),
    "mode-quiet": Case(("mode", "-q"), "set"),
    "mode-for": Case(("mode", "monitor", "--for", "10m")),
    "mode-set": Case(("mode", "monitor"), "held"),
    "mode-back": Case(("mode", "enforce"), "back"),
    "mode-refused": Case(("mode", "monitor"), "refused"),
    "mode-unknown": Case(("mode", "sometimes")),
    "mode-for-nothing": Case(("mode", "--for", "10m")),
    "mode-bad-duration": Case(("mode", "monitor", "--for", "soon")),
    "remove-nothing": Case(("remove",)),
    "remove-two-things": Case(("remove", "1", "--expired")),
    "remove-from": Case(("remove", "--from", "vm:devbox"), "source"),
    "remove-from-none": Case(("remove", "--from", "vm:de\x1bvbox"), "none"),
    "remove-from-bad": Case(("remove", "--from", "host")),
    "remove-expired": Case(("remove", "--expired")),
    "remove-expired-none": Case(("remove", "--expired", "--cut"), "none"),
    "remove-many": Case(("remove", "--from", "any"), "many"),
    "check-config": checked("lhguard.conf", *CATALOGUE),
    "check-config-bad": checked("bad.conf", "--as", "config", *CATALOGUE),
    "check-config-by-content": checked("bad.conf", *CATALOGUE),
    "check-config-without-catalogue": checked("lhguard.conf", "--catalogue", "/nowhere/guests.conf"),
    "check-exceptions": checked("exceptions.d/fleet.conf", *CATALOGUE),
    "check-exceptions-strange": checked("exceptions.d/strange.conf", *CATALOGUE),
    "check-exceptions-bad": checked("exceptions.d/bad.conf"),
    "check-exceptions-store": checked("exceptions.d/store.conf"),
    "check-exceptions-own": checked("exceptions.conf"),
    "check-guests": checked("guests.d/own.conf", *CATALOGUE),
    "check-guests-bad": checked("guests.d/bad.conf", *CATALOGUE),
    "check-guests-installed": Case(("check", "conf/guests.conf", *CATALOGUE)),
    "check-services": checked("services.conf"),
    "check-services-bad": checked("bad-services.conf"),
    "check-notify": Case(("check", "conf/notify.conf")),
    "check-notify-bad": checked("bad-notify.conf"),
    "check-quiet": checked("services.conf", "-q"),
    "check-unknown": checked("unknown.conf"),
    "check-missing": checked("nowhere.conf"),
    "check-strange-kind": checked("unknown.conf", "--as", "colours"),
    "reload": Case(("reload",)),
    "reload-refused": Case(("reload",), "refused"),
    "reload-exceptions-failed": Case(("reload",), "wrong"),
    "version": Case(("version",)),
    "help": Case(("help",)),
    "help-option": Case(("--help",)),
    "unknown-verb": Case(("gests",)),
    "unknown-option": Case(("status", "--colour")),
    "strange-option": Case(("status", "--cut")),
    "near-option": Case(("allow", "9222", "--frm", "vm:devbox")),
    "near-option-one-dash": Case(("list", "-json")),
    "unknown-letter": Case(("list", "-qx", "--json")),
    "option-with-a-value-too-many": Case(("list", "--json=3", "-q")),
    "option-without-a-value": Case(("log", "--since")),
    "other-name": Case(("rm", "1")),
    "other-name-of-a-mode": Case(("monitor",)),
    "start": Case(("start",)),
    "allow-nothing": Case(("allow",)),
    "allow-too-much": Case(("allow", "9222", "vm:devbox")),
    "remove-by-source": Case(("remove", "vm:devbox")),
    "ports-of-one": Case(("ports", "9222")),
    "too-much": Case(("status", "twice")),
}


def surroundings(name: str, case: Case) -> dict[str, Case]:
    """The same in each of the places where tables look different."""
    def at(columns: int, **environment: str) -> Case:
        return Case(case.argv, case.variant, columns, environment)

    return {
        f"{name}.txt": at(0),
        f"{name}.80.txt": at(NARROW, NO_COLOR="1"),
        f"{name}.200.txt": at(WIDE, NO_COLOR="1"),
        f"{name}.200.colour.txt": at(WIDE),
        f"{name}.80.C.txt": at(NARROW, LC_ALL="C", NO_COLOR="1"),
        f"{name}.zone.txt": at(0, TZ="XYZ-5:30"),
    }


def all_cases(verbs: list[str]) -> dict[str, Case]:
    """By name of the golden file. @verbs: those that help knows; each has its own help."""
    found = {}
    for name, case in TABLES.items():
        found |= surroundings(name, case)
    found |= {f"{name}.json": case for name, case in DOCUMENTS.items()}
    found |= {f"{name}.txt": case for name, case in WORDS.items()}
    return found | {f"help-{verb}.txt": Case(("help", verb)) for verb in verbs}
