/* SPDX-License-Identifier: BSD-2-Clause */
/* Server transactions: figures 7 and 8 of RFC 3261, RFC 6026, RFC 4320. */
#include "world.h"

#define B "z9hG4bKone"

static struct txn_server s, other;

static bool
on_send(struct txn_server *t, struct str bytes)
{
	return note_sent(bytes);
}

static void
on_trying(struct txn_server *t)
{
	seen.trying++;
	assert_true(txn_server_respond(t, 100, STR("late 100")));
}

static void
on_failed(struct txn_server *t)
{
	seen.failed++;
}

static void
on_ended(struct txn_server *t)
{
	assert_null(t->last.p);
	assert_int_equal(t->state, TXN_SERVER_TERMINATED);
	seen.ended++;
}

static const struct txn_server_ops ops = {
	on_send, on_trying, on_failed, on_ended,
};

static void
begin(const char *method, bool reliable)
{
	const struct sip_msg *m = request(method, B, "<sip:bob@b.test>");

	assert_null(txn_server_find(txns, m));
	assert_int_equal(txn_server_begin(txns, &s, m, reliable, &ops), 0);
	assert_ptr_equal(txn_server_find(txns, m), &s);
}

static void
again(const char *method)
{
	const struct sip_msg *m = request(method, B, "<sip:bob@b.test>");

	assert_ptr_equal(txn_server_find(txns, m), &s);
	txn_server_absorb(&s, m);
}

static void
ack(void)
{
	const struct sip_msg *m = request("ACK", B, "<sip:bob@b.test>;tag=t");

	assert_ptr_equal(txn_server_find(txns, m), &s);
	txn_server_absorb(&s, m);
}

/* ---- INVITE: figure 7 ---- */

static void
invite_proceeds_and_says_again_what_it_said(void **state)
{
	begin("INVITE", false);
	assert_int_equal(s.state, TXN_SERVER_PROCEEDING);
	again("INVITE"); /* before anything was sent */
	assert_int_equal(seen.sent, 0);
	assert_true(txn_server_respond(&s, 100, STR("trying")));
	assert_true(txn_server_respond(&s, 180, STR("ringing")));
	again("INVITE");
	assert_int_equal(seen.sent, 3);
	assert_string_equal(seen.last, "ringing");
	advance(600000); /* no timer in this state */
	assert_int_equal(seen.sent, 3);
	assert_int_equal(seen.ended, 0);
	ack(); /* for nothing */
	assert_int_equal(s.state, TXN_SERVER_PROCEEDING);
}

static void
timer_g_repeats_a_refusal_until_timer_h(void **state)
{
	static const unsigned gaps[] = { 500, 1000, 2000, 4000, 4000, 4000,
		4000, 4000, 4000, 4000 };

	begin("INVITE", false);
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	assert_int_equal(s.state, TXN_SERVER_COMPLETED);
	assert_repeats_and_fails(gaps, ARRAY_LEN(gaps));
	assert_int_equal(txns_count(txns), 0);
}

static void
ack_confirms_and_timer_i_ends(void **state)
{
	begin("INVITE", false);
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	again("INVITE");
	assert_int_equal(seen.sent, 2);
	ack();
	assert_int_equal(s.state, TXN_SERVER_CONFIRMED);
	ack();
	again("INVITE");
	assert_int_equal(seen.sent, 2);
	advance(4990);
	assert_int_equal(seen.ended, 0);
	advance(30);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.sent, 2);
	assert_int_equal(seen.failed, 0);
}

static void
reliable_has_no_g_and_no_i(void **state)
{
	begin("INVITE", true);
	assert_true(txn_server_respond(&s, 180, STR("ringing")));
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	assert_null(s.last.p);
	again("INVITE");
	advance(10000);
	assert_int_equal(seen.sent, 2);
	ack();
	advance(20);
	assert_int_equal(seen.ended, 1);
	/* But H there is. */
	begin("INVITE", true);
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	advance(32040);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 2);
}

/* RFC 6026 7.1. */
static void
a_2xx_is_accepted_and_more_of_them_pass(void **state)
{
	const struct sip_msg *m;

	begin("INVITE", false);
	assert_true(txn_server_respond(&s, 180, STR("ringing")));
	assert_true(txn_server_respond(&s, 200, STR("ok")));
	assert_int_equal(s.state, TXN_SERVER_ACCEPTED);
	assert_null(s.last.p);
	again("INVITE");
	assert_int_equal(seen.sent, 2);
	/* Its ACK is no part of it, not even one with its branch. */
	m = request("ACK", B, "<sip:bob@b.test>;tag=t");
	assert_null(txn_server_find(txns, m));
	/* A retransmission, and another branch's. */
	assert_true(txn_server_respond(&s, 200, STR("ok again")));
	assert_false(txn_server_respond(&s, 486, STR("too late")));
	assert_false(txn_server_respond(&s, 180, STR("too late")));
	advance(31980);
	assert_int_equal(seen.sent, 3);
	assert_string_equal(seen.last, "ok again");
	assert_int_equal(seen.ended, 0);
	advance(40);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.failed, 0);
}

static void
one_final_response_and_no_more(void **state)
{
	begin("INVITE", false);
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	assert_false(txn_server_respond(&s, 180, STR("x")));
	assert_false(txn_server_respond(&s, 200, STR("x")));
	assert_false(txn_server_respond(&s, 487, STR("x")));
	assert_int_equal(seen.sent, 1);
}

/* RFC 6026 8.8: the state goes on. */
static void
a_response_that_cannot_be_sent(void **state)
{
	begin("INVITE", false);
	seen.broken = true;
	assert_false(txn_server_respond(&s, 180, STR("ringing")));
	assert_false(txn_server_respond(&s, 486, STR("busy")));
	assert_int_equal(s.state, TXN_SERVER_COMPLETED);
	advance(33000);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 1);
}

static void
cancel_finds_its_invite(void **state)
{
	begin("INVITE", false);
	assert_ptr_equal(txn_server_find_cancelled(txns, request("CANCEL", B,
	    "<sip:bob@b.test>")), &s);
	/* It is no retransmission of it. */
	assert_null(txn_server_find(txns, &msg));
	assert_int_equal(txn_server_begin(txns, &other, &msg, false, &ops), 0);
	assert_ptr_equal(txn_server_find(txns, &msg), &other);
	assert_ptr_equal(txn_server_find_cancelled(txns, &msg), &s);
	assert_null(txn_server_find_cancelled(txns, request("CANCEL",
	    "z9hG4bKtwo", "<sip:bob@b.test>")));
	assert_true(txn_server_respond(&s, 200, STR("ok")));
	assert_ptr_equal(txn_server_find_cancelled(txns, request("CANCEL", B,
	    "<sip:bob@b.test>")), &s);
}

/* ---- others: figure 8 ---- */

static void
other_completes_and_timer_j_ends(void **state)
{
	begin("BYE", false);
	assert_int_equal(s.state, TXN_SERVER_TRYING);
	again("BYE");
	assert_int_equal(seen.sent, 0);
	assert_true(txn_server_respond(&s, 200, STR("ok")));
	again("BYE");
	assert_int_equal(seen.sent, 2);
	assert_false(txn_server_respond(&s, 481, STR("x")));
	advance(31980);
	assert_int_equal(seen.ended, 0);
	advance(40);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.trying, 0);
	begin("BYE", true);
	assert_true(txn_server_respond(&s, 200, STR("ok")));
	assert_null(s.last.p);
	advance(20);
	assert_int_equal(seen.ended, 2);
}

/* RFC 4320 4.1: 100 at 3.5 s, none before over UDP, never another. */
static void
a_late_100_and_no_other(void **state)
{
	begin("INFO", false);
	assert_false(txn_server_respond(&s, 100, STR("too early")));
	assert_false(txn_server_respond(&s, 180, STR("x")));
	advance(3490);
	assert_int_equal(seen.trying, 0);
	advance(30);
	assert_int_equal(seen.trying, 1);
	assert_int_equal(s.state, TXN_SERVER_PROCEEDING);
	again("INFO");
	assert_int_equal(seen.sent, 2);
	assert_string_equal(seen.last, "late 100");
	advance(10000);
	assert_int_equal(seen.trying, 1);
	txn_server_drop(&s);
	begin("INFO", true);
	assert_true(txn_server_respond(&s, 100, STR("at once")));
	assert_false(txn_server_respond(&s, 183, STR("x")));
	advance(5000);
	assert_int_equal(seen.trying, 1);
}

/* RFC 4320 4.2: no 408, and after Timer F not a word. */
static void
nothing_is_said_after_timer_f(void **state)
{
	begin("MESSAGE", false);
	assert_false(txn_server_respond(&s, 408, STR("x")));
	advance(31980);
	assert_int_equal(seen.ended, 0);
	advance(40);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.sent, 1); /* the late 100 */
	assert_false(txn_server_respond(&s, 200, STR("x")));
}

/* ---- which one ---- */

static void
what_matches(void **state)
{
	begin("INVITE", false);
	assert_null(txn_server_find(txns, request("INVITE", "z9hG4bKONE",
	    "<sip:bob@b.test>")));
	assert_null(txn_server_find(txns, request("BYE", B,
	    "<sip:bob@b.test>")));
	/* sent-by: without case, with its port. */
	assert_ptr_equal(txn_server_find(txns, parse("INVITE sip:x SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP A.TEST:5070;branch=" B "\r\nf: <sip:x>\r\n"
	    "t: <sip:x>\r\ni: one\r\nCSeq: 7 INVITE\r\nl: 0\r\n\r\n")), &s);
	assert_null(txn_server_find(txns, parse("INVITE sip:x SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a.test:5071;branch=" B "\r\nf: <sip:x>\r\n"
	    "t: <sip:x>\r\ni: one\r\nCSeq: 7 INVITE\r\nl: 0\r\n\r\n")));
	/* A sender that uses a branch twice. */
	assert_null(txn_server_find(txns, parse("INVITE sip:x SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a.test:5070;branch=" B "\r\nf: <sip:x>\r\n"
	    "t: <sip:x>\r\ni: two\r\nCSeq: 7 INVITE\r\nl: 0\r\n\r\n")));
}

static void
methods_that_nobody_knows_are_told_apart(void **state)
{
	begin("FROB", false);
	assert_null(txn_server_find(txns, request("KNIT", B,
	    "<sip:bob@b.test>")));
	assert_ptr_equal(txn_server_find(txns, request("FROB", B,
	    "<sip:bob@b.test>")), &s);
}

static void
respond_2543(int status)
{
	char text[512];

	snprintf(text, sizeof(text), "SIP/2.0 %d x\r\n"
	    "Via: SIP/2.0/UDP a.test:5070;branch=1\r\n"
	    "From: <sip:alice@a.test>;tag=f\r\nTo: <sip:bob@b.test>;tag=t\r\n"
	    "Call-ID: one\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n",
	    status);
	assert_true(txn_server_respond(&s, status, str_cstr(text)));
}

/* RFC 3261 17.2.3, second part. */
static void
branches_of_rfc_2543(void **state)
{
	const struct sip_msg *m = request("INVITE", "1", "<sip:bob@b.test>");

	assert_int_equal(txn_server_begin(txns, &s, m, false, &ops), 0);
	assert_ptr_equal(txn_server_find(txns, m), &s);
	assert_null(txn_server_find(txns, request("INVITE", "2",
	    "<sip:bob@b.test>")));
	assert_ptr_equal(txn_server_find_cancelled(txns, request("CANCEL", "1",
	    "<sip:bob@b.test>")), &s);
	respond_2543(486);
	/* The ACK has the To tag of the response, or is for another one. */
	assert_null(txn_server_find(txns, request("ACK", "1",
	    "<sip:bob@b.test>;tag=other")));
	m = request("ACK", "1", "<sip:bob@b.test>;tag=t");
	assert_ptr_equal(txn_server_find(txns, m), &s);
	txn_server_absorb(&s, m);
	assert_int_equal(s.state, TXN_SERVER_CONFIRMED);
	txn_server_drop(&s);
	/* For other methods the To tag counts. */
	m = request("BYE", "1", "<sip:bob@b.test>;tag=t");
	assert_int_equal(txn_server_begin(txns, &s, m, false, &ops), 0);
	assert_null(txn_server_find(txns, request("BYE", "1",
	    "<sip:bob@b.test>;tag=u")));
	assert_ptr_equal(txn_server_find(txns, request("BYE", "1",
	    "<sip:bob@b.test>;tag=t")), &s);
}

/* ---- bounds ---- */

static void
so_many_and_no_more(void **state)
{
	static struct txn_server many[WORLD_MAX + 1];

	for (int i = 0; i <= WORLD_MAX; i++) {
		char branch[32];

		snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		assert_int_equal(txn_server_begin(txns, &many[i],
		    request("INVITE", branch, "<sip:x>"), false, &ops),
		    i < WORLD_MAX ? 0 : E_LIMIT);
	}
	assert_int_equal(txns_count(txns), WORLD_MAX);
	txns_end_all(txns);
	assert_int_equal(seen.ended, WORLD_MAX);
}

static void
what_is_dropped_says_nothing_more(void **state)
{
	begin("INVITE", false);
	assert_true(txn_server_respond(&s, 486, STR("busy")));
	txn_server_drop(&s);
	txn_server_drop(&s);
	assert_null(txn_server_find(txns, request("INVITE", B,
	    "<sip:bob@b.test>")));
	assert_false(txn_server_respond(&s, 200, STR("x")));
	advance(40000);
	assert_int_equal(seen.sent, 1);
	assert_int_equal(seen.ended, 0);
}

static void
drop_in_failed(struct txn_server *t)
{
	seen.failed++;
	txn_server_drop(t);
	free(t);
}

static void
the_owner_may_free_it_when_it_fails(void **state)
{
	static const struct txn_server_ops freeing = {
		on_send, NULL, drop_in_failed, on_ended,
	};
	struct txn_server *t = malloc(sizeof(*t));

	assert_non_null(t);
	assert_int_equal(txn_server_begin(txns, t, request("INVITE", B,
	    "<sip:x>"), false, &freeing), 0);
	assert_true(txn_server_respond(t, 486, STR("busy")));
	advance(33000);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(invite_proceeds_and_says_again_what_it_said),
		CASE(timer_g_repeats_a_refusal_until_timer_h),
		CASE(ack_confirms_and_timer_i_ends),
		CASE(reliable_has_no_g_and_no_i),
		CASE(a_2xx_is_accepted_and_more_of_them_pass),
		CASE(one_final_response_and_no_more),
		CASE(a_response_that_cannot_be_sent),
		CASE(cancel_finds_its_invite),
		CASE(other_completes_and_timer_j_ends),
		CASE(a_late_100_and_no_other),
		CASE(nothing_is_said_after_timer_f),
		CASE(what_matches),
		CASE(methods_that_nobody_knows_are_told_apart),
		CASE(branches_of_rfc_2543),
		CASE(so_many_and_no_more),
		CASE(what_is_dropped_says_nothing_more),
		CASE(the_owner_may_free_it_when_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
