/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/nonce.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SHARDS       16
#define WAYS         8      /* entries a hash may lie in */
#define CACHE_LINE   64
#define MAC_BYTES    16
#define TIME_HEX     8
#define HEAD_HEX     17     /* time, algorithm, serial number */
#define TIMER_J_S    32     /* RFC 3261 17.2.2 */
#define CLOCK_SLIP_S 5

/*
 * A set-associative table: an entry lies in one of WAYS places of its set, and
 * a new one takes the place that was used longest ago.  Nothing to expire,
 * nothing to allocate, no list to keep.  Times are low bits of the wall time.
 */
struct entry {
	uint64_t request;    /* the last request answered            */
	uint32_t client;     /* hash of its IP address               */
	uint32_t nc;
	uint32_t issued_s;
	uint32_t used_s;
};

/*
 * The hashes of a set fill one cache line, and one entry is looked at.  What a
 * set forgets could be replayed from its first count on: a nonce that is not
 * in its set and was issued before the set's floor counts as used.
 */
struct set {
	_Alignas(CACHE_LINE) uint64_t nonce[WAYS]; /* hash; 0: free */
	struct entry entry[WAYS];
	uint32_t floor_s;
};

struct nonces {
	uint8_t key[32];
	atomic_uint serial;
	size_t mask;         /* sets - 1 */
	struct set *set;     /* in memory */
	void *memory;
	pthread_mutex_t lock[SHARDS];
};

int
nonces_new(struct nonces **out, size_t max)
{
	struct nonces *n = calloc(1, sizeof(*n));
	size_t sets = 1;

	if (n == NULL)
		return -ENOMEM;
	while (sets * WAYS < max)
		sets *= 2;
	n->mask = sets - 1;
	/* One set more than needed, to begin at a cache line: aligned memory
	 * would have to be cleared by hand, which touches all of it. */
	n->memory = calloc(sets + 1, sizeof(*n->set));
	if (n->memory == NULL) {
		free(n);
		return -ENOMEM;
	}
	n->set = (struct set *)(((uintptr_t)n->memory + CACHE_LINE - 1) &
	    ~(uintptr_t)(CACHE_LINE - 1));
	digest_random(n->key, sizeof(n->key));
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&n->lock[i], NULL);
	*out = n;
	return 0;
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&n->lock[i]);
	digest_wipe(n->key, sizeof(n->key));
	free(n->memory);
	free(n);
}

/* The MAC over time, algorithm, client and realm, as hex. */
static void
mac(const struct nonces *n, struct str head, const struct addr *client,
    struct str realm, char out[2 * MAC_BYTES + 1])
{
	bool v4 = client->u.sa.sa_family == AF_INET;
	const struct str parts[] = {
		head,
		str_of(v4 ? (const char *)&client->u.in.sin_addr :
		    (const char *)&client->u.in6.sin6_addr, v4 ? 4 : 16),
		realm,
	};
	uint8_t full[32];

	digest_hmac(str_of((const char *)n->key, sizeof(n->key)), parts,
	    ARRAY_LEN(parts), full);
	str_hex(out, full, MAC_BYTES);
}

void
nonce_make(struct nonces *n, char out[NONCE_LEN], enum digest_alg alg,
    const struct addr *client, struct str realm, int64_t now_s)
{
	uint8_t time[4] = { (uint8_t)(now_s >> 24), (uint8_t)(now_s >> 16),
		(uint8_t)(now_s >> 8), (uint8_t)now_s };
	/* Two challenges in one second must not share their counts. */
	uint32_t serial = atomic_fetch_add(&n->serial, 1);

	str_hex(out, time, sizeof(time));
	out[TIME_HEX] = (char)('0' + alg);
	str_hex(out + TIME_HEX + 1, &serial, sizeof(serial));
	mac(n, str_of(out, HEAD_HEX), client, realm, out + HEAD_HEX);
}

static uint64_t
hash_of(struct str nonce)
{
	uint64_t hash = hash_bytes(nonce.p, nonce.n);

	return hash != 0 ? hash : 1;
}

static struct set *
set_of(struct nonces *n, uint64_t hash)
{
	return &n->set[hash & n->mask];
}

static pthread_mutex_t *
lock_of(struct nonces *n, uint64_t hash)
{
	return &n->lock[(hash & n->mask) % SHARDS];
}

/* A nonce's entry, NULL: not there; the shard's lock is held. */
static struct entry *
find(struct set *s, uint64_t hash)
{
	for (int i = 0; i < WAYS; i++) {
		if (s->nonce[i] == hash)
			return &s->entry[i];
	}
	return NULL;
}

/*
 * A place for a new one.  What lay there raises the floor; but in the second in
 * which it was issued the floor stays below it, for phones that were challenged
 * just now must get in.
 */
static struct entry *
replace_oldest(struct set *s, uint64_t hash, uint32_t now_s)
{
	uint32_t above;
	int at = 0;

	for (int i = 1; i < WAYS; i++) {
		if (s->entry[i].used_s < s->entry[at].used_s)
			at = i;
	}
	above = s->entry[at].issued_s;
	above = above < now_s ? above + 1 : now_s;
	if (s->nonce[at] != 0 && above > s->floor_s)
		s->floor_s = above;
	s->nonce[at] = hash;
	return &s->entry[at];
}

/* Of our form, for this algorithm, and when it says it was issued. */
static bool
issued(struct str nonce, enum digest_alg alg, uint32_t *issued_s)
{
	uint8_t t[4];

	if (nonce.n != NONCE_LEN - 1 ||
	    nonce.p[TIME_HEX] != (char)('0' + alg) ||
	    !str_unhex(t, sizeof(t), str_of(nonce.p, TIME_HEX)))
		return false;
	*issued_s = (uint32_t)t[0] << 24 | (uint32_t)t[1] << 16 |
	    (uint32_t)t[2] << 8 | t[3];
	return true;
}

/* Made by us for this client and realm. */
static bool
genuine(const struct nonces *n, struct str nonce, const struct addr *client,
    struct str realm)
{
	char want[2 * MAC_BYTES + 1];

	mac(n, str_of(nonce.p, HEAD_HEX), client, realm, want);
	return digest_equal(want, nonce.p + HEAD_HEX, 2 * MAC_BYTES);
}

/* One that is remembered: a correct response has used it, so it is genuine. */
static enum nonce_verdict
judge_known(const struct entry *e, const struct addr *client, uint32_t nc,
    uint64_t request, int64_t now_s)
{
	if (e->client != (uint32_t)addr_hash_ip(client))
		return NONCE_FOREIGN;
	if (nc > e->nc)
		return NONCE_NEW;
	return nc == e->nc && e->request == request &&
	    (uint32_t)now_s - e->used_s < TIMER_J_S ? NONCE_RETRANSMIT :
						      NONCE_STALE;
}

enum nonce_verdict
nonce_judge(struct nonces *n, const struct nonce_use *use, struct str realm,
    int lifetime_s)
{
	uint64_t hash = hash_of(use->nonce);
	struct set *set = set_of(n, hash);
	struct entry *e, seen = { 0 };
	enum nonce_verdict verdict;
	uint32_t issued_s, floor_s;

	if (!issued(use->nonce, use->alg, &issued_s))
		return NONCE_FOREIGN;
	pthread_mutex_lock(lock_of(n, hash));
	e = find(set, hash);
	if (e != NULL)
		seen = *e;
	floor_s = e != NULL ? 0 : set->floor_s;
	pthread_mutex_unlock(lock_of(n, hash));
	if (e != NULL)
		verdict = judge_known(&seen, use->client, use->nc,
		    use->request, use->now_s);
	else if (!genuine(n, use->nonce, use->client, realm))
		verdict = NONCE_FOREIGN;
	else /* forgotten when its count is beyond the first; or maybe so */
		verdict = use->nc > 1 || issued_s < floor_s ? NONCE_STALE :
							      NONCE_NEW;
	if (verdict == NONCE_NEW && (use->now_s - issued_s > lifetime_s ||
	    issued_s - use->now_s > CLOCK_SLIP_S))
		return NONCE_STALE;
	return verdict;
}

bool
nonce_used(struct nonces *n, const struct nonce_use *use)
{
	uint64_t hash = hash_of(use->nonce);
	struct set *set = set_of(n, hash);
	struct entry *e;
	uint32_t issued_s;
	bool ok = issued(use->nonce, use->alg, &issued_s);

	pthread_mutex_lock(lock_of(n, hash));
	e = find(set, hash);
	if (e != NULL) {
		ok = ok && use->nc > e->nc;
	} else if (ok && issued_s >= set->floor_s) {
		e = replace_oldest(set, hash, (uint32_t)use->now_s);
		*e = (struct entry) { .issued_s = issued_s,
			.client = (uint32_t)addr_hash_ip(use->client) };
	} else {
		ok = false;
	}
	if (ok) {
		e->nc = use->nc;
		e->request = use->request;
		e->used_s = (uint32_t)use->now_s;
	}
	pthread_mutex_unlock(lock_of(n, hash));
	return ok;
}
