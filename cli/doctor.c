// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that tells what the guard cannot see, and what of that this host has. */
#include "blind_spots.h"
#include "output.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *state_of(const struct blind_spot *spot, int result, const json_t *found)
{
	if (!spot->find)
		return "cannot be told";
	if (result)
		return "not looked at";
	return json_array_size(found) ? "found" : "none";
}

static json_t *examine(const struct blind_spot *spot, const json_t *guests)
{
	json_t *found = json_array();
	int result = spot->find ? spot->find(guests, found) : 0;

	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", spot->name, "title", spot->title,
			 "state", state_of(spot, result, found), "advice", spot->advice, "found",
			 found);
}

static void print_spot(const json_t *spot)
{
	const json_t *found = json_object_get(spot, "found");
	bool is_there = json_array_size(found) || !strcmp(text_of(spot, "state"), "cannot be told");

	printf("%-16s %-14s %s\n", text_of(spot, "name"), text_of(spot, "state"),
	       text_of(spot, "title"));
	for (size_t i = 0; i < json_array_size(found); i++)
		printf("%32s%s\n", "", shown(json_string_value(json_array_get(found, i))));
	if (is_there)
		printf("%32s%s %s\n", "", arrow(), text_of(spot, "advice"));
}

enum status verb_doctor(const struct options *options, int argc, char **argv)
{
	json_t *guests = NULL, *spots = json_array();
	enum status status =
		client_list(options->socket, "ListGuests", "guests", &guests); /* says why not */

	if (status)
		guests = NULL;
	for (size_t i = 0; i < blind_spot_count; i++)
		json_array_append_new(spots, examine(&blind_spots[i], guests));
	if (options->json) {
		print_document("blindSpots", json_incref(spots));
	} else {
		puts("What the guard cannot see, since it is no IP packet or bears no mark, and "
		     "what "
		     "of it is here:\n");
		for (size_t i = 0; i < json_array_size(spots); i++)
			print_spot(json_array_get(spots, i));
		if (geteuid())
			puts("\nFor a whole answer run it as root.");
	}
	json_decref(spots);
	json_decref(guests);
	return status;
}
