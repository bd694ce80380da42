// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of exceptions, printed so that rules.c reads it without a loss. */
#include "policy/rules.h"
#include "policy/timestamp.h"
#include "util/ini.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PIECE_LENGTH  150  /* bytes of an escaped value on one line */
#define RULE_TEXT_MAX 3500 /* bytes that rules_print() writes for one rule, generously */

static_assert(PIECE_LENGTH + sizeof("comment+ = ") + 8 < INI_LINE_SIZE, "a piece fits on a line");
static_assert((uint64_t)RULE_TEXT_MAX * EXCEPTIONS_MAX < INI_FILE_SIZE,
	      "we can read what we write");

#define FILE_HEAD                                                                                  \
	"# Written by lhguardd. Change it with lhguard(1); rules made by hand belong into\n"       \
	"# /etc/lhguard/exceptions.d/, see lhguard.conf(5).\n"

#define PORTABLE_HEAD                                                                              \
	"# Written by lhguard export, to be read by lhguard import, or from\n"                     \
	"# /etc/lhguard/exceptions.d/; see lhguard.conf(5).\n"

static size_t unit_length(const char *text)
{
	size_t length = 1;

	if (*text == '\\')
		return text[1] == 'x' ? strlen("\\xHH") : strlen("\\\\");
	while ((text[length] & 0xc0) == 0x80) /* the rest of a UTF-8 character */
		length++;
	return length;
}

/* One line of a value; blanks at its ends would be stripped by a reader. */
static void print_piece(FILE *file, const char *key, const char *piece, size_t length)
{
	bool first = piece[0] == ' ', last = length > 1 && piece[length - 1] == ' ';

	fprintf(file, "%s = %s%.*s%s\n", key, first ? "\\x20" : "", (int)(length - first - last),
		piece + first, last ? "\\x20" : "");
}

static void print_text(FILE *file, const char *key, const char *more, const char *text)
{
	char escaped[4 * (SELECTOR_TEXT_SIZE + COMMENT_SIZE + GUEST_KEY_SIZE)];
	const char *rest = escaped;

	text_escape(escaped, sizeof(escaped), text, strlen(text));
	do {
		size_t length = 0;

		while (rest[length] && length + unit_length(rest + length) <= PIECE_LENGTH)
			length += unit_length(rest + length);
		print_piece(file, key, rest, length);
		rest += length;
		key = more;
	} while (*rest);
}

static void print_time(FILE *file, const char *key, uint64_t us)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(text, sizeof(text), us);
	fprintf(file, "%s = %s\n", key, text);
}

/* @id: what it is called; of the daemon's own file it is said who made it */
static void print_rule(FILE *file, const struct exception *rule, uint32_t id, bool is_own)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE];

	fprintf(file, "\n[exception %u]\n", id);
	fprintf(file, "action = %s\n", rule->allow ? "allow" : "deny");
	fprintf(file, "service = %s\n", service_format(service, sizeof(service), &rule->service));
	print_text(file, "source", "source+",
		   selector_format(source, sizeof(source), &rule->source));
	if (rule->guest_key[0])
		print_text(file, "guest", "guest+", rule->guest_key);
	if (rule->pin[0]) {
		print_text(file, "pin", "pin+", rule->pin);
		fprintf(file, "pin-user = %u\n", rule->pin_user);
	}
	if (rule->once)
		fprintf(file, "once = yes\n");
	if (rule->cut)
		fprintf(file, "cut = yes\n");
	if (is_own || rule->created_us)
		print_time(file, "created", rule->created_us);
	if (rule->expires_us)
		print_time(file, "expires", rule->expires_us);
	if (is_own)
		fprintf(file, "creator = %u\n", rule->creator);
	if (rule->comment[0])
		print_text(file, "comment", "comment+", rule->comment);
}

int rules_print(FILE *file, const struct rules *rules, uint32_t next)
{
	fprintf(file, FILE_HEAD "\n[store]\nnext = %u\n", next);
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rule[i]->id < ADMINISTRATOR_IDS)
			print_rule(file, rules->rule[i], rules->rule[i]->id, true);
	return ferror(file) ? -ENOMEM : 0;
}

int rules_print_portable(FILE *file, const struct rules *rules)
{
	fprintf(file, PORTABLE_HEAD);
	for (size_t i = 0; i < rules->count; i++)
		print_rule(file, rules->rule[i], (uint32_t)i + 1, false);
	return ferror(file) ? -ENOMEM : 0;
}
