/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_WORKER_H
#define EDGE_WORKER_H
/*
 * edge/worker - one thread: its event loop, its listeners, its connections.
 *
 * Every worker has sockets of its own on the same addresses (SO_REUSEPORT); a
 * connection lives and dies on the worker that accepted it.  What workers
 * share is in struct worker_shared, each part thread-safe by itself.
 */
#include "base/conf.h"
#include "edge/flow.h"

struct worker;
struct tls_ctx;

struct worker_shared {
	struct uas *uas;
	struct location *location;
	struct users *users;
	struct token_key *tokens;
	struct upstreams *upstreams;    /* NULL: none configured             */
	struct worker *const *worker;   /* all of them, by index             */
	unsigned nworker;
	struct admission *admission;
	struct refusals *refusals;
	struct devices *devices;
	struct probes *probes;
	struct profiles *profiles;      /* NULL: none is known               */
};

/* A bound socket made by the main thread; the worker takes the descriptor. */
struct worker_socket {
	enum flow_transport transport;
	struct addr addr;
	int fd;
};

/* conf and tls are referenced, shared is borrowed.  tls NULL: no TLS. */
MUSTCHECK int worker_new(struct worker **out, unsigned index,
    const struct worker_shared *shared, struct conf *conf,
    struct tls_ctx *tls);
void worker_free(struct worker *w); /* after worker_join, or never started */

/* Before worker_start. */
MUSTCHECK int worker_add_socket(struct worker *w,
    const struct worker_socket *s);

MUSTCHECK int worker_start(struct worker *w);

/* From the main thread: this server of an upstream is down (by letter). */
void worker_upstream_down(struct worker *w, uint64_t upstream);

/*
 * New settings and TLS context (referenced) for what comes from now on; open
 * connections stay.  add: sockets for addresses that are new; sockets that
 * are not among keep (by transport and address) are closed.  Returns when the
 * worker has taken them over.  0 or -ENOMEM (nothing is changed then).
 */
MUSTCHECK int worker_reload(struct worker *w, struct conf *conf,
    struct tls_ctx *tls, const struct worker_socket *add, size_t nadd,
    const struct worker_socket *keep, size_t nkeep);

/* Shutdown in steps: take nothing new; (finish what is under way;) close all
 * connections and end the thread. */
void worker_quiesce(struct worker *w);
void worker_stop(struct worker *w);
void worker_join(struct worker *w);

#endif
