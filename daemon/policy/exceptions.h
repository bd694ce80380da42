/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The owner's exceptions: kept in a file, looked up in constant time. */
#ifndef LHGUARD_POLICY_EXCEPTIONS_H
#define LHGUARD_POLICY_EXCEPTIONS_H

#include "policy/selector.h"
#include "policy/service.h"

struct exceptions;
struct rules;

#define COMMENT_SIZE   256
#define PIN_SIZE       256 /* as struct process has an executable */
#define EXCEPTIONS_MAX 65536

/*
 * The daemon's own ids are lower. An administrator's rule has an id made from its file's name and
 * its number there, so that it keeps it over reloads and restarts and on every host of a fleet.
 */
#define ADMINISTRATOR_IDS 1000000000u

/**
 * struct exception - one stored rule
 * @id: from 1, never used again; the administrator's stand from ADMINISTRATOR_IDS on
 * @allow: allow or deny
 * @service: what it is about
 * @source: who it is about
 * @created_us: CLOCK_REALTIME microseconds
 * @expires_us: CLOCK_REALTIME microseconds, 0: never
 * @guest_key: key of the one guest that it is about and ends with, whatever name @source says; ""
 *	for an exception that does not end with a guest
 * @guest: that guest's id; 0 while it has not been found after a start: then nothing matches
 * @once: it allows one connection, and ends with that
 * @is_spent: that one has been made: nothing matches any more
 * @pin: path of the executable that alone may serve it, "" for any
 * @pin_user: uid that this program's socket has
 * @cut: when it ends, the connections that it allowed are to be closed
 * @creator: uid that made it
 * @comment: any text, escaped by whoever prints it
 * @file: where it stands when it is the administrator's ("" for the daemon's own)
 * @line: of its section in that file, 0 when it was added since the file was read
 * @hits: attempts that it decided since the daemon started; not kept in the file
 * @used_us: CLOCK_REALTIME microseconds of the latest packet of these, 0: none
 */
struct exception {
	uint32_t id;
	bool allow;
	struct service service;
	struct selector source;
	uint64_t created_us;
	uint64_t expires_us;
	char guest_key[GUEST_KEY_SIZE];
	uint32_t guest;
	bool once;
	bool is_spent;
	char pin[PIN_SIZE];
	uint32_t pin_user;
	bool cut;
	uint32_t creator;
	char comment[COMMENT_SIZE];
	char file[128];
	unsigned int line;
	uint64_t hits;
	uint64_t used_us;
};

/**
 * exceptions_open() - read the store
 * @directory: of "exceptions.conf" (the daemon's own), made if it is missing
 * @administrator: folder of *.conf in the same format, never written; may be NULL or missing
 * @now_us: CLOCK_REALTIME; expired entries are left out
 *
 * A broken file leaves the store empty and in the failed state: no exception is in force, none
 * can be added, the file is never overwritten, and exceptions_failure() says file:line and reason.
 *
 * Return: 0 (also in the failed state), or -ENOMEM.
 */
int exceptions_open(struct exceptions **exceptions, const char *directory,
		    const char *administrator, uint64_t now_us);
void exceptions_close(struct exceptions *exceptions);

/** exceptions_reload() - read the files again; the failed state ends when they are mended. */
int exceptions_reload(struct exceptions *exceptions, uint64_t now_us);

/** exceptions_failure() - "path:line: reason", or NULL when all is well. */
const char *exceptions_failure(const struct exceptions *exceptions);

/**
 * exceptions_add() - store a new rule: in force only once it is safely on disk
 * @exception: @id is ignored
 * @id: receives its id; NULL: only look whether it could be stored
 * Written whole or not at all: temporary file, fsync, rename, fsync of the folder. On any failure
 * the store and the file stay as they were.
 * Return: 0, -EUCLEAN in the failed state, -ENOSPC beyond EXCEPTIONS_MAX, -EINVAL for a time that
 * cannot be written or a source by id without the guest's key, or -errno with @error.
 */
int exceptions_add(struct exceptions *exceptions, const struct exception *exception, uint32_t *id,
		   struct error *error);

/**
 * exceptions_edit() - let a rule say something else, under its id
 * @exception: the rule as it is to be; @id says which
 * @is_dry_run: only look whether it could be
 * Written as in exceptions_add(). The rule that was there ends if the new one is about something
 * else, and its use is counted anew then.
 * Return: 0, -ENOENT, -EROFS for the administrator's, or as exceptions_add().
 */
int exceptions_edit(struct exceptions *exceptions, const struct exception *exception,
		    bool is_dry_run, struct error *error);

/**
 * struct import - exceptions from elsewhere
 * @rules: as a file of the administrator has them, also with the same number
 * @creator: uid that brings them
 * @now_us: CLOCK_REALTIME; what is past its time by then is left out, and what has no time that it
 *	was made at was made now
 * @is_replacing: the daemon's own that are not among them go
 * @is_dry_run: only look
 */
struct import {
	const struct rules *rules;
	uint32_t creator;
	uint64_t now_us;
	bool is_replacing;
	bool is_dry_run;
};

/**
 * struct imported - how many
 * @added: new ones
 * @unchanged: were there already: the same in all but who made them and when
 * @removed: had to go
 * @expired: of what was to be imported
 */
struct imported {
	size_t added;
	size_t unchanged;
	size_t removed;
	size_t expired;
};

/**
 * exceptions_import() - store many rules, all or none, written as in exceptions_add()
 * Return: 0, or as exceptions_add().
 */
int exceptions_import(struct exceptions *exceptions, const struct import *import,
		      struct imported *imported, struct error *error);

/**
 * struct removal - which rules are to go: one of the three
 * @ids: these, @count of them, all or none
 * @source: those that are about just this
 * @now_us: those past their time by then, also what stands in the file though it was over
 *	when that was read
 */
struct removal {
	const uint32_t *ids;
	size_t count;
	const struct selector *source;
	uint64_t now_us;
};

/**
 * struct removed - what has gone
 * @rule: copies, @count of them, for free()
 * @kept: how many of the administrator's @source is about too: those stay
 * @kept_rule: the first of them, valid until the next change
 */
struct removed {
	struct exception *rule;
	size_t count;
	size_t kept;
	const struct exception *kept_rule;
};

/**
 * exceptions_remove() - forget rules; that there is none of such a source, or none past its time,
 * is no mistake
 * @removed: receives them on success
 * Return: 0, -ENOENT naming the first unknown id, -EROFS for the administrator's, or -errno.
 */
int exceptions_remove(struct exceptions *exceptions, const struct removal *removal,
		      struct removed *removed, struct error *error);

/**
 * exceptions_expire() - forget what has expired, and write the file
 * @next_us: receives when the next one expires, 0: none
 * Return: how many were forgotten, or -errno from writing (they are out of force all the same).
 */
int exceptions_expire(struct exceptions *exceptions, uint64_t now_us, uint64_t *next_us);

/**
 * struct guest_finder - who knows which guests run
 * @find: the id of the guest that a bound exception is about, 0 when it is not there; that with
 *	@exception->guest when that is set, else the one with @exception->guest_key
 * @data: for @find
 * @settled: a guest that is not there by now has ended; false: it may still be found
 */
struct guest_finder {
	uint32_t (*find)(void *data, const struct exception *exception);
	void *data;
	bool settled;
};

/**
 * exceptions_follow_guests() - bind what was read from the file, forget what ended with its guest
 * @waiting: receives how many still have no guest
 * Costs nothing when no exception is bound to a guest.
 * Return: how many were forgotten, or -errno from writing (they are out of force all the same).
 */
int exceptions_follow_guests(struct exceptions *exceptions, const struct guest_finder *finder,
			     size_t *waiting);

/**
 * exceptions_on_end() - be told of each exception that ended: expired, removed, gone with its
 * guest, or no longer in the files at a reload
 * @ended: called when the rules without it are in force; may not change the exceptions. A store
 *	that turns out to be broken ends nothing: what it held may come back.
 */
void exceptions_on_end(struct exceptions *exceptions,
		       void (*ended)(void *data, const struct exception *exception), void *data);

/**
 * exceptions_on_pin() - who knows which program listens
 * @holds: does the program that @rule is pinned to listen where @flow goes? Asked by
 *	exceptions_match(), so on the verdict path: no waiting. Without it no pinned rule matches.
 */
void exceptions_on_pin(struct exceptions *exceptions,
		       bool (*holds)(void *data, const struct exception *rule,
				     const struct flow *flow),
		       void *data);

/**
 * exceptions_match() - the rule that decides for this connection
 * @now_us: an exception past its time does not match even before exceptions_expire()
 * A deny goes before an allow, and what allows for good before what allows once, so that this is not
 * spent where it is not needed; among equals the one that lasts longest, then the lowest id. No
 * allocation; the cost does not grow with the number of exceptions (index.h).
 * Return: the rule, valid until the next change, or NULL.
 */
const struct exception *exceptions_match(const struct exceptions *exceptions,
					 const struct flow *flow, const struct source *source,
					 uint64_t now_us);

/**
 * exceptions_each_match() - all that exceptions_match() chooses among, in order of id
 * Looks at each exception: not for the verdict path.
 * @visit: returns non-zero to end
 */
int exceptions_each_match(const struct exceptions *exceptions, const struct flow *flow,
			  const struct source *source, uint64_t now_us,
			  int (*visit)(void *data, const struct exception *exception), void *data);

/**
 * exceptions_used() - count that a rule decided; no allocation
 * @id: of the rule; one that has ended since is no mistake
 * @is_new: not another packet of an attempt that was counted
 * What was counted stays when other rules come and go, and over exceptions_reload().
 */
void exceptions_used(struct exceptions *exceptions, uint32_t id, bool is_new, uint64_t now_us);

/**
 * exceptions_spend() - the one connection of a rule that allows once is let through now
 * @id: of such a rule; it matches nothing from here on. No allocation.
 */
void exceptions_spend(struct exceptions *exceptions, uint32_t id);

/**
 * exceptions_forget_spent() - take what is spent out of the file
 * Return: how many were forgotten, or -errno from writing: they are out of force all the same, as long
 * as the daemon runs.
 */
int exceptions_forget_spent(struct exceptions *exceptions);

size_t exceptions_count(const struct exceptions *exceptions);

/** exceptions_find() - the one with this id, valid until the next change, or NULL */
const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id);

/** exceptions_each() - in order of id; stops when @visit returns non-zero. */
int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data);

#endif
