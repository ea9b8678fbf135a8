/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/flow.h"

#include "edge/worker_int.h"

const char *
flow_transport_name(enum flow_transport t)
{
	static const char *const names[] = { "UDP", "TCP", "TLS" };

	return names[t];
}

struct loop *
flow_loop(const struct flow *f)
{
	return f->worker->loop;
}

static void
flush_datagrams(void *arg)
{
	struct worker *w = arg;

	w->flush_armed = false;
	dgram_flush(w->io);
}

static bool
send_datagram(const struct flow *f, struct str bytes)
{
	struct worker *w = f->worker;
	struct listener *l = f->slot < w->nudp ? w->udp[f->slot] : NULL;
	struct addr to = f->peer;

	if (l == NULL)
		return false;
	if (f->reply_port != 0)
		addr_set_port(&to, f->reply_port);
	dgram_send(w->io, l->socket.fd, &l->socket.addr, &f->local, &to, bytes);
	if (!w->flush_armed) {
		w->flush_armed = true;
		w->flush.fn = flush_datagrams;
		w->flush.arg = w;
		loop_reap(w->loop, &w->flush);
	}
	return true;
}

bool
flow_send(const struct flow *f, struct str bytes)
{
	struct conn *c;

	if (f->transport == FLOW_UDP)
		return send_datagram(f, bytes);
	c = worker_conn(f);
	return c != NULL && conn_send(c, bytes);
}

uint64_t
flow_fingerprint(const struct flow *f)
{
	const struct conn *c = f->transport == FLOW_TLS ? worker_conn(f) : NULL;

	return c != NULL ? c->fingerprint : 0;
}

void
flow_keep(const struct flow *f, struct str aor)
{
	struct conn *c;

	if (f->transport == FLOW_UDP)
		return;
	c = worker_conn(f);
	if (c != NULL)
		conn_keep(c, aor);
	else
		/* Gone between the request and the commit. */
		location_flow_closed(f->worker->shared->location, aor, f->id);
}
