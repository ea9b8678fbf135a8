/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/authority.h"
#include "ca/issue.h"
#include "ca/show.h"
#include "x509/cert.h"
#include "../pki.h"

static char dir[256], why_bytes[4096];
static struct buf why;
static struct ca_files files;

static const char *const names[] = { "ca.pem", "ca-key.pem", "server.pem",
	"server-key.pem", "ca.pem.new", "moved" };

static const char *
path(const char *name)
{
	static char p[4][300];
	static int i;

	i = (i + 1) % 4;
	snprintf(p[i], sizeof(p[i]), "%s/%s", dir, name);
	return p[i];
}

static int
setup(void **state)
{
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	memset(&files, 0, sizeof(files));
	pki_folder(dir);
	return 0;
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(path(names[i]));
	assert_int_equal(rmdir(dir), 0); /* nothing else was left there */
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, str_cstr(text)), 0);
	return a;
}

static int
ensure(const char *domain, const char *address, int64_t now_s)
{
	struct addr a[2] = { ip("2001:db8::7"), ADDR_NONE };

	if (address != NULL)
		a[1] = ip(address);
	return ca_ensure(&files, dir, &(struct ca_server_want) { .names = {
	    .domain = domain, .ip = a, .nip = address != NULL ? 2 : 1 } },
	    now_s, &why);
}

static int
ensure_in(const char *folder)
{
	return ca_ensure(&files, folder, &(struct ca_server_want) {
	    .names.domain = "example.com" }, PKI_NOW, &why);
}

static void
ok(const char *domain, const char *address, int64_t now_s)
{
	int rc = ensure(domain, address, now_s);

	if (rc != 0)
		fail_msg("%d: %.*s", rc, (int)why.n, why.p);
	assert_int_equal(why.n, 0);
}

static X509 *
load(const char *name)
{
	FILE *f = fopen(path(name), "r");
	X509 *x;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	assert_non_null(x);
	fclose(f);
	return x;
}

static unsigned
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(path(name), &st), 0);
	return st.st_mode & 07777;
}

/* As a client would: chain to ca.pem, purpose and name. */
static int
verifies(const char *host, const char *address, int64_t at_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *ca = load("ca.pem"), *server = load("server.pem");
	X509_VERIFY_PARAM *p;
	int rc;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, server, NULL);
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(p, at_s);
	X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	if (host != NULL)
		X509_VERIFY_PARAM_set1_host(p, host, 0);
	if (address != NULL)
		X509_VERIFY_PARAM_set1_ip_asc(p, address);
	rc = X509_verify_cert(ctx) == 1 ? X509_V_OK :
	    X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca);
	X509_free(server);
	ERR_clear_error();
	return rc;
}

static void
test_first_start(void **state)
{
	struct x509_chain *c = NULL;
	char print[96];
	X509 *ca;

	ok("example.com", "192.0.2.7", PKI_NOW);
	assert_true(files.created);
	assert_string_equal(files.ca_cert, path("ca.pem"));
	assert_int_equal(mode_of("ca-key.pem"), 0600);
	assert_int_equal(mode_of("server-key.pem"), 0600);
	assert_int_equal(mode_of("ca.pem"), 0644);
	ca = load("ca.pem");
	x509_fingerprint(ca, print);
	assert_string_equal(files.fingerprint, print);
	assert_int_equal(X509_get_pathlen(ca), -1);
	X509_free(ca);

	assert_int_equal(x509_chain_load(&c, files.server_cert,
	    files.server_key, PKI_NOW, &why), 0);
	assert_string_equal(c->subject, "example.com");
	assert_string_equal(c->root, "siptrust CA example.com");
	assert_int_equal(sk_X509_num(c->rest), 1);
	assert_true(c->rsa);
	x509_chain_free(c);
}

static void
test_a_client_accepts_it(void **state)
{
	ok("example.com", "192.0.2.7", PKI_NOW);
	assert_int_equal(verifies("example.com", NULL, PKI_NOW), X509_V_OK);
	assert_int_equal(verifies(NULL, "192.0.2.7", PKI_NOW), X509_V_OK);
	assert_int_equal(verifies("other.com", NULL, PKI_NOW),
	    X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verifies(NULL, "192.0.2.8", PKI_NOW),
	    X509_V_ERR_IP_ADDRESS_MISMATCH);
	assert_int_equal(verifies(NULL, "2001:db8::7", PKI_NOW),
	    X509_V_ERR_IP_ADDRESS_MISMATCH);
	/* A phone that lives a year ago. */
	assert_int_equal(verifies(NULL, NULL, PKI_NOW - 400 * PKI_DAY),
	    X509_V_OK);
	assert_int_equal(verifies(NULL, NULL, PKI_NOW + 399 * PKI_DAY),
	    X509_V_ERR_CERT_HAS_EXPIRED);
}

static void
test_profile_for_old_phones(void **state)
{
	ok("example.com", "192.0.2.7", PKI_NOW);
	X509 *x = load("server.pem");
	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	assert_int_equal(X509_get_signature_nid(x),
	    NID_sha256WithRSAEncryption);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 2048);
	assert_int_equal(X509_get_key_usage(x),
	    KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
	assert_int_equal(X509_check_ca(x), 0);
	assert_non_null(X509_get0_authority_key_id(x));
	assert_non_null(X509_get0_subject_key_id(x));
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	assert_int_equal(ASN1_STRING_length(serial), 16);
	assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
	int64_t span = x509_time_s(X509_get0_notAfter(x)) -
	    x509_time_s(X509_get0_notBefore(x));
	assert_true(span <= 825 * PKI_DAY);
	GENERAL_NAMES *alt = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
	    NULL);
	assert_int_equal(sk_GENERAL_NAME_num(alt), 2);
	assert_int_equal(sk_GENERAL_NAME_value(alt, 0)->type, GEN_DNS);
	for (int i = 1; i < sk_GENERAL_NAME_num(alt); i++) {
		GENERAL_NAME *n = sk_GENERAL_NAME_value(alt, i);
		assert_int_equal(n->type, GEN_IPADD);
		assert_int_equal(ASN1_STRING_length(n->d.iPAddress), 4);
	}
	GENERAL_NAMES_free(alt);
	X509_free(x);
}

/* true when the server certificate is another one after the call */
static bool
reissued(const char *domain, const char *address, int64_t now_s)
{
	X509 *before = load("server.pem"), *ca = load("ca.pem");

	ok(domain, address, now_s);
	X509 *after = load("server.pem"), *ca_after = load("ca.pem");
	bool changed = X509_cmp(before, after) != 0;
	assert_int_equal(X509_cmp(ca, ca_after), 0);
	assert_false(files.created);
	X509_free(before);
	X509_free(after);
	X509_free(ca);
	X509_free(ca_after);
	return changed;
}

static void
test_reissue(void **state)
{
	struct x509_chain *c = NULL;

	ok("example.com", "192.0.2.7", PKI_NOW);
	assert_false(reissued("example.com", "192.0.2.7", PKI_NOW + 1));
	assert_false(reissued("EXAMPLE.com", "192.0.2.7", PKI_NOW));
	assert_false(reissued("example.com", NULL, PKI_NOW));
	assert_false(reissued("example.com", "192.0.2.7",
	    PKI_NOW + 265 * PKI_DAY));
	assert_true(reissued("example.com", "192.0.2.7",
	    PKI_NOW + 266 * PKI_DAY));
	assert_true(reissued("example.com", "192.0.2.9", PKI_NOW));
	assert_int_equal(verifies(NULL, "192.0.2.9", PKI_NOW), X509_V_OK);
	assert_true(reissued("example.org", "192.0.2.9", PKI_NOW));
	assert_int_equal(verifies("example.org", NULL, PKI_NOW), X509_V_OK);
	assert_int_equal(unlink(path("server-key.pem")), 0);
	assert_true(reissued("example.org", "192.0.2.9", PKI_NOW));
	assert_int_equal(x509_chain_load(&c, files.server_cert,
	    files.server_key, PKI_NOW, &why), 0);
	x509_chain_free(c);
}

static void
test_domain_forms(void **state)
{
	char longest[260];

	assert_true(ca_is_dns_name("localhost"));
	assert_true(ca_is_dns_name("a-b_c.x1"));
	assert_false(ca_is_dns_name(""));
	assert_false(ca_is_dns_name("a..b"));
	assert_false(ca_is_dns_name(".a"));
	assert_false(ca_is_dns_name("10.0.0.5"));
	assert_false(ca_is_dns_name("*.example.com"));
	assert_false(ca_is_dns_name("a b"));
	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	assert_false(ca_is_dns_name(longest));

	ok("192.0.2.50", "192.0.2.7", PKI_NOW);
	assert_int_equal(verifies(NULL, "192.0.2.50", PKI_NOW), X509_V_OK);
	assert_int_equal(verifies(NULL, "192.0.2.7", PKI_NOW), X509_V_OK);
	assert_false(reissued("192.0.2.50", "192.0.2.7", PKI_NOW));
	assert_int_equal(ensure("no such name", NULL, PKI_NOW), E_CONFIG);
	pki_says(&why, "domain = \"no such name\"");
	assert_int_equal(ensure("", NULL, PKI_NOW), E_CONFIG);
	buf_reset(&why);

	/* Longer than a common name may be. */
	memset(longest, 'a', 60);
	str_copy(longest + 60, 100, STR(".bbbbbbbbbb.example.com"));
	assert_true(reissued(longest, NULL, PKI_NOW));
	assert_int_equal(verifies(longest, NULL, PKI_NOW), X509_V_OK);
}

static void
test_long_domain_of_a_ca(void **state)
{
	ok("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
	    "example.com", NULL, PKI_NOW);
	assert_int_equal(verifies(NULL, NULL, PKI_NOW), X509_V_OK);
}

static void
test_key_that_others_can_read(void **state)
{
	ok("example.com", NULL, PKI_NOW);
	chmod(path("ca-key.pem"), 0640);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_CONFIG);
	pki_says(&why, "chmod 600");
	chmod(path("ca-key.pem"), 0600);
	chmod(path("server-key.pem"), 0604);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_CONFIG);
	pki_says(&why, "server-key.pem: holds a secret");
	chmod(path("server-key.pem"), 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(path("ca-key.pem"), 12345, 0), 0);
		assert_int_equal(ensure("example.com", NULL, PKI_NOW),
		    E_CONFIG);
		pki_says(&why, "chown");
	}
	chmod(dir, 0770);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_CONFIG);
	pki_says(&why, "chmod go-w");
}

static void
test_missing_parts(void **state)
{
	ok("example.com", NULL, PKI_NOW);
	/* The CA's key kept elsewhere: fine until something is to be issued. */
	assert_int_equal(rename(path("ca-key.pem"), path("moved")), 0);
	assert_false(reissued("example.com", NULL, PKI_NOW));
	assert_int_equal(ensure("example.org", NULL, PKI_NOW), E_ABSENT);
	pki_says(&why, "ca-key.pem");
	assert_int_equal(rename(path("moved"), path("ca-key.pem")), 0);
	/* The CA's certificate lost. */
	assert_int_equal(rename(path("ca.pem"), path("moved")), 0);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_ABSENT);
	pki_says(&why, "ca.pem: is missing");
	/* A first start that was cut off after the key. */
	unlink(path("server.pem"));
	pki_write(path("ca.pem.new"), STR("half"), 0600);
	ok("example.com", NULL, PKI_NOW);
	assert_int_equal(verifies("example.com", NULL, PKI_NOW), X509_V_OK);
}

static void
test_foreign_server_certificate_is_kept(void **state)
{
	struct pki_cert other = pki_make(&(struct pki_want) { .cn = "mine" });
	struct buf pem;

	ok("example.com", NULL, PKI_NOW);
	buf_init(&pem, 65536);
	pki_put_cert(&pem, other.x);
	pki_write(path("server.pem"), buf_as_str(&pem), 0644);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_MISMATCH);
	pki_says(&why, "server.pem: was not issued by");
	X509 *x = load("server.pem");
	assert_int_equal(X509_cmp(x, other.x), 0);
	X509_free(x);
	buf_reset(&pem);
	pki_put_key(&pem, other.k, NULL);
	pki_write(path("ca-key.pem"), buf_as_str(&pem), 0600);
	assert_int_equal(ensure("example.com", NULL, PKI_NOW), E_MISMATCH);
	pki_says(&why, "ca-key.pem: does not belong to");
	buf_fini(&pem);
	pki_free(&other);
}

static void
test_clock_and_expired_ca(void **state)
{
	assert_int_equal(ensure("example.com", NULL, 86400), E_STATE);
	pki_says(&why, "clock");
	assert_false(files.created);
	ok("example.com", NULL, PKI_NOW);
	/* What is there goes on being presented; nothing else is made of it. */
	ok("example.com", NULL, PKI_NOW + 21 * 365 * PKI_DAY);
	assert_false(files.issued);
	assert_true(files.not_after_s < PKI_NOW + 21 * 365 * PKI_DAY);
	unlink(path("server.pem"));
	assert_int_equal(ensure("example.com", NULL,
	    PKI_NOW + 21 * 365 * PKI_DAY), E_MISMATCH);
	pki_says(&why, "the CA has expired");
}

/* Whose certificates would outlive it: they end with it, and that is all. */
static void
test_nothing_outlives_the_ca(void **state)
{
	struct ca_server_want w = { .names.domain = "example.com" };
	X509 *server;

	assert_int_equal(ca_init(dir, &(struct ca_root_want) {
	    .domain = "example.com", .years = 1 }, PKI_NOW, &why), 0);
	assert_int_equal(ca_ensure(&files, dir, &w, PKI_NOW, &why), 0);
	server = load("server.pem");
	assert_int_equal(x509_time_s(X509_get0_notAfter(server)),
	    PKI_NOW + 365 * PKI_DAY);
	assert_int_equal(files.not_after_s, PKI_NOW + 365 * PKI_DAY);
	X509_free(server);
	/* Long before its end it can be renewed no more: not once an hour. */
	for (int day = 1; day < 365; day += 52) {
		assert_int_equal(ca_ensure(&files, dir, &w,
		    PKI_NOW + day * PKI_DAY, &why), 0);
		assert_false(files.issued);
	}
	assert_int_equal(verifies("example.com", NULL,
	    PKI_NOW + 364 * PKI_DAY), X509_V_OK);
}

static void
test_folder_that_cannot_be(void **state)
{
	char deep[300], big[700];

	snprintf(deep, sizeof(deep), "%s/a/b", dir);
	assert_int_equal(ensure_in(deep), -ENOENT);
	pki_says(&why, "cannot make this folder");
	pki_write(path("moved"), STR("x"), 0600);
	assert_int_equal(ensure_in(path("moved")), -ENOTDIR);
	pki_says(&why, "cannot open this folder");
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(ensure_in(big), -ENAMETOOLONG);
}

static int
init(const char *domain, const char *const *permit, size_t n)
{
	return ca_init(dir, &(struct ca_root_want) { .domain = domain,
	    .permit = permit, .npermit = n }, PKI_NOW, &why);
}

static struct ca_issue_want
wanted(const char *domain)
{
	static char cert[300], key[300];

	str_copy(cert, sizeof(cert), str_cstr(path("moved")));
	str_copy(key, sizeof(key), str_cstr(path("ca.pem.new")));
	return (struct ca_issue_want) {
		.server.names.domain = domain, .cert_file = cert,
		.key_file = key,
	};
}

static int
issue(const struct ca_issue_want *w)
{
	return ca_issue(dir, w, PKI_NOW, &why);
}

static void
test_init_overwrites_nothing(void **state)
{
	assert_int_equal(init("example.com", NULL, 0), 0);
	assert_int_equal(mode_of("ca-key.pem"), 0600);
	X509 *ca = load("ca.pem");
	assert_true(x509_time_s(X509_get0_notAfter(ca)) >
	    PKI_NOW + 20 * 365 * PKI_DAY - 1);
	assert_int_equal(init("example.com", NULL, 0), E_EXISTS);
	pki_says(&why, "ca.pem: is there already");
	unlink(path("ca-key.pem"));
	assert_int_equal(init("example.com", NULL, 0), E_EXISTS);
	pki_says(&why, "ca.pem: is there already");
	X509 *same = load("ca.pem");
	assert_int_equal(X509_cmp(ca, same), 0);
	X509_free(ca);
	X509_free(same);
	assert_int_equal(init("no name", NULL, 0), E_CONFIG);
	pki_says(&why, "found neither a DNS name nor an address");
}

/* The power went between the key and its certificate. */
static void
test_init_goes_on_where_it_was_cut_off(void **state)
{
	X509 *before, *after;

	assert_int_equal(init("example.com", NULL, 0), 0);
	before = load("ca.pem");
	unlink(path("ca.pem"));
	pki_write(path("ca.pem.new"), STR("-----BEGIN CERT"), 0600);
	assert_int_equal(init("example.com", NULL, 0), 0);
	after = load("ca.pem");
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(before),
	    X509_get0_pubkey(after)), 1);
	assert_int_not_equal(access(path("ca.pem.new"), F_OK), 0);
	X509_free(before);
	X509_free(after);
	/* A key that is none is told, and left alone. */
	unlink(path("ca.pem"));
	pki_write(path("ca-key.pem"), STR("x"), 0600);
	assert_int_not_equal(init("example.com", NULL, 0), 0);
	pki_says(&why, "ca-key.pem: ");
	assert_int_not_equal(access(path("ca.pem"), F_OK), 0);
}

static void
test_a_confined_ca(void **state)
{
	static const char *const permit[] = { "example.com", "10.0.0.0/8" };
	static const char *const wrong[] = { "example.com", "no name" };
	static const char *const host[] = { "pbx.example.com" };
	static const char *const outside[] = { "pbx.example.org" };
	struct ca_issue_want w = wanted("example.com");
	struct addr in = ip("10.1.2.3"), out = ip("192.0.2.7");
	struct ca_shown shown;

	assert_int_equal(init("example.com", wrong, 2), E_PARSE);
	pki_says(&why, "confined to DNS names");
	assert_int_not_equal(access(path("ca-key.pem"), F_OK), 0);
	assert_int_equal(init("example.com", permit, 2), 0);
	assert_int_equal(ca_show(&shown, path("ca.pem"), &why), 0);
	assert_string_equal(shown.permitted,
	    "example.com\n10.0.0.0/255.0.0.0");
	/* The edge's own, and others, inside and outside. */
	assert_int_equal(ensure("example.org", NULL, PKI_NOW), E_MISMATCH);
	pki_says(&why, "may not issue for example.org");
	w.server.names.ip = &in;
	w.server.names.nip = 1;
	w.server.names.host = host;
	w.server.names.nhost = 1;
	assert_int_equal(issue(&w), 0);
	w.replace = true;
	w.server.names.ip = &out;
	assert_int_equal(issue(&w), E_MISMATCH);
	buf_reset(&why);
	w.server.names.ip = &in;
	w.server.names.host = outside;
	assert_int_equal(issue(&w), E_MISMATCH);
	pki_says(&why, "confined");
	ok("example.com", "10.1.2.3", PKI_NOW);
	assert_int_equal(verifies("example.com", NULL, PKI_NOW), X509_V_OK);
}

static void
test_issue(void **state)
{
	static const char *const host[] = { "pbx.example.com", "EXAMPLE.com" };
	struct ca_issue_want w = wanted("example.com");
	struct addr a[2] = { ip("192.0.2.7"), ip("2001:db8::7") };
	struct ca_shown s;

	w.server.names = (struct ca_names) { "example.com", a, 2, host, 2 };
	w.server.days = 90;
	w.key_type = CA_KEY_P256;
	assert_int_equal(issue(&w), -ENOENT);
	pki_says(&why, "ca.pem: cannot open");
	assert_int_equal(init("example.com", NULL, 0), 0);
	assert_int_equal(issue(&w), 0);
	assert_int_equal(mode_of("ca.pem.new"), 0600);
	assert_int_equal(ca_show(&s, path("moved"), &why), 0);
	assert_string_equal(s.subject, "CN=example.com");
	assert_string_equal(s.issuer, "CN=siptrust CA example.com");
	assert_string_equal(s.names, "example.com\npbx.example.com\n"
	    "192.0.2.7");
	assert_string_equal(s.key, "EC P-256");
	assert_int_equal(s.not_after_s, PKI_NOW + 90 * PKI_DAY);
	assert_false(s.ca);
	X509 *x = load("moved");
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	X509_free(x);
	/* Again: not by accident, then for the same key. */
	assert_int_equal(issue(&w), E_EXISTS);
	pki_says(&why, "moved: is there already");
	x = load("moved");
	w.replace = true;
	assert_int_equal(issue(&w), 0);
	X509 *again = load("moved");
	assert_int_not_equal(X509_cmp(x, again), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x),
	    X509_get0_pubkey(again)), 1);
	X509_free(x);
	X509_free(again);
}

static void
test_issue_that_cannot_be(void **state)
{
	struct ca_issue_want w = wanted("example.com");

	assert_int_equal(ca_init(dir, &(struct ca_root_want) {
	    .domain = "example.com", .years = 1 }, PKI_NOW, &why), 0);
	w.server.days = 398;
	assert_int_equal(issue(&w), E_MISMATCH);
	pki_says(&why, "the CA itself ends in 365 days");
	w.server.days = 0;
	w.server.names.domain = "a b";
	assert_int_equal(issue(&w), E_CONFIG);
	pki_says(&why, "found neither");
	w.server.names.domain = "example.com";
	w.server.days = 10;
	assert_int_equal(chmod(path("ca-key.pem"), 0644), 0);
	assert_int_equal(issue(&w), E_CONFIG);
	pki_says(&why, "chmod 600");
	assert_int_equal(chmod(path("ca-key.pem"), 0600), 0);
	pki_write(path("ca-key.pem"), STR("rubbish"), 0600);
	assert_int_equal(issue(&w), E_PARSE);
	pki_says(&why, "ca-key.pem: holds no private key");
	unlink(path("ca-key.pem"));
	assert_int_equal(issue(&w), E_ABSENT);
	pki_says(&why, "ca-key.pem: is missing");
	assert_int_equal(ca_issue(dir, &w, PKI_NOW + 400 * PKI_DAY, &why),
	    E_MISMATCH);
	pki_says(&why, "the CA has expired");
	assert_int_not_equal(access(path("moved"), F_OK), 0);
}

/* A third of its life, whatever its life is. */
static void
test_a_short_certificate_is_renewed_in_time(void **state)
{
	struct ca_server_want w = { .names.domain = "example.com",
		.days = 3 };

	assert_int_equal(ca_ensure(&files, dir, &w, PKI_NOW, &why), 0);
	assert_true(files.issued);
	assert_int_equal(ca_ensure(&files, dir, &w, PKI_NOW + 2 * PKI_DAY - 1,
	    &why), 0);
	assert_false(files.issued);
	assert_int_equal(ca_ensure(&files, dir, &w, PKI_NOW + 2 * PKI_DAY + 1,
	    &why), 0);
	assert_true(files.issued);
	assert_false(files.created);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_first_start),
		T(test_a_client_accepts_it),
		T(test_profile_for_old_phones),
		T(test_reissue),
		T(test_domain_forms),
		T(test_long_domain_of_a_ca),
		T(test_key_that_others_can_read),
		T(test_missing_parts),
		T(test_foreign_server_certificate_is_kept),
		T(test_clock_and_expired_ca),
		T(test_nothing_outlives_the_ca),
		T(test_folder_that_cannot_be),
		T(test_init_overwrites_nothing),
		T(test_init_goes_on_where_it_was_cut_off),
		T(test_a_confined_ca),
		T(test_issue),
		T(test_issue_that_cannot_be),
		T(test_a_short_certificate_is_renewed_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
