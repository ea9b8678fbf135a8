/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_TEXTS_H
#define EDGE_TEXTS_H
/*
 * edge/texts - texts that many objects have in common, kept once.
 *
 * A fleet of 100,000 phones has a dozen User-Agents.  Thread-safe; its lock is
 * the innermost of all.  A text lives until its last reference is dropped.
 */
#include <pthread.h>

#include "base/compiler.h"
#include "base/hash.h"

struct texts {
	pthread_mutex_t lock;
	struct hash_table table;
};

MUSTCHECK int texts_init(struct texts *t); /* 0, -ENOMEM */
void texts_fini(struct texts *t);          /* all references are dropped */

/* A reference to the one copy of s; NULL: s is empty, or no memory. */
const char *texts_share(struct texts *t, struct str s);
void texts_drop(struct texts *t, const char *text); /* NULL does nothing */

#endif
