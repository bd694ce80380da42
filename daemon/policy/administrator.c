// SPDX-License-Identifier: GPL-2.0-or-later
/* The administrator's folder of exceptions: read, never written. */
#include "policy/administrator.h"
#include "util/cleanup.h"
#include "util/folder.h"
#include "util/hash.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint32_t rule_id(const char *name, uint32_t number)
{
	uint64_t hash = hash_add_text(HASH_START, name);

	for (int shift = 0; shift < 32; shift += 8)
		hash = hash_add(hash, number >> shift & 0xff);
	return ADMINISTRATOR_IDS + (uint32_t)(hash % ADMINISTRATOR_IDS);
}

static int read_file(const char *folder, const char *name, struct rules *rules, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	size_t first = rules->count;
	int ret;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	ret = rules_read(path, rules, NULL, error);
	for (size_t i = first; ret == 0 && i < rules->count; i++) {
		struct exception *rule = rules->rule[i];

		rule->id = rule_id(name, rule->id);
		text_copy_name(rule->file, sizeof(rule->file), path, strlen(path));
	}
	return ret;
}

int administrator_read(const char *folder, struct rules *rules, struct error *error)
{
	struct dirent **names;
	int count = folder_list(folder, &names);
	int ret = 0;

	if (count < 0)
		return error_set(error, count, "%s: %s", folder, strerror(-count));
	for (int i = 0; i < count; i++) {
		if (ret == 0)
			ret = read_file(folder, names[i]->d_name, rules, error);
		free(names[i]);
	}
	free(names);
	rules_sort(rules);
	/* Two of 65,536 rules may well have got one id. */
	for (size_t i = 1; i < rules->count; i++)
		if (rules->rule[i]->id <= rules->rule[i - 1]->id)
			rules->rule[i]->id = rules->rule[i - 1]->id + 1;
	return ret;
}
