/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/anchor.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "device/root.h"
#include "x509/cert.h"

#define WEB_NAME  64  /* bytes of one name        */
#define ROOT_TEXT 128 /* bytes of one common name */

/* What the messages need of one certificate of a file. */
struct source {
	const char *path;
	X509 *cert;
	int number;      /* in the file, from 1 */
	const struct device_roots *known;
	bool alone;
	int64_t now_s;
	struct buf *why;
};

static void
put_where(const struct source *s)
{
	char name[128];

	x509_name_text(X509_get_subject_name(s->cert), name, sizeof(name));
	if (s->alone)
		buf_printf(s->why, "%s: \"%s\"", s->path, name);
	else
		buf_printf(s->why, "%s: certificate %d, \"%s\",", s->path,
		    s->number, name);
}

static int
check_root(const struct source *s)
{
	char issuer[128];

	if (X509_check_ca(s->cert) == 0) {
		put_where(s);
		buf_puts(s->why, " is no CA but the certificate of a server "
		    "or a client: expected the root that its chain leads to");
		return E_MISMATCH;
	}
	if (X509_self_signed(s->cert, 1) != 1) {
		ERR_clear_error();
		x509_name_text(X509_get_issuer_name(s->cert), issuer,
		    sizeof(issuer));
		put_where(s);
		buf_printf(s->why, " is not self-signed (its issuer is "
		    "\"%s\"): expected a root, phones take no other", issuer);
		return E_MISMATCH;
	}
	return 0;
}

static int
check_dates(const struct source *s)
{
	time_t end = (time_t)x509_time_s(X509_get0_notAfter(s->cert));
	struct tm tm;

	if (end >= s->now_s)
		return 0;
	put_where(s);
	if (gmtime_r(&end, &tm) != NULL)
		buf_printf(s->why, " expired on %04d-%02d-%02d: no phone "
		    "trusts it any more", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday);
	return E_STATE;
}

void
ca_anchor_name(char *out, size_t size, const char *root)
{
	size_t n = 0;

	for (const char *p = root; *p != '\0' && n + 1 < size; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c | 0x20);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = (char)c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	if (size > 0)
		out[n] = '\0';
}

static int
put_forms(struct ca_anchor *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *pem = NULL;
	int n = i2d_X509(cert, &der);
	long m = 0;

	if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1)
		m = BIO_get_mem_data(bio, &pem);
	buf_init(&out->pem, CA_ANCHOR_FILE_MAX);
	buf_init(&out->der, CA_ANCHOR_FILE_MAX);
	if (n > 0)
		buf_put(&out->der, der, (size_t)n);
	if (m > 0)
		buf_put(&out->pem, pem, (size_t)m);
	OPENSSL_free(der);
	BIO_free(bio);
	ERR_clear_error();
	if (n > 0 && m > 0 && !out->der.failed && !out->pem.failed)
		return 0;
	ca_anchor_fini(out);
	return E_CRYPTO;
}

/* As siptrust roots calls it, else after its common name. */
static void
give_name(struct ca_anchor *out, const X509 *cert,
    const struct device_roots *known)
{
	const struct device_root *row = NULL;
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (known != NULL && X509_digest(cert, EVP_sha256(), sum, &n) == 1)
		row = device_roots_by_sha256(known, sum);
	if (row == NULL || !str_copy(out->name, WEB_NAME, row->name))
		ca_anchor_name(out->name, WEB_NAME, out->root);
}

/* A root that has been checked. */
static int
anchor_make(struct ca_anchor *out, X509 *cert,
    const struct device_roots *known, int64_t modified_s)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	memset(out, 0, sizeof(*out));
	x509_name_text(X509_get_subject_name(cert), out->root, ROOT_TEXT);
	give_name(out, cert, known);
	out->ec = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
	x509_fingerprint(cert, out->fingerprint);
	out->not_before_s = x509_time_s(X509_get0_notBefore(cert));
	out->not_after_s = x509_time_s(X509_get0_notAfter(cert));
	out->modified_s = modified_s;
	return put_forms(out, cert);
}

void
ca_anchor_fini(struct ca_anchor *a)
{
	buf_fini(&a->pem);
	buf_fini(&a->der);
}

/* All certificates of a file. */
static int
read_file(STACK_OF(X509) **out, const char *path, size_t cap, int max,
    int64_t *modified_s, struct buf *why)
{
	struct buf text;
	struct stat st;
	int rc;

	buf_init(&text, cap);
	rc = file_read(&text, path, FILE_PUBLIC, why);
	if (rc == 0)
		rc = x509_certs_read(out, path, buf_as_str(&text), max, why);
	if (rc == 0)
		*modified_s = stat(path, &st) == 0 ? st.st_mtim.tv_sec : 0;
	buf_fini(&text);
	return rc;
}

int
ca_anchor_load(struct ca_anchor *out, const char *path, int64_t now_s,
    struct buf *why)
{
	STACK_OF(X509) *list = NULL;
	struct source s = {
		.path = path, .alone = true, .now_s = now_s, .why = why,
	};
	int64_t modified_s = 0;
	int rc = read_file(&list, path, CA_ANCHOR_FILE_MAX, 2, &modified_s,
	    why);

	if (rc != 0)
		return rc;
	s.cert = sk_X509_value(list, 0);
	rc = check_root(&s);
	if (rc == 0 && sk_X509_num(list) > 1) {
		buf_printf(why, "%s: holds more than one certificate: expected "
		    "the root alone", path);
		rc = E_MISMATCH;
	}
	if (rc == 0)
		rc = check_dates(&s);
	if (rc == 0)
		rc = anchor_make(out, s.cert, NULL, modified_s);
	sk_X509_pop_free(list, X509_free);
	return rc;
}

/* ---- many ---- */

static bool
name_is_taken(const struct ca_anchors *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Two roots of one name: the second is "name-2". */
static void
make_name_unique(const struct ca_anchors *a, struct ca_anchor *new)
{
	char plain[WEB_NAME - 8];

	if (!name_is_taken(a, new->name))
		return;
	str_copy(plain, sizeof(plain), str_cstr(new->name));
	for (unsigned i = 2; i < 1000 && name_is_taken(a, new->name); i++)
		snprintf(new->name, WEB_NAME, "%s-%u", plain, i);
}

static int
add_one(struct ca_anchors *a, const struct source *s, bool strict,
    int64_t modified_s)
{
	size_t said = s->why->n;
	int rc = check_root(s);

	if (rc != 0 && strict)
		return rc;
	s->why->n = said;
	if (rc != 0 || x509_time_s(X509_get0_notAfter(s->cert)) < s->now_s) {
		a->left_out++;
		return 0;
	}
	rc = anchor_make(&a->v[a->n], s->cert, s->known, modified_s);
	if (rc != 0) {
		put_where(s);
		buf_puts(s->why, " cannot be written as PEM and DER");
		return rc;
	}
	make_name_unique(a, &a->v[a->n]);
	a->n++;
	return 0;
}

int
ca_anchors_load(struct ca_anchors *out, const char *path, bool strict,
    const struct device_roots *known, int64_t now_s, struct buf *why)
{
	STACK_OF(X509) *list = NULL;
	struct source s = {
		.path = path, .known = known, .now_s = now_s, .why = why,
	};
	struct ca_anchors a = { .v = NULL };
	int64_t modified_s = 0;
	int rc = read_file(&list, path, CA_ANCHORS_FILE_MAX, CA_ANCHORS_MAX,
	    &modified_s, why);

	if (rc != 0)
		return rc;
	a.v = calloc((size_t)sk_X509_num(list), sizeof(*a.v));
	rc = a.v != NULL ? 0 : -ENOMEM;
	for (int i = 0; rc == 0 && i < sk_X509_num(list); i++) {
		s.cert = sk_X509_value(list, i);
		s.number = i + 1;
		rc = add_one(&a, &s, strict, modified_s);
	}
	sk_X509_pop_free(list, X509_free);
	if (rc != 0)
		ca_anchors_fini(&a);
	else
		*out = a;
	return rc;
}

void
ca_anchors_fini(struct ca_anchors *a)
{
	for (size_t i = 0; i < a->n; i++)
		ca_anchor_fini(&a->v[i]);
	free(a->v);
	*a = (struct ca_anchors) { .v = NULL };
}

/* "GlobalSign", "globalsign": its common name, as it is or as in a URL. */
static bool
is_called(const struct ca_anchor *a, struct str name)
{
	char plain[WEB_NAME];

	ca_anchor_name(plain, sizeof(plain), a->root);
	return str_ieq(str_cstr(a->root), name) ||
	    str_ieq(str_cstr(plain), name);
}

const struct ca_anchor *
ca_anchors_find(const struct ca_anchors *a, const char *name,
    struct buf *several)
{
	const struct ca_anchor *first = NULL;
	struct str wanted = str_cstr(name);
	unsigned n = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (str_ieq(str_cstr(a->v[i].name), wanted))
			return &a->v[i];
	}
	for (size_t i = 0; i < a->n; i++) {
		if (!is_called(&a->v[i], wanted))
			continue;
		if (n++ == 0)
			first = &a->v[i];
		else if (n == 2 && several != NULL)
			buf_puts(several, first->name);
		if (n >= 2 && several != NULL)
			buf_printf(several, ", %s", a->v[i].name);
	}
	return n == 1 ? first : NULL;
}

static int
join_one(struct ca_anchor *out, const struct ca_anchors *a,
    const struct ca_anchor *own, struct str name, struct buf *why)
{
	char text[WEB_NAME];
	const struct ca_anchor *one = NULL;
	size_t n = strlen(out->root);

	if (str_eq(name, STR("ca")))
		one = own;
	else if (str_copy(text, sizeof(text), name))
		one = ca_anchors_find(a, text, NULL);
	if (one == NULL) {
		buf_printf(why, "\"%.*s\": no root of this name",
		    STR_FMT(name));
		return E_ABSENT;
	}
	if (!str_copy(out->root + n + (n > 0), sizeof(out->root) - n - 1,
	    str_cstr(one->root)))
		return E_LIMIT;
	if (n > 0)
		out->root[n] = '\n';
	if (one->modified_s > out->modified_s)
		out->modified_s = one->modified_s;
	out->ec = out->ec || one->ec;
	buf_str(&out->pem, buf_as_str(&one->pem));
	return 0;
}

int
ca_anchors_join(struct ca_anchor *out, const struct ca_anchors *a,
    const struct ca_anchor *own, const char *names, struct buf *why)
{
	struct ca_anchor all = { .name = "" };
	struct str rest = str_cstr(names);
	int rc = 0;

	buf_init(&all.pem, CA_ANCHOR_FILE_MAX);
	buf_init(&all.der, CA_ANCHOR_FILE_MAX);
	for (unsigned n = 0; rc == 0 && rest.n > 0; n++) {
		if (n == CA_BUNDLE_MAX)
			rc = E_LIMIT;
		else
			rc = join_one(&all, a, own, str_cut(&rest, '+'), why);
	}
	if (rc == 0 && (all.pem.n == 0 || all.pem.failed ||
	    !str_copy(all.name, sizeof(all.name), str_cstr(names))))
		rc = E_LIMIT;
	if (rc == E_LIMIT)
		buf_printf(why, "%s: expected at most %d roots", names,
		    CA_BUNDLE_MAX);
	if (rc != 0)
		ca_anchor_fini(&all);
	else
		*out = all;
	return rc;
}

const char *
ca_system_roots(void)
{
	static const char *const where[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL         */
		"/etc/ssl/ca-bundle.pem",             /* SUSE                 */
	};

	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		if (access(where[i], R_OK) == 0)
			return where[i];
	}
	return NULL;
}
