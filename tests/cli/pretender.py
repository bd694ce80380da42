# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that keeps exceptions and a mode, as far as the examples of the manuals go, and has fixed answers else."""

from __future__ import annotations

import configparser
import copy
import json
import time
from pathlib import Path

from daemon import ANSWERS, FixedDaemon

ROOT = Path(__file__).resolve().parents[2]


def moment(seconds: float = 0) -> str:
    """So many seconds from now, in RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def known_services() -> list[dict]:
    """Those of conf/services.conf."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "conf/services.conf")
    return [{"name": name, "ports": section["ports"], "title": section["title"],
             "sensitive": section.get("sensitive") == "yes"} for name, section in parser.items()
            if name != parser.default_section]


def exception(number: int, action: str, service: str, source: str, **more: object) -> dict:
    return {"id": number, "action": action, "service": service, "source": source, "created": moment(), "expires": None,
            "untilStop": False, "guest": None, "cutAtEnd": False, "creator": 0, "comment": "", "file": None, "hits": 0,
            "lastUsed": None, "once": False, "pin": None} | more


class Pretender(FixedDaemon):
    """@exceptions; @number: the next one's; @notes: what is said of the next change; @answers: by method, before all
    else."""

    def __init__(self, path: Path) -> None:
        self.told: list[tuple[str, object]] = []  # a method, and what it answered
        self.begin([])
        super().__init__(path)

    def begin(self, exceptions: list[dict]) -> None:
        """All anew."""
        self.exceptions = copy.deepcopy(exceptions)
        self.seconds: dict[int, int] = {}  # that an exception lasts
        self.override: dict | None = None
        self.answers: dict[str, dict | list] = {}
        self.number, self.notes = 0, []

    def use(self) -> None:
        """A guest has connected, and each exception was about that."""
        for entry in self.exceptions:
            entry.update(hits=entry["hits"] + 1, lastUsed=moment())

    def _answer(self, call: dict) -> bytes:
        method = call["method"].removeprefix("org.lhguard.")
        own = getattr(self, f"_{method}", None)
        if method in self.answers:
            values = self.answers[method]
        elif own:
            values = own(call.get("parameters", {}))
        else:
            values = [answer["parameters"] for answer in self._stored(method)]
        values = values if isinstance(values, list) else [values]
        self.told += [(method, value) for value in values]
        answers = [{"parameters": value, "continues": value is not values[-1]} for value in values]
        return b"".join(json.dumps(answer).encode() + b"\0" for answer in answers)

    @staticmethod
    def _stored(method: str) -> list[dict]:
        stored = json.loads((ANSWERS / f"{method}.json").read_text())
        return stored if isinstance(stored, list) else [stored]

    def _service(self, text: str) -> str:
        """The ports of a name, as the daemon keeps them."""
        before, colon, last = text.rpartition(":")
        for known in known_services():
            if known["name"] != last:
                continue
            protocol, slash, ports = known["ports"].rpartition("/")
            return f"{protocol}{slash}{before}{colon}{ports}"
        return text

    def _change(self, entry: dict, asked: dict) -> dict:
        entry.update({key: asked[key] for key in ("source", "untilStop", "once", "cutAtEnd", "comment") if key in asked})
        if "service" in asked:
            entry["service"] = self._service(asked["service"])
        if "seconds" in asked:
            self.seconds[entry["id"]] = asked["seconds"]
            entry["expires"] = moment(asked["seconds"])
        notes, self.notes = self.notes, []
        return {"exception": entry, "notes": notes}

    def _AddException(self, asked: dict) -> dict:
        number = self.number or 1 + max((entry["id"] for entry in self.exceptions), default=0)
        entry = exception(number, asked["action"], "", "any")
        if not asked.get("dryRun"):
            self.exceptions.append(entry)
        return self._change(entry, asked)

    def _EditException(self, asked: dict) -> dict:
        return self._change(next(entry for entry in self.exceptions if entry["id"] == asked["id"]), asked)

    def _RemoveExceptions(self, asked: dict) -> dict:
        ids = asked["ids"] if "ids" in asked else [entry["id"] for entry in self.exceptions
                                                   if entry["source"] == asked["source"]]
        self.exceptions = [entry for entry in self.exceptions if entry["id"] not in ids]
        return {"removed": ids, "count": len(ids), "notes": [], "cut": 0 if asked.get("cut") else None}

    def _ImportExceptions(self, asked: dict) -> dict:
        return {"added": asked["text"].count("[exception "), "unchanged": 0, "removed": 0, "expired": 0}

    def _ListExceptions(self, asked: dict) -> dict:
        """All as if made now, at the beginning of a second: who asks sees the same of their time in each run. Not at
        once: time() of C is a little late."""
        while self.seconds and not 0.02 <= time.time() % 1 <= 0.1:
            time.sleep(0.01)
        for entry in self.exceptions:
            if entry["id"] in self.seconds:
                entry["expires"] = moment(self.seconds[entry["id"]])
        return {"exceptions": self.exceptions}

    def _ListServices(self, asked: dict) -> dict:
        return {"services": known_services()}

    def _mode(self) -> dict:
        override = self.override and {key: self.override[key] for key in ("creator", "created", "expires")}
        return {"mode": self.override["mode"] if self.override else "enforce", "configuredMode": "enforce",
                "modeOverride": override}

    def _SetMode(self, asked: dict) -> dict:
        seconds = asked.get("seconds")
        self.override = {"mode": asked["mode"], "creator": 0, "created": moment(),
                         "expires": moment(seconds) if seconds else None}
        return self._mode()

    def _GetStatus(self, asked: dict) -> dict:
        return {"status": self._stored("GetStatus")[0]["parameters"]["status"] | self._mode()}
