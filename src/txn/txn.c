/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "txn/txn_int.h"

#define TABLE_HINT  1024
#define BLOCK_BYTES 256 /* blocks are whole multiples of it */

int
txns_new(struct txns **out, struct wheel *wheel, size_t max)
{
	struct txns *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	if (hash_init(&x->server, TABLE_HINT) != 0 ||
	    hash_init(&x->client, TABLE_HINT) != 0) {
		hash_fini(&x->server);
		free(x);
		return -ENOMEM;
	}
	x->wheel = wheel;
	x->max = max;
	list_init(&x->servers);
	list_init(&x->clients);
	*out = x;
	return 0;
}

void
txns_free(struct txns *x)
{
	if (x == NULL)
		return;
	assert(x->count == 0);
	hash_fini(&x->server);
	hash_fini(&x->client);
	free(x);
}

void
txns_end_all(struct txns *x)
{
	while (!list_empty(&x->servers))
		txn_server_end(LIST_FIRST(&x->servers, struct txn_server, all));
	while (!list_empty(&x->clients))
		txn_client_end(LIST_FIRST(&x->clients, struct txn_client, all));
}

size_t
txns_count(const struct txns *x)
{
	return x->count;
}

void
txns_set_now(struct txns *x, uint64_t now_ms)
{
	x->now_ms = now_ms;
}

bool
txn_bytes_set(struct txn_bytes *b, struct str s)
{
	size_t size = (s.n / BLOCK_BYTES + 1) * BLOCK_BYTES;

	if (s.n > b->size) {
		txn_bytes_free(b);
		b->p = malloc(size);
		if (b->p == NULL)
			return false;
		b->size = size;
	}
	if (s.n > 0)
		memcpy(b->p, s.p, s.n);
	b->n = s.n;
	return true;
}

void
txn_bytes_free(struct txn_bytes *b)
{
	free(b->p);
	*b = (struct txn_bytes) { 0 };
}
