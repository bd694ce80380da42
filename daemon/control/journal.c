// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts to the journal, by a thread of its own: journald may be slow, the guard may not. */
#include "control/journal.h"

#include "policy/timestamp.h"
#include "util/text.h"
#include "util/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define FIELDS_MAX   32
#define TEXT_SIZE    256
#define FIELD_SIZE   (4 * TEXT_SIZE + 64) /* escaping makes a byte into four at most */
#define STOP_SECONDS 1

/**
 * struct journal - one writer (the loop), one reader (the thread), a ring between them
 * @ring: attempt number N is in slot N % JOURNAL_BACKLOG
 * @written: how many were handed over; only the loop changes it
 * @read: how many were taken out; only the thread changes it
 * @lost: how many found no slot, or were refused by journald
 * @waiting: a post for each attempt handed over, and one to stop
 * @abandoned: the thread ends after the attempt that it is at
 */
struct journal {
	struct attempt ring[JOURNAL_BACKLOG];
	atomic_uint_least64_t written;
	atomic_uint_least64_t read;
	atomic_uint_least64_t lost;
	sem_t waiting;
	atomic_bool abandoned;
	pthread_t thread;
};

/* The fields of one entry, each "NAME=value". */
struct entry {
	char text[FIELDS_MAX][FIELD_SIZE];
	struct iovec fields[FIELDS_MAX];
	int count;
};

static void add_text(struct entry *entry, const char *name, const char *value)
{
	char *text = entry->text[entry->count];
	size_t used;

	assert(entry->count < FIELDS_MAX);
	if (!value[0])
		return;
	used = (size_t)snprintf(text, FIELD_SIZE, "%s=", name);
	text_escape(text + used, FIELD_SIZE - used, value, strlen(value));
	entry->fields[entry->count++] = (struct iovec){text, strlen(text)};
}

static void add_number(struct entry *entry, const char *name, uint64_t value)
{
	char text[24] = "";

	if (value)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add_text(entry, name, text);
}

static void add_endpoint(struct entry *entry, const char *name, const struct in6_addr *address,
			 uint16_t port)
{
	char text[INET6_ADDRSTRLEN], endpoint[INET6_ADDRSTRLEN + 10];
	bool is_v4 = IN6_IS_ADDR_V4MAPPED(address);

	address_format(text, sizeof(text), address);
	snprintf(endpoint, sizeof(endpoint), is_v4 ? "%s:%u" : "[%s]:%u", text, port);
	add_text(entry, name, endpoint);
}

static void add_mac(struct entry *entry, const struct arrival *arrival)
{
	const uint8_t *mac = arrival->mac;
	char text[3 * MAC_SIZE] = "";

	if (arrival->has_mac)
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
	add_text(entry, "LHGUARD_MAC", text);
}

/* "drop vm:devbox to tcp 127.0.0.1:9222 (python3), user-net" */
static void add_message(struct entry *entry, const struct attempt *attempt)
{
	char message[TEXT_SIZE], label[NAME_SIZE + 16], protocol[8], address[INET6_ADDRSTRLEN];
	bool is_v4 = IN6_IS_ADDR_V4MAPPED(&attempt->flow.service);

	address_format(address, sizeof(address), &attempt->flow.service);
	snprintf(message, sizeof(message), is_v4 ? "%s%s %s to %s %s:%u" : "%s%s %s to %s [%s]:%u",
		 attempt->enforced ? "" : "monitor: ", verdict_text(attempt->decision.verdict),
		 source_label(label, sizeof(label), &attempt->source),
		 protocol_format(protocol, sizeof(protocol), attempt->flow.protocol), address,
		 attempt->flow.service_port);
	if (attempt->program[0])
		text_append(message, sizeof(message), " (%s)", attempt->program);
	text_append(message, sizeof(message), ", %s", route_text(attempt->source.route));
	add_text(entry, "MESSAGE", message);
}

/* "listen vm:devbox (qemu-system-x86) takes tcp 127.0.0.1:9222, which python3 had until 12:00:03" */
static void add_listener_message(struct entry *entry, const struct attempt *attempt)
{
	char message[TEXT_SIZE] = "listen ", label[NAME_SIZE + 16], protocol[8];
	char address[INET6_ADDRSTRLEN];
	bool is_v4 = IN6_IS_ADDR_V4MAPPED(&attempt->flow.service);
	bool takes = attempt->decision.reason == REASON_TAKES_PORT;

	text_append(message, sizeof(message), "%s",
		    source_label(label, sizeof(label), &attempt->source));
	if (attempt->source.comm[0])
		text_append(message, sizeof(message), " (%s)", attempt->source.comm);
	text_append(message, sizeof(message), is_v4 ? " %s %s %s:%u" : " %s %s [%s]:%u",
		    takes ? "takes" : "listens on",
		    protocol_format(protocol, sizeof(protocol), attempt->flow.protocol),
		    address_format(address, sizeof(address), &attempt->flow.service),
		    attempt->flow.service_port);
	if (takes)
		text_append(message, sizeof(message), ", %s", attempt->rule);
	add_text(entry, "MESSAGE", message);
}

static void fill_entry(struct entry *entry, const struct attempt *attempt)
{
	const struct source *source = &attempt->source;
	const struct decision *decision = &attempt->decision;
	bool is_guest = source->class == SOURCE_GUEST;
	bool is_listener = attempt->type == EVENT_LISTENER;
	char label[NAME_SIZE + 16], protocol[8], time[TIMESTAMP_SIZE];

	entry->count = 0;
	if (is_listener)
		add_listener_message(entry, attempt);
	else
		add_message(entry, attempt);
	add_text(entry, "MESSAGE_ID", is_listener ? JOURNAL_LISTENER_ID : JOURNAL_ATTEMPT_ID);
	add_number(entry, "PRIORITY",
		   decision->verdict == VERDICT_ACCEPT && !is_listener ? LOG_INFO : LOG_NOTICE);
	add_text(entry, "SYSLOG_IDENTIFIER", "lhguardd");
	add_text(entry, "LHGUARD_TYPE", event_type_text(attempt->type));
	add_number(entry, "LHGUARD_EVENT", attempt->id);
	timestamp_format(time, sizeof(time), attempt->first_us);
	add_text(entry, "LHGUARD_TIME", time);
	add_text(entry, "LHGUARD_VERDICT", verdict_text(decision->verdict));
	add_text(entry, "LHGUARD_MODE", attempt->enforced ? "enforce" : "monitor");
	add_text(entry, "LHGUARD_REASON", reason_text(decision->reason));
	add_text(entry, "LHGUARD_RULE", attempt->rule);
	add_number(entry, "LHGUARD_EXCEPTION", decision->exception);
	add_text(entry, "LHGUARD_CLASS", source_class_text(source->class));
	add_text(entry, "LHGUARD_SOURCE", source_label(label, sizeof(label), source));
	add_text(entry, "LHGUARD_KIND", is_guest ? kind_text(source->kind) : "");
	add_text(entry, "LHGUARD_RUNTIME", source->runtime);
	add_text(entry, "LHGUARD_NAME", source->name);
	add_number(entry, "LHGUARD_GUEST", source->guest);
	add_number(entry, "LHGUARD_SHARED", source->shared);
	add_text(entry, "LHGUARD_CONDUIT", source->conduit);
	add_text(entry, "LHGUARD_ROUTE", route_text(source->route));
	add_text(entry, "LHGUARD_INTERFACE", source->interface);
	add_mac(entry, &attempt->arrival);
	add_text(entry, "LHGUARD_PROTOCOL",
		 protocol_format(protocol, sizeof(protocol), attempt->flow.protocol));
	add_endpoint(entry, "LHGUARD_SERVICE", &attempt->flow.service, attempt->flow.service_port);
	add_text(entry, "LHGUARD_PROGRAM", attempt->program);
	if (!is_listener)
		add_endpoint(entry, "LHGUARD_CLIENT", &attempt->flow.client,
			     attempt->flow.client_port);
	add_number(entry, "LHGUARD_CLIENT_PID", (uint64_t)source->pid);
	add_text(entry, "LHGUARD_CLIENT_PROGRAM", source->comm);
}

static void *write_entries(void *data)
{
	struct journal *journal = data;
	struct entry entry;

	thread_keep_capabilities(0);
	for (;;) {
		uint64_t read = atomic_load(&journal->read);

		while (sem_wait(&journal->waiting))
			continue; /* EINTR */
		if (read == atomic_load(&journal->written) || atomic_load(&journal->abandoned))
			return NULL; /* the post was the one to stop */
		fill_entry(&entry, &journal->ring[read % JOURNAL_BACKLOG]);
		atomic_store(&journal->read, read + 1);
		if (sd_journal_sendv(entry.fields, entry.count) < 0) /* 0 where no journald runs */
			atomic_fetch_add(&journal->lost, 1);
	}
}

int journal_start(struct journal **journal)
{
	struct journal *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	sem_init(&new->waiting, 0, 0);
	result = thread_start(&new->thread, 0, write_entries, new);
	if (result) {
		sem_destroy(&new->waiting);
		free(new);
		return result;
	}
	*journal = new;
	return 0;
}

void journal_stop(struct journal *journal)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += STOP_SECONDS;
	sem_post(&journal->waiting);
	if (pthread_timedjoin_np(journal->thread, NULL, &deadline)) {
		/* It sits in a call to journald: the process ends, and with it the thread. */
		atomic_store(&journal->abandoned, true);
		pthread_detach(journal->thread);
		return;
	}
	sem_destroy(&journal->waiting);
	free(journal);
}

void journal_record(struct journal *journal, const struct attempt *attempt)
{
	uint64_t written = atomic_load(&journal->written);

	if (written - atomic_load(&journal->read) >= JOURNAL_BACKLOG) {
		atomic_fetch_add(&journal->lost, 1);
		return;
	}
	journal->ring[written % JOURNAL_BACKLOG] = *attempt;
	atomic_store(&journal->written, written + 1);
	sem_post(&journal->waiting);
}

uint64_t journal_lost(struct journal *journal)
{
	return atomic_load(&journal->lost);
}
