/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * txn/client - client transactions: RFC 3261 17.1, figures 5 (as RFC 6026 has
 * it) and 6.
 */
#include <errno.h>
#include <stdlib.h>

#include "txn/txn_int.h"

static void on_again(struct wheel_timer *timer);
static void on_over(struct wheel_timer *timer);

static void
over_in(struct txn_client *t, uint64_t ms)
{
	wheel_start(t->txns->wheel, &t->over, t->txns->now_ms + ms);
}

static void
again_in(struct txn_client *t, uint32_t ms)
{
	t->again_ms = ms;
	wheel_start(t->txns->wheel, &t->again, t->txns->now_ms + ms);
}

/* The end comes by itself, at the next advance. */
static void
terminate(struct txn_client *t)
{
	t->state = TXN_CLIENT_TERMINATED;
	wheel_stop(t->txns->wheel, &t->again);
	over_in(t, 0);
}

/* Not from inside the owner's call: he is told at the next advance. */
static void
fail_later(struct txn_client *t, enum txn_client_failure why)
{
	terminate(t);
	t->failing = true;
	t->why = why;
}

/* ---- begin and end ---- */

int
txn_client_begin(struct txns *x, struct txn_client *t, struct str branch,
    enum sip_method method, struct str request, bool reliable,
    const struct txn_client_ops *ops)
{
	if (x->count >= x->max || branch.n == 0 || branch.n > TXN_BRANCH_MAX)
		return E_LIMIT;
	*t = (struct txn_client) {
		.txns = x, .ops = ops, .method = method, .reliable = reliable,
		.state = TXN_CLIENT_CALLING, .nbranch = branch.n,
	};
	/* An ACK or CANCEL is made of it, or it is sent again. */
	if ((method == SIP_METHOD_INVITE || !reliable) &&
	    !txn_bytes_set(&t->request, request))
		return -ENOMEM;
	memcpy(t->branch, branch.p, branch.n);
	wheel_timer_init(&t->again, on_again);
	wheel_timer_init(&t->over, on_over);
	hash_insert(&x->client, &t->node, hash_bytes(branch.p, branch.n));
	list_append(&x->clients, &t->all);
	x->count++;
	if (!reliable)
		again_in(t, TXN_T1_MS); /* Timer A, E */
	over_in(t, TXN_TIMER_B_MS);     /* Timer B, F */
	if (!ops->send(t, request))
		fail_later(t, TXN_CLIENT_UNDELIVERED);
	return 0;
}

void
txn_client_drop(struct txn_client *t)
{
	struct txns *x = t->txns;

	if (x == NULL)
		return;
	wheel_stop(x->wheel, &t->again);
	wheel_stop(x->wheel, &t->over);
	hash_remove(&x->client, &t->node);
	list_remove(&t->all);
	x->count--;
	txn_bytes_free(&t->request);
	t->state = TXN_CLIENT_TERMINATED;
	t->txns = NULL;
}

void
txn_client_end(struct txn_client *t)
{
	txn_client_drop(t);
	t->ops->ended(t);
}

struct txn_client *
txn_client_find(struct txns *x, const struct sip_msg *response)
{
	struct str branch = response->via.branch;
	enum sip_method method = sip_method_of(response->cseq_method);
	uint64_t hash = hash_bytes(branch.p, branch.n);
	struct hash_node *n;

	for (n = hash_chain(&x->client, hash); n != NULL; n = n->next) {
		struct txn_client *t = CONTAINER_OF(n, struct txn_client, node);

		if (n->hash == hash && t->method == method &&
		    str_eq(str_of(t->branch, t->nbranch), branch))
			return t;
	}
	return NULL;
}

/* ---- time ---- */

/* Timers A and E (17.1.1.2, 17.1.2.2). */
static void
on_again(struct wheel_timer *timer)
{
	struct txn_client *t = CONTAINER_OF(timer, struct txn_client, again);
	uint32_t next = 2 * t->again_ms;

	if (t->method != SIP_METHOD_INVITE &&
	    (next > TXN_T2_MS || t->state == TXN_CLIENT_PROCEEDING))
		next = TXN_T2_MS;
	again_in(t, next);
	if (!t->ops->send(t, txn_bytes_str(&t->request)))
		fail_later(t, TXN_CLIENT_UNDELIVERED);
}

static void
on_over(struct wheel_timer *timer)
{
	struct txn_client *t = CONTAINER_OF(timer, struct txn_client, over);

	if (t->state == TXN_CLIENT_CALLING ||
	    t->state == TXN_CLIENT_PROCEEDING)
		fail_later(t, TXN_CLIENT_TIMEOUT);
	if (!t->failing) {
		txn_client_end(t);
		return;
	}
	t->failing = false;
	over_in(t, 0);
	t->ops->failed(t, t->why);
}

void
txn_client_undelivered(struct txn_client *t)
{
	if (t->state == TXN_CLIENT_CALLING ||
	    (t->state == TXN_CLIENT_PROCEEDING &&
	    t->method != SIP_METHOD_INVITE))
		fail_later(t, TXN_CLIENT_UNDELIVERED);
}

void
txn_client_give_up(struct txn_client *t)
{
	if (t->state == TXN_CLIENT_CALLING || t->state == TXN_CLIENT_PROCEEDING)
		fail_later(t, TXN_CLIENT_UNDELIVERED);
}

/* ---- responses ---- */

/* The ACK takes the place of the request: it is what is sent again now. */
static void
acknowledge(struct txn_client *t, const struct sip_msg *response)
{
	struct str to = sip_msg_field(response, SIP_HEADER_TO)->value;
	struct txn_bytes ack = { .size = t->request.n + to.n + 64 };
	struct buf out;

	ack.p = malloc(ack.size);
	if (ack.p == NULL)
		return;
	buf_init_array(&out, ack.p, ack.size);
	if (txn_derive(&out, txn_bytes_str(&t->request), SIP_METHOD_ACK, to))
		ack.n = out.n;
	txn_bytes_free(&t->request);
	t->request = ack;
}

static void
send_ack(struct txn_client *t)
{
	/* One that cannot be sent: the other side's Timer H sees to it. */
	if (t->request.n > 0)
		t->ops->send(t, txn_bytes_str(&t->request));
}

static void
invite_final(struct txn_client *t, const struct sip_msg *m)
{
	wheel_stop(t->txns->wheel, &t->again);
	if (m->status < 300) {
		t->state = TXN_CLIENT_ACCEPTED;
		txn_bytes_free(&t->request);
		over_in(t, TXN_TIMER_B_MS); /* Timer M */
		return;
	}
	t->state = TXN_CLIENT_COMPLETED;
	over_in(t, t->reliable ? 0 : TXN_TIMER_D_MS);
	acknowledge(t, m);
	send_ack(t);
}

static void
other_final(struct txn_client *t)
{
	wheel_stop(t->txns->wheel, &t->again);
	t->state = TXN_CLIENT_COMPLETED;
	txn_bytes_free(&t->request);
	over_in(t, t->reliable ? 0 : TXN_T4_MS); /* Timer K */
}

static void
provisional(struct txn_client *t)
{
	if (t->state == TXN_CLIENT_PROCEEDING)
		return;
	t->state = TXN_CLIENT_PROCEEDING;
	if (t->method == SIP_METHOD_INVITE) {
		wheel_stop(t->txns->wheel, &t->again);
		wheel_stop(t->txns->wheel, &t->over);
	}
}

void
txn_client_absorb(struct txn_client *t, const struct sip_msg *response)
{
	bool invite = t->method == SIP_METHOD_INVITE;

	switch (t->state) {
	case TXN_CLIENT_CALLING:
	case TXN_CLIENT_PROCEEDING:
		if (response->status < 200)
			provisional(t);
		else if (invite)
			invite_final(t, response);
		else
			other_final(t);
		break;
	case TXN_CLIENT_ACCEPTED:
		if (response->status / 100 != 2)
			return;
		break;
	case TXN_CLIENT_COMPLETED:
		if (invite && response->status >= 300)
			send_ack(t);
		return;
	case TXN_CLIENT_TERMINATED:
		return;
	}
	t->ops->response(t, response);
}

bool
txn_client_cancel(struct txn_client *t, struct buf *out)
{
	if (t->method != SIP_METHOD_INVITE ||
	    t->state != TXN_CLIENT_PROCEEDING ||
	    !txn_derive(out, txn_bytes_str(&t->request), SIP_METHOD_CANCEL,
	    STR_NULL))
		return false;
	/* 9.1: whoever answers neither is not waited for. */
	if (!wheel_timer_runs(&t->over))
		over_in(t, TXN_TIMER_B_MS);
	return true;
}
