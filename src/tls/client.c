/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's look turned into an SSL_CTX: numbers of the IANA registries into
 * OpenSSL's names, and what it does not have into a list of words.
 */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "tls/client_int.h"
#include "tlswire/alert.h"

#define LIST_MAX 8192

static const struct {
	uint16_t number;
	const char *name;
} sigalgs[] = {
	{ 0x0201, "RSA+SHA1" },
	{ 0x0202, "DSA+SHA1" },
	{ 0x0203, "ECDSA+SHA1" },
	{ 0x0301, "RSA+SHA224" },
	{ 0x0303, "ECDSA+SHA224" },
	{ 0x0401, "RSA+SHA256" },
	{ 0x0403, "ECDSA+SHA256" },
	{ 0x0501, "RSA+SHA384" },
	{ 0x0503, "ECDSA+SHA384" },
	{ 0x0601, "RSA+SHA512" },
	{ 0x0603, "ECDSA+SHA512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" },
}, groups[] = {
	{ 23, "P-256" },
	{ 24, "P-384" },
	{ 25, "P-521" },
	{ 29, "X25519" },
	{ 30, "X448" },
};

static const char *
sigalg_name(uint16_t number, void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(sigalgs); i++) {
		if (sigalgs[i].number == number)
			return sigalgs[i].name;
	}
	return NULL;
}

static const char *
group_name(uint16_t number, void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (groups[i].number == number)
			return groups[i].name;
	}
	return NULL;
}

/* arg: every cipher of the library. */
static const char *
suite_name(uint16_t number, void *arg)
{
	STACK_OF(SSL_CIPHER) *all = arg;

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		if (SSL_CIPHER_get_protocol_id(c) == number)
			return SSL_CIPHER_get_name(c);
	}
	return NULL;
}

static bool
is_1_3(uint16_t suite)
{
	return suite >> 8 == 0x13;
}

static void
lack(struct tls_client *c, uint16_t number)
{
	struct buf text;
	size_t n = strlen(c->lacks);

	buf_init_array(&text, c->lacks + n, sizeof(c->lacks) - n - 1);
	buf_printf(&text, "%s0x%04x", n > 0 ? ", " : "", number);
	c->lacks[n + text.n] = '\0';
}

/* "A:B:C" of those that the library has; false: none of them. */
static bool
name_list(struct tls_client *c, const struct tls_list *list, char *out,
    const char *(*name_of)(uint16_t, void *), void *arg, bool suites,
    bool of_1_3)
{
	struct buf text;

	buf_init_array(&text, out, LIST_MAX - 1);
	for (unsigned i = 0; i < list->n; i++) {
		const char *name;

		if (suites && is_1_3(list->v[i]) != of_1_3)
			continue;
		/* The signalling values are the library's own business. */
		if (suites && (list->v[i] == 0x00ff || list->v[i] == 0x5600))
			continue;
		name = name_of(list->v[i], arg);
		if (name == NULL) {
			lack(c, list->v[i]);
			continue;
		}
		if (text.n > 0)
			buf_putc(&text, ':');
		buf_puts(&text, name);
	}
	out[text.n] = '\0';
	return text.n > 0;
}

/* Every cipher that this OpenSSL can do, those it would not offer included. */
static SSL_CTX *
all_ciphers(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx != NULL && SSL_CTX_set_cipher_list(ctx,
	    "ALL:COMPLEMENTOFALL:@SECLEVEL=0") != 1) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static bool
set_suites(struct tls_client *c, struct buf *why)
{
	const struct tls_look *l = &c->look;
	char old[LIST_MAX], new[LIST_MAX];
	SSL_CTX *all = all_ciphers();
	bool ok, has_old, has_new;

	if (all == NULL)
		return false;
	has_old = name_list(c, &l->suites, old, suite_name,
	    SSL_CTX_get_ciphers(all), true, false);
	has_new = name_list(c, &l->suites, new, suite_name,
	    SSL_CTX_get_ciphers(all), true, true);
	SSL_CTX_free(all);
	if (!has_old && !has_new) {
		buf_printf(why, "this OpenSSL has none of the cipher suites "
		    "that the device offers (%s)", c->lacks);
		return false;
	}
	ok = !has_old || SSL_CTX_set_cipher_list(c->ssl, old) == 1;
	/* Without suites of TLS 1.3 an empty list: it offers none. */
	return ok && SSL_CTX_set_ciphersuites(c->ssl, new) == 1;
}

static bool
set_lists(struct tls_client *c, struct buf *why)
{
	const struct tls_look *l = &c->look;
	char names[LIST_MAX];

	if (l->suites.n > 0 && !set_suites(c, why))
		return false;
	if (l->sigalgs.n > 0 && name_list(c, &l->sigalgs, names, sigalg_name,
	    NULL, false, false) &&
	    SSL_CTX_set1_sigalgs_list(c->ssl, names) != 1)
		return false;
	return l->groups.n == 0 ||
	    !name_list(c, &l->groups, names, group_name, NULL, false, false) ||
	    SSL_CTX_set1_groups_list(c->ssl, names) == 1;
}

static void
on_info(const SSL *ssl, int where, int value)
{
	struct tls_connector *k;

	/* A fatal alert of the server; close_notify and warnings are not. */
	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT ||
	    value >> 8 != SSL3_AL_FATAL)
		return;
	k = CONTAINER_OF(tls_bio_of(SSL_get_rbio(ssl)), struct tls_connector,
	    bio);
	if (k->refuser == TLS_REFUSER_NONE) {
		k->refuser = TLS_REFUSER_SERVER;
		k->server_alert = (uint8_t)value;
	}
}

/* It has none: phones with one are not played.  Who has one is not asked. */
static int
on_asked(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	CONTAINER_OF(tls_bio_of(SSL_get_rbio(ssl)), struct tls_connector,
	    bio)->asked = true;
	return 0;
}

/* Level 0: an old device minds neither SHA-1 nor short keys, and the library
 * has TLS 1.0 and 1.1 at no other. */
static void
set_manner(struct tls_client *c)
{
	const struct tls_look *l = &c->look;
	uint64_t options = SSL_OP_LEGACY_SERVER_CONNECT |
	    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION;

	if (!l->modern)
		options |= SSL_OP_NO_TICKET | SSL_OP_NO_ENCRYPT_THEN_MAC |
		    SSL_OP_NO_EXTENDED_MASTER_SECRET;
	SSL_CTX_set_security_level(c->ssl, 0);
	SSL_CTX_clear_options(c->ssl, SSL_CTX_get_options(c->ssl));
	SSL_CTX_set_options(c->ssl, options);
}

static bool
set_options(struct tls_client *c)
{
	const struct tls_look *l = &c->look;

	if (l->strict)
		SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION |
		    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
	else
		set_manner(c);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c->ssl, client_judge, NULL);
	SSL_CTX_set_info_callback(c->ssl, on_info);
	SSL_CTX_set_client_cert_cb(c->ssl, on_asked);
	/* 0 is the library's own bound, which a system's openssl.cnf sets. */
	return SSL_CTX_set_min_proto_version(c->ssl, l->min_version) == 1 &&
	    SSL_CTX_set_max_proto_version(c->ssl, l->max_version) == 1;
}

static bool
set_roots(struct tls_client *c, const struct x509_set *roots)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
	size_t n = x509_set_count(roots);

	for (size_t i = 0; i < n; i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(
		    x509_set_stack(roots), (int)i)) != 1)
			return false;
	}
	c->roots = (unsigned)n;
	return true;
}

int
tls_client_new(struct tls_client **out, const struct tls_look *look,
    const struct x509_set *roots, struct buf *why)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	size_t before = why->n;

	if (c == NULL)
		return -ENOMEM;
	c->look = *look;
	c->ssl = SSL_CTX_new(TLS_client_method());
	if (c->ssl == NULL || !set_options(c) || !set_lists(c, why) ||
	    !set_roots(c, roots)) {
		if (why->n == before)
			buf_printf(why, "OpenSSL cannot act as this device "
			    "(%s to %s)", tls_version_name(look->min_version),
			    tls_version_name(look->max_version));
		ERR_clear_error();
		tls_client_free(c);
		return E_CRYPTO;
	}
	ERR_clear_error();
	*out = c;
	return 0;
}

int
tls_client_set_chain(struct tls_client *c, const struct x509_chain *chain)
{
	int ok = SSL_CTX_use_cert_and_key(c->ssl, chain->leaf, chain->key,
	    chain->rest, 1);

	ERR_clear_error();
	c->shows = ok == 1;
	return ok == 1 ? 0 : E_CRYPTO;
}

void
tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

const char *
tls_client_lacks(const struct tls_client *c)
{
	return c->lacks;
}

unsigned
tls_client_roots(const struct tls_client *c)
{
	return c->roots;
}

unsigned
tls_client_suites(const struct tls_client *c, uint16_t *out, unsigned max)
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(c->ssl);
	unsigned n = 0;

	for (int i = 0; i < sk_SSL_CIPHER_num(all) && n < max; i++)
		out[n++] = SSL_CIPHER_get_protocol_id(
		    sk_SSL_CIPHER_value(all, i));
	return n;
}

const char *
tls_suite_name(uint16_t suite)
{
	SSL_CTX *ctx = all_ciphers();
	const char *name = NULL;

	for (int i = 0; ctx != NULL &&
	    i < sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ctx)); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(
		    SSL_CTX_get_ciphers(ctx), i);

		if (SSL_CIPHER_get_protocol_id(c) == suite)
			name = SSL_CIPHER_standard_name(c);
	}
	SSL_CTX_free(ctx); /* the names are the library's own */
	ERR_clear_error();
	return name != NULL ? name : "unknown";
}
