/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/calls.h"

#include "phone/call_int.h"
#include "sip/param.h"
#include "sip/reply.h"

#define REPLY_MAX 8192

void
calls_init(struct calls *s, const struct call_params *p,
    const struct call_ops *ops, void *arg)
{
	*s = (struct calls) { .p = *p, .ops = ops, .arg = arg };
	for (size_t i = 0; i < CALLS_MAX; i++)
		call_init(&s->call[i], &s->p, &s->place, ops, arg);
}

void
calls_fini(struct calls *s)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		call_fini(&s->call[i]);
}

void
calls_up(struct calls *s, const struct call_place *place)
{
	s->place = *place;
}

void
calls_down(struct calls *s, const char *why)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		call_lost(&s->call[i], why);
}

bool
calls_active(const struct calls *s)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (call_is_active(&s->call[i]))
			return true;
	}
	return false;
}

/* A call that only waits to hang up does not keep the line. */
static bool
is_busy(const struct calls *s)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (call_is_active(&s->call[i]) &&
		    s->call[i].state != CALL_ENDING)
			return true;
	}
	return false;
}

/* One that is free, or has been over for longest; NULL: none. */
static struct call *
take_slot(struct calls *s)
{
	struct call *best = NULL;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct call *c = &s->call[i];

		if (call_is_active(c))
			continue;
		if (best == NULL || c->state == CALL_FREE ||
		    (best->state != CALL_FREE && c->due[CALL_DUE_FREE] <
		    best->due[CALL_DUE_FREE]))
			best = c;
	}
	if (best == NULL)
		return NULL;
	call_fini(best);
	call_init(best, &s->p, &s->place, s->ops, s->arg);
	return best;
}

int
calls_place(struct calls *s, struct str uri, uint64_t now_ms)
{
	struct call *c = is_busy(s) ? NULL : take_slot(s);

	return c == NULL ? E_STATE : call_place(c, uri, now_ms);
}

void
calls_hangup(struct calls *s, uint64_t now_ms)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		call_hangup(&s->call[i], now_ms);
}

/* ---- what comes ---- */

bool
calls_response(struct calls *s, const struct sip_msg *m, uint64_t now_ms)
{
	const struct call *of = NULL;
	struct call *c;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		c = &s->call[i];
		if (call_is_fork(c, m)) {
			of = c;
		} else if (call_is_answer(c, m)) {
			call_response(c, m, now_ms);
			return true;
		}
	}
	if (of == NULL)
		return false;
	c = take_slot(s);
	if (c != NULL && c != of)
		call_fork(c, of, m, now_ms);
	return true;
}

static struct str
tag_of(const struct sip_msg *m)
{
	/* Without state the tag must be the same each time: 8.2.7. */
	return m->method == SIP_METHOD_CANCEL ? STR_NULL : STR("phone");
}

static void
put_unsupported(struct buf *out, const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_REQUIRE);

	for (; f != NULL; f = sip_msg_next(m, f)) {
		buf_puts(out, "Unsupported: ");
		buf_str(out, f->value);
		buf_puts(out, "\r\n");
	}
}

/* Without state: who repeats the request gets the same again (8.2.7). */
static void
refuse(struct calls *s, const struct sip_msg *m, int status)
{
	char text[REPLY_MAX];
	struct buf out;

	if (m->method == SIP_METHOD_ACK)
		return;
	buf_init_array(&out, text, sizeof(text));
	sip_reply_begin(&out, m, status, NULL, tag_of(m), &s->place.server);
	buf_puts(&out, CALL_ALLOW "User-Agent: ");
	buf_str(&out, s->p.user_agent);
	buf_puts(&out, "\r\n");
	if (status == 420)
		put_unsupported(&out, m);
	if (status == 415)
		buf_puts(&out, "Accept: application/sdp\r\n");
	sip_reply_end(&out);
	if (!out.failed)
		s->ops->send(buf_as_str(&out), s->arg);
}

/* A call that does not even ring is told once, however often it comes. */
static void
tell_refused(struct calls *s, const struct sip_msg *m, int status)
{
	struct call_news n = {
		.kind = CALL_NEWS_ENDED,
		.incoming = true,
		.peer = m->from.uri,
		.call_id = m->call_id,
		.status = status,
		.reason = str_cstr(sip_reason(status)),
		.by_us = true,
	};

	if (str_eq(m->call_id, str_cstr(s->refused)))
		return;
	str_copy(s->refused, sizeof(s->refused), m->call_id);
	s->ops->news(&n, s->arg);
}

/* 0: it may ring. */
static int
judge_invite(const struct calls *s, const struct sip_msg *m)
{
	if (sip_msg_field(m, SIP_HEADER_REQUIRE) != NULL)
		return 420; /* 8.2.2.3: we have no extension */
	if (!str_eq(m->ruri.user, s->p.user))
		return 404;
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (call_is_merged(&s->call[i], m))
			return 482;
	}
	return s->p.manner == CALL_BUSY || is_busy(s) ? 486 : 0;
}

static void
on_invite(struct calls *s, const struct sip_msg *m, uint64_t now_ms)
{
	int status = judge_invite(s, m);
	struct call *c = status == 0 ? take_slot(s) : NULL;

	if (c != NULL)
		status = call_take(c, m, now_ms);
	else if (status == 0)
		status = 486;
	if (status == 0)
		return;
	refuse(s, m, status);
	if (status != 482)
		tell_refused(s, m, status);
}

bool
calls_request(struct calls *s, const struct sip_msg *m, uint64_t now_ms)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (call_is_request(&s->call[i], m))
			return call_request(&s->call[i], m, now_ms);
	}
	switch (m->method) {
	case SIP_METHOD_INVITE:
		if (m->to_tag.p != NULL)
			refuse(s, m, 481); /* 12.2.2 */
		else
			on_invite(s, m, now_ms);
		return true;
	case SIP_METHOD_CANCEL:
	case SIP_METHOD_BYE:
		refuse(s, m, 481);
		return true;
	case SIP_METHOD_ACK:
		return true;
	default:
		return false;
	}
}

/* ---- time ---- */

void
calls_tick(struct calls *s, uint64_t now_ms)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		call_tick(&s->call[i], now_ms);
}

uint64_t
calls_next_ms(const struct calls *s)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		uint64_t at = call_next_ms(&s->call[i]);

		next = at < next ? at : next;
	}
	return next;
}
