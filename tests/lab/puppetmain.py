# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of puppet.py, inside a program of the lab: lines of JSON in and out, in GLib's main loop."""

import json
import os
from typing import Callable

from gi.repository import GLib


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def serve(command: Callable[[str], None]) -> None:
    """Say that it is ready, and call @command with each line until there are no more."""
    loop, begun = GLib.MainLoop(), b""

    def read(source: int, _: object) -> bool:
        nonlocal begun
        data = os.read(source, 65536)
        if not data:
            loop.quit()
            return False
        *lines, begun = (begun + data).split(b"\n")
        for line in lines:
            command(line.decode())
        return True

    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
    say(ready=True)
    loop.run()
