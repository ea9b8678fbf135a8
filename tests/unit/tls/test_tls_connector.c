/* SPDX-License-Identifier: BSD-2-Clause */
/* A connector in memory, joined to the edge's own tls_conn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/connector.h"
#include "tlswire/alert.h"
#include "site.h"

struct pair {
	struct tls_ctx *ctx;
	struct tls_client *client;
	struct tls_connector *k;
	struct tls_conn *conn;
	struct buf to_server, to_client;
	struct tls_outcome o;
	struct trust_evidence e;
	char server_got[256], client_got[256];
	size_t nserver, nclient;
	uint64_t now_us;
};

static struct pair p;
static struct tls_look look;
static struct x509_set *roots;

static int
setup(void **state)
{
	memset(&p, 0, sizeof(p));
	tls_look_init(&look);
	assert_int_equal(x509_set_new(&roots), 0);
	X509_up_ref(site.root.x);
	sk_X509_push(x509_set_stack(roots), site.root.x);
	return 0;
}

static int
teardown(void **state)
{
	tls_connector_free(p.k);
	tls_client_free(p.client);
	tls_conn_free(p.conn);
	tls_ctx_unref(p.ctx);
	buf_fini(&p.to_server);
	buf_fini(&p.to_client);
	x509_set_free(roots);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

/* A fresh pair for each round after the first, which has the test's own. */
static void
again(int round)
{
	if (round == 0)
		return;
	teardown(NULL);
	setup(NULL);
}

static void
on_server(struct str plain, void *arg)
{
	memcpy(p.server_got + p.nserver, plain.p, plain.n);
	p.nserver += plain.n;
	assert_int_equal(tls_conn_send(p.conn, STR("SIP/2.0 200 OK"),
	    &p.to_client), 0);
}

static void
on_client(struct str plain, void *arg)
{
	memcpy(p.client_got + p.nclient, plain.p, plain.n);
	p.nclient += plain.n;
}

static void
join(const char *name, const char *setting, const char *value)
{
	char why_bytes[1024];
	struct buf why;

	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	buf_init(&p.to_server, 1 << 16);
	buf_init(&p.to_client, 1 << 16);
	p.ctx = site_ctx(setting, value);
	assert_int_equal(tls_client_new(&p.client, &look, roots, &why), 0);
	assert_int_equal(tls_connector_new(&p.k, p.client, name, PKI_NOW), 0);
	assert_int_equal(tls_conn_new(&p.conn, p.ctx, 1, NULL, NULL), 0);
	assert_int_equal(tls_connector_start(p.k, &p.to_server), 0);
}

static void
run(void)
{
	while (p.to_server.n > 0 || p.to_client.n > 0) {
		struct buf in = p.to_server;

		buf_init(&p.to_server, 1 << 16);
		tls_conn_feed(p.conn, buf_as_str(&in), ++p.now_us,
		    &p.to_client, on_server, NULL);
		buf_fini(&in);
		in = p.to_client;
		buf_init(&p.to_client, 1 << 16);
		tls_connector_feed(p.k, buf_as_str(&in), &p.to_server,
		    on_client, NULL);
		buf_fini(&in);
		assert_int_equal(ERR_peek_error(), 0);
	}
	tls_connector_outcome(p.k, &p.o);
	tls_conn_evidence(p.conn, &p.e, TRUST_END_FIN, p.now_us);
}

static void
shake(const char *name)
{
	join(name, NULL, NULL);
	run();
}

/* The server saw this alert last, and the device gave these words. */
static void
said(uint8_t alert, const char *words)
{
	assert_int_equal(p.o.refuser, TLS_REFUSER_DEVICE);
	assert_int_equal(tls_connector_state(p.k), TLS_CONN_FAILED);
	assert_int_equal(p.o.says, alert);
	assert_int_equal(p.e.nalert, 1);
	assert_int_equal(p.e.alert[0].side, TLS_CLIENT);
	assert_int_equal(p.e.alert[0].description, alert);
	assert_string_equal(p.o.words, words);
}

static void
forget_root(void)
{
	X509_free(sk_X509_pop(x509_set_stack(roots)));
}

static void
trusted_and_talking(void **state)
{
	shake("sip.example.com");
	assert_int_equal(tls_connector_state(p.k), TLS_CONN_OPEN);
	assert_int_equal(p.o.refuser, TLS_REFUSER_NONE);
	assert_int_equal(p.o.version, TLS_VERSION_1_3);
	assert_string_equal(p.o.subject, "sip.example.com");
	assert_string_equal(p.o.root, "Site Root");
	assert_string_equal(p.o.words, "");
	assert_string_equal(p.e.server_name, "sip.example.com");
	assert_int_equal(tls_connector_send(p.k, STR("REGISTER"),
	    &p.to_server), 0);
	run();
	assert_memory_equal(p.server_got, "REGISTER", 8);
	assert_memory_equal(p.client_got, "SIP/2.0 200 OK", 14);
	tls_connector_close(p.k, &p.to_server);
	run();
	assert_int_equal(tls_conn_state(p.conn), TLS_CONN_CLOSED);
	assert_int_equal(tls_connector_send(p.k, STR("x"), &p.to_server),
	    E_STATE);
}

static void
unknown_root(void **state)
{
	forget_root();
	shake("sip.example.com");
	said(TLS_ALERT_unknown_ca, "does not hold the root \"Site Root\"");
	assert_int_equal(p.o.fault, TRUST_FAULT_ROOT);
	assert_int_equal(p.o.chain_depth, 1);
	assert_non_null(tls_connector_chain(p.k));
}

static void
wrong_name(void **state)
{
	shake("pbx.example.com");
	said(TLS_ALERT_bad_certificate, "is set to \"pbx.example.com\", the "
	    "certificate is for sip.example.com");
}

static void
an_address_is_no_server_name(void **state)
{
	shake("127.0.0.1");
	said(TLS_ALERT_bad_certificate, "is set to \"127.0.0.1\", the "
	    "certificate is for sip.example.com");
	assert_string_equal(p.e.server_name, "");
}

static void
a_name_that_is_not_checked(void **state)
{
	look.checks_name = false;
	look.server_name = false;
	shake("pbx.example.com");
	assert_int_equal(tls_connector_state(p.k), TLS_CONN_OPEN);
	assert_string_equal(p.e.server_name, "");
}

static void
nothing_is_checked(void **state)
{
	forget_root();
	look.checks_chain = look.checks_name = false;
	shake("pbx.example.com");
	assert_int_equal(tls_connector_state(p.k), TLS_CONN_OPEN);
}

/* Every alert that a stack of the table sends, from OpenSSL. */
static void
in_the_manner_of(void **state)
{
	for (int m = 0; m < TLS_MANNERS; m++) {
		const struct tls_manner *manner = tls_manner(
		    (enum tls_manner_id)m);
		uint16_t says = manner->says[TRUST_FAULT_ROOT];

		again(m);
		forget_root();
		look.manner = *manner;
		shake("sip.example.com");
		assert_int_equal(p.o.refuser, TLS_REFUSER_DEVICE);
		assert_int_equal(p.o.says, says);
		if (manner->late) {
			assert_int_equal(p.e.stage, TRUST_STAGE_FINISHED);
			assert_int_equal(p.e.app_bytes, 0);
			assert_int_equal(p.e.alert[0].description, 0);
		} else if (says == TRUST_SAYS_NOTHING) {
			assert_int_equal(p.e.nalert, 0);
			assert_int_equal(p.e.stage, TRUST_STAGE_CERTIFICATE);
		} else {
			assert_int_equal(p.e.alert[0].description, says);
		}
	}
}

static void
every_alert_can_be_said(void **state)
{
	static const uint8_t codes[] = { TLS_ALERT_unknown_ca,
		TLS_ALERT_bad_certificate, TLS_ALERT_certificate_expired,
		TLS_ALERT_certificate_revoked,
		TLS_ALERT_unsupported_certificate, TLS_ALERT_decrypt_error,
		TLS_ALERT_handshake_failure, TLS_ALERT_internal_error,
		TLS_ALERT_certificate_unknown };

	for (size_t i = 0; i < sizeof(codes); i++) {
		again((int)i);
		forget_root();
		tls_manner_says(&look.manner, codes[i]);
		shake("sip.example.com");
		said(codes[i], "does not hold the root \"Site Root\"");
	}
}

/* mbedTLS names the wrong name, OpenSSL the missing root. */
static void
the_first_obstacle_differs(void **state)
{
	forget_root();
	look.manner = *tls_manner(TLS_MANNER_MBEDTLS);
	shake("pbx.example.com");
	assert_int_equal(p.o.fault, TRUST_FAULT_NAME);
	assert_int_equal(p.o.faults,
	    1u << TRUST_FAULT_NAME | 1u << TRUST_FAULT_ROOT);
	again(1);
	forget_root();
	shake("pbx.example.com");
	assert_int_equal(p.o.fault, TRUST_FAULT_ROOT);
}

static void
a_clock_at_its_firmwares_day(void **state)
{
	char why_bytes[256];
	struct buf why;

	join("sip.example.com", NULL, NULL);
	tls_connector_free(p.k);
	buf_reset(&p.to_server);
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	assert_int_equal(tls_connector_new(&p.k, p.client, "sip.example.com",
	    0), 0);
	assert_int_equal(tls_connector_start(p.k, &p.to_server), 0);
	run();
	assert_int_equal(p.o.fault, TRUST_FAULT_TOO_NEW);
	said(TLS_ALERT_bad_certificate, "by its clock the certificate "
	    "\"Site Root\" is not valid before 2025-11-18");
}

static void
offers_what_the_profile_says(void **state)
{
	/* As an SPA2102: two of them this OpenSSL does not have. */
	static const uint16_t suites[] = { 0x0039, 0x0035, 0x0033, 0x002f,
		0x0005, 0x0004 };

	memcpy(look.suites.v, suites, sizeof(suites));
	look.suites.n = ARRAY_LEN(suites);
	look.min_version = TLS_VERSION_1_0;
	look.max_version = TLS_VERSION_1_2;
	look.modern = false;
	shake("sip.example.com");
	assert_int_equal(tls_connector_state(p.k), TLS_CONN_OPEN);
	assert_string_equal(tls_client_lacks(p.client), "0x0005, 0x0004");
	assert_int_equal(p.e.max_version, TLS_VERSION_1_2);
	assert_int_equal(p.e.nciphers, 5); /* and the SCSV of RFC 5746 */
	assert_int_equal(p.e.cipher[0], 0x0039);
	assert_int_equal(p.e.cipher[3], 0x002f);
	assert_int_equal(p.e.cipher[4], 0x00ff);
}

static void
too_old_for_the_server(void **state)
{
	look.min_version = look.max_version = TLS_VERSION_1_0;
	look.modern = false;
	shake("sip.example.com");
	assert_int_equal(p.e.max_version, TLS_VERSION_1_0);
	assert_int_equal(p.o.refuser, TLS_REFUSER_SERVER);
	assert_int_equal(p.o.says, TLS_ALERT_protocol_version);
	assert_string_equal(p.o.words, "the server refuses: "
	    "protocol_version(70); this device speaks at most TLSv1.0");
}

static void
nothing_left_to_offer(void **state)
{
	char why_bytes[512];
	struct buf why;

	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	look.suites.v[0] = 0x0004;
	look.suites.n = 1;
	assert_int_equal(tls_client_new(&p.client, &look, roots, &why),
	    E_CRYPTO);
	pki_says(&why, "none of the cipher suites that the device offers "
	    "(0x0004)");
}

static void
not_a_tls_port(void **state)
{
	join("sip.example.com", NULL, NULL);
	tls_connector_feed(p.k, STR("SIP/2.0 400 Bad Request\r\n\r\n"),
	    &p.to_server, on_client, NULL);
	tls_connector_outcome(p.k, &p.o);
	assert_int_equal(p.o.refuser, TLS_REFUSER_NEITHER);
	assert_string_equal(p.o.words,
	    "what the server sent is not TLS: is this its TLS port?");
}

static void
hung_up_in_the_handshake(void **state)
{
	join("sip.example.com", NULL, NULL);
	tls_connector_ended(p.k);
	tls_connector_outcome(p.k, &p.o);
	assert_string_equal(p.o.words,
	    "the server hung up in the handshake without a word");
}

static void
manners_by_name(void **state)
{
	assert_ptr_equal(tls_manner_find("openssl 0.9.8y"),
	    tls_manner(TLS_MANNER_OPENSSL));
	assert_ptr_equal(tls_manner_find("mbedTLS"),
	    tls_manner(TLS_MANNER_MBEDTLS));
	assert_null(tls_manner_find("unheard-of"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(trusted_and_talking),
		T(unknown_root),
		T(wrong_name),
		T(an_address_is_no_server_name),
		T(a_name_that_is_not_checked),
		T(nothing_is_checked),
		T(in_the_manner_of),
		T(every_alert_can_be_said),
		T(the_first_obstacle_differs),
		T(a_clock_at_its_firmwares_day),
		T(offers_what_the_profile_says),
		T(too_old_for_the_server),
		T(nothing_left_to_offer),
		T(not_a_tls_port),
		T(hung_up_in_the_handshake),
		T(manners_by_name),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
