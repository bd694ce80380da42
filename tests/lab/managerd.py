#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manager of a user's units, as far as the desktop's agent asks it, which does what a test says.

Commands, one line of JSON each:
    {"answer": "start"}                   StartTransientUnit is answered, and the program is started
    {"answer": "early"}                   the same, once it was said that the start has failed
    {"answer": "NAME"}                    it is answered with this error
    {"remove": [UNIT, RESULT]}            say of a unit's job that it is over
Every call is told: {"unit": NAME, "properties": {...}, "argv": [...]}.
"""

import json
import os
import subprocess

from gi.repository import Gio, GLib

from puppetmain import say, serve

NAME, PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
INTERFACE = Gio.DBusNodeInfo.new_for_xml(f"""
<node><interface name="{NAME}.Manager">
<method name="StartTransientUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="a(sv)" direction="in"/><arg type="a(sa(sv))" direction="in"/><arg type="o" direction="out"/></method>
<signal name="JobRemoved"><arg type="u"/><arg type="o"/><arg type="s"/><arg type="s"/></signal>
</interface></node>""").interfaces[0]


class Manager:
    def __init__(self):
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.answer = "start"
        self.bus.register_object(PATH, INTERFACE, self.call, None, None)
        Gio.bus_own_name_on_connection(self.bus, NAME, Gio.BusNameOwnerFlags.NONE,
                                       lambda *_: say(owns=True), None)

    def call(self, bus, sender, path, interface, method, arguments, invocation):
        unit, _, properties, _ = arguments.unpack()
        properties = dict(properties)
        [[program, argv, _]] = properties.pop("ExecStart")
        self.asker = sender
        say(unit=unit, properties=properties, program=program, argv=argv)
        if self.answer == "early":
            self.removed(unit, "failed")
        elif self.answer != "start":
            invocation.return_dbus_error(self.answer, "as the test wants it")
            return
        invocation.return_value(GLib.Variant("(o)", (f"{PATH}/job/1",)))
        environment = dict(line.split("=", 1) for line in properties["Environment"])
        # Our own output has an end with us.
        subprocess.Popen([program, *argv[1:]], env={**os.environ, **environment}, stdout=subprocess.DEVNULL)

    def removed(self, unit, result):
        self.bus.emit_signal(self.asker, PATH, f"{NAME}.Manager", "JobRemoved",
                             GLib.Variant("(uoss)", (1, f"{PATH}/job/1", unit, result)))
        self.bus.flush_sync()

    def command(self, text):
        what = json.loads(text)
        self.answer = what.get("answer", self.answer)
        if "remove" in what:
            self.removed(*what["remove"])
        say(done=text)


serve(Manager().command)
