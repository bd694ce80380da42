/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's own messages, to stderr with the priority that journald understands. */
#ifndef LHGUARD_UTIL_LOG_H
#define LHGUARD_UTIL_LOG_H

#include <syslog.h>

/**
 * log_message() - write one line to stderr
 * @priority: LOG_ERR … LOG_DEBUG (syslog(3))
 * @format: printf format, no newline at the end
 *
 * Under systemd a line gets the "<N>" prefix of sd-daemon(3), otherwise "lhguardd: ". Text that
 * came from outside has to be escaped by the caller (util/text.h). errno is kept.
 */
void log_message(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** log_set_level() - show messages up to @priority (default LOG_INFO). */
void log_set_level(int priority);

#define log_error(...)	 log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_message(LOG_DEBUG, __VA_ARGS__)

#endif
