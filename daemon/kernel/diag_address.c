// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/diag_address.h"

#include "flow.h"

#include <string.h>
#include <sys/socket.h>

struct in6_addr diag_get_address(const uint32_t *words, uint8_t family)
{
	struct in6_addr address = address_any_four;

	if (family == AF_INET)
		address.s6_addr32[3] = words[0];
	else
		memcpy(&address, words, sizeof(address));
	return address;
}

void diag_put_address(uint32_t *words, uint8_t family, const struct in6_addr *address)
{
	if (family == AF_INET)
		words[0] = address->s6_addr32[3];
	else
		memcpy(words, address, sizeof(*address));
}
