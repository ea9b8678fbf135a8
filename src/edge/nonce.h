/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_NONCE_H
#define EDGE_NONCE_H
/*
 * edge/nonce - digest nonces without state, and the nonce-counts in use.
 *
 * A nonce carries its time of issue, its algorithm, a serial number and a MAC
 * over these, the client's IP address and the realm, under a key drawn at
 * start: issuing a challenge costs no memory.  Only a nonce that a correct
 * response has used is remembered, with its highest nonce-count, in a table of
 * fixed size; what the table has forgotten, or may have, is challenged again
 * (RFC 7616 3.3, 3.4.5).  Thread-safe.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/str.h"

struct nonces;

#define NONCE_LEN 50 /* text with NUL */

enum nonce_verdict {
	NONCE_NEW,        /* ours and fresh, nonce-count acceptable          */
	NONCE_RETRANSMIT, /* the very request answered last, sent again      */
	NONCE_STALE,      /* ours once, or replayed: challenge, stale=true   */
	NONCE_FOREIGN,    /* not ours: challenge                             */
};

/* max: nonces whose count is remembered. */
MUSTCHECK int nonces_new(struct nonces **out, size_t max);
void nonces_free(struct nonces *n);

void nonce_make(struct nonces *n, char out[NONCE_LEN], enum digest_alg alg,
    const struct addr *client, struct str realm, int64_t now_s);

/* A nonce as a request brings it; slices and pointers borrowed. */
struct nonce_use {
	struct str nonce;
	enum digest_alg alg;
	const struct addr *client;
	uint32_t nc;      /* 0: no qop was used, the nonce serves once       */
	uint64_t request; /* hash of source and message, by which a
	                     retransmission is known for 32 s (RFC 3261
	                     17.2.2, Timer J)                                */
	int64_t now_s;
};

/* Judge a nonce before the response is checked. */
enum nonce_verdict nonce_judge(struct nonces *n, const struct nonce_use *use,
    struct str realm, int lifetime_s);

/*
 * The response was right: remember the count.  False: another request has used
 * this count meanwhile; treat it as NONCE_STALE.
 */
bool nonce_used(struct nonces *n, const struct nonce_use *use);

#endif
