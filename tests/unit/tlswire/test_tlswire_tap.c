/* SPDX-License-Identifier: BSD-2-Clause */
/* The tap tells what came by the bytes alone, however they were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hellos.h"
#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "tlswire/tap.h"

#define LIST(...) ((const int[]) { __VA_ARGS__, -1 })




static struct tls_tap t;
static unsigned hellos;

static void
on_hello(const struct tls_hello *h, void *arg)
{
	assert_int_equal(h->max_version, 0x0303);
	assert_int_equal(h->record_version, 0x0301);
	hellos++;
}

/* bytes in pieces of step. */
static void
feed(enum tls_side side, struct str bytes, size_t step, uint64_t now_us)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < step ? bytes.n : step;

		tls_tap_feed(&t, side, str_of(bytes.p, n), now_us, on_hello,
		    NULL);
		bytes = str_from(bytes, n);
	}
}

static void
put_record(struct buf *b, int type, unsigned version, struct str body)
{
	buf_putc(b, (char)type);
	put_u16(b, version);
	put_u16(b, (unsigned)body.n);
	buf_str(b, body);
}

/* ---- first bytes ---- */

static void
first_bytes(void **state)
{
	static const struct {
		struct str bytes;
		enum tls_first want;
	} rows[] = {
		{ STR("\x16\3\1\2\0\1"), TLS_FIRST_TLS },
		{ STR("\x16"), TLS_FIRST_TLS },
		{ STR("\x16\4\1"), TLS_FIRST_OTHER },
		{ STR("\x15\3\3\0\2\2\x30"), TLS_FIRST_ALERT },
		{ STR("\x80\x2e\1\3\1"), TLS_FIRST_SSLV2 },
		{ STR("\x80\x2e\1\0\2"), TLS_FIRST_SSLV2 },
		{ STR("\x80\x2e\1\5\1"), TLS_FIRST_OTHER },
		{ STR("\x80\x2e\2\3\1"), TLS_FIRST_OTHER },
		{ STR("REGISTER sip:pbx SIP/2.0"), TLS_FIRST_SIP },
		{ STR("OPTIONS sip:pbx SIP/2.0"), TLS_FIRST_SIP },
		{ STR("SIP/2.0 200 OK"), TLS_FIRST_SIP },
		{ STR("\r\n\r\n"), TLS_FIRST_SIP },
		{ STR("\r\nINVITE sip:a SIP/2.0"), TLS_FIRST_SIP },
		{ STR("\r\n"), TLS_FIRST_OTHER },
		{ STR("OPTIONS / HTTP/1.1"), TLS_FIRST_HTTP },
		{ STR("OPTIONS * HTTP/1.1"), TLS_FIRST_HTTP },
		{ STR("OPTIONS http://pbx/ HTTP/1.1"), TLS_FIRST_HTTP },
		{ STR("GET / HTTP/1.0"), TLS_FIRST_HTTP },
		{ STR("PRI * HTTP/2.0"), TLS_FIRST_HTTP },
		{ STR("GETTING"), TLS_FIRST_OTHER },
		{ STR("SSH-2.0-x"), TLS_FIRST_OTHER },
		{ STR("\0\0\0\0"), TLS_FIRST_OTHER },
		{ STR(""), TLS_FIRST_NOTHING },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tls_tap_init(&t);
		feed(TLS_CLIENT, rows[i].bytes, 1, 1);
		if (tls_tap_first(&t) != rows[i].want)
			fail_msg("row %zu: %d, expected %d", i,
			    tls_tap_first(&t), rows[i].want);
		tls_tap_fini(&t);
	}
}

/* ---- a handshake ---- */

static char hello_memory[2048], client_memory[4096], server_memory[4096];

/* hello, over two records, and an alert at the end. */
static struct str
client_bytes(void)
{
	struct hello_parts p = { 0x0303, LIST(0xc02f, 0x009c), STR_NULL };
	struct buf hello, b;
	struct str h;

	buf_init_array(&hello, hello_memory, sizeof(hello_memory));
	buf_init_array(&b, client_memory, sizeof(client_memory));
	h = make_hello(&hello, &p);
	put_record(&b, 22, 0x0301, str_of(h.p, 2));
	put_record(&b, 22, 0x0301, str_from(h, 2));
	assert_false(b.failed);
	return buf_as_str(&b);
}

/* ServerHello, Certificate, CertificateRequest and ServerHelloDone. */
static struct str
server_bytes(void)
{
	struct buf b;
	char hello[42] = { 2, 0, 0, 38, 3, 3 };

	hello[39] = (char)0xc0; /* behind random and an empty session ID */
	hello[40] = 0x2f;
	buf_init_array(&b, server_memory, sizeof(server_memory));
	put_record(&b, 22, 0x0303, str_of(hello, 42));
	put_record(&b, 22, 0x0303, STR("\x0b\0\0\x06\0\0\3\0\0\0"
	    "\x0d\0\0\1x"));
	put_record(&b, 22, 0x0303, STR("\x0e\0\0\0"));
	assert_false(b.failed);
	return buf_as_str(&b);
}

static void
a_handshake_however_it_is_cut(void **state)
{
	struct str client = client_bytes(), server = server_bytes();

	for (size_t step = 1; step <= client.n; step++) {
		tls_tap_init(&t);
		hellos = 0;
		feed(TLS_CLIENT, client, step, 1);
		assert_int_equal(hellos, 1);
		assert_true(t.hello_done && !t.hello_bad);
		assert_false(t.flight);
		feed(TLS_SERVER, server, step, 7);
		assert_true(t.server_hello && t.certificate);
		assert_true(t.certificate_request && t.server_hello_done);
		assert_int_equal(t.server_version, 0x0303);
		assert_int_equal(t.server_cipher, 0xc02f);
		assert_true(t.flight && !t.reacted);
		assert_int_equal(t.flight_us, 7);
		/* No certificate to show, and then no more. */
		feed(TLS_CLIENT, STR("\x16\3\3\0\7\x0b\0\0\3\0\0\0"), step, 9);
		assert_true(t.reacted && t.client_certificate_empty);
		assert_false(t.client_certificate);
		feed(TLS_CLIENT, STR("\x15\3\3\0\2\2\x30"), step, 10);
		assert_int_equal(t.nalert, 1);
		assert_int_equal(t.alert[0].side, TLS_CLIENT);
		assert_int_equal(t.alert[0].description, TLS_ALERT_unknown_ca);
		assert_int_equal(t.alert[0].at_us, 10);
		assert_true(t.alert[0].in_clear);
		tls_tap_fini(&t);
	}
}

static void
alerts_are_kept_once_and_the_last_always(void **state)
{
	tls_tap_init(&t);
	/* An odd version, and the same told by the library. */
	feed(TLS_CLIENT, STR("\x15\3\0\0\2\2\x2a"), 100, 1);
	tls_tap_told_alert(&t, TLS_CLIENT, 2, 0x2a, true, 2);
	assert_int_equal(t.nalert, 1);
	assert_int_equal(t.alerts_total, 1);
	assert_true(t.alert[0].in_clear && t.alert[0].after_finished);
	/* Two in one record; one over two records; too many. */
	feed(TLS_CLIENT, STR("\x15\3\3\0\4\1\x5a\1\0"), 100, 3);
	assert_int_equal(t.nalert, 3);
	feed(TLS_CLIENT, STR("\x15\3\3\0\1\2\x15\3\3\0\1\x2e"), 100, 4);
	assert_int_equal(t.nalert, 4);
	assert_int_equal(t.alert[3].description, 0x2e);
	feed(TLS_CLIENT, STR("\x15\3\3\0\2\2\x2f"), 100, 5);
	assert_int_equal(t.nalert, TLS_TAP_ALERTS_MAX);
	assert_int_equal(t.alerts_total, 5);
	assert_int_equal(t.alert[3].description, 0x2f);
	/* Behind a ChangeCipherSpec only one of two bytes can be read. */
	feed(TLS_CLIENT, STR("\x14\3\3\0\1\1\x15\3\3\0\x04\2\x30\2\x30"), 100,
	    6);
	assert_int_equal(t.alerts_total, 5);
	assert_int_equal(t.dir[TLS_CLIENT].encrypted, 1);
	feed(TLS_CLIENT, STR("\x15\3\3\0\2\2\x31"), 100, 7);
	assert_int_equal(t.alert[3].description, 0x31);
	tls_tap_fini(&t);
}

static void
a_retry_is_no_server_hello(void **state)
{
	static const char retry[] = "\2\0\0\x2e\3\3"
	    "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
	    "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
	    "\0\x13\1\0\0\6\0\x2b\0\2\3\4";
	char record[128];
	struct buf b;

	buf_init_array(&b, record, sizeof(record));
	put_record(&b, 22, 0x0303, str_of(retry, sizeof(retry) - 1));
	tls_tap_init(&t);
	feed(TLS_SERVER, buf_as_str(&b), 3, 1);
	assert_true(t.hello_retry);
	assert_false(t.server_hello);
	assert_int_equal(t.server_version, 0x0304);
	tls_tap_fini(&t);
}

/* What is no record is not followed; a hello too long is a bad one. */
static void
what_is_not_followed(void **state)
{
	tls_tap_init(&t);
	feed(TLS_CLIENT, STR("\x16\3\1\x7f\xff\1"), 1, 1);
	assert_true(t.dir[TLS_CLIENT].broken);
	tls_tap_fini(&t);
	tls_tap_init(&t);
	feed(TLS_CLIENT, STR("\x16\3\1\0\4\1\0\x40\0"), 2, 1);
	assert_true(t.hello_done && t.hello_bad);
	assert_false(t.dir[TLS_CLIENT].broken);
	tls_tap_fini(&t);
	tls_tap_init(&t);
	feed(TLS_CLIENT, STR("\x16\3\1\0\4\1\0\0\0\x99"), 2, 1);
	assert_true(t.hello_done && t.hello_bad);
	tls_tap_fini(&t);
}

static void
names_and_suites(void **state)
{
	assert_string_equal(tls_alert_name(48), "unknown_ca");
	assert_string_equal(tls_alert_name(1), "alert");
	assert_string_equal(tls_version_name(0x0303), "TLSv1.2");
	assert_string_equal(tls_version_name(0x0505), "unknown");
	assert_int_equal(tls_suite_auth(0x1302), TLS_AUTH_ANY);
	assert_int_equal(tls_suite_auth(0xc02f), TLS_AUTH_RSA);
	assert_int_equal(tls_suite_auth(0xc02b), TLS_AUTH_ECDSA);
	assert_int_equal(tls_suite_auth(0x0034), TLS_AUTH_OTHER);
	assert_true(tls_suite_static_rsa(0x002f));
	assert_false(tls_suite_static_rsa(0xc02f));
}

static unsigned certificates;

static void
on_certificate(struct str msg, void *arg)
{
	assert_int_equal(msg.n, 10);
	assert_int_equal(msg.p[0], 11);
	certificates++;
}

static void
the_certificate_comes_whole_to_who_wants_it(void **state)
{
	struct str client = client_bytes(), server = server_bytes();

	for (size_t step = 1; step <= server.n; step++) {
		tls_tap_init(&t);
		tls_tap_want_certificate(&t, on_certificate);
		certificates = 0;
		feed(TLS_CLIENT, client, 64, 1);
		feed(TLS_SERVER, server, step, 7);
		assert_int_equal(certificates, 1);
		assert_int_equal(t.server_cipher, 0xc02f);
		tls_tap_fini(&t);
	}
}

/* Sealed records of type and length, in zeros. */
static void
feed_sealed(int type, unsigned n)
{
	static const char zeros[512];
	struct buf b;

	buf_init_array(&b, client_memory, sizeof(client_memory));
	put_record(&b, type, 0x0303, str_of(zeros, n));
	tls_tap_feed(&t, TLS_CLIENT, buf_as_str(&b), 9, NULL, NULL);
}

static void
application_data_is_told_from_alerts(void **state)
{
	for (int tls13 = 0; tls13 <= 1; tls13++) {
		tls_tap_init(&t);
		feed(TLS_CLIENT, client_bytes(), 64, 1);
		feed_sealed(23, 300); /* early data: nobody has taken it */
		assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 0);
		feed(TLS_SERVER, server_bytes(), 64, 7);
		if (tls13)
			t.server_version = TLS_VERSION_1_3;
		feed_sealed(20, 1);
		feed_sealed(tls13 ? 23 : 22, 53); /* Finished */
		feed_sealed(tls13 ? 23 : 21, 35); /* an alert */
		assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 0);
		feed_sealed(23, 400);
		assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 400);
		tls_tap_fini(&t);
	}
}

/* What is just as long as a Finished was one, whatever comes then: 78 bytes
 * are a short HTTP request, which counted as none. */
static void
a_short_request_after_finished_is_application_data(void **state)
{
	tls_tap_init(&t);
	feed(TLS_CLIENT, client_bytes(), 64, 1);
	feed(TLS_SERVER, server_bytes(), 64, 7);
	t.server_version = TLS_VERSION_1_3;
	feed_sealed(23, 85); /* padded, or a CertificateVerify */
	feed_sealed(23, 78);
	assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 0);
	feed_sealed(23, 69); /* Finished */
	feed_sealed(23, 35); /* an alert, padded */
	assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 0);
	feed_sealed(23, 78);
	assert_int_equal(t.dir[TLS_CLIENT].app_bytes, 78);
	tls_tap_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bytes),
		cmocka_unit_test(a_handshake_however_it_is_cut),
		cmocka_unit_test(alerts_are_kept_once_and_the_last_always),
		cmocka_unit_test(a_retry_is_no_server_hello),
		cmocka_unit_test(what_is_not_followed),
		cmocka_unit_test(names_and_suites),
		cmocka_unit_test(the_certificate_comes_whole_to_who_wants_it),
		cmocka_unit_test(application_data_is_told_from_alerts),
		cmocka_unit_test(
		    a_short_request_after_finished_is_application_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
