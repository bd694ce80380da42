# SPDX-License-Identifier: GPL-2.0-or-later
"""A notification server that does what the test says: notifyd.py, and what it was asked."""

from __future__ import annotations

import json
from typing import Any, Callable

from .puppet import PYTHON, Puppet, Record
from .session import Session
from .system import LAB

EXCESS = "org.freedesktop.Notifications.Error.ExcessNotificationGeneration"
EXPIRED, DISMISSED, CLOSED = 1, 2, 3  # reasons of NotificationClosed


class FakeServer(Puppet):
    """One life of it in @session. Each Notify is a record with id, replaces, summary, body, actions,
    hints, timeout, and the monotonic time when it came."""

    def __init__(self, session: Session, *capabilities: str, known_as: tuple[str, str] | None = None,
                 own: bool = True) -> None:
        """@capabilities: none for those of most desktops. @known_as: the name and version that it tells."""
        super().__init__([*session.enter, PYTHON, LAB / "notifyd.py"], session.cleanup,
                         env=session.environment, cwd=session.home)
        if capabilities:
            self.do(capabilities=list(capabilities))
        if known_as:
            self.do(information=known_as)
        if own:
            self.own()

    def do(self, **command: Any) -> None:
        """tell(), and wait until it is done."""
        mark = self.mark()
        self.tell(**command)
        self.wait(lambda record: record.get("done") == json.dumps(command), mark)

    def own(self) -> None:
        """Become the session's server."""
        mark = self.mark()
        self.tell(do="own")
        self.wait(lambda record: record.get("owns"), mark)

    def release(self) -> None:
        self.do(do="release")

    def fail(self, error: str | None = EXCESS) -> None:
        """Answer each Notify with an error from now on; None: no longer."""
        self.do(error=error)

    def invoke(self, number: int, key: str, to: str | None = None) -> None:
        """Say that somebody clicked, to all or to @to alone; not asked whether there is such a notification or
        action."""
        self.do(emit="ActionInvoked", id=number, value=key, to=to)

    def invoke_late(self, summary: str, number: int, key: str) -> None:
        """The same, where the click is on its way when a notification of that summary comes."""
        self.do(late=[summary, number, key])

    def closed(self, number: int, reason: int = DISMISSED, to: str | None = None) -> None:
        self.do(emit="NotificationClosed", id=number, value=reason, to=to)

    def shown(self, mark: int = 0) -> list[Record]:
        """Every Notify since @mark."""
        return [record for record in self.since(mark) if record.get("method") == "Notify"]

    def popups(self, mark: int = 0) -> list[Record]:
        """Those that did not replace another."""
        return [record for record in self.shown(mark) if not record["replaces"]]

    def wait_shown(self, *words: str, mark: int = 0,
                   matches: Callable[[Record], Any] = bool) -> Record:
        """The first Notify since @mark that has all of @words in its text."""
        return self.wait(lambda record: record.get("method") == "Notify" and matches(record) and
                         all(word in record["summary"] + "\n" + record["body"] for word in words),
                         mark)
