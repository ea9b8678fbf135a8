/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/refusal: one line at once, equal ones counted, none lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "edge/refusal.h"

#define WINDOW_S 600

static struct {
	int lines;
	char last[8192];
} logged;

static void
sink(const char *line, size_t n, void *arg)
{
	logged.lines++;
	snprintf(logged.last, sizeof(logged.last), "%.*s", (int)n, line);
}

static int
setup(void **state)
{
	struct refusals *r;

	memset(&logged, 0, sizeof(logged));
	log_set_sink(sink, NULL);
	if (refusals_new(&r, "/var/lib/siptrust/ca.pem") != 0)
		return -1;
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	refusals_free(*state);
	log_set_sink(NULL, NULL);
	return 0;
}

/* A phone that answered alert unknown_ca to our certificate. */
static void
unknown_ca(struct trust_evidence *e, const char *peer)
{
	trust_evidence_init(e);
	assert_int_equal(addr_parse(&e->peer, str_cstr(peer), 0), 0);
	e->first = TLS_FIRST_TLS;
	e->hello_seen = true;
	e->max_version = e->version = 0x0303;
	strcpy(e->chain, "own");
	strcpy(e->root, "siptrust CA example.com");
	strcpy(e->ja4, "t12d800700_ee0b5a6c69b8_cdbdbcd6f742");
	e->stage = TRUST_STAGE_CERTIFICATE;
	e->end = TRUST_END_FIN;
	e->alert[0] = (struct tls_tap_alert) { .side = TLS_CLIENT, .level = 2,
		.description = 48, .in_clear = true };
	e->nalert = 1;
	e->us_since_flight = 14000;
}

static void
add(struct refusals *r, const char *peer, uint64_t now_ms)
{
	struct trust_evidence e;
	struct trust_verdict v;

	unknown_ca(&e, peer);
	trust_judge(&v, &e, NULL);
	refusals_add(r, &e, &v, WINDOW_S, now_ms);
}

static void
the_first_is_a_line_and_equal_ones_are_counted(void **state)
{
	add(*state, "192.0.2.7:5069", 1000);
	assert_int_equal(logged.lines, 1);
	assert_non_null(strstr(logged.last, "tls-refused "));
	assert_non_null(strstr(logged.last, "cause=untrusted_root"));
	for (int i = 0; i < 41; i++)
		add(*state, "192.0.2.7:5070", 2000 + (uint64_t)i);
	assert_int_equal(logged.lines, 1);
	refusals_flush(*state, WINDOW_S, 1000 + WINDOW_S * 1000 - 1, false);
	assert_int_equal(logged.lines, 1);
	refusals_flush(*state, WINDOW_S, 1000 + WINDOW_S * 1000, false);
	assert_int_equal(logged.lines, 2);
	assert_non_null(strstr(logged.last, "repeat=41"));
	refusals_flush(*state, WINDOW_S, 9000000, true);
	assert_int_equal(logged.lines, 2);
}

static void
another_phone_is_another_line(void **state)
{
	add(*state, "192.0.2.7:5069", 1000);
	add(*state, "192.0.2.8:5069", 1000);
	assert_int_equal(logged.lines, 2);
}

static void
a_full_table_writes_out_what_it_forgets(void **state)
{
	char peer[32];

	add(*state, "192.0.2.7:5069", 1000);
	add(*state, "192.0.2.7:5069", 1001);
	assert_int_equal(logged.lines, 1);
	for (int i = 0; i < 1100; i++) {
		snprintf(peer, sizeof(peer), "198.51.%d.%d:5060", i / 250,
		    i % 250);
		add(*state, peer, 2000);
	}
	/* Each of them, and the repeat of the first. */
	assert_int_equal(logged.lines, 1 + 1100 + 1);
}

static void
what_was_not_refused_is_no_line(void **state)
{
	struct trust_evidence e;
	struct trust_verdict v;

	unknown_ca(&e, "192.0.2.7:5069");
	e.nalert = 0;
	e.stage = TRUST_STAGE_SIP;
	e.app_bytes = 400;
	trust_judge(&v, &e, NULL);
	refusals_add(*state, &e, &v, WINDOW_S, 1000);
	assert_int_equal(logged.lines, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(the_first_is_a_line_and_equal_ones_are_counted),
		CASE(another_phone_is_another_line),
		CASE(a_full_table_writes_out_what_it_forgets),
		CASE(what_was_not_refused_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
