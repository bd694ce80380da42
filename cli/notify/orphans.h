/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notifications whose number came too late: nobody could do anything with them any more. */
#ifndef LHGUARD_NOTIFY_ORPHANS_H
#define LHGUARD_NOTIFY_ORPHANS_H

#include <gio/gio.h>

/** orphans_watch() - look out for them on the session's bus, for as long as the process lives */
void orphans_watch(GDBusConnection *bus);

/** orphans_lost() - the Notify that was called last was given up: what it shows is to be closed */
void orphans_lost(void);

#endif
