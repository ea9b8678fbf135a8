/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/nonce: bound, time-bound, counted; a flood costs nothing. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "edge/nonce.h"

#define NOW      1000000
#define LIFETIME 3600
#define REALM    STR("example.com")

struct fixture {
	struct nonces *n;
	struct addr here, there;
	char nonce[NONCE_LEN];
};

static int
setup(void **state)
{
	static struct fixture f;

	if (nonces_new(&f.n, 1024) != 0 ||
	    addr_parse(&f.here, STR("192.0.2.1:5060"), 0) != 0 ||
	    addr_parse(&f.there, STR("192.0.2.2:5060"), 0) != 0)
		return -1;
	nonce_make(f.n, f.nonce, DIGEST_MD5, &f.here, REALM, NOW);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	nonces_free(((struct fixture *)*state)->n);
	return 0;
}

static enum nonce_verdict
judge(struct fixture *f, uint32_t nc, uint64_t request, int64_t now_s)
{
	return nonce_judge(f->n, str_cstr(f->nonce), DIGEST_MD5, &f->here,
	    REALM, nc, request, now_s, LIFETIME);
}

static void
bound_to_client_realm_and_algorithm(void **state)
{
	struct fixture *f = *state;
	struct str nonce = str_cstr(f->nonce);
	char changed[NONCE_LEN];

	assert_int_equal(nonce.n, NONCE_LEN - 1);
	assert_int_equal(judge(f, 1, 1, NOW), NONCE_NEW);
	assert_int_equal(nonce_judge(f->n, nonce, DIGEST_MD5, &f->there, REALM,
	    1, 1, NOW, LIFETIME), NONCE_FOREIGN);
	assert_int_equal(nonce_judge(f->n, nonce, DIGEST_MD5, &f->here,
	    STR("other"), 1, 1, NOW, LIFETIME), NONCE_FOREIGN);
	assert_int_equal(nonce_judge(f->n, nonce, DIGEST_SHA256, &f->here,
	    REALM, 1, 1, NOW, LIFETIME), NONCE_FOREIGN);
	/* Every single character counts. */
	for (size_t i = 0; i < nonce.n; i++) {
		memcpy(changed, f->nonce, sizeof(changed));
		changed[i] = changed[i] == '0' ? '1' : '0';
		assert_int_not_equal(nonce_judge(f->n, str_cstr(changed),
		    DIGEST_MD5, &f->here, REALM, 1, 1, NOW, LIFETIME),
		    NONCE_NEW);
	}
	assert_int_equal(nonce_judge(f->n, STR(""), DIGEST_MD5, &f->here, REALM,
	    1, 1, NOW, LIFETIME), NONCE_FOREIGN);
}

static void
its_time_ends(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge(f, 1, 1, NOW + LIFETIME), NONCE_NEW);
	assert_int_equal(judge(f, 1, 1, NOW + LIFETIME + 1), NONCE_STALE);
	assert_int_equal(judge(f, 1, 1, NOW - 60), NONCE_STALE);
	/* Also for one that is in use. */
	assert_true(nonce_used(f->n, str_cstr(f->nonce), 1, 1, NOW));
	assert_int_equal(judge(f, 2, 2, NOW + LIFETIME + 1), NONCE_STALE);
}

static void
the_count_must_rise(void **state)
{
	struct fixture *f = *state;
	struct str nonce = str_cstr(f->nonce);

	assert_int_equal(judge(f, 7, 1, NOW), NONCE_STALE);
	assert_true(nonce_used(f->n, nonce, 1, 11, NOW));
	assert_int_equal(judge(f, 2, 12, NOW), NONCE_NEW);
	assert_true(nonce_used(f->n, nonce, 5, 15, NOW));
	assert_int_equal(judge(f, 4, 14, NOW), NONCE_STALE);
	assert_int_equal(judge(f, 5, 14, NOW), NONCE_STALE);
	assert_false(nonce_used(f->n, nonce, 5, 16, NOW));
	/* The very request again: a retransmission, for 32 s. */
	assert_int_equal(judge(f, 5, 15, NOW + 31), NONCE_RETRANSMIT);
	assert_int_equal(judge(f, 5, 15, NOW + 32), NONCE_STALE);
}

static void
without_qop_it_serves_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge(f, 0, 1, NOW), NONCE_NEW);
	assert_true(nonce_used(f->n, str_cstr(f->nonce), 0, 1, NOW));
	assert_int_equal(judge(f, 0, 2, NOW), NONCE_STALE);
}

static void
what_is_forgotten_is_challenged_again(void **state)
{
	struct fixture *f = *state;
	char other[NONCE_LEN];

	assert_true(nonce_used(f->n, str_cstr(f->nonce), 1, 1, NOW));
	for (int i = 0; i < 20000; i++) {
		nonce_make(f->n, other, DIGEST_MD5, &f->here, REALM, NOW);
		assert_true(nonce_used(f->n, str_cstr(other), 1, 1, NOW + 1));
	}
	assert_int_equal(judge(f, 2, 2, NOW + 1), NONCE_STALE);
}

struct racer {
	pthread_t thread;
	struct fixture *f;
	unsigned won;
};

static void *
race(void *arg)
{
	struct racer *r = arg;

	for (uint32_t nc = 1; nc <= 20000; nc++)
		r->won += nonce_used(r->f->n, str_cstr(r->f->nonce), nc, nc,
		    NOW);
	return NULL;
}

/* However many threads try, each count is used once. */
static void
a_count_is_used_once_by_all_threads(void **state)
{
	struct racer r[4];
	unsigned won = 0;

	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		r[i] = (struct racer) { .f = *state };
		assert_int_equal(pthread_create(&r[i].thread, NULL, race,
		    &r[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		pthread_join(r[i].thread, NULL);
		won += r[i].won;
	}
	assert_true(won <= 20000);
	assert_int_equal(judge(*state, 20000, 1, NOW), NONCE_STALE);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(bound_to_client_realm_and_algorithm),
		CASE(its_time_ends),
		CASE(the_count_must_rise),
		CASE(without_qop_it_serves_once),
		CASE(what_is_forgotten_is_challenged_again),
		CASE(a_count_is_used_once_by_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
