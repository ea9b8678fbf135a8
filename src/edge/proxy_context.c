/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request that is passed on, and what becomes of it: its caller's server
 * transaction, its branches, and which response is the answer (RFC 3261 16.7).
 */
#include <stdlib.h>

#include "base/log.h"
#include "edge/proxy_choice.h"
#include "edge/proxy_int.h"
#include "edge/upstream.h"
#include "sip/reply.h"

#define HEAD_BYTES  65536
#define FIELDS_BYTES 8192  /* challenges of others, contacts put back */

static char *
copy(struct str s)
{
	char *p = malloc(s.n + 1);

	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

/* ---- the caller ---- */

/* The line of one call: how its attempt ended. */
static void
say(struct context *c, int status)
{
	uint64_t ms = proxy_now_ms(c->proxy) - c->begun_ms;

	if (c->said == NULL)
		return;
	log_info("call", "%s status=%d ms=%llu", c->said, status,
	    (unsigned long long)ms);
	free(c->said);
	c->said = NULL;
}

static void
respond(struct context *c, int status, const struct buf *bytes)
{
	if (status >= 200) {
		c->done = true;
		say(c, status);
	}
	/* Who asked may have left. */
	if (!bytes->failed)
		IGNORE(!txn_server_respond(&c->server, status,
		    buf_as_str(bytes)));
}

static void
respond_own(struct context *c, int status, bool retry_after)
{
	struct buf *out = &c->proxy->out;

	buf_reset(out);
	buf_printf(out, "SIP/2.0 %d %s\r\n", status, sip_reason(status));
	buf_put(out, c->head, c->nhead);
	if (retry_after)
		uas_retry_after(c->proxy->worker->conf, out);
	sip_reply_end(out);
	respond(c, status, out);
}

/* What the upstream says to a REGISTER, for the phone that sent it. */
static void
registered(struct context *c, const struct sip_msg *m,
    struct sip_forward_change *change, struct buf *text)
{
	struct proxy *p = c->proxy;
	const struct worker_shared *s = p->worker->shared;
	struct uas_request r;
	struct route_view v;

	if (sip_msg_parse(&p->other, str_of(c->request, c->nrequest),
	    SIP_DATAGRAM, c->nrequest) != 0)
		return;
	uas_begin_request(&r, s->uas, &c->from, &p->other);
	proxy_view(p, &v, &r);
	upstream_registered(s->upstreams, c->upstream, &v, &c->from, &p->other,
	    m, s->devices, change, text);
}

static void
pass_back(struct context *c, const struct sip_msg *m, struct str fields)
{
	struct sip_forward_change change = { .fields = fields };
	char memory[FIELDS_BYTES];
	struct buf text;

	buf_init_array(&text, memory, sizeof(memory));
	/* What failed is in p->other itself, and teaches nothing. */
	if (c->reply == ROUTE_REPLY_REGISTER && m->status < 300)
		registered(c, m, &change, &text);
	buf_reset(&c->proxy->out);
	if (sip_forward_response(&c->proxy->out, m, &change))
		respond(c, m->status, &c->proxy->out);
}

/* ---- server transaction ---- */

static bool
on_send(struct txn_server *t, struct str bytes)
{
	struct context *c = CONTAINER_OF(t, struct context, server);

	return flow_pass(c->proxy->worker, &c->from, bytes, 0);
}

static void
on_trying(struct txn_server *t)
{
	struct context *c = CONTAINER_OF(t, struct context, server);

	respond_own(c, 100, false);
}

static void
on_ended(struct txn_server *t)
{
	struct context *c = CONTAINER_OF(t, struct context, server);

	c->server_over = true;
	context_free_if_over(c);
}

static const struct txn_server_ops ops = {
	.send = on_send,
	.trying = on_trying,
	.ended = on_ended,
};

/* ---- the end ---- */

void
context_free(struct context *c)
{
	for (size_t i = 0; i < c->nbranch; i++)
		branch_fini(&c->branch[i]);
	txn_server_drop(&c->server);
	list_remove(&c->link);
	c->proxy->count--;
	if (c->proxy->count == 0)
		log_debug("proxy-idle", "worker=%u", c->proxy->worker->index);
	free(c->head);
	free(c->request);
	free(c->said);
	free(c->best_bytes);
	free(c->challenges);
	free(c);
}

void
context_free_if_over(struct context *c)
{
	for (size_t i = 0; i < c->nbranch; i++) {
		if (c->branch[i].runs)
			return;
	}
	if (c->server_over)
		context_free(c);
}

static void
cancel_all(struct context *c)
{
	c->next = c->nbranch; /* nothing more is begun */
	for (size_t i = 0; i < c->nbranch; i++)
		branch_cancel(&c->branch[i]);
}

void
context_cancel(struct context *c)
{
	if (c->done || c->server.method != SIP_METHOD_INVITE)
		return;
	c->cancelled = true;
	cancel_all(c);
}

void
context_end(struct context *c)
{
	for (size_t i = 0; i < c->nbranch; i++)
		branch_end(&c->branch[i]);
	if (!c->done)
		respond_own(c, 503, true);
}

/* ---- which response ---- */

/* The challenges of a 401 or 407 (16.7 step 7), as lines. */
static void
put_challenges(struct buf *out, const struct sip_msg *m)
{
	static const enum sip_header ids[] = { SIP_HEADER_WWW_AUTHENTICATE,
		SIP_HEADER_PROXY_AUTHENTICATE };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct sip_field *f = sip_msg_field(m, ids[i]);

		for (; f != NULL; f = sip_msg_next(m, f)) {
			buf_str(out, sip_header_str(ids[i]));
			buf_puts(out, ": ");
			buf_str(out, f->value);
			buf_puts(out, "\r\n");
		}
	}
}

static void
keep_challenges(struct context *c, const struct sip_msg *m)
{
	struct buf lines;

	buf_init(&lines, FIELDS_BYTES);
	buf_put(&lines, c->challenges, c->nchallenges);
	put_challenges(&lines, m);
	if (lines.failed) {
		buf_fini(&lines);
		return;
	}
	free(c->challenges);
	c->challenges = lines.p;
	c->nchallenges = lines.n;
}

static void
keep_best(struct context *c, int status, const struct sip_msg *m)
{
	bool challenge = m != NULL && (status == 401 || status == 407);

	/* All but the best one's own go into it besides. */
	if (challenge && c->best_auth++ > 0)
		keep_challenges(c, m);
	if (!proxy_choice_better(status, c->best))
		return;
	free(c->best_bytes);
	c->best_bytes = m != NULL ? copy(m->all) : NULL;
	c->nbest = m != NULL ? m->all.n : 0;
	c->best = status;
}

/* 16.7 steps 6 to 9, once all have failed. */
static void
give_up(struct context *c)
{
	struct sip_msg *m = &c->proxy->kept;
	int status = c->best != 0 ? c->best : 500;

	if (c->done)
		return;
	if (c->best_bytes != NULL && status != 503 &&
	    sip_msg_parse(m, str_of(c->best_bytes, c->nbest), SIP_DATAGRAM,
	    c->nbest) == 0) {
		pass_back(c, m, str_of(c->challenges, c->nchallenges));
		c->done = true;
		return;
	}
	if (c->cancelled) {
		respond_own(c, 487, false);
	} else if (status == 408 && c->server.method != SIP_METHOD_INVITE) {
		/* RFC 4320 4.2: without a word. */
		c->done = true;
		txn_server_drop(&c->server);
		c->server_over = true;
	} else if (status == 503 && c->best_bytes != NULL) {
		/* It is not us who are overloaded (16.7 step 6). */
		respond_own(c, 500, false);
	} else {
		respond_own(c, status, status == 503);
	}
}

/* The next group: all of the same q, or one alone. */
static void
begin_next(struct context *c)
{
	size_t first = c->next, end = first;

	while (end < c->nbranch && (end == first || (!c->one_by_one &&
	    c->branch[end].q == c->branch[first].q)))
		end++;
	c->next = end;
	c->beginning = true;
	for (size_t i = first; i < end; i++)
		branch_begin(&c->branch[i]);
	c->beginning = false;
}

/* One_by_one: only what says nothing about the call leads to the next. */
static bool
may_go_on(const struct context *c)
{
	if (c->next == c->nbranch || c->cancelled)
		return false;
	return c->next == 0 || !c->one_by_one || c->last == 503 ||
	    c->last == 408;
}

/* Nobody is asked any more: who is next, or what is the answer? */
static void
settle(struct context *c)
{
	while (!c->done && c->open == 0 && !c->beginning) {
		if (may_go_on(c))
			begin_next(c);
		else
			give_up(c);
	}
}

void
context_failure(struct context *c, const struct branch *b, int status,
    const struct sip_msg *m)
{
	if (c->done)
		return;
	keep_best(c, status, m);
	if (status >= 600)
		cancel_all(c);
	c->last = status;
	settle(c);
}

void
context_provisional(struct context *c, const struct sip_msg *m)
{
	if (!c->done)
		pass_back(c, m, STR_NULL);
}

void
context_success(struct context *c, const struct sip_msg *m)
{
	bool first = !c->done;

	pass_back(c, m, STR_NULL);
	if (first)
		cancel_all(c);
}

/* ---- the beginning ---- */

static bool
make_branch(struct context *c, size_t i, const struct branch_build *build)
{
	struct branch *b = &c->branch[i];
	struct buf *out = &c->proxy->out;
	const struct route_target *t = build->target;

	b->context = c;
	b->flow = t->flow;
	b->upstream = t->upstream;
	b->q = t->q;
	b->by_token = t->by_token;
	b->id = build->id;
	b->loop = build->loop;
	branch_build(out, c->proxy, build);
	if (out->failed)
		return false;
	b->n = out->n;
	b->bytes = copy(buf_as_str(out));
	return b->bytes != NULL;
}

static bool
make_branches(struct context *c, const struct uas_request *r,
    const struct route *route, int max_breadth)
{
	struct branch_build build = {
		.m = r->msg, .route = route, .from = &c->from,
		.loop = sip_loop_hash(r->msg), .max_breadth = max_breadth,
	};

	for (size_t i = 0; i < c->nbranch; i++) {
		build.target = &route->target[i];
		build.id = proxy_new_id(c->proxy);
		if (!make_branch(c, i, &build))
			return false;
	}
	return true;
}

/* Via to CSeq, as every response has them. */
static bool
make_head(struct context *c, const struct uas_request *r)
{
	struct buf *out = &c->proxy->out;
	struct str head;

	buf_reset(out);
	uas_begin(r, 200, NULL, out);
	head = buf_as_str(out);
	head = str_from(head, str_find(head, '\n') + 1);
	c->head = copy(head);
	c->nhead = head.n;
	return !out->failed && c->head != NULL;
}

static void
send_trying(struct context *c, const struct uas_request *r)
{
	struct buf *out = &c->proxy->out;

	buf_reset(out);
	sip_reply_begin(out, r->msg, 100, NULL, STR_NULL, &c->from.peer);
	sip_reply_end(out);
	respond(c, 100, out);
}

static struct context *
context_new(struct proxy *p, const struct uas_request *r,
    const struct route *route)
{
	struct context *c = calloc(1, sizeof(*c) +
	    route->ntarget * sizeof(c->branch[0]));

	if (c == NULL)
		return NULL;
	if (txn_server_begin(p->txns, &c->server, r->msg,
	    r->flow->transport != FLOW_UDP, &ops) != 0) {
		free(c);
		return NULL;
	}
	c->proxy = p;
	c->from = *r->flow;
	c->begun_ms = proxy_now_ms(p);
	c->one_by_one = route->one_by_one;
	c->reply = route->reply;
	c->nbranch = route->ntarget;
	list_append(&p->contexts, &c->link);
	p->count++;
	return c;
}

bool
context_begin(struct proxy *p, const struct uas_request *r,
    const struct route *route, int max_breadth)
{
	struct context *c = context_new(p, r, route);
	char said[PROXY_SAID_BYTES];
	bool ok;

	if (c == NULL)
		return false;
	ok = make_head(c, r) && make_branches(c, r, route, max_breadth);
	if (ok && c->reply == ROUTE_REPLY_REGISTER) {
		c->request = copy(r->msg->all);
		c->nrequest = r->msg->all.n;
		ok = c->request != NULL;
	}
	if (!ok) {
		context_free(c);
		return false;
	}
	if (proxy_say_call(said, r, route->ntarget))
		c->said = str_dup(str_cstr(said));
	if (r->msg->method == SIP_METHOD_INVITE)
		send_trying(c, r);
	settle(c);
	return true;
}
