/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROXY_H
#define EDGE_PROXY_H
/*
 * edge/proxy - a stateful proxy (RFC 3261 16): requests on to where edge/route
 * says, responses back; forking with CANCEL of the losers, Timer C, loop
 * detection (RFC 5393), Record-Route twice (our side of either flow).
 *
 * One struct proxy a worker, used on its thread alone.  A request's context
 * lives on the worker that received it; the branch of our Via names that
 * worker, so a response that arrives at another one is handed over by letter.
 * Its timers run in the worker's loop by themselves.  Sending over a flow of
 * another worker goes by letter (flow_pass), and proxy_undelivered comes back
 * when that flow had gone.
 */
#include "base/conf.h"
#include "edge/flow.h"
#include "edge/uas.h"
#include "sip/msg.h"

struct worker;

struct proxy;

/* What it needs besides is in the worker's struct worker_shared. */
MUSTCHECK int proxy_new(struct proxy **out, struct worker *w);
void proxy_free(struct proxy *p); /* after proxy_end */

/* Shutdown: whoever waits for an answer gets it (503), what rings is cancelled,
 * and from now on nothing is sent to another worker. */
void proxy_end(struct proxy *p);

/*
 * A parsed request that is not for the registrar or us: retransmissions, ACK
 * and CANCEL too.  As uas_handle: what is to be answered without a
 * transaction is in out.
 */
enum uas_result proxy_request(struct proxy *p, const struct flow *from,
    const struct sip_msg *m, struct buf *out);

/* A parsed response that came to this worker; one that belongs to another
 * worker's context is handed over, a stray one is counted and dropped. */
void proxy_response(struct proxy *p, const struct flow *from,
    const struct sip_msg *m);

/* flow_pass could not deliver what had this branch id. */
void proxy_undelivered(struct proxy *p, uint64_t id);
/* This server of an upstream is down: what waits for it goes to the next. */
void proxy_upstream_down(struct proxy *p, uint64_t upstream);
/* The connection of this number (struct flow.id) has gone: what was sent over
 * it and is not answered is undelivered. */
void proxy_closed(struct proxy *p, uint64_t flow);

#endif
