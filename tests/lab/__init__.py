# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: real guests, a host of its own for them, and the guard, for tests and for the demo.

    host        a network namespace that plays the machine to be guarded, and its services
    guests      real VMs, containers and namespaces, all driven through one interface; more of them in
                nspawn, libvirt (system and session), passt and sandbox (bubblewrap)
    standins    programs that only look like a runtime's, for those that cannot run here
    guard       the daemon under test, its CLI and its events
    varlinkctl  systemd's client of the control socket, of a newer Debian, in a root folder of its own
    image       what the guests are made of: kernel, initrd, container root, probe
    packets     hand-made packets, for guests that do not play by the rules
    system      processes, namespaces and cleaning up

Nothing touches the network of the machine's own namespace, and nothing outlives its `Cleanup`.
"""
