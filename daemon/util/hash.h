/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FNV-1a in 64 bits, for tables and ids: no help against whoever looks for two texts with one hash. */
#ifndef LHGUARD_UTIL_HASH_H
#define LHGUARD_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

/** HASH_START - the hash of nothing. It and what is below never change: ids of rules stand on them */
#define HASH_START UINT64_C(0xcbf29ce484222325)

/** hash_add() - @hash and one byte more, or a larger word as if it were one */
uint64_t hash_add(uint64_t hash, uint64_t word);

/** hash_add_bytes() - … and @length bytes more */
uint64_t hash_add_bytes(uint64_t hash, const void *bytes, size_t length);

/** hash_add_text() - … and a text without its NUL */
uint64_t hash_add_text(uint64_t hash, const char *text);

#endif
