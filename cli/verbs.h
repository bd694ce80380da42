/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lhguard(1) can be asked to do. */
#ifndef LHGUARD_CLI_VERBS_H
#define LHGUARD_CLI_VERBS_H

#include "client.h"
#include "options.h"

/* Each takes the arguments behind the verb. */
enum status verb_status(const struct options *options, int argc, char **argv);
enum status verb_allow(const struct options *options, int argc, char **argv);
enum status verb_deny(const struct options *options, int argc, char **argv);
enum status verb_edit(const struct options *options, int argc, char **argv);
enum status verb_export(const struct options *options, int argc, char **argv);
enum status verb_import(const struct options *options, int argc, char **argv);
enum status verb_remove(const struct options *options, int argc, char **argv);
enum status verb_list(const struct options *options, int argc, char **argv);
enum status verb_guests(const struct options *options, int argc, char **argv);
enum status verb_ports(const struct options *options, int argc, char **argv);
enum status verb_services(const struct options *options, int argc, char **argv);
enum status verb_connections(const struct options *options, int argc, char **argv);
enum status verb_explain(const struct options *options, int argc, char **argv);
enum status verb_log(const struct options *options, int argc, char **argv);
enum status verb_suggest(const struct options *options, int argc, char **argv);
enum status verb_watch(const struct options *options, int argc, char **argv);
enum status verb_doctor(const struct options *options, int argc, char **argv);
enum status verb_mode(const struct options *options, int argc, char **argv);
enum status verb_check(const struct options *options, int argc, char **argv);
enum status verb_reload(const struct options *options, int argc, char **argv);

/** verb_complete() - what shells ask when TAB is pressed; @argv: the words, the last is incomplete */
enum status verb_complete(const struct options *options, int argc, char **argv);

/** print_notes() - what the daemon has to say beside the answer, a list of texts */
void print_notes(const json_t *notes);

/** parse_id() - an exception's number; NULL: it is none */
json_t *parse_id(const char *text);

/** print_cut() - how many open connections were cut */
void print_cut(json_int_t count);

#endif
