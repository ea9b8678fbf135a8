/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_LOCATION_INT_H
#define EDGE_LOCATION_INT_H
/*
 * edge/location_int - what location.c (readers, in-place changes) and
 * location_writer.c (the writer thread) share.
 *
 * Who may change an entry's list: while queued is 0, anybody who holds the
 * shard's lock; while it is not, the writer thread alone, which publishes under
 * the lock.  So a change in place never meets one that waits for its commit.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/thread.h"
#include "edge/binding.h"
#include "edge/location.h"
#include "edge/users.h"

#define LOCATION_SHARDS LOCATION_PARTS

struct location_aor {
	struct hash_node node;
	struct binding *list;       /* what readers see                       */
	struct binding *next_list;  /* writer: after the commit under way     */
	struct binding *gone;       /* writer: rows to delete with it         */
	struct location_aor *in_batch; /* writer: next entry of the batch     */
	bool touched;               /* writer: is in the batch                */
	unsigned queued;            /* operations on their way                */
	uint16_t n;
	char text[];
};

struct location_shard {
	pthread_mutex_t lock;
	struct hash_table table;
};

struct location {
	struct location_shard shard[LOCATION_SHARDS];
	atomic_size_t count;        /* bindings without the ghosts            */
	atomic_uint slack_s, contacts_max;
	atomic_bool store_gone;     /* its file is not where it was opened    */

	struct store *store;        /* the writer's alone                     */
	struct users *users;
	uint64_t data_version;
	bool store_failing;         /* said in the log                        */
	int64_t expired_deleted_s;
	unsigned next_shard;        /* to be looked through                   */

	struct thread writer;
	pthread_mutex_t lock;       /* of what follows                        */
	pthread_cond_t wake;
	struct location_op *first, **last;
	size_t queue;
	uint64_t first_ms;          /* when the oldest came                   */
	bool stop;
};

struct location_shard *location_shard_of(struct location *l, struct str aor,
    uint64_t *hash);
struct location_aor *location_find(struct location_shard *s, struct str aor,
    uint64_t hash);
/* Lock held: an entry without bindings and operations goes. */
void location_drop_if_empty(struct location_shard *s, struct location_aor *a);

static inline struct str
location_aor_text(const struct location_aor *a)
{
	return str_of(a->text, a->n);
}

/* location_writer.c */
MUSTCHECK int location_writer_start(struct location *l);
void location_writer_stop(struct location *l);
bool location_enqueue(struct location *l, struct location_op *op);

#endif
