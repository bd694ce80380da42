// SPDX-License-Identifier: GPL-2.0-or-later
/* What the exceptions in force say of a source and a service. */
#include "excepted.h"

#include "output.h"

#include "policy/selector.h"
#include "policy/service.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct rule - one exception
 * @guest: the only guest that it is for, where @is_bound; 0: it has not been found
 */
struct rule {
	bool allow;
	bool is_bound;
	uint32_t guest;
	struct service service;
	struct selector source;
};

struct excepted {
	size_t count;
	struct rule rules[];
};

/* Return: whether it counts: this version knows its words, and it is for more than one connection and
 * whatever listens. */
static bool read_rule(struct rule *rule, const json_t *exception)
{
	*rule = (struct rule){
		.allow = !strcmp(text_of(exception, "action"), "allow"),
		.is_bound = json_is_true(json_object_get(exception, "untilStop")),
		.guest = (uint32_t)number_of(exception, "guest"),
	};
	return !json_is_true(json_object_get(exception, "once")) &&
	       !json_is_object(json_object_get(exception, "pin")) &&
	       !service_parse(text_of(exception, "service"), &rule->service, NULL) &&
	       !selector_parse(text_of(exception, "source"), &rule->source, NULL);
}

enum status excepted_read(struct excepted **excepted, const char *socket)
{
	json_t *list = NULL;
	enum status status = client_list(socket, "ListExceptions", "exceptions", &list);
	size_t count = status ? 0 : json_array_size(list);
	struct excepted *new = calloc(1, sizeof(*new) + count * sizeof(new->rules[0]));

	if (!new)
		abort();
	for (size_t i = 0; i < count; i++)
		if (read_rule(&new->rules[new->count], json_array_get(list, i)))
			new->count++;
	if (!status)
		json_decref(list);
	*excepted = new;
	return status;
}

void excepted_free(struct excepted *excepted)
{
	free(excepted);
}

static bool matches(const struct rule *rule, const struct flow *flow, const struct source *source)
{
	if (rule->is_bound && (!rule->guest || source->shared || rule->guest != source->guest))
		return false;
	return service_matches(&rule->service, flow) && selector_matches(&rule->source, source);
}

enum exceptional excepted_match(const struct excepted *excepted, const struct flow *flow,
				const struct source *source)
{
	enum exceptional found = EXCEPTED_NOT;

	for (size_t i = 0; i < excepted->count; i++) {
		if (!matches(&excepted->rules[i], flow, source))
			continue;
		if (!excepted->rules[i].allow)
			return EXCEPTED_DENIED;
		found = EXCEPTED_ALLOWED;
	}
	return found;
}
