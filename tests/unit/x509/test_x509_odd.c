/* SPDX-License-Identifier: BSD-2-Clause */
/* x509/odd: each fault is found, and none where nothing is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../pki.h"
#include "x509/odd.h"
#include "x509/signed.h"

#define HOST "DNS:pbx.example.test"

/* The extension too, signed anew. */
static void
add(struct pki_cert *c, const struct pki_cert *by, int nid, const char *value)
{
	pki_ext(c->x, nid, value);
	assert_true(X509_sign(c->x, by->k, EVP_sha256()) > 0);
}

static struct pki_cert
ca(const char *cn, const struct pki_cert *by)
{
	return pki_make(&(struct pki_want) { .cn = cn, .issuer = by,
	    .ca = true });
}

static struct pki_cert
leaf_of(const struct pki_cert *by, const char *alt)
{
	return pki_make(&(struct pki_want) { .cn = "pbx.example.test",
	    .issuer = by, .alt = alt });
}

/* What is wrong with leaf, a, b (NULL: the chain ends). */
static struct x509_odd
look(struct pki_cert *leaf, struct pki_cert *a, struct pki_cert *b)
{
	struct x509_chain c = { .leaf = leaf->x, .rest = sk_X509_new_null() };
	struct x509_odd odd;

	assert_non_null(c.rest);
	if (a != NULL)
		assert_true(sk_X509_push(c.rest, a->x) > 0);
	if (b != NULL)
		assert_true(sk_X509_push(c.rest, b->x) > 0);
	x509_odd_look(&odd, &c);
	sk_X509_free(c.rest);
	return odd;
}

static void
is_only(const struct x509_odd *got, struct x509_odd want)
{
	assert_memory_equal(got, &want, sizeof(want));
}

#define ONLY(got, ...) is_only(&(got), (struct x509_odd) { __VA_ARGS__ })

static void
what_is_wrong_in_a_leaf(void **state)
{
	struct pki_cert root = ca("Root", NULL), l = leaf_of(&root, HOST);
	struct x509_odd odd = look(&l, NULL, NULL);

	ONLY(odd, false);
	pki_free(&l);
	l = leaf_of(&root, HOST);
	add(&l, &root, NID_key_usage, "critical,keyEncipherment");
	odd = look(&l, NULL, NULL);
	ONLY(odd, .usage = true);
	pki_free(&l);

	l = leaf_of(&root, NULL);
	odd = look(&l, NULL, NULL);
	ONLY(odd, .no_alt_name = true);
	pki_free(&l);

	l = leaf_of(&root, HOST);
	add(&l, &root, NID_tlsfeature, "status_request");
	/* Any that OpenSSL has a name for, and no use. */
	add(&l, &root, NID_netscape_comment, "critical,x");
	odd = look(&l, NULL, NULL);
	ONLY(odd, .critical = true, .must_staple = true);
	pki_free(&l);
	pki_free(&root);
}

static void
what_is_wrong_in_an_issuer(void **state)
{
	struct pki_cert root = ca("Root", NULL), a = ca("A", &root),
	    b = ca("B", &a), l = leaf_of(&a, HOST), deep = leaf_of(&b, HOST);
	struct x509_odd odd = look(&l, &a, &root);

	ONLY(odd, false);
	/* A root that is sent although nobody asked for it is not wrong. */
	odd = look(&l, &a, &b);
	ONLY(odd, false);
	odd = look(&deep, &b, &a);
	ONLY(odd, false);
	pki_free(&a);
	pki_free(&l);

	/* No CA's at all. */
	a = leaf_of(&root, NULL);
	add(&a, &root, NID_basic_constraints, "critical,CA:FALSE");
	l = leaf_of(&a, HOST);
	odd = look(&l, &a, NULL);
	ONLY(odd, .issuer = true);
	pki_free(&l);
	pki_free(&b);
	pki_free(&deep);
	pki_free(&a);

	/* One below it, where it allows none. */
	a = leaf_of(&root, NULL);
	add(&a, &root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	b = ca("B", &a);
	deep = leaf_of(&b, HOST);
	l = leaf_of(&a, HOST);
	odd = look(&l, &a, NULL);
	ONLY(odd, false);
	odd = look(&deep, &b, &a);
	ONLY(odd, .issuer = true);
	pki_free(&l);
	pki_free(&b);
	pki_free(&deep);
	pki_free(&a);
	pki_free(&root);
}

static void
a_name_that_its_issuer_may_not_give(void **state)
{
	static const char *const limit[] = {
		"critical,permitted;DNS:example.test",
		"critical,permitted;DNS:other.test",
	};

	for (int i = 0; i < 2; i++) {
		struct pki_cert root = ca("Root", NULL), a = ca("A", &root);

		add(&a, &root, NID_name_constraints, limit[i]);
		struct pki_cert l = leaf_of(&a, HOST);
		struct x509_odd odd = look(&l, &a, NULL);

		ONLY(odd, .issuer = i == 1);
		pki_free(&l);
		pki_free(&a);
		pki_free(&root);
	}
}

static void
a_signature_by_another_key_of_that_name(void **state)
{
	struct pki_cert root = ca("Root", NULL), a = ca("A", &root),
	    other = ca("A", &root), l = leaf_of(&a, HOST);
	struct x509_odd odd = look(&l, &other, NULL);

	ONLY(odd, .bad_signature = true);
	pki_free(&l);
	pki_free(&other);
	pki_free(&a);
	pki_free(&root);
}

static void
roots_of_one_name_have_different_numbers(void **state)
{
	struct pki_cert a = ca("Root", NULL), b = ca("Root", NULL);
	struct pki_cert la = leaf_of(&a, HOST), lb = leaf_of(&b, HOST);

	/* Nothing tells which key it is. */
	assert_int_equal(x509_root_id(la.x, NULL), 0);
	add(&a, &a, NID_subject_key_identifier, "00010203");
	add(&b, &b, NID_subject_key_identifier, "00010204");
	assert_true(x509_root_id(la.x, a.x) != 0);
	assert_true(x509_root_id(la.x, a.x) == x509_root_id(la.x, a.x));
	assert_true(x509_root_id(la.x, a.x) != x509_root_id(lb.x, b.x));
	pki_free(&la);
	pki_free(&lb);
	pki_free(&a);
	pki_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_in_a_leaf),
		cmocka_unit_test(what_is_wrong_in_an_issuer),
		cmocka_unit_test(a_name_that_its_issuer_may_not_give),
		cmocka_unit_test(a_signature_by_another_key_of_that_name),
		cmocka_unit_test(roots_of_one_name_have_different_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
