/* SPDX-License-Identifier: BSD-2-Clause */
/* Client transactions: figures 5 and 6 of RFC 3261, RFC 6026. */
#include "world.h"

#define B "z9hG4bKours"

static struct txn_client c, other;
static struct str sent; /* the request */

static bool
on_send(struct txn_client *t, struct str bytes)
{
	return note_sent(bytes);
}

static void
on_response(struct txn_client *t, const struct sip_msg *m)
{
	seen.passed++;
	seen.status = m->status;
}

static void
on_failed(struct txn_client *t, enum txn_client_failure why)
{
	seen.failed++;
	seen.why = why;
}

static void
on_ended(struct txn_client *t)
{
	assert_null(t->request.p);
	assert_int_equal(t->state, TXN_CLIENT_TERMINATED);
	seen.ended++;
}

static const struct txn_client_ops ops = {
	on_send, on_response, on_failed, on_ended,
};

static void
begin(const char *method, bool reliable)
{
	sent = request(method, B, "<sip:bob@b.test>")->all;
	assert_int_equal(txn_client_begin(txns, &c, STR(B),
	    sip_method_of(str_cstr(method)), sent, reliable, &ops), 0);
}

static void
answer(int status, const char *method)
{
	const struct sip_msg *m = response(status, method, B);

	assert_ptr_equal(txn_client_find(txns, m), &c);
	txn_client_absorb(&c, m);
}

/* ---- INVITE: figure 5 ---- */

static void
timer_a_doubles_until_timer_b(void **state)
{
	static const unsigned gaps[] = { 500, 1000, 2000, 4000, 8000, 16000 };

	begin("INVITE", false);
	assert_int_equal(c.state, TXN_CLIENT_CALLING);
	assert_repeats_and_fails(gaps, ARRAY_LEN(gaps));
	assert_memory_equal(seen.last, sent.p, sent.n);
	assert_int_equal(seen.why, TXN_CLIENT_TIMEOUT);
}

static void
reliable_has_no_a_but_b(void **state)
{
	begin("INVITE", true);
	advance(31990);
	assert_int_equal(seen.sent, 1);
	advance(40);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 1);
}

static void
a_provisional_stops_a_and_b(void **state)
{
	begin("INVITE", false);
	answer(100, "INVITE");
	assert_int_equal(c.state, TXN_CLIENT_PROCEEDING);
	answer(180, "INVITE");
	answer(180, "INVITE");
	advance(300000);
	assert_int_equal(seen.sent, 1);
	assert_int_equal(seen.passed, 3);
	assert_int_equal(seen.failed, 0);
}

/* RFC 3261 17.1.1.3: what the ACK has, and that it is said again. */
static void
a_refusal_is_acknowledged_each_time(void **state)
{
	begin("INVITE", false);
	answer(100, "INVITE");
	answer(486, "INVITE");
	assert_int_equal(c.state, TXN_CLIENT_COMPLETED);
	assert_string_equal(seen.last, "ACK sip:bob@b.test SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a.test:5070;branch=" B "\r\n"
	    "Route: <sip:one;lr>\r\nRoute: <sip:two;lr>\r\n"
	    "Max-Forwards: 42\r\n"
	    "From: <sip:alice@a.test>;tag=f\r\n"
	    "To: <sip:bob@b.test>;tag=t486\r\nCall-ID: one\r\nCSeq: 7 ACK\r\n"
	    "Content-Length: 0\r\n\r\n");
	answer(486, "INVITE");
	answer(180, "INVITE");
	answer(200, "INVITE");
	assert_int_equal(seen.sent, 3);
	assert_int_equal(seen.passed, 2);
	advance(31980);
	assert_int_equal(seen.ended, 0);
	advance(40);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.failed, 0);
	/* Timer D is nothing over a reliable transport. */
	begin("INVITE", true);
	answer(404, "INVITE");
	advance(20);
	assert_int_equal(seen.ended, 2);
}

/* RFC 6026 7.2. */
static void
each_2xx_is_passed_on_until_timer_m(void **state)
{
	begin("INVITE", false);
	answer(200, "INVITE");
	assert_int_equal(c.state, TXN_CLIENT_ACCEPTED);
	assert_null(c.request.p);
	advance(20000);
	answer(200, "INVITE");
	answer(180, "INVITE");
	answer(486, "INVITE");
	assert_int_equal(seen.passed, 2);
	assert_int_equal(seen.sent, 1); /* the ACK is the caller's */
	advance(11970);
	assert_int_equal(seen.ended, 0);
	advance(50);
	assert_int_equal(seen.ended, 1);
	assert_null(txn_client_find(txns, response(200, "INVITE", B)));
}

static void
an_ack_that_cannot_be_sent(void **state)
{
	begin("INVITE", false);
	seen.broken = true;
	answer(486, "INVITE");
	assert_int_equal(seen.passed, 1);
	advance(33000);
	assert_int_equal(seen.failed, 0);
	assert_int_equal(seen.ended, 1);
}

/* ---- others: figure 6 ---- */

static void
timer_e_doubles_to_t2_until_timer_f(void **state)
{
	static const unsigned gaps[] = { 500, 1000, 2000, 4000, 4000, 4000,
		4000, 4000, 4000, 4000 };

	begin("BYE", false);
	assert_repeats_and_fails(gaps, ARRAY_LEN(gaps));
	assert_int_equal(seen.why, TXN_CLIENT_TIMEOUT);
}

/* 17.1.2.2: in Proceeding E is T2, and F runs on. */
static void
a_provisional_makes_e_slow(void **state)
{
	static const unsigned gaps[] = { 500, 4000, 4000, 4000, 4000, 4000,
		4000, 4000 };

	begin("BYE", false);
	answer(100, "BYE");
	assert_int_equal(c.state, TXN_CLIENT_PROCEEDING);
	assert_repeats_and_fails(gaps, ARRAY_LEN(gaps));
}

static void
a_final_is_passed_on_once(void **state)
{
	begin("BYE", false);
	answer(200, "BYE");
	assert_null(c.request.p);
	answer(200, "BYE");
	answer(481, "BYE");
	assert_int_equal(seen.passed, 1);
	advance(4990);
	assert_int_equal(seen.ended, 0);
	advance(30);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.sent, 1);
	begin("BYE", true);
	assert_null(c.request.p); /* it is never needed again */
	answer(408, "BYE");
	assert_int_equal(seen.status, 408);
	advance(20);
	assert_int_equal(seen.ended, 2);
}

/* ---- the transport ---- */

static void
what_cannot_be_sent_fails_afterwards(void **state)
{
	seen.broken = true;
	begin("INVITE", true);
	assert_int_equal(seen.failed, 0); /* not inside of the call */
	advance(20);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.why, TXN_CLIENT_UNDELIVERED);
	advance(20);
	assert_int_equal(seen.ended, 1);
}

static void
a_retransmission_that_cannot_be_sent(void **state)
{
	begin("INVITE", false);
	seen.broken = true;
	advance(540);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.why, TXN_CLIENT_UNDELIVERED);
	assert_int_equal(seen.ended, 1);
}

static void
undelivered_is_nothing_once_an_answer_came(void **state)
{
	begin("INVITE", false);
	answer(100, "INVITE");
	txn_client_undelivered(&c);
	assert_int_equal(c.state, TXN_CLIENT_PROCEEDING);
	answer(200, "INVITE");
	txn_client_undelivered(&c);
	advance(20);
	assert_int_equal(seen.failed, 0);
	txn_client_drop(&c);
	begin("OPTIONS", true);
	txn_client_undelivered(&c);
	txn_client_undelivered(&c);
	answer(200, "OPTIONS"); /* crosses it */
	advance(30);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.passed, 2);
	assert_int_equal(seen.ended, 1);
}

static void
given_up_it_fails_unless_it_was_answered(void **state)
{
	begin("INVITE", false);
	answer(100, "INVITE");
	txn_client_give_up(&c);
	advance(20);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.why, TXN_CLIENT_UNDELIVERED);
	assert_int_equal(seen.ended, 1);
	begin("OPTIONS", false);
	answer(200, "OPTIONS");
	txn_client_give_up(&c);
	advance(40);
	assert_int_equal(seen.failed, 1);
	txn_client_drop(&c);
}

/* ---- CANCEL (9.1) ---- */

static bool
cancel(char text[1024])
{
	struct buf out;
	bool ok;

	buf_init_array(&out, text, 1023);
	ok = txn_client_cancel(&c, &out);
	text[out.n] = '\0';
	return ok;
}

static void
a_cancel_has_what_its_invite_had(void **state)
{
	char text[1024];

	begin("INVITE", false);
	assert_false(cancel(text)); /* not before a provisional */
	answer(180, "INVITE");
	assert_true(cancel(text));
	assert_string_equal(text, "CANCEL sip:bob@b.test SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a.test:5070;branch=" B "\r\n"
	    "Route: <sip:one;lr>\r\nRoute: <sip:two;lr>\r\n"
	    "Max-Forwards: 42\r\n"
	    "From: <sip:alice@a.test>;tag=f\r\nTo: <sip:bob@b.test>\r\n"
	    "Call-ID: one\r\nCSeq: 7 CANCEL\r\nContent-Length: 0\r\n\r\n");
	/* Same branch, another transaction. */
	assert_int_equal(txn_client_begin(txns, &other, STR(B),
	    SIP_METHOD_CANCEL, str_cstr(text), false, &ops), 0);
	assert_ptr_equal(txn_client_find(txns, response(200, "CANCEL", B)),
	    &other);
	txn_client_absorb(&other, &msg);
	answer(487, "INVITE");
	assert_false(cancel(text));
	advance(33000);
	assert_int_equal(seen.ended, 2);
	assert_int_equal(seen.failed, 0);
}

static void
a_cancelled_invite_is_not_waited_for_for_ever(void **state)
{
	char text[1024];

	begin("INVITE", false);
	answer(180, "INVITE");
	advance(100000);
	assert_true(cancel(text));
	advance(31980);
	answer(180, "INVITE");
	assert_int_equal(seen.failed, 0);
	advance(40);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.why, TXN_CLIENT_TIMEOUT);
	assert_int_equal(seen.ended, 1);
	begin("BYE", false);
	answer(100, "BYE");
	assert_false(cancel(text));
}

/* ---- which one, and bounds ---- */

static void
responses_to_nothing(void **state)
{
	begin("INVITE", false);
	assert_null(txn_client_find(txns, response(200, "INVITE",
	    "z9hG4bKother")));
	assert_null(txn_client_find(txns, response(200, "BYE", B)));
	assert_null(txn_client_find(txns, parse("SIP/2.0 200 OK\r\n"
	    "Via: SIP/2.0/UDP us\r\nf: <sip:x>\r\nt: <sip:x>\r\ni: 1\r\n"
	    "CSeq: 7 INVITE\r\nl: 0\r\n\r\n")));
}

static void
so_many_and_no_more(void **state)
{
	static struct txn_client many[WORLD_MAX + 1];
	char branch[TXN_BRANCH_MAX + 2];

	for (int i = 0; i <= WORLD_MAX; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		assert_int_equal(txn_client_begin(txns, &many[i],
		    str_cstr(branch), SIP_METHOD_INVITE, STR("x"), false, &ops),
		    i < WORLD_MAX ? 0 : E_LIMIT);
	}
	assert_int_equal(seen.sent, WORLD_MAX);
	txns_end_all(txns);
	assert_int_equal(seen.ended, WORLD_MAX);
	memset(branch, 'b', sizeof(branch));
	assert_int_equal(txn_client_begin(txns, &c, str_of(branch,
	    sizeof(branch)), SIP_METHOD_INVITE, STR("x"), false, &ops),
	    E_LIMIT);
	assert_int_equal(txn_client_begin(txns, &c, str_of(branch,
	    sizeof(branch) - 2), SIP_METHOD_INVITE, STR("x"), false, &ops), 0);
}

static void
drop_in_response(struct txn_client *t, const struct sip_msg *m)
{
	seen.passed++;
	txn_client_drop(t);
	free(t);
}

static void
drop_in_failed(struct txn_client *t, enum txn_client_failure why)
{
	seen.failed++;
	txn_client_drop(t);
	free(t);
}

static void
the_owner_may_free_it_in_his_calls(void **state)
{
	static const struct txn_client_ops freeing = {
		on_send, drop_in_response, drop_in_failed, on_ended,
	};
	static const int statuses[] = { 100, 200, 486, 0 };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct txn_client *t = malloc(sizeof(*t));
		const struct sip_msg *m = request("INVITE", B, "<sip:x>");

		assert_non_null(t);
		assert_int_equal(txn_client_begin(txns, t, STR(B),
		    SIP_METHOD_INVITE, m->all, false, &freeing), 0);
		if (statuses[i] == 0)
			advance(33000);
		else
			txn_client_absorb(t, response(statuses[i], "INVITE",
			    B));
		assert_int_equal(txns_count(txns), 0);
	}
	assert_int_equal(seen.passed, 3);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(timer_a_doubles_until_timer_b),
		CASE(reliable_has_no_a_but_b),
		CASE(a_provisional_stops_a_and_b),
		CASE(a_refusal_is_acknowledged_each_time),
		CASE(each_2xx_is_passed_on_until_timer_m),
		CASE(an_ack_that_cannot_be_sent),
		CASE(timer_e_doubles_to_t2_until_timer_f),
		CASE(a_provisional_makes_e_slow),
		CASE(a_final_is_passed_on_once),
		CASE(what_cannot_be_sent_fails_afterwards),
		CASE(a_retransmission_that_cannot_be_sent),
		CASE(undelivered_is_nothing_once_an_answer_came),
		CASE(given_up_it_fails_unless_it_was_answered),
		CASE(a_cancel_has_what_its_invite_had),
		CASE(a_cancelled_invite_is_not_waited_for_for_ever),
		CASE(responses_to_nothing),
		CASE(so_many_and_no_more),
		CASE(the_owner_may_free_it_in_his_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
