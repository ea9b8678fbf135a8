/* SPDX-License-Identifier: BSD-2-Clause */
/* What phones say is kept in bounded memory, whoever says how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/heard.h"
#include "../../temp.h"

#define F(name) (1u << TRUST_FAULT_##name)

static struct heard *h;
static unsigned asked;
static bool known_there;

static bool
is_known(const struct addr *peer, void *arg)
{
	asked++;
	return known_there;
}

static struct addr
address(unsigned n)
{
	char text[ADDR_STRLEN];
	struct addr a = ADDR_NONE;

	snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16, n >> 8 & 255,
	    n & 255);
	assert_int_equal(addr_parse_ip(&a, str_cstr(text)), 0);
	return a;
}

static int
set_up(void **state)
{
	asked = 0;
	known_there = true;
	return heard_new(&h);
}

static int
tear_down(void **state)
{
	heard_free(h);
	return 0;
}

static void
say(unsigned who, int64_t when_s, enum said_topic topic, uint32_t faults,
    const char *text)
{
	struct heard_line l = { .when_s = when_s, .priority = 12,
		.topic = topic, .faults = faults, .text = str_cstr(text) };
	struct addr a = address(who);

	heard_add(h, &a, &l);
}

static bool
admit(unsigned who, uint64_t now_ms)
{
	struct addr a = address(who);

	return heard_admit(h, &a, now_ms, is_known, NULL);
}

static int
collect(const struct store_said *l, void *arg)
{
	strncat(arg, l->text.p, l->text.n);
	strcat(arg, " ");
	return 0;
}

/* All lines, as the file has them after a write. */
static void
written(char *out)
{
	char dir[TEMP_MAX], why[256], path[TEMP_MAX + 16];
	struct device_store *s;
	bool more;

	assert_non_null(temp_folder(dir, "heard"));
	assert_int_equal(device_store_open(&s, dir, false, why, sizeof(why)),
	    0);
	assert_int_equal(device_store_begin(s), 0);
	assert_int_equal(heard_write(h, s, 1000, &more), 0);
	assert_int_equal(device_store_commit(s), 0);
	heard_written(h, true);
	out[0] = '\0';
	assert_int_equal(device_store_each_said(s, collect, out), 0);
	device_store_close(s);
	snprintf(path, sizeof(path), "%s/devices.db", dir);
	unlink(path);
	rmdir(dir);
}

static void
chatter_does_not_wash_away_what_matters(void **state)
{
	char text[16], all[1024];

	assert_true(admit(1, 0));
	for (int i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "t%d", i);
		say(1, i, SAID_TLS, 0, text);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "x%d", i);
		say(1, i, SAID_OTHER, 0, text);
	}
	written(all);
	assert_string_equal(all, "t4 t5 t6 t7 t8 t9 t10 t11 x92 x93 x94 x95 "
	    "x96 x97 x98 x99 ");
	for (int i = 12; i < 40; i++) {
		snprintf(text, sizeof(text), "t%d", i);
		say(1, i, SAID_TLS, 0, text);
	}
	written(all);
	assert_string_equal(all, "x92 x93 x94 x95 x96 x97 x98 x99 t32 t33 t34 "
	    "t35 t36 t37 t38 t39 ");
}

static void
who_says_too_much_is_not_heard(void **state)
{
	unsigned n = 0;

	while (admit(1, 5) && n < 10000)
		n++;
	assert_int_equal(n, HEARD_BURST);
	assert_true(admit(2, 5));
	assert_false(admit(1, 5 + 1000 / HEARD_RATE - 1));
	assert_true(admit(1, 5 + 1000 / HEARD_RATE));
	assert_false(admit(1, 5 + 1000 / HEARD_RATE));
}

static void
addresses_are_bounded(void **state)
{
	size_t known, strangers;

	for (unsigned i = 0; i < 2 * HEARD_ADDRESSES; i++) {
		assert_true(admit(i, 1));
		say(i, 1, SAID_OTHER, 0, "x");
	}
	known_there = false;
	for (unsigned i = 100000; i < 100000 + 10 * HEARD_STRANGERS; i++) {
		assert_true(admit(i, 1));
		say(i, 1, SAID_OTHER, 0, "x");
	}
	heard_count(h, &known, &strangers);
	assert_int_equal(known, HEARD_ADDRESSES);
	assert_int_equal(strangers, HEARD_STRANGERS);
}

static void
a_stranger_becomes_known(void **state)
{
	char all[1024];

	known_there = false;
	admit(1, 1);
	admit(1, 500);
	assert_int_equal(asked, 1); /* not at each line */
	say(1, 1, SAID_OTHER, 0, "before");
	assert_false(heard_is_due(h));
	heard_review(h, is_known, NULL);
	assert_false(heard_is_due(h));
	known_there = true;
	heard_review(h, is_known, NULL);
	assert_true(heard_is_due(h));
	written(all);
	assert_string_equal(all, "before ");
	assert_false(heard_is_due(h));
}

static void
what_it_says_of_our_certificate(void **state)
{
	struct addr a = address(1), other = address(2);
	char said[TRUST_TEXT_MAX] = "";

	admit(1, 1);
	say(1, 100, SAID_CERTIFICATE, F(NAME), "name");
	say(1, 110, SAID_CERTIFICATE, F(ROOT), "root");
	say(1, 111, SAID_TLS, 0, "tls");
	assert_int_equal(heard_about(h, &a, 90, 105, said), F(NAME));
	assert_string_equal(said, "name");
	assert_int_equal(heard_about(h, &a, 90, 200, said), F(ROOT));
	assert_int_equal(heard_about(h, &a, 111, 200, said), 0);
	assert_int_equal(heard_about(h, &other, 0, 200, said), 0);
}

static void
the_same_is_no_news(void **state)
{
	struct addr a = address(1);

	admit(1, 1);
	assert_true(heard_is_news(h, &a, SAID_TLS, 0, 100, 60));
	assert_false(heard_is_news(h, &a, SAID_TLS, 0, 101, 60));
	assert_true(heard_is_news(h, &a, SAID_CERTIFICATE, F(ROOT), 102, 60));
	assert_false(heard_is_news(h, &a, SAID_CERTIFICATE, F(ROOT), 161,
	    60));
	assert_true(heard_is_news(h, &a, SAID_CERTIFICATE, F(ROOT), 162, 60));
}

static void
a_line_that_is_too_long_is_cut(void **state)
{
	char text[1000], all[1200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	admit(1, 1);
	say(1, 1, SAID_OTHER, 0, text);
	written(all);
	assert_int_equal(strlen(all), HEARD_TEXT_MAX + 1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(chatter_does_not_wash_away_what_matters),
		TEST(who_says_too_much_is_not_heard),
		TEST(addresses_are_bounded),
		TEST(a_stranger_becomes_known),
		TEST(what_it_says_of_our_certificate),
		TEST(the_same_is_no_news),
		TEST(a_line_that_is_too_long_is_cut),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
