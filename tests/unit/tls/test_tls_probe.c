/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/probe: what OpenSSL's client makes of each question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"
#include "site.h"
#include "tls/probe.h"
#include "tlswire/alert.h"

static struct pki_cert root[2], inter[2], far[2]; /* RSA, EC              */
static struct tls_ctx *ctx;
static struct tls_probe_kit *kit;

/* One certificate's bytes, and what is read of it. */
struct known {
	struct buf der;
	struct tls_probe_root root;
	char subject[512], key_id[64];
};
static struct known known[2], kinter[2], kfar[2];

static int
take(const struct tls_probe_cert *c, void *arg)
{
	struct known *k = arg;

	buf_str(&k->der, c->der);
	k->root = c->root;
	memcpy(k->subject, c->root.subject.p, c->root.subject.n);
	if (c->root.key_id.n > 0) /* some roots have none */
		memcpy(k->key_id, c->root.key_id.p, c->root.key_id.n);
	k->root.subject.p = k->subject;
	k->root.key_id.p = k->key_id;
	return 0;
}

static void
know(struct known *k, X509 *x)
{
	struct buf pem, why;

	buf_init(&k->der, 1 << 16);
	buf_init(&pem, 1 << 16);
	buf_init(&why, 1 << 10);
	pki_put_cert(&pem, x);
	assert_int_equal(tls_probe_certs(buf_as_str(&pem), "test", 4, take, k,
	    &why), 0);
	buf_fini(&pem);
	buf_fini(&why);
}

static int
setup_all(void **state)
{
	site_setup(state);
	for (int i = 0; i < 2; i++) {
		root[i] = pki_make(&(struct pki_want) { .ca = true,
		    .rsa = i == 0, .cn = i == 0 ? "RSA Root" : "EC Root" });
		inter[i] = pki_make(&(struct pki_want) { .ca = true,
		    .rsa = i == 0, .issuer = &root[i], .cn = "Public Inter" });
		far[i] = pki_make(&(struct pki_want) { .rsa = i == 0,
		    .issuer = &root[i], .cn = "www.example.net",
		    .alt = "DNS:www.example.net" });
		know(&known[i], root[i].x);
		know(&kinter[i], inter[i].x);
		know(&kfar[i], far[i].x);
	}
	ctx = site_ctx(NULL, NULL);
	return tls_probe_kit_new(&kit, ctx, 0);
}

static int
teardown_all(void **state)
{
	tls_probe_kit_free(kit);
	tls_ctx_unref(ctx);
	for (int i = 0; i < 2; i++) {
		pki_free(&root[i]);
		pki_free(&inter[i]);
		pki_free(&far[i]);
		buf_fini(&known[i].der);
		buf_fini(&kinter[i].der);
		buf_fini(&kfar[i].der);
	}
	return site_teardown(state);
}

static void
choose(const struct tls_hello *h, const struct tls_ctx *c,
    struct tls_choice *out, void *arg)
{
	out->probe = tls_probe_ref(arg);
}

struct ask {
	enum trust_probe_method method;
	int kind;              /* 0 RSA, 1 EC                            */
	bool control, held;
	const struct known *genuine;
	int version;
	const char *ciphers;
};

static struct trust_probe_answer
answer(const struct ask *a)
{
	const struct tls_probe_want want = {
		.question = { .method = a->method,
		    .root = a->control ? -1 : 7 },
		.run = 42, .root = &known[a->kind].root,
		.genuine = a->genuine != NULL ? buf_as_str(&a->genuine->der) :
		    STR_NULL,
	};
	struct trust_probe_answer out;
	struct tls_probe *probe = NULL;
	struct trust_evidence e;
	struct peer p;

	assert_int_equal(tls_probe_new(&probe, kit, &want), 0);
	peer_init(&p, &(struct peer_want) { .server = ctx,
	    .root = a->held ? root[a->kind].x : site.root.x,
	    .min = a->version, .max = a->version, .ciphers = a->ciphers,
	    .choose = choose, .arg = probe });
	assert_true(peer_shake(&p) != 1);
	assert_null(tls_conn_chain(p.conn));
	assert_int_equal(tls_probe_run(tls_conn_probe(p.conn)), 42);
	tls_conn_evidence(p.conn, &e, TRUST_END_FIN, p.now_us);
	trust_probe_read(&out, &e, a->method);
	peer_fini(&p);
	tls_probe_unref(probe);
	return out;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void
who_holds_the_root_finds_the_signature_wrong(void **state)
{
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		for (int kind = 0; kind < 2; kind++) {
			struct ask a = { TRUST_PROBE_SPOOF, kind, false, true,
				NULL, versions[v], NULL };

			assert_int_equal(answer(&a).alert,
			    TLS_ALERT_decrypt_error);
			a.held = false;
			assert_int_equal(answer(&a).alert,
			    TLS_ALERT_unknown_ca);
			a.control = a.held = true;
			assert_int_equal(answer(&a).alert,
			    TLS_ALERT_unknown_ca);
		}
	}
}

static void
a_genuine_chain_shows_it_without_its_key(void **state)
{
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		for (int kind = 0; kind < 2; kind++) {
			struct ask a = { TRUST_PROBE_GENUINE, kind, false,
				true, &kfar[kind], versions[v], NULL };
			struct trust_probe_answer said = answer(&a);

			/* RSA at TLS 1.2: static RSA, it goes on. */
			if (versions[v] == TLS1_2_VERSION && kind == 0)
				assert_int_equal(said.did,
				    TRUST_PROBE_DID_GO_ON);
			else
				assert_int_equal(said.alert,
				    TLS_ALERT_decrypt_error);
			a.held = false;
			assert_int_equal(answer(&a).alert,
			    TLS_ALERT_unknown_ca);
			a.control = a.held = true;
			assert_int_equal(answer(&a).alert,
			    TLS_ALERT_unknown_ca);
		}
	}
}

static void
an_intermediate_and_the_root_itself_will_do(void **state)
{
	const struct known *both[] = { &kinter[0], &known[0] };

	for (size_t i = 0; i < 2; i++) {
		struct ask a = { TRUST_PROBE_GENUINE, 0, false, true, both[i],
			TLS1_2_VERSION, NULL };
		struct trust_probe_answer held = answer(&a), lacked, control;

		a.held = false;
		lacked = answer(&a);
		a.control = true;
		control = answer(&a);
		assert_int_equal(lacked.alert, TLS_ALERT_unknown_ca);
		assert_int_equal(control.alert, TLS_ALERT_unknown_ca);
		assert_true(held.did != lacked.did ||
		    held.alert != lacked.alert);
	}
}

static void
without_static_rsa_it_is_asked_all_the_same(void **state)
{
	struct ask a = { TRUST_PROBE_GENUINE, 0, false, true, &kfar[0],
		TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256" };

	assert_int_equal(answer(&a).alert, TLS_ALERT_decrypt_error);
	a.held = false;
	assert_int_equal(answer(&a).alert, TLS_ALERT_unknown_ca);
}

static void
kinds(void **state)
{
	const struct tls_probe_root big = { .subject = STR("x"), .bits = 4096 };
	const struct tls_probe_root small = { .subject = STR("x"),
		.bits = 2048 };
	const struct tls_probe_root ec = { .subject = STR("x"), .ec = true,
		.bits = 384 };
	uint32_t a, b;

	assert_int_equal(tls_probe_kind(TRUST_PROBE_SPOOF, &big, STR_NULL, 1),
	    tls_probe_kind(TRUST_PROBE_SPOOF, &small, STR_NULL, 1));
	assert_int_not_equal(tls_probe_kind(TRUST_PROBE_TIME, &big, STR_NULL,
	    1), tls_probe_kind(TRUST_PROBE_TIME, &small, STR_NULL, 1));
	assert_int_not_equal(tls_probe_kind(TRUST_PROBE_SPOOF, &big, STR_NULL,
	    1), tls_probe_kind(TRUST_PROBE_SPOOF, &ec, STR_NULL, 1));
	assert_int_equal(tls_probe_kind(TRUST_PROBE_GENUINE, &big, STR_NULL,
	    PKI_NOW), 0);
	a = tls_probe_kind(TRUST_PROBE_GENUINE, &big,
	    buf_as_str(&kinter[0].der), PKI_NOW);
	b = tls_probe_kind(TRUST_PROBE_GENUINE, &big,
	    buf_as_str(&kfar[0].der), PKI_NOW);
	assert_int_not_equal(a, 0);
	assert_int_not_equal(a, b);
	/* Expired is another kind than not expired. */
	assert_int_not_equal(b, tls_probe_kind(TRUST_PROBE_GENUINE, &big,
	    buf_as_str(&kfar[0].der), PKI_NOW + 9999 * PKI_DAY));
	assert_int_equal(tls_probe_kind(TRUST_PROBE_GENUINE, &big,
	    STR("no certificate"), PKI_NOW), 0);
}

static void
bytes_that_are_no_certificate_are_no_question(void **state)
{
	struct tls_probe *p = NULL;
	struct tls_probe_want want = {
		.question = { .method = TRUST_PROBE_GENUINE, .root = 1 },
		.genuine = STR("no certificate"),
	};
	struct tls_probe_root r = { .subject = STR("no name"), .bits = 2048 };

	assert_int_equal(tls_probe_new(&p, kit, &want), E_CRYPTO);
	want.genuine = STR_NULL;
	assert_int_equal(tls_probe_new(&p, kit, &want), E_CRYPTO);
	want.question.method = TRUST_PROBE_SPOOF;
	assert_int_equal(tls_probe_new(&p, kit, &want), E_CRYPTO);
	want.root = &r;
	assert_int_equal(tls_probe_new(&p, kit, &want), E_CRYPTO);
	assert_null(p);
}

static void
nobody_resumes_instead_of_answering(void **state)
{
	const struct tls_probe_want want = {
		.question = { .method = TRUST_PROBE_SPOOF, .root = 7 },
		.root = &known[0].root,
	};
	struct tls_probe *probe = NULL;
	struct trust_evidence e;
	SSL_SESSION *session;
	struct peer p;

	assert_int_equal(tls_probe_new(&probe, kit, &want), 0);
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct peer_want w = { .server = ctx, .root = site.root.x,
			.min = versions[v], .max = versions[v],
			.no_ticket = versions[v] == TLS1_2_VERSION };
		char none[16];

		peer_init(&p, &w);
		assert_int_equal(peer_shake(&p), 1);
		peer_hear(&p, none, sizeof(none));
		session = SSL_get1_session(p.ssl);
		peer_fini(&p);
		w.session = session;
		w.choose = choose;
		w.arg = probe;
		peer_init(&p, &w);
		assert_true(peer_shake(&p) != 1);
		tls_conn_evidence(p.conn, &e, TRUST_END_FIN, p.now_us);
		assert_true(e.nalert > 0);
		assert_int_equal(e.alert[0].description,
		    TLS_ALERT_unknown_ca);
		peer_fini(&p);
		SSL_SESSION_free(session);
	}
	tls_probe_unref(probe);
}

/* Who does not check gets through, and nothing to resume with. */
static void
who_accepts_anything_gets_no_session(void **state)
{
	const struct tls_probe_want want = {
		.question = { .method = TRUST_PROBE_SPOOF, .root = 7 },
		.root = &known[1].root,
	};
	struct tls_probe *probe = NULL;
	struct peer p;
	char none[16];

	assert_int_equal(tls_probe_new(&probe, kit, &want), 0);
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		peer_init(&p, &(struct peer_want) { .server = ctx,
		    .no_verify = true, .min = versions[v], .max = versions[v],
		    .choose = choose, .arg = probe });
		assert_int_equal(peer_shake(&p), 1);
		peer_hear(&p, none, sizeof(none));
		assert_int_equal(SSL_SESSION_has_ticket(SSL_get_session(
		    p.ssl)), 0);
		peer_fini(&p);
	}
	tls_probe_unref(probe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_holds_the_root_finds_the_signature_wrong),
		cmocka_unit_test(a_genuine_chain_shows_it_without_its_key),
		cmocka_unit_test(an_intermediate_and_the_root_itself_will_do),
		cmocka_unit_test(without_static_rsa_it_is_asked_all_the_same),
		cmocka_unit_test(kinds),
		cmocka_unit_test(
		    bytes_that_are_no_certificate_are_no_question),
		cmocka_unit_test(nobody_resumes_instead_of_answering),
		cmocka_unit_test(who_accepts_anything_gets_no_session),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
