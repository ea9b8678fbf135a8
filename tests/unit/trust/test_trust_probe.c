/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/probe: whole runs against simulated devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tlswire/alert.h"
#include "trust/probe.h"

#define ROOTS 100

/* A device: what it says to a question, held or not. */
struct device {
	bool held[ROOTS];
	uint8_t spoof_held, spoof_lacked;     /* alerts; 0: hangs up         */
	uint8_t genuine_held, genuine_lacked; /* the first 0: goes on        */
	unsigned glitch;      /* the answer of this number is a lost one     */
	unsigned hangs;       /* and at this one it just hangs up            */
	unsigned changes;     /* from this one on it says 80 to everything   */
	unsigned accepts;     /* from this one on it accepts anything        */
	unsigned n;
};

struct world {
	struct trust_probe p;
	struct trust_probe_root root[ROOTS];
};

/* Every other root RSA and EC; genuine chains for those below ngenuine. */
static void
begin(struct world *w, unsigned ngenuine, int expected, const char *ja4)
{
	enum trust_probe_method order[TRUST_PROBE_METHODS];
	unsigned n = trust_probe_methods(order, ja4);

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < ROOTS; i++) {
		w->root[i].class[TRUST_PROBE_SPOOF] = i % 2;
		w->root[i].class[TRUST_PROBE_GENUINE] = i < ngenuine ? 0 :
		    TRUST_PROBE_NO_CLASS;
		w->root[i].class[TRUST_PROBE_TIME] = i % 2;
	}
	if (expected >= 0)
		w->root[expected].expected = true;
	trust_probe_init(&w->p, w->root, ROOTS, order, n, false);
}

static struct trust_probe_answer
alert_or(uint8_t code, enum trust_probe_did did)
{
	return (struct trust_probe_answer) {
		.did = code != 0 ? TRUST_PROBE_DID_ALERT : did, .alert = code,
	};
}

static struct trust_probe_answer
say(struct device *d, const struct trust_probe_question *q)
{
	bool held = q->root >= 0 && d->held[q->root];

	d->n++;
	if (d->n == d->glitch)
		return alert_or(0, TRUST_PROBE_DID_NOTHING);
	if (d->n == d->hangs)
		return alert_or(0, TRUST_PROBE_DID_CLOSE);
	if (d->accepts != 0 && d->n >= d->accepts)
		return alert_or(0, TRUST_PROBE_DID_ACCEPT);
	if (d->changes != 0 && d->n >= d->changes)
		return alert_or(80, TRUST_PROBE_DID_CLOSE);
	if (q->method == TRUST_PROBE_GENUINE)
		return held ? alert_or(d->genuine_held,
		    TRUST_PROBE_DID_GO_ON) : alert_or(d->genuine_lacked,
		    TRUST_PROBE_DID_CLOSE);
	return alert_or(held ? d->spoof_held : d->spoof_lacked,
	    TRUST_PROBE_DID_CLOSE);
}

/* Until it is over; returns the questions asked. */
static unsigned
run(struct world *w, struct device *d)
{
	struct trust_probe_question q;
	unsigned n = 0;

	while (trust_probe_next(&w->p, &q)) {
		struct trust_probe_answer a;

		assert_false(trust_probe_may_ask(&w->p));
		trust_probe_began(&w->p, false, 100 + 20 * n);
		assert_true(trust_probe_may_ask(&w->p));
		trust_probe_began(&w->p, true, 110 + 20 * n);
		a = say(d, &q);
		trust_probe_answer(&w->p, &q, &a);
		n++;
		assert_true(n < 1000);
	}
	assert_int_equal(trust_probe_left(&w->p), 0);
	return n;
}

struct count {
	unsigned right, wrong, untold, certain;
};

static struct count
check(const struct world *w, const struct device *d)
{
	struct count c = { 0 };

	for (unsigned i = 0; i < ROOTS; i++) {
		struct trust_probe_result r;

		trust_probe_result(&w->p, i, &r);
		if (r.holding == TRUST_CANNOT_TELL)
			c.untold++;
		else if ((r.holding == TRUST_HOLDS) == d->held[i])
			c.right++;
		else
			c.wrong++;
		c.certain += r.holding != TRUST_CANNOT_TELL &&
		    r.confidence == TRUST_CERTAIN;
	}
	return c;
}

static struct device
openssl_like(void)
{
	struct device d = { .spoof_held = 51, .spoof_lacked = 48,
		.genuine_held = 51, .genuine_lacked = 48 };

	for (unsigned i = 0; i < ROOTS; i++)
		d.held[i] = (i * 7) % 3 == 0;
	return d;
}

static void
every_root_by_one_handshake(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct count c;
	unsigned n;

	begin(&w, 0, -1, "");
	n = run(&w, &d);
	c = check(&w, &d);
	assert_int_equal(c.right, ROOTS);
	assert_int_equal(c.certain, 0); /* no root is known to be held */
	assert_in_range(n, ROOTS + 3, ROOTS + 8); /* and controls */
}

static void
certain_by_a_root_that_is_known_to_be_held(void **state)
{
	struct device d = openssl_like();
	struct trust_probe_question q;
	struct world w;
	struct count c;

	begin(&w, 0, 42, "");
	assert_true(trust_probe_next(&w.p, &q));
	assert_int_equal(q.root, -1); /* the made-up root goes first */
	run(&w, &d);
	c = check(&w, &d);
	assert_int_equal(c.right, ROOTS);
	assert_int_equal(c.certain, ROOTS);
}

static void
one_code_for_everything_cannot_be_read(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct count c;

	d.spoof_held = d.genuine_held = d.spoof_lacked = d.genuine_lacked = 42;
	begin(&w, ROOTS, -1, "");
	run(&w, &d);
	c = check(&w, &d);
	assert_int_equal(c.untold, ROOTS);
}

static void
blind_spoofs_are_given_up_at_the_positive_control(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct count c;
	unsigned n;

	d.spoof_held = 48; /* as mbedTLS */
	begin(&w, 30, 0, "");
	n = run(&w, &d);
	c = check(&w, &d);
	assert_int_equal(c.right, 30);
	assert_int_equal(c.wrong, 0);
	assert_int_equal(c.untold, ROOTS - 30);
	assert_in_range(n, 30, 30 + 10);
}

static void
two_roots_of_the_name_that_is_known_to_be_held(void **state)
{
	struct device d = openssl_like();
	struct world w;

	/* It lacks 1, holds 3: chains name both alike. */
	assert_true(!d.held[1] && d.held[3]);
	begin(&w, 0, 1, "");
	w.root[3].expected = true;
	run(&w, &d);
	assert_int_equal(check(&w, &d).right, ROOTS);
}

static void
a_stack_that_is_known_is_asked_as_it_tells(void **state)
{
	struct device d = openssl_like();
	enum trust_probe_method m[TRUST_PROBE_METHODS];
	struct world w;
	unsigned n;

	assert_int_equal(trust_probe_methods(m,
	    "t12d800700_ee0b5a6c69b8_cdbdbcd6f742"), 1);
	assert_int_equal(m[0], TRUST_PROBE_GENUINE);
	assert_int_equal(trust_probe_methods(m, ""), 2);
	assert_int_equal(m[0], TRUST_PROBE_SPOOF);
	d.spoof_held = 48;
	begin(&w, 30, -1, "t12d800700_ee0b5a6c69b8_cdbdbcd6f742");
	n = run(&w, &d);
	assert_int_equal(check(&w, &d).right, 30);
	assert_in_range(n, 30, 30 + 5);
}

static void
silent_and_goes_on(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct count c;

	/* PolarSSL: hangs up at what it does not trust, never an alert. */
	d.spoof_held = d.spoof_lacked = d.genuine_held = d.genuine_lacked = 0;
	begin(&w, ROOTS, -1, "");
	run(&w, &d);
	c = check(&w, &d);
	assert_int_equal(c.right, ROOTS);
}

static void
a_lost_connection_is_no_answer(void **state)
{
	for (unsigned at = 1; at < 60; at++) {
		struct device d = openssl_like();
		struct world w;
		struct count c;

		if (at % 2 == 0)
			d.glitch = at;
		else
			d.hangs = at;
		begin(&w, 0, -1, "");
		run(&w, &d);
		c = check(&w, &d);
		if (c.right != ROOTS)
			fail_msg("lost at %u: %u right, %u wrong", at, c.right,
			    c.wrong);
	}
}

static void
another_answer_to_the_control_ends_it(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct count c;

	d.changes = 40;
	begin(&w, 0, -1, "");
	run(&w, &d);
	assert_int_equal(w.p.stop, TRUST_PROBE_STOP_ANSWERS);
	/* What was asked since the last control was asked of another phone. */
	c = check(&w, &d);
	assert_in_range(c.right, 20, 30);
	assert_int_equal(c.wrong, 0);
}

static void
who_accepts_anything_is_not_asked_on(void **state)
{
	struct device d = openssl_like();
	struct world w;

	d.accepts = 3;
	begin(&w, 0, -1, "");
	assert_int_equal(run(&w, &d), 3);
	assert_int_equal(w.p.stop, TRUST_PROBE_STOP_UNCHECKING);
	assert_int_equal(check(&w, &d).untold, ROOTS);
}

static void
what_it_accepted_it_must_go_on_accepting(void **state)
{
	struct trust_probe_question q;
	struct world w;

	begin(&w, 0, -1, "");
	for (int i = 0; i < 20; i++)
		trust_probe_real(&w.p, false); /* it was dark before */
	assert_true(trust_probe_next(&w.p, &q));
	trust_probe_real(&w.p, true);
	trust_probe_real(&w.p, false);
	trust_probe_real(&w.p, false);
	trust_probe_real(&w.p, true);
	trust_probe_real(&w.p, false);
	trust_probe_real(&w.p, false);
	assert_true(trust_probe_next(&w.p, &q));
	trust_probe_real(&w.p, false);
	assert_int_equal(w.p.stop, TRUST_PROBE_STOP_DARK);
	assert_false(trust_probe_next(&w.p, &q));
}

static void
never_two_questions_in_a_row(void **state)
{
	struct world w;

	begin(&w, 0, -1, "");
	assert_false(trust_probe_may_ask(&w.p));
	trust_probe_began(&w.p, false, 1);
	assert_true(trust_probe_may_ask(&w.p));
	trust_probe_began(&w.p, true, 2);
	assert_false(trust_probe_may_ask(&w.p));
	assert_false(trust_probe_may_ask(&w.p));
	trust_probe_began(&w.p, false, 3);
	assert_true(trust_probe_may_ask(&w.p));
	trust_probe_end(&w.p, TRUST_PROBE_STOP_WINDOW);
	trust_probe_end(&w.p, TRUST_PROBE_STOP_ORDERED);
	assert_int_equal(w.p.stop, TRUST_PROBE_STOP_WINDOW);
	assert_false(trust_probe_may_ask(&w.p));
}

static void
the_estimate_goes_by_the_pace(void **state)
{
	struct device d = openssl_like();
	struct trust_probe_question q;
	struct trust_probe_answer a;
	struct world w;
	unsigned before;

	begin(&w, 0, -1, "");
	assert_int_equal(trust_probe_seconds(&w.p), -1);
	before = trust_probe_left(&w.p);
	assert_in_range(before, ROOTS + 2, ROOTS + 3);
	for (int i = 0; i < 5; i++)
		trust_probe_began(&w.p, i % 2 == 1, 1000 + 30 * i);
	assert_int_equal(trust_probe_seconds(&w.p), 60 * (int64_t)before);
	for (int i = 0; i < 10; i++) {
		assert_true(trust_probe_next(&w.p, &q));
		a = say(&d, &q);
		trust_probe_answer(&w.p, &q, &a);
	}
	assert_in_range(trust_probe_left(&w.p), ROOTS - 10, ROOTS - 5);
}

static void
time_tells_where_words_do_not(void **state)
{
	const enum trust_probe_method by_time[] = { TRUST_PROBE_TIME };
	struct device d = openssl_like();
	struct trust_probe_question q;
	struct world w;
	struct count c;
	uint32_t noise = 7;

	begin(&w, 0, -1, "");
	trust_probe_init(&w.p, w.root, ROOTS, by_time, 1, false);
	while (trust_probe_next(&w.p, &q)) {
		struct trust_probe_answer a = { .did = TRUST_PROBE_DID_CLOSE };

		noise = noise * 1103515245u + 12345u;
		a.us = 200 + (noise >> 16) % 90;
		/* An EC signature takes long; an RSA one not to speak of. */
		if (q.root >= 0 && d.held[q.root] && q.class == 1)
			a.us += 3000;
		trust_probe_answer(&w.p, &q, &a);
	}
	c = check(&w, &d);
	assert_int_equal(c.wrong, 0);
	assert_int_equal(c.certain, 0);
	/* By chance an EC root that it lacks may seem slow. */
	assert_in_range(c.right, 40, 50);
	for (unsigned i = 0; i < ROOTS; i++) {
		struct trust_probe_result r;

		trust_probe_result(&w.p, i, &r);
		if (r.holding != TRUST_CANNOT_TELL)
			assert_int_equal(r.confidence, TRUST_POSSIBLE);
		if (i % 2 == 1 && d.held[i])
			assert_int_equal(r.holding, TRUST_HOLDS);
	}
}

static void
a_genuine_chain_is_measured_by_its_own_kind(void **state)
{
	struct device d = openssl_like();
	struct world w;
	struct trust_probe_question q;
	struct trust_probe_result r;

	/* Of kind 1 it minds the purpose, whoever issued it. */
	begin(&w, ROOTS, -1, "t12d800700_ee0b5a6c69b8_cdbdbcd6f742");
	for (unsigned i = 50; i < ROOTS; i++)
		w.root[i].class[TRUST_PROBE_GENUINE] = 1;
	while (trust_probe_next(&w.p, &q)) {
		struct trust_probe_answer a = say(&d, &q);

		if (q.class == 1)
			a = alert_or(43, TRUST_PROBE_DID_CLOSE);
		trust_probe_answer(&w.p, &q, &a);
	}
	for (unsigned i = 0; i < ROOTS; i++) {
		trust_probe_result(&w.p, i, &r);
		assert_int_equal(r.holding, i >= 50 ? TRUST_CANNOT_TELL :
		    d.held[i] ? TRUST_HOLDS : TRUST_LACKS);
	}
}

static void
evidence_is_read(void **state)
{
	static const struct row {
		enum trust_probe_method method;
		enum trust_stage stage;
		enum trust_end end;
		int alert, side;
		enum trust_probe_did did;
	} rows[] = {
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_CERTIFICATE, TRUST_END_FIN,
		    TLS_ALERT_unknown_ca, TLS_CLIENT, TRUST_PROBE_DID_ALERT },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_FINISHED, TRUST_END_FIN,
		    TLS_ALERT_unknown_ca, TLS_CLIENT, TRUST_PROBE_DID_ALERT },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_FINISHED, TRUST_END_FIN,
		    TLS_ALERT_close_notify, TLS_CLIENT, TRUST_PROBE_DID_CLOSE },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_CERTIFICATE, TRUST_END_RST,
		    -1, 0, TRUST_PROBE_DID_CLOSE },
		{ TRUST_PROBE_GENUINE, TRUST_STAGE_KEY_EXCHANGE, TRUST_END_US,
		    TLS_ALERT_bad_record_mac, TLS_SERVER,
		    TRUST_PROBE_DID_GO_ON },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_CERTIFICATE,
		    TRUST_END_TIMEOUT, -1, 0, TRUST_PROBE_DID_NOTHING },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_HELLO, TRUST_END_US,
		    TLS_ALERT_handshake_failure, TLS_SERVER,
		    TRUST_PROBE_DID_UNSHOWN },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_HELLO, TRUST_END_FIN, -1, 0,
		    TRUST_PROBE_DID_NOTHING },
		{ TRUST_PROBE_SPOOF, TRUST_STAGE_SIP, TRUST_END_FIN, -1, 0,
		    TRUST_PROBE_DID_ACCEPT },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct trust_probe_answer a;
		struct trust_evidence e;

		trust_evidence_init(&e);
		e.stage = rows[i].stage;
		e.end = rows[i].end;
		e.hello_seen = true;
		e.version = TLS_VERSION_1_2;
		if (rows[i].alert >= 0) {
			e.nalert = 1;
			e.alert[0] = (struct tls_tap_alert) {
				.side = (enum tls_side)rows[i].side,
				.level = 2,
				.description = (uint8_t)rows[i].alert,
			};
		}
		trust_probe_read(&a, &e, rows[i].method);
		if (a.did != rows[i].did)
			fail_msg("row %zu: %d", i, a.did);
	}
}

static void
words(void **state)
{
	enum trust_probe_method m;
	enum trust_probe_stop s;
	char text[128];
	struct buf b;
	const struct trust_probe_answer a = {
		.did = TRUST_PROBE_DID_ALERT, .alert = 48 };

	for (int i = 0; i < TRUST_PROBE_METHODS; i++) {
		assert_true(trust_probe_method_parse(str_cstr(
		    trust_probe_method_name((enum trust_probe_method)i)), &m));
		assert_int_equal(m, i);
	}
	for (int i = 0; i < TRUST_PROBE_STOPS; i++) {
		assert_true(trust_probe_stop_parse(str_cstr(
		    trust_probe_stop_name((enum trust_probe_stop)i)), &s));
		assert_int_equal(s, i);
	}
	assert_false(trust_probe_method_parse(STR("magic"), &m));
	buf_init_array(&b, text, sizeof(text));
	trust_probe_answer_text(&b, &a);
	assert_true(str_eq(buf_as_str(&b), STR("alert unknown_ca(48)")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_root_by_one_handshake),
		cmocka_unit_test(certain_by_a_root_that_is_known_to_be_held),
		cmocka_unit_test(one_code_for_everything_cannot_be_read),
		cmocka_unit_test(
		    blind_spoofs_are_given_up_at_the_positive_control),
		cmocka_unit_test(
		    two_roots_of_the_name_that_is_known_to_be_held),
		cmocka_unit_test(a_stack_that_is_known_is_asked_as_it_tells),
		cmocka_unit_test(silent_and_goes_on),
		cmocka_unit_test(a_lost_connection_is_no_answer),
		cmocka_unit_test(another_answer_to_the_control_ends_it),
		cmocka_unit_test(who_accepts_anything_is_not_asked_on),
		cmocka_unit_test(what_it_accepted_it_must_go_on_accepting),
		cmocka_unit_test(never_two_questions_in_a_row),
		cmocka_unit_test(the_estimate_goes_by_the_pace),
		cmocka_unit_test(time_tells_where_words_do_not),
		cmocka_unit_test(a_genuine_chain_is_measured_by_its_own_kind),
		cmocka_unit_test(evidence_is_read),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
