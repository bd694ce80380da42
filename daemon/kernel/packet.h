/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet parser: one pure function from bytes to a flow. */
#ifndef LHGUARD_KERNEL_PACKET_H
#define LHGUARD_KERNEL_PACKET_H

#include <stddef.h>
#include <stdint.h>

struct flow;

/**
 * packet_parse() - read the flow out of an IP packet
 * @bytes: the packet from its IPv4 or IPv6 header on, may be cut (copy range)
 * @length: bytes available
 * @flow: written whole on success, untouched on error
 *
 * Walks IPv6 extension headers (RFC 8200), at most 8. TCP, UDP, UDP-Lite, SCTP and DCCP give ports,
 * ICMP and ICMPv6 their type; any other protocol gives a flow without ports.
 *
 * Return: 0; -EBADMSG when a header is truncated, contradicts itself or its length field, is a
 * fragment (the kernel reassembles before our hooks), routes the packet on to another destination
 * (RFC 8200, 4.4), or carries IPv4-mapped or IPv4-compatible addresses in IPv6 (they would be taken
 * for others).
 */
int packet_parse(const uint8_t *bytes, size_t length, struct flow *flow);

#endif
