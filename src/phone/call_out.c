/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of ours: INVITE, ACK, CANCEL, BYE, and what comes back.
 */
#include "phone/call_int.h"

#include <stdio.h>

#include "base/digest.h"

#define HEAD_MAX 16384

static void
make_branch(char out[32])
{
	uint8_t raw[8];

	digest_random(raw, sizeof(raw));
	memcpy(out, "z9hG4bK", 7); /* RFC 3261 8.1.1.7 */
	str_hex(out + 7, raw, sizeof(raw));
}

/* A request in the dialog, without credentials and body yet. */
static void
begin(const struct call *c, struct buf *out, struct sip_request *r,
    struct str method, uint32_t cseq, const char *branch)
{
	bool contact = str_eq(method, STR("INVITE"));

	*r = (struct sip_request) {
		.method = method,
		.transport = c->place->transport,
		.sent_by = &c->place->local,
		.branch = str_cstr(branch),
		.cseq = cseq,
		.contact = contact ? str_cstr(c->place->contact) : STR_NULL,
		.user_agent = c->p->user_agent,
	};
	buf_reset(out);
	dialog_request(&c->dialog, out, r);
}

static void
put_credentials(struct call *c, struct buf *out, const struct sip_request *r)
{
	challenge_put(&c->www, out, r->method, r->uri, c->p->auth_user,
	    c->p->password);
	challenge_put(&c->proxy, out, r->method, r->uri, c->p->auth_user,
	    c->p->password);
}

/* ---- what follows from our INVITE ---- */

/* The fields of this kind, as they were sent. */
static void
copy(struct buf *out, const struct sip_msg *m, enum sip_header id)
{
	const struct sip_field *f = sip_msg_field(m, id);

	for (; f != NULL; f = sip_msg_next(m, f)) {
		buf_str(out, sip_header_str(id));
		buf_puts(out, ": ");
		buf_str(out, f->value);
		buf_puts(out, "\r\n");
	}
}

/*
 * An ACK for a refusal (17.1.1.3) or a CANCEL (9.1): all of it is the
 * INVITE's, but for the method; the ACK's To is the answer's.
 */
static void
derive(const struct call *c, struct buf *out, const char *method,
    const struct sip_msg *answer)
{
	struct sip_msg m;

	buf_reset(out);
	if (sip_msg_parse(&m, buf_as_str(&c->invite), SIP_DATAGRAM,
	    HEAD_MAX) != 0)
		return;
	buf_printf(out, "%s ", method);
	buf_str(out, m.request_uri);
	buf_puts(out, " SIP/2.0\r\n");
	copy(out, &m, SIP_HEADER_VIA);
	copy(out, &m, SIP_HEADER_ROUTE);
	copy(out, &m, SIP_HEADER_MAX_FORWARDS);
	copy(out, &m, SIP_HEADER_FROM);
	copy(out, answer != NULL ? answer : &m, SIP_HEADER_TO);
	copy(out, &m, SIP_HEADER_CALL_ID);
	buf_printf(out, "CSeq: %u %s\r\n", m.cseq, method);
	if (answer != NULL) {
		copy(out, &m, SIP_HEADER_AUTHORIZATION);
		copy(out, &m, SIP_HEADER_PROXY_AUTHORIZATION);
	}
	sip_request_end(out, STR_NULL, STR_NULL);
}

/* The ACK for a 2xx (13.2.2.4), with the INVITE's credentials (22.1). */
static void
acknowledge(struct call *c, uint32_t cseq)
{
	char branch[32];
	struct sip_request r;
	struct sip_msg m;

	make_branch(branch);
	begin(c, &c->ack, &r, STR("ACK"), cseq, branch);
	if (sip_msg_parse(&m, buf_as_str(&c->invite), SIP_DATAGRAM,
	    HEAD_MAX) == 0) {
		copy(&c->ack, &m, SIP_HEADER_AUTHORIZATION);
		copy(&c->ack, &m, SIP_HEADER_PROXY_AUTHORIZATION);
	}
	sip_request_end(&c->ack, STR_NULL, STR_NULL);
	call_send(c, &c->ack);
}

/* ---- requests ---- */

void
call_invite(struct call *c, uint64_t now_ms)
{
	char body[1024];
	struct sip_request r;
	struct buf sdp;

	if (!c->dialog.confirmed)
		dialog_restart(&c->dialog);
	make_branch(c->invite_branch);
	begin(c, &c->invite, &r, STR("INVITE"), ++c->dialog.local_cseq,
	    c->invite_branch);
	put_credentials(c, &c->invite, &r);
	buf_puts(&c->invite, CALL_ALLOW);
	buf_init_array(&sdp, body, sizeof(body));
	sdp_put_offer(&sdp, &c->place->media, c->hold ? SDP_SENDONLY :
	    SDP_SENDRECV, c->sdp_id, ++c->sdp_version);
	sip_request_end(&c->invite, STR("application/sdp"), buf_as_str(&sdp));
	c->inviting = true;
	c->provisional = false;
	resend_start(&c->invite_timer, call_is_reliable(c), 0, now_ms);
	call_send(c, &c->invite);
}

static void
send_cancel(struct call *c, uint64_t now_ms)
{
	derive(c, &c->other, "CANCEL", NULL);
	memcpy(c->other_method, "CANCEL", 7);
	memcpy(c->other_branch, c->invite_branch, sizeof(c->other_branch));
	resend_start(&c->other_timer, call_is_reliable(c), TXN_T2_MS, now_ms);
	c->due[CALL_DUE_GIVE_UP] = now_ms + CALL_LINGER_MS;
	call_send(c, &c->other);
}

void
call_cancel(struct call *c, uint64_t now_ms)
{
	if (c->state != CALL_CALLING && c->state != CALL_RINGING)
		return;
	c->state = CALL_CANCELLED;
	c->due[CALL_DUE_CANCEL] = UINT64_MAX;
	if (c->provisional) /* 9.1: not before; then it is sent */
		send_cancel(c, now_ms);
}

static void
send_bye(struct call *c, uint64_t now_ms)
{
	struct sip_request r;

	make_branch(c->other_branch);
	memcpy(c->other_method, "BYE", 4);
	begin(c, &c->other, &r, STR("BYE"), ++c->dialog.local_cseq,
	    c->other_branch);
	put_credentials(c, &c->other, &r);
	sip_request_end(&c->other, STR_NULL, STR_NULL);
	resend_start(&c->other_timer, call_is_reliable(c), TXN_T2_MS, now_ms);
	call_send(c, &c->other);
}

void
call_bye(struct call *c, const char *why, uint64_t now_ms)
{
	c->state = CALL_ENDING;
	for (size_t i = 0; i < CALL_DUES; i++)
		c->due[i] = UINT64_MAX;
	resend_stop(&c->invite_timer);
	resend_stop(&c->reply_timer);
	str_copy(c->why, sizeof(c->why), str_cstr(why));
	c->www.tries = c->proxy.tries = 0;
	send_bye(c, now_ms);
}

/* Hold it, or take it back. */
void
call_hold(struct call *c, uint64_t now_ms)
{
	if (c->state != CALL_TALKING || c->inviting || c->reply_timer.running)
		return;
	c->hold = !c->hold;
	c->www.tries = c->proxy.tries = 0;
	call_invite(c, now_ms);
}

int
call_place(struct call *c, struct str uri, uint64_t now_ms)
{
	int err = dialog_begin(&c->dialog, c->p->aor, uri);

	if (err != 0)
		return err;
	c->state = CALL_CALLING;
	if (c->p->cancel_ms > 0)
		c->due[CALL_DUE_CANCEL] = now_ms + c->p->cancel_ms;
	call_tell(c, CALL_NEWS_CALLING);
	call_invite(c, now_ms);
	return 0;
}

/* ---- answers to an INVITE ---- */

static void
on_provisional(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	bool first = !c->provisional;

	c->provisional = true;
	resend_stop(&c->invite_timer);
	if (c->state == CALL_CANCELLED && first)
		send_cancel(c, now_ms);
	if (c->state != CALL_CALLING || m->status < 180)
		return;
	/* An early dialog that cannot be read is as good as none. */
	IGNORE(dialog_of_response(&c->dialog, m) != 0);
	c->state = CALL_RINGING;
	call_tell(c, CALL_NEWS_RINGING);
}

static void
on_first_accepted(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	bool cancelled = c->state != CALL_CALLING && c->state != CALL_RINGING;

	c->other_timer.running = false;
	if (dialog_of_response(&c->dialog, m) != 0) {
		call_end(c, m->status, STR("its answer has no Contact or tag "
		    "that can be read"), false, now_ms);
		return;
	}
	acknowledge(c, m->cseq);
	if (cancelled) {
		/* The CANCEL came too late: 9.1, 15. */
		call_bye(c, "cancelled when it had just been answered",
		    now_ms);
		return;
	}
	/* Without a description there is no media, but a call. */
	IGNORE(call_read_sdp(c, m->body) != 0);
	call_begin_talk(c, now_ms);
}

static void
on_accepted(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (!c->dialog.confirmed) {
		on_first_accepted(c, m, now_ms);
		return;
	}
	dialog_refresh(&c->dialog, m);
	acknowledge(c, m->cseq);
	if (c->state != CALL_TALKING || call_read_sdp(c, m->body) != 0)
		return;
	if (c->hold)
		c->due[CALL_DUE_HOLD] = now_ms + c->p->hold_ms;
	call_tell(c, CALL_NEWS_MEDIA);
}

/* A re-INVITE is refused: the call goes on as it was, or ends (12.2.1.2,
 * 14.1). */
static void
on_hold_refused(struct call *c, int status, uint64_t now_ms)
{
	uint16_t random;

	c->hold = !c->hold;
	if (c->state != CALL_TALKING)
		return;
	if (status == 481 || status == 408) {
		call_bye(c, "the other side knows the call no more", now_ms);
	} else if (status == 491) {
		digest_random(&random, sizeof(random));
		c->due[CALL_DUE_HOLD] = now_ms + (c->incoming ?
		    random % 2000 : 2100 + random % 1900);
	}
}

static void
on_refused(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	struct challenge *of = m->status == 407 ? &c->proxy : &c->www;
	bool wanted = c->state == CALL_CALLING || c->state == CALL_RINGING ||
	    c->state == CALL_TALKING;

	memcpy(c->refused_branch, c->invite_branch,
	    sizeof(c->refused_branch));
	derive(c, &c->refused_ack, "ACK", m);
	call_send(c, &c->refused_ack);
	if ((m->status == 401 || m->status == 407) && wanted &&
	    challenge_take(of, m, c->p->md5_only)) {
		call_invite(c, now_ms);
		return;
	}
	if (c->dialog.confirmed)
		on_hold_refused(c, m->status, now_ms);
	else if (c->state == CALL_CANCELLED)
		call_end(c, m->status, m->status == 487 ? STR("cancelled") :
		    m->reason, true, now_ms);
	else
		call_end(c, m->status, m->reason, false, now_ms);
}

static void
on_invite_answer(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (!c->inviting) {
		if (m->status / 100 == 2 && dialog_has(&c->dialog, m))
			call_send(c, &c->ack); /* RFC 6026 7.2 */
		return;
	}
	if (m->status < 200) {
		on_provisional(c, m, now_ms);
		return;
	}
	c->inviting = false;
	resend_stop(&c->invite_timer);
	if (m->status < 300)
		on_accepted(c, m, now_ms);
	else
		on_refused(c, m, now_ms);
}

/* ---- answers to BYE and CANCEL ---- */

static void
on_bye_answer(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	struct challenge *of = m->status == 407 ? &c->proxy : &c->www;
	char text[sizeof(c->why) + 64];

	if ((m->status == 401 || m->status == 407) &&
	    challenge_take(of, m, c->p->md5_only)) {
		send_bye(c, now_ms);
		return;
	}
	if (m->status < 300) {
		call_end(c, 200, str_cstr(c->why), true, now_ms);
		return;
	}
	snprintf(text, sizeof(text), "%s; the answer to the BYE was %d",
	    c->why, m->status);
	call_end(c, 200, str_cstr(text), true, now_ms);
}

static void
on_other_answer(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (!c->other_timer.running)
		return;
	resend_response(&c->other_timer, m->status, now_ms);
	if (m->status >= 200 && c->state == CALL_ENDING)
		on_bye_answer(c, m, now_ms);
}

static bool
is_to(const struct sip_msg *m, const char *branch, struct str method)
{
	return branch[0] != '\0' &&
	    str_eq(m->via.branch, str_cstr(branch)) &&
	    str_eq(m->cseq_method, method);
}

void
call_response(struct call *c, const struct sip_msg *m, uint64_t now_ms)
{
	if (is_to(m, c->refused_branch, STR("INVITE"))) {
		if (m->status >= 300)
			call_send(c, &c->refused_ack); /* 17.1.1.2 */
	} else if (is_to(m, c->invite_branch, STR("INVITE"))) {
		on_invite_answer(c, m, now_ms);
	} else {
		on_other_answer(c, m, now_ms);
	}
}

bool
call_is_fork(const struct call *c, const struct sip_msg *m)
{
	return c->state != CALL_FREE && !c->inviting &&
	    m->status / 100 == 2 && c->dialog.confirmed &&
	    is_to(m, c->invite_branch, STR("INVITE")) &&
	    !dialog_has(&c->dialog, m);
}

void
call_fork(struct call *c, const struct call *of, const struct sip_msg *m,
    uint64_t now_ms)
{
	c->dialog = of->dialog;
	c->dialog.confirmed = false;
	c->ended = true; /* no news of it */
	c->www = of->www;
	c->proxy = of->proxy;
	memcpy(c->invite_branch, of->invite_branch, sizeof(c->invite_branch));
	buf_str(&c->invite, buf_as_str(&of->invite));
	if (dialog_of_response(&c->dialog, m) != 0) {
		call_end(c, 0, STR_NULL, true, now_ms);
		return;
	}
	acknowledge(c, m->cseq);
	call_bye(c, "another one answered first", now_ms);
}

bool
call_is_answer(const struct call *c, const struct sip_msg *m)
{
	return is_to(m, c->refused_branch, STR("INVITE")) ||
	    is_to(m, c->invite_branch, STR("INVITE")) ||
	    is_to(m, c->other_branch, str_cstr(c->other_method));
}

/* ---- time ---- */

static void
on_other_over(struct call *c, uint64_t now_ms)
{
	char text[sizeof(c->why) + 64];

	if (c->state != CALL_ENDING)
		return; /* a CANCEL: the INVITE decides */
	snprintf(text, sizeof(text), "%s; the BYE was not answered", c->why);
	call_end(c, 200, str_cstr(text), true, now_ms);
}

static void
on_invite_over(struct call *c, uint64_t now_ms)
{
	c->inviting = false;
	if (c->dialog.confirmed)
		on_hold_refused(c, 408, now_ms);
	else
		call_end(c, 408, STR("no answer from the server"), false,
		    now_ms);
}

void
call_out_tick(struct call *c, uint64_t now_ms)
{
	switch (resend_due(&c->invite_timer, now_ms)) {
	case RESEND_AGAIN:
		call_send(c, &c->invite);
		break;
	case RESEND_OVER:
		on_invite_over(c, now_ms);
		break;
	case RESEND_NOTHING:
		break;
	}
	switch (resend_due(&c->other_timer, now_ms)) {
	case RESEND_AGAIN:
		call_send(c, &c->other);
		break;
	case RESEND_OVER:
		on_other_over(c, now_ms);
		break;
	case RESEND_NOTHING:
		break;
	}
}
