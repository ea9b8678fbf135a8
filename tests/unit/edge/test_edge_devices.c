/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/devices: phones that come, refuse, come back, move, and are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../make_hello.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "edge/devices.h"
#include "store/device.h"
#include "tlswire/alert.h"
#include "tlswire/fingerprint.h"

#define UA  "Cisco/SPA502G-7.6.2"

enum { A = 1, B = 2, C = 4 };

/* In place of tls/ctx: chains a, b and c to roots A, B and C. */
struct tls_ctx {
	struct trust_chain chain[3];
	unsigned n;
};

const struct trust_chain *
tls_ctx_chains(const struct tls_ctx *c, unsigned *n)
{
	*n = c->n;
	return c->chain;
}

static struct tls_ctx ctx;
static char dir[64], lines[8192];
static struct devices *d;
static struct made_hello made[3];
static struct tls_hello hello[3];
static int64_t now_s;

static void
take_line(const char *line, size_t n, void *arg)
{
	size_t at = strlen(lines);

	if (at + n + 2 < sizeof(lines)) {
		memcpy(lines + at, line, n);
		lines[at + n] = '\n';
		lines[at + n + 1] = '\0';
	}
}

static struct conf *
conf_with(const char *name, const char *value)
{
	const struct conf_override over[] = {
		{ "domain", "example.com" }, { "data", dir },
		{ "chain", "a=/x,/y" }, { "chain", "b=/x,/y" },
		{ "chain", "c=/x,/y" }, { name, value },
	};
	struct conf *conf;
	struct buf why;

	buf_init(&why, 4096);
	if (conf_load(&conf, NULL, over, name != NULL ? 6 : 5, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	buf_fini(&why);
	return conf;
}

static void
set(const char *name, const char *value)
{
	struct conf *conf = conf_with(name, value);

	devices_set_conf(d, conf, &ctx);
	conf_unref(conf);
}

static void
start(void)
{
	struct conf *conf = conf_with(NULL, NULL);
	struct buf why;

	buf_init(&why, 4096);
	if (devices_new(&d, dir, conf, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	buf_fini(&why);
	devices_set_conf(d, conf, &ctx);
	conf_unref(conf);
}

static void
restart(void)
{
	devices_free(d);
	start();
}

static void
make_hellos(void)
{
	const uint16_t *const suites[] = { LIST16(0xc02f, 0x009c),
		LIST16(0xc030, 0x009d), LIST16(0xc014, 0x0035) };

	for (int i = 0; i < 3; i++) {
		made_begin(&made[i], i == 2 ? 0x0301 : 0x0303, suites[i], 0);
		assert_int_equal(made_end(&made[i], &hello[i]), 0);
	}
}

static int
setup(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	static const char *const roots[] = { "A", "B", "C" };

	now_s = clock_wall_s();
	memset(&ctx, 0, sizeof(ctx));
	ctx.n = 3;
	for (int i = 0; i < 3; i++) {
		struct trust_chain *c = &ctx.chain[i];

		strcpy(c->name, names[i]);
		strcpy(c->root, roots[i]);
		c->key = TRUST_KEY_RSA;
		c->bits = 2048;
		c->depth = 2;
		c->signed_with = 1u << TRUST_SIGNED_RSA_SHA256;
		c->not_before_s = now_s - 1000000;
		c->not_after_s = now_s + 100000000;
	}
	make_hellos();
	snprintf(dir, sizeof(dir), "%s", "siptrust-devices-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	lines[0] = '\0';
	log_set_sink(take_line, NULL);
	start();
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", ".broken",
		".broken-wal", ".broken-shm" };
	char path[128];

	devices_free(d);
	log_set_sink(NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/devices.db%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* ---- a phone ---- */

struct phone {
	const char *at;      /* "192.0.2.7:5069"                            */
	int hello;
	unsigned holds;      /* roots                                       */
	const char *account, *user_agent;
	struct trust_verdict v; /* of its last refusal                      */
};

static struct device_peer
peer_of(const struct phone *p)
{
	struct device_peer peer;

	assert_int_equal(addr_parse(&peer.addr, str_cstr(p->at), 0), 0);
	peer.fingerprint = tls_hello_fingerprint(&hello[p->hello]);
	return peer;
}

static struct tls_choice
chosen(const struct phone *p)
{
	struct device_peer peer = peer_of(p);
	struct tls_choice c = { .chain = 0 };

	devices_choose(d, &peer, &hello[p->hello], &ctx, &c);
	return c;
}

static void
refuse(struct phone *p, unsigned chain, uint8_t code)
{
	struct device_peer peer = peer_of(p);
	const struct trust_chain *c = &ctx.chain[chain];
	struct trust_evidence e;

	trust_evidence_init(&e);
	trust_evidence_hello(&e, &hello[p->hello]);
	e.peer = peer.addr;
	e.when_s = now_s;
	e.first = TLS_FIRST_TLS;
	strcpy(e.chain, c->name);
	strcpy(e.root, c->root);
	e.chain_not_before_s = c->not_before_s;
	e.chain_not_after_s = c->not_after_s;
	e.chain_depth = c->depth;
	e.our_key = c->key;
	e.our_min_version = TLS_VERSION_1_2;
	e.our_max_version = TLS_VERSION_1_3;
	e.version = TLS_VERSION_1_2;
	e.stage = TRUST_STAGE_CERTIFICATE;
	e.end = TRUST_END_FIN;
	e.us_since_flight = 14000;
	if (code != 0) {
		e.nalert = 1;
		e.alert[0].side = TLS_CLIENT;
		e.alert[0].level = 2;
		e.alert[0].description = code;
	}
	devices_judge(d, &e, peer.fingerprint, &p->v);
}

static void
register_it(const struct phone *p, enum flow_transport transport)
{
	struct device_peer peer = peer_of(p);

	if (transport != FLOW_TLS)
		peer.fingerprint = 0;
	if (p->account != NULL)
		devices_registered(d, &peer, str_cstr(p->account),
		    str_cstr(p->user_agent), transport, now_s);
}

static void
accept_it(const struct phone *p, unsigned chain)
{
	struct device_peer peer = peer_of(p);
	struct device_handshake h = {
		.chain = &ctx.chain[chain], .version = TLS_VERSION_1_2,
		.cipher_suite = 0xc02f, .hello = &hello[p->hello],
		.now_s = now_s,
	};

	devices_accepted(d, &peer, &h);
	register_it(p, FLOW_TLS);
}

/* One connection: 'a' to 'c' in capitals when the chain was accepted. */
static char
come(struct phone *p)
{
	unsigned chain = chosen(p).chain;

	now_s++;
	if ((p->holds & 1u << chain) == 0) {
		refuse(p, chain, TLS_ALERT_unknown_ca);
		return (char)('a' + chain);
	}
	accept_it(p, chain);
	return (char)('A' + chain);
}

static void
comes(struct phone *p, const char *expected)
{
	char did[32] = "";

	for (size_t i = 0; expected[i] != '\0'; i++)
		did[i] = come(p);
	assert_string_equal(did, expected);
}

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
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(refused_then_served),
		TEST(known_again_after_a_restart),
		TEST(the_verdict_is_proven_by_the_next_try),
		TEST(an_accepted_chain_gets_a_second_chance),
		TEST(what_pleases_nobody_goes_round),
		TEST(a_refusal_is_forgotten),
		TEST(only_what_is_about_the_chain_counts),
		TEST(an_old_version_is_remembered_but_no_refusal),
		TEST(pins),
		TEST(a_profile_names_a_family),
		TEST(a_model_known_by_udp_is_pinned_when_it_comes_over_tls),
		TEST(a_refused_handshake_is_named),
		TEST(the_next_of_a_kind_is_served_at_once),
		TEST(what_its_kind_accepts_is_named),
		TEST(a_scanner_has_no_voice),
		TEST(a_phone_takes_its_history_along),
		TEST(what_is_seen_where_it_just_left_is_another),
		TEST(two_behind_a_nat_with_two_fingerprints),
		TEST(two_behind_a_nat_with_one_fingerprint),
		TEST(two_that_agree_on_nothing_are_both_served),
		TEST(a_refusal_among_many_acceptances),
		TEST(two_accounts_over_one_connection),
		TEST(what_fetched_a_root_is_given_its_chain),
		TEST(a_million_scanners_fill_nothing),
		TEST(one_address_does_not_push_out_others),
		TEST(one_account_does_not_fill_the_fleet),
		TEST(what_is_in_the_file),
		TEST(a_broken_file_is_set_aside),
		TEST(a_file_that_goes_is_made_again),
		TEST(several_threads_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
