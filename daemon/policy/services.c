// SPDX-License-Identifier: GPL-2.0-or-later
/* Well-known services: the names, titles and ports of services.conf(5). */
#include "policy/services.h"

#include "util/array.h"
#include "util/cleanup.h"
#include "util/folder.h"
#include "util/ini.h"
#include "util/mistakes.h"
#include "util/near.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct services - all of them
 * @known: in the order of services_at()
 * @file: of each of @known, the number of the latest file that names it
 */
struct services {
	struct known_service known[SERVICES_MAX];
	unsigned int file[SERVICES_MAX];
	size_t count;
	struct mistakes mistakes;
};

/**
 * struct loader - one run over all files
 * @current: whose section is being read, NULL for one that is left out
 * @in_section: a section has started
 * @given: the keys that it has had, a bit each
 * @path: of the file
 * @file: its number, from 1
 * @starts: file and line where each service was first named; and whether it has a line with ports,
 *	if only a wrong one, which has been told
 */
struct loader {
	struct services *services;
	struct known_service *current;
	bool in_section;
	unsigned int given;
	const char *path;
	unsigned int file;
	struct {
		char path[128];
		unsigned int line;
		bool has_ports;
	} starts[SERVICES_MAX];
};

struct services *services_new(void)
{
	return calloc(1, sizeof(struct services));
}

void services_free(struct services *services)
{
	free(services);
}

/* Asking. */

const char *services_failure(const struct services *services)
{
	return mistakes_summary(&services->mistakes);
}

const char *services_mistake(const struct services *services, size_t i)
{
	return mistakes_at(&services->mistakes, i);
}

const struct known_service *services_at(const struct services *services, size_t i)
{
	return services && i < services->count ? &services->known[i] : NULL;
}

const struct known_service *services_named(const struct services *services, const char *name)
{
	const struct known_service *known;

	for (size_t i = 0; (known = services_at(services, i)); i++)
		if (!strcmp(known->name, name))
			return known;
	return NULL;
}

const struct known_service *services_of_port(const struct services *services, uint8_t protocol,
					     uint16_t port)
{
	const struct flow flow = {.protocol = protocol, .service_port = port};
	const struct known_service *known;

	for (size_t i = 0; (known = services_at(services, i)); i++)
		if (service_matches(&known->service, &flow))
			return known;
	return NULL;
}

/* Names in the place of ports. */

static int refuse_name(const struct services *services, const char *name, struct error *error)
{
	const struct known_service *known;
	struct near near = near_start(name);

	for (size_t i = 0; (known = services_at(services, i)); i++)
		near_offer(&near, known->name);
	if (near.best)
		return error_set(error, -EINVAL,
				 "no service is called \"%.64s\": do you mean %s? Ports can be "
				 "written, too, e.g. tcp/9222",
				 name, near.best);
	return error_set(error, -EINVAL,
			 "no service is called \"%.64s\": see services.conf(5), or write ports, "
			 "e.g. 127.0.0.1:9222 or tcp/9222",
			 name);
}

int services_parse(const struct services *services, const char *text, struct service *service,
		   struct error *error)
{
	const char *name = service_name_in(text);
	const struct known_service *known = name ? services_named(services, name) : NULL;

	if (!name)
		return service_parse(text, service, error);
	if (!known)
		return refuse_name(services, name, error);
	return service_with_ports(text, &known->service, service, error);
}

/* Reading. */

static void take_mistake(void *data, const char *text)
{
	struct loader *loader = data;

	mistakes_add(&loader->services->mistakes, text);
}

static int start_section(struct loader *loader, const struct ini_entry *entry, struct error *error)
{
	struct services *services = loader->services;
	const char *name = entry->section;
	size_t i;

	loader->in_section = true;
	loader->current = NULL;
	loader->given = 0;
	if (!*name) /* a mistake that has been told */
		return 0;
	if (service_name_in(name) != name || strlen(name) >= SERVICE_NAME_SIZE)
		return error_set(error, -EINVAL,
				 "[%s] is no service's name: write at most %d of a-z 0-9 -, a "
				 "letter first",
				 name, SERVICE_NAME_SIZE - 1);
	for (i = 0; i < services->count; i++)
		if (!strcmp(services->known[i].name, name))
			break;
	if (i == SERVICES_MAX)
		return error_set(error, -EINVAL, "there are more than %d services", SERVICES_MAX);
	if (i == services->count) {
		services->count++;
		text_copy(services->known[i].name, SERVICE_NAME_SIZE, name);
		text_copy(loader->starts[i].path, sizeof(loader->starts[i].path), loader->path);
		loader->starts[i].line = entry->line;
	}
	services->file[i] = loader->file;
	loader->current = &services->known[i];
	return 0;
}

static int take_title(struct known_service *known, const char *value, struct error *error)
{
	if (text_copy(known->title, sizeof(known->title), value))
		return 0;
	known->title[0] = '\0';
	return error_set(error, -EINVAL, "the title is longer than %d bytes",
			 SERVICE_TITLE_SIZE - 1);
}

static int take_ports(struct known_service *known, const char *value, struct error *error)
{
	struct service service;
	int result = service_parse(value, &service, error);

	if (result)
		return result;
	if (service.family != AF_UNSPEC)
		return error_set(error, -EINVAL,
				 "ports = %s: a service has no address here, write e.g. tcp/9222",
				 value);
	if (!service.first)
		return error_set(error, -EINVAL,
				 "ports = %s: a service has ports of its own, write e.g. tcp/9222",
				 value);
	known->service = service;
	return 0;
}

static int take_sensitive(struct known_service *known, const char *value, struct error *error)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return error_set(error, -EINVAL, "sensitive = %s: write yes or no", value);
	known->sensitive = !strcmp(value, "yes");
	return 0;
}

static const struct {
	const char *word;
	int (*take)(struct known_service *known, const char *value, struct error *error);
} keys[] = {
	{"title", take_title},
	{"ports", take_ports},
	{"sensitive", take_sensitive},
};

static int take_entry(void *data, const struct ini_entry *entry, struct error *error)
{
	struct loader *loader = data;

	if (!entry->key)
		return start_section(loader, entry, error);
	if (!loader->in_section)
		return error_set(error, -EINVAL, "a key before the first section");
	if (!loader->current)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].word, entry->key))
			continue;
		if (loader->given & 1u << i)
			return error_set(error, -EINVAL,
					 "[%s] has %s already: what has other ports is another "
					 "service",
					 entry->section, entry->key);
		loader->given |= 1u << i;
		if (keys[i].take == take_ports)
			loader->starts[loader->current - loader->services->known].has_ports = true;
		return keys[i].take(loader->current, entry->value, error);
	}
	return error_set(error, -EINVAL, "unknown key %s: write title, ports or sensitive",
			 entry->key);
}

static void take_file(void *data, const char *path)
{
	struct loader *loader = data;
	struct error error = {.text = ""};

	loader->path = path;
	loader->file++;
	loader->current = NULL;
	loader->in_section = false;
	if (ini_read_file_on(path, take_entry, take_mistake, loader, &error))
		take_mistake(loader, error.text);
}

static void read_folder(struct loader *loader, const char *folder)
{
	struct error error = {.text = ""};

	if (folder_each(folder, take_file, loader, &error))
		take_mistake(loader, error.text);
}

/* The order in which services_of_port() looks; of equal ones the upper one stays the first. */
static bool is_before(const struct services *services, size_t a, size_t b)
{
	const struct service *first = &services->known[a].service;
	const struct service *second = &services->known[b].service;
	int wider = (first->last - first->first) - (second->last - second->first);

	return wider ? wider < 0 : services->file[a] > services->file[b];
}

static void swap(struct services *services, size_t a, size_t b)
{
	struct known_service known = services->known[a];
	unsigned int file = services->file[a];

	services->known[a] = services->known[b];
	services->file[a] = services->file[b];
	services->known[b] = known;
	services->file[b] = file;
}

/* One more behind @count that are in order. */
static void put_in_order(struct services *services, size_t count)
{
	for (size_t i = count; i && is_before(services, i, i - 1); i--)
		swap(services, i, i - 1);
}

/* Only now is it known which have got ports, and which of two files is the later one. */
static void put_together(struct loader *loader)
{
	struct services *services = loader->services;
	size_t kept = 0;

	for (size_t i = 0; i < services->count; i++) {
		struct error error = {.text = ""};

		if (services->known[i].service.last) {
			services->known[kept] = services->known[i];
			services->file[kept] = services->file[i];
			put_in_order(services, kept++);
			continue;
		}
		if (loader->starts[i].has_ports)
			continue;
		error_set(&error, 0, "%s:%u: [%s] has no ports: it is left out",
			  loader->starts[i].path, loader->starts[i].line, services->known[i].name);
		take_mistake(loader, error.text);
	}
	services->count = kept;
}

int services_read(struct services *services, const char *installed, const char *folder)
{
	_cleanup_free_ struct loader *loader = calloc(1, sizeof(*loader));
	_cleanup_free_ struct services *new = services_new();

	if (!loader || !new)
		return -ENOMEM;
	loader->services = new;
	take_file(loader, installed);
	read_folder(loader, folder);
	put_together(loader);
	*services = *new;
	return 0;
}
