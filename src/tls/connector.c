/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/connector.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/addr.h"
#include "tls/client_int.h"
#include "x509/cert.h"

#define PLAIN_MAX SSL3_RT_MAX_PLAIN_LENGTH

static void
on_sent(struct tls_bio *b, struct str bytes)
{
}

static bool
is_address(const char *name)
{
	struct addr a;

	return addr_parse_ip(&a, str_cstr(name)) == 0;
}

int
tls_connector_new(struct tls_connector **out, struct tls_client *c,
    const char *name, int64_t now_s)
{
	struct tls_connector *k = calloc(1, sizeof(*k));
	BIO *bio = NULL;

	if (k == NULL)
		return -ENOMEM;
	k->client = c;
	k->now_s = now_s;
	k->bio.sent = on_sent;
	k->judgement.says = TLS_SAYS_PASS;
	str_copy(k->name, sizeof(k->name), str_cstr(name));
	k->ssl = SSL_new(c->ssl);
	if (k->ssl != NULL)
		bio = tls_bio_new(&k->bio);
	if (bio == NULL) {
		ERR_clear_error();
		tls_connector_free(k);
		return -ENOMEM;
	}
	SSL_set_bio(k->ssl, bio, bio);
	SSL_set_connect_state(k->ssl);
	/* RFC 6066 3: no addresses in server_name. */
	if (c->look.server_name && !is_address(name))
		SSL_set_tlsext_host_name(k->ssl, k->name);
	ERR_clear_error();
	*out = k;
	return 0;
}

void
tls_connector_free(struct tls_connector *k)
{
	if (k == NULL)
		return;
	SSL_free(k->ssl);
	ERR_clear_error();
	judgement_fini(&k->judgement);
	free(k);
}

static void
trouble(struct tls_connector *k, const char *words)
{
	if (k->refuser != TLS_REFUSER_NONE)
		return;
	k->refuser = TLS_REFUSER_NEITHER;
	str_copy(k->trouble, sizeof(k->trouble), str_cstr(words));
}

static void
fail(struct tls_connector *k)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_reason_error_string(e);
	char words[128];
	struct buf text;

	k->state = TLS_CONN_FAILED;
	buf_init_array(&text, words, sizeof(words) - 1);
	if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    ERR_GET_REASON(e) == SSL_R_WRONG_VERSION_NUMBER) {
		buf_puts(&text, "what the server sent is not TLS: is this "
		    "its TLS port?");
		k->not_tls = k->refuser == TLS_REFUSER_NONE;
	} else if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    ERR_GET_REASON(e) == SSL_R_EXCESSIVE_MESSAGE_SIZE)
		buf_puts(&text, "the server sends more than 100 kB of "
		    "certificates: no phone takes that");
	else
		buf_printf(&text, "what the server sent cannot be used: %s",
		    reason != NULL ? reason : "unknown");
	words[text.n] = '\0';
	trouble(k, words);
	ERR_clear_error();
}

static void
shake(struct tls_connector *k)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(k->ssl);
	if (rc != 1) {
		if (SSL_get_error(k->ssl, rc) != SSL_ERROR_WANT_READ)
			fail(k);
		return;
	}
	k->state = TLS_CONN_OPEN;
	if (k->judgement.says == TLS_SAYS_PASS)
		return;
	/* Late: the handshake is done, now it looks, and hangs up. */
	k->refuser = TLS_REFUSER_DEVICE;
	IGNORE(SSL_shutdown(k->ssl)); /* it is over either way */
	k->state = TLS_CONN_FAILED;
}

/* One read.  False: there is no more for now. */
static bool
take(struct tls_connector *k, tls_conn_data_fn *data, void *arg)
{
	char plain[PLAIN_MAX];
	size_t n = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(k->ssl, plain, sizeof(plain), &n);
	if (rc == 1) {
		data(str_of(plain, n), arg);
		return true;
	}
	switch (SSL_get_error(k->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		IGNORE(SSL_shutdown(k->ssl)); /* it is over either way */
		k->state = TLS_CONN_CLOSED;
		break;
	default:
		fail(k);
	}
	return false;
}

int
tls_connector_start(struct tls_connector *k, struct buf *out)
{
	k->bio.out = out;
	shake(k);
	k->bio.out = NULL;
	return k->state == TLS_CONN_HANDSHAKE && !out->failed ? 0 : E_CRYPTO;
}

enum tls_conn_state
tls_connector_feed(struct tls_connector *k, struct str bytes, struct buf *out,
    tls_conn_data_fn *data, void *arg)
{
	size_t before = out->n;

	if (k->state > TLS_CONN_OPEN)
		return k->state;
	k->bio.in = bytes;
	k->bio.out = out;
	if (k->state == TLS_CONN_HANDSHAKE)
		shake(k);
	while (k->state == TLS_CONN_OPEN &&
	    (k->bio.in.n > 0 || SSL_pending(k->ssl) > 0)) {
		size_t left = k->bio.in.n;
		if (!take(k, data, arg) && k->bio.in.n == left)
			break;
	}
	k->bio.in = STR_NULL;
	k->bio.out = NULL;
	/* A silent device: not even the alert that the library made. */
	if (k->refuser == TLS_REFUSER_DEVICE &&
	    !k->client->look.manner.late &&
	    k->judgement.says == TRUST_SAYS_NOTHING)
		out->n = before;
	return k->state;
}

int
tls_connector_send(struct tls_connector *k, struct str plain, struct buf *out)
{
	struct buf *outer = k->bio.out; /* of a feed that we are inside of */
	size_t n = 0;
	int err = 0;

	if (k->state != TLS_CONN_OPEN)
		return E_STATE;
	if (plain.n == 0)
		return 0;
	ERR_clear_error();
	k->bio.out = out;
	if (SSL_write_ex(k->ssl, plain.p, plain.n, &n) != 1 || n != plain.n) {
		fail(k);
		err = out->failed ? E_LIMIT : E_CRYPTO;
	}
	k->bio.out = outer;
	return err;
}

void
tls_connector_close(struct tls_connector *k, struct buf *out)
{
	struct buf *outer = k->bio.out;

	if (k->state != TLS_CONN_OPEN)
		return;
	ERR_clear_error();
	k->bio.out = out;
	if (SSL_shutdown(k->ssl) < 0)
		ERR_clear_error(); /* out is full: then it closes without */
	k->bio.out = outer;
	k->state = TLS_CONN_CLOSED;
}

enum tls_conn_state
tls_connector_state(const struct tls_connector *k)
{
	return k->state;
}

void
tls_connector_ended(struct tls_connector *k)
{
	if (k->state != TLS_CONN_HANDSHAKE)
		return;
	k->state = TLS_CONN_FAILED;
	trouble(k, "the server hung up in the handshake without a word");
}

struct tls_resume *
tls_connector_session(struct tls_connector *k)
{
	SSL_SESSION *s = SSL_get1_session(k->ssl);

	if (s != NULL && SSL_SESSION_is_resumable(s) != 1) {
		SSL_SESSION_free(s);
		s = NULL;
	}
	return (struct tls_resume *)s;
}

void
tls_resume_free(struct tls_resume *r)
{
	SSL_SESSION_free((SSL_SESSION *)r);
}

bool
tls_connector_resume(struct tls_connector *k, struct tls_resume *r)
{
	bool ok = SSL_set_session(k->ssl, (SSL_SESSION *)r) == 1;

	ERR_clear_error();
	return ok;
}

bool
tls_connector_resumed(const struct tls_connector *k)
{
	return SSL_session_reused(k->ssl) == 1;
}

STACK_OF(X509) *
tls_connector_chain(const struct tls_connector *k)
{
	return k->judgement.chain;
}

static void
tell_chain(const struct judgement *j, struct tls_outcome *o)
{
	int n = j->chain != NULL ? sk_X509_num(j->chain) : 0;

	if (n == 0)
		return;
	o->chain_depth = (unsigned)n;
	x509_name_text(X509_get_subject_name(sk_X509_value(j->chain, 0)),
	    o->subject, sizeof(o->subject));
	/* The last one's issuer: a root's is itself. */
	x509_name_text(X509_get_issuer_name(sk_X509_value(j->chain, n - 1)),
	    o->root, sizeof(o->root));
}

void
tls_connector_outcome(const struct tls_connector *k, struct tls_outcome *out)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(k->ssl);
	const struct judgement *j = &k->judgement;

	*out = (struct tls_outcome) {
		.refuser = k->refuser,
		.fault = j->fault,
		.faults = j->faults,
		.late = k->client->look.manner.late,
		.asked = k->asked,
		.shown = k->client->shows,
		.not_tls = k->not_tls,
	};
	if (k->refuser == TLS_REFUSER_DEVICE)
		out->says = j->says;
	else if (k->refuser == TLS_REFUSER_SERVER)
		out->says = k->server_alert;
	if (c != NULL) {
		out->version = (uint16_t)SSL_version(k->ssl);
		out->suite = SSL_CIPHER_get_protocol_id(c);
	}
	tell_chain(j, out);
	client_words(k, out);
}
