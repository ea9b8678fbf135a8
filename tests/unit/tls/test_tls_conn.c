/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"
#include "site.h"
#include "tlswire/alert.h"

static struct tls_ctx *ctx;
static struct peer p;
static struct trust_evidence e;

#define SIP "OPTIONS sip:a SIP/2.0\r\n\r\n"

static int
setup_all(void **state)
{
	site_setup(state);
	ctx = site_ctx(NULL, NULL);
	return 0;
}

static int
teardown_all(void **state)
{
	tls_ctx_unref(ctx);
	return site_teardown(state);
}

static int
teardown(void **state)
{
	peer_fini(&p);
	return 0;
}

static void
begin(const struct peer_want *w)
{
	struct peer_want mine = *w;

	if (mine.server == NULL)
		mine.server = ctx;
	peer_init(&p, &mine);
}

static void
look(enum trust_end end)
{
	p.now_us += 50;
	tls_conn_evidence(p.conn, &e, end, p.now_us);
}

static void
raw(const char *bytes, size_t n)
{
	p.now_us += 1000;
	tls_conn_feed(p.conn, str_of(bytes, n), p.now_us, &p.to_client,
	    peer_data, &p);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
one_alert(enum tls_side side, uint8_t description)
{
	assert_int_equal(e.nalert, 1);
	assert_int_equal(e.alert[0].side, side);
	assert_int_equal(e.alert[0].description, description);
}

/* ---- what goes well ---- */

static void
registers_at(int version, size_t step)
{
	char answer[64];

	begin(&(struct peer_want) { .root = site.root.x, .min = version,
	    .max = version, .name = "sip.example.com" });
	p.step = step;
	p.echo = true;
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_OPEN);
	look(TRUST_END_OPEN);
	assert_int_equal(e.stage, TRUST_STAGE_FINISHED);
	assert_int_equal(e.first, TLS_FIRST_TLS);
	assert_true(e.hello_seen);
	assert_int_equal(e.version, version);
	assert_true(e.cipher_suite != 0);
	assert_string_equal(e.server_name, "sip.example.com");
	assert_string_equal(e.chain, "own");
	assert_string_equal(e.root, "Site Root");
	assert_int_equal(e.our_key, TRUST_KEY_RSA);
	assert_int_equal(e.our_min_version, TLS_VERSION_1_2);
	assert_int_equal(e.our_max_version, TLS_VERSION_1_3);
	assert_int_equal(strlen(e.ja4), TLS_JA4_LEN - 1);
	assert_int_equal(e.nalert, 0);
	assert_false(e.resumed);
	assert_int_equal(e.app_bytes, 0);

	assert_true(peer_say(&p, SIP) > 0);
	assert_int_equal(p.ngot, strlen(SIP));
	assert_int_equal(peer_hear(&p, answer, sizeof(answer)), strlen(SIP));
	look(TRUST_END_FIN);
	assert_int_equal(e.app_bytes, strlen(SIP));
	tls_conn_accepted(p.conn);
	uint16_t suite = e.cipher_suite;
	look(TRUST_END_OPEN);
	assert_int_equal(e.stage, TRUST_STAGE_SIP);
	assert_int_equal(e.version, version);
	assert_int_equal(e.cipher_suite, suite);
	assert_int_equal(tls_conn_first(p.conn), TLS_FIRST_TLS);
	assert_true(peer_say(&p, SIP) > 0);
	assert_int_equal(p.ngot, 2 * strlen(SIP));
	assert_int_equal(peer_hear(&p, answer, sizeof(answer)), strlen(SIP));

	assert_int_equal(SSL_shutdown(p.ssl), 0);
	peer_move(&p);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_CLOSED);
	assert_int_equal(SSL_shutdown(p.ssl), 1);
}

static void
test_registers_at_1_2(void **state)
{
	registers_at(TLS1_2_VERSION, 0);
	/* One answer a flight: ServerHello..Done, Finished, SIP. */
	assert_int_equal(p.answers, 5);
}

static void
test_registers_at_1_3(void **state)
{
	registers_at(TLS1_3_VERSION, 0);
	/* Server's flight, ticket, SIP twice, close_notify. */
	assert_int_equal(p.answers, 5);
}

static void
test_byte_by_byte_at_1_2(void **state)
{
	registers_at(TLS1_2_VERSION, 1);
}

static void
test_byte_by_byte_at_1_3(void **state)
{
	registers_at(TLS1_3_VERSION, 1);
}

static void
test_accepted_inside_of_the_callback(void **state)
{
	begin(&(struct peer_want) { .root = site.root.x });
	p.accept = p.echo = true;
	peer_shake(&p);
	peer_say(&p, SIP);
	look(TRUST_END_FIN);
	assert_int_equal(e.stage, TRUST_STAGE_SIP);
	assert_int_equal(e.end, TRUST_END_FIN);
}

static void
test_large_messages_both_ways(void **state)
{
	static char big[40001], back[40001];
	size_t n = 0;
	int rc;

	begin(&(struct peer_want) { .root = site.root.x });
	p.echo = true;
	peer_shake(&p);
	memset(big, 'x', 40000);
	peer_say(&p, big);
	assert_int_equal(p.ngot, 40000);
	assert_memory_equal(p.got, big, 40000);
	while ((rc = peer_hear(&p, back + n, (int)(sizeof(back) - n))) > 0)
		n += (size_t)rc;
	assert_int_equal(n, 40000);
}

static void
test_hello_without_server_name_and_with_a_foreign_one(void **state)
{
	begin(&(struct peer_want) { .root = site.root.x });
	assert_int_equal(peer_shake(&p), 1);
	look(TRUST_END_OPEN);
	assert_string_equal(e.server_name, "");
	peer_fini(&p);
	begin(&(struct peer_want) { .root = site.root.x,
	    .name = "nobody.invalid" });
	assert_int_equal(peer_shake(&p), 1);
	look(TRUST_END_OPEN);
	assert_string_equal(e.server_name, "nobody.invalid");
	assert_int_equal(e.nalert, 0);
}

static void
test_old_suites(void **state)
{
	static const char *const suites[] = { "AES128-SHA", "AES256-SHA",
		"AES128-GCM-SHA256", "DHE-RSA-AES256-SHA",
		"ECDHE-RSA-AES128-SHA" };

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		begin(&(struct peer_want) { .root = site.root.x,
		    .max = TLS1_2_VERSION, .ciphers = suites[i] });
		if (peer_shake(&p) != 1)
			fail_msg("%s", suites[i]);
		assert_string_equal(SSL_get_cipher_name(p.ssl), suites[i]);
		if (i + 1 < ARRAY_LEN(suites))
			peer_fini(&p);
	}
}

static void
test_signs_with_pkcs1_at_1_2(void **state)
{
	int nid = 0, type = 0;

	begin(&(struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION,
	    .sigalgs = "rsa_pss_rsae_sha256:rsa_pkcs1_sha256" });
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(SSL_get_peer_signature_type_nid(p.ssl, &type), 1);
	assert_int_equal(type, EVP_PKEY_RSA);
	peer_fini(&p);
	/* Nothing but PSS offered: better that than no connection. */
	begin(&(struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION, .sigalgs = "rsa_pss_rsae_sha256" });
	assert_int_equal(peer_shake(&p), 1);
	peer_fini(&p);
	begin(&(struct peer_want) { .root = site.root.x,
	    .min = TLS1_3_VERSION });
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(SSL_get_peer_signature_type_nid(p.ssl, &type), 1);
	assert_int_equal(type, EVP_PKEY_RSA_PSS);
	assert_int_equal(SSL_get_peer_signature_nid(p.ssl, &nid), 1);
	assert_int_equal(nid, NID_sha256);
}

static void
test_send_before_and_after(void **state)
{
	begin(&(struct peer_want) { .root = site.root.x });
	assert_int_equal(tls_conn_send(p.conn, STR("x"), &p.to_client),
	    E_STATE);
	tls_conn_close(p.conn, &p.to_client);
	assert_int_equal(p.to_client.n, 0);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
	peer_shake(&p);
	assert_int_equal(tls_conn_send(p.conn, STR(""), &p.to_client), 0);
	assert_int_equal(p.to_client.n, 0);
	tls_conn_close(p.conn, &p.to_client);
	assert_true(p.to_client.n > 0);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_CLOSED);
	assert_int_equal(tls_conn_send(p.conn, STR("x"), &p.to_client),
	    E_STATE);
	peer_move(&p);
	char c;
	assert_int_equal(peer_hear(&p, &c, 1), 0);
	assert_int_equal(SSL_get_shutdown(p.ssl), SSL_RECEIVED_SHUTDOWN);
	look(TRUST_END_US);
	one_alert(TLS_SERVER, TLS_ALERT_close_notify);
}

static void
test_out_that_takes_no_more(void **state)
{
	char small[8];
	struct buf out;

	begin(&(struct peer_want) { .root = site.root.x });
	peer_shake(&p);
	buf_init_array(&out, small, sizeof(small));
	assert_int_equal(tls_conn_send(p.conn, STR(SIP), &out), E_LIMIT);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	assert_int_equal(ERR_peek_error(), 0);
}

/* ---- what the client refuses ---- */

static void
refuses_the_root(int version, size_t step)
{
	begin(&(struct peer_want) { .min = version, .max = version });
	p.step = step;
	assert_int_not_equal(peer_shake(&p), 1);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_FIN);
	one_alert(TLS_CLIENT, TLS_ALERT_unknown_ca);
	assert_int_equal(e.alert[0].level, 2);
	assert_false(e.alert[0].after_finished);
	assert_int_equal(e.stage, TRUST_STAGE_CERTIFICATE);
	assert_int_equal(e.version, version);
	assert_in_range(e.us_since_flight, 1, 1000);
	assert_false(e.no_shared_cipher);
	assert_int_equal(e.app_bytes, 0);
}

static void
test_unknown_root_at_1_2(void **state)
{
	refuses_the_root(TLS1_2_VERSION, 0);
	assert_true(e.alert[0].in_clear);
}

static void
test_unknown_root_at_1_3(void **state)
{
	refuses_the_root(TLS1_3_VERSION, 0);
}

static void
test_unknown_root_byte_by_byte(void **state)
{
	refuses_the_root(TLS1_2_VERSION, 1);
	peer_fini(&p);
	refuses_the_root(TLS1_3_VERSION, 1);
}

/* GnuTLS and JSSE at 1.3: ChangeCipherSpec, then the alert, in one segment. */
static void
test_alert_together_with_other_bytes(void **state)
{
	char bytes[64] = "\x14\x03\x03\x00\x01\x01"
	    "\x15\x03\x03\x00\x02\x02\x30" "rubbish behind it";

	begin(&(struct peer_want) { .min = TLS1_3_VERSION });
	SSL_do_handshake(p.ssl);
	peer_move(&p);
	raw(bytes, 30);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_RST);
	one_alert(TLS_CLIENT, TLS_ALERT_unknown_ca);
	assert_int_equal(e.us_since_flight, 1000);
}

/* OpenSSL itself calls this "wrong version number" (alerts.md 2, "70*"). */
static void
test_alert_with_an_odd_record_version(void **state)
{
	begin(&(struct peer_want) { .max = TLS1_2_VERSION });
	SSL_do_handshake(p.ssl);
	peer_move(&p);
	raw("\x15\x03\x01\x00\x02\x02\x46", 7);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_FIN);
	assert_true(e.nalert >= 1);
	assert_int_equal(e.alert[0].side, TLS_CLIENT);
	assert_int_equal(e.alert[0].description, TLS_ALERT_protocol_version);
	assert_int_equal(e.alert[0].level, 2);
}

/* NSS at TLS 1.2 finishes the handshake and refuses then. */
static void
refuses_afterwards(int version)
{
	/*
	 * The client's own record layer encrypts: an alert is sent by its
	 * verify callback's failure at a renegotiation no more, so close_notify
	 * stands for it: the alert that any client can be made to send.
	 */
	begin(&(struct peer_want) { .no_verify = true, .min = version,
	    .max = version });
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(SSL_shutdown(p.ssl), 0);
	peer_move(&p);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_CLOSED);
	look(TRUST_END_FIN);
	assert_int_equal(e.stage, TRUST_STAGE_FINISHED);
	assert_int_equal(e.nalert, 2);
	assert_int_equal(e.alert[0].side, TLS_CLIENT);
	assert_int_equal(e.alert[0].description, TLS_ALERT_close_notify);
	assert_true(e.alert[0].after_finished);
	assert_false(e.alert[0].in_clear);
	assert_int_equal(e.alert[1].side, TLS_SERVER);
	assert_int_equal(e.app_bytes, 0);
	assert_true(e.us_since_flight > 0);
}

static void
test_close_notify_after_the_handshake(void **state)
{
	refuses_afterwards(TLS1_2_VERSION);
	peer_fini(&p);
	refuses_afterwards(TLS1_3_VERSION);
}

/* A fatal alert of the client after its Finished, encrypted. */
static void
test_fatal_alert_after_the_handshake(void **state)
{
	char *bytes;

	begin(&(struct peer_want) { .no_verify = true,
	    .max = TLS1_2_VERSION });
	assert_int_equal(peer_shake(&p), 1);
	/* Make the client choke on a record: it says bad_record_mac(20). */
	BIO_write(p.in, "\x17\x03\x03\x00\x20" "0123456789abcdef"
	    "0123456789abcdef", 37);
	char c;
	assert_true(peer_hear(&p, &c, 1) <= 0);
	assert_true(BIO_get_mem_data(p.out, &bytes) > 0);
	peer_move(&p);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_FIN);
	one_alert(TLS_CLIENT, TLS_ALERT_bad_record_mac);
	assert_int_equal(e.alert[0].level, 2);
	assert_true(e.alert[0].after_finished);
	assert_false(e.alert[0].in_clear);
	assert_int_equal(e.stage, TRUST_STAGE_FINISHED);
}

static void
test_hangs_up_without_a_word(void **state)
{
	begin(&(struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION });
	SSL_do_handshake(p.ssl);
	peer_move(&p);
	p.now_us += 14000;
	look(TRUST_END_FIN);
	assert_int_equal(e.stage, TRUST_STAGE_CERTIFICATE);
	assert_int_equal(e.nalert, 0);
	assert_int_equal(e.us_since_flight, 14050);
	tls_conn_evidence(p.conn, &e, TRUST_END_TIMEOUT, p.now_us);
	assert_int_equal(e.us_since_flight, 0);
}

/* ---- what we refuse ---- */

static void
test_client_of_1_1_alone(void **state)
{
	begin(&(struct peer_want) { .no_verify = true,
	    .ciphers = "ALL:@SECLEVEL=0", .min = TLS1_1_VERSION,
	    .max = TLS1_1_VERSION });
	assert_int_not_equal(peer_shake(&p), 1);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_US);
	one_alert(TLS_SERVER, TLS_ALERT_protocol_version);
	assert_true(e.alert[0].in_clear);
	assert_int_equal(e.max_version, TLS_VERSION_1_1);
	assert_int_equal(e.stage, TRUST_STAGE_HELLO);
	assert_false(e.no_shared_cipher);
}

static void
no_shared_cipher(struct tls_ctx *server, int version, const char *list)
{
	begin(&(struct peer_want) { .server = server, .no_verify = true,
	    .min = version, .max = version, .ciphers = list });
	if (version == TLS1_3_VERSION)
		SSL_set_ciphersuites(p.ssl, "TLS_AES_128_CCM_8_SHA256");
	assert_int_not_equal(peer_shake(&p), 1);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_US);
	one_alert(TLS_SERVER, TLS_ALERT_handshake_failure);
	assert_true(e.no_shared_cipher);
	assert_int_equal(e.stage, TRUST_STAGE_HELLO);
}

static void
test_no_shared_cipher(void **state)
{
	struct tls_ctx *few = site_ctx("tls_ciphers", "ECDHE+AESGCM");

	no_shared_cipher(few, TLS1_2_VERSION, "AES128-SHA");
	peer_fini(&p);
	no_shared_cipher(ctx, TLS1_3_VERSION, NULL);
	tls_ctx_unref(few);
	/* The next connection knows nothing of it. */
	peer_fini(&p);
	begin(&(struct peer_want) { .root = site.root.x });
	assert_int_equal(peer_shake(&p), 1);
	look(TRUST_END_OPEN);
	assert_false(e.no_shared_cipher);
}

static void
test_renegotiation_is_refused(void **state)
{
	begin(&(struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION });
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(SSL_renegotiate(p.ssl), 1);
	SSL_do_handshake(p.ssl);
	peer_move(&p);
	look(TRUST_END_OPEN);
	one_alert(TLS_SERVER, TLS_ALERT_no_renegotiation);
	assert_int_equal(e.alert[0].level, 1);
}

/* ---- what is no TLS ---- */

static void
not_tls(const char *bytes, size_t n, size_t step, enum tls_first first)
{
	begin(&(struct peer_want) { .root = NULL });
	for (size_t at = 0; at < n; at += step)
		raw(bytes + at, n - at < step ? n - at : step);
	if (tls_conn_state(p.conn) != TLS_CONN_FAILED)
		fail_msg("%.*s is taken for TLS", (int)n, bytes);
	assert_int_equal(p.to_client.n, 0);
	look(TRUST_END_US);
	assert_int_equal(e.first, first);
	assert_int_equal(tls_conn_first(p.conn), first);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	assert_false(e.hello_seen);
	assert_int_equal(e.nalert, 0);
	assert_int_equal(e.nfirst, n < 24 ? n : 24);
	assert_memory_equal(e.first_bytes, bytes, e.nfirst);
	peer_fini(&p);
}

static void
test_plain_sip_http_and_junk(void **state)
{
	static const struct {
		struct str text;
		enum tls_first first;
	} row[] = {
		{ STR("REGISTER sip:example.com SIP/2.0\r\n"), TLS_FIRST_SIP },
		{ STR("OPTIONS sip:x SIP/2.0\r\n"), TLS_FIRST_SIP },
		{ STR("OPTIONS * HTTP/1.1\r\n"), TLS_FIRST_HTTP },
		{ STR("\r\n\r\n"), TLS_FIRST_SIP },
		{ STR("GET / HTTP/1.0\r\n\r\n"), TLS_FIRST_HTTP },
		{ STR("SSH-2.0-libssh_0.9.6\r\n"), TLS_FIRST_OTHER },
		{ STR("\x16\x02"), TLS_FIRST_OTHER },
		{ STR("\x80\x2e\x07"), TLS_FIRST_OTHER },
		{ STR("\x03"), TLS_FIRST_OTHER },
		{ STR("\n\nhello\n"), TLS_FIRST_OTHER },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		not_tls(row[i].text.p, row[i].text.n, 99, row[i].first);
		not_tls(row[i].text.p, row[i].text.n, 1, row[i].first);
	}
	begin(&(struct peer_want) { .root = NULL });
}

static void
test_text_that_is_not_clear_yet_waits(void **state)
{
	begin(&(struct peer_want) { .root = NULL });
	raw("OPT", 3);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
	assert_int_equal(p.to_client.n, 0);
	look(TRUST_END_TIMEOUT);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
}

static void
test_nothing_at_all(void **state)
{
	begin(&(struct peer_want) { .root = NULL });
	look(TRUST_END_TIMEOUT);
	assert_int_equal(e.first, TLS_FIRST_NOTHING);
	assert_int_equal(e.stage, TRUST_STAGE_NOTHING);
	assert_int_equal(e.nfirst, 0);
	assert_int_equal(e.us_total, 50);
	raw("", 0);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
}

static void
test_half_a_hello(void **state)
{
	char *bytes;

	begin(&(struct peer_want) { .root = NULL });
	SSL_do_handshake(p.ssl);
	long n = BIO_get_mem_data(p.out, &bytes);
	raw(bytes, (size_t)n / 2);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
	assert_int_equal(p.to_client.n, 0);
	look(TRUST_END_TIMEOUT);
	assert_int_equal(e.first, TLS_FIRST_TLS);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	assert_false(e.hello_seen);
}

static void
test_sslv2_hello_of_an_old_client(void **state)
{
	/* Version 3.1, three suites of three bytes, no session, challenge. */
	static const char hello[] = "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00"
	    "\x10\x00\x00\x05\x00\x00\x0a\x00\x00\x2f\x00\x00\x35\x01\x00\x80"
	    "\x07\x00\xc0\x03\x00\x80" "0123456789abcdef";

	for (size_t step = 1; step < 99; step += 97) {
		begin(&(struct peer_want) { .root = NULL });
		for (size_t at = 0; at < sizeof(hello) - 1; at += step)
			raw(hello + at, step < 2 ? 1 : sizeof(hello) - 1);
		assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
		look(TRUST_END_US);
		assert_int_equal(e.first, TLS_FIRST_SSLV2);
		one_alert(TLS_SERVER, TLS_ALERT_protocol_version);
		if (step < 2)
			peer_fini(&p);
	}
}

static void
test_record_that_is_too_long(void **state)
{
	begin(&(struct peer_want) { .root = NULL });
	raw("\x16\x03\x01\xff\xff", 5);
	raw("\x01\x00\xff\xff", 4);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_US);
	assert_int_equal(e.first, TLS_FIRST_TLS);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	one_alert(TLS_SERVER, TLS_ALERT_record_overflow);
}

static void
test_alert_before_any_hello(void **state)
{
	begin(&(struct peer_want) { .root = NULL });
	raw("\x15\x03\x01\x00\x02\x02\x28", 7);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_FIN);
	assert_int_equal(e.first, TLS_FIRST_ALERT);
	assert_int_equal(e.alert[0].side, TLS_CLIENT);
	assert_int_equal(e.alert[0].description, TLS_ALERT_handshake_failure);
}

/* A failed connection takes more bytes and goes on noting alerts. */
static void
test_alert_behind_the_failure(void **state)
{
	begin(&(struct peer_want) { .no_verify = true,
	    .ciphers = "ALL:@SECLEVEL=0", .min = TLS1_1_VERSION,
	    .max = TLS1_1_VERSION });
	peer_shake(&p);
	raw("\x15\x03\x02\x00\x02\x02\x46", 7);
	look(TRUST_END_FIN);
	assert_int_equal(e.nalert, 2);
	assert_int_equal(e.alert[1].side, TLS_CLIENT);
}

/* The client's ClientHello record, changed by fn, in one piece or in step. */
static void
spoilt_hello(void (*fn)(char *record, size_t *n), size_t step)
{
	static char record[70000];
	char *bytes;

	begin(&(struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION, .name = "sip.example.com" });
	SSL_do_handshake(p.ssl);
	size_t n = (size_t)BIO_get_mem_data(p.out, &bytes);
	memcpy(record, bytes, n);
	fn(record, &n);
	for (size_t at = 0; at < n; at += step)
		raw(record + at, n - at < step ? n - at : step);
}

/* Every byte after the random is set to 255 in turn: lengths that lie. */
static size_t spoilt_at;

static void
spoil_one(char *record, size_t *n)
{
	if (spoilt_at < *n)
		record[spoilt_at] = (char)0xff;
	else
		spoilt_at = 0;
}

static void
test_hello_with_a_length_that_lies(void **state)
{
	unsigned failed = 0;

	for (spoilt_at = 43;; spoilt_at++) {
		spoilt_hello(spoil_one, 70000);
		if (spoilt_at == 0)
			break;
		/* Refused with an alert of ours, or it did not matter. */
		enum tls_conn_state s = tls_conn_state(p.conn);
		look(TRUST_END_US);
		assert_true(s == TLS_CONN_FAILED || s == TLS_CONN_HANDSHAKE);
		if (s == TLS_CONN_FAILED) {
			failed++;
			assert_int_equal(e.alert[0].side, TLS_SERVER);
			assert_true(e.stage <= TRUST_STAGE_HELLO);
		}
		peer_fini(&p);
	}
	assert_true(failed > 5);
}

/* RFC 8446 5.1: a handshake message may be cut into records of any size. */
static void
cut_into_records(char *record, size_t *n)
{
	static char cut[70000];
	size_t k = 0;

	for (size_t i = 5; i < *n; i++) {
		memcpy(cut + k, "\x16\x03\x01\x00\x01", 5);
		cut[k + 5] = record[i];
		k += 6;
	}
	memcpy(record, cut, k);
	*n = k;
}

static void
test_hello_in_records_of_one_byte(void **state)
{
	for (size_t step = 1; step <= 70000; step *= 70000) {
		spoilt_hello(cut_into_records, step);
		assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
		assert_true(p.to_client.n > 0);
		look(TRUST_END_OPEN);
		assert_string_equal(e.server_name, "sip.example.com");
		assert_int_equal(e.stage, TRUST_STAGE_CERTIFICATE);
		if (step == 1)
			peer_fini(&p);
	}
}

/* A padding extension (RFC 7685) makes it longer than any client's. */
static void
pad_to_the_brim(char *record, size_t *n)
{
	size_t pad = 60000;
	uint8_t *r = (uint8_t *)record;
	size_t sid = 5 + 4 + 34, at = sid + 1 + r[sid];

	at += 2u + (size_t)(r[at] << 8 | r[at + 1]); /* suites      */
	at += 1u + r[at];                            /* compression */
	size_t ext = (size_t)(r[at] << 8 | r[at + 1]) + 4 + pad;
	r[at] = (uint8_t)(ext >> 8);
	r[at + 1] = (uint8_t)ext;
	uint8_t *end = r + *n;
	memcpy(end, "\x00\x15", 2);
	end[2] = (uint8_t)(pad >> 8);
	end[3] = (uint8_t)pad;
	memset(end + 4, 0, pad);
	size_t body = *n - 9 + 4 + pad;
	r[6] = (uint8_t)(body >> 16);
	r[7] = (uint8_t)(body >> 8);
	r[8] = (uint8_t)body;
	*n += 4 + pad;
}

/* Over several records, as one of more than 16 KB must be. */
static void
pad_and_cut(char *record, size_t *n)
{
	static char cut[70000];
	size_t k = 0;

	pad_to_the_brim(record, n);
	for (size_t i = 5; i < *n; i += 16000) {
		size_t part = *n - i < 16000 ? *n - i : 16000;
		cut[k++] = 0x16;
		cut[k++] = 3;
		cut[k++] = 1;
		cut[k++] = (char)(part >> 8);
		cut[k++] = (char)part;
		memcpy(cut + k, record + i, part);
		k += part;
	}
	memcpy(record, cut, k);
	*n = k;
}

static void
test_hello_of_sixty_kilobytes(void **state)
{
	spoilt_hello(pad_and_cut, 1400);
	enum tls_conn_state s = tls_conn_state(p.conn);
	assert_true(s == TLS_CONN_FAILED || s == TLS_CONN_HANDSHAKE);
	look(TRUST_END_US);
	assert_int_equal(e.first, TLS_FIRST_TLS);
}

/* ---- resumption ---- */

/* A connection of its own that leaves its session; the client has spoken. */
static SSL_SESSION *
first_visit(struct tls_ctx *server, int version, bool no_ticket)
{
	SSL_SESSION *s;

	begin(&(struct peer_want) { .server = server, .root = site.root.x,
	    .min = version, .max = version, .no_ticket = no_ticket });
	p.echo = true;
	assert_int_equal(peer_shake(&p), 1);
	peer_say(&p, SIP);
	char c[64];
	assert_true(peer_hear(&p, c, sizeof(c)) > 0);
	s = SSL_get1_session(p.ssl);
	assert_non_null(s);
	if (!p.accept) {
		SSL_shutdown(p.ssl);
		peer_move(&p);
	}
	peer_fini(&p);
	return s;
}

static bool
second_visit(struct tls_ctx *server, int version, SSL_SESSION *s, bool no_tick)
{
	begin(&(struct peer_want) { .server = server, .root = site.root.x,
	    .min = version, .max = version, .session = s,
	    .no_ticket = no_tick });
	assert_int_equal(peer_shake(&p), 1);
	peer_say(&p, SIP);
	bool resumed = tls_conn_resumed(p.conn);
	look(TRUST_END_OPEN);
	assert_int_equal(e.resumed, resumed);
	assert_int_equal(e.resumption_offered, SSL_SESSION_is_resumable(s));
	assert_int_equal(e.stage, TRUST_STAGE_FINISHED);
	return resumed;
}

static void
ticket_across_a_restart(int version)
{
	struct tls_ctx *before = site_ctx(NULL, NULL);
	SSL_SESSION *s = first_visit(before, version, false);

	tls_ctx_unref(before);
	struct tls_ctx *after = site_ctx(NULL, NULL);
	assert_true(second_visit(after, version, s, false));
	peer_fini(&p);
	tls_ctx_unref(after);

	/* Another secret: a full handshake, no failure. */
	site.secret[0] ^= 1;
	struct tls_ctx *other = site_ctx(NULL, NULL);
	site.secret[0] ^= 1;
	assert_false(second_visit(other, version, s, false));
	tls_ctx_unref(other);
	SSL_SESSION_free(s);
}

static void
test_ticket_across_a_restart(void **state)
{
	ticket_across_a_restart(TLS1_2_VERSION);
	peer_fini(&p);
	ticket_across_a_restart(TLS1_3_VERSION);
}

static void
test_ticket_of_older_hours(void **state)
{
	SSL_SESSION *s = first_visit(ctx, TLS1_2_VERSION, false);

	/* OpenSSL looks at the real clock for the session's own age. */
	clock_fake(PKI_NOW + 5 * 3600, 1);
	assert_true(second_visit(ctx, TLS1_2_VERSION, s, false));
	peer_fini(&p);
	clock_fake(PKI_NOW + 26 * 3600, 1); /* the lifetime is a day */
	assert_false(second_visit(ctx, TLS1_2_VERSION, s, false));
	peer_fini(&p);
	clock_fake(PKI_NOW - 3 * 3600, 1); /* from the future */
	assert_false(second_visit(ctx, TLS1_2_VERSION, s, false));
	clock_fake(PKI_NOW, 1);
	SSL_SESSION_free(s);
}

static void
test_session_id_without_tickets(void **state)
{
	SSL_SESSION *s = first_visit(ctx, TLS1_2_VERSION, true);

	assert_true(second_visit(ctx, TLS1_2_VERSION, s, true));
	peer_fini(&p);
	struct tls_ctx *none = site_ctx("tls_session_cache", "0");
	SSL_SESSION *t = first_visit(none, TLS1_2_VERSION, true);
	assert_false(second_visit(none, TLS1_2_VERSION, t, true));
	tls_ctx_unref(none);
	SSL_SESSION_free(s);
	SSL_SESSION_free(t);
}

static void
test_session_cache_is_bounded(void **state)
{
	/* OpenSSL keeps one fewer than it is told. */
	struct tls_ctx *two = site_ctx("tls_session_cache", "3");
	SSL_SESSION *s[4];

	for (int i = 0; i < 4; i++)
		s[i] = first_visit(two, TLS1_2_VERSION, true);
	assert_false(second_visit(two, TLS1_2_VERSION, s[0], true));
	peer_fini(&p);
	assert_true(second_visit(two, TLS1_2_VERSION, s[3], true));
	tls_ctx_unref(two);
	for (int i = 0; i < 4; i++)
		SSL_SESSION_free(s[i]);
}

/* A session outlives a power cut if a SIP message came over it. */
static void
test_session_of_a_broken_connection(void **state)
{
	SSL_SESSION *s;

	for (int spoke = 0; spoke < 2; spoke++) {
		begin(&(struct peer_want) { .root = site.root.x,
		    .max = TLS1_2_VERSION, .no_ticket = true });
		assert_int_equal(peer_shake(&p), 1);
		if (spoke) {
			p.accept = true;
			peer_say(&p, SIP);
		}
		s = SSL_get1_session(p.ssl);
		peer_fini(&p);
		assert_int_equal(second_visit(ctx, TLS1_2_VERSION, s, true),
		    spoke);
		SSL_SESSION_free(s);
		if (!spoke)
			peer_fini(&p);
	}
}

/* One worker: visits that leave and use tickets and session IDs. */
static void *
work(void *arg)
{
	struct peer *mine = malloc(sizeof(*mine));
	SSL_SESSION *s = NULL;
	intptr_t resumed = 0;

	for (int i = 0; i < 12; i++) {
		int version = i < 6 ? TLS1_2_VERSION : TLS1_3_VERSION;
		if (i == 6) {
			SSL_SESSION_free(s);
			s = NULL;
		}
		peer_init(mine, &(struct peer_want) { .server = ctx,
		    .root = site.root.x, .min = version, .max = version,
		    .session = s, .no_ticket = i % 6 > 3 });
		mine->accept = mine->echo = true;
		char c[64];
		if (peer_shake(mine) != 1 || peer_say(mine, SIP) <= 0 ||
		    peer_hear(mine, c, sizeof(c)) <= 0)
			resumed = -1000;
		resumed += tls_conn_resumed(mine->conn);
		SSL_SESSION_free(s);
		s = SSL_get1_session(mine->ssl);
		peer_fini(mine);
	}
	SSL_SESSION_free(s);
	free(mine);
	return (void *)resumed;
}

static void
test_workers_share_one_context(void **state)
{
	pthread_t t[4];
	void *resumed;

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, work, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(pthread_join(t[i], &resumed), 0);
		assert_in_range((intptr_t)resumed, 6, 12);
	}
	begin(&(struct peer_want) { .root = NULL });
}

/* The context of a reload: the connection keeps the one it began with. */
static void
test_connection_outlives_its_context(void **state)
{
	struct tls_ctx *mine = site_ctx(NULL, NULL);

	begin(&(struct peer_want) { .server = mine, .root = site.root.x });
	tls_ctx_unref(mine);
	p.echo = true;
	assert_int_equal(peer_shake(&p), 1);
	peer_say(&p, SIP);
	assert_int_equal(p.ngot, strlen(SIP));
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_registers_at_1_2),
		T(test_registers_at_1_3),
		T(test_byte_by_byte_at_1_2),
		T(test_byte_by_byte_at_1_3),
		T(test_accepted_inside_of_the_callback),
		T(test_large_messages_both_ways),
		T(test_hello_without_server_name_and_with_a_foreign_one),
		T(test_old_suites),
		T(test_signs_with_pkcs1_at_1_2),
		T(test_send_before_and_after),
		T(test_out_that_takes_no_more),
		T(test_unknown_root_at_1_2),
		T(test_unknown_root_at_1_3),
		T(test_unknown_root_byte_by_byte),
		T(test_alert_together_with_other_bytes),
		T(test_alert_with_an_odd_record_version),
		T(test_close_notify_after_the_handshake),
		T(test_fatal_alert_after_the_handshake),
		T(test_hangs_up_without_a_word),
		T(test_client_of_1_1_alone),
		T(test_no_shared_cipher),
		T(test_renegotiation_is_refused),
		T(test_plain_sip_http_and_junk),
		T(test_text_that_is_not_clear_yet_waits),
		T(test_nothing_at_all),
		T(test_half_a_hello),
		T(test_sslv2_hello_of_an_old_client),
		T(test_record_that_is_too_long),
		T(test_alert_before_any_hello),
		T(test_alert_behind_the_failure),
		T(test_hello_with_a_length_that_lies),
		T(test_hello_in_records_of_one_byte),
		T(test_hello_of_sixty_kilobytes),
		T(test_ticket_across_a_restart),
		T(test_ticket_of_older_hours),
		T(test_session_id_without_tickets),
		T(test_session_cache_is_bounded),
		T(test_session_of_a_broken_connection),
		T(test_workers_share_one_context),
		T(test_connection_outlives_its_context),
	};
	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
