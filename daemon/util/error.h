/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What went wrong, in words for the person who has to mend it. */
#ifndef LHGUARD_UTIL_ERROR_H
#define LHGUARD_UTIL_ERROR_H

/**
 * struct error - one sentence for a person, beside the -errno for the program
 * @text: what is wrong, where (file:line when there is one) and what to do; "" when unset
 */
struct error {
	char text[512];
};

/**
 * error_set() - write the sentence and hand the errno through
 * @error: where to write; may be NULL
 * @errnum: negative errno that the caller wants to return
 * @format: printf format of the sentence
 *
 * Return: @errnum, so that a caller can `return error_set(error, -EINVAL, "…")`.
 */
int error_set(struct error *error, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
