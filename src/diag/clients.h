/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_CLIENTS_H
#define DIAG_CLIENTS_H
/*
 * diag/clients - what each client did in the handshakes seen so far, as the
 * history that the judge asks for, in bounded memory.
 *
 * A client is an address and a ClientHello (its JA4).  What it did counts for
 * the chain that it was shown; where the chain was not to see (TLS 1.3) only
 * how often it refused is known.  The client heard of longest ago is forgotten.
 */
#include "base/hash.h"
#include "base/list.h"
#include "trust/verdict.h"

#define CLIENTS_MAX    4096
#define CLIENTS_CHAINS TRUST_PAST_MAX /* of one client */
#define CLIENTS_WINDOW_S 600          /* equal refusals are counted so long */

/* The last refusal of a client, and how often the same came since. */
struct clients_refusal {
	struct trust_evidence e;
	struct trust_verdict v;
	uint64_t chain;      /* its key                                     */
	int64_t since_s;     /* when it was told last                       */
	uint32_t repeat;     /* equal ones that were not told               */
};

/* One is due to be told: repeat is not 0.  Borrowed for the call. */
typedef void(clients_due_fn)(const struct clients_refusal *r, void *arg);

struct clients {
	struct hash_table table;
	struct list by_age;  /* heard of longest ago first */
	size_t n;
	clients_due_fn *due;
	void *arg;
};

MUSTCHECK int clients_init(struct clients *c, clients_due_fn *due, void *arg);
void clients_fini(struct clients *c);

/*
 * A handshake that ended without application data: judged with what its client
 * did before, and taken down.  True: to be told; false: the same as a moment
 * ago, it is counted.
 */
bool clients_refused(struct clients *c, const struct trust_evidence *e,
    struct trust_verdict *v);

/*
 * A handshake that was completed and used.  True: what this client refused
 * before is now taken for something else, or for sure: *old with verdict *v.
 */
bool clients_accepted(struct clients *c, const struct trust_evidence *e,
    struct trust_evidence *old, struct trust_verdict *v);

/* Tell the repeats whose window is over; all of them when force is set. */
void clients_flush(struct clients *c, int64_t now_s, bool force);

#endif
