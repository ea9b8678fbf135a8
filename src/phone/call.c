/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What caller and callee have in common: the states, the news, the times.
 */
#include "phone/call_int.h"

#include "base/digest.h"

void
call_init(struct call *c, const struct call_params *p,
    const struct call_place *place, const struct call_ops *ops, void *arg)
{
	struct buf *const bufs[] = { &c->invite, &c->ack, &c->refused_ack,
		&c->other, &c->request, &c->reply };

	*c = (struct call) {
		.p = p,
		.place = place,
		.ops = ops,
		.arg = arg,
		.direction = SDP_SENDRECV,
	};
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i], CALL_MESSAGE_MAX);
	for (size_t i = 0; i < CALL_DUES; i++)
		c->due[i] = UINT64_MAX;
	digest_random(&c->sdp_id, sizeof(c->sdp_id));
}

void
call_fini(struct call *c)
{
	struct buf *const bufs[] = { &c->invite, &c->ack, &c->refused_ack,
		&c->other, &c->request, &c->reply };

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_fini(bufs[i]);
	challenge_forget(&c->www);
	challenge_forget(&c->proxy);
	c->state = CALL_FREE;
}

bool
call_is_active(const struct call *c)
{
	return c->state != CALL_FREE && c->state != CALL_OVER;
}

bool
call_is_reliable(const struct call *c)
{
	return !str_eq(c->place->transport, STR("UDP"));
}

void
call_send(const struct call *c, const struct buf *b)
{
	if (!b->failed && b->n > 0)
		c->ops->send(buf_as_str(b), c->arg);
}

/* ---- news ---- */

static struct call_news
news_of(const struct call *c, enum call_news_kind kind)
{
	return (struct call_news) {
		.kind = kind,
		.incoming = c->incoming,
		.peer = str_cstr(c->dialog.remote_uri),
		.call_id = str_cstr(c->dialog.call_id),
		.media = c->media,
		.payload = c->payload,
		.direction = c->direction,
	};
}

void
call_tell(const struct call *c, enum call_news_kind kind)
{
	struct call_news n = news_of(c, kind);

	if (!c->ended)
		c->ops->news(&n, c->arg);
}

void
call_end(struct call *c, int status, struct str reason, bool by_us,
    uint64_t now_ms)
{
	struct call_news n = news_of(c, CALL_NEWS_ENDED);

	c->state = CALL_OVER;
	for (size_t i = 0; i < CALL_DUES; i++)
		c->due[i] = UINT64_MAX;
	c->due[CALL_DUE_FREE] = now_ms + CALL_LINGER_MS;
	c->other_timer.running = false;
	resend_stop(&c->invite_timer);
	if (c->ended)
		return;
	n.status = status;
	n.reason = reason;
	n.by_us = by_us;
	c->ended = true;
	c->ops->news(&n, c->arg);
}

void
call_lost(struct call *c, const char *why)
{
	if (call_is_active(c))
		call_end(c, c->dialog.confirmed ? 200 : 0, str_cstr(why),
		    false, 0);
	call_fini(c);
}

/* ---- media ---- */

int
call_read_sdp(struct call *c, struct str body)
{
	const struct sdp_media *m;
	struct sdp sdp;

	if (sdp_parse(&sdp, body) != 0)
		return 400;
	if (sdp.audio < 0)
		return 488;
	m = sdp_audio(&sdp);
	c->media = ADDR_NONE;
	c->payload = sdp.payload;
	c->direction = sdp_mirror(sdp.media[sdp.audio].direction);
	if (m != NULL) {
		c->media = m->at;
		addr_set_port(&c->media, m->port);
	}
	return 0;
}

/* ---- times ---- */

void
call_begin_talk(struct call *c, uint64_t now_ms)
{
	c->state = CALL_TALKING;
	c->due[CALL_DUE_CANCEL] = UINT64_MAX;
	if (c->p->talk_ms > 0)
		c->due[CALL_DUE_HANGUP] = now_ms + c->p->talk_ms;
	if (c->p->hold_ms > 0)
		c->due[CALL_DUE_HOLD] = now_ms + c->p->hold_ms;
	call_tell(c, CALL_NEWS_ANSWERED);
}

void
call_hangup(struct call *c, uint64_t now_ms)
{
	switch (c->state) {
	case CALL_CALLING:
		call_cancel(c, now_ms);
		break;
	case CALL_RINGING:
		if (!c->incoming) {
			call_cancel(c, now_ms);
			break;
		}
		call_reply(c, 480, now_ms);
		call_end(c, 480, STR("refused"), true, now_ms);
		break;
	case CALL_ANSWERED:
		c->hangup_wanted = true; /* 15: not before the ACK */
		break;
	case CALL_TALKING:
		call_bye(c, "hung up", now_ms);
		break;
	default:
		break;
	}
}

static void
on_answer(struct call *c, uint64_t now_ms)
{
	c->state = CALL_ANSWERED;
	c->due[CALL_DUE_PROVISIONAL] = UINT64_MAX;
	c->dialog.confirmed = true;
	call_reply(c, 200, now_ms);
}

static void
on_provisional(struct call *c, uint64_t now_ms)
{
	c->due[CALL_DUE_PROVISIONAL] = now_ms + 60000;
	call_reply(c, 180, now_ms);
}

static void
on_give_up(struct call *c, uint64_t now_ms)
{
	call_end(c, 487, STR("cancelled; the INVITE was never answered"),
	    true, now_ms);
}

static void
on_free(struct call *c, uint64_t now_ms)
{
	call_fini(c);
}

static void (*const due_fn[CALL_DUES])(struct call *c, uint64_t now_ms) = {
	[CALL_DUE_ANSWER] = on_answer,
	[CALL_DUE_PROVISIONAL] = on_provisional,
	[CALL_DUE_HANGUP] = call_hangup,
	[CALL_DUE_CANCEL] = call_cancel,
	[CALL_DUE_HOLD] = call_hold,
	[CALL_DUE_GIVE_UP] = on_give_up,
	[CALL_DUE_FREE] = on_free,
};

void
call_tick(struct call *c, uint64_t now_ms)
{
	if (c->state == CALL_FREE)
		return;
	call_out_tick(c, now_ms);
	call_in_tick(c, now_ms);
	for (size_t i = 0; i < CALL_DUES && c->state != CALL_FREE; i++) {
		if (now_ms < c->due[i])
			continue;
		c->due[i] = UINT64_MAX;
		due_fn[i](c, now_ms);
	}
}

uint64_t
call_next_ms(const struct call *c)
{
	uint64_t next = UINT64_MAX, at[] = { resend_next_ms(&c->invite_timer),
		resend_next_ms(&c->reply_timer),
		resend_next_ms(&c->other_timer) };

	if (c->state == CALL_FREE)
		return next;
	for (size_t i = 0; i < CALL_DUES; i++)
		next = c->due[i] < next ? c->due[i] : next;
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		next = at[i] < next ? at[i] : next;
	return next;
}
