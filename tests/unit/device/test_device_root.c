/* SPDX-License-Identifier: BSD-2-Clause */
/* device/root, device/calendar: the tables, and what refers to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "device/calendar.h"
#include "device/catalogue.h"
#include "x509/cert.h"
#include "../corpus.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

struct all {
	struct device_roots *roots;
	struct device_calendar *calendar;
	struct device_catalogue *profiles;
	struct buf why;
};

static int
begin(void **state)
{
	struct all *a = calloc(1, sizeof(*a));

	buf_init(&a->why, 1 << 16);
	assert_int_equal(device_roots_load(&a->roots, &a->why), 0);
	assert_int_equal(device_calendar_load(&a->calendar, &a->why), 0);
	assert_int_equal(device_catalogue_load(&a->profiles, NULL, &a->why),
	    0);
	*state = a;
	return 0;
}

static int
end(void **state)
{
	struct all *a = *state;

	device_roots_free(a->roots);
	device_calendar_free(a->calendar);
	device_catalogue_unref(a->profiles);
	buf_fini(&a->why);
	free(a);
	return 0;
}

static const struct device_root *
root(struct all *a, const char *name)
{
	const struct device_root *r = device_roots_find(a->roots,
	    str_cstr(name));

	if (r == NULL)
		fail_msg("no root \"%s\"", name);
	return r;
}

static void
names_are_unique_and_lead_to_their_rows(void **state)
{
	struct all *a = *state;

	assert_true(device_roots_count(a->roots) > 500);
	for (size_t i = 0; i < device_roots_count(a->roots); i++) {
		const struct device_root *r = device_roots_at(a->roots, i);

		assert_ptr_equal(device_roots_find(a->roots, r->name), r);
		assert_ptr_equal(device_roots_by_sha256(a->roots, r->sha256),
		    r);
		assert_true(r->not_before_s < r->not_after_s);
		assert_true(r->label.n > 0 && r->seen.n > 0);
	}
}

static void
a_root_is_found_by_name_label_and_fingerprint(void **state)
{
	struct all *a = *state;
	const struct device_root *x1 = root(a, "isrg-root-x1");

	assert_ptr_equal(root(a, "ISRG Root X1"), x1);
	assert_ptr_equal(root(a, "isrg root x1"), x1);
	assert_ptr_equal(root(a, "96bcec06"), x1);
	assert_ptr_equal(root(a, "96:BC:EC:06:26"), x1);
	assert_true(str_eq(x1->key, STR("rsa4096")));
	assert_int_equal(x1->nski, 20);
	assert_null(device_roots_find(a->roots, STR("96bcec0")));
	assert_null(device_roots_find(a->roots, STR("")));
	assert_null(device_roots_find(a->roots, STR("no such root")));
	/* Of one CA's roots the one that is valid longest. */
	assert_true(str_eq(root(a, "GlobalSign Root CA")->end,
	    STR("2028-01-28")));
	/* Several CAs have it. */
	assert_null(device_roots_find(a->roots, STR("GlobalSign")));
}

static void
every_root_of_a_profile_is_known(void **state)
{
	struct all *a = *state;

	for (size_t i = 0; i < device_catalogue_count(a->profiles); i++) {
		const struct device_profile *p =
		    device_catalogue_at(a->profiles, i);

		for (unsigned k = 0; k < p->root.n; k++)
			if (device_roots_naming(a->roots, p->root.v[k].value,
			    NULL) == DEVICE_NAMING_NONE)
				fail_msg("%.*s.device:%u: root \"%.*s\": "
				    "expected a name or label of data/roots/"
				    "public.roots, or a row in makers.names",
				    STR_FMT(p->name), p->root.v[k].line,
				    STR_FMT(p->root.v[k].value));
	}
}

/* Words for several roots mean at least one that is in the table. */
static void
words_for_some_roots_mean_some(void **state)
{
	static const char *const words[] = { "VeriSign", "VeriSign CA",
		"CyberTrust", "CyberTrust CA", "GeoTrust", "Thawte",
		"Comodo" };
	struct all *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = 0;

		assert_int_equal(device_roots_naming(a->roots,
		    str_cstr(words[i]), NULL), DEVICE_NAMING_SOME);
		for (size_t k = 0; k < device_roots_count(a->roots); k++)
			n += device_roots_can_mean(a->roots,
			    str_cstr(words[i]),
			    device_roots_at(a->roots, k));
		assert_true(n >= 2 && n < 20);
	}
	assert_true(device_roots_can_mean(a->roots, STR("Comodo"),
	    root(a, "aaa-certificate-services")));
	assert_false(device_roots_can_mean(a->roots, STR("CyberTrust"),
	    root(a, "securesign-root-ca12")));
	assert_false(device_roots_can_mean(a->roots,
	    STR("Cisco Small Business CA"), root(a, "isrg-root-x1")));
}

static enum device_answer
published(struct all *a, const char *profile, const char *name,
    const struct device_fact **fact)
{
	return device_root_published(a->roots,
	    device_catalogue_find(a->profiles, str_cstr(profile)),
	    name != NULL ? root(a, name) : NULL, fact);
}

static void
what_is_published_is_told_from_what_may_be(void **state)
{
	struct all *a = *state;
	const struct device_fact *f;

	/* Its list is not complete, and these are not in it. */
	assert_int_equal(published(a, "cisco-spa50x", "isrg-root-x1", &f),
	    DEVICE_UNKNOWN);
	assert_null(f);
	/* One of VeriSign's. */
	assert_int_equal(published(a, "cisco-spa50x",
	    "verisign-class-3-public-primary-certification-authority-g5", &f),
	    DEVICE_UNKNOWN);
	assert_non_null(f);
	assert_true(str_eq(f->value, STR("VeriSign CA")));
	/* None is delivered, the maker says. */
	assert_int_equal(published(a, "unify", "isrg-root-x1", &f),
	    DEVICE_NO);
	/* A CA that is in no public store is in no phone as delivered. */
	assert_int_equal(published(a, "cisco-spa50x", NULL, &f), DEVICE_NO);
}

static void
the_calendar_names_roots_that_are_known(void **state)
{
	struct all *a = *state;
	size_t named = 0;

	for (size_t i = 0; i < device_calendar_count(a->calendar); i++) {
		const struct device_date *d =
		    device_calendar_at(a->calendar, i);
		struct str rest = d->about;

		assert_true(d->what.n > 0 && d->whom.n > 0 &&
		    d->source.n > 0);
		while (d->scope == DEVICE_SCOPE_ROOT && rest.n > 0) {
			struct str name = str_cut(&rest, ' ');
			const struct device_root *r =
			    device_roots_find(a->roots, name);

			if (r == NULL || !str_eq(r->name, name))
				fail_msg("%.*s: no root \"%.*s\"",
				    STR_FMT(d->day), STR_FMT(name));
			assert_true(device_date_names(d, name));
			named++;
		}
	}
	assert_true(named > 40);
	assert_false(device_date_names(device_calendar_at(a->calendar, 0),
	    STR("isrg-root-x1")));
}

static void
the_roots_of_issuers_are_known(void **state)
{
	struct all *a = *state;

	assert_true(device_issuers_count(a->roots) > 4);
	for (size_t i = 0; i < device_issuers_count(a->roots); i++) {
		const struct device_issuer *one =
		    device_issuers_at(a->roots, i);
		struct str rest = one->roots;

		while (rest.n > 0) {
			struct str name = str_cut(&rest, ' ');
			const struct device_root *r =
			    device_roots_find(a->roots, name);

			if (r == NULL || !str_eq(r->name, name))
				fail_msg("%.*s: no root \"%.*s\"",
				    STR_FMT(one->name), STR_FMT(name));
		}
	}
}

/* ---- the rows against the certificates ---- */

/* By the name and key identifier that its children bear it is found again. */
static bool
is_found_as_issuer(struct all *a, X509 *cert, const struct device_root *want)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
	const unsigned char *der;
	const struct device_root *r;
	struct str key_id = STR_NULL;
	size_t n, i = 0;

	if (X509_NAME_get0_der(X509_get_subject_name(cert), &der, &n) != 1)
		return false;
	if (id != NULL)
		key_id = str_of((const char *)ASN1_STRING_get0_data(id),
		    (size_t)ASN1_STRING_length(id));
	while ((r = device_roots_subject(a->roots,
	    str_of((const char *)der, n), key_id, &i)) != NULL)
		if (r == want)
			return true;
	return false;
}

/* How many of the file's roots have a row that says what they are. */
static size_t
compare_file(struct all *a, const char *path)
{
	STACK_OF(X509) *list = NULL;
	struct buf pem;
	size_t same = 0;

	buf_init(&pem, 4 << 20);
	assert_int_equal(file_read(&pem, path, FILE_PUBLIC, &a->why), 0);
	assert_int_equal(x509_certs_read(&list, path, buf_as_str(&pem), 1024,
	    &a->why), 0);
	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *cert = sk_X509_value(list, i);
		const struct device_root *r;
		char label[128], print[96];

		x509_fingerprint(cert, print);
		r = device_roots_find(a->roots, str_cstr(print));
		if (r == NULL)
			continue;
		x509_name_text(X509_get_subject_name(cert), label,
		    sizeof(label));
		if (!str_starts(r->label, str_cstr(label)))
			fail_msg("%s: \"%.*s\", expected \"%s\"", path,
			    STR_FMT(r->label), label);
		assert_true(x509_time_s(X509_get0_notAfter(cert)) <=
		    r->not_after_s);
		assert_true(x509_time_s(X509_get0_notAfter(cert)) >
		    r->not_after_s - 24 * 3600);
		assert_true(x509_time_s(X509_get0_notBefore(cert)) >=
		    r->not_before_s);
		assert_true(is_found_as_issuer(a, cert, r));
		same++;
	}
	sk_X509_pop_free(list, X509_free);
	buf_fini(&pem);
	return same;
}

/* A newer system may have roots that are not in the table. */
static void
the_rows_are_what_the_systems_certificates_say(void **state)
{
	if (access(SYSTEM_ROOTS, R_OK) != 0) {
		printf("skipped: no " SYSTEM_ROOTS "\n");
		skip();
	}
	assert_true(compare_file(*state, SYSTEM_ROOTS) > 50);
}

static void
the_rows_are_what_the_period_bundles_say(void **state)
{
	static const char *const files[] = { "mozilla-2004-06", "android-2010",
		"ubuntu1204", "windows-2018", "mozilla-2026-04" };
	char path[4096];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char name[64];

		snprintf(name, sizeof(name), "rootstores/%s.pem", files[i]);
		assert_true(compare_file(*state, corpus_path(path, name)) >
		    40);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_unique_and_lead_to_their_rows),
		cmocka_unit_test(
		    a_root_is_found_by_name_label_and_fingerprint),
		cmocka_unit_test(every_root_of_a_profile_is_known),
		cmocka_unit_test(words_for_some_roots_mean_some),
		cmocka_unit_test(what_is_published_is_told_from_what_may_be),
		cmocka_unit_test(the_calendar_names_roots_that_are_known),
		cmocka_unit_test(the_roots_of_issuers_are_known),
		cmocka_unit_test(
		    the_rows_are_what_the_systems_certificates_say),
		cmocka_unit_test(the_rows_are_what_the_period_bundles_say),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
