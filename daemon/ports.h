/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks who waits for connections on the host, when a guest may have begun to. */
#ifndef LHGUARD_PORTS_H
#define LHGUARD_PORTS_H

#include "kernel/sockets.h"

#include <stdint.h>

struct daemon;
struct guest_view;
struct ports;

/** ports_open() - called in the guarded network namespace; 0 or -errno. */
int ports_open(struct ports **ports, struct daemon *daemon);
void ports_close(struct ports *ports);

/** ports_start() - look once, so that what was there before is known, and join the event loop. */
int ports_start(struct ports *ports);

/** ports_update() - processes may have come or gone: look soon, or not any more. */
void ports_update(struct ports *ports);

/**
 * ports_others_join() - does another wait for this flow, too, beside @socket of this guest's?
 * @data: the ports
 */
bool ports_others_join(void *data, const struct flow *flow, const struct socket_info *socket,
		       uint32_t guest);

/** ports_view() - where this guest waits. */
void ports_view(const struct ports *ports, uint32_t guest, struct guest_view *view);

#endif
