// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon reads from files: at its start, at a reload, and to check it. */
#include "parts.h"

#include "control/control.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "policy/services.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

int load_catalogue(const struct daemon_settings *settings, struct catalogue **catalogue,
		   struct error *error)
{
	const char *mistake;
	int result =
		catalogue_load(catalogue, settings->catalogue, settings->catalogue_folder, error);

	for (size_t i = 0; !result && (mistake = catalogue_mistake(*catalogue, i)); i++)
		log_error("%s (the line is left out, the rest is in force)", mistake);
	return result;
}

/* The guard does without these names, whatever is wrong with them. */
void load_services(struct daemon *daemon)
{
	const char *mistake;

	if (services_read(daemon->services, daemon->settings.services,
			  daemon->settings.services_folder)) {
		log_error("the names of services stay as they were: out of memory");
		return;
	}
	for (size_t i = 0; (mistake = services_mistake(daemon->services, i)); i++)
		log_error("%s (left out, the rest is in force)", mistake);
}

static bool knows_runtime(const void *catalogue, const char *word)
{
	return catalogue_knows_runtime(catalogue, word);
}

int load_config(const struct daemon_settings *settings, const struct catalogue *catalogue,
		struct config **config, struct error *error)
{
	int result = config_load(settings->config, knows_runtime, catalogue, config, error);

	if (result == -ENOENT && !settings->config_given) {
		log_info("%s does not exist: built-in defaults", settings->config);
		*config = config_new_default();
		return *config ? 0 : error_set(error, -ENOMEM, "out of memory");
	}
	return result;
}

static bool same_queue(const struct config_queue *a, const struct config_queue *b)
{
	return a->settings.number == b->settings.number &&
	       a->settings.length == b->settings.length &&
	       a->settings.overflow_accept == b->settings.overflow_accept;
}

void load_use(struct daemon *daemon, struct config *config)
{
	config_free(daemon->config);
	daemon->config = config;
	daemon->guard.policy.config = config;
	daemon->access = config->access;
	if (daemon->control)
		control_open(daemon->control);
	mode_use(daemon, config);
	loop_read_resolvers(daemon);
}

/* The old one stays when there is no new one to read. */
static int reload_catalogue(struct daemon *daemon)
{
	struct catalogue *catalogue = NULL;
	int result = load_catalogue(&daemon->settings, &catalogue, &daemon->catalogue_failure);

	if (result) {
		log_error("the catalogue stays as it was: %s", daemon->catalogue_failure.text);
		return result;
	}
	daemon->catalogue_failure.text[0] = '\0';
	registry_set_catalogue(daemon->guard.registry, catalogue);
	catalogue_free(daemon->catalogue);
	daemon->catalogue = catalogue;
	return 0;
}

static int reload_config(struct daemon *daemon, struct error *error)
{
	struct config *config = NULL;
	int result = load_config(&daemon->settings, daemon->catalogue, &config, error);

	if (!result && (!same_queue(&config->loopback, &daemon->config->loopback) ||
			!same_queue(&config->guests, &daemon->config->guests)))
		result = error_set(
			error, -EBUSY,
			"%s: a queue's number, length or overflow changes only at a restart",
			daemon->settings.config);
	if (!result)
		result = daemon_install_table(daemon, config, error);
	if (result) {
		config_free(config);
		daemon->config_failure = *error;
	} else {
		load_use(daemon, config);
		daemon->config_failure.text[0] = '\0';
		log_notice("%s read again", daemon->settings.config);
	}
	return result;
}

int daemon_reload(struct daemon *daemon, struct error *error)
{
	int catalogue, exceptions, result;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_us());
	catalogue = reload_catalogue(daemon);
	result = reload_config(daemon, error);
	if (!result && catalogue)
		result = error_set(error, catalogue, "the catalogue stays as it was: %s",
				   daemon->catalogue_failure.text);
	load_services(daemon);
	/* Who is who by the new catalogue, before the exceptions look for their guests. */
	loop_update_table(daemon);
	loop_work(daemon);
	exceptions = exceptions_reload(daemon->exceptions, clock_realtime_us());
	if (exceptions) {
		log_error("the exceptions stay as they were: %s", strerror(-exceptions));
		if (!result)
			result =
				error_set(error, exceptions, "the exceptions stay as they were: %s",
					  strerror(-exceptions));
	}
	loop_update_sandboxes(daemon);
	if (exceptions_failure(daemon->exceptions))
		log_error("no exception is in force: %s", exceptions_failure(daemon->exceptions));
	loop_arm_expiry(daemon);
	loop_await_guests(daemon);
	loop_work(daemon);
	sd_notify(0, "READY=1");
	control_status_changed(daemon->control);
	return result;
}

static int check_services(const struct daemon_settings *settings, void (*tell)(const char *mistake),
			  struct error *error)
{
	struct services *services = services_new();
	int result =
		services ? services_read(services, settings->services, settings->services_folder)
			 : -ENOMEM;
	const char *mistake;

	if (result)
		error_set(error, result, "out of memory");
	for (size_t i = 0; !result && (mistake = services_mistake(services, i)); i++)
		tell(mistake);
	if (!result && services_failure(services))
		result = error_set(error, -EINVAL, "%s", services_failure(services));
	services_free(services);
	return result;
}

int daemon_check(const struct daemon_settings *settings, void (*tell)(const char *mistake),
		 struct error *error)
{
	struct exceptions *exceptions = NULL;
	struct catalogue *catalogue = NULL;
	struct config *config = NULL;
	const char *mistake, *failure = NULL;
	int result =
		catalogue_load(&catalogue, settings->catalogue, settings->catalogue_folder, error);

	if (!result)
		failure = catalogue_failure(catalogue);
	for (size_t i = 0; failure && (mistake = catalogue_mistake(catalogue, i)); i++)
		tell(mistake);
	if (!result)
		result = load_config(settings, catalogue, &config, error);
	if (!result && failure)
		result = error_set(error, -EINVAL, "%s", failure);
	config_free(config);
	catalogue_free(catalogue);
	if (!result)
		result = check_services(settings, tell, error);
	if (result)
		return result;
	result = exceptions_open(&exceptions, settings->state, settings->administrator,
				 clock_realtime_us());
	if (!result && exceptions_failure(exceptions))
		result = error_set(error, -EINVAL, "%s", exceptions_failure(exceptions));
	exceptions_close(exceptions);
	return result;
}
