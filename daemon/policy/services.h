/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Well-known services: the names, titles and ports of services.conf(5). */
#ifndef LHGUARD_POLICY_SERVICES_H
#define LHGUARD_POLICY_SERVICES_H

#include "policy/service.h"

struct services;

#define SERVICES_PATH	   "/usr/share/lhguard/services.conf"
#define SERVICES_FOLDER	   "/etc/lhguard/services.d"
#define SERVICES_MAX	   512
#define SERVICE_NAME_SIZE  32 /* bytes with the NUL */
#define SERVICE_TITLE_SIZE 96

/**
 * struct known_service - what services.conf says of one
 * @name: "chrome-devtools", never a text that service_parse() takes
 * @title: for a person, "" when it has none
 * @service: its ports, without an address
 * @sensitive: who reaches it has power over the host or its data
 */
struct known_service {
	char name[SERVICE_NAME_SIZE];
	char title[SERVICE_TITLE_SIZE];
	struct service service;
	bool sensitive;
};

/** services_new() - without any until they are read; NULL when memory is short. */
struct services *services_new(void);
void services_free(struct services *services);

/**
 * services_read() - the installed file and the folder's files *.conf, or one such file, anew
 * A line with a mistake is left out and all else is in force, and services_failure() tells; so it
 * does of a file that cannot be read. Names are a convenience: the guard does without.
 * Return: 0, or -ENOMEM: then all stays as it was.
 */
int services_read(struct services *services, const char *installed, const char *folder);

/** services_failure() - "file:line: reason" of the mistakes in one line, NULL without any. */
const char *services_failure(const struct services *services);

/** services_mistake() - one of the first MISTAKES_MAX (util/mistakes.h), NULL behind the last. */
const char *services_mistake(const struct services *services, size_t i);

/**
 * services_at() - one of them; NULL behind the last
 * The one with the fewest ports comes first; of equal ones that of a later file, then the upper one.
 */
const struct known_service *services_at(const struct services *services, size_t i);

/** services_named() - the one with this name, or NULL. */
const struct known_service *services_named(const struct services *services, const char *name);

/**
 * services_of_port() - what a port is known for
 * Of several the first in the order of services_at().
 * Return: NULL when it is not known.
 */
const struct known_service *services_of_port(const struct services *services, uint8_t protocol,
					     uint16_t port);

/**
 * services_parse() - as service_parse(), and a name may stand for protocol and ports
 * @services: NULL knows no name
 * Return: 0, or -EINVAL; for a name that is not known @error says which one is near.
 */
int services_parse(const struct services *services, const char *text, struct service *service,
		   struct error *error);

#endif
