/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a chain is said when it is loaded, with the mend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site.h"

static struct pki_cert root, inter, cross;
static struct tls_ctx *ctx;
static struct buf why, warnings;
static char cert[300], key[300], more[300];

static int
setup_all(void **state)
{
	site_setup(state);
	root = pki_make(&(struct pki_want) { .cn = "Fault Root", .ca = true });
	inter = pki_make(&(struct pki_want) { .cn = "Fault Inter", .ca = true,
	    .issuer = &root });
	/* The root's name and key, certified by the site's root. */
	EVP_PKEY_up_ref(root.k);
	cross = pki_make(&(struct pki_want) { .cn = "Fault Root", .ca = true,
	    .issuer = &site.root, .key = root.k,
	    .to_s = PKI_NOW + 30 * PKI_DAY });
	snprintf(cert, sizeof(cert), "%s/fault.pem", site.dir);
	snprintf(key, sizeof(key), "%s/fault.key", site.dir);
	snprintf(more, sizeof(more), "%s/more.pem", site.dir);
	/* A bundle of the system's that has nothing in it. */
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	return 0;
}

static int
teardown_all(void **state)
{
	pki_free(&root);
	pki_free(&inter);
	pki_free(&cross);
	unlink(cert);
	unlink(key);
	unlink(more);
	return site_teardown(state);
}

static int
setup(void **state)
{
	buf_init(&why, 1 << 16);
	buf_init(&warnings, 1 << 16);
	ctx = NULL;
	return 0;
}

static int
teardown(void **state)
{
	tls_ctx_unref(ctx);
	buf_fini(&why);
	buf_fini(&warnings);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

/* Put the leaf (and up to two more) and its key in place. */
static void
put(const struct pki_cert *leaf, X509 *next, X509 *last)
{
	struct buf pem;

	buf_init(&pem, 1 << 16);
	pki_put_cert(&pem, leaf->x);
	if (next != NULL)
		pki_put_cert(&pem, next);
	if (last != NULL)
		pki_put_cert(&pem, last);
	pki_write(cert, buf_as_str(&pem), 0600);
	buf_fini(&pem);
	site_put(key, NULL, leaf->k);
}

static int
load(const char *options)
{
	char text[2048], file[300];
	struct conf_override over[] = { { "domain", "sip.example.com" },
		{ "data", site.dir } };
	struct conf *conf = NULL;

	snprintf(file, sizeof(file), "%s/conf", site.dir);
	snprintf(text, sizeof(text), "\nchain a {\n certificate = \"%s\"\n "
	    "key = \"%s\"\n%s\n}\n", cert, key, options);
	pki_write(file, str_cstr(text), 0600);
	if (conf_load(&conf, file, over, 2, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	struct tls_ctx_params p = { .conf = conf, .chain = conf->chain,
		.nchain = conf->nchain, .secret = site.secret,
		.now_s = PKI_NOW, .warnings = &warnings };
	int rc = tls_ctx_new(&ctx, &p, &why);
	assert_true((rc == 0) == (ctx != NULL));
	conf_unref(conf);
	unlink(file);
	return rc;
}

static void
right(const char *options)
{
	if (load(options) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
}

static void
one_warning(const char *part)
{
	size_t lines = 0;

	for (size_t i = 0; i < warnings.n; i++)
		lines += warnings.p[i] == '\n';
	if (lines != 1)
		fail_msg("%zu: %.*s", lines, (int)warnings.n, warnings.p);
	pki_says(&warnings, part);
	tls_ctx_unref(ctx);
	ctx = NULL;
}

static struct pki_cert
leaf_with(int nid, const char *value, const char *alt, bool rsa)
{
	struct pki_cert c = pki_make(&(struct pki_want) {
	    .cn = "sip.example.com", .issuer = &inter, .alt = alt,
	    .rsa = rsa });

	if (nid != 0) {
		pki_ext(c.x, nid, value);
		assert_true(X509_sign(c.x, inter.k, EVP_sha256()) > 0);
	}
	return c;
}

#define ALT "DNS:sip.example.com"

static void
test_what_it_leads_to(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);
	char root_option[400];
	unsigned n;

	put(&leaf, inter.x, NULL);
	right("");
	one_warning("leads to \"Fault Root\", which is no root known here");
	site_put(more, root.x, NULL);
	snprintf(root_option, sizeof(root_option), "root = \"%s\"", more);
	right(root_option);
	assert_int_equal(warnings.n, 0);
	const struct trust_chain *f = tls_ctx_chains(ctx, &n);
	unsigned char md[EVP_MAX_MD_SIZE];
	assert_int_equal(X509_digest(root.x, EVP_sha1(), md, NULL), 1);
	assert_memory_equal(f[0].root_cert_sha1, md, 20);
	tls_ctx_unref(ctx);
	ctx = NULL;
	/* As the system's bundle has it. */
	setenv("SSL_CERT_FILE", more, 1);
	right("");
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	assert_int_equal(warnings.n, 0);
	tls_ctx_unref(ctx);
	ctx = NULL;
	/* Another root than it must be. */
	site_put(more, site.root.x, NULL);
	assert_int_equal(load(root_option), E_MISMATCH);
	pki_says(&why, "conf:3: chain a: ");
	pki_free(&leaf);
}

static void
test_the_wrong_root_is_named(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);
	char option[400];

	put(&leaf, inter.x, NULL);
	site_put(more, site.root.x, NULL);
	snprintf(option, sizeof(option), "root = \"%s\"", more);
	assert_int_equal(load(option), E_MISMATCH);
	pki_says(&why, "leads to \"Fault Root\", but root = ");
	pki_free(&leaf);
}

static void
test_missing_intermediate(void **state)
{
	struct pki_cert leaf = leaf_with(NID_info_access,
	    "caIssuers;URI:http://ca.example/inter.der", ALT, false);

	put(&leaf, NULL, NULL);
	assert_int_equal(load(""), E_MISMATCH);
	pki_says(&why, "the intermediate certificate \"Fault Inter\" is "
	    "missing: append it (PEM; it is at http://ca.example/inter.der)");
	pki_free(&leaf);
}

static void
test_not_for_servers(void **state)
{
	struct pki_cert leaf = leaf_with(NID_ext_key_usage, "clientAuth", ALT,
	    false);

	put(&leaf, inter.x, root.x);
	assert_int_equal(load(""), E_MISMATCH);
	pki_says(&why, "has no serverAuth: have it issued for a TLS server");
	pki_free(&leaf);
}

/* One certificate each, and what is said of it. */
static void
test_warnings(void **state)
{
	static const struct {
		int nid;
		const char *value, *alt;
		bool rsa;
		const char *says;
	} row[] = {
		{ NID_key_usage, "digitalSignature", ALT, true,
		    "its key usage has no keyEncipherment" },
		{ NID_key_usage, "keyEncipherment", ALT, true,
		    "its key usage has no digitalSignature" },
		{ 0, NULL, ALT ",IP:2001:db8::1", false,
		    "names an IPv6 address" },
		{ 0, NULL, "DNS:other.example,IP:192.0.2.1", false,
		    "is for other.example, 192.0.2.1, missing is the domain "
		    "sip.example.com" },
		{ 0, NULL, "DNS:*.example.com", false,
		    "names sip.example.com by a wildcard alone" },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct pki_cert leaf = leaf_with(row[i].nid, row[i].value,
		    row[i].alt, row[i].rsa);
		put(&leaf, inter.x, root.x);
		right("");
		one_warning(row[i].says);
		pki_free(&leaf);
	}
	struct pki_cert good = leaf_with(NID_key_usage,
	    "digitalSignature,keyEncipherment", ALT, true);
	put(&good, inter.x, root.x);
	right("");
	assert_int_equal(warnings.n, 0);
	pki_free(&good);
}

static void
test_self_signed(void **state)
{
	struct pki_cert own = pki_make(&(struct pki_want) {
	    .cn = "sip.example.com", .alt = ALT });
	unsigned n;

	put(&own, NULL, NULL);
	right("");
	assert_int_equal(tls_ctx_chains(ctx, &n)->faults,
	    1 << TRUST_FAULT_SELF_SIGNED);
	one_warning("is self-signed: only a phone");
	pki_free(&own);
}

/* SHA-1 is a fault, and an error where OpenSSL will not have it. */
static void
test_weak_signature(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, true);

	assert_true(X509_sign(leaf.x, inter.k, EVP_sha1()) > 0);
	put(&leaf, inter.x, root.x);
	if (load("") != 0)
		pki_says(&why, "/fault.pem: a certificate is signed with MD5 "
		    "or SHA-1: get one");
	else
		one_warning("is signed with MD5 or SHA-1");
	pki_free(&leaf);
}

/* ---- variants ---- */

static void
test_shorter_and_longer(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);
	char option[700];
	unsigned n;

	put(&leaf, inter.x, root.x);
	snprintf(option, sizeof(option), "short = 5");
	right(option);
	const struct trust_chain *f = tls_ctx_chains(ctx, &n);
	/* Not five: there are three certificates. */
	assert_int_equal(n, 3);
	assert_string_equal(f[0].name, "a");
	assert_string_equal(f[1].name, "a-short");
	assert_int_equal(f[1].depth, 2);
	assert_string_equal(f[1].root, "Fault Root");
	assert_string_equal(f[2].name, "a-short2");
	assert_int_equal(f[2].depth, 1);
	assert_string_equal(f[2].root, "Fault Inter");
	tls_ctx_unref(ctx);
	ctx = NULL;
	buf_reset(&warnings);

	put(&leaf, inter.x, NULL);
	site_put(more, cross.x, NULL);
	snprintf(option, sizeof(option), "cross = { \"%s\" }", more);
	right(option);
	f = tls_ctx_chains(ctx, &n);
	assert_int_equal(n, 2);
	assert_string_equal(f[1].name, "a-cross");
	assert_int_equal(f[1].depth, 3);
	assert_string_equal(f[1].root, "Site Root");
	assert_int_equal(f[1].not_after_s, PKI_NOW + 30 * PKI_DAY);
	assert_int_equal(f[0].not_after_s, PKI_NOW + 365 * PKI_DAY);
	tls_ctx_unref(ctx);
	ctx = NULL;

	/* What does not continue it. */
	site_put(more, site.root.x, NULL);
	assert_int_equal(load(option), E_MISMATCH);
	pki_says(&why, "more.pem: out of order");
	pki_free(&leaf);
}

static void
test_a_pin_to_a_variant_that_is_not_made(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);

	put(&leaf, inter.x, NULL);
	assert_int_equal(load("short = 2\n}\npin = { \"192.0.2.1=a-short2\" }\n"
	    "chain b {\n certificate = c\n key = k"), -ENOENT);
	pki_says(&why, "chain b: c: cannot open");
	buf_reset(&why);
	char text[800];
	snprintf(text, sizeof(text), "short = 2\n}\npin = { "
	    "\"192.0.2.1=a-short2\" }\nchain b {\n certificate = \"%s\"\n "
	    "key = \"%s\"", cert, key);
	assert_int_equal(load(text), E_CONFIG);
	pki_says(&why, "conf:7: pin: found chain a-short2");
	pki_free(&leaf);
}

static void
test_too_many_chains(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);

	put(&leaf, inter.x, NULL);
	assert_int_equal(chdir(site.dir), 0);
	struct conf_override over[36] = { { "domain", "sip.example.com" },
		{ "data", site.dir } };
	static char value[33][64];
	for (int i = 0; i < 33; i++) {
		snprintf(value[i], 64, "c%d=fault.pem,fault.key", i);
		over[2 + i] = (struct conf_override) { "chain", value[i] };
	}
	struct conf *conf = NULL;
	assert_int_equal(conf_load(&conf, NULL, over, 35, &why), 0);
	struct tls_ctx_params p = { .conf = conf, .chain = conf->chain,
		.nchain = conf->nchain, .secret = site.secret,
		.now_s = PKI_NOW };
	assert_int_equal(tls_ctx_new(&ctx, &p, &why), E_LIMIT);
	pki_says(&why, "found chain number 33, expected at most 32");
	p.nchain = 32;
	assert_int_equal(tls_ctx_new(&ctx, &p, &why), 0);
	conf_unref(conf);
	assert_int_equal(chdir("/"), 0);
	pki_free(&leaf);
}

/* One chain of two cannot be loaded: the other one's renewal is not lost. */
static void
test_a_chain_that_went_bad_keeps_nobody_back(void **state)
{
	struct pki_cert leaf = leaf_with(0, NULL, ALT, false);
	struct pki_cert next = pki_make(&(struct pki_want) {
	    .cn = "sip.example.com", .issuer = &site.root, .alt = ALT,
	    .to_s = PKI_NOW + 99 * PKI_DAY });
	char value[2][700];
	struct buf kept;
	struct conf *conf = NULL;
	struct tls_ctx *after = NULL;
	unsigned n;

	put(&leaf, inter.x, NULL);
	snprintf(value[0], 700, "bad=%s,%s", cert, key);
	snprintf(value[1], 700, "good=%s,%s", site.cert, site.key);
	const struct conf_override over[] = { { "domain", "sip.example.com" },
		{ "data", site.dir }, { "chain", value[0] },
		{ "chain", value[1] } };
	assert_int_equal(conf_load(&conf, NULL, over, 4, &why), 0);
	struct tls_ctx_params p = { .conf = conf, .chain = conf->chain,
		.nchain = 2, .secret = site.secret, .now_s = PKI_NOW };
	assert_int_equal(tls_ctx_new(&ctx, &p, &why), 0);

	pki_write(cert, STR("nonsense"), 0600);
	site_put(site.cert, next.x, NULL);
	site_put(site.key, NULL, next.k);
	buf_init(&kept, 4096);
	p.before = ctx;
	assert_int_not_equal(tls_ctx_new(&after, &p, &why), 0);
	buf_reset(&why);
	p.keep = true;
	p.kept = &kept;
	assert_int_equal(tls_ctx_new(&after, &p, &why), 0);
	assert_int_equal(why.n, 0);
	pki_says(&kept, "chain bad: ");
	const struct trust_chain *f = tls_ctx_chains(after, &n);
	assert_int_equal(n, 2);
	assert_string_equal(f[0].name, "bad");
	assert_string_equal(f[0].root, "Fault Root");
	assert_true(tls_ctx_has_chain(ctx, after, 0));
	assert_string_equal(f[1].name, "good");
	assert_int_equal(f[1].not_after_s, PKI_NOW + 99 * PKI_DAY);
	assert_false(tls_ctx_has_chain(ctx, after, 1));
	tls_ctx_unref(ctx);
	/* What was kept belongs to the new one. */
	ctx = after;
	assert_int_equal(tls_ctx_find(ctx, STR("bad")), 0);
	buf_fini(&kept);
	conf_unref(conf);
	site_put(site.cert, site.leaf.x, NULL);
	site_put(site.key, NULL, site.leaf.k);
	pki_free(&leaf);
	pki_free(&next);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_it_leads_to),
		T(test_the_wrong_root_is_named),
		T(test_missing_intermediate),
		T(test_not_for_servers),
		T(test_warnings),
		T(test_self_signed),
		T(test_weak_signature),
		T(test_shorter_and_longer),
		T(test_a_pin_to_a_variant_that_is_not_made),
		T(test_too_many_chains),
		T(test_a_chain_that_went_bad_keeps_nobody_back),
	};
	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
