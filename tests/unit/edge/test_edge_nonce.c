/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/nonce: bound to time, client, realm and algorithm; counts rise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "edge/nonce.h"

#define NOW       INT64_C(1795464000)
#define LIFETIME  3600
#define TABLE     64
#define ONE_SET   8    /* entries that lie in one set of the table */
#define THREADS   4
#define COUNTS    2000

static struct addr phone, other;

static int
setup(void **state)
{
	struct nonces *n;

	if (addr_parse(&phone, STR("192.0.2.1:5060"), 0) != 0 ||
	    addr_parse(&other, STR("192.0.2.2:5060"), 0) != 0 ||
	    nonces_new(&n, TABLE) != 0)
		return -1;
	*state = n;
	return 0;
}

static int
teardown(void **state)
{
	nonces_free(*state);
	return 0;
}

/* A request with a nonce: the request is known by its count. */
static struct nonce_use
use(const char *nonce, uint32_t nc, int64_t now_s)
{
	return (struct nonce_use) {
		.nonce = str_cstr(nonce), .alg = DIGEST_MD5, .client = &phone,
		.nc = nc, .request = 1000 + nc, .now_s = now_s,
	};
}

static void
make(struct nonces *n, char out[NONCE_LEN], int64_t now_s)
{
	nonce_make(n, out, DIGEST_MD5, &phone, STR("example.com"), now_s);
}

static enum nonce_verdict
judge(struct nonces *n, struct nonce_use u)
{
	return nonce_judge(n, &u, STR("example.com"), LIFETIME);
}

/* Judged and, when new, used: as a request with the right response. */
static enum nonce_verdict
serve(struct nonces *n, struct nonce_use u)
{
	enum nonce_verdict v = judge(n, u);

	if (v == NONCE_NEW)
		assert_true(nonce_used(n, &u));
	return v;
}

static void
the_text_is_short_and_never_the_same(void **state)
{
	char a[NONCE_LEN], b[NONCE_LEN];

	make(*state, a, NOW);
	make(*state, b, NOW);
	assert_int_equal(strlen(a), NONCE_LEN - 1);
	assert_int_equal(strspn(a, "0123456789abcdef"), NONCE_LEN - 1);
	assert_string_not_equal(a, b);
}

static void
counts_must_rise(void **state)
{
	char nonce[NONCE_LEN];
	struct nonce_use again;

	make(*state, nonce, NOW);
	assert_int_equal(serve(*state, use(nonce, 1, NOW)), NONCE_NEW);
	assert_int_equal(serve(*state, use(nonce, 2, NOW + 1)), NONCE_NEW);
	assert_int_equal(serve(*state, use(nonce, 9, NOW + 2)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 2, NOW + 3)), NONCE_STALE);
	assert_int_equal(judge(*state, use(nonce, 8, NOW + 3)), NONCE_STALE);
	again = use(nonce, 9, NOW + 3);
	again.request++;
	assert_int_equal(judge(*state, again), NONCE_STALE);
	assert_false(nonce_used(*state, &again));
	assert_int_equal(serve(*state, use(nonce, 10, NOW + 3)), NONCE_NEW);
	assert_int_equal(serve(*state, use(nonce, UINT32_MAX, NOW + 3)),
	    NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 0, NOW + 3)), NONCE_STALE);
}

static void
the_same_request_again_is_known_for_32_s(void **state)
{
	char nonce[NONCE_LEN];

	make(*state, nonce, NOW);
	assert_int_equal(serve(*state, use(nonce, 1, NOW)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_RETRANSMIT);
	assert_int_equal(judge(*state, use(nonce, 1, NOW + 31)),
	    NONCE_RETRANSMIT);
	assert_int_equal(judge(*state, use(nonce, 1, NOW + 32)), NONCE_STALE);
	/* Only the last one answered. */
	assert_int_equal(serve(*state, use(nonce, 2, NOW + 1)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW + 2)), NONCE_STALE);
	assert_int_equal(judge(*state, use(nonce, 2, NOW + 2)),
	    NONCE_RETRANSMIT);
}

static void
a_wrong_response_uses_no_count(void **state)
{
	char nonce[NONCE_LEN];

	make(*state, nonce, NOW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_NEW);
}

static void
what_it_is_bound_to(void **state)
{
	char nonce[NONCE_LEN], bad[NONCE_LEN];
	struct nonce_use u;

	make(*state, nonce, NOW);
	u = use(nonce, 1, NOW);
	u.client = &other;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
	u = use(nonce, 1, NOW);
	u.alg = DIGEST_SHA256;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
	u = use(nonce, 1, NOW);
	assert_int_equal(nonce_judge(*state, &u, STR("example.net"), LIFETIME),
	    NONCE_FOREIGN);
	for (size_t i = 0; i < NONCE_LEN - 1; i++) {
		memcpy(bad, nonce, sizeof(bad));
		bad[i] = bad[i] == '0' ? '1' : '0';
		assert_int_not_equal(judge(*state, use(bad, 1, NOW)),
		    NONCE_NEW);
	}
	/* The port may change: a NAT's does. */
	addr_set_port(&phone, 40000);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_NEW);
}

static void
one_in_use_stays_with_its_client(void **state)
{
	char nonce[NONCE_LEN];
	struct nonce_use u;

	make(*state, nonce, NOW);
	assert_int_equal(serve(*state, use(nonce, 1, NOW)), NONCE_NEW);
	u = use(nonce, 2, NOW);
	u.client = &other;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
	u = use(nonce, 1, NOW);
	u.client = &other;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
	u = use(nonce, 2, NOW);
	u.alg = DIGEST_SHA256;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
}

static void
what_is_no_nonce_of_ours(void **state)
{
	static const char *const texts[] = { "", "0", "-1",
		"dcd98b7102dd2f0e8b11d0f600bfb0c093",
		"0000000000000000000000000000000000000000000000000",
		"zzzzzzzz000000000000000000000000000000000000000f0",
		"6b047a40000000000000000000000000000000000000000000" };
	struct nonce_use u = use("", 1, NOW);
	struct nonces *before;
	char nonce[NONCE_LEN];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(judge(*state, use(texts[i], 1, NOW)),
		    NONCE_FOREIGN);
	u.nonce = STR_NULL;
	assert_int_equal(judge(*state, u), NONCE_FOREIGN);
	assert_false(nonce_used(*state, &u));
	/* Of another process, or before a restart. */
	assert_int_equal(nonces_new(&before, TABLE), 0);
	make(before, nonce, NOW);
	assert_int_equal(judge(before, use(nonce, 1, NOW)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_FOREIGN);
	nonces_free(before);
}

static void
it_ages(void **state)
{
	char nonce[NONCE_LEN];

	make(*state, nonce, NOW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW + LIFETIME)),
	    NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 1, NOW + LIFETIME + 1)),
	    NONCE_STALE);
	assert_int_equal(serve(*state, use(nonce, 1, NOW)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 2, NOW + LIFETIME + 1)),
	    NONCE_STALE);
	/* A clock that was put back a little, and one that was not. */
	assert_int_equal(judge(*state, use(nonce, 2, NOW - 5)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 2, NOW - 6)), NONCE_STALE);
}

static void
one_we_do_not_remember_begins_at_one(void **state)
{
	char nonce[NONCE_LEN];

	make(*state, nonce, NOW);
	assert_int_equal(judge(*state, use(nonce, 2, NOW)), NONCE_STALE);
	assert_int_equal(judge(*state, use(nonce, 1, NOW)), NONCE_NEW);
}

static void
without_qop_it_serves_once(void **state)
{
	char nonce[NONCE_LEN];
	struct nonce_use second;

	make(*state, nonce, NOW);
	assert_int_equal(serve(*state, use(nonce, 0, NOW)), NONCE_NEW);
	assert_int_equal(judge(*state, use(nonce, 0, NOW + 1)),
	    NONCE_RETRANSMIT);
	second = use(nonce, 0, NOW + 1);
	second.request++;
	assert_int_equal(judge(*state, second), NONCE_STALE);
}

static void
a_full_table_forgets_the_oldest_and_lets_nobody_replay_it(void **state)
{
	char old[ONE_SET][NONCE_LEN], fresh[NONCE_LEN];
	struct nonces *n;

	assert_int_equal(nonces_new(&n, ONE_SET), 0);
	for (int i = 0; i < ONE_SET; i++) {
		make(n, old[i], NOW + i);
		assert_int_equal(serve(n, use(old[i], 1, NOW + i)), NONCE_NEW);
	}
	/* The first is used again, so the second is the oldest. */
	assert_int_equal(serve(n, use(old[0], 2, NOW + 10)), NONCE_NEW);
	make(n, fresh, NOW + 11);
	assert_int_equal(serve(n, use(fresh, 1, NOW + 11)), NONCE_NEW);
	assert_int_equal(judge(n, use(old[0], 3, NOW + 12)), NONCE_NEW);
	assert_int_equal(judge(n, use(old[2], 2, NOW + 12)), NONCE_NEW);
	assert_int_equal(judge(n, use(old[1], 2, NOW + 12)), NONCE_STALE);
	assert_int_equal(judge(n, use(old[1], 1, NOW + 12)), NONCE_STALE);
	/* Who is challenged now gets in. */
	make(n, fresh, NOW + 12);
	assert_int_equal(serve(n, use(fresh, 1, NOW + 12)), NONCE_NEW);
	nonces_free(n);
}

/* Far more phones at once than the table holds: each still gets in. */
static void
a_storm_over_a_small_table_is_served(void **state)
{
	char nonce[1000][NONCE_LEN];
	struct nonces *n;
	size_t remembered = 0;

	assert_int_equal(nonces_new(&n, ONE_SET), 0);
	for (size_t i = 0; i < ARRAY_LEN(nonce); i++)
		make(n, nonce[i], NOW);
	for (size_t i = 0; i < ARRAY_LEN(nonce); i++)
		assert_int_equal(serve(n, use(nonce[i], 1, NOW)), NONCE_NEW);
	for (size_t i = 0; i < ARRAY_LEN(nonce); i++)
		remembered += judge(n, use(nonce[i], 2, NOW)) == NONCE_NEW;
	assert_int_equal(remembered, ONE_SET);
	nonces_free(n);
}

static void
challenges_cost_no_memory(void **state)
{
	char nonce[NONCE_LEN];
	size_t before;

	make(*state, nonce, NOW);
	judge(*state, use(nonce, 1, NOW));
	before = mallinfo2().uordblks;
	for (int i = 0; i < 10000; i++) {
		make(*state, nonce, NOW);
		judge(*state, use(nonce, 1, NOW));
	}
	assert_int_equal(mallinfo2().uordblks, before);
}

/* ---- threads ---- */

static struct race {
	struct nonces *n;
	char nonce[NONCE_LEN];
	atomic_uint won[COUNTS + 1];
} race;

static void *
runner(void *arg)
{
	char own[NONCE_LEN];

	make(race.n, own, NOW);
	for (uint32_t nc = 1; nc <= COUNTS; nc++) {
		struct nonce_use shared = use(race.nonce, nc, NOW);
		struct nonce_use mine = use(own, nc, NOW);

		shared.request += (uintptr_t)arg << 32;
		if (judge(race.n, shared) == NONCE_NEW &&
		    nonce_used(race.n, &shared))
			atomic_fetch_add(&race.won[nc], 1);
		if (judge(race.n, mine) != NONCE_NEW ||
		    !nonce_used(race.n, &mine))
			return arg;
	}
	return NULL;
}

static void
a_count_is_won_by_one_thread(void **state)
{
	pthread_t thread[THREADS];
	unsigned total = 0;
	void *failed;

	race.n = *state;
	make(race.n, race.nonce, NOW);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, runner,
		    (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	for (int nc = 1; nc <= COUNTS; nc++) {
		assert_in_range(race.won[nc], 0, 1);
		total += race.won[nc];
	}
	assert_true(total > 0);
	assert_int_equal(race.won[COUNTS], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_short_and_never_the_same),
		TEST(counts_must_rise),
		TEST(the_same_request_again_is_known_for_32_s),
		TEST(a_wrong_response_uses_no_count),
		TEST(what_it_is_bound_to),
		TEST(one_in_use_stays_with_its_client),
		TEST(what_is_no_nonce_of_ours),
		TEST(it_ages),
		TEST(one_we_do_not_remember_begins_at_one),
		TEST(without_qop_it_serves_once),
		TEST(a_full_table_forgets_the_oldest_and_lets_nobody_replay_it),
		TEST(a_storm_over_a_small_table_is_served),
		TEST(challenges_cost_no_memory),
		TEST(a_count_is_won_by_one_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
