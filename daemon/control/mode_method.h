/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method that changes the mode. */
#ifndef LHGUARD_CONTROL_MODE_METHOD_H
#define LHGUARD_CONTROL_MODE_METHOD_H

#include <stddef.h>

struct call;

/** mode_method_set() - SetMode() */
void mode_method_set(struct call *call);

/** mode_method_describe() - what it is asked for; -EINVAL: nothing that can be */
int mode_method_describe(struct call *call, char *text, size_t size);

#endif
