// SPDX-License-Identifier: GPL-2.0-or-later
/* lhguard: looks at the guard and tells it what to allow. */
#include "commands.h"
#include "output.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct options options;
	enum status status;
	int rest;

	setlocale(LC_CTYPE, "");
	if (options_parse(&options, argc, argv, &rest))
		return STATUS_USAGE;
	output_set(&options);
	status = commands_run(&options, argc - rest, argv + rest);
	if ((fflush(stdout) || ferror(stdout)) && status == STATUS_DONE)
		return complain(STATUS_FAILED, "the answer could not be written: %s",
				strerror(errno));
	return status;
}
