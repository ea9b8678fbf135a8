/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection of ours to an upstream, TCP or TLS: kept, and used by all that
 * this worker sends there.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/conn_int.h"
#include "edge/upstream.h"
#include "edge/upstream_tls.h"
#include "net/sock.h"

struct conn_out {
	struct list link;            /* of the worker's                      */
	struct conn *conn;
	uint64_t upstream;           /* id of the server                     */
	struct upstream_tls *tls;    /* a reference; NULL: TCP               */
	struct tls_connector *client;
	struct buf plain;            /* waits for the end of the handshake   */
	int error;                   /* of connect, as errno                 */
	bool open;                   /* connected, and the handshake is done */
};

/* ---- begin ---- */

static struct conn_out *
out_new(struct conn *c, const struct flow_way *way)
{
	struct conn_out *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	list_init(&o->link);
	o->conn = c;
	o->upstream = way->upstream;
	buf_init(&o->plain, CONN_QUEUE_MAX);
	if (way->transport != FLOW_TLS)
		return o;
	o->tls = upstream_tls_ref(way->tls);
	if (upstream_tls_connect(&o->client, o->tls) == 0)
		return o;
	conn_out_free(o);
	return NULL;
}

void
conn_out_free(struct conn_out *o)
{
	if (o == NULL)
		return;
	list_remove(&o->link);
	tls_connector_free(o->client);
	upstream_tls_unref(o->tls);
	buf_fini(&o->plain);
	free(o);
}

/* With other settings of its TLS it is another one. */
static struct conn *
find(struct worker *w, const struct flow_way *way)
{
	LIST_FOREACH(it, &w->outgoing) {
		struct conn_out *o = CONTAINER_OF(it, struct conn_out, link);

		if (o->conn->state < CONN_CLOSING && o->tls == way->tls &&
		    addr_equal(&o->conn->flow.peer, &way->peer))
			return o->conn;
	}
	return NULL;
}

static struct conn *
begin(struct worker *w, const struct flow_way *way, const struct addr *local)
{
	struct conn *c = w->quiet ? NULL : conn_new(w);

	if (c == NULL)
		return NULL;
	c->fd = -1;
	c->out = out_new(c, way);
	if (c->out != NULL)
		c->fd = sock_connect(&way->peer, local, false);
	if (c->fd < 0) {
		conn_unmake(c);
		return NULL;
	}
	c->flow.transport = way->transport;
	c->flow.peer = way->peer;
	return c;
}

struct conn *
conn_open(struct worker *w, const struct flow_way *way,
    const struct addr *local, const struct addr *sent_by)
{
	struct conn *c = find(w, way);

	if (c != NULL)
		return c;
	c = begin(w, way, local);
	if (c == NULL)
		return NULL;
	sock_local(c->fd, &c->flow.local);
	if (addr_is_set(sent_by) && !addr_is_any(sent_by))
		c->flow.local = *sent_by;
	else if (addr_is_set(sent_by))
		addr_set_port(&c->flow.local, addr_port(sent_by));
	c->accepted_us = clock_mono_us();
	list_append(&w->outgoing, &c->out->link);
	event_assign(&c->event, loop_base(w->loop), c->fd,
	    EV_WRITE | EV_PERSIST, conn_on_event, c);
	event_add(&c->event, NULL);
	c->write_armed = true;
	conn_enter(c, CONN_CONNECTING);
	return c;
}

/* ---- the way is open ---- */

static void
shake(struct conn *c)
{
	struct worker *w = c->flow.worker;

	conn_enter(c, CONN_SHAKING);
	if (tls_connector_start(c->out->client, &w->out) != 0) {
		buf_reset(&w->out);
		conn_close(c, TRUST_END_US);
		return;
	}
	conn_end_feed(c);
	if (c->state != CONN_CLOSED && c->outq.n == 0)
		conn_arm(c, false);
}

void
conn_out_connected(struct conn *c)
{
	c->out->error = sock_error(c->fd);
	if (c->out->error != 0) {
		conn_close(c, TRUST_END_RST);
		return;
	}
	if (c->out->client != NULL) {
		shake(c);
		return;
	}
	c->out->open = true;
	conn_enter(c, c->outq.n > 0 ? CONN_BLOCKED : CONN_IDLE);
	if (c->outq.n > 0)
		conn_on_writable(c);
	else
		conn_arm(c, false);
}

/* The handshake is done: what has waited goes out. */
static void
open_up(struct conn *c)
{
	struct conn_out *o = c->out;

	o->open = true;
	if (c->state == CONN_SHAKING)
		conn_enter(c, c->write_armed ? CONN_BLOCKED : CONN_IDLE);
	/* What fails here shows in the connector's state. */
	IGNORE(tls_connector_send(o->client, buf_as_str(&o->plain),
	    &c->flow.worker->out));
	buf_fini(&o->plain);
}

void
conn_out_feed(struct conn *c, struct str bytes)
{
	struct worker *w = c->flow.worker;
	struct tls_connector *k = c->out->client;

	c->feeding = true;
	tls_connector_feed(k, bytes, &w->out, conn_plain, c);
	if (c->state != CONN_CLOSED && !c->out->open &&
	    tls_connector_state(k) == TLS_CONN_OPEN)
		open_up(c);
	conn_end_feed(c);
	if (c->state >= CONN_CLOSING)
		return;
	if (tls_connector_state(k) == TLS_CONN_FAILED)
		conn_close(c, TRUST_END_US);
	else if (tls_connector_state(k) == TLS_CONN_CLOSED)
		conn_close(c, TRUST_END_FIN);
}

int
conn_out_encrypt(struct conn *c, struct str bytes, struct buf *out)
{
	struct conn_out *o = c->out;

	if (o->open)
		return tls_connector_send(o->client, bytes, out);
	if (bytes.n > CONN_QUEUE_MAX - o->plain.n)
		return E_LIMIT;
	buf_str(&o->plain, bytes);
	return o->plain.failed ? E_LIMIT : 0;
}

void
conn_out_close_notify(struct conn *c, struct buf *out)
{
	if (c->out->client != NULL)
		tls_connector_close(c->out->client, out);
}

/* ---- the end ---- */

/* Why it came to nothing; false: it did come to something. */
static bool
find_fault(const struct conn *c, enum trust_end end, struct upstream_fault *f)
{
	const struct conn_out *o = c->out;

	if (c->accepted)
		return false;
	if (o->error != 0 || c->state == CONN_CONNECTING) {
		upstream_fault_connect(f, o->error);
		return true;
	}
	return o->client != NULL && upstream_tls_fault(f, o->client, end);
}

void
conn_out_end(struct conn *c, enum trust_end end)
{
	struct worker *w = c->flow.worker;
	struct upstream_fault f;

	list_remove(&c->out->link);
	if (w->quiet)
		return;
	upstream_heard(w->shared->upstreams, c->out->upstream, 0);
	if (find_fault(c, end, &f))
		upstream_failed(w->shared->upstreams, c->out->upstream, &f);
}

/* Here and not where it is closed: that may be inside of a send. */
void
conn_out_reap(void *arg)
{
	struct conn *c = arg;
	struct worker *w = c->flow.worker;

	if (!w->quiet)
		proxy_closed(w->proxy, c->flow.id);
	conn_free(c);
}
