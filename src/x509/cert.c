/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/cert.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "x509/cert_int.h"
#include "x509/path.h"

/* "YYYY-MM-DD HH:MM UTC" */
#define DATE_LEN 32

/* A name over its bytes made fit for one line of text. */
static void
clean(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	}
}

static bool
common_name(const X509_NAME *name, char *out, size_t size)
{
	const X509_NAME_ENTRY *e;
	unsigned char *utf8 = NULL;
	int at = -1, last = -1, n;

	/* The last is the most specific one. */
	while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return false;
	e = X509_NAME_get_entry(name, last);
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));
	if (n < 0)
		return false;
	for (int i = 0; i < n; i++) {
		if (utf8[i] == '\0')
			utf8[i] = '?';
	}
	str_copy(out, size, str_of((char *)utf8, (size_t)n));
	OPENSSL_free(utf8);
	return n > 0;
}

void
x509_name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio;
	char *text = NULL;
	long n = 0;

	str_copy(out, size, STR(""));
	if (name == NULL)
		return;
	if (!common_name(name, out, size)) {
		bio = BIO_new(BIO_s_mem());
		if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
		    XN_FLAG_RFC2253 &
		    ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
			n = BIO_get_mem_data(bio, &text);
		if (n > 0)
			str_copy(out, size, str_of(text, (size_t)n));
		BIO_free(bio);
	}
	clean(out);
	ERR_clear_error();
}

void
x509_fingerprint(const X509 *cert, char out[96])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	out[0] = '\0';
	if (X509_digest(cert, EVP_sha256(), md, &n) != 1 || n != 32)
		return;
	for (unsigned int i = 0; i < n; i++)
		snprintf(out + 3 * i, 4, i + 1 < n ? "%02X:" : "%02X", md[i]);
}

int64_t
x509_time_s(const ASN1_TIME *t)
{
	struct tm tm;

	/* OpenSSL takes NULL for the present. */
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return INT64_MIN;
	return timegm(&tm);
}

static const char *
date_text(int64_t s, char out[DATE_LEN])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, DATE_LEN, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(out, DATE_LEN, "an unreadable date");
	return out;
}

/* One block of a PEM text; free its parts with block_fini. */
struct block {
	char *name, *header;
	unsigned char *data;
	long n;
};

static void
block_fini(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	if (b->data != NULL)
		OPENSSL_clear_free(b->data, (size_t)b->n);
	*b = (struct block) { 0 };
}

/* 1: a block, 0: no more, -1: one that is damaged. */
static int
block_next(BIO *bio, struct block *b)
{
	unsigned long e;

	*b = (struct block) { 0 };
	ERR_clear_error();
	if (PEM_read_bio(bio, &b->name, &b->header, &b->data, &b->n) == 1)
		return 1;
	e = ERR_peek_last_error();
	ERR_clear_error();
	if (ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
		return 0;
	return -1;
}

static bool
is_certificate(const struct block *b)
{
	return strcmp(b->name, PEM_STRING_X509) == 0 ||
	    strcmp(b->name, PEM_STRING_X509_OLD) == 0;
}

static bool
is_private_key(const struct block *b)
{
	const size_t tail = sizeof("PRIVATE KEY") - 1;
	size_t n = strlen(b->name);

	return n >= tail && strcmp(b->name + n - tail, "PRIVATE KEY") == 0;
}

static bool
is_encrypted(const struct block *b)
{
	return strcmp(b->name, PEM_STRING_PKCS8) == 0 ||
	    strstr(b->header, "ENCRYPTED") != NULL;
}

/* A file without a PEM block of the wanted kind: what is it instead? */
static void
explain_no_block(struct buf *why, const char *name, struct str text,
    const char *wanted, bool other)
{
	const unsigned char *p = (const unsigned char *)text.p;

	if (text.n == 0)
		buf_printf(why, "%s: is empty, expected %s in PEM form", name,
		    wanted);
	else if (text.n > 2 && p[0] == 0x30 && (p[1] & 0x80) != 0)
		buf_printf(why,
		    "%s: is binary (DER or PKCS#12), expected %s in PEM form: "
		    "convert it with openssl x509, pkey or pkcs12", name,
		    wanted);
	else if (other)
		buf_printf(why,
		    "%s: holds no %s, but something else in PEM form: are the "
		    "certificate and key files swapped?", name, wanted);
	else
		buf_printf(why, "%s: holds no %s (a PEM block that begins with "
		    "-----BEGIN)", name, wanted);
}

static X509 *
decode_cert(const struct block *b)
{
	const unsigned char *p = b->data;
	X509 *cert = d2i_X509(NULL, &p, b->n);

	if (cert != NULL && p != b->data + b->n) {
		X509_free(cert);
		cert = NULL;
	}
	ERR_clear_error();
	return cert;
}

int
x509_read_certs(STACK_OF(X509) *list, const char *name, struct str pem,
    int max, struct buf *why)
{
	BIO *bio = BIO_new_mem_buf(pem.p != NULL ? pem.p : "", (int)pem.n);
	struct block b = { 0 };
	bool other = false;
	int rc = 0, got = 0;

	if (bio == NULL)
		return -ENOMEM;
	while (rc == 0 && sk_X509_num(list) < max &&
	    (got = block_next(bio, &b)) == 1) {
		if (is_certificate(&b)) {
			X509 *cert = decode_cert(&b);
			if (cert == NULL) {
				buf_printf(why, "%s: certificate %d is damaged",
				    name, sk_X509_num(list) + 1);
				rc = E_PARSE;
			} else if (sk_X509_push(list, cert) == 0) {
				X509_free(cert);
				rc = -ENOMEM;
			}
		} else {
			other = true;
		}
		block_fini(&b);
	}
	if (rc == 0 && got < 0) {
		buf_printf(why, "%s: a PEM block after %d certificates is "
		    "damaged (cut off, or not base64)", name,
		    sk_X509_num(list));
		rc = E_PARSE;
	}
	if (rc == 0 && sk_X509_num(list) == 0) {
		explain_no_block(why, name, pem, "certificate", other);
		rc = E_PARSE;
	}
	BIO_free(bio);
	return rc;
}

int
x509_cert_read(X509 **out, const char *name, struct str pem, struct buf *why)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	int rc;

	if (list == NULL)
		return -ENOMEM;
	rc = pem.n > X509_FILE_MAX ? E_LIMIT :
	    x509_read_certs(list, name, pem, 1, why);
	if (rc == 0)
		*out = sk_X509_shift(list);
	sk_X509_pop_free(list, X509_free);
	return rc;
}

int
x509_certs_read(STACK_OF(X509) **out, const char *name, struct str pem,
    int max, struct buf *why)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	int rc;

	if (list == NULL)
		return -ENOMEM;
	rc = x509_read_certs(list, name, pem, max, why);
	if (rc == 0)
		*out = list;
	else
		sk_X509_pop_free(list, X509_free);
	return rc;
}

/* Takes b for a private key; says so when it is none that can be used. */
static int
decode_key(EVP_PKEY **out, const char *name, const struct block *b,
    struct buf *why)
{
	const unsigned char *p = b->data;

	if (is_encrypted(b)) {
		buf_printf(why, "%s: the key is encrypted; nobody is there to "
		    "type its password: openssl pkey -in %s -out KEY.pem "
		    "writes it without", name, name);
		return E_PARSE;
	}
	*out = d2i_AutoPrivateKey(NULL, &p, b->n);
	ERR_clear_error();
	if (*out == NULL) {
		clean(b->name);
		buf_printf(why, "%s: the key (%s) is damaged or of an unknown "
		    "kind", name, b->name);
		return E_PARSE;
	}
	return 0;
}

int
x509_key_read(EVP_PKEY **out, const char *name, struct str pem,
    struct buf *why)
{
	BIO *bio;
	struct block b = { 0 };
	bool found = false, other = false;
	int rc = 0, got = 0;

	if (pem.n > X509_FILE_MAX)
		return E_LIMIT;
	bio = BIO_new_mem_buf(pem.p != NULL ? pem.p : "", (int)pem.n);
	if (bio == NULL)
		return -ENOMEM;
	while (!found && (got = block_next(bio, &b)) == 1) {
		if (is_private_key(&b)) {
			found = true;
			rc = decode_key(out, name, &b, why);
		} else {
			other = true;
		}
		block_fini(&b);
	}
	if (!found) {
		rc = E_PARSE;
		if (got < 0)
			buf_printf(why, "%s: a PEM block is damaged (cut off, "
			    "or not base64)", name);
		else
			explain_no_block(why, name, pem, "private key", other);
	}
	BIO_free(bio);
	return rc;
}

static X509 *
cert_at(const struct x509_chain *c, int i)
{
	return x509_path_at(c, (unsigned)i);
}

static int
cert_count(const struct x509_chain *c)
{
	return (int)x509_path_depth(c);
}

static int
check_key(const struct x509_chain *c, const struct x509_source *src,
    struct buf *why)
{
	char text[128];

	if (X509_get0_pubkey(c->leaf) == NULL) {
		ERR_clear_error();
		buf_printf(why, "%s: the public key of the first certificate "
		    "cannot be read", src->cert_name);
		return E_CRYPTO;
	}
	for (int i = 0; i < cert_count(c); i++) {
		bool match = X509_check_private_key(cert_at(c, i), c->key) == 1;
		ERR_clear_error();
		if (match && i == 0)
			return 0;
		if (!match)
			continue;
		x509_name_text(X509_get_subject_name(cert_at(c, i)), text,
		    sizeof(text));
		buf_printf(why, "%s: out of order: the key belongs to "
		    "certificate %d (%s), which must come first",
		    src->cert_name, i + 1, text);
		return E_MISMATCH;
	}
	buf_printf(why, "%s: this key does not belong to the certificate %s "
	    "(%s): they are from different requests; put the pair together",
	    src->key_name, src->cert_name, c->subject);
	return E_MISMATCH;
}

/* Certificate i + 1 does not certify certificate i: say how to mend that. */
static void
explain_order(const struct x509_chain *c, int i, const char *file,
    struct buf *why)
{
	char subject[128], issuer[128], next[128];
	X509 *cert = cert_at(c, i), *after = cert_at(c, i + 1);

	x509_name_text(X509_get_subject_name(cert), subject, sizeof(subject));
	x509_name_text(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	x509_name_text(X509_get_subject_name(after), next, sizeof(next));
	buf_printf(why, "%s: out of order: certificate %d (%s) does not "
	    "certify certificate %d (%s)", file, i + 2, next, i + 1, subject);
	if (X509_cmp(cert, after) == 0) {
		buf_printf(why, ": it is the same certificate again: remove "
		    "it");
		return;
	}
	if (x509_self_signed(cert)) {
		buf_printf(why, ": that one is a root and must be the last: "
		    "move or remove what follows");
		return;
	}
	for (int k = 0; k < cert_count(c); k++) {
		if (k == i || !x509_certifies(cert_at(c, k), cert))
			continue;
		buf_printf(why, ": its issuer is certificate %d: move it up to "
		    "place %d", k + 1, i + 2);
		return;
	}
	if (X509_NAME_cmp(X509_get_issuer_name(cert),
	    X509_get_subject_name(after)) == 0)
		buf_printf(why, ": it has the right name but another key: "
		    "get the certificate of %s that signed this one", issuer);
	else
		buf_printf(why, ": insert the certificate of its issuer, %s, "
		    "or remove what does not belong", issuer);
}

static int
check_order(const struct x509_chain *c, const char *file, struct buf *why)
{
	for (int i = 0; i + 1 < cert_count(c); i++) {
		if (x509_certifies(cert_at(c, i + 1), cert_at(c, i)) &&
		    X509_cmp(cert_at(c, i + 1), cert_at(c, i)) != 0)
			continue;
		explain_order(c, i, file, why);
		return E_MISMATCH;
	}
	return 0;
}

static int
check_dates(struct x509_chain *c, const char *file, int64_t now_s,
    struct buf *why)
{
	char name[128], date[DATE_LEN], now[DATE_LEN];

	c->not_before_s = INT64_MIN;
	c->not_after_s = INT64_MAX;
	for (int i = 0; i < cert_count(c); i++) {
		X509 *cert = cert_at(c, i);
		int64_t from = x509_time_s(X509_get0_notBefore(cert));
		int64_t to = x509_time_s(X509_get0_notAfter(cert));

		x509_name_text(X509_get_subject_name(cert), name, sizeof(name));
		if (from == INT64_MIN || to == INT64_MIN) {
			buf_printf(why, "%s: certificate %d (%s) has a date "
			    "that cannot be read", file, i + 1, name);
			return E_PARSE;
		}
		if (now_s != X509_ANY_TIME && now_s > to) {
			buf_printf(why, "%s: certificate %d (%s) expired on "
			    "%s: %s", file, i + 1, name, date_text(to, date),
			    i > 0 && i + 1 == cert_count(c) &&
			    x509_self_signed(cert) ?
			    "it is a root: leave it out or get its successor" :
			    "renew it");
			return E_MISMATCH;
		}
		if (now_s != X509_ANY_TIME && now_s < from) {
			buf_printf(why, "%s: certificate %d (%s) is not valid "
			    "before %s: is this host's clock right (%s)?", file,
			    i + 1, name, date_text(from, date),
			    date_text(now_s, now));
			return E_MISMATCH;
		}
		if (from > c->not_before_s)
			c->not_before_s = from;
		if (to < c->not_after_s)
			c->not_after_s = to;
	}
	return 0;
}

static void
describe(struct x509_chain *c)
{
	X509 *last = cert_at(c, cert_count(c) - 1);

	/* Of a self-signed one both names are the same. */
	x509_name_text(X509_get_issuer_name(last), c->root, sizeof(c->root));
	x509_name_text(X509_get_subject_name(c->leaf), c->subject,
	    sizeof(c->subject));
	c->rsa = EVP_PKEY_is_a(c->key, "RSA") == 1 ||
	    EVP_PKEY_is_a(c->key, "RSA-PSS") == 1;
}

int
x509_chain_check(struct x509_chain *c, const char *file, int64_t now_s,
    struct buf *why)
{
	int rc;

	describe(c);
	rc = check_order(c, file, why);
	return rc == 0 ? check_dates(c, file, now_s, why) : rc;
}

int
x509_chain_read(struct x509_chain **out, const struct x509_source *src,
    int64_t now_s, struct buf *why)
{
	struct x509_chain *c;
	int rc = -ENOMEM;

	if (src->cert.n > X509_FILE_MAX || src->key.n > X509_FILE_MAX) {
		buf_printf(why, "%s: is longer than %zu bytes",
		    src->cert.n > X509_FILE_MAX ? src->cert_name :
		    src->key_name, X509_FILE_MAX);
		return E_LIMIT;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->rest = sk_X509_new_null()) == NULL)
		goto out;
	rc = x509_read_certs(c->rest, src->cert_name, src->cert,
	    X509_CHAIN_MAX + 1, why);
	if (rc != 0)
		goto out;
	if (sk_X509_num(c->rest) > X509_CHAIN_MAX) {
		buf_printf(why, "%s: holds more than %d certificates: a chain "
		    "is the server's, then its intermediates", src->cert_name,
		    X509_CHAIN_MAX);
		rc = E_LIMIT;
		goto out;
	}
	c->leaf = sk_X509_shift(c->rest);
	rc = x509_key_read(&c->key, src->key_name, src->key, why);
	if (rc != 0)
		goto out;
	describe(c);
	rc = check_key(c, src, why);
	if (rc == 0)
		rc = x509_chain_check(c, src->cert_name, now_s, why);
out:
	if (rc != 0) {
		x509_chain_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int
x509_chain_load(struct x509_chain **out, const char *cert_file,
    const char *key_file, int64_t now_s, struct buf *why)
{
	struct buf cert, key;
	struct x509_source src = { .cert_name = cert_file };
	int rc;

	buf_init(&cert, X509_FILE_MAX);
	buf_init(&key, X509_FILE_MAX);
	src.key_name = key_file != NULL && key_file[0] != '\0' ? key_file :
	    cert_file;
	rc = file_read(&cert, cert_file, FILE_PUBLIC, why);
	/* Not FILE_SECRET: admins give keys to a group (Debian: ssl-cert). */
	if (rc == 0)
		rc = file_read(&key, src.key_name, FILE_PUBLIC, why);
	if (rc == 0) {
		src.cert = buf_as_str(&cert);
		src.key = buf_as_str(&key);
		rc = x509_chain_read(out, &src, now_s, why);
	}
	if (key.n > 0)
		OPENSSL_cleanse(key.p, key.n);
	buf_fini(&key);
	if (cert.n > 0)
		OPENSSL_cleanse(cert.p, cert.n);
	buf_fini(&cert);
	return rc;
}

void
x509_chain_free(struct x509_chain *c)
{
	if (c == NULL)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	EVP_PKEY_free(c->key);
	free(c);
}
