// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lhguard doctor's words for what is in a file, and not for what is on this machine:
 *
 *	doctor_text FILE [--json]
 *
 * The file has what was found by the names of checks and blind spots,
 *	{"checks": {"queues": {"health": 3, "found": ["queue 1: held by x"]}}, "blindSpots": {"vsock": {"result": -13}}}
 * and whatever it does not name is well.
 */
#include "cli/client.h"
#include "cli/doctor_text.h"
#include "cli/options.h"
#include "cli/output.h"

#include <locale.h>
#include <stdio.h>

static json_t *found_of(const json_t *given)
{
	json_t *found = json_object_get(given, "found");

	return found ? json_incref(found) : json_array();
}

static json_t *list_checks(const json_t *given)
{
	json_t *list = json_array();

	for (size_t i = 0; i < check_count; i++) {
		const json_t *own = json_object_get(given, checks[i].name);

		json_array_append_new(list, doctor_check(&checks[i],
							 (enum health)number_of(own, "health"),
							 found_of(own)));
	}
	return list;
}

static json_t *list_spots(const json_t *given)
{
	json_t *list = json_array();

	for (size_t i = 0; i < blind_spot_count; i++) {
		const json_t *own = json_object_get(given, blind_spots[i].name);

		json_array_append_new(
			list,
			doctor_spot(&blind_spots[i], (int)number_of(own, "result"), found_of(own)));
	}
	return list;
}

int main(int argc, char **argv)
{
	json_t *given, *list, *spots;
	struct options options;
	json_error_t error;
	int rest;

	setlocale(LC_CTYPE, "");
	if (options_parse(&options, argc, argv, &rest) || rest >= argc)
		return STATUS_USAGE;
	output_set(&options);
	given = json_load_file(argv[rest], JSON_REJECT_DUPLICATES, &error);
	if (!given)
		return complain(STATUS_FAILED, "%s:%d: %s", argv[rest], error.line, error.text);
	list = list_checks(json_object_get(given, "checks"));
	spots = list_spots(json_object_get(given, "blindSpots"));
	if (options.json)
		print_members(doctor_document(list, spots));
	else
		doctor_print(list, spots);
	json_decref(list);
	json_decref(spots);
	json_decref(given);
	return STATUS_DONE;
}
