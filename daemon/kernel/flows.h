/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows that were accepted and have no end of their own: forgotten when the policy changes. */
#ifndef LHGUARD_KERNEL_FLOWS_H
#define LHGUARD_KERNEL_FLOWS_H

#include <stdint.h>

struct links;

/**
 * flows_forget() - make connection tracking forget the datagram flows to local services
 * @links: tells which addresses are local
 *
 * The table accepts the later datagrams of a flow by its conntrack entry. When an exception ends or
 * the configuration changes, the entry would let the flow go on for as long as the guest keeps
 * sending; without it the next datagram is judged anew. Flows that are translated (NAT) are left
 * alone, and so are TCP and SCTP, whose connections are not cut. Works in the current network
 * namespace, by ctnetlink; reads all entries for datagrams, so it is for changes of the policy
 * only.
 *
 * Return: how many were forgotten, or -errno.
 */
int flows_forget(const struct links *links);

#endif
