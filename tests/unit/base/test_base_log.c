/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static char last[16384];
static size_t lines;

static void
keep(const char *line, size_t n, void *arg)
{
	(void)arg;
	assert_true(n < sizeof(last));
	memcpy(last, line, n);
	last[n] = '\0';
	lines++;
}

static int
set_up(void **state)
{
	(void)state;
	clock_fake(1795464756, 0);
	log_set_level(LOG_LEVEL_INFO);
	log_set_sink(keep, NULL);
	lines = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	clock_real();
	return 0;
}

static void
test_form_of_a_line(void **state)
{
	(void)state;
	log_info("edge-ready", "sip=%s workers=%d", "0.0.0.0:5060", 2);
	assert_string_equal(last, "2026-11-23T20:12:36.000Z info edge-ready "
	    "sip=0.0.0.0:5060 workers=2\n");
	log_err("store-gone", "");
	assert_string_equal(last, "2026-11-23T20:12:36.000Z err store-gone\n");
}

static void
test_levels(void **state)
{
	(void)state;
	log_debug("d", "");
	assert_int_equal(lines, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d", "");
	assert_int_equal(lines, 1);
	log_set_level(LOG_LEVEL_ERR);
	log_warn("w", "");
	log_info("i", "");
	assert_int_equal(lines, 1);
	log_err("e", "");
	assert_int_equal(lines, 2);
}

static void
test_level_words(void **state)
{
	(void)state;
	enum log_level level = LOG_LEVEL_ERR;
	assert_true(log_level_parse(STR("debug"), &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_parse(STR("err"), &level));
	assert_int_equal(level, LOG_LEVEL_ERR);
	assert_false(log_level_parse(STR("Err"), &level));
	assert_false(log_level_parse(STR("warning"), &level));
	assert_false(log_level_parse(STR_NULL, &level));
}

static void
test_one_fact_is_one_line(void **state)
{
	(void)state;
	log_info("x", "a=%s", "1\n2\r\x7f\x1b");
	assert_string_equal(last, "2026-11-23T20:12:36.000Z info x a=1?2???\n");
}

static void
test_a_long_line_is_cut(void **state)
{
	(void)state;
	char text[9000];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("long", "a=%s", text);
	size_t n = strlen(last);
	assert_true(n <= 8192);
	assert_string_equal(last + n - 5, "x...\n");
}

static void
test_errno_survives(void **state)
{
	(void)state;
	errno = EBADF;
	log_info("x", "");
	assert_int_equal(errno, EBADF);
}

static void
check_val(size_t size, struct str in, const char *want)
{
	char out[64];
	memset(out, 'Z', sizeof(out));
	assert_ptr_equal(log_val(out, size, in), out);
	assert_string_equal(out, want);
	assert_int_equal(out[size], 'Z');
}

static void
test_values_from_outside(void **state)
{
	(void)state;
	check_val(60, STR("Cisco/SPA502G-7.6.2_a@b+c:1"),
	    "Cisco/SPA502G-7.6.2_a@b+c:1");
	check_val(60, STR("a b"), "\"a b\"");
	check_val(60, STR("a=b"), "\"a=b\"");
	check_val(60, STR(""), "\"\"");
	check_val(60, STR_NULL, "\"\"");
	check_val(60, STR("\"\\"), "\"\\\"\\\\\"");
	check_val(60, STR("\r\n\0\xff"), "\"\\x0d\\x0a\\x00\\xff\"");
	check_val(60, STR("\0"), "\"\\x00\"");
}

static void
test_long_values_are_cut_whole(void **state)
{
	(void)state;
	check_val(8, STR("abcdefg"), "abcdefg");
	check_val(9, STR("abcdefgh"), "abcdefgh");
	check_val(8, STR("abcdefgh"), "\"ab\"...");
	check_val(8, STR("a b"), "\"a b\"");
	check_val(8, STR("a bcd"), "\"a bcd\"");
	check_val(8, STR("a bcde"), "\"a \"...");
	check_val(9, STR("\n\n\n"), "\"\"...");
	check_val(10, STR("\n\n\n"), "\"\\x0a\"...");
	check_val(2, STR("abc"), "");
	check_val(1, STR("abc"), "");
}

static void
test_every_size_is_terminated(void **state)
{
	(void)state;
	static const char text[] = "ab\x01 \"\\cdefghijklmnopqrstuvw";
	char out[32];
	for (size_t size = 1; size < sizeof(out); size++) {
		for (size_t n = 0; n < 26; n++) {
			memset(out, 'Z', sizeof(out));
			log_val(out, size, str_of(text, n));
			assert_non_null(memchr(out, '\0', size));
			assert_int_equal(out[size], 'Z');
		}
	}
}

static void
test_stderr_gets_one_write(void **state)
{
	(void)state;
	int ends[2], saved = dup(STDERR_FILENO);
	char got[256] = "";
	log_set_sink(NULL, NULL);
	/* A packet pipe keeps each write(2) apart. */
	assert_int_equal(pipe2(ends, O_DIRECT), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_info("one", "a=%d", 1);
	log_info("two", "");
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ssize_t n = read(ends[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	assert_string_equal(got, "2026-11-23T20:12:36.000Z info one a=1\n");
	close(ends[0]);
	close(ends[1]);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form_of_a_line, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
		cmocka_unit_test(test_level_words),
		cmocka_unit_test_setup_teardown(test_one_fact_is_one_line,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_line_is_cut, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_errno_survives, set_up,
		    tear_down),
		cmocka_unit_test(test_values_from_outside),
		cmocka_unit_test(test_long_values_are_cut_whole),
		cmocka_unit_test(test_every_size_is_terminated),
		cmocka_unit_test_setup_teardown(test_stderr_gets_one_write,
		    set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
