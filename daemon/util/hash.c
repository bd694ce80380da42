// SPDX-License-Identifier: GPL-2.0-or-later
/* FNV-1a in 64 bits (draft-eastlake-fnv). */
#include "util/hash.h"

#include <string.h>

uint64_t hash_add(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * UINT64_C(0x100000001b3);
}

uint64_t hash_add_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < length; i++)
		hash = hash_add(hash, byte[i]);
	return hash;
}

uint64_t hash_add_text(uint64_t hash, const char *text)
{
	return hash_add_bytes(hash, text, strlen(text));
}
