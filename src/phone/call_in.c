/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of the other side: INVITE and what goes with it, BYE, and our
 * answers.
 */
#include "phone/call_int.h"

#include "base/digest.h"
#include "sip/reply.h"

#define REPLY_MAX     8192
#define RING_AGAIN_MS 60000 /* 13.3.1.1 */

/* ---- answers ---- */

static void
put_routes(struct buf *out, const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_RECORD_ROUTE);

	for (; f != NULL; f = sip_msg_next(m, f)) {
		buf_puts(out, "Record-Route: ");
		buf_str(out, f->value);
		buf_puts(out, "\r\n");
	}
}

static void
put_agent(const struct call *c, struct buf *out)
{
	buf_puts(out, CALL_ALLOW "User-Agent: ");
	buf_str(out, c->p->user_agent);
	buf_puts(out, "\r\n");
}

/* Our description: the answer to theirs, or an offer where they made none. */
static void
put_sdp(struct call *c, const struct sip_msg *m, struct buf *sdp)
{
	struct sdp offer;

	c->offer_sent = m->body.n == 0;
	c->sdp_version++;
	if (c->offer_sent)
		sdp_put_offer(sdp, &c->place->media, SDP_SENDRECV, c->sdp_id,
		    c->sdp_version);
	else if (sdp_parse(&offer, m->body) == 0) /* as when it was taken */
		sdp_put_answer(sdp, &offer, &c->place->media, c->sdp_id,
		    c->sdp_version);
}

void
call_reply(struct call *c, int status, uint64_t now_ms)
{
	char body[2048];
	struct buf sdp;
	struct sip_msg m;

	buf_init_array(&sdp, body, sizeof(body));
	buf_reset(&c->reply);
	if (sip_msg_parse(&m, buf_as_str(&c->request), SIP_DATAGRAM,
	    CALL_MESSAGE_MAX) != 0)
		return;
	sip_reply_begin(&c->reply, &m, status, NULL,
	    str_cstr(c->dialog.local_tag), &c->place->server);
	if (status < 300) {
		put_routes(&c->reply, &m);
		buf_printf(&c->reply, "Contact: <%s>\r\n",
		    c->place->contact);
	}
	put_agent(c, &c->reply);
	if (status / 100 == 2)
		put_sdp(c, &m, &sdp);
	sip_request_end(&c->reply, STR("application/sdp"), buf_as_str(&sdp));
	if (status >= 200) /* 13.3.1.4: a 200 on every transport */
		resend_start(&c->reply_timer, status >= 300 &&
		    call_is_reliable(c), TXN_T2_MS, now_ms);
	call_send(c, &c->reply);
}

/* To another request of the dialog's. */
static void
answer(struct call *c, const struct sip_msg *m, int status)
{
	char text[REPLY_MAX];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	sip_reply_begin(&out, m, status, NULL, str_cstr(c->dialog.local_tag),
	    &c->place->server);
	put_agent(c, &out);
	if (status == 500) {
		uint8_t random;

		digest_random(&random, sizeof(random));
		/* 14.2 */
		buf_printf(&out, "Retry-After: %u\r\n", random % 11u);
	}
	sip_reply_end(&out);
	call_send(c, &out);
}

/* ---- INVITE ---- */

static bool
is_sdp(const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTENT_TYPE);
	struct str type = f != NULL ? f->value : STR_NULL;

	return str_ieq(str_trim(str_cut(&type, ';')), STR("application/sdp"));
}

/* Their offer.  0, or the status to refuse with. */
static int
judge_offer(struct call *c, const struct sip_msg *m)
{
	if (m->body.n == 0)
		return 0;
	return is_sdp(m) ? call_read_sdp(c, m->body) : 415;
}

/* It is kept until it is answered, and to know it again. */
static bool
keep(struct call *c, const struct sip_msg *m)
{
	buf_reset(&c->request);
	buf_reset(&c->reply);
	buf_str(&c->request, m->all);
	c->their_cseq = m->cseq;
	return str_copy(c->their_branch, sizeof(c->their_branch),
	    m->via.branch) &&
	    str_copy(c->their_host, sizeof(c->their_host), m->via.host) &&
	    !c->request.failed;
}

int
call_take(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	int status = judge_offer(c, m), err;

	if (status != 0)
		return status;
	err = dialog_of_request(&c->dialog, m);
	if (err != 0)
		return err == E_LIMIT ? 513 : 400;
	if (!keep(c, m))
		return 513;
	c->incoming = true;
	c->state = CALL_RINGING;
	c->due[CALL_DUE_PROVISIONAL] = now_ms + RING_AGAIN_MS;
	if (c->p->manner == CALL_ANSWERS)
		c->due[CALL_DUE_ANSWER] = now_ms + c->p->answer_ms;
	call_reply(c, 180, now_ms);
	call_tell(c, CALL_NEWS_RINGING);
	return 0;
}

static bool
is_their_invite(const struct call *c, const struct sip_msg *m)
{
	return c->request.n > 0 && m->cseq == c->their_cseq &&
	    str_eq(m->via.branch, str_cstr(c->their_branch)) &&
	    str_eq(m->via.host, str_cstr(c->their_host)) &&
	    str_eq(m->call_id, str_cstr(c->dialog.call_id));
}

static void
on_invite_again(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	enum sdp_direction was = c->direction;
	struct addr media = c->media;
	int status;

	if (c->state != CALL_TALKING) {
		answer(c, m, c->state == CALL_ANSWERED ? 500 : 481);
		return;
	}
	if (c->inviting) {
		answer(c, m, 491); /* 14.2 */
		return;
	}
	status = c->reply_timer.running ? 500 : judge_offer(c, m);
	if (status == 0 && !keep(c, m))
		status = 513;
	if (status != 0) {
		answer(c, m, status);
		return;
	}
	dialog_refresh(&c->dialog, m);
	call_reply(c, 200, now_ms);
	if (was != c->direction || !addr_equal(&media, &c->media))
		call_tell(c, CALL_NEWS_MEDIA);
}

static void
on_invite(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (is_their_invite(c, m))
		call_send(c, &c->reply); /* 17.2.1 */
	else if (!dialog_in_order(&c->dialog, m))
		answer(c, m, 500);
	else
		on_invite_again(c, m, now_ms);
}

/* ---- ACK, CANCEL, BYE ---- */

static void
on_ack(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (m->cseq != c->their_cseq || !c->reply_timer.running)
		return;
	resend_stop(&c->reply_timer);
	if (c->offer_sent && m->body.n > 0 && c->state != CALL_OVER)
		/* An answer that cannot be read: a call without media. */
		IGNORE(call_read_sdp(c, m->body) != 0);
	c->offer_sent = false;
	if (c->state != CALL_ANSWERED)
		return;
	call_begin_talk(c, now_ms);
	if (c->hangup_wanted)
		call_bye(c, "hung up", now_ms);
}

static void
on_cancel(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (!is_their_invite(c, m)) {
		answer(c, m, 481);
		return;
	}
	answer(c, m, 200); /* 9.2: also when it comes too late */
	if (c->state != CALL_RINGING || !c->incoming)
		return;
	call_reply(c, 487, now_ms);
	call_end(c, 487, STR("cancelled"), false, now_ms);
}

static void
on_bye(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (c->state == CALL_CALLING || (!c->incoming &&
	    (c->state == CALL_RINGING || c->state == CALL_CANCELLED))) {
		answer(c, m, 481); /* 15: the callee may not, so early */
		return;
	}
	answer(c, m, 200);
	if (c->state == CALL_OVER)
		return;
	if (c->state == CALL_RINGING) {
		call_reply(c, 487, now_ms); /* 15.1.2 */
		call_end(c, 487, STR("hung up before it was answered"), false,
		    now_ms);
		return;
	}
	resend_stop(&c->reply_timer);
	if (c->state == CALL_ENDING)
		call_end(c, 200, str_cstr(c->why), true, now_ms);
	else
		call_end(c, 200, STR("hung up"), false, now_ms);
}

bool
call_request(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	switch (m->method) {
	case SIP_METHOD_INVITE:
		on_invite(c, m, now_ms);
		return true;
	case SIP_METHOD_ACK:
		on_ack(c, m, now_ms);
		return true;
	case SIP_METHOD_CANCEL:
		on_cancel(c, m, now_ms);
		return true;
	case SIP_METHOD_BYE:
		on_bye(c, m, now_ms);
		return true;
	default:
		return false;
	}
}

/* ---- whose is it ---- */

bool
call_is_request(const struct call *c, const struct sip_msg *m)
{
	if (c->state == CALL_FREE)
		return false;
	if (dialog_has(&c->dialog, m))
		return true;
	/* An INVITE that comes again, its CANCEL, the ACK for a refusal. */
	return is_their_invite(c, m) && (m->to_tag.p == NULL ||
	    m->method == SIP_METHOD_ACK);
}

bool
call_is_merged(const struct call *c, const struct sip_msg *m)
{
	return c->state != CALL_FREE && c->request.n > 0 &&
	    m->to_tag.p == NULL && m->cseq == c->their_cseq &&
	    str_eq(m->call_id, str_cstr(c->dialog.call_id)) &&
	    str_eq(m->from_tag, str_cstr(c->dialog.remote_tag));
}

/* ---- time ---- */

void
call_in_tick(struct call *c, uint64_t now_ms)
{
	bool accepted = c->state == CALL_ANSWERED || c->state == CALL_TALKING;

	switch (resend_due(&c->reply_timer, now_ms)) {
	case RESEND_AGAIN:
		call_send(c, &c->reply);
		break;
	case RESEND_OVER:
		if (accepted) /* 13.3.1.4 */
			call_bye(c, "no ACK has come", now_ms);
		break;
	case RESEND_NOTHING:
		break;
	}
}
