/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices a process holds: taps, macvtaps, drivers of VMMs, virtual machines. */
#ifndef LHGUARD_KERNEL_DEVICES_H
#define LHGUARD_KERNEL_DEVICES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * process_holds_tap() - does it hold the tun/tap device of this name ("iff:" in fdinfo)?
 * @netns: inode of the network namespace that the device has to be in, 0 for any
 * Return: 1, 0 or -errno. Reads all descriptors: not for the verdict path.
 */
int process_holds_tap(int root, pid_t pid, const char *interface, uint64_t netns);

/**
 * process_holds_macvtap() - does it hold the character device of this macvtap?
 * @mac: address of the interface: another namespace may have one of the same name and index
 * Return: 1, 0 or -errno. As process_holds_tap().
 */
int process_holds_macvtap(int root, pid_t pid, uint32_t ifindex, const char *interface,
			  const uint8_t *mac);

/**
 * process_holds_driver() - does it hold the device of a VMM's driver?
 * @driver: of a misc device that is named like it, e.g. "vboxdrv"
 * The device's number has to be the one that /proc/misc has: a file can be called anything, and
 * may have been handed over from a mount namespace where it is called so.
 * Return: 1, 0 or -errno. As process_holds_tap().
 */
int process_holds_driver(int root, pid_t pid, const char *driver);

/**
 * struct holdings - what a process's descriptors prove of it, whatever it is called
 * @kvm_vm: a virtual machine of KVM (anon_inode_getfile() in virt/kvm/kvm_main.c)
 * @virtualbox: the driver of VirtualBox
 * @vmware: the driver of VMware
 * @tap_netns: inode of the network namespace of a tun/tap device that lies in another than the
 *	process's own; 0 for none
 */
struct holdings {
	bool kvm_vm;
	bool virtualbox;
	bool vmware;
	uint64_t tap_netns;
};

/**
 * process_holdings() - look through the descriptors of a process
 * @netns: inode of the process's network namespace
 *
 * Takes the descriptor of a tun/tap device by pidfd_getfd(2) and asks TUNGETDEVNETNS
 * (linux/if_tun.h). Not for the verdict path.
 *
 * Return: 0 or -errno.
 */
int process_holdings(int root, pid_t pid, uint64_t netns, struct holdings *holdings);

#endif
