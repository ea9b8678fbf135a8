/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_HASH_H
#define BASE_HASH_H
/*
 * base/hash - SipHash-2-4 and an intrusive chained hash table.
 *
 * Everything keyed by bytes from outside is hashed with a random process key,
 * so that nobody can aim at one bucket.  The table owns its bucket array only;
 * nodes are embedded in the caller's objects.  Not thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash_table {
	struct hash_node **bucket;
	size_t mask;   /* buckets - 1 */
	size_t count;
};

/* SipHash-2-4 of n bytes under an explicit 128-bit key. */
uint64_t hash_siphash(const uint64_t key[2], const void *bytes, size_t n);

/* The same under a key drawn at random once per process. */
uint64_t hash_bytes(const void *bytes, size_t n);

/* As hash_bytes, ASCII letters folded to lower case. */
uint64_t hash_istr(struct str s);

/* 0 or -ENOMEM.  hint: expected number of nodes; the table grows by itself. */
MUSTCHECK int hash_init(struct hash_table *t, size_t hint);
void hash_fini(struct hash_table *t);

/* First node of the chain for hash; walk ->next, compare ->hash, then key. */
struct hash_node *hash_chain(const struct hash_table *t, uint64_t hash);

/* Cannot fail: when growing finds no memory the chains get longer. */
void hash_insert(struct hash_table *t, struct hash_node *n, uint64_t hash);

/* n must be in the table. */
void hash_remove(struct hash_table *t, struct hash_node *n);

/* Call fn for every node; fn may free its node but touch no other. */
void hash_each(struct hash_table *t, void (*fn)(struct hash_node *, void *arg),
    void *arg);

#endif
