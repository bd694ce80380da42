// SPDX-License-Identifier: GPL-2.0-or-later
/* lhguardd: options, and the order of start and stop. */
#include "privileges.h"
#include "daemon.h"

#include "guests/catalogue.h"
#include "kernel/patient.h"
#include "policy/config.h"
#include "policy/services.h"
#include "util/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"usage: lhguardd [options]\n"
	"Guards the services that this host keeps on localhost against its VMs and containers.\n"
	"\n"
	"  --netns PATH        guard this network namespace (e.g. /run/netns/NAME), not the "
	"current one\n"
	"  --config FILE       configuration (default " CONFIG_PATH ")\n"
	"  --catalogue FILE    how guests are recognised (default " CATALOGUE_PATH ")\n"
	"  --catalogue-dir DIR files that add to it (default " CATALOGUE_FOLDER ")\n"
	"  --services FILE     names of services (default " SERVICES_PATH ")\n"
	"  --services-dir DIR  files that add to them (default " SERVICES_FOLDER ")\n"
	"  --state-dir DIR     where exceptions are kept (default /var/lib/lhguard)\n"
	"  --runtime-dir DIR   where the control socket is made (default /run/lhguard)\n"
	"  --check             read configuration, catalogue and exceptions, say what is wrong, "
	"and "
	"end\n"
	"  --debug             say more\n"
	"  --version, --help\n"
	"\n"
	"It stays in the foreground; SIGTERM ends it and removes its table, SIGHUP reads these "
	"files again.\n"
	"See lhguardd(8), lhguard.conf(5), guests.conf(5), services.conf(5), lhguard(1).\n";

static void tell(const char *mistake)
{
	fprintf(stderr, "lhguardd: %s\n", mistake);
}

static int check(const struct daemon_settings *settings)
{
	struct error error = {0};

	if (daemon_check(settings, tell, &error)) {
		fprintf(stderr, "lhguardd: %s\n", error.text);
		return EXIT_FAILURE;
	}
	printf("%s: good\n", settings->config);
	return EXIT_SUCCESS;
}

static int serve(const struct daemon_settings *settings)
{
	struct daemon *daemon = NULL;
	struct error error = {0};
	int result;

	result = daemon_start(&daemon, settings, &error);
	if (result) {
		log_error("%s", error.text[0] ? error.text : strerror(-result));
		return EXIT_FAILURE;
	}
	result = privileges_drop(&error);
	if (result)
		log_error("%s", error.text);
	else
		result = daemon_run(daemon);
	daemon_stop(daemon);
	patient_rest();
	return result ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"netns", required_argument, NULL, 'n'},
		{"config", required_argument, NULL, 'c'},
		{"catalogue", required_argument, NULL, 'g'},
		{"catalogue-dir", required_argument, NULL, 'G'},
		{"services", required_argument, NULL, 'p'},
		{"services-dir", required_argument, NULL, 'P'},
		{"state-dir", required_argument, NULL, 's'},
		{"runtime-dir", required_argument, NULL, 'r'},
		{"check", no_argument, NULL, 'k'},
		{"debug", no_argument, NULL, 'd'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct daemon_settings settings = {
		.config = CONFIG_PATH,
		.catalogue = CATALOGUE_PATH,
		.catalogue_folder = CATALOGUE_FOLDER,
		.services = SERVICES_PATH,
		.services_folder = SERVICES_FOLDER,
		.state = "/var/lib/lhguard",
		.administrator = "/etc/lhguard/exceptions.d",
		.runtime = "/run/lhguard",
	};
	bool only_check = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (option) {
		case 'n':
			settings.netns = optarg;
			break;
		case 'c':
			settings.config = optarg;
			settings.config_given = 1;
			break;
		case 'g':
			settings.catalogue = optarg;
			break;
		case 'G':
			settings.catalogue_folder = optarg;
			break;
		case 'p':
			settings.services = optarg;
			break;
		case 'P':
			settings.services_folder = optarg;
			break;
		case 's':
			settings.state = optarg;
			break;
		case 'r':
			settings.runtime = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'd':
			log_set_level(LOG_DEBUG);
			break;
		case 'V':
			puts("lhguardd " VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("lhguardd: try --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lhguardd: it takes options only, not \"%s\": try --help\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return only_check ? check(&settings) : serve(&settings);
}
