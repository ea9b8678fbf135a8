/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One way on of a request: the bytes that go there, its client transaction,
 * Timer C, and its CANCEL.
 */
#include <stdlib.h>

#include "base/log.h"
#include "edge/proxy_int.h"
#include "edge/token.h"
#include "edge/upstream.h"

#define HOST_NAME 253 /* characters of a domain name */
#define URI_MAX (TOKEN_TEXT_MAX + 64 + HOST_NAME)
#define SENT_SUSPICIOUS 3 /* times without an answer, the last after 1.5 s */
#define VIA_MAX (32 + ADDR_STRLEN + BRANCH_LEN)

/* ---- its name ---- */

static void
put_hex(struct buf *out, uint64_t v, unsigned bytes)
{
	uint8_t p[8];
	char text[17];

	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	str_hex(text, p, bytes);
	buf_put(out, text, 2 * bytes);
}

static uint64_t
get_hex(struct str *s, unsigned bytes, bool *ok)
{
	uint8_t p[8] = { 0 };
	uint64_t v = 0;

	*ok = *ok && str_unhex(p, bytes, str_of(s->p, 2 * bytes));
	*s = str_from(*s, 2 * bytes);
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

void
branch_name_put(struct buf *out, const struct branch_name *n)
{
	buf_puts(out, BRANCH_PREFIX);
	put_hex(out, n->worker, 2);
	put_hex(out, n->id, 8);
	put_hex(out, n->loop, 8);
}

bool
branch_name_read(struct branch_name *n, struct str branch)
{
	struct str s = str_from(branch, strlen(BRANCH_PREFIX));
	bool ok = branch.n == BRANCH_LEN &&
	    str_starts(branch, STR(BRANCH_PREFIX));

	if (!ok)
		return false;
	n->worker = (uint16_t)get_hex(&s, 2, &ok);
	n->id = get_hex(&s, 8, &ok);
	n->loop = get_hex(&s, 8, &ok);
	return ok;
}

/* ---- what is sent ---- */

static void
put_via(struct buf *out, struct proxy *p, const struct branch_build *b)
{
	const struct flow *f = &b->target->flow;
	const struct branch_name name = { (uint16_t)p->worker->index, b->id,
		b->loop };
	char local[ADDR_STRLEN];

	buf_printf(out, "SIP/2.0/%s %s;branch=",
	    flow_transport_name(f->transport), addr_print(&f->local, local));
	branch_name_put(out, &name);
}

/*
 * Our host on a side where TLS is spoken: the name in our certificate.  A phone
 * that goes by the URI opens a new connection where it does not know that name
 * and address are one, and holds the certificate against what it dialled.  One
 * that reaches us by address (asked) gets the address.
 */
static struct str
tls_name(const struct proxy *p, const struct flow *f, struct str asked)
{
	struct addr a;

	if (f->transport != FLOW_TLS ||
	    (asked.n > 0 && addr_parse_ip(&a, asked) == 0))
		return STR_NULL;
	return str_cstr(p->worker->conf->domain);
}

/* By which host the request came to us: in its topmost Route (an outbound
 * proxy), else in its Request-URI. */
static struct str
asked_host(const struct sip_msg *m)
{
	struct sip_nameaddr na;
	struct sip_uri uri;
	struct str value;

	if (sip_msg_value(m, SIP_HEADER_ROUTE, 0, &value) &&
	    sip_nameaddr_parse(&na, value) == 0 &&
	    sip_uri_parse(&uri, na.uri) == 0)
		return uri.host;
	return m->ruri.host;
}

/*
 * Our URI on one side, as Record-Route value.  An upstream gets our address:
 * where our domain leads is no matter of its DNS, and may be itself.
 */
static struct str
put_record_route(char text[URI_MAX], struct proxy *p, const struct token *t,
    bool sips, struct str asked)
{
	struct str name = t->upstream != 0 ? STR_NULL :
	    tls_name(p, &t->flow, asked);
	struct buf out;

	buf_init_array(&out, text, URI_MAX);
	token_put_uri(&out, p->worker->shared->tokens, t, &t->flow, sips,
	    name);
	return out.failed ? STR_NULL : buf_as_str(&out);
}

static struct token
token_of(const struct flow *f, uint64_t upstream)
{
	return (struct token) {
		.kind = upstream != 0 ? TOKEN_UPSTREAM : TOKEN_FLOW,
		.flow = *f, .upstream = upstream,
	};
}

void
branch_build(struct buf *out, struct proxy *p, const struct branch_build *b)
{
	const struct route_target *t = b->target;
	const struct route *r = b->route;
	char via[VIA_MAX], there[URI_MAX], here[URI_MAX];
	struct sip_forward f = {
		.request_uri = t->uri.p != NULL ? t->uri : r->request_uri,
		.source = &b->from->peer,
		.drop_routes = r->drop_routes,
		.drop_last_route = r->drop_last_route,
		.last_route = r->last_route,
		.route = t->route,
		.path = t->path,
		.realm = p->worker->shared->upstreams == NULL ?
		    str_cstr(p->worker->conf->domain) : STR_NULL,
		.max_forwards = b->m->max_forwards < 0 ? 70 :
		    b->m->max_forwards - 1,
		.max_breadth = b->max_breadth,
		.drop_contacts = t->drop_contacts,
		.fields = t->fields,
	};
	struct buf v;

	buf_init_array(&v, via, sizeof(via));
	put_via(&v, p, b);
	f.via = buf_as_str(&v);
	if (r->record) {
		bool sips = b->m->ruri.scheme == SIP_SCHEME_SIPS;
		struct token to = token_of(&t->flow, t->upstream);
		struct token from = token_of(b->from, r->from_upstream);

		f.record_route[0] = put_record_route(there, p, &to, sips,
		    STR_NULL);
		f.record_route[1] = put_record_route(here, p, &from, sips,
		    asked_host(b->m));
	}
	buf_reset(out);
	sip_forward_request(out, b->m, &f);
}

/* ---- its client transaction ---- */

static void
heard(const struct branch *b, int status)
{
	if (b->upstream != 0)
		upstream_heard(b->context->proxy->worker->shared->upstreams,
		    b->upstream, status);
}

/* Who has to be asked twice may be down: the ping tells sooner than Timer B. */
static void
count_sent(struct branch *b)
{
	if (b->upstream == 0 || b->final || b->sent == SENT_SUSPICIOUS)
		return;
	if (++b->sent == SENT_SUSPICIOUS)
		heard(b, 0);
}

static bool
on_send(struct txn_client *t, struct str bytes)
{
	struct branch *b = CONTAINER_OF(t, struct branch, client);

	count_sent(b);
	return flow_pass(b->context->proxy->worker, &b->flow, bytes, b->id);
}

/* It is over for the caller; the transaction may go on for a while. */
static void
finish(struct branch *b)
{
	b->final = true;
	b->context->open--;
	wheel_stop(b->context->proxy->wheel, &b->timer_c);
}

/* 16.6 step 11, 16.7 step 2. */
static void
start_timer_c(struct branch *b)
{
	struct proxy *p = b->context->proxy;

	wheel_start(p->wheel, &b->timer_c, proxy_now_ms(p) +
	    (uint64_t)p->worker->conf->ring_timeout * 1000);
}

static void
on_response(struct txn_client *t, const struct sip_msg *m)
{
	struct branch *b = CONTAINER_OF(t, struct branch, client);
	struct context *c = b->context;

	if (m->status < 200) {
		/* RFC 4320 4.1: none but 100 for others than INVITE. */
		if (t->method != SIP_METHOD_INVITE)
			return;
		if (b->cancel)
			branch_cancel(b);
		else if (m->status > 100)
			start_timer_c(b);
		b->rings = b->rings || m->status > 100;
		if (m->status > 100 && !b->final)
			context_provisional(c, m);
		return;
	}
	if (!b->final) {
		finish(b);
		heard(b, m->status);
		if (m->status >= 300) {
			context_failure(c, b, m->status, m);
			return;
		}
	}
	c->upstream = b->upstream;
	/* Of an INVITE each 2xx (RFC 6026). */
	if (m->status < 300)
		context_success(c, m);
}

static void
on_failed(struct txn_client *t, enum txn_client_failure why)
{
	struct branch *b = CONTAINER_OF(t, struct branch, client);
	int status = 408;

	if (b->final)
		return;
	if (why == TXN_CLIENT_UNDELIVERED)
		status = b->upstream != 0 ? 503 : b->by_token ? 430 : 480;
	finish(b);
	if (!b->cancel)
		heard(b, 0);
	context_failure(b->context, b, status, NULL);
}

static void
stop(struct branch *b)
{
	if (!b->runs)
		return;
	b->runs = false;
	hash_remove(&b->context->proxy->branches, &b->node);
}

static void
on_ended(struct txn_client *t)
{
	struct branch *b = CONTAINER_OF(t, struct branch, client);

	stop(b);
	context_free_if_over(b->context);
}

static void
on_timer_c(struct wheel_timer *t)
{
	struct branch *b = CONTAINER_OF(t, struct branch, timer_c);

	/* Without a provisional Timer B has ended it long before. */
	branch_cancel(b);
}

static const struct txn_client_ops ops = {
	.send = on_send,
	.response = on_response,
	.failed = on_failed,
	.ended = on_ended,
};

void
branch_begin(struct branch *b)
{
	struct context *c = b->context;
	struct proxy *p = c->proxy;
	const struct branch_name name = { (uint16_t)p->worker->index, b->id,
		b->loop };
	char text[BRANCH_LEN + 1];
	struct buf branch;
	int err;

	buf_init_array(&branch, text, sizeof(text));
	branch_name_put(&branch, &name);
	b->begun = true;
	c->open++;
	wheel_timer_init(&b->timer_c, on_timer_c);
	b->runs = true;
	hash_insert(&p->branches, &b->node, b->id);
	err = txn_client_begin(p->txns, &b->client, buf_as_str(&branch),
	    c->server.method, str_of(b->bytes, b->n),
	    b->flow.transport != FLOW_UDP, &ops);
	free(b->bytes);
	b->bytes = NULL;
	if (err != 0) {
		stop(b);
		finish(b);
		context_failure(c, b, 500, NULL);
		return;
	}
	if (c->server.method == SIP_METHOD_INVITE)
		start_timer_c(b);
}

void
branch_fini(struct branch *b)
{
	if (b->begun)
		wheel_stop(b->context->proxy->wheel, &b->timer_c);
	if (b->runs) {
		txn_client_drop(&b->client);
		stop(b);
	}
	free(b->bytes);
	b->bytes = NULL;
}

/* ---- CANCEL ---- */

/* A transaction of its own to the same place; nobody waits for its answer. */
struct cancellation {
	struct txn_client client;
	struct worker *worker;
	struct flow flow;
};

static bool
cancel_send(struct txn_client *t, struct str bytes)
{
	struct cancellation *c = CONTAINER_OF(t, struct cancellation, client);

	return flow_pass(c->worker, &c->flow, bytes, 0);
}

static void
cancel_response(struct txn_client *t, const struct sip_msg *m)
{
}

static void
cancel_failed(struct txn_client *t, enum txn_client_failure why)
{
}

static void
cancel_ended(struct txn_client *t)
{
	free(CONTAINER_OF(t, struct cancellation, client));
}

static const struct txn_client_ops cancel_ops = {
	.send = cancel_send,
	.response = cancel_response,
	.failed = cancel_failed,
	.ended = cancel_ended,
};

static void
cancel_begin(struct branch *b, struct str bytes)
{
	struct proxy *p = b->context->proxy;
	struct cancellation *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return;
	c->worker = p->worker;
	c->flow = b->flow;
	if (txn_client_begin(p->txns, &c->client, str_of(b->client.branch,
	    b->client.nbranch), SIP_METHOD_CANCEL, bytes,
	    b->flow.transport != FLOW_UDP, &cancel_ops) == 0)
		return;
	/* No room for a transaction: once is better than never. */
	IGNORE(!flow_pass(p->worker, &b->flow, bytes, 0));
	free(c);
}

/* 9.1: only what a provisional response has come for; else it is remembered. */
void
branch_cancel(struct branch *b)
{
	struct buf *out = &b->context->proxy->out;

	b->cancel = true;
	if (!b->runs || b->final || b->cancel_sent)
		return;
	buf_reset(out);
	if (!txn_client_cancel(&b->client, out))
		return;
	b->cancel_sent = true;
	wheel_stop(b->context->proxy->wheel, &b->timer_c);
	cancel_begin(b, buf_as_str(out));
}

void
branch_give_up(struct branch *b)
{
	if (!b->runs || b->final || b->rings)
		return;
	/* Should it come back with the call. */
	if (b->client.method == SIP_METHOD_INVITE && !b->cancel)
		branch_cancel(b);
	txn_client_give_up(&b->client);
}

void
branch_end(struct branch *b)
{
	struct proxy *p = b->context->proxy;

	if (!b->runs || b->final || b->cancel_sent)
		return;
	buf_reset(&p->out);
	if (txn_client_cancel(&b->client, &p->out))
		IGNORE(!flow_pass(p->worker, &b->flow, buf_as_str(&p->out),
		    0)); /* nobody waits */
}
