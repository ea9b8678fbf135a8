/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/sent.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/wire.h"
#include "x509/signed.h"

#define RSA_BITS_MIN 2048

/* RFC 5246 7.4.2: a list of certificates, each with its length. */
static int
read_list(struct x509_chain *c, struct str msg)
{
	struct wire w = wire_of(str_from(msg, 4));
	struct wire list = wire_of(wire_vec(&w, 3));

	while (!w.failed && wire_left(&list) > 0 &&
	    sk_X509_num(c->rest) < X509_CHAIN_MAX) {
		struct str der = wire_vec(&list, 3);
		const unsigned char *p = (const unsigned char *)der.p;
		X509 *x = list.failed ? NULL :
		    d2i_X509(NULL, &p, (long)der.n);

		ERR_clear_error();
		if (x == NULL)
			break;
		if (c->leaf == NULL) {
			c->leaf = x;
		} else if (sk_X509_push(c->rest, x) == 0) {
			X509_free(x);
			return -ENOMEM;
		}
	}
	return c->leaf != NULL ? 0 : E_PARSE;
}

static void
read_dates(struct x509_sent *out, const struct x509_chain *c)
{
	for (unsigned i = 0; i < out->depth; i++) {
		X509 *x = x509_path_at(c, i);
		int64_t from = x509_time_s(X509_get0_notBefore(x));
		int64_t to = x509_time_s(X509_get0_notAfter(x));

		if (i == 0 || from > out->not_before_s)
			out->not_before_s = from;
		if (i == 0 || to < out->not_after_s)
			out->not_after_s = to;
	}
}

static void
read_strength(struct x509_sent *out, const struct x509_chain *c)
{
	for (unsigned i = 0; i < out->depth; i++) {
		X509 *x = x509_path_at(c, i);
		EVP_PKEY *key = X509_get0_pubkey(x);
		bool weak;

		out->weak_key |= key != NULL &&
		    EVP_PKEY_is_a(key, "RSA") == 1 &&
		    EVP_PKEY_get_bits(key) < RSA_BITS_MIN;
		/* Nobody checks the signature of a root. */
		if (x509_self_signed(x))
			continue;
		out->signed_with |= 1u << x509_signed_with(x, &weak);
		out->weak_signature |= weak;
	}
}

static void
read_order(struct x509_sent *out, const struct x509_chain *c)
{
	for (unsigned i = 1; i < out->depth; i++)
		out->out_of_order |= X509_NAME_cmp(
		    X509_get_issuer_name(x509_path_at(c, i - 1)),
		    X509_get_subject_name(x509_path_at(c, i))) != 0;
}

static void
read_leaf(struct x509_sent *out, X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);

	x509_name_text(X509_get_subject_name(leaf), out->leaf,
	    sizeof(out->leaf));
	if (key != NULL) {
		out->bits = EVP_PKEY_get_bits(key);
		out->rsa = EVP_PKEY_is_a(key, "RSA") == 1 ||
		    EVP_PKEY_is_a(key, "RSA-PSS") == 1;
		out->ecdsa = EVP_PKEY_is_a(key, "EC") == 1;
	}
	out->names = x509_names_hash(leaf);
	out->self_signed = x509_self_signed(leaf);
	out->leaf_is_ca = !out->self_signed && X509_check_ca(leaf) == 1;
	/* RFC 5280 4.2.1.12: made for servers, or for all. */
	out->wrong_purpose =
	    (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0 &&
	    (X509_get_extended_key_usage(leaf) &
	    (XKU_SSL_SERVER | XKU_ANYEKU)) == 0;
}

static bool
is_named(X509 *leaf, struct str name, bool wildcards)
{
	unsigned flags = wildcards ? 0 : X509_CHECK_FLAG_NO_WILDCARDS;
	char text[256];

	if (!str_copy(text, sizeof(text), name))
		return false;
	return X509_check_host(leaf, name.p, name.n, flags, NULL) == 1 ||
	    X509_check_ip_asc(leaf, text, 0) == 1;
}

static void
read_root(struct x509_sent *out, const struct x509_chain *c,
    const struct x509_roots *roots)
{
	X509 *root = NULL;
	enum x509_end end = x509_path_end(c, roots, NULL, &root);

	out->incomplete = end == X509_END_MISSING;
	x509_name_text(root != NULL ? X509_get_subject_name(root) :
	    X509_get_issuer_name(x509_path_last(c)), out->root,
	    sizeof(out->root));
	out->root_id = x509_root_id(x509_path_last(c), root);
	X509_free(root);
}

static void
look(struct x509_sent *out, const struct x509_chain *c, struct str name,
    bool wildcards, const struct x509_roots *roots)
{
	out->depth = x509_path_depth(c);
	read_dates(out, c);
	read_strength(out, c);
	read_order(out, c);
	read_leaf(out, c->leaf);
	read_root(out, c, roots);
	x509_odd_look(&out->odd, c);
	out->wrong_name = name.n > 0 && !is_named(c->leaf, name, wildcards);
}

int
x509_sent_read(struct x509_sent *out, struct str msg, struct str name,
    bool wildcards, const struct x509_roots *roots)
{
	struct x509_chain c = { .rest = sk_X509_new_null() };
	int err = c.rest == NULL ? -ENOMEM : read_list(&c, msg);

	memset(out, 0, sizeof(*out));
	if (err == 0)
		look(out, &c, name, wildcards, roots);
	X509_free(c.leaf);
	sk_X509_pop_free(c.rest, X509_free);
	ERR_clear_error();
	return err;
}

int
x509_sent_look(struct x509_sent *out, STACK_OF(X509) *chain, struct str name,
    bool wildcards, const struct x509_roots *roots)
{
	struct x509_chain c = { .rest = sk_X509_new_null() };
	int err = c.rest == NULL ? -ENOMEM : 0;

	memset(out, 0, sizeof(*out));
	c.leaf = sk_X509_value(chain, 0);
	for (int i = 1; err == 0 && i < sk_X509_num(chain); i++)
		if (sk_X509_push(c.rest, sk_X509_value(chain, i)) == 0)
			err = -ENOMEM;
	if (err == 0)
		look(out, &c, name, wildcards, roots);
	sk_X509_free(c.rest); /* the certificates are chain's */
	ERR_clear_error();
	return err;
}
