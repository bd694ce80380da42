/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method behind the buttons of a desktop alert: allow what one event was refused. */
#ifndef LHGUARD_CONTROL_ALLOW_EVENT_METHOD_H
#define LHGUARD_CONTROL_ALLOW_EVENT_METHOD_H

#include <stddef.h>

struct call;

/** allow_event() - AllowEvent() */
void allow_event(struct call *call);

/** allow_event_describe() - what it would allow; -EINVAL: nothing that can be */
int allow_event_describe(struct call *call, char *text, size_t size);

#endif
