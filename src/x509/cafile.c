/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/cafile.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "x509/cert.h"

#define NAME_LEN 128

struct x509_set {
	STACK_OF(X509) *v;
};

int
x509_set_new(struct x509_set **out)
{
	struct x509_set *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->v = sk_X509_new_null();
	if (s == NULL || s->v == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void
x509_set_free(struct x509_set *s)
{
	if (s == NULL)
		return;
	sk_X509_pop_free(s->v, X509_free);
	free(s);
}

size_t
x509_set_count(const struct x509_set *s)
{
	return s != NULL ? (size_t)sk_X509_num(s->v) : 0;
}

int
x509_set_join(struct x509_set *into, const struct x509_set *from)
{
	for (size_t i = 0; i < x509_set_count(from); i++) {
		X509 *cert = sk_X509_value(from->v, (int)i);

		if (sk_X509_push(into->v, cert) == 0)
			return -ENOMEM;
		X509_up_ref(cert);
	}
	return 0;
}

void
x509_set_name(const struct x509_set *s, size_t i, char *out, size_t size)
{
	x509_name_text(X509_get_subject_name(sk_X509_value(s->v, (int)i)),
	    out, size);
}

void
x509_set_fingerprint(const struct x509_set *s, size_t i, char out[96])
{
	x509_fingerprint(sk_X509_value(s->v, (int)i), out);
}

STACK_OF(X509) *
x509_set_stack(const struct x509_set *s)
{
	return s->v;
}

static void
put_date(struct buf *out, int64_t s)
{
	char day[CLOCK_DAY_LEN];

	buf_puts(out, clock_day(day, s)[0] != '\0' ? day :
	    "an unreadable date");
}

/* ---- what came instead ---- */

static bool
contains(struct str s, struct str part)
{
	return memmem(s.p, s.n, part.p, part.n) != NULL;
}

static bool
looks_like_der(struct str s)
{
	return s.n > 2 && (unsigned char)s.p[0] == 0x30 &&
	    ((unsigned char)s.p[1] & 0x80) != 0;
}

static const char *
wanted(unsigned forms)
{
	return forms == X509_FORM_PEM ? "a CA certificate in PEM form" :
	    forms == X509_FORM_DER ? "a CA certificate in DER form" :
				     "a CA certificate";
}

/* Neither PEM nor DER: 0 bytes, a page of the web server, or junk. */
static void
explain_other(struct buf *why, struct str bytes, unsigned forms)
{
	struct str text = str_trim(bytes);

	if (text.n == 0)
		buf_printf(why, "the file is empty, expected %s",
		    wanted(forms));
	else if (text.p[0] == '<')
		buf_printf(why, "a web page (HTML), expected %s: the URL must "
		    "lead to the file itself", wanted(forms));
	else
		buf_printf(why, "neither PEM (-----BEGIN CERTIFICATE-----) nor "
		    "DER, expected %s", wanted(forms));
}

static int
refuse_form(struct buf *why, bool pem)
{
	buf_printf(why, pem ? "PEM where this phone takes DER: openssl x509 "
	    "-in FILE -outform DER -out ca.der converts it" :
	    "DER where this phone takes PEM: openssl x509 -inform DER -in FILE "
	    "-out ca.pem converts it");
	return E_PARSE;
}

/* ---- one certificate ---- */

static int
check_cert(X509 *cert, int64_t now_s, struct buf *why)
{
	char name[NAME_LEN], issuer[NAME_LEN];
	int64_t from_s = x509_time_s(X509_get0_notBefore(cert));
	int64_t to_s = x509_time_s(X509_get0_notAfter(cert));
	bool ca = X509_check_ca(cert) != 0;

	ERR_clear_error();
	x509_name_text(X509_get_subject_name(cert), name, sizeof(name));
	if (!ca) {
		x509_name_text(X509_get_issuer_name(cert), issuer,
		    sizeof(issuer));
		buf_printf(why, "\"%s\" is a server's own certificate, not a "
		    "CA's: expected the root it leads to (issued by \"%s\")",
		    name, issuer);
		return E_MISMATCH;
	}
	if (now_s == 0)
		return 0;
	if (to_s < now_s) {
		buf_printf(why, "CA certificate \"%s\" expired on ", name);
		put_date(why, to_s);
		return E_MISMATCH;
	}
	if (from_s > now_s) {
		buf_printf(why, "CA certificate \"%s\" is not valid before ",
		    name);
		put_date(why, from_s);
		buf_puts(why, "; is the phone's clock right?");
		return E_MISMATCH;
	}
	return 0;
}

static X509 *
decode(const unsigned char *p, long n)
{
	const unsigned char *end = p + n;
	X509 *cert = d2i_X509(NULL, &p, n);

	if (cert != NULL && p != end) {
		X509_free(cert);
		cert = NULL;
	}
	ERR_clear_error();
	return cert;
}

/* Takes cert, which may be NULL: it could not be decoded. */
static int
take(STACK_OF(X509) *into, X509 *cert, int64_t now_s, struct buf *why)
{
	int err = 0;

	if (cert == NULL) {
		buf_puts(why, "a certificate in the file is damaged");
		return E_PARSE;
	}
	err = check_cert(cert, now_s, why);
	if (err == 0 && sk_X509_push(into, cert) == 0)
		err = -ENOMEM;
	if (err != 0)
		X509_free(cert);
	return err;
}

/* ---- the file ---- */

struct block {
	char *name, *header;
	unsigned char *data;
	long n;
};

/* 1: a block, 0: no more, -1: a damaged one. */
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
	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE ? 0 : -1;
}

static void
block_fini(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	if (b->data != NULL)
		OPENSSL_clear_free(b->data, (size_t)b->n);
}

static bool
is_certificate(const struct block *b)
{
	return strcmp(b->name, PEM_STRING_X509) == 0 ||
	    strcmp(b->name, PEM_STRING_X509_OLD) == 0;
}

static int
take_block(STACK_OF(X509) *into, const struct block *b, int64_t now_s,
    struct buf *why)
{
	if (is_certificate(b))
		return take(into, decode(b->data, b->n), now_s, why);
	if (strstr(b->name, "PRIVATE KEY") == NULL)
		return 0;
	buf_puts(why, "holds a private key: whoever fetches it has it now; "
	    "serve the certificate alone, and make a new key");
	return E_PARSE;
}

static int
read_pem(STACK_OF(X509) *into, struct str bytes,
    const struct x509_cafile_want *w, struct buf *why)
{
	int max = w->certs_max > 0 ? w->certs_max : X509_CAFILE_CERTS_MAX;
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	struct block b;
	int err = 0, got = 0;

	if (bio == NULL)
		return -ENOMEM;
	while (err == 0 && sk_X509_num(into) < max &&
	    (got = block_next(bio, &b)) == 1) {
		err = take_block(into, &b, w->now_s, why);
		block_fini(&b);
	}
	BIO_free(bio);
	if (err == 0 && got < 0) {
		buf_puts(why, "the PEM text is damaged (cut off, or not "
		    "base64)");
		return E_PARSE;
	}
	if (err == 0 && sk_X509_num(into) == 0) {
		buf_puts(why, "PEM, but no certificate in it, expected "
		    "-----BEGIN CERTIFICATE-----");
		return E_PARSE;
	}
	return err;
}

static int
read_any(STACK_OF(X509) *into, struct str bytes,
    const struct x509_cafile_want *w, struct buf *why)
{
	size_t max = w->bytes_max > 0 ? w->bytes_max : X509_CAFILE_MAX;

	if (bytes.n > max) {
		buf_printf(why, "%zu bytes, but this phone takes %zu at most",
		    bytes.n, max);
		return E_LIMIT;
	}
	if (bytes.n > 0 && contains(bytes, STR("-----BEGIN "))) {
		if ((w->forms & X509_FORM_PEM) == 0)
			return refuse_form(why, true);
		return read_pem(into, bytes, w, why);
	}
	if (looks_like_der(bytes)) {
		if ((w->forms & X509_FORM_DER) == 0)
			return refuse_form(why, false);
		return take(into, decode((const unsigned char *)bytes.p,
		    (long)bytes.n), w->now_s, why);
	}
	explain_other(why, bytes, w->forms);
	return E_PARSE;
}

int
x509_cafile_read(struct x509_set *into, struct str bytes,
    const struct x509_cafile_want *want, struct buf *why)
{
	struct x509_set *got = NULL;
	int err = x509_set_new(&got);

	if (err == 0)
		err = read_any(got->v, bytes, want, why);
	if (err == 0)
		err = x509_set_join(into, got);
	x509_set_free(got);
	return err;
}

static bool
is_named(X509 *cert, const char *const *names, size_t nnames)
{
	char name[NAME_LEN];

	x509_name_text(X509_get_subject_name(cert), name, sizeof(name));
	for (size_t i = 0; i < nnames; i++) {
		if (str_ieq(str_cstr(name), str_cstr(names[i])))
			return true;
	}
	return nnames == 0;
}

size_t
x509_cafile_pick(struct x509_set *into, struct str bundle,
    const char *const *names, size_t nnames)
{
	BIO *bio = bundle.n > 0 && bundle.n <= X509_CAFILE_MAX ?
	    BIO_new_mem_buf(bundle.p, (int)bundle.n) : NULL;
	struct block b;
	size_t n = 0;

	while (bio != NULL && n < X509_CAFILE_CERTS_MAX &&
	    block_next(bio, &b) == 1) {
		X509 *cert = is_certificate(&b) ? decode(b.data, b.n) : NULL;

		if (cert != NULL && is_named(cert, names, nnames) &&
		    sk_X509_push(into->v, cert) != 0)
			n++;
		else
			X509_free(cert);
		block_fini(&b);
	}
	BIO_free(bio);
	return n;
}
