// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon gives up once everything is open. */
#include "privileges.h"

#include "util/array.h"
#include "util/error.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

/*
 * CAP_NET_ADMIN: verdicts, the table, TUNGETDEVNETNS.
 * CAP_SYS_PTRACE: exe, ns, fd and pidfd_getfd(2) of other users' processes.
 * CAP_DAC_READ_SEARCH: open_by_handle_at(2) for cgroups, and the directories of /proc.
 */
static int keep_capabilities(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
			  CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, -1))
		return -EINVAL;
	return capng_apply(CAPNG_SELECT_BOTH) ? -EPERM : 0;
}

/*
 * System calls that the loop never makes, and that whoever took the daemon over would want: to run
 * a program, to load code into the kernel or another process, to change mounts and namespaces.
 */
static const char *const denied[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"fsconfig",
	"fspick",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"reboot",
	"swapon",
	"swapoff",
	"keyctl",
	"add_key",
	"request_key",
	"acct",
	"quotactl",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"iopl",
	"ioperm",
	"personality",
	"io_uring_setup",
	"fork",
	"vfork",
};

static int deny_system_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	for (size_t i = 0; !result && i < ARRAY_SIZE(denied); i++) {
		int number = seccomp_syscall_resolve_name(denied[i]);

		/* A call that this libseccomp or this machine does not have needs no rule. */
		if (number == __NR_SCMP_ERROR || number < 0)
			continue;
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (!result)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

int privileges_drop(struct error *error)
{
	int result = keep_capabilities();

	if (result)
		return error_set(error, result, "capabilities cannot be dropped: %s",
				 strerror(-result));
	result = deny_system_calls();
	if (result)
		return error_set(error, result, "the system call filter cannot be loaded: %s",
				 strerror(-result));
	return 0;
}
