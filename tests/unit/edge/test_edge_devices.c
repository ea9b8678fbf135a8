/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/devices: phones that come, refuse, come back, move, and are known. */
#include "fleet_world.h"

/* ---- one phone ---- */

static void
refused_then_served(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };

	comes(&p, "aBBBB");
	p.at = "192.0.2.7:5070"; /* another connection */
	comes(&p, "BB");
}

static void
known_again_after_a_restart(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, C, "100@x.org", UA, { 0 } };
	struct phone q = { "[2001:db8::7]:1", 1, 0, NULL, NULL, { 0 } };
	size_t registered, cached;

	comes(&p, "abC");
	comes(&q, "a");
	restart();
	comes(&p, "CC");
	comes(&q, "bc"); /* one that never registered is known, too */
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	assert_int_equal(cached, 1);
}

static void
the_verdict_is_proven_by_the_next_try(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };

	come(&p);
	assert_int_equal(p.v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
	assert_int_equal(p.v.confidence, TRUST_LIKELY);
	assert_null(strstr(lines, "tls-served"));
	come(&p);
	assert_non_null(strstr(lines, "info tls-served peer=192.0.2.7:5069 "));
	assert_non_null(strstr(lines, " chain=b refused=a "
	    "cause=untrusted_root confidence=certain remedy="));
	assert_non_null(strstr(lines, "same device accepts chain b"));
	/* And from then on a refusal is certain at once. */
	refuse(&p, 0, TLS_ALERT_unknown_ca);
	assert_int_equal(p.v.confidence, TRUST_CERTAIN);
	assert_string_equal(p.v.accepts, "b");
	assert_non_null(strstr(p.v.reason, "2 of 2 attempts"));
}

static void
an_accepted_chain_gets_a_second_chance(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, A, "100@x.org", UA, { 0 } };

	comes(&p, "AA");
	p.holds = B;
	comes(&p, "aaBB");
	/* It had a factory reset, then its CA was installed again. */
	p.holds = A;
	comes(&p, "bb");
	assert_int_equal(come(&p), 'c');
	comes(&p, "A");
}

static void
what_pleases_nobody_goes_round(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, 0, NULL, NULL, { 0 } };

	comes(&p, "abcabcabc");
	p.holds = B;
	comes(&p, "aBB");
}

static void
a_refusal_is_forgotten(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, 0, NULL, NULL, { 0 } };

	struct phone q = { "192.0.2.8:5069", 0, 0, NULL, NULL, { 0 } };

	set("refusal_memory", "60");
	now_s -= 30;
	comes(&p, "a");
	assert_int_equal(chosen(&p).chain, 1);
	now_s -= 40;
	comes(&q, "a");
	assert_int_equal(chosen(&q).chain, 0);
}

/* ---- what is no refusal of the chain ---- */

static void
only_what_is_about_the_chain_counts(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, NULL, NULL, { 0 } };
	struct device_peer peer = peer_of(&p);
	struct trust_evidence e;
	size_t registered, cached;

	for (int i = 0; i < 3; i++) {
		trust_evidence_init(&e);
		trust_evidence_hello(&e, &hello[0]);
		e.peer = peer.addr;
		e.when_s = now_s;
		strcpy(e.chain, "a");
		strcpy(e.root, "A");
		e.version = TLS_VERSION_1_2;
		e.stage = i == 2 ? TRUST_STAGE_HELLO : TRUST_STAGE_CERTIFICATE;
		e.end = i == 2 ? TRUST_END_FIN : TRUST_END_TIMEOUT;
		e.first = i == 1 ? TLS_FIRST_SIP : TLS_FIRST_TLS;
		devices_judge(d, &e, peer.fingerprint, &p.v);
		assert_int_not_equal(p.v.cause, TRUST_CAUSE_NONE);
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(registered + cached, 0);
	assert_int_equal(chosen(&p).chain, 0);
}

static void
an_old_version_is_remembered_but_no_refusal(void **state)
{
	struct phone p = { "192.0.2.7:5069", 2, A, NULL, NULL, { 0 } };
	struct device_peer peer = peer_of(&p);
	struct trust_evidence e;
	size_t registered, cached;

	trust_evidence_init(&e);
	trust_evidence_hello(&e, &hello[2]);
	e.first = TLS_FIRST_TLS;
	e.peer = peer.addr;
	e.our_min_version = TLS_VERSION_1_2;
	e.our_max_version = TLS_VERSION_1_3;
	e.stage = TRUST_STAGE_HELLO;
	e.end = TRUST_END_US;
	devices_judge(d, &e, peer.fingerprint, &p.v);
	assert_int_equal(p.v.cause, TRUST_CAUSE_PROTOCOL_VERSION);
	devices_count(d, &registered, &cached);
	assert_int_equal(cached, 1);
	assert_int_equal(chosen(&p).chain, 0);
	assert_false(chosen(&p).old_versions);
	set("old_tls", "192.0.2.0/24");
	assert_true(chosen(&p).old_versions);
	set("old_tls", "192.0.3.0/24");
	assert_false(chosen(&p).old_versions);
}

/* ---- what is said about it ---- */

static void
pins(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, C, "100@x.org", UA, { 0 } };
	char ja4[TLS_JA4_LEN], text[80];

	set("pin", "192.0.2.7=c");
	assert_int_equal(chosen(&p).chain, 2);
	set("pin", "192.0.2.8=c");
	assert_int_equal(chosen(&p).chain, 0);
	tls_ja4(&hello[0], ja4);
	snprintf(text, sizeof(text), "ja4:%s=b", ja4);
	set("pin", text);
	assert_int_equal(chosen(&p).chain, 1);
	set("pin", "account:100=c");
	assert_int_equal(chosen(&p).chain, 0);
	comes(&p, "abC");
	set("pin", "account:100=b");
	assert_int_equal(chosen(&p).chain, 1);
	set("pin", "model:Cisco/SPA=a");
	assert_int_equal(chosen(&p).chain, 0);
	set("pin", "model:Yealink=a");
	assert_int_equal(chosen(&p).chain, 2);
}

/* TLS 1.0 for a family of phones alone (story: those 12 need it). */
static void
a_profile_names_a_family(void **state)
{
	struct phone p = { "192.0.2.7:5060", 2, C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.8:5060", 2, C, NULL, NULL, { 0 } };
	struct device_catalogue *c = NULL;
	struct profiles *profiles = NULL;
	struct device_peer peer = peer_of(&q);
	struct conf *conf = conf_with("old_tls", "profile:cisco-spa50x");
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(profiles_read(&c, conf, &why), 0);
	assert_int_equal(profiles_new(&profiles, c), 0);
	devices_set_conf(d, conf, &ctx);
	register_it(&p, FLOW_UDP);
	assert_false(chosen(&p).old_versions); /* no profiles are known */
	devices_set_profiles(d, profiles);
	assert_true(chosen(&p).old_versions);
	/* One that never registered, by what it said at that address. */
	assert_false(chosen(&q).old_versions);
	devices_saw(d, &peer.addr, STR("Cisco/SPA303-7.5.6a"));
	assert_true(chosen(&q).old_versions);
	devices_saw(d, &peer.addr, STR("snom370/8.7.5.48"));
	assert_false(chosen(&q).old_versions);
	/* Another catalogue: it is looked up again. */
	profiles_set(profiles, device_catalogue_ref(c));
	assert_true(chosen(&p).old_versions);
	set("old_tls", "profile:yealink-v80");
	assert_false(chosen(&p).old_versions);
	devices_set_profiles(d, NULL);
	profiles_free(profiles);
	conf_unref(conf);
	buf_fini(&why);
}

static void
a_model_known_by_udp_is_pinned_when_it_comes_over_tls(void **state)
{
	struct phone p = { "192.0.2.7:5060", 0, C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.7:5062", 0, C, "101@x.org", UA, { 0 } };
	size_t registered, cached;

	set("pin", "model:Cisco/SPA=c");
	register_it(&p, FLOW_UDP);
	assert_int_equal(chosen(&p).chain, 2);
	/* Behind a NAT with a second one nobody knows which of them it is. */
	register_it(&q, FLOW_UDP);
	assert_int_equal(chosen(&p).chain, 0);
	/* It is one device, now with a fingerprint. */
	accept_it(&p, 2);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 2);
	assert_int_equal(cached, 0);
}

static void
a_refused_handshake_is_named(void **state)
{
	struct phone p = { "192.0.2.7:5060", 0, 0, NULL, NULL, { 0 } };
	struct device_peer peer = peer_of(&p);
	struct trust_evidence e;
	char name[64];

	assert_false(devices_agent(d, &peer.addr, name, sizeof(name)));
	devices_saw(d, &peer.addr, STR("Yealink SIP-T21P"));
	assert_true(devices_agent(d, &peer.addr, name, sizeof(name)));
	assert_string_equal(name, "Yealink SIP-T21P");
	trust_evidence_init(&e);
	e.peer = peer.addr;
	devices_judge(d, &e, 1, &p.v);
	assert_string_equal(e.device, "Yealink SIP-T21P");
}

/* ---- kinds ---- */

static void
the_next_of_a_kind_is_served_at_once(void **state)
{
	struct phone first = { "192.0.2.1:5", 0, B, "1@x.org", UA, { 0 } };
	struct phone next = { "192.0.2.2:5", 0, B, "2@x.org", UA, { 0 } };
	struct phone other = { "192.0.2.3:5", 1, B, "3@x.org", UA, { 0 } };

	comes(&first, "aB");
	comes(&next, "B");
	comes(&other, "aB");
	restart();
	next.at = "192.0.2.4:5";
	next.account = "4@x.org";
	comes(&next, "B");
}

static void
what_its_kind_accepts_is_named(void **state)
{
	struct phone first = { "192.0.2.1:5", 0, B, "1@x.org", UA, { 0 } };
	struct phone next = { "192.0.2.2:5", 0, 0, NULL, NULL, { 0 } };
	struct buf remedy;

	comes(&first, "aB");
	refuse(&next, 0, TLS_ALERT_unknown_ca);
	buf_init(&remedy, 1000);
	assert_string_equal(next.v.accepts, "b");
	buf_fini(&remedy);
}

/* Who only refuses and never registers has no voice. */
static void
a_scanner_has_no_voice(void **state)
{
	struct phone p = { NULL, 0, 0, NULL, NULL, { 0 } };
	struct phone q = { "192.0.2.9:5", 0, A, "1@x.org", UA, { 0 } };
	char at[32];

	for (int i = 1; i < 200; i++) {
		snprintf(at, sizeof(at), "198.51.100.%d:99", i);
		p.at = at;
		come(&p);
	}
	comes(&q, "A");
}

/* ---- addresses ---- */

static void
a_phone_takes_its_history_along(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, C, "100@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&p, "abC");
	p.at = "203.0.113.9:1024";
	/* Unknown there until it registers; its kind is not. */
	assert_int_equal(chosen(&p).chain, 2);
	accept_it(&p, 2);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	assert_int_equal(cached, 0);
	refuse(&p, 0, TLS_ALERT_unknown_ca);
	assert_int_equal(p.v.confidence, TRUST_CERTAIN);
	assert_non_null(strstr(p.v.reason, "2 of 2 attempts"));
	restart();
	comes(&p, "C");
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
}

static void
what_is_seen_where_it_just_left_is_another(void **state)
{
	struct phone p = { "192.0.2.7:5069", 0, B, "100@x.org", UA, { 0 } };
	struct phone q = { "203.0.113.9:1", 0, B, "100@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&p, "aB");
	comes(&q, "B");
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	for (int i = 0; i < 3; i++) {
		comes(&p, "B");
		comes(&q, "B");
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 2);
	assert_int_equal(cached, 0);
}

static void
two_behind_a_nat_with_two_fingerprints(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, A, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.7:1002", 1, B, "101@x.org", "Y",
		{ 0 } };

	comes(&p, "A");
	comes(&q, "aB");
	comes(&p, "A");
	comes(&q, "B");
	comes(&p, "A");
}

static void
two_behind_a_nat_with_one_fingerprint(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, A | C, "100@x.org", UA,
		{ 0 } };
	struct phone q = { "192.0.2.7:1002", 0, B | C, "101@x.org", UA,
		{ 0 } };
	size_t registered, cached;
	unsigned refused = 0;

	come(&p);
	for (int i = 0; i < 8; i++)
		come(&q);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 2);
	for (int i = 0; i < 8; i++) {
		come(&p);
		come(&q);
	}
	/* Both accept c: that is where it comes to rest. */
	for (int i = 0; i < 20; i++) {
		refused += come(&p) > 'Z';
		refused += come(&q) > 'Z';
	}
	assert_int_equal(refused, 0);
	assert_int_equal(chosen(&p).chain, 2);
}

/* Nothing that both accept: they take turns, whoever comes more often. */
static void
two_that_agree_on_nothing_are_both_served(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, A, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.7:1002", 0, B, "101@x.org", UA, { 0 } };
	unsigned served[2] = { 0 };

	for (int round = 0; round < 40; round++) {
		unsigned n = 0, m = 0;

		while (come(&p) > 'Z')
			assert_true(++n < 7);
		while (come(&q) > 'Z')
			assert_true(++m < 7);
	}
	for (int i = 0; i < 100; i++) {
		served[0] += come(&p) < 'a';
		served[1] += come(&q) < 'a';
	}
	assert_true(served[0] > 30 && served[1] > 30);
}

/* One cable that was pulled is no reason to try other chains on fifty. */
static void
a_refusal_among_many_acceptances(void **state)
{
	char account[32], at[32];
	struct phone p = { at, 0, A, account, UA, { 0 } };
	size_t registered, cached;
	unsigned refused = 0;

	for (int round = 0; round < 10; round++)
		for (int i = 0; i < 50; i++) {
			snprintf(at, sizeof(at), "192.0.2.7:%d", 1000 + i);
			snprintf(account, sizeof(account), "%d@x", i);
			refused += come(&p) > 'Z';
			if (round == 5 && i == 0)
				refuse(&p, 0, 0);
		}
	assert_int_equal(refused, 0);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 50);
	assert_int_equal(cached, 1);
}

/* Two lines of one phone over one connection are one device. */
static void
two_accounts_over_one_connection(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, B, "100@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&p, "aB");
	p.account = "101@x.org";
	register_it(&p, FLOW_TLS);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	p.at = "203.0.113.9:77";
	comes(&p, "B");
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
}

/* ---- CA files ---- */

static void
what_fetched_a_root_is_given_its_chain(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.7:2", 1, B, "101@x.org", UA, { 0 } };
	struct phone r = { "192.0.2.99:2", 1, A | C, NULL, NULL, { 0 } };
	struct device_peer peer = peer_of(&p);

	comes(&q, "aB");
	comes(&p, "abC");
	p.holds = A | C;
	devices_fetched(d, &peer.addr, STR("A"), now_s);
	assert_null(strstr(lines, "ca-worked"));
	comes(&p, "A");
	assert_non_null(strstr(lines, "info ca-worked device="));
	assert_non_null(strstr(lines, " peer=192.0.2.7:1 chain=a root=A"));
	lines[0] = '\0'; /* said once */
	comes(&p, "A");
	assert_null(strstr(lines, "ca-worked"));
	/* Both had refused it, so either may have fetched it; once. */
	comes(&q, "aBB");
	/* Before anything else was known of it. */
	peer = peer_of(&r);
	devices_fetched(d, &peer.addr, STR("C"), now_s);
	comes(&r, "C");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refused_then_served),
		CASE(known_again_after_a_restart),
		CASE(the_verdict_is_proven_by_the_next_try),
		CASE(an_accepted_chain_gets_a_second_chance),
		CASE(what_pleases_nobody_goes_round),
		CASE(a_refusal_is_forgotten),
		CASE(only_what_is_about_the_chain_counts),
		CASE(an_old_version_is_remembered_but_no_refusal),
		CASE(pins),
		CASE(a_profile_names_a_family),
		CASE(a_model_known_by_udp_is_pinned_when_it_comes_over_tls),
		CASE(a_refused_handshake_is_named),
		CASE(the_next_of_a_kind_is_served_at_once),
		CASE(what_its_kind_accepts_is_named),
		CASE(a_scanner_has_no_voice),
		CASE(a_phone_takes_its_history_along),
		CASE(what_is_seen_where_it_just_left_is_another),
		CASE(two_behind_a_nat_with_two_fingerprints),
		CASE(two_behind_a_nat_with_one_fingerprint),
		CASE(two_that_agree_on_nothing_are_both_served),
		CASE(a_refusal_among_many_acceptances),
		CASE(two_accounts_over_one_connection),
		CASE(what_fetched_a_root_is_given_its_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
