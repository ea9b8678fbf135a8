/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/ctx.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/file.h"
#include "tls/ctx_int.h"
#include "tlswire/alert.h"

/*
 * OpenSSL's default, with the cheapest of the good ones first.  Static RSA and
 * CBC stay, behind all others: phones of 2010 have nothing else.
 */
#define CIPHERS                                                                \
	"ECDHE+AES128+AESGCM:ALL:!COMPLEMENTOFDEFAULT:!PSK:!SRP:!aNULL:!eNULL"
/* SHA-256 before SHA-384: a handshake hashes more than it encrypts. */
#define CIPHERS_13                                                             \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"                       \
	"TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
/*
 * PKCS#1 before PSS, and ours before the client's: a stack in use (mbedTLS
 * 3.6) offers rsa_pss_* to a server that speaks TLS 1.2 and then answers it
 * with illegal_parameter.  TLS 1.3 itself passes over PKCS#1.
 */
#define SIGALGS                                                                \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"                \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512:"                                    \
	"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"         \
	"rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512"

/*
 * TLS 1.0 and 1.1 hash with MD5 and SHA-1, which OpenSSL does at level 0 only;
 * the same list, behind it what it leaves out by default (3DES, where OpenSSL
 * was built with it).
 */
#define CIPHERS_OLD                                                            \
	"ECDHE+AES128:ALL:COMPLEMENTOFALL:!PSK:!SRP:!aNULL:!eNULL:!EXP:!LOW:"  \
	"@SECLEVEL=0"

#define SECRET_FILE "ticket-secret"

static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct tls_ctx *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int rc;

	if (tls_conn_is_asked(ssl))
		return 0;
	rc = tls_ticket_use(c->ticket, name, iv, cipher, mac, encrypt != 0);

	/* RFC 8446 C.4: a ticket is used once, so each use brings another. */
	if (encrypt == 0 && rc == 1 && SSL_version(ssl) >= TLS1_3_VERSION)
		rc = 2;
	return rc;
}

/*
 * OpenSSL's own cache dies with its context, that is at each reload; tickets
 * of TLS 1.3 come here too and need no place.
 */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_ctx *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	return SSL_version(ssl) < TLS1_3_VERSION &&
	    !tls_conn_is_asked(ssl) && tls_sessions_put(c->sessions, session);
}

static SSL_SESSION *
on_session_id(SSL *ssl, const unsigned char *id, int n, int *copy)
{
	struct tls_ctx *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	*copy = 0; /* it is given a reference */
	if (tls_conn_is_asked(ssl))
		return NULL;
	return tls_sessions_get(c->sessions,
	    str_of((const char *)id, (size_t)n));
}

static void
on_session_end(SSL_CTX *ssl, SSL_SESSION *session)
{
	struct tls_ctx *c = SSL_CTX_get_app_data(ssl);
	unsigned n = 0;
	const unsigned char *id = SSL_SESSION_get_id(session, &n);

	tls_sessions_del(c->sessions, str_of((const char *)id, n));
}

static uint16_t
version_of(const char *text)
{
	if (strcmp(text, "1.2") == 0)
		return TLS_VERSION_1_2;
	return strcmp(text, "1.3") == 0 ? TLS_VERSION_1_3 : 0;
}

static int
set_versions(struct tls_ctx *c, const struct conf *conf, struct buf *why)
{
	c->min_version = version_of(conf->tls_min);
	c->max_version = version_of(conf->tls_max);
	if (c->min_version == 0 || c->max_version < c->min_version) {
		buf_printf(why, "tls_min = \"%s\", tls_max = \"%s\": expected "
		    "1.2 or 1.3, the lower first", conf->tls_min,
		    conf->tls_max);
		return E_CONFIG;
	}
	if (SSL_CTX_set_min_proto_version(c->ssl, c->min_version) != 1 ||
	    SSL_CTX_set_max_proto_version(c->ssl, c->max_version) != 1)
		return E_CRYPTO;
	return 0;
}

static int
set_ciphers(struct tls_ctx *c, const struct conf *conf, struct buf *why)
{
	const char *list = conf->tls_ciphers;

	if (list[0] != '\0' && SSL_CTX_set_cipher_list(c->ssl, list) != 1) {
		buf_printf(why, "tls_ciphers = \"%s\": OpenSSL finds no cipher "
		    "suite in it (openssl ciphers -v '%s' shows)", list, list);
		return E_CONFIG;
	}
	if ((list[0] == '\0' &&
	    SSL_CTX_set_cipher_list(c->ssl, CIPHERS) != 1) ||
	    SSL_CTX_set_ciphersuites(c->ssl, CIPHERS_13) != 1 ||
	    SSL_CTX_set1_groups_list(c->ssl, GROUPS) != 1 ||
	    SSL_CTX_set1_sigalgs_list(c->ssl, SIGALGS) != 1)
		return E_CRYPTO;
	/* DHE, for phones whose only forward secrecy it is (SPA: 0x0039). */
	SSL_CTX_set_dh_auto(c->ssl, 1);
	return 0;
}

static int
set_sessions(struct tls_ctx *c, const struct tls_ctx_params *p)
{
	struct str name = STR("siptrust edge");
	uint8_t context[DIGEST_MAX];
	int rc;

	rc = tls_ticket_new(&c->ticket, p->secret,
	    p->conf->tls_ticket_lifetime);
	if (rc != 0)
		return rc;
	if (p->before != NULL)
		c->sessions = tls_sessions_ref(p->before->sessions,
		    (size_t)p->conf->tls_session_cache);
	else
		rc = tls_sessions_new(&c->sessions,
		    (size_t)p->conf->tls_session_cache);
	if (rc != 0)
		return rc;
	SSL_CTX_set_app_data(c->ssl, c);
	if (SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ssl, on_ticket) != 1 ||
	    SSL_CTX_set_num_tickets(c->ssl, 1) != 1)
		return E_CRYPTO;
	SSL_CTX_set_timeout(c->ssl, p->conf->tls_ticket_lifetime);
	/*
	 * Sessions outlive chains (design 4): a device that resumes asked for
	 * no certificate, whichever is presented to others now.
	 */
	digest(DIGEST_SHA256, &name, 1, context);
	if (SSL_CTX_set_session_id_context(c->ssl, context,
	    SSL_MAX_SID_CTX_LENGTH) != 1)
		return E_CRYPTO;
	if (p->conf->tls_session_cache == 0) {
		SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
		return 0;
	}
	SSL_CTX_set_session_cache_mode(c->ssl,
	    SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ssl, on_session);
	SSL_CTX_sess_set_get_cb(c->ssl, on_session_id);
	SSL_CTX_sess_set_remove_cb(c->ssl, on_session_end);
	return 0;
}

static void
explain_chain(const struct tls_ctx_params *p, const char *name,
    struct buf *why)
{
	const struct conf_chain *from = NULL;
	unsigned long e;
	int reason = 0;

	/* A variant's name begins with its chain's: the longest is it. */
	for (size_t i = 0; i < p->nchain; i++)
		if (str_starts(str_cstr(name), str_cstr(p->chain[i].name)) &&
		    (from == NULL ||
		    strlen(p->chain[i].name) > strlen(from->name)))
			from = &p->chain[i];
	if (from != NULL && from->line >= 0)
		conf_place(p->conf, from->line, why);
	buf_printf(why, "chain %s: %s%s", name, from != NULL ?
	    from->certificate : "", from != NULL ? ": " : "");
	while ((e = ERR_get_error()) != 0) {
		if (ERR_GET_LIB(e) == ERR_LIB_SSL)
			reason = ERR_GET_REASON(e);
	}
	if (reason == SSL_R_EE_KEY_TOO_SMALL ||
	    reason == SSL_R_CA_KEY_TOO_SMALL)
		buf_puts(why, "a key is too short for TLS today: get a "
		    "certificate for an RSA key of 2048 bits or more");
	else if (reason == SSL_R_CA_MD_TOO_WEAK)
		buf_puts(why, "a certificate is signed with MD5 or SHA-1: get "
		    "one that is signed with SHA-256");
	else
		buf_printf(why, "OpenSSL cannot use this certificate and key "
		    "(reason %d)", reason);
}

/*
 * The first is in force for all.  Of the others it is tried whether OpenSSL
 * would present them, on a connection that is then thrown away: in the
 * context a key of another type would stand beside the first.
 */
static int
set_chains(struct tls_ctx *c, const struct tls_ctx_params *p,
    struct buf *why)
{
	const struct x509_chain *x = c->chains.cert[0];
	unsigned i = 0;
	SSL *trial;
	bool ok;

	ERR_clear_error();
	ok = SSL_CTX_use_cert_and_key(c->ssl, x->leaf, x->key, x->rest,
	    1) == 1;
	trial = ok ? SSL_new(c->ssl) : NULL;
	if (ok && trial == NULL)
		return -ENOMEM;
	while (ok && ++i < c->chains.n) {
		x = c->chains.cert[i];
		SSL_certs_clear(trial);
		ok = SSL_use_cert_and_key(trial, x->leaf, x->key, x->rest,
		    1) == 1;
	}
	SSL_free(trial);
	if (ok)
		return 0;
	explain_chain(p, c->chains.fact[i].name, why);
	return E_CRYPTO;
}

/* Settings knows how many shorter chains are wanted, not how many there are. */
static int
check_pins(const struct tls_ctx *c, const struct tls_ctx_params *p,
    struct buf *why)
{
	for (size_t i = 0; i < p->conf->npins; i++) {
		const struct conf_pin *pin = &p->conf->pins[i];

		if (tls_ctx_find(c, pin->chain) >= 0)
			continue;
		conf_place(p->conf, pin->line, why);
		buf_printf(why, "pin: found chain %.*s, but its certificate "
		    "file is not as long as that, expected a chain of fewer "
		    "certificates left off", STR_FMT(pin->chain));
		return E_CONFIG;
	}
	return 0;
}

static int
load_chains(struct tls_ctx *c, const struct tls_ctx_params *p,
    struct buf *why)
{
	struct tls_chain_source src = { .conf = p->conf, .now_s = p->now_s,
		.why = why, .warnings = p->warnings };
	struct x509_roots *roots = NULL;
	int rc = x509_roots_load(&roots);

	src.roots = roots;
	for (size_t i = 0; i < p->nchain && rc == 0; i++) {
		size_t said = why->n;
		rc = tls_chains_add(&c->chains, &src, &p->chain[i]);
		if (rc == 0 || !p->keep || tls_chains_keep(&c->chains,
		    &p->before->chains, p->chain[i].name) != 0)
			continue;
		buf_printf(p->kept, "%.*s\n",
		    STR_FMT(str_from(buf_as_str(why), said)));
		why->n = said;
		rc = 0;
	}
	x509_roots_free(roots);
	if (rc == 0)
		rc = check_pins(c, p, why);
	return rc == 0 ? set_chains(c, p, why) : rc;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	if (tls_conn_hello_came(ssl) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

static int
on_chain(SSL *ssl, void *arg)
{
	return tls_conn_set_chain(ssl);
}

bool
tls_ctx_allow_old(SSL *ssl)
{
	SSL_set_security_level(ssl, 0);
	return SSL_set_min_proto_version(ssl, TLS1_VERSION) == 1 &&
	    SSL_set_cipher_list(ssl, CIPHERS_OLD) == 1;
}

static void
set_modes(struct tls_ctx *c)
{
	SSL_CTX_set_options(c->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/*
	 * NO_AUTO_CHAIN: what is in the file is what is sent; otherwise OpenSSL
	 * would look for issuers in its store at every handshake.
	 */
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c->ssl, 0);
	/* Never ask for a client certificate: some phones have one, unfit. */
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_info_callback(c->ssl, tls_conn_info);
	SSL_CTX_set_client_hello_cb(c->ssl, on_hello, NULL);
	/* Comes when no session is resumed, and only then a chain is needed. */
	SSL_CTX_set_cert_cb(c->ssl, on_chain, NULL);
}

int
tls_ctx_new(struct tls_ctx **out, const struct tls_ctx_params *p,
    struct buf *why)
{
	struct tls_ctx *c = calloc(1, sizeof(*c));
	size_t said = why->n;
	int rc = E_CRYPTO;

	if (c == NULL)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	ERR_clear_error();
	c->ssl = SSL_CTX_new(TLS_server_method());
	if (c->ssl != NULL) {
		set_modes(c);
		rc = set_versions(c, p->conf, why);
	}
	if (rc == 0)
		rc = set_ciphers(c, p->conf, why);
	if (rc == 0)
		rc = set_sessions(c, p);
	if (rc == 0)
		rc = load_chains(c, p, why);
	if (rc != 0) {
		if (why->n == said)
			buf_printf(why, "TLS cannot be set up: %s",
			    err_str(rc));
		ERR_clear_error();
		tls_ctx_unref(c);
		return rc;
	}
	*out = c;
	return 0;
}

struct tls_ctx *
tls_ctx_ref(struct tls_ctx *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
tls_ctx_unref(struct tls_ctx *c)
{
	if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->ssl);
	tls_chains_fini(&c->chains);
	tls_sessions_unref(c->sessions);
	tls_ticket_free(c->ticket);
	free(c);
}

const struct trust_chain *
tls_ctx_chains(const struct tls_ctx *c, unsigned *n)
{
	*n = c->chains.n;
	return c->chains.fact;
}

int
tls_ctx_find(const struct tls_ctx *c, struct str name)
{
	for (unsigned i = 0; i < c->chains.n; i++)
		if (str_eq(str_cstr(c->chains.fact[i].name), name))
			return (int)i;
	return -1;
}

bool
tls_ctx_has_chain(const struct tls_ctx *b, const struct tls_ctx *a, unsigned i)
{
	int k = tls_ctx_find(b, str_cstr(a->chains.fact[i].name));

	return k >= 0 && tls_chains_same(&a->chains, i, &b->chains,
	    (unsigned)k);
}

const char *
tls_ctx_chain(const struct tls_ctx *c)
{
	return c->chains.fact[0].name;
}

const char *
tls_ctx_root(const struct tls_ctx *c)
{
	return c->chains.fact[0].root;
}

int64_t
tls_ctx_not_after(const struct tls_ctx *c)
{
	return c->chains.fact[0].not_after_s;
}

/* 64 hexadecimal digits and a newline: easy to carry to another node. */
static int
make_secret(uint8_t secret[32], const char *path, struct buf *why)
{
	char text[66];
	int rc;

	digest_random(secret, 32);
	str_hex(text, secret, 32);
	text[64] = '\n';
	rc = file_write(path, FILE_SECRET, str_of(text, 65), why);
	digest_wipe(text, sizeof(text));
	return rc;
}

int
tls_secret_load(uint8_t secret[32], const char *dir, struct buf *why)
{
	char path[512], bytes[128];
	struct buf text, said;
	char sentence[1024];
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s/" SECRET_FILE, dir) >=
	    sizeof(path)) {
		buf_printf(why, "%s: this path is too long", dir);
		return -ENAMETOOLONG;
	}
	buf_init_array(&text, bytes, sizeof(bytes));
	buf_init_array(&said, sentence, sizeof(sentence));
	rc = file_read(&text, path, FILE_SECRET, &said);
	if (rc == -ENOENT)
		return make_secret(secret, path, why);
	if (rc != 0) {
		buf_str(why, buf_as_str(&said));
	} else if (!str_unhex(secret, 32, str_trim(buf_as_str(&text)))) {
		buf_printf(why, "%s: expected 64 hexadecimal digits: remove it "
		    "and a new one is made", path);
		rc = E_PARSE;
	}
	digest_wipe(bytes, sizeof(bytes));
	return rc;
}
