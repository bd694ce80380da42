// SPDX-License-Identifier: GPL-2.0-or-later
/* Services by name, where the CLI itself has to know their ports: the daemon is asked for them. */
#include "names.h"

#include "output.h"
#include "prose.h"

#include "util/near.h"

#include <string.h>

static enum status find(const json_t *list, const char *text, struct service *service)
{
	const char *name = service_name_in(text);
	struct near near = near_start(name);
	struct error error = {.text = ""};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *known = json_array_get(list, i);
		struct service ports;

		near_offer(&near, text_of(known, "name"));
		if (strcmp(text_of(known, "name"), name))
			continue;
		if (!service_parse(text_of(known, "ports"), &ports, &error) &&
		    !service_with_ports(text, &ports, service, &error))
			return STATUS_DONE;
		return complain(STATUS_USAGE, "%s", shown(error.text));
	}
	return complain(STATUS_USAGE, "no service is called \"%s\": %s%s%s", shown(name),
			near.best ? "do you mean " : "see " WHOLE("lhguard services"),
			near.best ? shown(near.best) : "", near.best ? "?" : "");
}

enum status names_parse(const struct options *options, const char *text, struct service *service)
{
	struct error error = {.text = ""};
	json_t *list = NULL;
	enum status status;

	if (!service_name_in(text))
		return service_parse(text, service, &error)
			       ? complain(STATUS_USAGE, "%s", shown(error.text))
			       : STATUS_DONE;
	status = client_list(options->socket, "ListServices", "services", &list);
	if (!status)
		status = find(list, text, service);
	json_decref(list);
	return status;
}
