/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_CONN_INT_H
#define EDGE_CONN_INT_H
/*
 * edge/conn_int - what conn.c (the life of all connections), conn_write.c
 * (bytes out), conn_time.c (whose time is over) and conn_out.c (those that we
 * open, to upstreams) share.
 */
#include "edge/worker_int.h"
#include "trust/evidence.h"

#define CONN_QUEUE_MAX ((size_t)256 * 1024) /* bytes that wait to be sent */

/* ---- conn.c ---- */

/* The only writer of c->state. */
void conn_enter(struct conn *c, enum conn_state state);
struct conn *conn_new(struct worker *w);   /* NULL: no memory */
void conn_unmake(struct conn *c);          /* before its first state */
void conn_free(void *arg);
void conn_close(struct conn *c, enum trust_end end);
/*
 * Close our side and let the peer read what we said: closing at once with
 * bytes unread would reset the connection and take our alert with it.
 */
void conn_linger(struct conn *c, enum trust_end end);
/* Over TLS and no SIP message came: its evidence goes to the judge.
 * over_limit: it is we who have no room. */
void conn_judge(struct conn *c, enum trust_end end, bool over_limit);
/* Between messages: idle, or bound when a binding uses the flow. */
void conn_enter_rest(struct conn *c);
/* After c->feeding: what was to be said meanwhile goes out. */
void conn_end_feed(struct conn *c);
/* Plain bytes of the stream (arg: the connection). */
void conn_plain(struct str plain, void *arg);
void conn_on_event(evutil_socket_t fd, short what, void *arg);
void conn_on_readable(struct conn *c);

/* ---- conn_write.c ---- */

/* Wait for room to write, or for bytes to read. */
void conn_arm(struct conn *c, bool write);
/* What gathered in the worker's scratch buffer goes out in one piece. */
void conn_put_scratch(struct conn *c);
/* Into the scratch buffer, where TLS is open. */
void conn_put_close_notify(struct conn *c);
void conn_close_slow_reader(struct conn *c);
void conn_on_writable(struct conn *c);

/* ---- conn_out.c ---- */

void conn_out_free(struct conn_out *o);    /* NULL does nothing */
/* The connection is there, or it has failed. */
void conn_out_connected(struct conn *c);
void conn_out_feed(struct conn *c, struct str bytes);
/* To out, or kept until it is open.  0; E_LIMIT, E_STATE, E_CRYPTO. */
MUSTCHECK int conn_out_encrypt(struct conn *c, struct str bytes,
    struct buf *out);
void conn_out_close_notify(struct conn *c, struct buf *out);
/* It is being closed: who should know is told. */
void conn_out_end(struct conn *c, enum trust_end end);
/* loop_reap's, for one of ours. */
void conn_out_reap(void *arg);

#endif
