/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TXN_TXN_INT_H
#define TXN_TXN_INT_H
/*
 * txn/txn_int - what the files of txn/ share.
 */
#include "txn/txn.h"

struct txns {
	struct wheel *wheel;
	uint64_t now_ms;
	size_t count, max;
	struct hash_table server, client;
	struct list servers, clients;
};

/* The bytes become a copy of s; false: no memory, they are then empty. */
bool txn_bytes_set(struct txn_bytes *b, struct str s);
void txn_bytes_free(struct txn_bytes *b);

static inline struct str
txn_bytes_str(const struct txn_bytes *b)
{
	return str_of(b->p, b->n);
}

/*
 * The ACK for a final response that is no 2xx (17.1.1.3; to: that response's
 * To value) or the CANCEL (9.1; to absent) that goes with a request as it was
 * sent.  False: out is too small.
 */
bool txn_derive(struct buf *out, struct str request, enum sip_method method,
    struct str to);

/* The end of a transaction: off all lists, `ended` is called. */
void txn_server_end(struct txn_server *t);
void txn_client_end(struct txn_client *t);

#endif
