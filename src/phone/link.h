/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_LINK_H
#define PHONE_LINK_H
/*
 * phone/link - the phone's way to its server: a UDP socket, a TCP connection
 * or a TLS connection in the phone's manner; whole SIP messages go in and
 * come out.  Loop thread.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"
#include "tls/connector.h"

enum link_transport { LINK_UDP, LINK_TCP, LINK_TLS };

/* "UDP", as it stands in a Via; static. */
struct str link_transport_name(enum link_transport t);

struct link;

struct link_params {
	enum link_transport transport;
	struct addr server;
	struct addr local;           /* not set: as the system has it    */
	struct tls_client *client;   /* LINK_TLS; borrowed               */
	const char *name;            /* LINK_TLS: what the phone is set to */
	int64_t clock_s;             /* LINK_TLS: the phone's clock      */
};

/* Why it is down.  outcome is set when TLS was refused or failed. */
struct link_end {
	const char *why;             /* one sentence                     */
	const struct tls_outcome *outcome; /* NULL: no TLS in it         */
	bool was_up;
};

/*
 * Called from the loop, never from within link_open.  After down the link is
 * dead: link_close it, then or later.  message: exactly one message, valid
 * during the call.
 */
struct link_ops {
	void (*up)(const struct addr *local, void *arg);
	void (*down)(const struct link_end *end, void *arg);
	void (*message)(struct str bytes, void *arg);
};

/* 0, -errno with a sentence in why; ops and arg are borrowed. */
MUSTCHECK int link_open(struct link **out, struct loop *loop,
    const struct link_params *p, const struct link_ops *ops, void *arg,
    struct buf *why);

/* What cannot be sent is dropped; down follows when the link is broken. */
void link_send(struct link *l, struct str message);

/* A keepalive: CRLFCRLF on a stream (RFC 5626 3.5.1), CRLF in a datagram. */
void link_ping(struct link *l);

/* What TLS agreed on; false: no TLS, or not up. */
bool link_outcome(const struct link *l, struct tls_outcome *out);

/* Ends it in order (close_notify); no callback comes any more.  NULL does
 * nothing. */
void link_close(struct link *l);

#endif
