/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "edge/authn.h"
#include "edge/proxy_int.h"
#include "edge/tally.h"
#include "edge/upstream.h"
#include "sip/param.h"
#include "sip/reply.h"

#define MAX_BREADTH 60 /* RFC 5393 5.3.3.1 */

/* ---- time ---- */

uint64_t
proxy_now_ms(struct proxy *p)
{
	return worker_now_ms(p->worker);
}

/* Before and after all that may change transactions. */
static void
enter(struct proxy *p)
{
	txns_set_now(p->txns, proxy_now_ms(p));
}

static void
leave(struct proxy *p)
{
	struct timeval tick = { 0, WHEEL_TICK_MS * 1000 };

	if (p->ticking || txns_count(p->txns) == 0)
		return;
	p->ticking = true;
	event_add(p->tick, &tick);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct proxy *p = arg;

	enter(p);
	wheel_advance(p->wheel, proxy_now_ms(p));
	if (txns_count(p->txns) == 0) {
		p->ticking = false;
		event_del(p->tick);
	}
}

/* ---- beginning and end ---- */

int
proxy_new(struct proxy **out, struct worker *w)
{
	struct proxy *p = calloc(1, sizeof(*p));
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->worker = w;
	list_init(&p->contexts);
	buf_init(&p->out, PROXY_OUT_BYTES);
	err = wheel_new(&p->wheel, proxy_now_ms(p));
	if (err == 0)
		err = txns_new(&p->txns, p->wheel, SIZE_MAX);
	if (err == 0)
		err = hash_init(&p->branches, 256);
	if (err == 0) {
		p->tick = event_new(loop_base(w->loop), -1, EV_PERSIST,
		    on_tick, p);
		err = p->tick != NULL ? 0 : -ENOMEM;
	}
	if (err != 0) {
		proxy_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void
proxy_free(struct proxy *p)
{
	if (p == NULL)
		return;
	if (p->tick != NULL)
		event_free(p->tick);
	txns_free(p->txns);
	wheel_free(p->wheel);
	hash_fini(&p->branches);
	buf_fini(&p->out);
	free(p);
}

void
proxy_end(struct proxy *p)
{
	p->ended = true;
	enter(p);
	LIST_FOREACH(it, &p->contexts)
		context_end(CONTAINER_OF(it, struct context, link));
	LIST_FOREACH_SAFE(it, next, &p->contexts)
		context_free(CONTAINER_OF(it, struct context, link));
	txns_end_all(p->txns); /* what is left: CANCELs */
	event_del(p->tick);
}

uint64_t
proxy_new_id(struct proxy *p)
{
	/* Nobody guesses it: a response is believed by its branch. */
	uint64_t n = ++p->serial << 16 | p->worker->index;

	return hash_bytes(&n, sizeof(n));
}

/* ---- the way on ---- */

static bool
is_ours(const struct route_view *v, const struct sip_uri *u)
{
	const struct uas_request *r = v->arg;
	struct addr a;

	if (!uas_is_ours(r, u->host))
		return false;
	/* Another server may live at the same address. */
	return u->port == 0 || addr_parse_ip(&a, u->host) != 0 ||
	    worker_listens_on(v->worker, u->port);
}

static bool
place(const struct route_view *v, struct flow *f)
{
	return flow_place(v->worker, f);
}

void
proxy_view(struct proxy *p, struct route_view *v, const struct uas_request *r)
{
	const struct worker_shared *s = p->worker->shared;

	*v = (struct route_view) {
		.conf = r->conf, .location = s->location, .users = s->users,
		.tokens = s->tokens, .upstreams = s->upstreams,
		.worker = p->worker, .now_s = r->now_s, .is_ours = is_ours,
		.place = place, .arg = r,
	};
}

/* ---- a request is looked at (RFC 3261 16.3) ---- */

static bool
is_loop(struct str value, uint64_t hash)
{
	struct branch_name name;
	struct sip_via via;

	return sip_via_parse(&via, value) == 0 &&
	    branch_name_read(&name, via.branch) && name.loop == hash;
}

/* RFC 5393 4.2.2: one of our Vias, on a request that looked just like this. */
static bool
has_looped(const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_VIA);
	uint64_t hash = 0;

	for (; f != NULL; f = sip_msg_next(m, f)) {
		struct str list = f->value, one;

		while (sip_list_next(&list, &one)) {
			if (memmem(one.p, one.n, BRANCH_PREFIX,
			    strlen(BRANCH_PREFIX)) == NULL)
				continue;
			if (hash == 0)
				hash = sip_loop_hash(m);
			if (is_loop(one, hash))
				return true;
		}
	}
	return false;
}

/* Step 5: we have no extension that a proxy must have. */
static bool
has_unknown_demand(const struct uas_request *r, struct buf *out)
{
	const struct sip_field *f = sip_msg_field(r->msg,
	    SIP_HEADER_PROXY_REQUIRE);

	if (f == NULL)
		return false;
	uas_begin(r, 420, NULL, out);
	for (; f != NULL; f = sip_msg_next(r->msg, f)) {
		buf_puts(out, "Unsupported: ");
		buf_str(out, f->value);
		buf_puts(out, "\r\n");
	}
	sip_reply_end(out);
	return true;
}

/* False: it goes no further, and *result says how it is answered. */
static bool
is_valid(struct proxy *p, const struct uas_request *r, struct buf *out,
    enum uas_result *result)
{
	const struct sip_msg *m = r->msg;

	*result = UAS_REPLY;
	if (m->ruri.scheme == SIP_SCHEME_OTHER) {
		uas_refuse(r, 416, NULL, out);
	} else if (m->max_forwards == 0) {
		/* Step 3: an OPTIONS that ends here is for us. */
		if (m->method == SIP_METHOD_OPTIONS)
			*result = uas_handle(p->worker->shared->uas, r->flow,
			    m, out);
		else
			uas_refuse(r, 483, NULL, out);
	} else if (has_looped(m)) {
		tally(TALLY_LOOP, &r->flow->peer);
		uas_refuse(r, 482, NULL, out);
	} else if (has_unknown_demand(r, out)) {
		;
	} else {
		return true;
	}
	return false;
}

/* Our domain itself is meant, nobody in it. */
static bool
is_for_us(const struct proxy *p, const struct uas_request *r)
{
	const struct sip_msg *m = r->msg;

	return m->ruri.scheme != SIP_SCHEME_OTHER && m->ruri.user.n == 0 &&
	    sip_msg_field(m, SIP_HEADER_ROUTE) == NULL &&
	    uas_is_ours(r, m->ruri.host) &&
	    (p->worker->shared->upstreams == NULL ||
	    m->method == SIP_METHOD_OPTIONS);
}

/* ---- and passed on ---- */

bool
proxy_say_call(char out[PROXY_SAID_BYTES], const struct uas_request *r,
    size_t targets)
{
	const struct sip_msg *m = r->msg;
	char from[LOG_VAL_MAX], to[LOG_VAL_MAX], id[LOG_VAL_MAX],
	    peer[ADDR_STRLEN];

	if (m->method != SIP_METHOD_INVITE || m->to_tag.n > 0 ||
	    log_get_level() < LOG_LEVEL_INFO)
		return false;
	snprintf(out, PROXY_SAID_BYTES, "from=%s to=%s call_id=%s peer=%s "
	    "transport=%s targets=%zu",
	    log_val(from, sizeof(from), m->from.uri),
	    log_val(to, sizeof(to), m->request_uri),
	    log_val(id, sizeof(id), m->call_id),
	    addr_print(&r->flow->peer, peer),
	    flow_transport_name(r->flow->transport), targets);
	return true;
}

static void
refuse(const struct uas_request *r, const struct route *route, struct buf *out)
{
	char said[PROXY_SAID_BYTES];
	bool few = true;

	uas_begin(r, route->status, route->reason, out);
	if (route->retry_after)
		uas_retry_after(r->conf, out);
	sip_reply_end(out);
	/* Strangers get no line each. */
	if (route->status == 403)
		few = tally(TALLY_REFUSED_ROUTE, &r->flow->peer);
	if (few && proxy_say_call(said, r, 0))
		log_info("call", "%s status=%d ms=0", said, route->status);
}

static bool
has_room(const struct proxy *p)
{
	return !p->ended && txns_count(p->txns) <
	    (size_t)p->worker->conf->proxy_transactions_max;
}

/*
 * RFC 5393 5.3: how many branches each of ours may have in turn.  0: the fork
 * is too broad; -1: nothing is said.
 */
static int
breadth(const struct sip_msg *m, const struct route *route)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_MAX_BREADTH);
	uint32_t max = MAX_BREADTH;
	size_t n = route->one_by_one ? 1 : route->ntarget;

	if (f == NULL && (m->to_tag.n > 0 || n == 1))
		return -1;
	if (f != NULL && (!str_u32(f->value, &max) || max > 1000000))
		max = MAX_BREADTH;
	return max < n ? 0 : (int)(max / n);
}

static bool
caller_is_proven(const struct uas_request *r, struct buf *out)
{
	const struct sip_uri *from = &r->msg->from_uri;
	size_t domain = strlen(r->conf->domain) + 1;
	char text[UAS_AOR_MAX];
	struct buf aor;

	/* RFC 3323 4.1.1.3: who he is, is for us to know alone. */
	if (str_ieq(from->host, STR("anonymous.invalid")))
		return authn_check_proxy(r, STR_NULL, out);
	buf_init_array(&aor, text, sizeof(text));
	sip_uri_aor(&aor, from, str_cstr(r->conf->domain));
	if (from->user.n == 0 || aor.failed || !uas_is_ours(r, from->host)) {
		uas_refuse(r, 403, "From Is Not A User Of This Domain", out);
		return false;
	}
	return authn_check_proxy(r, str_of(text, aor.n - domain), out);
}

/* An ACK that no transaction of ours takes: for a 2xx, from end to end. */
static void
pass_ack(struct proxy *p, const struct uas_request *r)
{
	struct route *route = &p->route;
	struct branch_build build = {
		.m = r->msg, .route = route, .target = route->target,
		.from = r->flow, .max_breadth = -1,
	};
	struct route_view v;

	proxy_view(p, &v, r);
	if (uas_is_own_tag(r, r->msg->to_tag))
		return; /* we have refused that INVITE ourselves */
	if (r->msg->max_forwards == 0 || has_looped(r->msg)) {
		tally(TALLY_LOOP, &r->flow->peer);
		return;
	}
	route_request(route, &v, r->flow, r->msg);
	if (route->status != 0 || route->us || route->ntarget == 0) {
		tally(TALLY_STRAY, &r->flow->peer);
		return;
	}
	build.id = proxy_new_id(p);
	build.loop = sip_loop_hash(r->msg);
	branch_build(&p->out, p, &build);
	if (!p->out.failed)
		IGNORE(!flow_pass(p->worker, &route->target[0].flow,
		    buf_as_str(&p->out), 0)); /* nobody is told of an ACK */
}

static enum uas_result
pass_on(struct proxy *p, const struct uas_request *r, struct buf *out)
{
	struct route *route = &p->route;
	enum uas_result result;
	struct route_view v;
	int max_breadth;

	if (is_for_us(p, r))
		return uas_handle(p->worker->shared->uas, r->flow, r->msg,
		    out);
	if (!is_valid(p, r, out, &result))
		return result;
	proxy_view(p, &v, r);
	route_request(route, &v, r->flow, r->msg);
	if (route->us)
		return uas_handle(p->worker->shared->uas, r->flow, r->msg,
		    out);
	if (route->challenge && !caller_is_proven(r, out))
		return UAS_REPLY;
	if (route->status != 0) {
		refuse(r, route, out);
		return UAS_REPLY;
	}
	max_breadth = breadth(r->msg, route);
	if (max_breadth == 0)
		return uas_refuse(r, 440, "Max-Breadth Exceeded", out);
	if (!has_room(p) || !context_begin(p, r, route, max_breadth)) {
		tally(TALLY_PROXY_BUSY, &r->flow->peer);
		return uas_busy(p->worker->shared->uas, r->flow, r->msg, out);
	}
	return UAS_NONE;
}

/* 9.2, 16.10: each CANCEL is answered by itself, whatever it does. */
static enum uas_result
cancel(struct proxy *p, const struct uas_request *r, struct buf *out)
{
	struct txn_server *t = txn_server_find_cancelled(p->txns, r->msg);

	if (t == NULL)
		return uas_refuse(r, 481, NULL, out);
	context_cancel(CONTAINER_OF(t, struct context, server));
	return uas_refuse(r, 200, NULL, out);
}

enum uas_result
proxy_request(struct proxy *p, const struct flow *from,
    const struct sip_msg *m, struct buf *out)
{
	enum uas_result result = UAS_NONE;
	struct txn_server *t;
	struct uas_request r;

	enter(p);
	uas_begin_request(&r, p->worker->shared->uas, from, m);
	if (m->method == SIP_METHOD_CANCEL)
		return cancel(p, &r, out);
	t = txn_server_find(p->txns, m);
	if (t != NULL)
		txn_server_absorb(t, m);
	else if (m->method == SIP_METHOD_ACK)
		pass_ack(p, &r);
	else
		result = pass_on(p, &r, out);
	leave(p);
	return result;
}

/* ---- responses ---- */

struct handed {
	struct loop_letter letter;
	struct flow flow;
	struct worker *to;
	size_t n;
	char bytes[];
};

static void
take_over(void *arg)
{
	struct handed *h = arg;
	struct sip_msg *m = &h->to->msg;

	if (sip_msg_parse(m, str_of(h->bytes, h->n), SIP_DATAGRAM, h->n) == 0)
		proxy_response(h->to->proxy, &h->flow, m);
	free(h);
}

/* It came to another worker's socket: its context lives there. */
static void
hand_over(struct proxy *p, unsigned index, const struct flow *from,
    const struct sip_msg *m)
{
	const struct worker_shared *s = p->worker->shared;
	struct handed *h;

	if (p->ended || index >= s->nworker)
		return;
	h = malloc(sizeof(*h) + m->all.n);
	if (h == NULL)
		return;
	*h = (struct handed) { .letter = { .fn = take_over, .arg = h },
		.flow = *from, .to = s->worker[index], .n = m->all.n };
	memcpy(h->bytes, m->all.p, m->all.n);
	loop_post(h->to->loop, &h->letter);
}

void
proxy_response(struct proxy *p, const struct flow *from,
    const struct sip_msg *m)
{
	struct branch_name name;
	struct txn_client *t;

	if (!branch_name_read(&name, m->via.branch)) {
		tally(TALLY_STRAY, &from->peer);
		return;
	}
	if (name.worker != p->worker->index) {
		hand_over(p, name.worker, from, m);
		return;
	}
	enter(p);
	/* RFC 6026 8.9: what no transaction waits for is not passed on. */
	t = txn_client_find(p->txns, m);
	if (t != NULL)
		txn_client_absorb(t, m);
	else
		tally(TALLY_STRAY, &from->peer);
	leave(p);
}

void
proxy_undelivered(struct proxy *p, uint64_t id)
{
	struct hash_node *n = hash_chain(&p->branches, id);

	enter(p);
	for (; n != NULL; n = n->next) {
		struct branch *b = CONTAINER_OF(n, struct branch, node);

		if (b->id == id) {
			txn_client_undelivered(&b->client);
			break;
		}
	}
	leave(p);
}

static void
lose(struct hash_node *n, void *arg)
{
	struct branch *b = CONTAINER_OF(n, struct branch, node);

	if (b->flow.id == *(const uint64_t *)arg && !b->final)
		txn_client_undelivered(&b->client);
}

void
proxy_closed(struct proxy *p, uint64_t flow)
{
	enter(p);
	hash_each(&p->branches, lose, &flow);
	leave(p);
}

static void
give_up(struct hash_node *n, void *arg)
{
	struct branch *b = CONTAINER_OF(n, struct branch, node);

	if (b->upstream == *(const uint64_t *)arg)
		branch_give_up(b);
}

void
proxy_upstream_down(struct proxy *p, uint64_t upstream)
{
	enter(p);
	hash_each(&p->branches, give_up, &upstream);
	leave(p);
}
