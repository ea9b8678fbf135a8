/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls: two phones, and a wire between them that loses what the test wants. */
#include "call_world.h"

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
	call_setup(NULL);
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
		call_setup(NULL);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call),
		CASE(the_callee_hangs_up),
		CASE(busy),
		CASE(nobody_answers_and_the_caller_gives_up),
		CASE(it_rings_once_a_minute),
		CASE(answered_as_it_was_cancelled),
		CASE(cancelled_before_anything_came),
		CASE(no_server),
		CASE(whatever_is_lost_once),
		CASE(the_200_is_sent_again),
		CASE(no_ack_comes),
		CASE(hung_up_before_the_ack),
		CASE(a_bye_that_is_not_answered),
		CASE(both_hang_up_at_once),
		CASE(a_ringing_phone_is_switched_off),
		CASE(hold_and_back),
		CASE(both_hold_at_once),
		CASE(a_second_call_finds_it_busy),
		CASE(the_line_is_lost),
		CASE(many_calls_in_a_row),
	};

	if (digest_setup() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
