/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * txn/server - server transactions: RFC 3261 17.2, figures 7 (as RFC 6026 has
 * it) and 8, with RFC 4320.
 */
#include "txn/txn_int.h"

/* RFC 4320 4.1: until Timer E of the other side has become T2. */
#define LATE_100_MS (TXN_T1_MS + 2 * TXN_T1_MS + 4 * TXN_T1_MS)

static void on_again(struct wheel_timer *timer);
static void on_over(struct wheel_timer *timer);

/* ---- which one (17.2.3) ---- */

struct key {
	uint64_t hash[2];
	bool old;
};

static uint64_t
hash_of(struct str s)
{
	return hash_bytes(s.p, s.n);
}

static uint64_t
method_key(const struct sip_msg *m, enum sip_method method)
{
	return method != SIP_METHOD_OTHER ? (uint64_t)method :
	    hash_of(m->method_name);
}

/*
 * RFC 2543 has no unique branch: all that makes a request is compared.  But for
 * the To tag of INVITE, CANCEL and ACK, which are to find the same transaction:
 * an ACK has the response's.
 */
static void
old_key(struct key *key, const struct sip_msg *m, enum sip_method method)
{
	const uint64_t parts[] = {
		hash_of(m->request_uri), hash_of(m->from_tag),
		hash_of(m->call_id), m->cseq, method_key(m, method),
		method == SIP_METHOD_INVITE ? 0 : hash_of(m->to_tag),
	};

	key->hash[0] = hash_of(m->via.all);
	key->hash[1] = hash_bytes(parts, sizeof(parts));
}

static void
make_key(struct key *key, const struct sip_msg *m, enum sip_method method)
{
	key->old = !str_istarts(m->via.branch, STR("z9hG4bK"));
	if (key->old) {
		old_key(key, m, method);
		return;
	}
	const uint64_t parts[] = {
		hash_istr(m->via.host), hash_of(m->call_id),
		(uint64_t)m->via.port << 32 | m->cseq, method_key(m, method),
	};
	key->hash[0] = hash_of(m->via.branch);
	key->hash[1] = hash_bytes(parts, sizeof(parts));
}

static struct txn_server *
look_up(struct txns *x, const struct sip_msg *m, enum sip_method method)
{
	struct key key;
	struct hash_node *n;

	make_key(&key, m, method);
	for (n = hash_chain(&x->server, key.hash[0] ^ key.hash[1]); n != NULL;
	     n = n->next) {
		struct txn_server *t = CONTAINER_OF(n, struct txn_server, node);

		if (t->key[0] == key.hash[0] && t->key[1] == key.hash[1] &&
		    t->old == key.old)
			return t;
	}
	return NULL;
}

struct txn_server *
txn_server_find(struct txns *x, const struct sip_msg *request)
{
	struct txn_server *t;

	if (request->method != SIP_METHOD_ACK)
		return look_up(x, request, request->method);
	t = look_up(x, request, SIP_METHOD_INVITE);
	if (t == NULL || t->state == TXN_SERVER_ACCEPTED)
		return NULL; /* RFC 6026 7.1: the ACK for a 2xx */
	if (t->old && t->to_tag != hash_of(request->to_tag))
		return NULL;
	return t;
}

struct txn_server *
txn_server_find_cancelled(struct txns *x, const struct sip_msg *cancel)
{
	return look_up(x, cancel, SIP_METHOD_INVITE);
}

/* ---- begin and end ---- */

int
txn_server_begin(struct txns *x, struct txn_server *t,
    const struct sip_msg *request, bool reliable,
    const struct txn_server_ops *ops)
{
	struct key key;

	if (x->count >= x->max)
		return E_LIMIT;
	make_key(&key, request, request->method);
	*t = (struct txn_server) {
		.txns = x, .ops = ops, .method = request->method,
		.reliable = reliable, .old = key.old, .since_ms = x->now_ms,
		.key = { key.hash[0], key.hash[1] },
		.state = request->method == SIP_METHOD_INVITE ?
		    TXN_SERVER_PROCEEDING : TXN_SERVER_TRYING,
	};
	wheel_timer_init(&t->again, on_again);
	wheel_timer_init(&t->over, on_over);
	hash_insert(&x->server, &t->node, key.hash[0] ^ key.hash[1]);
	list_append(&x->servers, &t->all);
	x->count++;
	if (t->state == TXN_SERVER_PROCEEDING)
		return 0;
	if (ops->trying != NULL)
		wheel_start(x->wheel, &t->again, x->now_ms + LATE_100_MS);
	wheel_start(x->wheel, &t->over, x->now_ms + TXN_TIMER_B_MS);
	return 0;
}

void
txn_server_drop(struct txn_server *t)
{
	struct txns *x = t->txns;

	if (x == NULL)
		return;
	wheel_stop(x->wheel, &t->again);
	wheel_stop(x->wheel, &t->over);
	hash_remove(&x->server, &t->node);
	list_remove(&t->all);
	x->count--;
	txn_bytes_free(&t->last);
	t->state = TXN_SERVER_TERMINATED;
	t->txns = NULL;
}

void
txn_server_end(struct txn_server *t)
{
	txn_server_drop(t);
	t->ops->ended(t);
}

/* ---- time ---- */

static void
over_in(struct txn_server *t, uint64_t ms)
{
	wheel_start(t->txns->wheel, &t->over, t->txns->now_ms + ms);
}

static void
again_in(struct txn_server *t, uint32_t ms)
{
	t->again_ms = ms;
	wheel_start(t->txns->wheel, &t->again, t->txns->now_ms + ms);
}

static void
resend(struct txn_server *t)
{
	if (t->last.n > 0)
		t->ops->send(t, txn_bytes_str(&t->last));
}

static void
on_again(struct wheel_timer *timer)
{
	struct txn_server *t = CONTAINER_OF(timer, struct txn_server, again);

	if (t->state == TXN_SERVER_TRYING) {
		t->ops->trying(t);
		return;
	}
	/* Timer G */
	again_in(t, 2 * t->again_ms < TXN_T2_MS ? 2 * t->again_ms : TXN_T2_MS);
	resend(t);
}

static void
on_over(struct wheel_timer *timer)
{
	struct txn_server *t = CONTAINER_OF(timer, struct txn_server, over);

	if (t->method != SIP_METHOD_INVITE ||
	    t->state != TXN_SERVER_COMPLETED) {
		txn_server_end(t);
		return;
	}
	/* Timer H; the end comes by itself, at the next advance. */
	t->state = TXN_SERVER_TERMINATED;
	wheel_stop(t->txns->wheel, &t->again);
	over_in(t, 0);
	if (t->ops->failed != NULL)
		t->ops->failed(t);
}

/* ---- requests ---- */

void
txn_server_absorb(struct txn_server *t, const struct sip_msg *request)
{
	if (request->method != SIP_METHOD_ACK) {
		if (t->state == TXN_SERVER_PROCEEDING ||
		    t->state == TXN_SERVER_COMPLETED)
			resend(t);
		return;
	}
	if (t->state != TXN_SERVER_COMPLETED)
		return;
	t->state = TXN_SERVER_CONFIRMED;
	wheel_stop(t->txns->wheel, &t->again);
	txn_bytes_free(&t->last);
	over_in(t, t->reliable ? 0 : TXN_T4_MS); /* Timer I */
}

/* ---- responses ---- */

static bool
is_allowed(const struct txn_server *t, int status)
{
	if (t->method == SIP_METHOD_INVITE)
		return t->state == TXN_SERVER_PROCEEDING ||
		    (t->state == TXN_SERVER_ACCEPTED && status / 100 == 2);
	if (t->state != TXN_SERVER_TRYING && t->state != TXN_SERVER_PROCEEDING)
		return false;
	if (status >= 200)
		return status != 408; /* RFC 4320 4.2 */
	return status == 100 && (t->reliable ||
	    t->txns->now_ms - t->since_ms >= LATE_100_MS);
}

/* An ACK of RFC 2543 is known by the To tag of what it acknowledges. */
static void
note_to_tag(struct txn_server *t, struct str response)
{
	struct sip_msg m;

	if (sip_msg_parse(&m, response, SIP_DATAGRAM, response.n) == 0)
		t->to_tag = hash_of(m.to_tag);
}

static void
enter_invite_final(struct txn_server *t, int status, struct str bytes)
{
	if (status < 300) {
		/* RFC 6026 7.1: who sent the 2xx sends it again. */
		t->state = TXN_SERVER_ACCEPTED;
		txn_bytes_free(&t->last);
		over_in(t, TXN_TIMER_B_MS); /* Timer L */
		return;
	}
	t->state = TXN_SERVER_COMPLETED;
	if (t->old)
		note_to_tag(t, bytes);
	over_in(t, TXN_TIMER_B_MS); /* Timer H */
	if (!t->reliable)
		again_in(t, TXN_T1_MS); /* Timer G */
}

static void
enter_other(struct txn_server *t, int status)
{
	wheel_stop(t->txns->wheel, &t->again);
	if (status < 200) {
		t->state = TXN_SERVER_PROCEEDING;
		return;
	}
	t->state = TXN_SERVER_COMPLETED;
	over_in(t, t->reliable ? 0 : TXN_TIMER_B_MS); /* Timer J */
}

bool
txn_server_respond(struct txn_server *t, int status, struct str bytes)
{
	bool invite = t->method == SIP_METHOD_INVITE;

	if (t->txns == NULL || !is_allowed(t, status))
		return false;
	t->status = status;
	/* Over a reliable transport nothing is ever sent twice.  Without memory
	 * it is sent once. */
	if (!t->reliable && !(invite && status / 100 == 2))
		IGNORE(txn_bytes_set(&t->last, bytes));
	if (!invite)
		enter_other(t, status);
	else if (status >= 200 && t->state == TXN_SERVER_PROCEEDING)
		enter_invite_final(t, status, bytes);
	return t->ops->send(t, bytes);
}
