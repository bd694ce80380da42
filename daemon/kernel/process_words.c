// SPDX-License-Identifier: GPL-2.0-or-later
/* What a process says of itself: it may take its time, or say nothing at all. */
#include "kernel/processes.h"

#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"

#include <string.h>

/* Those that did not answer and were told of, the latest ones. */
#define SILENT_MAX 64

static struct silent {
	pid_t pid;
	uint64_t start;
} silent[SILENT_MAX];
static uint64_t silent_count;

/* Once for each. */
static void tell_silent(int root, pid_t pid)
{
	struct process process;
	char comm[COMM_SIZE];

	if (process_read(root, pid, &process))
		return;
	for (size_t i = 0; i < SILENT_MAX; i++)
		if (silent[i].pid == pid && silent[i].start == process.start)
			return;
	silent[silent_count++ % SILENT_MAX] = (struct silent){.pid = pid, .start = process.start};
	text_copy_name(comm, sizeof(comm), process.comm, strnlen(process.comm, COMM_SIZE));
	log_warning(
		"process %d (%s) does not tell what it is: its memory, or a file that it names, "
		"does not answer. Its connections are judged by what else is known of it",
		pid, comm);
}

int process_ask(int root, pid_t pid, struct patient_job *job)
{
	int result = patient_call(job, pid);

	if (result == -ETIMEDOUT)
		tell_silent(root, pid);
	return result;
}

uint64_t processes_silent(void)
{
	return silent_count;
}

/**
 * struct arguments_job - reads a command line
 * @directory: /proc/PID
 * @length: of the text, or -errno
 * @size: bytes of @text
 */
struct arguments_job {
	struct patient_job job;
	int directory;
	ssize_t length;
	size_t size;
	char text[];
};

static void run_arguments(struct patient_job *job)
{
	struct arguments_job *arguments = (struct arguments_job *)job;

	arguments->length = process_read_file(arguments->directory, "cmdline", arguments->text,
					      arguments->size);
}

static void discard_arguments(struct patient_job *job)
{
	close(((struct arguments_job *)job)->directory);
	free(job);
}

/* At most @size bytes of the command line; their number or -errno. */
static ssize_t ask_arguments(int root, pid_t pid, char *buffer, size_t size)
{
	struct arguments_job *arguments = malloc(sizeof(*arguments) + size);
	ssize_t length;

	if (!arguments)
		return -ENOMEM;
	*arguments = (struct arguments_job){
		.job = {.run = run_arguments, .discard = discard_arguments},
		.directory = process_open(root, pid),
		.size = size,
	};
	length = arguments->directory;
	if (length < 0) {
		free(arguments);
		return length;
	}
	length = process_ask(root, pid, &arguments->job);
	if (length < 0)
		return length;
	length = arguments->length;
	if (length > 0)
		memcpy(buffer, arguments->text, (size_t)length);
	discard_arguments(&arguments->job);
	return length;
}

ssize_t process_arguments(int root, pid_t pid, char *buffer, size_t size)
{
	ssize_t length;

	if (size == 0)
		return -EINVAL;
	length = ask_arguments(root, pid, buffer, size - 1);
	if (length < 0)
		return length == -ENOENT ? -ESRCH : length;
	/* A program may have overwritten its arguments, and the last NUL with them. */
	buffer[length] = '\0';
	if (length > 0 && buffer[length - 1] != '\0')
		length++;
	return length;
}
