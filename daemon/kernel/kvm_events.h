/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own word for each virtual machine that a process makes with KVM. */
#ifndef LHGUARD_KERNEL_KVM_EVENTS_H
#define LHGUARD_KERNEL_KVM_EVENTS_H

#include <stddef.h>
#include <sys/types.h>

struct kvm_events;

/**
 * kvm_events_open() - subscribe to the uevents of /dev/kvm
 * Works in a network namespace that the initial user namespace owns, and goes on working after
 * setns(2) into another: open it first.
 * Return: 0 or -errno.
 */
int kvm_events_open(struct kvm_events **events);
void kvm_events_close(struct kvm_events *events);
int kvm_events_fd(const struct kvm_events *events);

/**
 * kvm_events_read() - read pending events without waiting, at most 256 a call
 * @made: called with the id of each thread that made a virtual machine, in our pid namespace
 * Return: 1 when there may be more, 0 when drained, -ENOBUFS when events were lost, or -errno.
 */
int kvm_events_read(struct kvm_events *events, void (*made)(void *data, pid_t thread), void *data);

/**
 * kvm_event_parse() - the thread that made a virtual machine, out of one uevent
 * @text: "change@/devices/virtual/misc/kvm" and KEY=VALUE texts, each ended by NUL
 *
 * Source: kvm_uevent_notify_change() in virt/kvm/kvm_main.c. It is sent before the caller of
 * KVM_CREATE_VM gets its descriptor.
 *
 * Return: the thread's id, 0 when it is another event.
 */
pid_t kvm_event_parse(const char *text, size_t length);

#endif
