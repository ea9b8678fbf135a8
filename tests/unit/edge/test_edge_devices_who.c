/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/devices: whose handshake it was, behind a NAT and after an update. */
#include "fleet_world.h"
#include "store/device.h"
#include "store/probe.h"
#include "trust/belief.h"

/* What the file has of the device with this account. */
struct found {
	struct str account;
	unsigned n;               /* devices that have it                   */
	int64_t id;
	uint16_t version;
	unsigned accepted;        /* chain b                                */
	char chain[16], agent[64];
	unsigned others;          /* devices without an account             */
};

static int
on_row(const struct store_device *row, void *arg)
{
	struct found *f = arg;

	f->others += row->accounts.n == 0;
	if (!str_eq(row->accounts, f->account))
		return 0;
	f->n++;
	f->id = row->id;
	f->version = row->tls_version;
	assert_true(str_copy(f->chain, sizeof(f->chain), row->chain));
	assert_true(str_copy(f->agent, sizeof(f->agent), row->user_agent));
	return 0;
}

static int
on_deed(const struct store_deed *row, void *arg)
{
	struct found *f = arg;

	if (str_eq(row->chain, STR("b")))
		f->accepted = row->accepted;
	return 0;
}

static struct found
in_the_file(const char *account)
{
	struct found f = { .account = str_cstr(account) };
	struct device_store *s;
	char why[256];

	devices_sync(d);
	assert_int_equal(device_store_open(&s, dir, true, why, sizeof(why)),
	    0);
	assert_int_equal(device_store_each(s, on_row, &f), 0);
	if (f.n > 0)
		assert_int_equal(device_store_each_deed(s, f.id, on_deed, &f),
		    0);
	device_store_close(s);
	return f;
}

/*
 * Two of one model behind a NAT: their next chain was counted for nobody, so
 * both were said to be on the old one for ever.
 */
static void
behind_a_nat_each_is_known_by_its_own_last_chain(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, A | B, "100@x.org", UA,
		{ 0 } };
	struct phone q = { "192.0.2.7:1002", 0, A | B, "101@x.org", UA,
		{ 0 } };
	struct found f;

	comes(&p, "A");
	comes(&q, "A");
	assert_string_equal(in_the_file("101@x.org").chain, "a");
	set("pin", "192.0.2.7=b");
	comes(&p, "B");
	p.at = "192.0.2.7:1003";
	q.at = "192.0.2.7:1004";
	comes(&q, "BB");
	comes(&p, "B");
	f = in_the_file("100@x.org");
	assert_string_equal(f.chain, "b");
	assert_int_equal(f.accepted, 2);
	f = in_the_file("101@x.org");
	assert_string_equal(f.chain, "b");
	assert_int_equal(f.accepted, 2);
}

/* It was shown no chain: the one that another was shown is not its own. */
static void
a_session_resumed_behind_a_nat_is_no_acceptance(void **state)
{
	struct phone p = { "192.0.2.7:1001", 0, A | B, "100@x.org", UA,
		{ 0 } };
	struct phone q = { "192.0.2.7:1002", 0, A | B, "101@x.org", UA,
		{ 0 } };
	struct device_peer peer;
	struct device_handshake h = { .version = TLS_VERSION_1_3,
		.cipher_suite = 0x1301, .now_s = now_s };

	comes(&p, "A");
	comes(&q, "A");
	set("pin", "192.0.2.7=b");
	comes(&p, "B");
	q.at = "192.0.2.7:1009";
	peer = peer_of(&q);
	devices_accepted(d, &peer, &h);
	register_it(&q, FLOW_TLS);
	assert_string_equal(in_the_file("101@x.org").chain, "a");
	assert_int_equal(in_the_file("101@x.org").accepted, 0);
	assert_int_equal(in_the_file("101@x.org").version, TLS_VERSION_1_3);
}

/* Twenty at once: all refused the first before any could say who it is. */
static void
twenty_behind_a_nat_reboot_at_once(void **state)
{
	char account[20][32], at[20][32];
	struct phone p[20];
	size_t registered, cached;

	for (int i = 0; i < 20; i++) {
		snprintf(at[i], sizeof(at[i]), "192.0.2.7:%d", 1000 + i);
		snprintf(account[i], sizeof(account[i]), "%d@x", i);
		p[i] = (struct phone) { at[i], 0, B, account[i], UA, { 0 } };
		assert_int_equal(chosen(&p[i]).chain, 0);
	}
	for (int i = 0; i < 20; i++)
		refuse(&p[i], 0, TLS_ALERT_unknown_ca);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 20; i++)
			comes(&p[i], "B");
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 20);
	for (int i = 0; i < 20; i++)
		assert_string_equal(in_the_file(account[i]).chain, "b");
}

/* Two leases are swapped: each takes what it did along. */
static void
two_phones_swap_their_addresses(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, B | C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.8:1", 0, A | C, "101@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&q, "A");
	set("pin", "192.0.2.7=b");
	comes(&p, "B");
	set(NULL, NULL);
	p.at = "192.0.2.8:2";
	q.at = "192.0.2.7:2";
	/* Each is refused what the other accepts, and served then. */
	for (int i = 0; i < 4; i++) {
		come(&p);
		come(&q);
	}
	for (int i = 0; i < 4; i++) {
		assert_true(come(&p) < 'a');
		assert_true(come(&q) < 'a');
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 2);
	assert_int_equal(in_the_file("100@x.org").n, 1);
	assert_int_equal(in_the_file("101@x.org").n, 1);
}

/* ---- another ClientHello each time ---- */

/* What becomes of one connection with this hello: as come() says it. */
static char
comes_as(struct phone *p, uint64_t fingerprint)
{
	struct device_peer peer = peer_of(p);
	struct tls_choice c = { .chain = 0 };
	struct trust_evidence e;

	peer.fingerprint = fingerprint;
	devices_choose(d, &peer, &hello[0], &ctx, &c);
	now_s++;
	if ((p->holds & 1u << c.chain) != 0) {
		struct device_handshake h = {
			.chain = &ctx.chain[c.chain], .version = 0x0303,
			.now_s = now_s,
		};

		devices_accepted(d, &peer, &h);
		if (p->account != NULL)
			devices_registered(d, &peer, str_cstr(p->account),
			    str_cstr(p->user_agent), FLOW_TLS, now_s);
		return (char)('A' + c.chain);
	}
	trust_evidence_init(&e);
	e.peer = peer.addr;
	e.when_s = now_s;
	e.hello_seen = true;
	e.first = TLS_FIRST_TLS;
	str_copy(e.chain, sizeof(e.chain), str_cstr(ctx.chain[c.chain].name));
	str_copy(e.root, sizeof(e.root), str_cstr(ctx.chain[c.chain].root));
	e.stage = TRUST_STAGE_CERTIFICATE;
	e.end = TRUST_END_FIN;
	e.us_since_flight = 1000;
	devices_judge(d, &e, fingerprint, &p->v);
	return (char)('a' + c.chain);
}

/* It was shown the first chain for ever. */
static void
a_client_with_another_hello_each_time_is_served(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.9:1", 0, 0, NULL, NULL, { 0 } };
	static const char *const expected = "aabbCCCC", *never = "aabbccabc";
	size_t registered, cached;

	for (unsigned i = 0; expected[i] != '\0'; i++)
		assert_int_equal(comes_as(&p, 1000 + i), expected[i]);
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	for (unsigned i = 0; never[i] != '\0'; i++)
		assert_int_equal(comes_as(&q, 2000 + i), never[i]);
}

/* ---- an update ---- */

static void
a_phone_with_another_firmware_is_the_same(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, B, "100@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&p, "aB");
	p.user_agent = "Cisco/SPA502G-7.6.5";
	comes(&p, "B");
	p.hello = 1; /* and its library is another */
	p.user_agent = "Cisco/SPA502G-7.6.6";
	refuse(&p, 0, TLS_ALERT_unknown_ca);
	comes(&p, "B");
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 1);
	assert_int_equal(in_the_file("100@x.org").n, 1);
	assert_string_equal(in_the_file("100@x.org").agent,
	    "Cisco/SPA502G-7.6.6");
	/* Nobody shares its address, so what it refuses can be certain. */
	refuse(&p, 0, TLS_ALERT_unknown_ca);
	assert_int_equal(p.v.confidence, TRUST_CERTAIN);
}

static void
where_a_version_stands(void **state)
{
	static const char *const pairs[][2] = {
		{ "baresip v3.10.1 (x86_64/Linux)",
		  "baresip v3.11.0 (x86_64/Linux)" },
		{ "Yealink SIP-T42G 29.83.0.120",
		  "Yealink SIP-T42G 29.84.0.1" },
		{ "PolycomVVX-VVX_411-UA/5.9.0.9373",
		  "PolycomVVX-VVX_411-UA/6.0.1.2" },
		{ "snom370/8.7.5.48", "snom370/8.9.3.80" },
		{ "AASTRA 6731i/3.2.2", "AASTRA 6731i/3.3.1" },
	};
	struct phone p = { "192.0.2.7:1", 0, A, "100@x.org", NULL, { 0 } };
	size_t registered, cached;

	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++)
		for (unsigned k = 0; k < 2; k++) {
			p.user_agent = pairs[i][k];
			comes(&p, "A");
			devices_count(d, &registered, &cached);
			assert_int_equal(registered, i + 1);
		}
}

static void
what_comes_back_with_the_old_firmware_is_another(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, B, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.7:2", 0, B, "100@x.org",
		"Cisco/SPA502G-7.6.5", { 0 } };
	size_t registered, cached;

	comes(&p, "aB");
	for (int i = 0; i < 3; i++) {
		comes(&q, "B");
		comes(&p, "B");
	}
	devices_count(d, &registered, &cached);
	assert_int_equal(registered, 2);
}

static void
another_product_is_another_device(void **state)
{
	static const char *const agents[] = { "Cisco/SPA504G-7.6.2",
		"Yealink SIP-T42G 29.83.0.120", "softphone", "", NULL };
	struct phone p = { "192.0.2.7:1", 0, A, "100@x.org", UA, { 0 } };
	size_t registered, cached;

	comes(&p, "A");
	for (unsigned i = 0; agents[i] != NULL; i++) {
		p.user_agent = agents[i];
		comes(&p, "A");
		devices_count(d, &registered, &cached);
		assert_int_equal(registered, i + 2);
	}
}

/* ---- what it said when it was asked ---- */

static void
says(int64_t device, unsigned chain, const char *holding,
    const char *confidence)
{
	struct probe_store *s;
	struct store_probe_holding h = {
		.device = device, .label = str_cstr(ctx.chain[chain].root),
		.holding = str_cstr(holding),
		.confidence = str_cstr(confidence),
		.method = STR("spoofed_root"), .reason = STR("said so"),
		.at_s = now_s,
	};
	char why[256], hex[65];

	str_hex(hex, ctx.chain[chain].root_sha256, 32);
	h.sha256 = str_of(hex, 64);
	assert_int_equal(probe_store_open(&s, dir, false, why, sizeof(why)),
	    0);
	assert_int_equal(probe_store_begin(s), 0);
	assert_int_equal(probe_store_put_holding(s, &h), 0);
	assert_int_equal(probe_store_commit(s), 0);
	probe_store_close(s);
}

static void
what_it_was_asked_decides(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, B | C, "100@x.org", UA, { 0 } };
	struct phone q = { "192.0.2.8:1", 0, A, "101@x.org", UA, { 0 } };
	int64_t id;

	for (unsigned i = 0; i < 3; i++)
		memset(ctx.chain[i].root_sha256, (int)('A' + i), 32);
	set(NULL, NULL);
	register_it(&p, FLOW_UDP);
	id = in_the_file("100@x.org").id;
	says(id, 0, "lacks", "likely");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 1);
	says(id, 2, "holds", "certain");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 2);
	/* What it does itself says more, and it alone was asked. */
	comes(&q, "A");
	set("pin", "192.0.2.7=b");
	comes(&p, "B");
	set(NULL, NULL);
	assert_int_equal(chosen(&p).chain, 1);
	assert_int_equal(chosen(&q).chain, 0);
	restart();
	refuse(&p, 1, TLS_ALERT_unknown_ca);
	refuse(&p, 1, TLS_ALERT_unknown_ca);
	assert_int_equal(chosen(&p).chain, 2);
}

static void
what_it_hardly_said_does_not(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, A, "100@x.org", UA, { 0 } };
	int64_t id;

	for (unsigned i = 0; i < 3; i++)
		memset(ctx.chain[i].root_sha256, (int)('A' + i), 32);
	set(NULL, NULL);
	register_it(&p, FLOW_UDP);
	id = in_the_file("100@x.org").id;
	says(id, 0, "lacks", "possible");
	says(id, 1, "cannot_tell", "certain");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 0);
	/* Asked again, it answers otherwise. */
	says(id, 0, "lacks", "certain");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 1);
	says(id, 0, "cannot_tell", "certain");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 0);
}

/* A chain to the root that it holds comes with the next configuration. */
static void
what_it_said_counts_for_a_chain_that_comes_later(void **state)
{
	struct phone p = { "192.0.2.7:1", 0, C, "100@x.org", UA, { 0 } };

	register_it(&p, FLOW_UDP);
	memset(ctx.chain[2].root_sha256, 'C', 32);
	says(in_the_file("100@x.org").id, 2, "holds", "certain");
	devices_asked(d);
	assert_int_equal(chosen(&p).chain, 0);
	set(NULL, NULL);
	comes(&p, "C");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(behind_a_nat_each_is_known_by_its_own_last_chain),
		CASE(a_session_resumed_behind_a_nat_is_no_acceptance),
		CASE(twenty_behind_a_nat_reboot_at_once),
		CASE(two_phones_swap_their_addresses),
		CASE(a_client_with_another_hello_each_time_is_served),
		CASE(a_phone_with_another_firmware_is_the_same),
		CASE(where_a_version_stands),
		CASE(what_comes_back_with_the_old_firmware_is_another),
		CASE(another_product_is_another_device),
		CASE(what_it_was_asked_decides),
		CASE(what_it_hardly_said_does_not),
		CASE(what_it_said_counts_for_a_chain_that_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
