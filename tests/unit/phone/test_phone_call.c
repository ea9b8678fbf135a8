/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls: two phones with a wire between them that the test cuts where it
 * wants, and one phone against messages of the test's; the time is its.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "phone/calls.h"
#include "sip/reply.h"

#define QUEUE 64

struct side {
	struct calls calls;
	struct call_params p;
	struct {
		char text[4096];
		size_t n;
	} out[QUEUE];
	size_t nout, taken;          /* sent; of these delivered      */
	struct {
		enum call_news_kind kind;
		int status;
		bool by_us, incoming;
		enum sdp_direction direction;
		char reason[128];
	} news[QUEUE];
	size_t nnews;
};

static struct side a, b; /* 100 and 101 */
static uint64_t now;
/* What is lost on the way: this method (of requests) or status, so often. */
static struct {
	int status;
	enum sip_method method;
	unsigned times;
	bool all;
} lost;

static void
on_send(struct str message, void *arg)
{
	struct side *s = arg;

	assert_true(s->nout < QUEUE && message.n < sizeof(s->out[0].text));
	memcpy(s->out[s->nout].text, message.p, message.n);
	s->out[s->nout++].n = message.n;
}

static void
on_news(const struct call_news *n, void *arg)
{
	struct side *s = arg;

	assert_true(s->nnews < QUEUE);
	s->news[s->nnews].kind = n->kind;
	s->news[s->nnews].status = n->status;
	s->news[s->nnews].by_us = n->by_us;
	s->news[s->nnews].incoming = n->incoming;
	s->news[s->nnews].direction = n->direction;
	str_copy(s->news[s->nnews++].reason, 128, n->reason);
}

static const struct call_ops ops = { on_send, on_news };

static void
begin(struct side *s, const char *user, const char *transport)
{
	static char aor[2][32];
	char *mine = aor[s == &b];
	struct call_place at = { .transport = str_cstr(transport) };

	snprintf(mine, sizeof(aor[0]), "sip:%s@b", user);
	s->p.aor = str_cstr(mine);
	s->p.user = s->p.auth_user = str_cstr(user);
	s->p.password = STR("secret");
	s->p.user_agent = STR("test");
	assert_int_equal(addr_parse(&at.local, s == &a ? STR("192.0.2.1:5060") :
	    STR("192.0.2.2:5060"), 0), 0);
	at.server = s == &a ? b.calls.place.local : a.calls.place.local;
	at.media = at.local;
	snprintf(at.contact, sizeof(at.contact), "sip:%s@192.0.2.%d", user,
	    s == &a ? 1 : 2);
	calls_fini(&s->calls);
	calls_init(&s->calls, &s->p, &ops, s);
	calls_up(&s->calls, &at);
}

static void
set_up(const char *transport)
{
	begin(&a, "100", transport);
	begin(&b, "101", transport);
}

static int
setup(void **state)
{
	calls_fini(&a.calls);
	calls_fini(&b.calls);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&lost, 0, sizeof(lost));
	now = 1000;
	b.p.answer_ms = 1000;
	set_up("UDP");
	return 0;
}

static int
teardown(void **state)
{
	calls_fini(&a.calls);
	calls_fini(&b.calls);
	return 0;
}

static bool
is_lost(const struct sip_msg *m)
{
	bool it = m->request ? lost.status == 0 && m->method == lost.method :
	    m->status == lost.status;

	if (lost.all)
		return true;
	if (!it || lost.times == 0)
		return false;
	lost.times--;
	return true;
}

static void
deliver(struct side *from, struct side *to)
{
	struct sip_msg m;

	while (from->taken < from->nout) {
		size_t i = from->taken++;

		assert_int_equal(sip_msg_parse(&m, str_of(from->out[i].text,
		    from->out[i].n), SIP_DATAGRAM, 4096), 0);
		if (is_lost(&m))
			continue;
		if (m.request)
			calls_request(&to->calls, &m, now);
		else
			calls_response(&to->calls, &m, now);
	}
}

static void
pump(void)
{
	while (a.taken < a.nout || b.taken < b.nout) {
		deliver(&a, &b);
		deliver(&b, &a);
	}
}

/* Let ms pass, and all that is due in it happen. */
static void
pass(uint64_t ms)
{
	uint64_t end = now + ms;

	pump();
	for (;;) {
		uint64_t x = calls_next_ms(&a.calls);
		uint64_t y = calls_next_ms(&b.calls);

		x = y < x ? y : x;
		if (x > end)
			break;
		now = x > now ? x : now;
		calls_tick(&a.calls, now);
		calls_tick(&b.calls, now);
		pump();
	}
	now = end;
}

static void
call(void)
{
	assert_int_equal(calls_place(&a.calls, STR("sip:101@b"), now), 0);
	pump();
}

/* What it has reported, in order; -1 ends. */
static void
told(const struct side *s, const int *kinds)
{
	size_t n = 0;

	for (; kinds[n] >= 0; n++) {
		if (n >= s->nnews || (int)s->news[n].kind != kinds[n])
			fail_msg("news %zu of %zu: %d, expected %d", n,
			    s->nnews, n < s->nnews ? (int)s->news[n].kind :
			    -1, kinds[n]);
	}
	assert_int_equal(s->nnews, n);
}

#define TOLD(s, ...) told(&(s), (const int[]) { __VA_ARGS__, -1 })

static void
ended(const struct side *s, int status, bool by_us, const char *reason)
{
	size_t last = s->nnews - 1;

	assert_true(s->nnews > 0);
	assert_int_equal(s->news[last].kind, CALL_NEWS_ENDED);
	assert_int_equal(s->news[last].status, status);
	assert_string_equal(s->news[last].reason, reason);
	assert_int_equal(s->news[last].by_us, by_us);
	assert_false(calls_active(&s->calls));
}

/* How many requests of this method, or responses of this status, it sent. */
static unsigned
sent(const struct side *s, const char *begins)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->nout; i++)
		n += strncmp(s->out[i].text, begins, strlen(begins)) == 0;
	return n;
}

/* ---- two phones ---- */

static void
a_call(void **state)
{
	a.p.talk_ms = 5000;
	set_up("UDP");
	call();
	TOLD(a, CALL_NEWS_CALLING, CALL_NEWS_RINGING);
	TOLD(b, CALL_NEWS_RINGING);
	assert_true(b.news[0].incoming);
	pass(999);
	assert_int_equal(sent(&b, "SIP/2.0 200"), 0);
	pass(1);
	TOLD(a, CALL_NEWS_CALLING, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED);
	TOLD(b, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED);
	assert_int_equal(a.news[2].direction, SDP_SENDRECV);
	pass(4999);
	assert_true(calls_active(&a.calls));
	pass(1);
	ended(&a, 200, true, "hung up");
	ended(&b, 200, false, "hung up");
	/* Nothing was sent twice where nothing was lost. */
	assert_int_equal(a.nout, 3);
	assert_int_equal(b.nout, 3);
	/* And all is forgotten after 64 * T1. */
	pass(CALL_LINGER_MS);
	assert_int_equal(calls_next_ms(&a.calls), UINT64_MAX);
	assert_int_equal(calls_next_ms(&b.calls), UINT64_MAX);
}

static void
the_callee_hangs_up(void **state)
{
	b.p.talk_ms = 100;
	set_up("TCP");
	call();
	pass(1100);
	ended(&a, 200, false, "hung up");
	ended(&b, 200, true, "hung up");
}

static void
busy(void **state)
{
	b.p.manner = CALL_BUSY;
	set_up("UDP");
	call();
	TOLD(a, CALL_NEWS_CALLING, CALL_NEWS_ENDED);
	ended(&a, 486, false, "Busy Here");
	ended(&b, 486, true, "Busy Here");
	pass(40000);
	assert_int_equal(sent(&a, "INVITE"), 1);
	assert_int_equal(sent(&a, "ACK"), 1);
}

static void
nobody_answers_and_the_caller_gives_up(void **state)
{
	a.p.cancel_ms = 3000;
	b.p.manner = CALL_RINGS;
	set_up("UDP");
	call();
	pass(2999);
	assert_int_equal(sent(&a, "CANCEL"), 0);
	pass(1);
	ended(&a, 487, true, "cancelled");
	ended(&b, 487, false, "cancelled");
	assert_int_equal(sent(&b, "SIP/2.0 200"), 1);
	assert_int_equal(sent(&b, "SIP/2.0 487"), 1);
	assert_int_equal(sent(&a, "ACK"), 1);
}

/* 13.3.1.1: else a proxy takes the call for dead. */
static void
it_rings_once_a_minute(void **state)
{
	b.p.manner = CALL_RINGS;
	set_up("UDP");
	call();
	pass(185000);
	assert_int_equal(sent(&b, "SIP/2.0 180"), 4);
	TOLD(a, CALL_NEWS_CALLING, CALL_NEWS_RINGING);
}

/* 9.1: CANCEL crosses the 200. */
static void
answered_as_it_was_cancelled(void **state)
{
	a.p.cancel_ms = 1000;
	set_up("UDP");
	call();
	/* Both at the same instant: a CANCELs, b sends 200, then they pass. */
	now += 1000;
	calls_tick(&a.calls, now);
	calls_tick(&b.calls, now);
	pump();
	pass(1000);
	ended(&a, 200, true, "cancelled when it had just been answered");
	ended(&b, 200, false, "hung up");
	assert_int_equal(sent(&a, "CANCEL"), 1);
	assert_int_equal(sent(&a, "BYE"), 1);
	assert_int_equal(sent(&b, "SIP/2.0 487"), 0);
}

/* Nothing has come yet: the CANCEL waits for the first provisional one. */
static void
cancelled_before_anything_came(void **state)
{
	a.p.cancel_ms = 200;
	b.p.manner = CALL_RINGS;
	set_up("UDP");
	lost.method = SIP_METHOD_INVITE;
	lost.times = 1;
	call();
	pass(300);
	assert_int_equal(a.nout, 1);
	pass(200);
	ended(&a, 487, true, "cancelled");
	ended(&b, 487, false, "cancelled");
}

static void
no_server(void **state)
{
	lost.method = SIP_METHOD_INVITE;
	lost.times = 100;
	call();
	pass(31999);
	/* T1, doubled for ever: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s. */
	assert_int_equal(sent(&a, "INVITE"), 7);
	pass(1);
	ended(&a, 408, false, "no answer from the server");
	setup(NULL);
	set_up("TLS");
	lost.method = SIP_METHOD_INVITE;
	lost.times = 100;
	call();
	pass(32000);
	assert_int_equal(sent(&a, "INVITE"), 1);
	ended(&a, 408, false, "no answer from the server");
}

/* Each message of a call is lost once: it lasts longer, and that is all. */
static void
whatever_is_lost_once(void **state)
{
	static const struct {
		enum sip_method method;
		int status;
	} one[] = { { SIP_METHOD_INVITE, 0 }, { 0, 180 }, { 0, 200 },
		{ SIP_METHOD_ACK, 0 }, { SIP_METHOD_BYE, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(one); i++) {
		setup(NULL);
		a.p.talk_ms = 5000;
		set_up("UDP");
		lost.method = one[i].method;
		lost.status = one[i].status;
		lost.times = 1;
		call();
		pass(10000);
		assert_int_equal(lost.times, 0);
		ended(&a, 200, true, "hung up");
		ended(&b, 200, false, "hung up");
		assert_int_equal(a.nnews, 4);
		assert_int_equal(b.nnews, 3);
	}
}

/* 13.3.1.4: the 200 is sent again until the ACK, over TCP as well. */
static void
the_200_is_sent_again(void **state)
{
	set_up("TCP");
	lost.status = 200;
	lost.times = 3;
	call();
	pass(1000 + 3500);
	assert_int_equal(sent(&b, "SIP/2.0 200"), 4);
	assert_int_equal(sent(&a, "ACK"), 1);
	assert_true(calls_active(&a.calls));
	pass(40000);
	assert_int_equal(sent(&b, "SIP/2.0 200"), 4);
	assert_true(calls_active(&b.calls));
}

static void
no_ack_comes(void **state)
{
	lost.method = SIP_METHOD_ACK;
	lost.times = 1000;
	call();
	pass(1000 + 31999);
	assert_int_equal(sent(&b, "BYE"), 0);
	pass(1);
	assert_int_equal(sent(&b, "BYE"), 1);
	ended(&b, 200, true, "no ACK has come");
	ended(&a, 200, false, "hung up");
	TOLD(b, CALL_NEWS_RINGING, CALL_NEWS_ENDED);
}

/* 15: no BYE before the ACK. */
static void
hung_up_before_the_ack(void **state)
{
	lost.method = SIP_METHOD_ACK;
	lost.times = 1;
	call();
	pass(1100);
	calls_hangup(&b.calls, now);
	pump();
	assert_int_equal(sent(&b, "BYE"), 0);
	pass(500); /* the 200 again, the ACK again */
	ended(&b, 200, true, "hung up");
	ended(&a, 200, false, "hung up");
}

static void
a_bye_that_is_not_answered(void **state)
{
	a.p.talk_ms = 1000;
	set_up("UDP");
	call();
	pass(1500);
	lost.method = SIP_METHOD_BYE;
	lost.times = 1000;
	pass(500 + 32000);
	ended(&a, 200, true, "hung up; the BYE was not answered");
	/* Timer E: 0, 0.5, 1.5, 3.5, then every 4 s. */
	assert_int_equal(sent(&a, "BYE"), 11);
}

static void
both_hang_up_at_once(void **state)
{
	a.p.talk_ms = b.p.talk_ms = 1000;
	set_up("UDP");
	call();
	pass(5000);
	ended(&a, 200, true, "hung up");
	ended(&b, 200, true, "hung up");
}

static void
a_ringing_phone_is_switched_off(void **state)
{
	b.p.manner = CALL_RINGS;
	set_up("UDP");
	call();
	calls_hangup(&b.calls, now);
	pump();
	ended(&b, 480, true, "refused");
	ended(&a, 480, false, "Temporarily Unavailable");
}

static void
hold_and_back(void **state)
{
	a.p.hold_ms = 1000;
	set_up("UDP");
	call();
	pass(2500);
	TOLD(b, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED, CALL_NEWS_MEDIA);
	assert_int_equal(a.news[3].direction, SDP_SENDONLY);
	assert_int_equal(b.news[2].direction, SDP_RECVONLY);
	pass(1000);
	TOLD(b, CALL_NEWS_RINGING, CALL_NEWS_ANSWERED, CALL_NEWS_MEDIA,
	    CALL_NEWS_MEDIA);
	assert_int_equal(a.news[4].direction, SDP_SENDRECV);
	pass(5000);
	assert_int_equal(sent(&a, "INVITE"), 3);
	assert_int_equal(sent(&a, "ACK"), 3);
}

/* 14.1, 14.2: both re-INVITE at once, both get 491, both try again. */
static void
both_hold_at_once(void **state)
{
	a.p.hold_ms = b.p.hold_ms = 1000;
	set_up("UDP");
	call();
	pass(2000);
	assert_int_equal(sent(&a, "SIP/2.0 491"), 1);
	assert_int_equal(sent(&b, "SIP/2.0 491"), 1);
	pass(4100);
	assert_true(calls_active(&a.calls));
	assert_true(sent(&a, "INVITE") > 2 && sent(&b, "INVITE") > 1);
	calls_hangup(&a.calls, now);
	pass(1000);
	ended(&a, 200, true, "hung up");
}

static void
a_second_call_finds_it_busy(void **state)
{
	call();
	pass(2000);
	assert_int_equal(calls_place(&a.calls, STR("sip:101@b"), now), E_STATE);
	/* The caller is called meanwhile. */
	assert_int_equal(calls_place(&b.calls, STR("sip:100@b"), now), E_STATE);
}

static void
the_line_is_lost(void **state)
{
	call();
	pass(2000);
	calls_down(&a.calls, "the connection was lost");
	ended(&a, 200, false, "the connection was lost");
	/* The other side learns it when it hangs up: 481. */
	calls_hangup(&b.calls, now);
	pump();
	ended(&b, 200, true, "hung up; the answer to the BYE was 481");
}

/* ---- a phone and what the test sends ---- */

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
	setup(NULL);
	a.p.hold_ms = 1000;
	set_up("TCP");
	call_nobody();
	reply_as(200, "x", "Contact: <sip:x@h>\r\n");
	pass(1000);
	reply_as(481, "x", ""); /* 12.2.1.2 */
	assert_int_equal(sent(&a, "BYE"), 1);
}

/* Calls that ended do not keep a phone from the next. */
static void
many_calls_in_a_row(void **state)
{
	a.p.talk_ms = 10;
	b.p.answer_ms = 0;
	set_up("UDP");
	for (int i = 0; i < 3 * CALLS_MAX; i++) {
		a.nout = a.taken = b.nout = b.taken = 0;
		a.nnews = b.nnews = 0;
		call();
		pass(100);
		ended(&a, 200, true, "hung up");
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call),
		T(the_callee_hangs_up),
		T(busy),
		T(nobody_answers_and_the_caller_gives_up),
		T(it_rings_once_a_minute),
		T(answered_as_it_was_cancelled),
		T(cancelled_before_anything_came),
		T(no_server),
		T(whatever_is_lost_once),
		T(the_200_is_sent_again),
		T(no_ack_comes),
		T(hung_up_before_the_ack),
		T(a_bye_that_is_not_answered),
		T(both_hang_up_at_once),
		T(a_ringing_phone_is_switched_off),
		T(hold_and_back),
		T(both_hold_at_once),
		T(a_second_call_finds_it_busy),
		T(the_line_is_lost),
		T(what_is_of_no_call),
		T(invites_that_do_not_ring),
		T(offers_that_it_cannot_take),
		T(an_invite_again),
		T(a_late_offer),
		T(bye_while_it_rings),
		T(a_cancel_too_late),
		T(challenged),
		T(wrong_password),
		T(refused_again),
		T(forked),
		T(a_200_without_contact),
		T(cancelled_into_silence),
		T(a_re_invite_that_is_refused),
		T(many_calls_in_a_row),
	};

	if (digest_setup() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
