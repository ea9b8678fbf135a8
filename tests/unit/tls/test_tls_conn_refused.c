/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/conn: what we refuse, and what is no TLS or a spoilt hello. */
#include "conn_world.h"

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

/* OpenSSL takes it for an error and says nothing: it is not us who left. */
static void
test_goodbye_at_the_certificate(void **state)
{
	static const char *const goodbye[] = { "\x15\x03\x03\x00\x02\x01\x00",
		"\x15\x03\x01\x00\x02\x01\x5a" };
	char *bytes;

	for (size_t i = 0; i < ARRAY_LEN(goodbye); i++) {
		begin(&(struct peer_want) { .root = NULL,
		    .max = TLS1_2_VERSION });
		SSL_do_handshake(p.ssl);
		long n = BIO_get_mem_data(p.out, &bytes);
		raw(bytes, (size_t)n);
		raw(goodbye[i], 7);
		assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
		look(TRUST_END_US);
		assert_int_equal(e.end, TRUST_END_FIN);
		assert_int_equal(e.stage, TRUST_STAGE_CERTIFICATE);
		if (i == 0)
			peer_fini(&p);
	}
	/* Where it is we who left, it stays so. */
	peer_fini(&p);
	begin(&(struct peer_want) { .root = NULL });
	raw("\x15\x03\x01\x00\x02\x02\x00", 7);
	look(TRUST_END_US);
	assert_int_equal(e.end, TRUST_END_US);
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
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	look(TRUST_END_US);
	assert_int_equal(e.first, TLS_FIRST_TLS);
	one_alert(TLS_SERVER, TLS_ALERT_illegal_parameter);
}

/* OpenSSL would make room for all of it. */
static void
test_hello_that_only_claims_to_be_long(void **state)
{
	begin(&(struct peer_want) { .root = NULL });
	raw("\x16\x03\x01\x40\x00\x01\x01\x00", 8);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_HANDSHAKE);
	raw("\x00", 1);
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_FAILED);
	assert_memory_equal(p.to_client.p, "\x15\x03\x01\x00\x02\x02\x2f", 7);
	assert_int_equal(p.to_client.n, 7);
	look(TRUST_END_US);
	assert_true(e.hello_malformed);
	assert_int_equal(e.stage, TRUST_STAGE_BYTES);
	one_alert(TLS_SERVER, TLS_ALERT_illegal_parameter);
	assert_true(e.alert[0].in_clear);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
		T(test_goodbye_at_the_certificate),
		T(test_hello_with_a_length_that_lies),
		T(test_hello_in_records_of_one_byte),
		T(test_hello_of_sixty_kilobytes),
		T(test_hello_that_only_claims_to_be_long),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
