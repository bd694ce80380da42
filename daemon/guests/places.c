// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the files with guests' names are: paths with placeholders, as guests.conf(5) writes them. */
#include "guests/places.h"

#include "guests/names.h"
#include "kernel/files.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>

#define STARS_MAX    2		       /* of one path */
#define ENTRIES_MAX  64		       /* of a folder that a "*" stands for */
#define ASKED_MAX    128	       /* files and folders that are asked for, of one path */
#define SYSTEM_BYTES (4 * 1024 * 1024) /* that are read of all files of one path */
#define USER_BYTES   (256 * 1024)      /* … of a user's */
#define PASSWD_BYTES (4 * 1024 * 1024)
#define HOME	     "{home}/"
#define UID	     "{uid}"

/**
 * struct search - all files that one path stands for
 * @reader: gets them
 * @owner: who may keep us waiting; NULL for nobody but the system
 * @user: whose files they are, NULL for the system's
 * @bytes: that may still be read
 * @asked: files and folders that may still be asked for
 * @is_cut: some were not read
 */
struct search {
	const struct place_reader *reader;
	const struct file_owner *owner;
	const uid_t *user;
	size_t bytes;
	unsigned int asked;
	bool is_cut;
};

/* The first component that is a "*"; NULL when there is none. */
static const char *find_star(const char *path)
{
	for (const char *at = path; (at = strchr(at, '*')); at++)
		if ((at == path || at[-1] == '/') && at[1] == '/')
			return at;
	return NULL;
}

int places_check(const char *template, struct error *error)
{
	const char *uid = strstr(template, UID), *star = template;
	bool has_home = !strncmp(template, HOME, strlen(HOME));
	int stars = 0;

	if (template[0] != '/' && !has_home)
		return error_set(error, -EINVAL, "\"%s\" is no path from / or " HOME " on",
				 template);
	if (uid && (has_home || uid[strlen(UID)] != '/' ||
		    (strchr(template, '*') && strchr(template, '*') < uid)))
		return error_set(error, -EINVAL,
				 UID " stands at the end of a folder's name, before every *");
	for (; (star = strchr(star, '*')); star++)
		if (star[-1] != '/' || star[1] != '/' || ++stars > STARS_MAX)
			return error_set(error, -EINVAL,
					 "a * stands for the whole name of a folder, at most %d of "
					 "them",
					 STARS_MAX);
	return 0;
}

bool places_put_id(char *text, size_t size, const char *template, const char *id)
{
	const char *place = strstr(template, "{id}");

	text[0] = '\0';
	if (!place)
		return text_append(text, size, "%s", template);
	if (!id[0] || strpbrk(id, "/*?{") || !strcmp(id, "..") || !strcmp(id, "."))
		return false;
	return text_append(text, size, "%.*s%s%s", (int)(place - template), template, id,
			   place + 4);
}

/* Nobody is asked any more once somebody does not answer. */
static bool is_there(struct search *search, ssize_t result)
{
	if (result == -ETIMEDOUT || result == -EBUSY)
		search->asked = 0;
	search->is_cut |= result < 0 && result != -ENOENT && result != -ENOTDIR;
	return result >= 0;
}

static void read_one(struct search *search, int folder, const char *path)
{
	_cleanup_free_ char *text = NULL;
	ssize_t length;

	if (folder == AT_FDCWD)
		length = file_read(search->owner, folder, path, search->bytes, &text);
	else
		length = file_read_below(search->owner, folder, path, search->bytes, search->user,
					 &text);
	if (!is_there(search, length))
		return;
	search->bytes -= (size_t)length;
	search->reader->take(search->reader->data, text, (size_t)length);
}

static void walk(struct search *search, int folder, const char *path);

static int count_names(const char *names, ssize_t length)
{
	int count = 0;

	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		count++;
	return count;
}

/* Each entry of the folder in the place of a "*", with @rest behind it. */
static void walk_entries(struct search *search, int folder, const char *rest)
{
	_cleanup_free_ char *names = NULL;
	ssize_t length = file_names(search->owner, folder, ENTRIES_MAX, &names);
	char path[PATH_MAX];

	if (!is_there(search, length))
		return;
	search->is_cut |= count_names(names, length) >= ENTRIES_MAX;
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		path[0] = '\0';
		/* A folder that is called "*" is no pattern of ours. */
		if (name[0] != '.' && !strchr(name, '*') &&
		    text_append(path, sizeof(path), "%s%s", name, rest))
			walk(search, folder, path);
	}
}

static void walk(struct search *search, int folder, const char *path)
{
	const char *star = find_star(path);
	_cleanup_close_ int above = -1;
	char before[PATH_MAX];

	if (!search->asked) {
		search->is_cut = true;
		return;
	}
	search->asked--;
	if (!star) {
		read_one(search, folder, path);
		return;
	}
	if (star > path) {
		snprintf(before, sizeof(before), "%.*s", (int)(star - path), path);
		above = file_folder(search->owner, folder, before,
				    folder == AT_FDCWD ? 0 : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		if (!is_there(search, above))
			return;
		folder = above;
	}
	walk_entries(search, folder, star + 1);
}

/* The home of a user, from the file alone: a name service may keep us waiting. */
static bool find_home(const char *root, uid_t user, char *path, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	path[0] = '\0';
	if (!text_append(path, size, "%s/etc/passwd", root) ||
	    file_read(NULL, AT_FDCWD, path, PASSWD_BYTES, &text) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		char *fields[6] = {NULL}, *end = NULL; /* passwd(5): uid and home are 2 and 5 */

		for (size_t i = 0; i < 6; i++)
			fields[i] = strsep(&line, ":");
		if (!fields[5] || fields[5][0] != '/' || !fields[2][0] ||
		    strtoul(fields[2], &end, 10) != user || *end)
			continue;
		path[0] = '\0';
		return text_append(path, size, "%s%s", root, fields[5]);
	}
	return false;
}

/*
 * The folder from which on a user chooses what there is, "" for none, and what stands behind it; false
 * when the guest is no user's.
 */
static bool split(const char *template, const struct names_question *question, char *base,
		  size_t size, const char **rest)
{
	const char *uid = strstr(template, UID);

	base[0] = '\0';
	*rest = template;
	if (!strncmp(template, HOME, strlen(HOME))) {
		*rest += strlen(HOME);
		return question->has_user && find_home(question->root, question->user, base, size);
	}
	if (!uid)
		return true;
	*rest = uid + strlen(UID) + 1;
	return question->has_user &&
	       text_append(base, size, "%s%.*s%u", question->root, (int)(uid - template), template,
			   (unsigned int)question->user);
}

/* One number for all that this user keeps us waiting with: it is no pid. */
static pid_t user_number(uid_t user)
{
	return (pid_t)(user | 1u << 31);
}

bool places_read(const char *template, const struct names_question *question,
		 const struct place_reader *reader)
{
	const struct file_owner owner = {.proc = -1, .pid = user_number(question->user)};
	struct search search = {.reader = reader, .bytes = SYSTEM_BYTES, .asked = ASKED_MAX};
	char base[PATH_MAX], path[PATH_MAX], whole[PATH_MAX] = "";
	_cleanup_close_ int folder = -1;
	const char *rest;

	if (!split(template, question, base, sizeof(base), &rest) ||
	    !places_put_id(path, sizeof(path), rest, question->id))
		return true;
	if (!base[0]) {
		if (text_append(whole, sizeof(whole), "%s%s", question->root, path))
			walk(&search, AT_FDCWD, whole);
		return !search.is_cut;
	}
	search.owner = &owner;
	search.user = &question->user;
	search.bytes = USER_BYTES;
	folder = file_folder(&owner, AT_FDCWD, base, 0);
	if (is_there(&search, folder))
		walk(&search, folder, path);
	return !search.is_cut;
}
