/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_DEVICES_INT_H
#define EDGE_DEVICES_INT_H
/*
 * edge/devices_int - what the parts of edge/devices share.
 *
 * A device lies at a place, its address and fingerprint, in the shard of its
 * address.  Registered devices have one entry for each of their accounts, in
 * the shard of the account's hash.  Locks, in this order: an account shard;
 * place shards, the lower first; chains; kinds; kept; newcomers; the writer's
 * queue.
 *
 * Who takes a device off its place, its accounts gone, frees it; one that is
 * queued for the writer is freed by the writer.
 */
#include "base/thread.h"
#include "edge/devices.h"
#include "edge/devices_device_int.h"
#include "edge/texts.h"
#include "store/device.h"

#define DEVICES_SHARDS      64
#define DEVICES_CACHED      128  /* never registered, per shard             */
#define DEVICES_PER_ADDRESS 16   /* of them                                 */
#define DEVICES_PER_PLACE   16   /* looked at, at one address and fingerprint */
#define DEVICES_PER_ACCOUNT 32   /* registered; then the oldest goes        */
#define DEVICES_ACCOUNTS    16   /* of one device                           */
#define DEVICES_MAX         1000000
#define DEVICES_CHAINS      256  /* ever presented                          */
#define DEVICES_DEEDS       32   /* of one device                           */
#define DEVICES_KEPT        256  /* evidence of refusals not yet proven     */
#define DEVICES_AGENTS      8192 /* User-Agents by address                  */
#define DEVICES_AGENT_MAX   64
#define DEVICES_NEWCOMERS   1024 /* addresses from which unknown ones came  */
#define DEVICES_NEWCOMER_CHAINS 8
#define DEVICES_EVENTS      8    /* of one device, not yet written          */
#define DEVICES_COUNTS_S    600  /* mere counts are written so much later   */

struct device_shard {
	pthread_mutex_t lock;
	struct hash_table table;
	struct list cache;        /* least recently seen first              */
	unsigned ncached;
};

struct devices_settings {
	struct devices_settings *older; /* workers may still read it        */
	struct conf *conf;
	bool by_ja4, by_profile;  /* some selector asks for it              */
	/* The numbers of its chains, if a context has those; DEVICES_CHAINS. */
	uint16_t number[TRUST_CHAINS_MAX];
};

/* What clients that nobody knew did at one address within minutes. */
struct newcomer {
	uint64_t ip_hash;
	int64_t when_s;
	uint32_t seen;            /* of them                                */
	unsigned n;
	struct newcomer_did {
		uint16_t chain;
		bool accepted;    /* by the last that was shown it          */
		uint32_t refused; /* else: in a row                         */
		uint32_t no;      /* seen then                              */
	} did[DEVICES_NEWCOMER_CHAINS];
};

struct devices {
	_Atomic(struct devices_settings *) settings;
	devices_remedy_fn *remedy;
	void *remedy_arg;
	struct profiles *profiles; /* NULL: not known                      */
	struct heard *heard;

	struct device_shard shard[DEVICES_SHARDS];
	struct account_shard {
		pthread_mutex_t lock;
		struct hash_table table;
	} account[DEVICES_SHARDS];
	atomic_size_t registered;

	pthread_mutex_t kinds_lock;
	struct hash_table kinds;

	struct texts texts;

	pthread_mutex_t chains_lock;  /* to add, and for what may change   */
	atomic_uint nchains;
	struct known_chain *known;

	pthread_mutex_t kept_lock;
	struct kept {              /* small: they are searched at a refusal */
		struct device *device; /* NULL: free                        */
		uint64_t fingerprint;  /* of its hello then                 */
		uint16_t chain;
		struct trust_evidence *evidence; /* of kept_evidence        */
	} kept[DEVICES_KEPT];
	struct trust_evidence *kept_evidence;
	unsigned next_kept;

	pthread_mutex_t agents_lock;
	struct agent {
		uint64_t ip_hash;
		char text[DEVICES_AGENT_MAX];
	} *agent;

	pthread_mutex_t newcomers_lock;
	struct newcomer *newcomer;

	/* The writer: devices_write.c */
	char *dir;
	bool told;                /* some device was asked; main thread     */
	struct device_store *store;
	struct thread writer;
	pthread_mutex_t lock;
	pthread_cond_t wake, written;
	bool stop, failing;
	uint64_t asked, done;     /* devices_sync                           */
	struct device *due;       /* stack                                  */
};

/* The devices at one place: registered ones, and at most one that is not. */
struct place {
	struct device *device[DEVICES_PER_PLACE];
	unsigned n, nregistered;
	struct device *other;     /* the one not registered, NULL: none     */
};

/* devices_place.c: under the shard's lock. */
struct device_shard *devices_shard(struct devices *d, const struct addr *peer,
    unsigned *index);
void devices_place(struct place *p, struct device_shard *s,
    const struct addr *peer, uint64_t fingerprint);
/* The one there that has not registered, NULL: none. */
struct device *devices_unnamed(struct device_shard *s, const struct addr *peer,
    uint64_t fingerprint);
/* Of whom a deed at this place is, or NULL. */
struct device *devices_owner(const struct place *p);
/* At its place, not yet in the cache; add does both.  NULL: no memory. */
struct device *devices_make(struct devices *d, unsigned shard,
    const struct addr *peer, uint64_t fingerprint, int64_t now_s);
void devices_cache(struct devices *d, struct device *dev); /* the oldest goes */
struct device *devices_add(struct devices *d, unsigned shard,
    const struct addr *peer, uint64_t fingerprint, int64_t now_s);
void devices_put_at(struct devices *d, struct device *dev, unsigned shard,
    const struct addr *peer, uint64_t fingerprint);
void devices_take_off(struct devices *d, struct device *dev);
void devices_drop(struct devices *d, struct device *dev); /* and free it */
void devices_free_device(struct devices *d, struct device *dev);
void devices_touch(struct device_shard *s, struct device *dev, int64_t now_s);
/* The lock of the shard that it lies in. */
struct device_shard *devices_lock_shard_of(struct devices *d,
    struct device *dev);

/* devices.c */
/* Number of a chain, added when new, or not; DEVICES_CHAINS: no room, none. */
unsigned devices_chain(struct devices *d, const char *name, const char *root);
unsigned devices_find_chain(const struct devices *d, const char *name,
    const char *root);

/* Of the chain at this place in a context: mostly without a search. */
unsigned devices_number(const struct devices *d,
    const struct devices_settings *set, const struct trust_chain *c,
    unsigned at);

struct deed *devices_deed(struct device *dev, unsigned chain, bool make);
uint32_t devices_next_event(const struct place *p);

/* Its word on a chain counts for its kind: before and after it changes. */
void devices_count_word(struct devices *d, struct device *dev,
    const struct deed *deed, int by);
struct kind *devices_find_kind(struct devices *d, uint64_t fingerprint);
struct trust_class *devices_class(struct kind *k, unsigned chain, bool make);
void devices_set_kind(struct devices *d, struct device *dev,
    uint64_t fingerprint);
void devices_set_registered(struct devices *d, struct device *dev);

/* devices_judge.c.  to NULL: forgotten. */
void devices_move_kept(struct devices *d, struct device *from,
    struct device *to);
void devices_event(struct device *dev, const char *what, unsigned chain,
    const struct trust_verdict *v, uint16_t version, int64_t now_s);
MUSTCHECK int devices_load(struct devices *d, const char *dir, struct buf *why);
/*
 * devices_newcomer.c.  A client that was not known showed what it does with a
 * chain; and what is to be thought of the next one: false: nothing.
 */
void devices_newcomer(struct devices *d, const struct addr *peer,
    unsigned chain, bool accepted, int64_t now_s);
bool devices_newcomers(struct devices *d, const struct addr *peer,
    struct trust_deed *deed, const unsigned *number, unsigned nchains,
    int64_t now_s);

/* devices_write.c */
MUSTCHECK int devices_writer_start(struct devices *d);
void devices_writer_stop(struct devices *d);
/* Write it soon, or, when only a count has changed, some time. */
void devices_due(struct devices *d, struct device *dev);
void devices_due_later(struct devices *d, struct device *dev, int64_t now_s);

/* devices_name.c */
/* Under both its shards.  E_LIMIT, -ENOMEM. */
MUSTCHECK int devices_add_account(struct devices *d, struct device *dev,
    struct str account);

#endif
