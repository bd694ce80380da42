/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sample alert, for people who want to see one before they need it. */
#ifndef LHGUARD_NOTIFY_SAMPLE_H
#define LHGUARD_NOTIFY_SAMPLE_H

#include <stdbool.h>

/** sample_show() - show it; complaints to stderr. Return: whether it is shown */
bool sample_show(void);

#endif
