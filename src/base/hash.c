/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/digest.h"

#define BUCKETS_MIN 16
#define FOLD_CHUNK  256 /* bytes folded to lower case at a time */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_rounds(struct sip *s, unsigned n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static inline struct sip
sip_start(const uint64_t key[2])
{
	return (struct sip) {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
}

/* Whole words only: n is a multiple of 8. */
static inline void
sip_words(struct sip *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t m;
		memcpy(&m, p + i, 8);
		m = le64toh(m);
		s->v3 ^= m;
		sip_rounds(s, 2);
		s->v0 ^= m;
	}
}

/* The last n % 8 bytes and the length. */
static inline uint64_t
sip_end(struct sip *s, const uint8_t *tail, size_t n)
{
	uint64_t m = (uint64_t)n << 56;
	for (size_t i = 0; i < n % 8; i++)
		m |= (uint64_t)tail[i] << (8 * i);
	s->v3 ^= m;
	sip_rounds(s, 2);
	s->v0 ^= m;
	s->v2 ^= 0xff;
	sip_rounds(s, 4);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t
hash_siphash(const uint64_t key[2], const void *bytes, size_t n)
{
	struct sip s = sip_start(key);
	size_t whole = n & ~(size_t)7;
	if (n == 0)
		return sip_end(&s, NULL, 0);
	sip_words(&s, bytes, whole);
	return sip_end(&s, (const uint8_t *)bytes + whole, n);
}

static uint64_t process_key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void
draw_key(void)
{
	digest_random(process_key, sizeof(process_key));
}

uint64_t
hash_bytes(const void *bytes, size_t n)
{
	(void)pthread_once(&key_once, draw_key);
	return hash_siphash(process_key, bytes, n);
}

static size_t
fold(uint8_t *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)p[i];
		out[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	return n;
}

uint64_t
hash_istr(struct str s)
{
	uint8_t low[FOLD_CHUNK];
	(void)pthread_once(&key_once, draw_key);
	struct sip state = sip_start(process_key);
	size_t at = 0;
	for (; s.n - at >= sizeof(low); at += sizeof(low))
		sip_words(&state, low, fold(low, s.p + at, sizeof(low)));
	size_t rest = s.n - at;
	size_t whole = rest & ~(size_t)7;
	if (rest > 0)
		(void)fold(low, s.p + at, rest);
	sip_words(&state, low, whole);
	return sip_end(&state, low + whole, s.n);
}

int
hash_init(struct hash_table *t, size_t hint)
{
	size_t buckets = BUCKETS_MIN;
	while (buckets < hint && buckets <= SIZE_MAX / 4 / sizeof(void *))
		buckets *= 2;
	*t = (struct hash_table) { .mask = buckets - 1 };
	t->bucket = calloc(buckets, sizeof(struct hash_node *));
	return t->bucket != NULL ? 0 : -ENOMEM;
}

void
hash_fini(struct hash_table *t)
{
	free(t->bucket);
	*t = (struct hash_table) { 0 };
}

struct hash_node *
hash_chain(const struct hash_table *t, uint64_t hash)
{
	return t->bucket[hash & t->mask];
}

static void
grow(struct hash_table *t)
{
	size_t old = t->mask + 1;
	if (old > SIZE_MAX / 2 / sizeof(void *))
		return;
	struct hash_node **bucket = calloc(old * 2, sizeof(struct hash_node *));
	if (bucket == NULL)
		return;
	size_t mask = old * 2 - 1;
	for (size_t i = 0; i < old; i++) {
		struct hash_node *next, *n;
		for (n = t->bucket[i]; n != NULL; n = next) {
			next = n->next;
			n->next = bucket[n->hash & mask];
			bucket[n->hash & mask] = n;
		}
	}
	free(t->bucket);
	t->bucket = bucket;
	t->mask = mask;
}

void
hash_insert(struct hash_table *t, struct hash_node *n, uint64_t hash)
{
	if (t->count > t->mask)
		grow(t);
	n->hash = hash;
	n->next = t->bucket[hash & t->mask];
	t->bucket[hash & t->mask] = n;
	t->count++;
}

void
hash_remove(struct hash_table *t, struct hash_node *n)
{
	struct hash_node **at = &t->bucket[n->hash & t->mask];
	while (*at != n) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	t->count--;
}

void
hash_each(struct hash_table *t, void (*fn)(struct hash_node *, void *arg),
    void *arg)
{
	if (t->bucket == NULL)
		return;
	for (size_t i = 0; i <= t->mask; i++) {
		struct hash_node *next, *n;
		for (n = t->bucket[i]; n != NULL; n = next) {
			next = n->next;
			fn(n, arg);
		}
	}
}
