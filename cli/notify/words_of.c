// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests, services and routes of the daemon's answers in plain words. */
#include "words_of.h"

#include "wording.h"

#include "../output.h"

#include "util/array.h"
#include "util/text.h"

#include <ctype.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS   "\xe2\x80\xa6"
#define ONE_OF	   "one of: "
#define OPENING	   "\xe2\x80\x9c"
#define CLOSING	   "\xe2\x80\x9d"
#define LINE_DOT   "\xc2\xb7"
#define CLEAN_SIZE 4096

/* Printable text, whose backslashes are its own, is left as it is. */
const char *clean(char *target, size_t size, const char *text)
{
	size_t length = strlen(text), backslashes = 0;
	char escaped[CLEAN_SIZE];

	text_escape(escaped, sizeof(escaped), text, length);
	for (size_t i = 0; i < length; i++)
		backslashes += text[i] == '\\';
	if (strlen(escaped) == length + backslashes)
		text_copy(escaped, sizeof(escaped), text);
	if (!text_copy(target, size, escaped) || strlen(escaped) == sizeof(escaped) - 1) {
		text_copy(target, size - strlen(ELLIPSIS), escaped);
		strcat(target, ELLIPSIS);
	}
	return target;
}

static const char *kind_words(const char *kind)
{
	if (!strcmp(kind, "vm"))
		return "VM";
	if (!strcmp(kind, "container"))
		return "Container";
	if (!strcmp(kind, "sandbox"))
		return "Sandbox";
	return "Guest";
}

/* @is_list: of such names, "a, b" */
static bool is_plain(const char *name, bool is_list)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@:/?";

	name += strspn(name, plain);
	for (; is_list && g_str_has_prefix(name, ", "); name += strspn(name, plain))
		name += strlen(", ");
	return !*name;
}

/*
 * A name that could be a part of the sentence ("x may reach nothing. VM y") stands in quotes, which none can
 * end: its own are shown as plain ones. @size: of NAME_QUOTED
 */
static const char *name_words(char *target, size_t size, const char *name, bool is_list)
{
	char shown[NAME_SHOWN];

	clean(shown, sizeof(shown), name);
	if (is_plain(name, is_list)) {
		text_copy(target, size, shown);
		return target;
	}
	text_copy(target, size, OPENING);
	for (const char *c = shown; *c;) {
		bool is_quote = g_str_has_prefix(c, OPENING) || g_str_has_prefix(c, CLOSING);

		text_append(target, size, "%c", is_quote ? '"' : *c);
		c += is_quote ? strlen(OPENING) : 1;
	}
	text_append(target, size, CLOSING);
	return target;
}

static const char *guest_words(char *target, size_t size, const json_t *source)
{
	const char *name = text_of(source, "name"), *kind = kind_words(text_of(source, "kind"));
	const char *runtime = text_of(source, "runtime");
	char shown_name[NAME_QUOTED], shown_runtime[32];

	if (json_is_true(json_object_get(source, "shared"))) {
		if (g_str_has_prefix(name, ONE_OF))
			name += strlen(ONE_OF);
		snprintf(target, size, "One of %s",
			 name_words(shown_name, sizeof(shown_name), name, true));
	} else if (*name) {
		snprintf(target, size, "%s %s", kind,
			 name_words(shown_name, sizeof(shown_name), name, false));
	} else {
		snprintf(target, size, "%s without a name (%s)",
			 !strcmp(kind, "VM")	      ? "A VM"
			 : !strcmp(kind, "Container") ? "A container"
			 : !strcmp(kind, "Sandbox")   ? "A sandbox"
						      : "A guest",
			 *runtime ? clean(shown_runtime, sizeof(shown_runtime), runtime)
				  : "runtime unknown");
	}
	return target;
}

const char *source_words(char *target, size_t size, const json_t *source)
{
	const char *class = text_of(source, "class");

	if (!strcmp(class, "guest"))
		return guest_words(target, size, source);
	text_copy(target, size,
		  !strcmp(class, "lan")	   ? "A machine of the network"
		  : !strcmp(class, "host") ? "A program of this host"
					   : "Somebody unknown");
	return target;
}

const char *label_words(char *target, size_t size, const char *label)
{
	const char *colon = strchr(label, ':');
	char kind[16], name[NAME_QUOTED];

	text_copy(kind, sizeof(kind), label);
	kind[strcspn(kind, ":")] = '\0';
	name_words(name, sizeof(name), colon ? colon + 1 : label, false);
	target[0] = '\0';
	text_append(target, size, "%s%s%s", colon ? kind : "", colon ? " " : "", name);
	return target;
}

const char *protocol_words(char *target, size_t size, const json_t *service)
{
	clean(target, size, text_of(service, "protocol"));
	for (char *c = target; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return target;
}

const char *service_words(char *target, size_t size, const json_t *service, const char *title)
{
	const char *program = text_of(service, "program");
	json_int_t port = number_of(service, "port");
	char shown_text[NAME_SHOWN];

	if (!port)
		snprintf(target, size, "this host by %s",
			 protocol_words(shown_text, sizeof(shown_text), service));
	else if (title)
		clean(target, size < NAME_SHOWN ? size : NAME_SHOWN, title);
	else if (*program)
		snprintf(target, size, "port %" JSON_INTEGER_FORMAT " (%s)", port,
			 clean(shown_text, sizeof(shown_text), program));
	else
		snprintf(target, size, "%s port %" JSON_INTEGER_FORMAT,
			 protocol_words(shown_text, sizeof(shown_text), service), port);
	return target;
}

static const struct {
	const char *route;
	const char *words;
	bool has_interface;
} routes[] = {
	{"user-net", "It came through its user-mode network", false},
	{"host-net", "It came on the network of this host, which the guest shares", false},
	{"bridge", "It came over the virtual network", true},
	{"veth", "It came over its virtual cable", true},
	{"tap", "It came over its virtual network card", true},
	{"macvtap", "It came over its virtual card on the LAN", true},
	{"lan", "It came from the LAN", true},
	{"martian", "It came from outside with an address of loopback", true},
	{"local", "It came from a program on this host", false},
};

const char *route_words(char *target, size_t size, const json_t *event)
{
	const json_t *source = json_object_get(event, "source");
	const char *route = text_of(event, "route"), *interface = text_of(event, "interface");
	const char *conduit = text_of(source, "conduit"), *program = text_of(event, "program");
	char text[NAME_SHOWN];

	snprintf(target, size, "It came by %s", clean(text, sizeof(text), route));
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (strcmp(route, routes[i].route))
			continue;
		text_copy(target, size, routes[i].words);
		if (routes[i].has_interface && *interface)
			text_append(target, size, " %s", clean(text, sizeof(text), interface));
	}
	if (*conduit)
		text_append(target, size, " (%s)", clean(text, sizeof(text), conduit));
	else if (*program)
		text_append(target, size, ", from %s", clean(text, sizeof(text), program));
	if (!strcmp(text_of(source, "class"), "unknown"))
		text_append(target, size, "; it cannot be told who it is");
	return target;
}

/*
 * The specification knows no markup in summaries, but some servers show them as rich text if they look
 * like it (Qt does by itself): what would begin a tag or an entity is escaped as control characters are.
 */
static void escape_summary(char *target, size_t size, const char *text)
{
	target[0] = '\0';
	for (; *text; text++) {
		bool is_entity = *text == '&' &&
				 (isalpha((unsigned char)text[1]) || text[1] == '#') &&
				 strchr(text, ';');

		if (*text == '<' || is_entity)
			text_append(target, size, "\\x%02x", (unsigned char)*text);
		else
			text_append(target, size, "%c", *text);
	}
}

/*
 * Quotes are left as they are: they have a meaning in tags alone, and GNOME Shell shows a character by number,
 * as g_markup_escape_text() writes an apostrophe, as "&#39;" (js/misc/util.js: fixMarkup).
 */
static void escape_body(char *target, size_t size, const char *text)
{
	target[0] = '\0';
	for (size_t plain; *text; text += plain + (text[plain] != '\0')) {
		plain = strcspn(text, "&<>");
		text_append(target, size, "%.*s%s", (int)plain, text,
			    text[plain] == '&'	 ? "&amp;"
			    : text[plain] == '<' ? "&lt;"
			    : text[plain] == '>' ? "&gt;"
						 : "");
	}
}

/* How many characters of one sort end right before @at, at most @most? */
static size_t run_before(const char *text, const char *at, int (*is_of)(int), size_t most)
{
	size_t count = 0;

	while (count < most && at - count > text && is_of((unsigned char)at[-1 - (ptrdiff_t)count]))
		count++;
	return count;
}

/* "evil.test" before a slash: a name with a dot, that is no part of a path */
static bool ends_host(const char *text, const char *at)
{
	const char *dot = at - run_before(text, at, isalpha, 4) - 1, *start = dot;

	if (at - dot < 3 || dot <= text || *dot != '.')
		return false;
	while (start > text && (isalnum((unsigned char)start[-1]) || strchr(".-", start[-1])))
		start--;
	return start < dot && (start == text || start[-1] != '/');
}

/* Does what stands before @at make a link of it: "https:" + "//", "www3" + ".", "evil.test" + "/"? */
static bool ends_link_start(const char *text, const char *at)
{
	const char *digits = at - run_before(text, at, isdigit, 3);

	if (*at == '.')
		return digits - text >= 3 && !g_ascii_strncasecmp(digits - 3, "www", 3);
	if (*at != '/' || at == text)
		return false;
	return (at[-1] == ':' && at[1] == '/') || ends_host(text, at);
}

/*
 * GNOME Shell makes links of what looks like one in a body (js/misc/util.js: findUrls), and a guest calls
 * itself what it likes: the character that makes it one is escaped.
 */
static void break_links(char *target, size_t size, const char *text)
{
	target[0] = '\0';
	for (const char *at = text; *at; at++) {
		if (ends_link_start(text, at))
			text_append(target, size, "\\x%02x", (unsigned char)*at);
		else
			text_append(target, size, "%c", *at);
	}
}

/* A dot of the text's own would look like the end of a line: it is escaped. */
void message_join_lines(char *body)
{
	char lines[ESCAPED_BODY_SIZE];

	text_copy(lines, sizeof(lines), body);
	body[0] = '\0';
	for (const char *at = lines; *(at += strspn(at, " \n"));) {
		if (*body)
			text_append(body, ESCAPED_BODY_SIZE, " " LINE_DOT " ");
		for (bool is_dot; *at && *at != '\n'; at += is_dot ? strlen(LINE_DOT) : 1) {
			is_dot = g_str_has_prefix(at, LINE_DOT);
			if (is_dot)
				text_append(body, ESCAPED_BODY_SIZE, "\\xc2\\xb7");
			else
				text_append(body, ESCAPED_BODY_SIZE, "%c", *at);
		}
	}
}

void message_escape(const struct message *message, bool has_markup, char *summary, char *body)
{
	char plain[ESCAPED_BODY_SIZE];

	escape_summary(summary, ESCAPED_SUMMARY_SIZE, message->summary);
	break_links(plain, sizeof(plain), message->body);
	if (has_markup)
		escape_body(body, ESCAPED_BODY_SIZE, plain);
	else
		text_copy(body, ESCAPED_BODY_SIZE, plain);
}
