#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A notification server that does what a test says, and tells all that it is asked.

Commands, one line of JSON each:
    {"do": "own"}, {"do": "release"}      become the session's server, or be none
    {"capabilities": [...]}               what GetCapabilities answers
    {"information": [NAME, VERSION]}      who it says it is
    {"error": "NAME" or null}             Notify is answered with this error
    {"number": N or null}                 what Notify answers, whatever it is asked
    {"late": [SUMMARY, ID, KEY]}          a click that is on its way when the next SUMMARY is shown
    {"emit": "ActionInvoked" or "NotificationClosed", "id": N, "value": KEY or REASON, "to": NAME or null}
Every call is told, with "time" (of the monotonic clock, seconds), "method" and its arguments.
"""

import json
import time

from gi.repository import Gio, GLib

from puppetmain import say, serve

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
INTERFACE = Gio.DBusNodeInfo.new_for_xml(f"""
<node><interface name="{NAME}">
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="as" direction="in"/><arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/>
<arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
<arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
<signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>""").interfaces[0]


def plain(value):
    """What JSON has a word for; an image is told by its size."""
    if isinstance(value, (str, int, float, bool, list)):
        return value
    return f"{type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else str(value)


class Server:
    def __init__(self):
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.capabilities = ["actions", "body", "body-markup", "persistence"]
        self.name, self.version = "fake", "1"
        self.error = self.late = self.number = None
        self.last = 0
        self.owning = 0
        self.bus.register_object(PATH, INTERFACE, self.call, None, None)

    def call(self, bus, sender, path, interface, method, arguments, invocation):
        now, values = time.monotonic(), arguments.unpack()
        if method == "GetCapabilities":
            say(time=now, method=method)
            invocation.return_value(GLib.Variant("(as)", (self.capabilities,)))
        elif method == "GetServerInformation":
            say(time=now, method=method)
            invocation.return_value(GLib.Variant("(ssss)", (self.name, "lhguard", self.version, "1.2")))
        elif method == "CloseNotification":
            say(time=now, method=method, id=values[0])
            invocation.return_value(None)
            self.emit(None, "NotificationClosed", values[0], 3)
        elif method == "Notify":
            self.notify(now, values, invocation)

    def notify(self, now, values, invocation):
        name, replaces, icon, summary, body, actions, hints, timeout = values
        if not self.error:
            self.last += not replaces
        number = 0 if self.error else replaces or self.last
        if self.number is not None:
            number = self.number
        say(time=now, method="Notify", id=number, replaces=replaces, name=name, icon=icon,
            summary=summary, body=body, actions=dict(zip(actions[::2], actions[1::2])),
            hints={key: plain(value) for key, value in hints.items()}, timeout=timeout)
        if self.late and self.late[0] == summary:
            self.emit(None, "ActionInvoked", *self.late[1:])
            self.late = None
        if self.error:
            invocation.return_dbus_error(self.error, "as the test wants it")
        else:
            invocation.return_value(GLib.Variant("(u)", (number,)))

    def emit(self, to, signal, number, value):
        kind = "(us)" if signal == "ActionInvoked" else "(uu)"
        self.bus.emit_signal(to, PATH, NAME, signal, GLib.Variant(kind, (number, value)))

    def command(self, text):
        what = json.loads(text)
        self.capabilities = what.get("capabilities", self.capabilities)
        self.name, self.version = what.get("information", (self.name, self.version))
        self.error = what.get("error", self.error)
        self.late = what.get("late", self.late)
        self.number = what.get("number", self.number)
        if what.get("do") == "own":
            self.owning = Gio.bus_own_name_on_connection(
                self.bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: say(owns=True),
                lambda *_: say(owns=False))
        elif what.get("do") == "release":
            Gio.bus_unown_name(self.owning)
            say(owns=False)
        if "emit" in what:
            self.emit(what.get("to"), what["emit"], what["id"], what["value"])
            self.bus.flush_sync()
        say(done=text)


serve(Server().command)
