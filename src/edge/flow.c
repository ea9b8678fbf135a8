/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/flow.h"

#include <stdlib.h>

#include "edge/worker_int.h"
#include "net/sock.h"

/* What IPv4 and UDP leave of 65,535. */
#define DATAGRAM_MAX 65507

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
	struct addr to = flow_answers_to(f);

	if (l == NULL || bytes.n > DATAGRAM_MAX)
		return false;
	dgram_send(w->io, l->socket.fd, &l->socket.addr, &f->local, &to, bytes);
	if (!w->flush_armed) {
		w->flush_armed = true;
		w->flush.fn = flush_datagrams;
		w->flush.arg = w;
		loop_reap(w->loop, &w->flush);
	}
	return true;
}

/* id: of the branch that waits for an answer; 0: none does. */
static bool
send_for(const struct flow *f, struct str bytes, uint64_t id)
{
	struct conn *c;

	if (f->transport == FLOW_UDP)
		return send_datagram(f, bytes);
	c = worker_conn(f);
	if (c != NULL && id != 0)
		c->asked_ms = worker_now_ms(f->worker);
	return c != NULL && conn_send(c, bytes);
}

bool
flow_send(const struct flow *f, struct str bytes)
{
	return send_for(f, bytes, 0);
}

/* ---- to another worker ---- */

struct passed {
	struct loop_letter letter;
	struct worker *from;
	struct flow flow;
	uint64_t id;
	size_t n;
	char bytes[];
};

static void
say_undelivered(void *arg)
{
	struct passed *p = arg;

	proxy_undelivered(p->from->proxy, p->id);
	free(p);
}

/* On the flow's worker. */
static void
deliver(void *arg)
{
	struct passed *p = arg;

	/* At the end the other worker may be gone: nobody waits there. */
	if (send_for(&p->flow, str_of(p->bytes, p->n), p->id) || p->id == 0 ||
	    p->flow.worker->quiet) {
		free(p);
		return;
	}
	p->letter.fn = say_undelivered;
	loop_post(p->from->loop, &p->letter);
}

bool
flow_pass(struct worker *self, const struct flow *f, struct str bytes,
    uint64_t id)
{
	struct flow mine = *f;
	struct passed *p;

	if (f->transport == FLOW_UDP) {
		/* Every worker has the same sockets in the same order. */
		mine.worker = self;
		return send_datagram(&mine, bytes);
	}
	if (f->worker == self)
		return send_for(f, bytes, id);
	if (f->worker == NULL || self->quiet)
		return false;
	p = malloc(sizeof(*p) + bytes.n);
	if (p == NULL)
		return false;
	*p = (struct passed) { .letter = { .fn = deliver, .arg = p },
		.from = self, .flow = *f, .id = id, .n = bytes.n };
	memcpy(p->bytes, bytes.p, bytes.n);
	loop_post(f->worker->loop, &p->letter);
	return true;
}

struct lost {
	struct loop_letter letter;
	struct worker *at;
	uint64_t flow;
};

static void
say_lost(void *arg)
{
	struct lost *l = arg;

	if (!l->at->quiet)
		proxy_closed(l->at->proxy, l->flow);
	free(l);
}

void
flow_lost(struct worker *self, uint64_t id)
{
	const struct worker_shared *s = self->shared;

	/* By letter to itself as well: this may be inside of a send. */
	for (unsigned i = 0; i < s->nworker; i++) {
		struct lost *l = malloc(sizeof(*l));

		if (l == NULL)
			return; /* then Timer B ends it */
		*l = (struct lost) { .letter = { .fn = say_lost, .arg = l },
			.at = s->worker[i], .flow = id };
		loop_post(l->at->loop, &l->letter);
	}
}

/* ---- by value ---- */

/* Can this socket send from the address that the phone knows us by? */
static bool
has_address(const struct listener *l, const struct addr *local)
{
	const struct addr *own = &l->socket.addr;

	return addr_equal(own, local) || (addr_is_any(own) &&
	    own->u.sa.sa_family == local->u.sa.sa_family &&
	    addr_port(own) == addr_port(local));
}

static bool
place_datagrams(struct worker *w, struct flow *f)
{
	const struct listener *l = f->slot < w->nudp ? w->udp[f->slot] : NULL;
	const struct addr *own;
	size_t fit = w->nudp;

	f->worker = w;
	if (!addr_is_set(&f->peer))
		return false;
	if (l != NULL && has_address(l, &f->local))
		return true;
	for (size_t i = w->nudp; i-- > 0;) {
		l = w->udp[i];
		if (l == NULL)
			continue;
		if (has_address(l, &f->local)) {
			f->slot = (uint32_t)i;
			return true;
		}
		if (l->socket.addr.u.sa.sa_family == f->peer.u.sa.sa_family)
			fit = i;
	}
	if (fit == w->nudp)
		return false;
	own = &w->udp[fit]->socket.addr;
	f->slot = (uint32_t)fit;
	f->local = *own;
	if (!addr_is_any(own))
		return true;
	if (sock_source(&f->peer, &f->local) != 0)
		return false;
	addr_set_port(&f->local, addr_port(own));
	return true;
}

bool
flow_place(struct worker *self, struct flow *f)
{
	const struct worker_shared *s = self->shared;
	uint64_t index = (f->id >> 48) - 1; /* as conn.c numbers them */

	if (f->transport == FLOW_UDP)
		return place_datagrams(self, f);
	if (f->id == 0 || index >= s->nworker || !addr_is_set(&f->local))
		return false;
	f->worker = s->worker[index];
	return true;
}

/* ---- to an upstream ---- */

/*
 * How well a listener serves to reach peer: its own address is the one that
 * the system would send from, it is a wildcard, it is at least on the same side
 * of loopback.
 */
static int
fitness(const struct worker_socket *s, const struct addr *from)
{
	if (s->addr.u.sa.sa_family != from->u.sa.sa_family)
		return 0;
	if (addr_equal_ip(&s->addr, from))
		return 3;
	if (addr_is_any(&s->addr))
		return 2;
	return addr_is_loopback(&s->addr) == addr_is_loopback(from);
}

static struct listener *
fittest(struct worker *w, enum flow_transport transport,
    const struct addr *from)
{
	struct listener *best = NULL;
	int most = 0;

	LIST_FOREACH(it, &w->listeners) {
		struct listener *l = CONTAINER_OF(it, struct listener, link);
		int n = l->socket.transport == transport ?
		    fitness(&l->socket, from) : 0;

		if (n > most) {
			most = n;
			best = l;
		}
	}
	return best;
}

static bool
open_udp(struct worker *w, const struct listener *l,
    const struct flow_way *way, struct flow *out)
{
	uint32_t slot = 0;

	while (slot < w->nudp && w->udp[slot] != l)
		slot++;
	*out = (struct flow) { .worker = w, .transport = FLOW_UDP,
		.slot = slot, .peer = way->peer, .local = l->socket.addr };
	if (addr_is_any(&l->socket.addr)) {
		out->local = way->from;
		addr_set_port(&out->local, addr_port(&l->socket.addr));
	}
	return slot < w->nudp;
}

static bool
open_stream(struct worker *w, const struct listener *l,
    const struct flow_way *way, struct flow *out)
{
	struct addr local = l->socket.addr;
	struct conn *c;

	addr_set_port(&local, 0);
	c = conn_open(w, way, addr_is_any(&local) ? NULL : &local,
	    &l->socket.addr);
	if (c != NULL)
		*out = c->flow;
	return c != NULL;
}

bool
flow_open(struct worker *w, const struct flow_way *way, struct flow *out)
{
	struct listener *l = fittest(w, way->transport, &way->from);

	if (l == NULL)
		return false;
	return way->transport == FLOW_UDP ? open_udp(w, l, way, out) :
	    open_stream(w, l, way, out);
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
