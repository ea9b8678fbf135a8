/* SPDX-License-Identifier: BSD-2-Clause */
/* Several chains on one port: which one a client is shown, and what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"
#include "site.h"
#include "tlswire/alert.h"
#include "trust/verdict.h"

#define SIP "OPTIONS sip:a SIP/2.0\r\n\r\n"

/* Beside the site's: another RSA chain, and one with an EC key. */
static struct pki_cert other_root, inter, other, ec_root, ec;
static char other_value[700], ec_value[700], first_value[700];
static char path[3][2][300];
static struct tls_ctx *ctx; /* first (RSA), other (RSA), ec */
static struct peer p;
static struct trust_evidence e;

static void
put_chain(char value[700], int at, const char *name,
    const struct pki_cert *leaf, const struct pki_cert *next)
{
	struct buf pem;

	for (int i = 0; i < 2; i++)
		snprintf(path[at][i], sizeof(path[at][i]), "%s/%s.%s", site.dir,
		    name, i == 0 ? "pem" : "key");
	buf_init(&pem, 1 << 16);
	pki_put_cert(&pem, leaf->x);
	if (next != NULL)
		pki_put_cert(&pem, next->x);
	pki_write(path[at][0], buf_as_str(&pem), 0600);
	buf_fini(&pem);
	site_put(path[at][1], NULL, leaf->k);
	snprintf(value, 700, "%s=%s,%s", name, path[at][0], path[at][1]);
}

static int
setup_all(void **state)
{
	char bytes[4096];
	struct buf why;

	site_setup(state);
	other_root = pki_make(&(struct pki_want) { .cn = "Other Root",
	    .ca = true, .rsa = true });
	inter = pki_make(&(struct pki_want) { .cn = "Other Inter", .ca = true,
	    .issuer = &other_root });
	other = pki_make(&(struct pki_want) { .cn = "sip.example.com",
	    .issuer = &inter, .rsa = true, .alt = "DNS:sip.example.com",
	    .to_s = PKI_NOW + 9 * PKI_DAY });
	ec_root = pki_make(&(struct pki_want) { .cn = "EC Root", .ca = true });
	ec = pki_make(&(struct pki_want) { .cn = "sip.example.com",
	    .issuer = &ec_root, .alt = "DNS:sip.example.com" });
	put_chain(first_value, 0, "first", &site.leaf, NULL);
	put_chain(other_value, 1, "other", &other, &inter);
	put_chain(ec_value, 2, "ec", &ec, NULL);
	buf_init_array(&why, bytes, sizeof(bytes));
	const struct conf_override over[] = { { "chain", first_value },
		{ "chain", other_value }, { "chain", ec_value } };
	ctx = site_try(over, 3, &why);
	if (ctx == NULL)
		fail_msg("%.*s", (int)why.n, why.p);
	return 0;
}

static int
teardown_all(void **state)
{
	tls_ctx_unref(ctx);
	for (int i = 0; i < 6; i++)
		unlink(path[i / 2][i % 2]);
	pki_free(&other_root);
	pki_free(&inter);
	pki_free(&other);
	pki_free(&ec_root);
	pki_free(&ec);
	return site_teardown(state);
}

static int
teardown(void **state)
{
	peer_fini(&p);
	return 0;
}

/* What the chooser is asked and what it says. */
static struct chooser {
	struct tls_choice say;
	unsigned asked;
	uint16_t max_version;
	char name[64];
} chooser;

static void
choose(const struct tls_hello *h, const struct tls_ctx *c,
    struct tls_choice *out, void *arg)
{
	struct chooser *who = arg;

	assert_ptr_equal(c, ctx);
	assert_int_equal(out->chain, 0);
	assert_false(out->old_versions);
	who->asked++;
	who->max_version = h->max_version;
	str_copy(who->name, sizeof(who->name), h->server_name);
	*out = who->say;
}

static int
meets(struct peer_want w, unsigned chain, bool old)
{
	chooser = (struct chooser) { .say = { .chain = chain,
	    .old_versions = old } };
	w.server = ctx;
	w.choose = choose;
	w.arg = &chooser;
	peer_init(&p, &w);
	return peer_shake(&p);
}

static void
look(enum trust_end end)
{
	p.now_us += 50;
	tls_conn_evidence(p.conn, &e, end, p.now_us);
}

static void
test_facts(void **state)
{
	unsigned n;
	const struct trust_chain *f = tls_ctx_chains(ctx, &n);
	unsigned char md[20], *der = NULL;
	unsigned len;

	assert_int_equal(n, 3);
	assert_string_equal(f[0].name, "first");
	assert_string_equal(f[0].root, "Site Root");
	assert_string_equal(f[1].name, "other");
	/* The root was not sent and is none that is known here. */
	assert_string_equal(f[1].root, "Other Root");
	assert_int_equal(f[1].key, TRUST_KEY_RSA);
	assert_int_equal(f[1].bits, 2048);
	assert_int_equal(f[1].depth, 2);
	assert_int_equal(f[1].not_after_s, PKI_NOW + 9 * PKI_DAY);
	assert_int_equal(f[1].faults, 0);
	assert_int_equal(f[1].signed_with, 1 << TRUST_SIGNED_ECDSA_SHA256 |
	    1 << TRUST_SIGNED_RSA_SHA256);
	assert_int_equal(f[2].key, TRUST_KEY_ECDSA);
	assert_int_equal(f[2].bits, 256);
	assert_int_equal(f[2].signed_with, 1 << TRUST_SIGNED_ECDSA_SHA256);
	assert_int_equal(X509_NAME_digest(X509_get_subject_name(other_root.x),
	    EVP_sha1(), md, &len), 1);
	assert_memory_equal(f[1].root_name_sha1, md, 20);
	int der_len = i2d_X509_NAME(X509_get_subject_name(other_root.x), &der);
	assert_int_equal(f[1].root_name.n, der_len);
	assert_memory_equal(f[1].root_name.p, der, der_len);
	OPENSSL_free(der);
	der = NULL;
	der_len = i2d_X509_NAME(X509_get_subject_name(inter.x), &der);
	assert_int_equal(f[1].issuer_names.n, der_len);
	assert_memory_equal(f[1].issuer_names.p, der, der_len);
	OPENSSL_free(der);
	assert_int_equal(f[0].issuer_names.n, 0);
	/* The same names in both leaves. */
	assert_int_not_equal(f[1].names, 0);
	assert_true(f[1].names == f[2].names);
	assert_int_equal(tls_ctx_find(ctx, STR("ec")), 2);
	assert_int_equal(tls_ctx_find(ctx, STR("e")), -1);
}

/* Each client trusts one root alone. */
static void
each_chain_at(int version, const char *sigalgs)
{
	X509 *roots[] = { site.root.x, other_root.x, ec_root.x };
	static const char *const names[] = { "first", "other", "ec" };
	static const char *const root_names[] = { "Site Root", "Other Root",
		"EC Root" };

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 3; k++) {
			int rc = meets((struct peer_want) { .root = roots[k],
			    .min = version, .max = version,
			    .sigalgs = sigalgs }, i, false);
			if ((rc == 1) != (i == k))
				fail_msg("chain %u, root %u: %d", i, k, rc);
			assert_int_equal(chooser.asked, 1);
			look(TRUST_END_FIN);
			assert_string_equal(e.chain, names[i]);
			assert_string_equal(e.root, root_names[i]);
			assert_int_equal(e.our_key, i == 2 ? TRUST_KEY_ECDSA :
			    TRUST_KEY_RSA);
			assert_int_equal(e.our_bits, i == 2 ? 256 : 2048);
			assert_int_equal(e.chain_depth, i == 1 ? 2 : 1);
			assert_int_equal(e.chain_faults, 0);
			const struct trust_chain *f = tls_conn_chain(p.conn);
			assert_string_equal(f->name, names[i]);
			assert_int_equal(tls_conn_version(p.conn),
			    rc == 1 ? version : 0);
			peer_fini(&p);
		}
	}
	meets((struct peer_want) { .root = site.root.x }, 0, false);
}

/* RFC 8446 4.2.4: what the client lists is in the evidence, and believed. */
static void
test_the_clients_list_of_roots(void **state)
{
	struct trust_verdict v;

	for (unsigned i = 0; i < 2; i++) {
		meets((struct peer_want) { .root = other_root.x,
		    .lists_root = true, .min = TLS1_3_VERSION }, i, false);
		look(TRUST_END_FIN);
		assert_int_equal(e.listed,
		    i == 1 ? TRUST_LISTED_YES : TRUST_LISTED_NO);
		if (i == 0) {
			trust_judge(&v, &e, NULL);
			assert_int_equal(v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
			assert_int_equal(v.confidence, TRUST_CERTAIN);
		}
		peer_fini(&p);
	}
	meets((struct peer_want) { .root = site.root.x }, 0, false);
	look(TRUST_END_FIN);
	assert_int_equal(e.listed, TRUST_LISTED_UNKNOWN);
}

/* Suites of RC4 and 3DES: this library has none of them. */
static void
test_suites_of_no_library_are_told(void **state)
{
	uint8_t hello[] = "\x16\x03\x01\x00\x3d\x01\x00\x00\x39\x03\x03"
	    "0123456789abcdef0123456789ABCDEF"
	    "\x00\x00\x08\x00\x05\x00\x04\x00\x0a\x00\xff\x01\x00"
	    "\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x01";
	struct trust_verdict v;

	meets((struct peer_want) { .root = site.root.x }, 0, false);
	for (int known = 0; known < 2; known++) {
		struct tls_conn *c;
		struct buf out;

		if (known == 1)
			hello[49] = 0x2f;
		assert_int_equal(tls_conn_new(&c, ctx, 1, NULL, NULL), 0);
		buf_init(&out, 1 << 16);
		tls_conn_feed(c, str_of((char *)hello, sizeof(hello) - 1), 2,
		    &out, NULL, NULL);
		tls_conn_evidence(c, &e, TRUST_END_US, 3);
		if (known == 0)
			assert_true(e.no_shared_cipher);
		assert_int_equal(e.ciphers_foreign, known == 0);
		trust_judge(&v, &e, NULL);
		if (known == 0)
			assert_int_equal(v.confidence, TRUST_CERTAIN);
		buf_fini(&out);
		tls_conn_free(c);
	}
}

static void
test_each_chain_at_1_2(void **state)
{
	each_chain_at(TLS1_2_VERSION, NULL);
}

static void
test_each_chain_at_1_3(void **state)
{
	each_chain_at(TLS1_3_VERSION, NULL);
}

/*
 * A client that takes both kinds of key and would rather have ECDSA: chosen
 * is chosen, the other key must not win (SSL_certs_clear).
 */
static void
test_the_old_chain_does_not_win_by_its_key(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	char ec_first[700];
	struct buf why;
	char bytes[1024];

	buf_init_array(&why, bytes, sizeof(bytes));
	snprintf(ec_first, sizeof(ec_first), "%s", ec_value);
	const struct conf_override over[] = { { "chain", ec_first },
		{ "chain", other_value } };
	struct tls_ctx *two = site_try(over, 2, &why);
	assert_non_null(two);
	struct tls_ctx *before = ctx;
	ctx = two;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		assert_int_equal(meets((struct peer_want) {
		    .root = other_root.x, .min = versions[i],
		    .max = versions[i], .sigalgs =
		    "ecdsa_secp256r1_sha256:rsa_pkcs1_sha256:"
		    "rsa_pss_rsae_sha256" }, 1, false), 1);
		X509 *got = SSL_get0_peer_certificate(p.ssl);
		assert_int_equal(X509_cmp(got, other.x), 0);
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.ssl)),
		    2);
		peer_fini(&p);
	}
	ctx = before;
	tls_ctx_unref(two);
	meets((struct peer_want) { .root = site.root.x }, 0, false);
}

static void
test_the_chooser_sees_the_hello(void **state)
{
	assert_int_equal(meets((struct peer_want) { .root = site.root.x,
	    .max = TLS1_2_VERSION, .name = "sip.example.com" }, 0, false), 1);
	assert_int_equal(chooser.max_version, TLS_VERSION_1_2);
	assert_string_equal(chooser.name, "sip.example.com");
	struct tls_hello h;
	assert_true(tls_conn_hello(p.conn, &h));
	assert_true(str_eq(h.server_name, STR("sip.example.com")));
	assert_true(h.record_version != 0);
	assert_int_equal(tls_conn_cipher(p.conn),
	    SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(p.ssl)));
	tls_conn_accepted(p.conn);
	assert_false(tls_conn_hello(p.conn, &h));
	assert_string_equal(tls_conn_chain(p.conn)->name, "first");
}

static void
test_a_retried_hello_is_asked_for_once(void **state)
{
	chooser = (struct chooser) { .say = { .chain = 1 } };
	peer_init(&p, &(struct peer_want) { .server = ctx, .choose = choose,
	    .arg = &chooser, .root = other_root.x, .min = TLS1_3_VERSION });
	/* Its key share is for a group that we do not take. */
	assert_int_equal(SSL_set1_groups_list(p.ssl, "P-521:P-256"), 1);
	assert_int_equal(peer_shake(&p), 1);
	assert_int_equal(chooser.asked, 1);
	look(TRUST_END_OPEN);
	assert_string_equal(e.chain, "other");
}

static void
test_a_choice_that_is_none(void **state)
{
	assert_int_equal(meets((struct peer_want) { .root = site.root.x }, 3,
	    false), 1);
	assert_string_equal(tls_conn_chain(p.conn)->name, "first");
}

static void
test_a_name_that_the_leaf_has_not(void **state)
{
	meets((struct peer_want) { .root = other_root.x,
	    .name = "pbx.example.com" }, 1, false);
	look(TRUST_END_FIN);
	assert_int_equal(e.chain_faults, 1 << TRUST_FAULT_NAME);
	peer_fini(&p);
	meets((struct peer_want) { .root = other_root.x,
	    .name = "SIP.example.com" }, 1, false);
	look(TRUST_END_FIN);
	assert_int_equal(e.chain_faults, 0);
}

/* ---- old versions ---- */

static int
old_client(int version, unsigned chain, bool allowed, const char *ciphers)
{
	X509 *roots[] = { site.root.x, other_root.x, ec_root.x };

	return meets((struct peer_want) { .root = roots[chain],
	    .min = version, .max = version, .ciphers = ciphers }, chain,
	    allowed);
}

static void
test_old_versions_where_allowed(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
	static const char *const suites[] = { "AES128-SHA:@SECLEVEL=0",
		"DHE-RSA-AES256-SHA:@SECLEVEL=0",
		"ECDHE-RSA-AES128-SHA:@SECLEVEL=0" };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
			for (unsigned chain = 0; chain < 2; chain++) {
				if (old_client(versions[v], chain, true,
				    suites[i]) != 1)
					fail_msg("%s", suites[i]);
				assert_int_equal(tls_conn_version(p.conn),
				    versions[v]);
				look(TRUST_END_OPEN);
				assert_int_equal(e.our_min_version,
				    TLS_VERSION_1_0);
				assert_int_equal(e.version, versions[v]);
				peer_fini(&p);
			}
		}
		assert_int_equal(old_client(versions[v], 2, true,
		    "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"), 1);
		peer_fini(&p);
	}
	/* The connection beside it is as strict as ever. */
	assert_int_not_equal(old_client(TLS1_VERSION, 0, false,
	    "ALL:@SECLEVEL=0"), 1);
	look(TRUST_END_US);
	assert_int_equal(e.nalert, 1);
	assert_int_equal(e.alert[0].description, TLS_ALERT_protocol_version);
	assert_int_equal(e.our_min_version, TLS_VERSION_1_2);
}

/* Allowed is not asked for: a client of today gets today's settings. */
static void
test_allowed_but_not_needed(void **state)
{
	assert_int_equal(old_client(TLS1_2_VERSION, 1, true,
	    "ECDHE-RSA-AES128-GCM-SHA256"), 1);
	look(TRUST_END_OPEN);
	assert_int_equal(e.our_min_version, TLS_VERSION_1_2);
	assert_int_equal(e.version, TLS_VERSION_1_2);
}

/* ---- resumption ---- */

static SSL_SESSION *
visit(int version, unsigned chain, SSL_SESSION *s, bool no_ticket,
    bool *resumed)
{
	char c[64];

	chooser = (struct chooser) { .say = { .chain = chain,
	    .old_versions = true } };
	peer_init(&p, &(struct peer_want) { .server = ctx, .choose = choose,
	    .arg = &chooser, .no_verify = true, .min = version, .max = version,
	    .ciphers = "ALL:@SECLEVEL=0", .session = s,
	    .no_ticket = no_ticket });
	p.echo = p.accept = true;
	assert_int_equal(peer_shake(&p), 1);
	peer_say(&p, SIP);
	assert_true(peer_hear(&p, c, sizeof(c)) > 0);
	*resumed = tls_conn_resumed(p.conn);
	assert_true((tls_conn_chain(p.conn) == NULL) == *resumed);
	return SSL_get1_session(p.ssl);
}

static void
test_resumption_skips_the_choice(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_2_VERSION,
		TLS1_2_VERSION, TLS1_3_VERSION };
	bool resumed;

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		bool no_ticket = i == 2;
		SSL_SESSION *s = visit(versions[i], 1, NULL, no_ticket,
		    &resumed);
		assert_false(resumed);
		peer_fini(&p);
		/* Another chain is its own now, with another type of key. */
		SSL_SESSION *t = visit(versions[i], 2, s, no_ticket, &resumed);
		if (!resumed)
			fail_msg("version %zu is not resumed", i);
		SSL_SESSION_free(s);
		SSL_SESSION_free(t);
		if (i + 1 < ARRAY_LEN(versions))
			peer_fini(&p);
	}
}

/* Tickets of an edge with one chain are good when another comes before it. */
static void
test_tickets_survive_another_first_chain(void **state)
{
	bool resumed;
	char bytes[1024];
	struct buf why;
	SSL_SESSION *s = visit(TLS1_2_VERSION, 0, NULL, false, &resumed);

	peer_fini(&p);
	buf_init_array(&why, bytes, sizeof(bytes));
	const struct conf_override over[] = { { "chain", ec_value },
		{ "chain", first_value } };
	struct tls_ctx *before = ctx;
	ctx = site_try(over, 2, &why);
	SSL_SESSION *t = visit(TLS1_2_VERSION, 0, s, false, &resumed);
	assert_true(resumed);
	SSL_SESSION_free(s);
	SSL_SESSION_free(t);
	tls_ctx_unref(ctx);
	ctx = before;
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test_teardown(test_the_clients_list_of_roots,
		    teardown),
		cmocka_unit_test_teardown(test_suites_of_no_library_are_told,
		    teardown),
		T(test_each_chain_at_1_2),
		T(test_each_chain_at_1_3),
		T(test_the_old_chain_does_not_win_by_its_key),
		T(test_the_chooser_sees_the_hello),
		T(test_a_retried_hello_is_asked_for_once),
		T(test_a_choice_that_is_none),
		T(test_a_name_that_the_leaf_has_not),
		T(test_old_versions_where_allowed),
		T(test_allowed_but_not_needed),
		T(test_resumption_skips_the_choice),
		T(test_tickets_survive_another_first_chain),
	};
	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
