#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An authentication agent for polkit that answers as a test says, run as root on the test's system bus.

Commands, one line of JSON each:
    {"register": PID}      be the one that is asked about this process
    {"unregister": PID}
    {"answer": "yes", "no" or "wait"}   to what is asked from now on; and to what waits, if not "wait"
Told are {"asked": ACTION, "message": TEXT, "details": {...}, "cookie": C}, {"cancelled": C} and errors.
"""

import json
import os

from gi.repository import Gio, GLib

from puppetmain import say, serve

POLKIT, AUTHORITY = "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority"
PATH = "/org/lhguard/TestAgent"
INTERFACE = Gio.DBusNodeInfo.new_for_xml("""
<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
<method name="BeginAuthentication"><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="a{ss}" direction="in"/><arg type="s" direction="in"/>
<arg type="a(sa{sv})" direction="in"/></method>
<method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>""").interfaces[0]


def owner(pid):
    """Not that of its folder in /proc, which is root's where the process is not dumpable."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Uid:"))


def subject(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        started = int(file.read().rsplit(") ", 1)[1].split()[19])
    return ("unix-process", {"pid": GLib.Variant("u", pid), "start-time": GLib.Variant("t", started),
                             "uid": GLib.Variant("i", owner(pid))})


class Agent:
    def __init__(self):
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
        self.bus.register_object(PATH, INTERFACE, self.call, None, None)
        self.how = "no"
        self.waiting = {}

    def authority(self, method, arguments):
        self.bus.call_sync(POLKIT, AUTHORITY, f"{POLKIT}.Authority", method, arguments, None,
                           Gio.DBusCallFlags.NO_AUTO_START, 10000, None)

    def call(self, bus, sender, path, interface, method, arguments, invocation):
        values = arguments.unpack()
        if method == "CancelAuthentication":
            say(cancelled=values[0])
            question = self.waiting.pop(values[0], None)
            if question:
                self.refuse(question)
            invocation.return_value(None)
            return
        action, message, icon, details, cookie, identities = values
        say(asked=action, message=message, icon=icon, details=details, cookie=cookie,
            identities=[kind + ":" + str(value) for kind, value in identities])
        self.waiting[cookie] = invocation
        if self.how != "wait":
            self.reply(cookie)

    def refuse(self, invocation):
        invocation.return_dbus_error(f"{POLKIT}.Error.Cancelled", "the person says no")

    def reply(self, cookie):
        """What the setuid helper says of who gave the right password, or a person who closes the dialog."""
        invocation = self.waiting.pop(cookie)
        if self.how == "no":
            self.refuse(invocation)
            return
        root = ("unix-user", {"uid": GLib.Variant("u", 0)})
        # Not before polkitd has its hands free: it waits for no answer of ours meanwhile.
        self.bus.call(POLKIT, AUTHORITY, f"{POLKIT}.Authority", "AuthenticationAgentResponse2",
                      GLib.Variant("(us(sa{sv}))", (os.getuid(), cookie, root)), None,
                      Gio.DBusCallFlags.NONE, 10000, None, self.answered, invocation)

    def answered(self, bus, result, invocation):
        try:
            bus.call_finish(result)
        except GLib.Error as error:
            say(error=error.message)
        invocation.return_value(None)

    def command(self, text):
        what = json.loads(text)
        try:
            for word, method in (("register", "Register"), ("unregister", "Unregister")):
                if word in what:
                    locale = ("C", PATH) if word == "register" else (PATH,)
                    kinds = "((sa{sv})ss)" if word == "register" else "((sa{sv})s)"
                    self.authority(f"{method}AuthenticationAgent",
                                   GLib.Variant(kinds, (subject(what[word]), *locale)))
        except (GLib.Error, OSError) as error:
            say(error=str(error))
        self.how = what.get("answer", self.how)
        if self.how != "wait":
            for cookie in list(self.waiting):
                self.reply(cookie)
        say(done=text)


serve(Agent().command)
