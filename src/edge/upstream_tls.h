/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UPSTREAM_TLS_H
#define EDGE_UPSTREAM_TLS_H
/*
 * edge/upstream_tls - the edge as TLS client of a PBX: what it trusts, what it
 * shows, and why a handshake came to nothing.
 *
 * A struct upstream_tls is an immutable snapshot of one upstream's settings and
 * files with a reference count; a reload makes another one beside it, and a
 * connection keeps the one it began with.  Thread-safe.
 */
#include "base/conf.h"
#include "tls/connector.h"
#include "trust/verdict.h"

struct upstream_tls;

/*
 * conf is for the places of errors.  0; E_CONFIG, E_PARSE and so on with one
 * sentence in why.  Opens and reads files: never on a worker's thread.
 */
MUSTCHECK int upstream_tls_new(struct upstream_tls **out,
    const struct conf *conf, const struct conf_upstream *c, struct buf *why);
struct upstream_tls *upstream_tls_ref(struct upstream_tls *t);
void upstream_tls_unref(struct upstream_tls *t); /* NULL does nothing */

/* A connection, which borrows t.  0, -ENOMEM. */
MUSTCHECK int upstream_tls_connect(struct tls_connector **out,
    struct upstream_tls *t);

#define UPSTREAM_REASON_MAX (TLS_OUTCOME_WORDS + 128)

/* Why a server of an upstream cannot be used. */
struct upstream_fault {
	enum trust_cause cause;      /* NONE: it is not about TLS            */
	enum trust_confidence confidence;
	char reason[UPSTREAM_REASON_MAX];
};

/* With a reason of one's own, and no cause. */
void upstream_fault_plain(struct upstream_fault *out, const char *reason);

/* There is no connection: errno, 0: it was not there in time. */
void upstream_fault_connect(struct upstream_fault *out, int error);

/*
 * What k showed.  end: how it ended where no side refused, in the handshake.
 * False: the handshake went well.
 */
bool upstream_tls_fault(struct upstream_fault *out,
    const struct tls_connector *k, enum trust_end end);

/* What mends it, in words; "": nothing is known. */
const char *upstream_remedy(enum trust_cause cause);

#endif
