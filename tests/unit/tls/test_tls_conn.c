/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/conn: what goes well, what a client refuses, and resumption. */
#include <pthread.h>

#include "conn_world.h"

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

/* In the first hour of 1970 tickets were sealed with a key of zeros. */
static void
test_ticket_of_a_clock_that_was_never_set(void **state)
{
	clock_fake(100, 1);
	SSL_SESSION *s = first_visit(ctx, TLS1_2_VERSION, false);

	assert_true(second_visit(ctx, TLS1_2_VERSION, s, false));
	peer_fini(&p);
	site.secret[0] ^= 1;
	clock_fake(PKI_NOW, 1);
	struct tls_ctx *other = site_ctx(NULL, NULL);
	site.secret[0] ^= 1;
	clock_fake(100, 1);
	assert_false(second_visit(other, TLS1_2_VERSION, s, false));
	clock_fake(PKI_NOW, 1);
	tls_ctx_unref(other);
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
		T(test_ticket_across_a_restart),
		T(test_ticket_of_older_hours),
		T(test_ticket_of_a_clock_that_was_never_set),
		T(test_session_id_without_tickets),
		T(test_session_cache_is_bounded),
		T(test_session_of_a_broken_connection),
		T(test_workers_share_one_context),
		T(test_connection_outlives_its_context),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
