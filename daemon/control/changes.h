/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods that change something: exceptions, and what is read from files. */
#ifndef LHGUARD_CONTROL_CHANGES_H
#define LHGUARD_CONTROL_CHANGES_H

struct call;

/** changes_error() - the name of the error that stands for why an exception cannot be changed */
const char *changes_error(int result);

void changes_add(struct call *call);
void changes_remove(struct call *call);
void changes_reload(struct call *call);

#endif
