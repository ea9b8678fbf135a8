/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "tls/bio.h"
#include "tls/ctx_int.h"
#include "tls/probe_int.h"
#include "trust/listed.h"
#include "tlswire/alert.h"

#define PLAIN_MAX SSL3_RT_MAX_PLAIN_LENGTH

/* What is kept for a verdict, until the chain is accepted. */
struct watch {
	struct tls_tap tap;
	struct buf hello;          /* the ClientHello, as it came          */
	tls_choose_fn *choose;     /* NULL: asked, or nobody to ask        */
	void *arg;
	bool no_shared_cipher;
};

struct tls_conn {
	struct tls_bio bio;        /* first: the BIO knows no more than it */
	SSL *ssl;
	struct tls_ctx *ctx;
	struct watch *watch;       /* NULL: accepted                       */
	struct tls_probe *probe;   /* presented instead of a chain         */
	uint64_t start_us, now_us;
	uint64_t app_bytes;
	enum tls_conn_state state;
	uint8_t chain;             /* index in ctx                         */
	bool old_versions;         /* TLS 1.0 and 1.1 were allowed         */
	bool opened;               /* the handshake was completed          */
	bool begun;                /* OpenSSL has had the first bytes      */
};

static struct tls_conn *
conn_of(struct tls_bio *b)
{
	return CONTAINER_OF(b, struct tls_conn, bio);
}

static void
on_sent(struct tls_bio *b, struct str bytes)
{
	struct tls_conn *c = conn_of(b);

	if (c->watch != NULL)
		tls_tap_feed(&c->watch->tap, TLS_SERVER, bytes, c->now_us,
		    NULL, NULL);
}

/*
 * The fingerprints are made when somebody asks: most handshakes end well, and
 * hashing a hello three times costs as much as resuming a session does.
 */
static void
on_hello(const struct tls_hello *h, void *arg)
{
	struct watch *w = arg;

	buf_str(&w->hello, h->raw);
}

void
tls_conn_info(const SSL *ssl, int where, int value)
{
	struct tls_conn *c;

	if ((where & SSL_CB_ALERT) == 0)
		return;
	c = conn_of(tls_bio_of(SSL_get_rbio(ssl)));
	if (c->watch != NULL)
		tls_tap_told_alert(&c->watch->tap,
		    (where & SSL_CB_READ) != 0 ? TLS_CLIENT : TLS_SERVER,
		    (uint8_t)(value >> 8), (uint8_t)value, c->opened,
		    c->now_us);
}

bool
tls_conn_hello(const struct tls_conn *c, struct tls_hello *out)
{
	const struct watch *w = c->watch;

	if (w == NULL || w->hello.n == 0 ||
	    tls_hello_parse(out, buf_as_str(&w->hello)) != 0)
		return false;
	out->record_version = w->tap.record_version;
	return true;
}

/*
 * A question by a genuine chain: with static RSA the server signs nothing, so
 * whoever trusts the chain goes on to the key exchange (facts/alerts 3).
 */
static bool
use_static_rsa(SSL *ssl, const struct tls_hello *h)
{
	static const uint16_t suites[] = { 0x009c, 0x009d, 0x003c, 0x003d,
		0x002f, 0x0035 };

	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		if (tls_hello_offers_cipher(h, suites[i]))
			return (h->min_version > TLS_VERSION_1_2 &&
			    h->min_version != 0) ||
			    (SSL_set_max_proto_version(ssl,
			    TLS1_2_VERSION) == 1 && SSL_set_cipher_list(ssl,
			    "kRSA+AESGCM:kRSA+AES:!PSK") == 1);
	return true;
}

bool
tls_conn_is_asked(SSL *ssl)
{
	return conn_of(tls_bio_of(SSL_get_rbio(ssl)))->probe != NULL;
}

/* The tap has read it already: it reads the bytes before OpenSSL does. */
int
tls_conn_hello_came(SSL *ssl)
{
	struct tls_conn *c = conn_of(tls_bio_of(SSL_get_rbio(ssl)));
	struct watch *w = c->watch;
	tls_choose_fn *choose = w != NULL ? w->choose : NULL;
	struct tls_choice choice = { .chain = 0 };
	struct tls_hello h;

	if (choose == NULL)
		return 1;
	w->choose = NULL; /* a HelloRetryRequest brings a second one */
	if (!tls_conn_hello(c, &h))
		return 1;
	choose(&h, c->ctx, &choice, w->arg);
	if (choice.chain < c->ctx->chains.n)
		c->chain = (uint8_t)choice.chain;
	c->probe = choice.probe;
	if (choice.old_versions && h.max_version < c->ctx->min_version &&
	    h.max_version >= TLS_VERSION_1_0) {
		c->old_versions = true;
		if (!tls_ctx_allow_old(ssl))
			return 0;
	}
	return c->probe == NULL || !c->probe->static_rsa ||
	    use_static_rsa(ssl, &h) ? 1 : 0;
}

int
tls_conn_set_chain(SSL *ssl)
{
	const struct tls_conn *c = conn_of(tls_bio_of(SSL_get_rbio(ssl)));
	const struct x509_chain *x = c->ctx->chains.cert[c->chain];
	const struct tls_probe *p = c->probe;

	if (p != NULL) {
		/* Whatever the certificate is like: it is not ours to mend. */
		SSL_set_security_level(ssl, 0);
		SSL_certs_clear(ssl);
		return SSL_use_cert_and_key(ssl, p->leaf, p->key, p->rest, 1);
	}
	/* The first is what every connection begins with. */
	if (c->chain == 0)
		return 1;
	/* Beside a key of the other type that one might win. */
	SSL_certs_clear(ssl);
	return SSL_use_cert_and_key(ssl, x->leaf, x->key, x->rest, 1);
}

static void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	tls_tap_fini(&w->tap);
	buf_fini(&w->hello);
	free(w);
}

static struct watch *
watch_new(void)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w != NULL) {
		tls_tap_init(&w->tap);
		buf_init(&w->hello, TLS_TAP_HELLO_MAX);
	}
	return w;
}

int
tls_conn_new(struct tls_conn **out, struct tls_ctx *ctx, uint64_t now_us,
    tls_choose_fn *choose, void *arg)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	BIO *bio = NULL;

	if (c == NULL)
		return -ENOMEM;
	c->bio.sent = on_sent;
	c->start_us = c->now_us = now_us;
	c->watch = watch_new();
	c->ctx = tls_ctx_ref(ctx);
	c->ssl = SSL_new(ctx->ssl);
	if (c->ssl != NULL)
		bio = tls_bio_new(&c->bio);
	if (c->watch == NULL || bio == NULL) {
		BIO_free(bio);
		ERR_clear_error();
		tls_conn_free(c);
		return -ENOMEM;
	}
	c->watch->choose = choose;
	c->watch->arg = arg;
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_accept_state(c->ssl);
	*out = c;
	return 0;
}

void
tls_conn_free(struct tls_conn *c)
{
	if (c == NULL)
		return;
	/*
	 * RFC 5246 7.2.1: a connection that just breaks off does not spoil its
	 * session; without this OpenSSL would forget it, and after a power cut
	 * every phone without tickets would shake hands in full.  One that no
	 * SIP message came over has not proved that its chain was accepted.
	 */
	if (c->watch == NULL && c->probe == NULL && c->state == TLS_CONN_OPEN)
		SSL_set_shutdown(c->ssl,
		    SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	ERR_clear_error();
	watch_free(c->watch);
	tls_probe_unref(c->probe);
	tls_ctx_unref(c->ctx);
	free(c);
}

/* Reason numbers alone: the texts change from release to release. */
static void
fail(struct tls_conn *c)
{
	unsigned long e;

	c->state = TLS_CONN_FAILED;
	while ((e = ERR_get_error()) != 0) {
		if (c->watch != NULL && ERR_GET_LIB(e) == ERR_LIB_SSL &&
		    ERR_GET_REASON(e) == SSL_R_NO_SHARED_CIPHER)
			c->watch->no_shared_cipher = true;
	}
}

static void
shake(struct tls_conn *c)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	if (rc == 1) {
		c->opened = true;
		c->state = TLS_CONN_OPEN;
	} else if (SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ) {
		fail(c);
	}
}

/* One read.  False: there is no more for now. */
static bool
take(struct tls_conn *c, tls_conn_data_fn *data, void *arg)
{
	char plain[PLAIN_MAX];
	size_t n = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(c->ssl, plain, sizeof(plain), &n);
	if (rc == 1) {
		c->app_bytes += n;
		data(str_of(plain, n), arg);
		return true;
	}
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		/* RFC 5246 7.2.1: answer with a close_notify of our own. */
		IGNORE(SSL_shutdown(c->ssl)); /* it is over either way */
		c->state = TLS_CONN_CLOSED;
		break;
	default:
		fail(c);
	}
	return false;
}

/* Let OpenSSL work until it has consumed all of bytes. */
static void
drive(struct tls_conn *c, struct str bytes, tls_conn_data_fn *data, void *arg)
{
	bool release = c->state == TLS_CONN_HANDSHAKE;

	c->bio.in = bytes;
	if (c->state == TLS_CONN_HANDSHAKE)
		shake(c);
	/*
	 * After the handshake one read in vain: only that lets go of the
	 * record buffer which the handshake had.
	 */
	while (c->state == TLS_CONN_OPEN &&
	    (release || c->bio.in.n > 0 || SSL_pending(c->ssl) > 0)) {
		size_t left = c->bio.in.n;
		if (!take(c, data, arg) && c->bio.in.n == left)
			break;
	}
	c->bio.in = STR_NULL;
}

/*
 * Text that came so far may still turn out to be this or that: wait for a
 * line's end or for as much as is looked at.
 */
static bool
may_become_clear(const struct tls_tap *t)
{
	const uint8_t *p = t->first;
	size_t n = t->nfirst, i = 0;

	if (n == TLS_TAP_FIRST_MAX)
		return false;
	if ((p[0] & 0x80) != 0) /* an SSLv2 hello shows at its third byte */
		return n < 3;
	while (i < n && (p[i] == '\r' || p[i] == '\n'))
		i++;
	if (i == n)
		return n < 4;
	return p[0] == '\r' || p[0] == '\n' || p[0] >= ' ' ?
	    memchr(p + i, '\n', n - i) == NULL : false;
}

/*
 * Is it TLS?  Until that is known OpenSSL gets nothing; what waited is in the
 * tap's first bytes.  Returns how many of them OpenSSL has not had; -1: it is
 * to get nothing (yet).
 */
static int
held_back(struct tls_conn *c, size_t before)
{
	const struct tls_tap *t;

	/* An accepted connection has no watch, and its first bytes are old. */
	if (c->watch == NULL)
		return 0;
	t = &c->watch->tap;
	switch (tls_tap_first(t)) {
	case TLS_FIRST_TLS:
	case TLS_FIRST_SSLV2:
	case TLS_FIRST_ALERT:
		if (c->begun)
			return 0;
		c->begun = true;
		return (int)before;
	case TLS_FIRST_NOTHING:
		return -1;
	default:
		if (c->begun || !may_become_clear(t))
			c->state = TLS_CONN_FAILED;
		return -1;
	}
}

/*
 * OpenSSL makes room for a ClientHello of up to 128 kB as soon as its header
 * says that it comes: ten bytes would cost us that much.  No client sends one
 * longer than we keep; this is OpenSSL's own alert for what it finds too long.
 */
static void
refuse_long_hello(struct tls_conn *c, struct buf *out)
{
	static const char alert[] = { SSL3_RT_ALERT, 3, 1, 0, 2,
		SSL3_AL_FATAL, TLS_ALERT_illegal_parameter };
	struct str bytes = { alert, sizeof(alert) };

	buf_str(out, bytes);
	if (!out->failed)
		on_sent(&c->bio, bytes);
	c->state = TLS_CONN_FAILED;
}

enum tls_conn_state
tls_conn_feed(struct tls_conn *c, struct str bytes, uint64_t now_us,
    struct buf *out, tls_conn_data_fn *data, void *arg)
{
	uint8_t first[TLS_TAP_FIRST_MAX];
	size_t before = 0;
	int held;

	c->now_us = now_us;
	if (c->watch != NULL) {
		before = c->watch->tap.nfirst;
		memcpy(first, c->watch->tap.first, before);
		tls_tap_feed(&c->watch->tap, TLS_CLIENT, bytes, now_us,
		    on_hello, c->watch);
	}
	if (c->state > TLS_CONN_OPEN)
		return c->state;
	if (c->watch != NULL && c->watch->tap.hello_long && !c->opened) {
		refuse_long_hello(c, out);
		return c->state;
	}
	held = held_back(c, before);
	if (held < 0)
		return c->state;
	c->bio.out = out;
	if (held > 0)
		drive(c, str_of((char *)first, (size_t)held), data, arg);
	drive(c, bytes, data, arg);
	c->bio.out = NULL;
	return c->state;
}

int
tls_conn_send(struct tls_conn *c, struct str plain, struct buf *out)
{
	struct buf *outer = c->bio.out; /* of a feed that we are inside of */
	size_t n = 0;
	int rc = 0;

	if (c->state != TLS_CONN_OPEN)
		return E_STATE;
	if (plain.n == 0)
		return 0;
	ERR_clear_error();
	c->bio.out = out;
	if (SSL_write_ex(c->ssl, plain.p, plain.n, &n) != 1 || n != plain.n) {
		fail(c);
		rc = out->failed ? E_LIMIT : E_CRYPTO;
	}
	c->bio.out = outer;
	return rc;
}

void
tls_conn_close(struct tls_conn *c, struct buf *out)
{
	struct buf *outer = c->bio.out;

	if (c->state != TLS_CONN_OPEN)
		return;
	ERR_clear_error();
	c->bio.out = out;
	if (SSL_shutdown(c->ssl) < 0)
		ERR_clear_error(); /* out is full: then it closes without */
	c->bio.out = outer;
	c->state = TLS_CONN_CLOSED;
}

enum tls_conn_state
tls_conn_state(const struct tls_conn *c)
{
	return c->state;
}

enum tls_first
tls_conn_first(const struct tls_conn *c)
{
	return c->watch != NULL ? tls_tap_first(&c->watch->tap) :
	    TLS_FIRST_TLS;
}

bool
tls_conn_resumed(const struct tls_conn *c)
{
	return SSL_session_reused(c->ssl) == 1;
}

const struct trust_chain *
tls_conn_chain(const struct tls_conn *c)
{
	return tls_conn_resumed(c) || c->probe != NULL ? NULL :
	    &c->ctx->chains.fact[c->chain];
}

const struct tls_probe *
tls_conn_probe(const struct tls_conn *c)
{
	return c->probe;
}

uint16_t
tls_conn_version(const struct tls_conn *c)
{
	return c->opened ? (uint16_t)SSL_version(c->ssl) : 0;
}

uint16_t
tls_conn_cipher(const struct tls_conn *c)
{
	return c->opened ? (uint16_t)SSL_CIPHER_get_protocol_id(
	    SSL_get_current_cipher(c->ssl)) : 0;
}

void
tls_conn_accepted(struct tls_conn *c)
{
	watch_free(c->watch);
	c->watch = NULL;
}

static uint32_t
us_between(uint64_t from, uint64_t to)
{
	if (to <= from)
		return 0;
	return to - from < UINT32_MAX ? (uint32_t)(to - from) : UINT32_MAX;
}

static void
tell_ours(const struct tls_conn *c, struct trust_evidence *e)
{
	const struct tls_ctx *ctx = c->ctx;

	trust_evidence_chain(e, &ctx->chains.fact[c->chain], NULL);
	e->our_min_version = c->old_versions ? TLS_VERSION_1_0 :
	    ctx->min_version;
	e->our_max_version = ctx->max_version;
}

/* What the tap can only guess, the library knows. */
static void
correct_stage(const struct tls_conn *c, struct trust_evidence *e)
{
	if (c->opened) {
		e->stage = TRUST_STAGE_FINISHED;
		return;
	}
	if (e->stage >= TRUST_STAGE_FINISHED)
		e->stage = e->version >= TLS1_3_VERSION ?
		    TRUST_STAGE_CERTIFICATE : TRUST_STAGE_KEY_EXCHANGE;
	/* A resumed session presents no certificate. */
	if (e->resumed && e->stage >= TRUST_STAGE_CERTIFICATE)
		e->stage = TRUST_STAGE_HELLO;
}

/* Not one suite of the hello is in this library, allowed or not. */
static bool
are_foreign(const struct tls_conn *c, const struct trust_evidence *e)
{
	for (size_t i = 0; i < e->nciphers && i < TRUST_CIPHERS_MAX; i++) {
		const uint8_t wire[] = { (uint8_t)(e->cipher[i] >> 8),
			(uint8_t)e->cipher[i] };

		const SSL_CIPHER *found = SSL_CIPHER_find(c->ssl, wire);

		/* A signalling value is found too, and is no cipher. */
		if (found != NULL &&
		    SSL_CIPHER_get_cipher_nid(found) != NID_undef)
			return false;
	}
	return e->nciphers > 0 && e->nciphers <= TRUST_CIPHERS_MAX;
}

static void
tell_handshake(const struct tls_conn *c, struct trust_evidence *e)
{
	const struct watch *w = c->watch;
	struct tls_hello h;

	if (tls_conn_hello(c, &h)) {
		trust_evidence_hello(e, &h);
		e->listed = trust_hello_listed(&h,
		    &c->ctx->chains.fact[c->chain]);
		if (h.server_name.n > 0 && !tls_chains_named(&c->ctx->chains,
		    c->chain, h.server_name))
			e->chain_faults |= 1u << TRUST_FAULT_NAME;
	}
	trust_evidence_tap(e, &w->tap);
	correct_stage(c, e);
	e->no_shared_cipher = w->no_shared_cipher;
	e->ciphers_foreign = w->no_shared_cipher && are_foreign(c, e);
	/* No alert of the client's: then its hanging up is the reaction. */
	if (e->us_since_flight == 0 && w->tap.flight &&
	    (e->end == TRUST_END_FIN || e->end == TRUST_END_RST))
		e->us_since_flight = us_between(w->tap.flight_us,
		    c->start_us + e->us_total);
}

/*
 * It hung up: with a close_notify in the middle of the handshake, say, which is
 * an error to OpenSSL and ends it without a word of ours.
 */
static bool
said_goodbye(const struct tls_tap *t)
{
	for (uint8_t i = 0; i < t->nalert; i++) {
		const struct tls_tap_alert *a = &t->alert[i];

		if (a->side == TLS_SERVER ||
		    (a->description != TLS_ALERT_close_notify &&
		    a->description != TLS_ALERT_user_canceled))
			return false;
	}
	return t->nalert > 0;
}

void
tls_conn_evidence(const struct tls_conn *c, struct trust_evidence *e,
    enum trust_end end, uint64_t now_us)
{
	trust_evidence_init(e);
	tell_ours(c, e);
	e->end = end == TRUST_END_US && c->state == TLS_CONN_FAILED &&
	    c->watch != NULL && said_goodbye(&c->watch->tap) ? TRUST_END_FIN :
	    end;
	e->us_total = us_between(c->start_us, now_us);
	e->app_bytes = c->app_bytes;
	e->resumed = tls_conn_resumed(c);
	if (c->watch != NULL) {
		tell_handshake(c, e);
		return;
	}
	e->first = TLS_FIRST_TLS;
	e->hello_seen = true;
	e->version = tls_conn_version(c);
	e->cipher_suite = tls_conn_cipher(c);
	e->stage = TRUST_STAGE_SIP;
}
