// SPDX-License-Identifier: GPL-2.0-or-later
/* Which events are meant: --from, --service and --verdict, with the meaning that exceptions have. */
#include "filter.h"

#include "names.h"
#include "output.h"

#include "guests/catalogue.h"
#include "guests/meant.h"
#include "policy/timestamp.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED (1U << VERDICT_DROP | 1U << VERDICT_REJECT)

static int parse_verdict(const char *text, unsigned int *verdicts)
{
	if (!strcmp(text, "refused")) {
		*verdicts = REFUSED;
		return 0;
	}
	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
		if (!strcmp(text, verdict_text((enum verdict)verdict))) {
			*verdicts = 1U << verdict;
			return 0;
		}
	return -EINVAL;
}

int filter_check_source(const struct filter *filter, const char *catalogue, const char *folder,
			struct error *error)
{
	const struct selector *source = &filter->source;
	struct catalogue *known = NULL;
	int result;

	if (!filter->has_source || source->type != SELECT_RUNTIME ||
	    catalogue_load(&known, catalogue, folder, error))
		return 0;
	result = meant_check(known, source->word, source->name, error);
	catalogue_free(known);
	return result;
}

enum status filter_parse(struct filter *filter, const struct options *options)
{
	const char *from = options->value[OPTION_FROM], *service = options->value[OPTION_SERVICE];
	const char *verdict = options->value[OPTION_VERDICT];
	struct error error = {.text = ""};

	*filter = (struct filter){.has_source = from, .has_service = service};
	if (from && selector_parse(from, &filter->source, &error))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	/* No mistake: what is gone from the catalogue may still be in the journal. */
	if (filter_check_source(filter, CATALOGUE_PATH, CATALOGUE_FOLDER, &error))
		complain(STATUS_DONE, "%s", shown(error.text));
	if (verdict && parse_verdict(verdict, &filter->verdicts))
		return complain(STATUS_USAGE,
				"\"%s\" is no verdict: write accept, drop, reject, or refused for "
				"the last two",
				shown(verdict));
	return service ? names_parse(options, service, &filter->service) : STATUS_DONE;
}

int past_parse(const char *text, unsigned int *past)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || *text == '+' || value > PAST_MAX) {
		complain(STATUS_USAGE, "--past takes a number, not \"%s\"", shown(text));
		return -EINVAL;
	}
	*past = (unsigned int)value;
	return 0;
}

bool filter_is_empty(const struct filter *filter)
{
	return !filter->has_source && !filter->has_service && !filter->verdicts;
}

bool filter_matches(const struct filter *filter, const json_t *event)
{
	struct attempt attempt;

	if (filter_is_empty(filter))
		return true;
	if (!event_read(&attempt, event))
		return false;
	if (filter->verdicts && (attempt.type == EVENT_LISTENER || /* nothing was judged */
				 !(filter->verdicts & 1U << attempt.decision.verdict)))
		return false;
	return (!filter->has_source || selector_matches(&filter->source, &attempt.source)) &&
	       (!filter->has_service || service_matches(&filter->service, &attempt.flow));
}

/* Return: the number of @text among the words of an enum, -EINVAL for none of them. */
#define FIND_WORD(count, word, text)                                                               \
	({                                                                                         \
		int found_ = -EINVAL;                                                              \
		for (int i_ = 0; i_ < (int)(count) && found_ < 0; i_++)                            \
			if (!strcmp(word(i_), text))                                               \
				found_ = i_;                                                       \
		found_;                                                                            \
	})

static bool read_source(struct source *source, const json_t *json)
{
	int class = FIND_WORD(SOURCE_CLASS_COUNT, source_class_text, text_of(json, "class"));
	int kind = kind_parse(text_of(json, "kind"));

	if (class < 0 || (kind < 0 && class == SOURCE_GUEST))
		return false;
	source->class = (enum source_class) class;
	source->kind = kind < 0 ? KIND_UNKNOWN : (enum kind)kind;
	source->guest = (uint32_t)number_of(json, "guest");
	source->shared = json_is_true(json_object_get(json, "shared"));
	return text_copy(source->runtime, sizeof(source->runtime), text_of(json, "runtime")) &&
	       text_copy(source->name, sizeof(source->name), text_of(json, "name")) &&
	       text_copy(source->conduit, sizeof(source->conduit), text_of(json, "conduit"));
}

static bool read_protocol(uint8_t *protocol, const char *text)
{
	static const uint8_t named[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
					IPPROTO_ICMPV6};
	char word[8], *end;
	unsigned long number;

	for (size_t i = 0; i < sizeof(named); i++)
		if (!strcmp(protocol_format(word, sizeof(word), named[i]), text)) {
			*protocol = named[i];
			return true;
		}
	number = strtoul(text, &end, 10);
	*protocol = (uint8_t)number;
	return *text && !*end && number <= UINT8_MAX;
}

static bool read_address(struct in6_addr *address, const char *text)
{
	if (inet_pton(AF_INET6, text, address) == 1)
		return true;
	*address = address_any_four;
	return inet_pton(AF_INET, text, &address->s6_addr[12]) == 1;
}

static bool read_flow(struct flow *flow, const json_t *service)
{
	flow->service_port = (uint16_t)number_of(service, "port");
	if (!read_protocol(&flow->protocol, text_of(service, "protocol")) ||
	    !read_address(&flow->service, text_of(service, "address")))
		return false;
	flow->family = address_family(&flow->service);
	return true;
}

bool event_read(struct attempt *attempt, const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	int type = FIND_WORD(EVENT_TYPE_COUNT, event_type_text, text_of(event, "type"));
	int verdict = FIND_WORD(VERDICT_COUNT, verdict_text, text_of(event, "verdict"));
	int reason = FIND_WORD(REASON_COUNT, reason_text, text_of(event, "reason"));

	*attempt = (struct attempt){
		.id = (uint64_t)number_of(event, "id"),
		.count = (uint32_t)number_of(event, "count"),
		.enforced = strcmp(text_of(event, "mode"), "monitor") != 0,
	};
	if (type < 0 || verdict < 0 ||
	    timestamp_parse(text_of(event, "time"), &attempt->first_us, NULL) ||
	    timestamp_parse(text_of(event, "last"), &attempt->last_us, NULL))
		return false;
	attempt->type = (enum event_type)type;
	attempt->decision.verdict = (enum verdict)verdict;
	attempt->decision.reason =
		reason < 0 ? REASON_COUNT : (enum reason)reason; /* a later one */
	attempt->decision.exception = (uint32_t)number_of(event, "exception");
	text_copy(attempt->program, sizeof(attempt->program), text_of(service, "program"));
	text_copy(attempt->source.interface, sizeof(attempt->source.interface),
		  text_of(event, "interface"));
	return read_source(&attempt->source, json_object_get(event, "source")) &&
	       read_flow(&attempt->flow, service);
}
