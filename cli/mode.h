/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode that somebody set over the configuration's, in words. */
#ifndef LHGUARD_CLI_MODE_H
#define LHGUARD_CLI_MODE_H

#include <jansson.h>

/**
 * mode_override_text() - "set by root at 11:10:05, until 11:20:05, then enforce again"
 * @mode: an object with the members that GetStatus and SetMode have of it
 * Return: static, escaped; NULL where the mode is the configuration's.
 */
const char *mode_override_text(const json_t *mode);

#endif
