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
	uint64_t nonce;      /* hash; 0: free                        */
	uint64_t request;    /* the last request answered            */
	uint32_t client;     /* hash of its IP address               */
	uint32_t nc;
	uint32_t issued_s;
	uint32_t used_s;
};

/*
 * What a set forgets could be replayed from its first count on: a nonce that
 * is not in its set and was issued before the set's floor counts as used.
 */
struct nonces {
	uint8_t key[32];
	atomic_uint serial;
	size_t set_mask;
	struct entry *entry;
	uint32_t *floor_s;   /* of each set */
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
	n->set_mask = sets - 1;
	n->entry = calloc(sets * WAYS, sizeof(*n->entry));
	n->floor_s = calloc(sets, sizeof(*n->floor_s));
	if (n->entry == NULL || n->floor_s == NULL) {
		free(n->entry);
		free(n->floor_s);
		free(n);
		return -ENOMEM;
	}
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
	free(n->entry);
	free(n->floor_s);
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

/* Where a nonce's entry is or would be; the shard's lock is held. */
static struct entry *
find(struct nonces *n, uint64_t hash, struct entry **oldest)
{
	struct entry *set = n->entry + (hash & n->set_mask) * WAYS;

	*oldest = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].nonce == hash)
			return &set[i];
		if (set[i].used_s < (*oldest)->used_s)
			*oldest = &set[i];
	}
	return NULL;
}

static uint64_t
hash_of(struct str nonce)
{
	uint64_t hash = hash_bytes(nonce.p, nonce.n);

	return hash != 0 ? hash : 1;
}

static pthread_mutex_t *
lock_of(struct nonces *n, uint64_t hash)
{
	return &n->lock[(hash & n->set_mask) % SHARDS];
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
	enum nonce_verdict verdict;
	struct entry *e, *oldest, seen = { 0 };
	uint32_t issued_s, floor_s;

	if (!issued(use->nonce, use->alg, &issued_s))
		return NONCE_FOREIGN;
	pthread_mutex_lock(lock_of(n, hash));
	e = find(n, hash, &oldest);
	if (e != NULL)
		seen = *e;
	floor_s = n->floor_s[hash & n->set_mask];
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

/*
 * An entry gives way.  In the second in which it was issued the floor stays
 * below it: phones that were challenged just now must get in.
 */
static void
forget(struct nonces *n, const struct entry *e, uint64_t hash, uint32_t now_s)
{
	uint32_t *floor_s = &n->floor_s[hash & n->set_mask];
	uint32_t above = e->issued_s < now_s ? e->issued_s + 1 : now_s;

	if (e->nonce != 0 && above > *floor_s)
		*floor_s = above;
}

bool
nonce_used(struct nonces *n, const struct nonce_use *use)
{
	uint64_t hash = hash_of(use->nonce);
	struct entry *e, *oldest;
	uint32_t issued_s;
	bool ok = issued(use->nonce, use->alg, &issued_s);

	pthread_mutex_lock(lock_of(n, hash));
	e = find(n, hash, &oldest);
	if (e != NULL) {
		ok = ok && use->nc > e->nc;
	} else if (ok && issued_s >= n->floor_s[hash & n->set_mask]) {
		e = oldest;
		forget(n, e, hash, (uint32_t)use->now_s);
		*e = (struct entry) { .nonce = hash, .issued_s = issued_s,
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
