/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/evidence: filled from a hello and a tap; printed and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tlswire/alert.h"
#include "trust/choose.h"
#include "trust/evidence.h"

#define BYTES(...)                                                             \
	str_of((const char[]) { __VA_ARGS__ },                                 \
	    sizeof((const char[]) { __VA_ARGS__ }))

/* Every member set to something, the arrays to their ends and beyond. */
static void
fill(struct trust_evidence *e)
{
	trust_evidence_init(e);
	e->when_s = -1;
	assert_int_equal(addr_parse(&e->peer, STR("[2001:db8::7]:5069"), 0), 0);
	assert_int_equal(addr_parse(&e->local, STR("192.0.2.1:5061"), 0), 0);
	strcpy(e->device, " SPA\\502G\n\x01\xff\" x: y ");
	e->first = TLS_FIRST_SSLV2;
	memset(e->first_bytes, 0x80, sizeof(e->first_bytes));
	e->nfirst = TLS_TAP_FIRST_MAX;
	e->hello_seen = e->hello_malformed = true;
	e->record_version = TLS_VERSION_SSL2;
	e->legacy_version = TLS_VERSION_SSL3;
	e->max_version = TLS_VERSION_1_3;
	e->min_version = 0x7f12;
	e->nciphers = TRUST_CIPHERS_MAX + 12;
	for (uint16_t i = 0; i < TRUST_CIPHERS_MAX; i++)
		e->cipher[i] = (uint16_t)(0xc000 + i);
	e->nsigalgs = TRUST_CIPHERS_MAX;
	for (uint16_t i = 0; i < TRUST_CIPHERS_MAX; i++)
		e->sigalg[i] = (uint16_t)(0x0400 + i);
	memset(e->server_name, 'n', sizeof(e->server_name) - 1);
	strcpy(e->ja3, "a3afc2c46ba4a7d7fbe1cfb7a3031c2f");
	strcpy(e->ja4, "t13d311000_e8f1e7e78f70_1f22a2ca17c4");
	e->resumption_offered = e->resumed = true;
	e->listed = TRUST_LISTED_NO;
	strcpy(e->chain, "own");
	strcpy(e->root, "a \xc3\xa9 root");
	e->chain_not_before_s = -62135596800;
	e->chain_not_after_s = 253402300799;
	e->chain_faults = (1u << TRUST_FAULTS) - 1;
	e->chain_depth = 3;
	e->chain_signed = 1u << TRUST_SIGNED_RSA_PSS;
	e->our_bits = 4096;
	e->chain_names = UINT64_MAX;
	e->hello_time_s = 1;
	e->alert_hidden = e->ciphers_foreign = true;
	e->our_key = TRUST_KEY_ECDSA;
	e->our_min_version = TLS_VERSION_1_2;
	e->our_max_version = TLS_VERSION_1_3;
	e->version = TLS_VERSION_1_0;
	e->cipher_suite = 0x002f;
	e->stage = TRUST_STAGE_SIP;
	e->end = TRUST_END_US;
	e->nalert = TLS_TAP_ALERTS_MAX;
	for (uint8_t i = 0; i < e->nalert; i++) {
		e->alert[i].side = i % 2 ? TLS_SERVER : TLS_CLIENT;
		e->alert[i].level = (uint8_t)(i + 1);
		e->alert[i].description = (uint8_t)(48 + i * 60);
		e->alert[i].in_clear = i < 2;
		e->alert[i].after_finished = i > 0;
		e->alert[i].at_us = UINT64_MAX - i;
	}
	e->us_since_flight = UINT32_MAX;
	e->us_total = 1;
	e->app_bytes = UINT64_MAX;
	e->no_shared_cipher = e->over_limit = true;
	e->client_cert_asked = e->client_cert_empty = true;
	e->said_faults = 1u << TRUST_FAULT_ROOT | 1u << TRUST_FAULT_KEY_TYPE;
	memcpy(e->said, "unknown \\ CA", 13);
}

static void
print(char out[16384], const struct trust_evidence *e)
{
	struct buf b;

	buf_init_array(&b, out, 16383);
	trust_evidence_print(&b, e);
	assert_false(b.failed);
	out[b.n] = '\0';
}

static void
text_comes_back_exactly(void **state)
{
	struct trust_evidence e, back;
	char text[16384];
	int line;

	fill(&e);
	/* A member that the table forgets is lost on the way. */
	for (size_t i = 0; i < 2; i++) {
		print(text, &e);
		assert_int_equal(
		    trust_evidence_scan(&back, str_cstr(text), &line), 0);
		assert_memory_equal(&e, &back, sizeof(e));
		trust_evidence_init(&e);
	}
}

static void
what_is_unknown_is_left_out(void **state)
{
	struct trust_evidence e;
	char text[16384];

	trust_evidence_init(&e);
	print(text, &e);
	assert_string_equal(text, "");
}

static void
a_faulty_line_is_named(void **state)
{
	static const struct {
		const char *text;
		int line;
	} bad[] = {
		{ "stage: hello\nstage: hello\n", 2 },
		{ "# a comment\n\nwhat: 1\n", 3 },
		{ "stage\n", 1 },
		{ "stage:hello\n", 1 },
		{ "stage: \n", 1 },
		{ "stage: Hello\n", 1 },
		{ "stage: hello \n", 1 },
		{ "resumed: no\n", 1 },
		{ "chain_faults: rot\n", 1 },
		{ "chain_faults: name name\n", 1 },
		{ "when_s: 1e9\n", 1 },
		{ "when_s: --1\n", 1 },
		{ "us_total: 4294967296\n", 1 },
		{ "peer: example.com:5061\n", 1 },
		{ "device: \\x0\n", 1 },
		{ "device: \\x00\n", 1 },
		{ "device: \\n\n", 1 },
		{ "first_bytes: 160\n", 1 },
		{ "first_bytes: 00112233445566778899aabbccddeeff00112233445566"
		  "778899\n", 1 },
		{ "version: TLSv1.4\n", 1 },
		{ "version: 0x03\n", 1 },
		{ "version: unknown\n", 1 },
		{ "cipher_suite: c02f0\n", 1 },
		{ "ciphers: c02f  002f\n", 1 },
		{ "ciphers: c02f +1\n", 1 },
		{ "ja3: a3afc2c46ba4a7d7fbe1cfb7a3031c2f0\n", 1 },
		{ "alert: client level=2 unknown_ca(42) at_us=1\n", 1 },
		{ "alert: client level=2 unknown_ca(48) at_us=\n", 1 },
		{ "alert: client level=2 unknown_ca(48) at_us=1 loud\n", 1 },
		{ "alert: peer level=2 unknown_ca(48) at_us=1\n", 1 },
		{ "alert: client level=256 unknown_ca(48) at_us=1\n", 1 },
		{ "alert: client level=2 unknown_ca at_us=1\n", 1 },
		{ "alert: client level=2 close_notify(0) at_us=1\n"
		  "alert: client level=2 close_notify(0) at_us=1\n"
		  "alert: client level=2 close_notify(0) at_us=1\n"
		  "alert: client level=2 close_notify(0) at_us=1\n"
		  "alert: client level=2 close_notify(0) at_us=1\n", 5 },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct trust_evidence e;
		int line = 0;

		if (trust_evidence_scan(&e, str_cstr(bad[i].text), &line) !=
		    E_PARSE)
			fail_msg("accepted: %s", bad[i].text);
		assert_int_equal(line, bad[i].line);
	}
}

static void
a_last_line_without_its_end_is_read(void **state)
{
	struct trust_evidence e;
	int line;

	assert_int_equal(trust_evidence_scan(&e, STR("end: rst"), &line), 0);
	assert_int_equal(e.end, TRUST_END_RST);
}

static void
a_hello_is_taken_over(void **state)
{
	static const char suites[] = "\x13\x01\xc0\x2f\x5a\x5a";
	struct tls_hello h = {
		.record_version = 0x0301,
		.legacy_version = 0x0303,
		.max_version = 0x0304,
		.min_version = 0x0303,
		.session_id = STR("0123"),
		.cipher_suites = { suites, 6 },
		.sigalgs = STR("\x04\x03"),
		.server_name = STR("pbx.example\0.evil"),
	};
	struct trust_evidence e;

	trust_evidence_init(&e);
	trust_evidence_hello(&e, &h);
	assert_true(e.hello_seen);
	assert_int_equal(e.record_version, 0x0301);
	assert_int_equal(e.max_version, 0x0304);
	assert_int_equal(e.nciphers, 3);
	assert_int_equal(e.cipher[1], 0xc02f);
	assert_int_equal(e.nsigalgs, 1);
	assert_string_equal(e.server_name, "pbx.example");
	assert_int_equal(strlen(e.ja3), 32);
	assert_int_equal(strlen(e.ja4), 36);
	/* The session ID of TLS 1.3 is for middleboxes. */
	assert_false(e.resumption_offered);
	h.max_version = 0x0303;
	trust_evidence_hello(&e, &h);
	assert_true(e.resumption_offered);
	h.session_id = STR_NULL;
	trust_evidence_hello(&e, &h);
	assert_false(e.resumption_offered);
	h.ticket_offered = true;
	trust_evidence_hello(&e, &h);
	assert_true(e.resumption_offered);
}

static void
more_suites_than_the_array_holds_are_counted(void **state)
{
	char suites[2 * (TRUST_CIPHERS_MAX + 5)];
	struct tls_hello h = { .cipher_suites = { suites, sizeof(suites) } };
	struct trust_evidence e;

	memset(suites, 0x2f, sizeof(suites));
	trust_evidence_init(&e);
	trust_evidence_hello(&e, &h);
	assert_int_equal(e.nciphers, TRUST_CIPHERS_MAX + 5);
}

static uint32_t
time_in(const char *random)
{
	char raw[64] = "\x01\x00\x00\x20\x03\x01";
	struct tls_hello h = { .raw = { raw, sizeof(raw) } };
	struct trust_evidence e;

	memcpy(raw + 6, random, 8);
	trust_evidence_init(&e);
	trust_evidence_hello(&e, &h);
	return e.hello_time_s;
}

/* RFC 5246 7.4.1.2; a test's bytes are no clock of 1970. */
static void
the_random_may_be_a_clock(void **state)
{
	assert_int_equal(time_in("\x6b\x04\x05\x06\x99\x01\x02\x03"),
	    0x6b040506);
	assert_int_equal(time_in("\x00\x00\x00\x39\x99\x01\x02\x03"), 57);
	assert_int_equal(time_in("\x00\x01\x02\x03\x04\x05\x06\x07"), 0);
	assert_int_equal(time_in("\x00\x00\x00\x00\x00\x00\x00\x00"), 0);
}

static void
the_tap_tells_the_stage(void **state)
{
	struct trust_evidence e;
	struct tls_tap t;

	tls_tap_init(&t);
	trust_evidence_init(&e);
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_NOTHING);
	t.dir[TLS_CLIENT].bytes = 1;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	t.hello_done = t.hello_bad = true;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	assert_true(e.hello_malformed);
	t.hello_bad = false;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_HELLO);
	t.server_version = TLS_VERSION_1_2;
	t.flight = true;
	t.flight_us = 1000;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_CERTIFICATE);
	t.client_key_exchange = true;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_KEY_EXCHANGE);
	t.dir[0].ccs = t.dir[1].ccs = true;
	t.dir[0].encrypted = 1;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_KEY_EXCHANGE);
	t.dir[1].encrypted = 1;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_FINISHED);
	/* What the library knows better is not taken back. */
	e.stage = TRUST_STAGE_SIP;
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.stage, TRUST_STAGE_SIP);
}

/* An alert is 19 or, padded, 35 bytes; a Finished 53, with CCM_8 45 or more. */
static void
a_finished_of_tls13_is_told_by_its_length(void **state)
{
	static const uint16_t len[] = { 19, 35, 45, 53, 69 };

	for (size_t i = 0; i < ARRAY_LEN(len); i++) {
		struct trust_evidence e;
		struct tls_tap t;

		tls_tap_init(&t);
		trust_evidence_init(&e);
		t.dir[TLS_CLIENT].bytes = 1;
		t.hello_done = true;
		t.flight = true;
		t.server_version = TLS_VERSION_1_3;
		t.dir[TLS_CLIENT].longest_encrypted_len = len[i];
		trust_evidence_tap(&e, &t);
		assert_int_equal(e.stage, len[i] < 45 ?
		    TRUST_STAGE_CERTIFICATE : TRUST_STAGE_FINISHED);
	}
}

static void
an_alert_is_timed_from_the_flight(void **state)
{
	struct trust_evidence e;
	struct tls_tap t;

	tls_tap_init(&t);
	trust_evidence_init(&e);
	t.dir[TLS_CLIENT].bytes = 1;
	t.flight = true;
	t.flight_us = 1000;
	tls_tap_told_alert(&t, TLS_SERVER, 1, TLS_ALERT_close_notify, false,
	    2000);
	tls_tap_feed(&t, TLS_CLIENT, BYTES(0x15, 3, 1, 0, 2, 2, 48), 15000,
	    NULL, NULL);
	trust_evidence_tap(&e, &t);
	assert_int_equal(e.nalert, 2);
	assert_int_equal(e.alert[1].description, 48);
	assert_int_equal(e.us_since_flight, 14000);
	assert_int_equal(e.first, TLS_FIRST_ALERT);
	assert_int_equal(e.nfirst, 7);
	tls_tap_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back_exactly),
		cmocka_unit_test(what_is_unknown_is_left_out),
		cmocka_unit_test(a_faulty_line_is_named),
		cmocka_unit_test(a_last_line_without_its_end_is_read),
		cmocka_unit_test(a_hello_is_taken_over),
		cmocka_unit_test(more_suites_than_the_array_holds_are_counted),
		cmocka_unit_test(the_random_may_be_a_clock),
		cmocka_unit_test(the_tap_tells_the_stage),
		cmocka_unit_test(a_finished_of_tls13_is_told_by_its_length),
		cmocka_unit_test(an_alert_is_timed_from_the_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
