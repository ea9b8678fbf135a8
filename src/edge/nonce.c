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
 * nothing to allocate, no list to keep.
 */
struct entry {
	uint64_t nonce;      /* hash; 0: free                        */
	uint64_t request;    /* the last request answered            */
	uint32_t nc;
	uint32_t used_s;     /* low bits of the wall time            */
};

struct nonces {
	uint8_t key[32];
	atomic_uint serial;
	size_t set_mask;
	struct entry *entry;
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
	if (n->entry == NULL) {
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
	digest_wipe(n->key, sizeof(n->key));
	free(n->entry);
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
issued(struct str nonce, enum digest_alg alg, int64_t *issued_s)
{
	uint8_t t[4];

	if (nonce.n != NONCE_LEN - 1 || nonce.p[TIME_HEX] != (char)('0' + alg) ||
	    !str_unhex(t, sizeof(t), str_of(nonce.p, TIME_HEX)))
		return false;
	*issued_s = (int64_t)((uint32_t)t[0] << 24 | (uint32_t)t[1] << 16 |
	    (uint32_t)t[2] << 8 | t[3]);
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

enum nonce_verdict
nonce_judge(struct nonces *n, struct str nonce, enum digest_alg alg,
    const struct addr *client, struct str realm, uint32_t nc, uint64_t request,
    int64_t now_s, int lifetime_s)
{
	uint64_t hash = hash_of(nonce);
	struct entry *e, *oldest, seen = { 0 };
	int64_t issued_s;

	pthread_mutex_lock(lock_of(n, hash));
	e = find(n, hash, &oldest);
	if (e != NULL)
		seen = *e;
	pthread_mutex_unlock(lock_of(n, hash));
	if (e != NULL && nc <= seen.nc)
		return seen.request == request &&
		    (uint32_t)now_s - seen.used_s < TIMER_J_S ?
		    NONCE_RETRANSMIT : NONCE_STALE;
	if (!issued(nonce, alg, &issued_s))
		return NONCE_FOREIGN;
	/* One that a correct response has used was found genuine before. */
	if (e == NULL && !genuine(n, nonce, client, realm))
		return NONCE_FOREIGN;
	if (now_s - issued_s > lifetime_s || issued_s - now_s > CLOCK_SLIP_S)
		return NONCE_STALE;
	/* A count beyond the first of a nonce that was forgotten. */
	return e == NULL && nc > 1 ? NONCE_STALE : NONCE_NEW;
}

bool
nonce_used(struct nonces *n, struct str nonce, uint32_t nc, uint64_t request,
    int64_t now_s)
{
	uint64_t hash = hash_of(nonce);
	struct entry *e, *oldest;
	bool ok = true;

	pthread_mutex_lock(lock_of(n, hash));
	e = find(n, hash, &oldest);
	if (e == NULL) {
		e = oldest;
		*e = (struct entry) { .nonce = hash };
	} else if (nc <= e->nc) {
		ok = false;
	}
	if (ok) {
		e->nc = nc;
		e->request = request;
		e->used_s = (uint32_t)now_s;
	}
	pthread_mutex_unlock(lock_of(n, hash));
	return ok;
}
