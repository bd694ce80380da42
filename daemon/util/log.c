// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own messages, to stderr with the priority that journald understands. */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int level = LOG_INFO;

void log_set_level(int priority)
{
	level = priority;
}

void log_message(int priority, const char *format, ...)
{
	int saved = errno;
	char line[1024];
	va_list args;

	if (priority > level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, line);
	else
		fprintf(stderr, "lhguardd: %s\n", line);
	errno = saved;
}
