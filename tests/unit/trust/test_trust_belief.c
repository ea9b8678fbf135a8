/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/belief: what deeds and verdicts say of a device's roots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trust/belief.h"

#define FACT(c, r, acc, acc_no, ref, ref_no, why, sure)                        \
	{ .chain = { c, 1 }, .root = { r, 1 }, .accepted = acc,                \
	  .accepted_no = acc_no, .refused = ref, .refused_no = ref_no,         \
	  .cause = TRUST_CAUSE_##why, .confidence = TRUST_##sure }

#define NO_RISK(c, r) FACT(c, r, 1, 5, 0, 0, NONE, POSSIBLE)

static const struct row {
	const char *what;
	struct trust_fact fact[3];
	size_t n;
	enum trust_holding holding[2];
	size_t beliefs;
} rows[] = {
	{ "never refused anything: it may not check",
	  { NO_RISK("a", "A"), NO_RISK("b", "B") }, 2,
	  { TRUST_ACCEPTS, TRUST_ACCEPTS }, 2 },
	{ "refused one root, so it checks, so it holds the other",
	  { FACT("a", "A", 0, 0, 1, 1, UNTRUSTED_ROOT, CERTAIN),
	    NO_RISK("b", "B") }, 2, { TRUST_LACKS, TRUST_HOLDS }, 2 },
	{ "likely is enough to say so",
	  { FACT("a", "A", 0, 0, 1, 1, UNTRUSTED_ROOT, LIKELY) }, 1,
	  { TRUST_LACKS }, 1 },
	{ "possible is not", { FACT("a", "A", 0, 0, 1, 1, UNTRUSTED_ROOT,
	    POSSIBLE), NO_RISK("b", "B") }, 2,
	  { TRUST_CANNOT_TELL, TRUST_ACCEPTS }, 2 },
	{ "refused for its name: that says nothing of the root",
	  { FACT("a", "A", 0, 0, 9, 9, NAME_MISMATCH, CERTAIN) }, 1,
	  { TRUST_CANNOT_TELL }, 1 },
	{ "refused first, accepted since: it was installed",
	  { FACT("a", "A", 1, 9, 3, 3, UNTRUSTED_ROOT, CERTAIN) }, 1,
	  { TRUST_ACCEPTS }, 1 },
	{ "accepted first, refused since",
	  { FACT("a", "A", 9, 3, 1, 9, UNTRUSTED_ROOT, LIKELY) }, 1,
	  { TRUST_LACKS }, 1 },
	{ "of two chains to one root the accepted one counts",
	  { FACT("a", "A", 0, 0, 1, 1, UNTRUSTED_ROOT, LIKELY),
	    NO_RISK("b", "A") }, 2, { TRUST_HOLDS }, 1 },
};

static void
each_row(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trust_belief b[TRUST_BELIEFS_MAX];
		size_t n = trust_beliefs(b, rows[i].fact, rows[i].n);

		if (n != rows[i].beliefs)
			fail_msg("%s: %zu beliefs", rows[i].what, n);
		for (size_t k = 0; k < n; k++)
			if (b[k].holding != rows[i].holding[k])
				fail_msg("%s: root %zu %s", rows[i].what, k,
				    trust_holding_name(b[k].holding));
	}
}

static void
no_more_than_there_is_room_for(void **state)
{
	struct trust_fact fact[100] = { { .accepted = 0 } };
	struct trust_belief b[TRUST_BELIEFS_MAX];
	static const char names[] = "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz__";

	for (size_t i = 0; i < 100; i++)
		fact[i].root = str_of(names + i, 2);
	assert_int_equal(trust_beliefs(b, fact, 100), TRUST_BELIEFS_MAX);
	assert_int_equal(trust_beliefs(b, fact, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
