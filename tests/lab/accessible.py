#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs of a desktop show, as a screen reader would see it: one line of JSON for each thing.

Roles, names and places on the screen by the accessibility bus (AT-SPI); run within the session.
"""

import json

from gi.repository import Gio, GLib

ACCESSIBLE, COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
PROPERTIES = "org.freedesktop.DBus.Properties"
SCREEN = GLib.Variant("(u)", (0,))
STATE_SHOWING = 25


def call(bus, name, path, interface, method, arguments=None):
    return bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 3000,
                         None).unpack()


def walk(bus, name, path):
    """Print the thing and all that is within it; what goes away meanwhile is left out."""
    try:
        (states,) = call(bus, name, path, ACCESSIBLE, "GetState")
        if states[0] & 1 << STATE_SHOWING:
            text = call(bus, name, path, PROPERTIES, "Get", GLib.Variant("(ss)", (ACCESSIBLE, "Name")))[0]
            role = call(bus, name, path, ACCESSIBLE, "GetRoleName")[0]
            place = call(bus, name, path, COMPONENT, "GetExtents", SCREEN)[0]
            print(json.dumps({"role": role, "name": text, "place": place}))
    except GLib.Error:
        pass
    try:
        (children,) = call(bus, name, path, ACCESSIBLE, "GetChildren")
    except GLib.Error:
        return
    for child in children:
        walk(bus, *child)


session = Gio.bus_get_sync(Gio.BusType.SESSION)
address = call(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")[0]
flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
walk(Gio.DBusConnection.new_for_address_sync(address, flags, None, None), "org.a11y.atspi.Registry",
     "/org/a11y/atspi/accessible/root")
