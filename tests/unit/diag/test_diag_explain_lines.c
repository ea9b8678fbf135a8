/* SPDX-License-Identifier: BSD-2-Clause */
/* diag/explain over tests/explain/cases.txt: what each program's lines mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "diag/explain.h"

#define EVENTS_MAX 8

struct got {
	struct explain x;
	char peer[PBXLOG_TEXT_MAX];
};

static struct got got[EVENTS_MAX];
static size_t ngot;
static unsigned ncases, nwrong;

static void
on_event(const struct pbxlog_event *e, void *arg)
{
	assert_true(ngot < EVENTS_MAX);
	explain_event(&got[ngot].x, e);
	str_copy(got[ngot++].peer, PBXLOG_TEXT_MAX, str_cstr(e->peer));
}

static void
read_lines(const char *text)
{
	struct pbxlog *l;

	ngot = 0;
	assert_int_equal(pbxlog_new(&l, on_event, NULL), 0);
	pbxlog_feed(l, str_cstr(text));
	pbxlog_flush(l);
	pbxlog_free(l);
}

/* want: "= CAUSE NEXT_BEST [PEER]" */
static bool
is_as_wanted(const char *want)
{
	char cause[64] = "", next[64] = "", peer[PBXLOG_TEXT_MAX] = "";

	sscanf(want, "= %63s %63s %79s", cause, next, peer);
	if (strcmp(cause, "none") == 0)
		return ngot == 0;
	return ngot == 1 && got[0].x.verdict.confidence < TRUST_CERTAIN &&
	    strcmp(trust_cause_name(got[0].x.verdict.cause), cause) == 0 &&
	    strcmp(trust_cause_name(got[0].x.verdict.next_best), next) == 0 &&
	    strcmp(got[0].peer, peer) == 0;
}

static void
check(const char *want, const char *text)
{
	if (want[0] == '\0')
		return;
	read_lines(text);
	ncases++;
	if (is_as_wanted(want))
		return;
	nwrong++;
	print_error("%s%s", want, text);
	for (size_t i = 0; i < ngot; i++)
		print_error("  said: %s %s %s: %s; %s\n",
		    trust_cause_name(got[i].x.verdict.cause),
		    trust_cause_name(got[i].x.verdict.next_best),
		    got[i].peer, got[i].x.what, got[i].x.how);
	if (ngot == 0)
		print_error("  said: nothing\n");
}

static void
test_each_programs_lines_are_understood(void **state)
{
	char line[2048], want[256] = "", text[8192] = "";
	FILE *f = fopen(SOURCE_ROOT "/tests/explain/cases.txt", "r");
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '=') {
			check(want, text);
			str_copy(want, sizeof(want), str_cstr(line));
			text[n = 0] = '\0';
		} else if (line[0] != '#' && line[0] != '\n') {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
			    line);
			assert_true(n < sizeof(text));
		}
	}
	fclose(f);
	check(want, text);
	print_message("# %u cases\n", ncases);
	assert_true(ncases > 100);
	assert_int_equal(nwrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_programs_lines_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
