/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which the event loop takes what is due at one time. */
#ifndef LHGUARD_PRIORITY_H
#define LHGUARD_PRIORITY_H

#include <systemd/sd-event.h>

/**
 * enum priority - of an event source; lower goes first, and equal ones in turn
 * @PRIORITY_FACTS: who is who. A batch of packets takes in by itself what was reported before it; so
 *	a storm of processes starves no verdict
 * @PRIORITY_QUEUES: packets
 * @PRIORITY_MODE: in turn with them: under a flood, too, monitor mode is over when its time is
 * @PRIORITY_TABLE: somebody has changed the ruleset
 * @PRIORITY_CONTROL: whoever wants to talk to us, and long walks: after all that verdicts depend on
 */
enum priority {
	PRIORITY_FACTS = SD_EVENT_PRIORITY_NORMAL - 30,
	PRIORITY_QUEUES = PRIORITY_FACTS,
	PRIORITY_MODE = PRIORITY_QUEUES,
	PRIORITY_TABLE = SD_EVENT_PRIORITY_NORMAL - 20,
	PRIORITY_CONTROL = SD_EVENT_PRIORITY_NORMAL + 50,
};

#endif
