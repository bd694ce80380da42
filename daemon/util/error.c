// SPDX-License-Identifier: GPL-2.0-or-later
/* What went wrong, in words for the person who has to mend it. */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *error, int errnum, const char *format, ...)
{
	va_list args;

	if (!error)
		return errnum;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return errnum;
}
