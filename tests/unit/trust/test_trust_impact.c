/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/impact: each row of impact.def, and which of two counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trust/impact.h"

#define FAULT(name) (1u << TRUST_FAULT_##name)

/* A past that is shown by one row. */
#define NO      { .to_root = true, .lacks = true, .no = 5 }
#define YES     { .to_root = true, .accepts = true, .no = 7,                  \
	.key = TRUST_KEY_RSA, .depth = 2 }
#define ELSE    { .accepts = true, .no = 6, .key = TRUST_KEY_RSA, .depth = 2 }
#define STAYS   { .accepts = true, .no = 6, .stays = true }

static const struct row {
	const char *name;
	struct trust_impact_past past[3];
	size_t n;
	struct trust_impact_question q;
	enum trust_impact_why why;
	int by;
	bool good, dark;
} rows[] = {
	{ "never over TLS", { { 0 } }, 0, { .over_tls = false },
	    TRUST_IMPACT_NO_TLS, -1, false, false },
	{ "never shown", { ELSE }, 1, { 0 }, TRUST_IMPACT_NEVER_SHOWN, -1,
	    true, false },
	{ "accepts the root", { ELSE, YES }, 2, { .depth = 2,
	    .key = TRUST_KEY_RSA }, TRUST_IMPACT_ACCEPTED_ROOT, 1, true,
	    false },
	{ "a shorter chain", { YES }, 1, { .depth = 1 },
	    TRUST_IMPACT_ACCEPTED_ROOT, 0, true, false },
	{ "refused the root", { NO, ELSE }, 2, { 0 },
	    TRUST_IMPACT_REFUSED_ROOT, 0, true, true },
	{ "refused, but another stays", { NO, STAYS }, 2, { 0 },
	    TRUST_IMPACT_REFUSED_ROOT, 0, true, false },
	{ "refused, and is not served anyway", { NO }, 1, { 0 },
	    TRUST_IMPACT_REFUSED_ROOT, 0, false, false },
	{ "accepts it since", { NO, YES }, 2, { 0 },
	    TRUST_IMPACT_ACCEPTED_ROOT, 1, true, false },
	{ "lost it since", { { .to_root = true, .accepts = true, .no = 3 },
	    NO }, 2, { 0 }, TRUST_IMPACT_REFUSED_ROOT, 1, true, true },
	{ "another kind of key", { YES }, 1, { .key = TRUST_KEY_ECDSA },
	    TRUST_IMPACT_OTHER_KEY, 0, true, false },
	{ "a longer chain", { YES }, 1, { .depth = 3 }, TRUST_IMPACT_LONGER,
	    0, true, false },
	{ "a new fault", { YES }, 1, { .faults = FAULT(WEAK_SIGNATURE) },
	    TRUST_IMPACT_NEW_FAULT, 0, true, false },
	{ "refused, not for the root", { { .to_root = true, .no = 2 } }, 1,
	    { 0 }, TRUST_IMPACT_REFUSED_OTHERWISE, 0, false, false },
	{ "asked, it holds the root", { ELSE }, 1, { .asked = DEVICE_YES,
	    .key = TRUST_KEY_RSA, .depth = 2, .kind_lacks = 1 },
	    TRUST_IMPACT_ASKED_HOLDS, -1, true, false },
	{ "it holds the root, but the key is new to it", { ELSE }, 1,
	    { .asked = DEVICE_YES, .key = TRUST_KEY_ECDSA },
	    TRUST_IMPACT_NEVER_SHOWN, -1, true, false },
	{ "asked, it does not hold the root", { ELSE }, 1,
	    { .asked = DEVICE_NO, .published = DEVICE_YES },
	    TRUST_IMPACT_ASKED_LACKS, -1, true, true },
	{ "what it did outweighs what it was asked", { YES, ELSE }, 2,
	    { .asked = DEVICE_NO, .depth = 2 },
	    TRUST_IMPACT_ACCEPTED_ROOT, 0, true, false },
	{ "its kind accepts", { ELSE }, 1, { .kind_accepts = 2 },
	    TRUST_IMPACT_KIND_ACCEPTS, -1, true, false },
	{ "its kind lacks", { ELSE }, 1, { .kind_lacks = 1 },
	    TRUST_IMPACT_KIND_LACKS, -1, true, true },
	{ "its kind differs", { ELSE }, 1, { .kind_accepts = 2,
	    .kind_lacks = 1 }, TRUST_IMPACT_KIND_DIFFERS, -1, true, false },
	{ "its own word before its kind's", { YES }, 1, { .kind_lacks = 9 },
	    TRUST_IMPACT_ACCEPTED_ROOT, 0, true, false },
	{ "published", { ELSE }, 1, { .published = DEVICE_YES },
	    TRUST_IMPACT_PUBLISHED_HOLDS, -1, true, false },
	{ "published, not in it", { ELSE }, 1, { .published = DEVICE_NO },
	    TRUST_IMPACT_PUBLISHED_LACKS, -1, true, true },
	{ "does not check", { ELSE }, 1, { .unchecking = true },
	    TRUST_IMPACT_UNCHECKING, -1, true, false },
	{ "does check after all", { ELSE, { .lacks = true, .no = 1 } }, 2,
	    { .unchecking = true }, TRUST_IMPACT_NEVER_SHOWN, -1, true,
	    false },
};

static void
each_row_of_the_table(void **state)
{
	bool seen[TRUST_IMPACT_WHYS] = { false };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct trust_impact_question q = r->q;
		struct trust_impact got;

		q.past = r->past;
		q.n = r->n;
		q.over_tls = r->n > 0;
		got = trust_impact_of(&q);
		if (got.why != r->why || got.by != r->by ||
		    got.good != r->good || got.dark != r->dark)
			fail_msg("%s: %s by %d, good %d, dark %d", r->name,
			    trust_impact_why_name(got.why), got.by, got.good,
			    got.dark);
		seen[got.why] = true;
	}
	for (int w = 0; w < TRUST_IMPACT_WHYS; w++)
		if (!seen[w])
			fail_msg("no test shows %s",
			    trust_impact_why_name((enum trust_impact_why)w));
}

/* Who says that nobody can tell, says what would. */
static void
what_is_unknown_can_be_decided(void **state)
{
	for (int w = 0; w < TRUST_IMPACT_WHYS; w++) {
		enum trust_impact_why why = (enum trust_impact_why)w;
		bool unknown = why >= TRUST_IMPACT_NEVER_SHOWN &&
		    why < TRUST_IMPACT_NO_TLS;

		assert_int_equal(trust_impact_decides(why)[0] != '\0',
		    unknown);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_the_table),
		cmocka_unit_test(what_is_unknown_can_be_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
