/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_FLOW_H
#define EDGE_FLOW_H
/*
 * edge/flow - where a message came from and an answer goes to.
 *
 * A flow (RFC 5626 2) is a UDP source and destination, or one connection.
 * struct flow is a value: it holds no pointer into the connection and stays
 * valid after that is gone (sending then does nothing).  id is unique for the
 * life of the process and 0 for UDP.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

struct worker;
struct upstream_tls;

enum flow_transport { FLOW_UDP, FLOW_TCP, FLOW_TLS };

struct flow {
	uint64_t id;            /* connection, 0: UDP          */
	struct worker *worker;  /* on whose thread it lives    */
	uint32_t slot;          /* connection slot / UDP socket */
	enum flow_transport transport;
	uint16_t reply_port;    /* UDP: answers go to this port of peer, 0: to
	                           peer's own (RFC 3261 18.2.2, RFC 3581)  */
	struct addr peer;
	struct addr local;
};

/* "UDP", "TCP", "TLS": as in a Via. */
const char *flow_transport_name(enum flow_transport t);

/*
 * Send one SIP message over the flow.  Worker's own thread only.  False when
 * the connection is gone.  bytes are copied or sent before this returns.
 */
bool flow_send(const struct flow *f, struct str bytes);

/*
 * The same from the thread of another worker too: self is on whose thread this
 * is.  What cannot be sent at once goes by letter; if the flow is gone by then,
 * proxy_undelivered(self's proxy, id) follows there.  False: gone, known now.
 */
bool flow_pass(struct worker *self, const struct flow *f, struct str bytes,
    uint64_t id);

/*
 * The connection of this number (struct flow.id) has closed: what the proxies
 * of all workers sent over it and nobody has answered is undelivered, before
 * long.  On the connection's worker.
 */
void flow_lost(struct worker *self, uint64_t id);

/*
 * A flow that was kept as a value without its worker (by a binding, a token)
 * made whole: the worker of its connection, whether or not that is still
 * there; for UDP self, and a socket of ours that fits where the one it had is
 * gone or not known.  False: there is none.  self's thread.
 */
bool flow_place(struct worker *self, struct flow *f);

/* A way to a server of an upstream. */
struct flow_way {
	enum flow_transport transport;
	struct addr peer;
	struct addr from;         /* the address that the system would send
	                             from                                   */
	uint64_t upstream;        /* the server's id                        */
	struct upstream_tls *tls; /* TLS: how; borrowed                     */
};

/*
 * A flow of our own making to an upstream, from worker w, on whose thread this
 * is: one of its sockets, or the connection that it has to that peer or opens
 * now.  out->local is then one of ours that the peer can send to.  False: no
 * socket fits, or it cannot be reached.
 */
bool flow_open(struct worker *w, const struct flow_way *way, struct flow *out);

/* Where a datagram to it goes: peer, or another port of it (reply_port). */
static inline struct addr
flow_answers_to(const struct flow *f)
{
	struct addr to = f->peer;

	if (f->transport == FLOW_UDP && f->reply_port != 0)
		addr_set_port(&to, f->reply_port);
	return to;
}

/* The connection now carries a binding: it is not closed for being idle. */
void flow_keep(const struct flow *f, struct str aor);

/* tls_hello_fingerprint of its ClientHello; 0: no TLS, or it is gone. */
uint64_t flow_fingerprint(const struct flow *f);

/* The loop of the flow's worker, for loop_post. */
struct loop *flow_loop(const struct flow *f);

#endif
