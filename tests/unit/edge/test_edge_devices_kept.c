/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/devices: how much it keeps, its file, and several threads at once. */
#include <pthread.h>
#include <unistd.h>

#include "fleet_world.h"
#include "store/device.h"

/* ---- bounds ---- */

static void
a_million_scanners_fill_nothing(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };
	struct phone s = { NULL, 1, 0, NULL, NULL, { 0 } };
	char at[32];
	size_t registered, cached;

	comes(&p, "aB");
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(at, sizeof(at), "10.%u.%u.%u:99", i >> 14 & 255,
		    i >> 7 & 127, i & 127);
		s.at = at;
		refuse(&s, 0, TLS_ALERT_unknown_ca);
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	assert_true(cached <= 8192);
	comes(&p, "BB");
	restart();
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	assert_true(cached <= 1000); /* and the file is not full of them */
	comes(&p, "B");
}

/* One address with another ClientHello each time pushes out its own alone. */
static void
one_address_does_not_push_out_others(void **state)
{
	struct phone q = { "192.0.2.8:1", 0, B, NULL, NULL, { 0 } };
	struct device_peer peer = peer_of(&q);
	struct trust_evidence e;
	size_t registered, cached;

	comes(&q, "a");
	assert_int_equal(addr_parse_ip(&peer.addr, STR("192.0.2.66")), 0);
	for (uint64_t fingerprint = 1; fingerprint < 1000; fingerprint++) {
		trust_evidence_init(&e);
		e.peer = peer.addr;
		e.when_s = now_s;
		e.hello_seen = true;
		e.first = TLS_FIRST_TLS;
		strcpy(e.chain, "a");
		strcpy(e.root, "A");
		e.stage = TRUST_STAGE_CERTIFICATE;
		e.end = TRUST_END_FIN;
		e.us_since_flight = 1000;
		devices_judge(d, &e, fingerprint, &q.v);
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(cached, 17);
	comes(&q, "B");
}

static void
one_account_does_not_fill_the_fleet(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, A, "100@x.org", NULL, { 0 } };
	char ua[32];
	size_t registered, cached;

	for (int i = 0; i < 100; i++) {
		snprintf(ua, sizeof(ua), "phone %d", i);
		p.user_agent = ua;
		now_s++;
		accept_it(&p, 0);
	}
	devices_count(d, &registered, &cached);
	assert_true(registered <= 33);
	restart();
	devices_count(d, &registered, &cached);
	assert_true(registered <= 33);
}

/* ---- the file ---- */

static int
first_row(const struct store_device *row, void *arg)
{
	assert_true(str_eq(row->address, STR("192.0.2.7")));
	assert_true(str_eq(row->accounts, STR("100@x.org")));
	assert_true(str_eq(row->user_agent, STR(UA)));
	assert_true(str_eq(row->chain, STR("b")));
	assert_true(str_eq(row->cause, STR("untrusted_root")));
	assert_true(str_eq(row->confidence, STR("certain")));
	assert_true(row->remedy.n > 0 && row->reason.n > 0);
	assert_int_equal(row->tls_version, TLS_VERSION_1_2);
	assert_int_equal(row->ja4.n, TLS_JA4_LEN - 1);
	*(int64_t *)arg = row->id;
	return 0;
}

static int
next_event(const struct store_event *e, void *arg)
{
	static const char *const expected[] = { "proven", "accepted",
		"refused" };
	int *n = arg;

	assert_true(*n < 3 && str_eq(e->what, str_cstr(expected[*n])));
	assert_true(str_eq(e->chain, str_cstr(*n == 1 ? "b" : "a")));
	(*n)++;
	return 0;
}

static void
what_is_in_the_file(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };
	struct device_store *s;
	char why[256];
	int64_t id = 0;
	int n = 0;

	comes(&p, "aBB");
	devices_sync(d);
	assert_int_equal(device_store_open(&s, dir, true, why, sizeof(why)),
	    0);
	assert_int_equal(device_store_each(s, first_row, &id), 0);
	assert_true(id > 0);
	assert_int_equal(device_store_each_event(s, id, next_event, &n), 0);
	assert_int_equal(n, 3);
	device_store_close(s);
}

static void
a_broken_file_is_set_aside(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };
	char path[128];
	FILE *f;

	comes(&p, "aB");
	devices_free(d);
	snprintf(path, sizeof(path), "%s/devices.db", dir);
	f = fopen(path, "w");
	for (int i = 0; i < 5000; i++)
		fputs("garbage", f);
	fclose(f);
	start();
	assert_non_null(strstr(lines, "err devices-broken "));
	comes(&p, "aB");
}

static void
a_file_that_goes_is_made_again(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.8:5069", 1, B, "101@x.org", UA, { 0 } };
	char path[128];

	comes(&p, "aB");
	devices_sync(d);
	snprintf(path, sizeof(path), "%s/devices.db", dir);
	unlink(path);
	comes(&q, "aB");
	devices_sync(d);
	assert_non_null(strstr(lines, "warn devices-file-gone "));
	restart();
	comes(&p, "B");
	comes(&q, "B");
}

/* ---- several threads ---- */

static void *
many(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (int i = 0; i < 3000; i++) {
		unsigned r = (unsigned)rand_r(&seed);
		char at[32], account[32];
		struct phone p = { at, (int)(r % 2), r >> 4 & 7, account, UA,
			{ 0 } };
		unsigned chain;

		snprintf(at, sizeof(at), "10.0.0.%u:%u", r >> 8 & 15,
		    1000 + (r >> 12 & 3));
		snprintf(account, sizeof(account), "%u@x", r >> 14 & 15);
		chain = chosen(&p).chain;
		if ((p.holds & 1u << chain) == 0)
			refuse(&p, chain, TLS_ALERT_unknown_ca);
		else
			accept_it(&p, chain);
		if (i % 100 == 0) {
			struct device_peer peer = peer_of(&p);

			devices_fetched(d, &peer.addr, STR("B"), now_s);
			register_it(&p, FLOW_UDP);
		}
		if (i % 500 == 0)
			devices_sync(d);
	}
	return NULL;
}

static void
several_threads_at_once(void **state)
{
	pthread_t thread[4];
	unsigned seed[4];
	size_t registered, cached, before;

	for (unsigned i = 0; i < 4; i++) {
		seed[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, many,
		    &seed[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	devices_count(d, &registered, &cached);
	assert_true(registered > 0);
	before = registered;
	restart();
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_million_scanners_fill_nothing),
		CASE(one_address_does_not_push_out_others),
		CASE(one_account_does_not_fill_the_fleet),
		CASE(what_is_in_the_file),
		CASE(a_broken_file_is_set_aside),
		CASE(a_file_that_goes_is_made_again),
		CASE(several_threads_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
