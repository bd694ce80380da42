/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method that changes the mode. */
#ifndef LHGUARD_CONTROL_MODE_METHOD_H
#define LHGUARD_CONTROL_MODE_METHOD_H

struct call;

/** mode_method_set() - SetMode() */
void mode_method_set(struct call *call);

#endif
