/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses in sock_diag's messages (linux/inet_diag.h). Pure. */
#ifndef LHGUARD_KERNEL_DIAG_ADDRESS_H
#define LHGUARD_KERNEL_DIAG_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>

/**
 * diag_get_address() - read idiag_src or idiag_dst
 * @words: four of them; of AF_INET the first counts
 *
 * Return: the address, IPv4 mapped into IPv6, as everywhere in the daemon.
 */
struct in6_addr diag_get_address(const uint32_t *words, uint8_t family);

/** diag_put_address() - the other way round; for AF_INET the address has to be a mapped one. */
void diag_put_address(uint32_t *words, uint8_t family, const struct in6_addr *address);

#endif
