/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/admission, edge/tally, edge/sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/admission.h"
#include "edge/sockets.h"

static struct addr
at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_cstr(text), 5060), 0);
	return a;
}

static void
limits_per_address_and_in_all(void **state)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2"),
	    c = at("[2001:db8::1]");
	const struct admission_limits three = { 3, 2, 1000 };
	struct admission *ad;
	enum tally_kind why;

	assert_int_equal(admission_new(&ad), 0);
	assert_true(admission_enter(ad, &a, &three, 1000000, &why));
	assert_true(admission_enter(ad, &a, &three, 1000000, &why));
	assert_false(admission_enter(ad, &a, &three, 1000000, &why));
	assert_int_equal(why, TALLY_CONNECTIONS_PER_ADDRESS);
	assert_true(admission_enter(ad, &b, &three, 1000000, &why));
	assert_false(admission_enter(ad, &c, &three, 1000000, &why));
	assert_int_equal(why, TALLY_CONNECTIONS_MAX);
	assert_int_equal(admission_count(ad), 3);
	admission_leave(ad, &a);
	assert_true(admission_enter(ad, &c, &three, 1000000, &why));
	admission_leave(ad, &a);
	admission_leave(ad, &b);
	admission_leave(ad, &c);
	assert_int_equal(admission_count(ad), 0);
	admission_free(ad);
}

/* A thousand times a second: a burst, then its share; the others as ever. */
static void
who_opens_too_fast_is_slowed_alone(void **state)
{
	const struct admission_limits l = { 100000, 50, 10 };
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct admission *ad;
	enum tally_kind why;
	unsigned in = 0;

	assert_int_equal(admission_new(&ad), 0);
	for (uint64_t ms = 0; ms < 10000; ms++) {
		if (admission_enter(ad, &a, &l, ms * 1000, &why)) {
			in++;
			admission_leave(ad, &a);
		} else {
			assert_int_equal(why,
			    TALLY_CONNECTIONS_PER_ADDRESS_RATE);
		}
		if (ms % 100 == 0) {
			assert_true(admission_enter(ad, &b, &l, ms * 1000,
			    &why));
			admission_leave(ad, &b);
		}
	}
	assert_true(in >= 140 && in <= 160);
	/* Ten seconds later it may burst again. */
	for (int i = 0; i < 50; i++) {
		assert_true(admission_enter(ad, &a, &l, 20000000, &why));
		admission_leave(ad, &a);
	}
	assert_false(admission_enter(ad, &a, &l, 20000000, &why));
	admission_free(ad);
}

/* Entries do not stay for addresses that came once (leaks show in ASan). */
static void
a_million_addresses_leave_nothing_behind(void **state)
{
	const struct admission_limits l = { 100000, 1000, 100 };
	struct admission *ad;
	enum tally_kind why;
	struct addr a = at("10.0.0.0");

	assert_int_equal(admission_new(&ad), 0);
	for (uint32_t i = 0; i < 1000000; i++) {
		a.u.in.sin_addr.s_addr = i;
		assert_true(admission_enter(ad, &a, &l, i, &why));
		admission_leave(ad, &a);
	}
	assert_true(admission_idle(ad) <= ADMISSION_IDLE_MAX);
	a.u.in.sin_addr.s_addr = 1;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(admission_enter(ad, &a, &l, 100000000, &why));
		admission_leave(ad, &a);
	}
	admission_free(ad);
}

static char last[1024];
static int lines;

static void
sink(const char *line, size_t n, void *arg)
{
	lines++;
	snprintf(last, sizeof(last), "%.*s", (int)n, line);
}

static void
a_tally_is_logged_in_sums(void **state)
{
	struct addr a = at("192.0.2.1:5069");

	log_set_sink(sink, NULL);
	tally_flush(1000000, true); /* whatever came before */
	lines = 0;
	tally(TALLY_BAD_FRAMING, &a);
	tally_flush(1020000, false);
	assert_int_equal(lines, 1);
	for (int i = 0; i < 12; i++)
		tally(TALLY_BAD_FRAMING, &a);
	tally_flush(1021000, false);
	assert_int_equal(lines, 1);
	tally_flush(1030000, false);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(last, "limit kind=bad_framing count=12 "
	    "last=192.0.2.1:5069 window=10s"));
	tally_flush(1050000, false);
	assert_int_equal(lines, 2);
	log_set_sink(NULL, NULL);
}

static void
port_zero_is_the_same_for_tcp_and_udp(void **state)
{
	struct conf_override over[] = {
		{ "sip", "127.0.0.1:0" }, { "tls", "127.0.0.1:0" },
		{ "domain", "example.com" },
	};
	int fd[SOCKETS_MAX], again[SOCKETS_MAX];
	struct sockets s, none, gone;
	struct conf *conf;
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(conf_load(&conf, NULL, over, ARRAY_LEN(over), &why),
	    0);
	assert_int_equal(sockets_wanted(&s, conf, &why), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(sockets_bind(&s, fd, &why), 0);
	assert_true(addr_port(&s.v[0].addr) != 0);
	assert_true(addr_equal(&s.v[0].addr, &s.v[1].addr));
	/* A second worker binds the same. */
	assert_int_equal(sockets_bind(&s, again, &why), 0);
	sockets_minus(&none, &s, &s);
	assert_int_equal(none.n, 0);
	sockets_minus(&gone, &s, &none);
	assert_int_equal(gone.n, 3);
	for (size_t i = 0; i < s.n; i++) {
		close(fd[i]);
		close(again[i]);
	}
	conf_unref(conf);
	buf_fini(&why);
}

static void
an_address_that_is_not_ours_is_named(void **state)
{
	struct conf_override over[] = { { "sip", "192.0.2.1:5060" },
		{ "tls", "127.0.0.1:0" }, { "domain", "example.com" } };
	int fd[SOCKETS_MAX];
	struct sockets s;
	struct conf *conf;
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(conf_load(&conf, NULL, over, ARRAY_LEN(over), &why),
	    0);
	assert_int_equal(sockets_wanted(&s, conf, &why), 0);
	assert_int_not_equal(sockets_bind(&s, fd, &why), 0);
	buf_putc(&why, '\0');
	assert_non_null(strstr(why.p, "192.0.2.1:5060"));
	conf_unref(conf);
	buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_per_address_and_in_all),
		cmocka_unit_test(who_opens_too_fast_is_slowed_alone),
		cmocka_unit_test(a_million_addresses_leave_nothing_behind),
		cmocka_unit_test(a_tally_is_logged_in_sums),
		cmocka_unit_test(port_zero_is_the_same_for_tcp_and_udp),
		cmocka_unit_test(an_address_that_is_not_ours_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
