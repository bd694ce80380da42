# SPDX-License-Identifier: GPL-2.0-or-later
"""Every method of the control socket, and what the tests call it with. A new method needs a row here."""

from __future__ import annotations

import json
import re

from lab.system import ROOT

DEFINITION = ROOT / "conf/org.lhguard.varlink"
METHODS = re.findall(r"^method (\w+)\(", DEFINITION.read_text(), re.M)

# With each parameter that there is. Those that read are open to the group, and to guests.
READS = {
    "GetStatus": {},
    "ListExceptions": {},
    "ListGuests": {},
    "ListServices": {},
    "ListPorts": {},
    "ListConnections": {"source": "container:wired", "service": "tcp/9222", "refusedOnly": False},
    "Explain": {"source": "container:wired", "service": "tcp/127.0.0.1:9222"},
    "ExplainEvent": {"id": 1},
    "Watch": {"past": 1},
}
CHANGES = {
    "AddException": {"action": "allow", "service": "tcp/127.0.0.1:9222", "source": "container:wired",
                     "seconds": 600, "untilStop": True, "once": False, "pin": False, "cutAtEnd": True,
                     "comment": "<b>\u00fc\"\\",
                     "dryRun": False, "allowInteractiveAuthentication": True},
    "AllowEvent": {"id": 1, "time": "2026-01-01T00:00:00Z", "seconds": 600,
                   "allowInteractiveAuthentication": True},
    "EditException": {"id": 1, "service": "tcp/127.0.0.1:9222", "source": "container:wired", "seconds": 600,
                      "forever": False, "untilStop": True, "pin": False, "cutAtEnd": True,
                      "comment": "-", "dryRun": False, "allowInteractiveAuthentication": True},
    "ImportExceptions": {"text": "[exception 1]\naction = deny\nservice = 1\nsource = vm:a\n",
                         "replace": False, "dryRun": False, "allowInteractiveAuthentication": True},
    "RemoveExceptions": {"ids": [1], "source": None, "expired": False, "cut": True,
                         "allowInteractiveAuthentication": True},
    "CutConnections": {"source": "container:wired", "service": "tcp/9222", "refusedOnly": False,
                       "allowInteractiveAuthentication": True},
    "SetMode": {"mode": "enforce", "seconds": 600, "allowInteractiveAuthentication": True},
    "Reload": {"allowInteractiveAuthentication": True},
}


def parameters_of(method: str) -> set[str]:
    """The names of what a method takes, by the interface's definition."""
    return set(re.findall(r"(\w+):", re.search(rf"^method {method}\((.*?)\)", DEFINITION.read_text(),
                                               re.M | re.S)[1]))


def message(method: str) -> str:
    return json.dumps({"method": f"org.lhguard.{method}", "parameters": (READS | CHANGES)[method]})
