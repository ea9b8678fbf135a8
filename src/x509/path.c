/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/path.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/file.h"
#include "x509/cert_int.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define ROOTS_MAX    2048 /* certificates; Debian 12 has 140 */

struct x509_roots {
	STACK_OF(X509) *list;
};

int
x509_roots_load(struct x509_roots **out)
{
	const char *file = secure_getenv("SSL_CERT_FILE");
	struct x509_roots *r = calloc(1, sizeof(*r));
	char said[512];
	struct buf pem, why;

	if (r == NULL)
		return -ENOMEM;
	r->list = sk_X509_new_null();
	if (r->list == NULL) {
		free(r);
		return -ENOMEM;
	}
	if (file == NULL || file[0] == '\0')
		file = SYSTEM_ROOTS;
	buf_init(&pem, X509_FILE_MAX);
	buf_init_array(&why, said, sizeof(said));
	/* One that is damaged is good up to there. */
	if (file_read(&pem, file, FILE_PUBLIC, &why) == 0)
		IGNORE(x509_read_certs(r->list, file, buf_as_str(&pem),
		    ROOTS_MAX, &why));
	buf_fini(&pem);
	*out = r;
	return 0;
}

void
x509_roots_free(struct x509_roots *r)
{
	if (r == NULL)
		return;
	sk_X509_pop_free(r->list, X509_free);
	free(r);
}

X509 *
x509_path_at(const struct x509_chain *c, unsigned i)
{
	return i == 0 ? c->leaf : sk_X509_value(c->rest, (int)i - 1);
}

unsigned
x509_path_depth(const struct x509_chain *c)
{
	return 1 + (unsigned)sk_X509_num(c->rest);
}

X509 *
x509_path_last(const struct x509_chain *c)
{
	return x509_path_at(c, x509_path_depth(c) - 1);
}

bool
x509_certifies(X509 *issuer, X509 *subject)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool ok = X509_NAME_cmp(X509_get_issuer_name(subject),
	    X509_get_subject_name(issuer)) == 0 &&
	    key != NULL && X509_verify(subject, key) == 1;

	ERR_clear_error();
	return ok;
}

bool
x509_self_signed(X509 *cert)
{
	return x509_certifies(cert, cert);
}

const char *
x509_path_issuer_url(X509 *cert, char *out, size_t size)
{
	AUTHORITY_INFO_ACCESS *aia = X509_get_ext_d2i(cert, NID_info_access,
	    NULL, NULL);

	out[0] = '\0';
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(aia) && !out[0]; i++) {
		ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(aia, i);
		const ASN1_STRING *s = d->location->d.ia5;
		if (OBJ_obj2nid(d->method) == NID_ad_ca_issuers &&
		    d->location->type == GEN_URI)
			str_copy(out, size, str_of(
			    (const char *)ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s)));
	}
	for (char *p = out; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			*p = '?';
	AUTHORITY_INFO_ACCESS_free(aia);
	ERR_clear_error();
	return out;
}

static bool
same_subject(X509 *a, X509 *b)
{
	EVP_PKEY *ka = X509_get0_pubkey(a), *kb = X509_get0_pubkey(b);

	return X509_NAME_cmp(X509_get_subject_name(a),
	    X509_get_subject_name(b)) == 0 &&
	    ka != NULL && kb != NULL && EVP_PKEY_eq(ka, kb) == 1;
}

/* What last has to do with this root. */
static enum x509_end
compare(X509 *last, X509 *root)
{
	if (x509_certifies(root, last))
		return X509_END_ROOT;
	return same_subject(last, root) ? X509_END_KNOWN : X509_END_UNKNOWN;
}

static X509 *
held(X509 *cert)
{
	return X509_up_ref(cert) == 1 ? cert : NULL;
}

enum x509_end
x509_path_end(const struct x509_chain *c, const struct x509_roots *roots,
    X509 *given, X509 **root)
{
	X509 *last = x509_path_last(c);
	enum x509_end end = X509_END_UNKNOWN, e;
	char url[256];

	*root = NULL;
	for (int i = -2; i < sk_X509_num(roots->list); i++) {
		X509 *r = i == -2 ? last : i == -1 ? given :
		    sk_X509_value(roots->list, i);
		if (r == NULL || (i == -2 && !x509_self_signed(last)))
			continue;
		e = compare(last, r);
		if (e == X509_END_ROOT) {
			ERR_clear_error();
			*root = held(r);
			return e;
		}
		if (e == X509_END_KNOWN)
			end = e;
	}
	ERR_clear_error();
	if (end == X509_END_UNKNOWN &&
	    x509_path_issuer_url(last, url, sizeof(url))[0] != '\0')
		end = X509_END_MISSING;
	return end;
}

/* A chain of the same leaf, key and first n others. */
static struct x509_chain *
copy(const struct x509_chain *c, int n)
{
	struct x509_chain *new = calloc(1, sizeof(*new));

	if (new == NULL)
		return NULL;
	*new = *c;
	new->rest = sk_X509_new_null();
	if (X509_up_ref(c->leaf) != 1 || EVP_PKEY_up_ref(c->key) != 1)
		abort(); /* a count that is out of range: memory is broken */
	for (int i = 0; i < n && new->rest != NULL; i++) {
		X509 *x = held(sk_X509_value(c->rest, i));
		if (x != NULL && sk_X509_push(new->rest, x) != 0)
			continue;
		X509_free(x);
		sk_X509_pop_free(new->rest, X509_free);
		new->rest = NULL;
	}
	if (new->rest == NULL) {
		x509_chain_free(new);
		return NULL;
	}
	return new;
}

int
x509_path_shorten(struct x509_chain **out, const struct x509_chain *c,
    unsigned n)
{
	struct x509_chain *new = copy(c, (int)(x509_path_depth(c) - 1 - n));
	char said[64];
	struct buf none;
	int rc;

	if (new == NULL)
		return -ENOMEM;
	/* Of what was right nothing becomes wrong by leaving some off. */
	buf_init_array(&none, said, sizeof(said));
	rc = x509_chain_check(new, "", c->not_before_s, &none);
	if (rc != 0) {
		x509_chain_free(new);
		return rc;
	}
	*out = new;
	return 0;
}

int
x509_path_extend(struct x509_chain **out, const struct x509_chain *c,
    const char *file, int64_t now_s, struct buf *why)
{
	struct x509_chain *new = copy(c, sk_X509_num(c->rest));
	struct buf pem;
	int rc;

	if (new == NULL)
		return -ENOMEM;
	buf_init(&pem, X509_FILE_MAX);
	rc = file_read(&pem, file, FILE_PUBLIC, why);
	if (rc == 0)
		rc = x509_read_certs(new->rest, file, buf_as_str(&pem),
		    X509_CHAIN_MAX + 1, why);
	if (rc == 0 && sk_X509_num(new->rest) >= X509_CHAIN_MAX) {
		buf_printf(why, "%s: makes a chain of more than %d "
		    "certificates", file, X509_CHAIN_MAX);
		rc = E_LIMIT;
	}
	if (rc == 0)
		rc = x509_chain_check(new, file, now_s, why);
	buf_fini(&pem);
	if (rc != 0) {
		x509_chain_free(new);
		return rc;
	}
	*out = new;
	return 0;
}
