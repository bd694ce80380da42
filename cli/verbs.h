/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lhguard(1) can be asked to do. */
#ifndef LHGUARD_CLI_VERBS_H
#define LHGUARD_CLI_VERBS_H

#include "client.h"

/**
 * struct options - of the command line
 * @socket: path of the control socket
 * @json: JSON and not text
 * @from: source of an exception, NULL: any
 * @duration: how long an exception lasts, NULL: for ever
 * @until_stop: an exception ends with its guest
 * @cut_at_end: what an exception allowed is cut when it ends
 * @comment: of an exception, NULL: none
 * @past: how many past attempts to watch first
 * @refused: only connections that the policy refuses now
 * @cut: end them
 */
struct options {
	const char *socket;
	bool json;
	const char *from;
	const char *duration;
	bool until_stop;
	bool cut_at_end;
	const char *comment;
	unsigned int past;
	bool refused;
	bool cut;
};

/* Each takes the arguments behind the verb. */
enum status verb_status(const struct options *options, int argc, char **argv);
enum status verb_allow(const struct options *options, int argc, char **argv);
enum status verb_deny(const struct options *options, int argc, char **argv);
enum status verb_remove(const struct options *options, int argc, char **argv);
enum status verb_list(const struct options *options, int argc, char **argv);
enum status verb_guests(const struct options *options, int argc, char **argv);
enum status verb_connections(const struct options *options, int argc, char **argv);
enum status verb_watch(const struct options *options, int argc, char **argv);
enum status verb_doctor(const struct options *options, int argc, char **argv);
enum status verb_reload(const struct options *options, int argc, char **argv);

/** print_cut() - how many open connections were cut */
void print_cut(json_int_t count);

#endif
