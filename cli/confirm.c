// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions before what cannot be taken back, or allows much. */
#include "confirm.h"

#include "output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SIZE 16

/* Nobody is asked with an answer that was given before, nor where nothing will be changed. */
static bool is_to_be_asked(const struct options *options)
{
	return !has_option(options, OPTION_YES) && !has_option(options, OPTION_DRY_RUN);
}

void confirm_tell(const struct options *options, const char *words)
{
	if (is_to_be_asked(options))
		complain(STATUS_DONE, "%s", words);
	else
		say("%s", words);
}

static bool ask(const char *question)
{
	char answer[ANSWER_SIZE] = "";

	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin)) {
		putc('\n', stderr);
		return false;
	}
	answer[strcspn(answer, "\n")] = '\0';
	return !strcasecmp(answer, "y") || !strcasecmp(answer, "yes");
}

enum status confirm(const struct options *options, const char *question, const char *refused)
{
	if (!is_to_be_asked(options) || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) ||
	    ask(question))
		return STATUS_DONE;
	return complain(STATUS_FAILED, "%s", refused);
}
