/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls: one phone against requests and responses that the test makes. */
#include "call_world.h"
#include "sip/reply.h"

static struct sip_msg in;
static char text[16384];

static void feed(struct side *s, const char *fmt, ...) PRINTF(2, 3);

static void
feed(struct side *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_equal(sip_msg_parse(&in, str_cstr(text), SIP_DATAGRAM,
	    16384), 0);
	if (in.request)
		calls_request(&s->calls, &in, now);
	else
		calls_response(&s->calls, &in, now);
}

/* A request to b; to_tag "" or ";tag=x". */
static void
request(const char *method, const char *branch, const char *to_tag,
    unsigned cseq, const char *fields)
{
	feed(&b, "%s sip:101@192.0.2.2 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%s\r\n"
	    "From: <sip:x@b>;tag=t\r\nTo: <sip:101@b>%s\r\nCall-ID: c\r\n"
	    "CSeq: %u %s\r\nContact: <sip:x@192.0.2.9>\r\n%s"
	    "Content-Length: 0\r\n\r\n", method, branch, to_tag, cseq, method,
	    fields);
}

static const char *
last(const struct side *s)
{
	static char copy[4097];

	assert_true(s->nout > 0);
	memcpy(copy, s->out[s->nout - 1].text, s->out[s->nout - 1].n);
	copy[s->out[s->nout - 1].n] = '\0';
	return copy;
}

static void
says(const struct side *s, const char *part)
{
	if (strstr(last(s), part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, last(s));
}

/* b's To tag, as it stands in its last answer. */
static const char *
to_tag(void)
{
	static char tag[64];
	const char *at = strstr(last(&b), "\r\nTo: ");

	assert_non_null(at);
	at = strstr(at, ";tag=");
	assert_non_null(at);
	str_copy(tag, sizeof(tag), str_of(at, strcspn(at, "\r")));
	return tag;
}

static void
what_is_of_no_call(void **state)
{
	request("BYE", "1", ";tag=x", 1, "");
	says(&b, "SIP/2.0 481 ");
	request("CANCEL", "2", "", 1, "");
	says(&b, "SIP/2.0 481 ");
	request("INVITE", "3", ";tag=x", 1, "");
	says(&b, "SIP/2.0 481 ");
	assert_int_equal(b.nout, 3);
	request("ACK", "4", ";tag=x", 1, "");
	assert_int_equal(b.nout, 3);
	feed(&b, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4b"
	    "K9\r\nFrom: <sip:101@b>;tag=1\r\nTo: <sip:x@b>;tag=2\r\n"
	    "Call-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(b.nout, 3);
	assert_int_equal(b.nnews, 0);
	assert_false(calls_active(&b.calls));
}

static void
invites_that_do_not_ring(void **state)
{
	request("INVITE", "1", "", 1, "Require: 100rel\r\n");
	says(&b, "SIP/2.0 420 ");
	says(&b, "Unsupported: 100rel\r\n");
	request("INVITE", "2", "", 1, "Contact: <sip:y@h>\r\nRecord-Route: <"
	    "\r\n");
	says(&b, "SIP/2.0 400 ");
	feed(&b, "INVITE sip:102@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP h;"
	    "branch=z9hG4bK1\r\nFrom: <sip:x@b>;tag=t\r\nTo: <sip:102@b>\r\n"
	    "Call-ID: d\r\nCSeq: 1 INVITE\r\nContact: <sip:x@h>\r\n"
	    "Content-Length: 0\r\n\r\n");
	says(&b, "SIP/2.0 404 ");
	assert_false(calls_active(&b.calls));
}

static void
offers_that_it_cannot_take(void **state)
{
	static const struct {
		const char *type, *body, *says;
	} of[] = {
		{ "text/plain", "hello", "SIP/2.0 415 " },
		{ "application/sdp", "hello", "SIP/2.0 400 " },
		{ "application/sdp; x=y", "v=0\r\nm=audio 9 RTP/SAVP 0\r\n",
		    "SIP/2.0 488 " },
		{ "application/sdp", "v=0\r\nm=audio 9 RTP/AVP 18\r\n",
		    "SIP/2.0 488 " },
	};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		feed(&b, "INVITE sip:101@h SIP/2.0\r\nVia: SIP/2.0/UDP h;"
		    "branch=z9hG4bK%zu\r\nFrom: <sip:x@b>;tag=t\r\n"
		    "To: <sip:101@b>\r\nCall-ID: %zu\r\nCSeq: 1 INVITE\r\n"
		    "Contact: <sip:x@h>\r\nContent-Type: %s\r\n"
		    "Content-Length: %zu\r\n\r\n%s", i, i, of[i].type,
		    strlen(of[i].body), of[i].body);
		says(&b, of[i].says);
		assert_false(calls_active(&b.calls));
	}
}

/* An INVITE comes again: the last answer again, and it rings once. */
static void
an_invite_again(void **state)
{
	request("INVITE", "1", "", 1, "Record-Route: <sip:p;lr>\r\n");
	says(&b, "SIP/2.0 180 ");
	says(&b, "Record-Route: <sip:p;lr>\r\n");
	request("INVITE", "1", "", 1, "Record-Route: <sip:p;lr>\r\n");
	assert_int_equal(sent(&b, "SIP/2.0 180"), 2);
	assert_int_equal(b.nnews, 1);
	/* 8.2.2.2: the same by another way. */
	request("INVITE", "2", "", 1, "");
	says(&b, "SIP/2.0 482 ");
	assert_int_equal(b.nnews, 1);
}

static void
a_late_offer(void **state)
{
	char tag[64];

	request("INVITE", "1", "", 1, "");
	now += 1000;
	calls_tick(&b.calls, now);
	says(&b, "SIP/2.0 200 ");
	says(&b, "m=audio 5060 RTP/AVP 0 8\r\n");
	str_copy(tag, sizeof(tag), str_cstr(to_tag()));
	feed(&b, "ACK sip:101@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch="
	    "z9hG4bK2\r\nFrom: <sip:x@b>;tag=t\r\nTo: <sip:101@b>%s\r\n"
	    "Call-ID: c\r\nCSeq: 1 ACK\r\nContent-Type: application/sdp\r\n"
	    "Content-Length: 49\r\n\r\nv=0\r\nc=IN IP4 192.0.2.9\r\n"
	    "m=audio 4000 RTP/AVP 8\r\n", tag);
	TOLD(b, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED);
	/* A request out of order (12.2.2), then one in order. */
	request("BYE", "3", tag, 1, "");
	request("INVITE", "4", tag, 1, "");
	says(&b, "SIP/2.0 500 ");
}

/* 15.1.2: the caller may give up with BYE in an early dialog. */
static void
bye_while_it_rings(void **state)
{
	char tag[64];

	request("INVITE", "1", "", 1, "");
	str_copy(tag, sizeof(tag), str_cstr(to_tag()));
	request("BYE", "2", tag, 2, "");
	assert_int_equal(sent(&b, "SIP/2.0 200"), 1);
	says(&b, "SIP/2.0 487 ");
	ended(&b, 487, false, "hung up before it was answered");
	/* 17.2.1: again until the ACK. */
	pass(1500);
	assert_int_equal(sent(&b, "SIP/2.0 487"), 3);
	request("ACK", "1", tag, 1, "");
	pass(40000);
	assert_int_equal(sent(&b, "SIP/2.0 487"), 3);
}

static void
a_cancel_too_late(void **state)
{
	request("INVITE", "1", "", 1, "");
	now += 1000;
	calls_tick(&b.calls, now);
	request("CANCEL", "1", "", 1, "");
	says(&b, "SIP/2.0 200 ");
	says(&b, "CANCEL");
	assert_true(calls_active(&b.calls));
}

/* ---- answers to a's INVITE ---- */

static void
call_nobody(void)
{
	lost.all = true;
	call();
}

static void
reply_as(int status, const char *tag, const char *fields)
{
	struct sip_msg m;
	struct buf out;
	char bytes[4096];

	for (size_t i = a.nout; i-- > 0;) {
		assert_int_equal(sip_msg_parse(&m, str_of(a.out[i].text,
		    a.out[i].n), SIP_DATAGRAM, 4096), 0);
		if (m.method == SIP_METHOD_INVITE)
			break;
	}
	buf_init_array(&out, bytes, sizeof(bytes) - 1);
	sip_reply_begin(&out, &m, status, NULL, str_cstr(tag),
	    &a.calls.place.local);
	buf_puts(&out, fields);
	sip_reply_end(&out);
	bytes[out.n] = '\0';
	feed(&a, "%s", bytes);
}

#define CHALLENGE "Digest realm=\"b\", nonce=\"n\", qop=\"auth\"\r\n"

static bool
is_answered(enum sip_header id, struct str method)
{
	char ha1[2 * DIGEST_MAX + 1];
	const struct sip_field *f;
	struct sip_credentials c;
	struct sip_msg m;

	assert_int_equal(sip_msg_parse(&m, str_of(a.out[a.nout - 1].text,
	    a.out[a.nout - 1].n), SIP_DATAGRAM, 4096), 0);
	f = sip_msg_field(&m, id);
	if (f == NULL || sip_credentials_parse(&c, f->value) != 0)
		return false;
	sip_ha1(DIGEST_MD5, STR("100"), STR("b"), STR("secret"), ha1);
	return str_eq(m.method_name, method) &&
	    sip_credentials_check(&c, ha1, method);
}

static void
challenged(void **state)
{
	call_nobody();
	reply_as(407, "p", "Proxy-Authenticate: " CHALLENGE);
	assert_int_equal(sent(&a, "ACK"), 1);
	assert_int_equal(sent(&a, "INVITE"), 2);
	assert_true(is_answered(SIP_HEADER_PROXY_AUTHORIZATION,
	    STR("INVITE")));
	/* Its PBX asks too: both are answered. */
	reply_as(401, "q", "WWW-Authenticate: " CHALLENGE);
	assert_true(is_answered(SIP_HEADER_PROXY_AUTHORIZATION,
	    STR("INVITE")));
	assert_true(is_answered(SIP_HEADER_AUTHORIZATION, STR("INVITE")));
	says(&a, "nc=00000002");
	assert_null(strstr(last(&a), "To: <sip:101@b>;tag"));
	reply_as(200, "r", "Contact: <sip:101@h>\r\n");
	/* 22.1: the ACK has the INVITE's. */
	says(&a, "ACK sip:101@h SIP/2.0\r\n");
	says(&a, "\r\nProxy-Authorization: ");
	says(&a, "\r\nAuthorization: ");
	calls_hangup(&a.calls, now);
	assert_true(is_answered(SIP_HEADER_AUTHORIZATION, STR("BYE")));
}

static void
wrong_password(void **state)
{
	call_nobody();
	reply_as(407, "p", "Proxy-Authenticate: " CHALLENGE);
	reply_as(407, "p", "Proxy-Authenticate: " CHALLENGE);
	assert_int_equal(sent(&a, "INVITE"), 2);
	assert_int_equal(sent(&a, "ACK"), 2);
	ended(&a, 407, false, "Proxy Authentication Required");
}

/* A refusal comes again: so does its ACK, with the INVITE's branch. */
static void
refused_again(void **state)
{
	call_nobody();
	reply_as(180, "x", "Contact: <sip:101@h>\r\n"
	    "Record-Route: <sip:p;lr>\r\n");
	reply_as(603, "x", "");
	says(&a, "ACK sip:101@b SIP/2.0\r\n"); /* 17.1.1.3: the INVITE's */
	says(&a, "To: <sip:101@b>;tag=x\r\n");
	assert_null(strstr(last(&a), "Route:"));
	reply_as(603, "x", "");
	assert_int_equal(sent(&a, "ACK"), 2);
	assert_int_equal(a.nnews, 3);
	ended(&a, 603, false, "Decline");
}

/* 13.2.2.4: two phones answered; the second is thanked and let go. */
static void
forked(void **state)
{
	call_nobody();
	reply_as(180, "x", "");
	reply_as(180, "y", "");
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	reply_as(200, "y", "Contact: <sip:y@h>\r\n");
	assert_int_equal(sent(&a, "ACK sip:y@h"), 1);
	assert_int_equal(sent(&a, "BYE sip:y@h"), 1);
	assert_int_equal(sent(&a, "BYE sip:x@h"), 0);
	/* Each 200 again: its ACK again, no second BYE but by the timer. */
	reply_as(200, "y", "Contact: <sip:y@h>\r\n");
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	assert_int_equal(sent(&a, "ACK sip:y@h"), 2);
	assert_int_equal(sent(&a, "ACK sip:x@h"), 2);
	assert_int_equal(sent(&a, "BYE"), 1);
	pass(500);
	assert_int_equal(sent(&a, "BYE sip:y@h"), 2);
	TOLD(a, CALL_NEWS_CALLING, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED);
	assert_true(calls_active(&a.calls));
}

static void
a_200_without_contact(void **state)
{
	call_nobody();
	reply_as(200, "x", "");
	ended(&a, 200, false, "its answer has no Contact or tag that can be "
	    "read");
}

/* 9.1: cancelled, but no final answer ever comes. */
static void
cancelled_into_silence(void **state)
{
	call_nobody();
	reply_as(180, "x", "");
	calls_hangup(&a.calls, now);
	pass(32000);
	ended(&a, 487, true, "cancelled; the INVITE was never answered");
	/* And the answer that comes even later is hung up. */
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	assert_int_equal(sent(&a, "ACK sip:x@h"), 1);
	assert_int_equal(sent(&a, "BYE sip:x@h"), 1);
}

static void
a_re_invite_that_is_refused(void **state)
{
	a.p.hold_ms = 1000;
	set_up("TCP");
	call_nobody();
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	pass(1000);
	reply_as(488, "x", "");
	assert_true(calls_active(&a.calls));
	assert_int_equal(sent(&a, "BYE"), 0);
	calls_hangup(&a.calls, now);
	call_setup(NULL);
	a.p.hold_ms = 1000;
	set_up("TCP");
	call_nobody();
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	pass(1000);
	reply_as(481, "x", ""); /* 12.2.1.2 */
	assert_int_equal(sent(&a, "BYE"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_of_no_call),
		CASE(invites_that_do_not_ring),
		CASE(offers_that_it_cannot_take),
		CASE(an_invite_again),
		CASE(a_late_offer),
		CASE(bye_while_it_rings),
		CASE(a_cancel_too_late),
		CASE(challenged),
		CASE(wrong_password),
		CASE(refused_again),
		CASE(forked),
		CASE(a_200_without_contact),
		CASE(cancelled_into_silence),
		CASE(a_re_invite_that_is_refused),
	};

	if (digest_setup() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
