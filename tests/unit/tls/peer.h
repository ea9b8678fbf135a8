/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H
/* An OpenSSL client in memory, joined to a tls_conn. */
#include <openssl/ssl.h>

#include "tls/conn.h"
#include "../pki.h"

struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;         /* owned by ssl                      */
	struct tls_conn *conn;
	struct buf to_client;
	char got[65536];       /* what the server decrypted         */
	size_t ngot;
	size_t step;           /* bytes a feed; 0: all at once      */
	uint64_t now_us;
	unsigned feeds;        /* with bytes for the server         */
	unsigned answers;      /* feeds that made the server send   */
	bool echo, accept;     /* what to do with what comes        */
};

static inline void
peer_data(struct str plain, void *arg)
{
	struct peer *p = arg;

	assert_true(p->ngot + plain.n <= sizeof(p->got));
	memcpy(p->got + p->ngot, plain.p, plain.n);
	p->ngot += plain.n;
	if (p->accept)
		tls_conn_accepted(p->conn);
	if (p->echo)
		assert_int_equal(tls_conn_send(p->conn, plain, &p->to_client),
		    0);
}

static inline void
peer_feed(struct peer *p, struct str bytes)
{
	size_t step = p->step != 0 ? p->step : bytes.n;

	while (bytes.n > 0) {
		size_t n = bytes.n < step ? bytes.n : step;
		size_t before = p->to_client.n;
		p->now_us += 100;
		tls_conn_feed(p->conn, str_of(bytes.p, n), p->now_us,
		    &p->to_client, peer_data, p);
		assert_int_equal(ERR_peek_error(), 0);
		p->feeds++;
		p->answers += p->to_client.n > before;
		bytes = str_from(bytes, n);
	}
}

/* Client's output to the server and back, once.  False: nothing moved. */
static inline bool
peer_move(struct peer *p)
{
	char *bytes;
	size_t n = (size_t)BIO_get_mem_data(p->out, &bytes);
	bool moved = n > 0 || p->to_client.n > 0;

	if (n > 0) {
		char *copy = malloc(n);
		memcpy(copy, bytes, n);
		(void)BIO_reset(p->out);
		peer_feed(p, str_of(copy, n));
		free(copy);
	}
	if (p->to_client.n > 0)
		BIO_write(p->in, p->to_client.p, (int)p->to_client.n);
	buf_reset(&p->to_client);
	return moved;
}

/* Shake hands until neither has anything to say.  1 when the client is done. */
static inline int
peer_shake(struct peer *p)
{
	int rc;

	do {
		rc = SSL_do_handshake(p->ssl);
		ERR_clear_error();
	} while (peer_move(p));
	return rc;
}

static inline int
peer_say(struct peer *p, const char *text)
{
	int rc = SSL_write(p->ssl, text, (int)strlen(text));

	while (peer_move(p))
		;
	return rc;
}

/* Bytes that the client can read now; what the server sent is in. */
static inline int
peer_hear(struct peer *p, char *to, int size)
{
	int rc = SSL_read(p->ssl, to, size);

	ERR_clear_error();
	return rc;
}

struct peer_want {
	struct tls_ctx *server;
	X509 *root;            /* NULL: it trusts nobody              */
	bool no_verify;
	int min, max;          /* TLS versions; 0: the library's      */
	const char *ciphers, *sigalgs, *name;
	SSL_SESSION *session;
	bool no_ticket;
	bool lists_root;       /* root, in certificate_authorities    */
	tls_choose_fn *choose;
	void *arg;
};

static inline void
peer_init(struct peer *p, const struct peer_want *w)
{
	memset(p, 0, sizeof(*p));
	p->now_us = 1000000;
	buf_init(&p->to_client, 1 << 20);
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(p->ctx, 0);
	SSL_CTX_set_min_proto_version(p->ctx, w->min);
	SSL_CTX_set_max_proto_version(p->ctx, w->max);
	if (w->ciphers != NULL)
		assert_int_equal(SSL_CTX_set_cipher_list(p->ctx, w->ciphers),
		    1);
	if (w->sigalgs != NULL)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(p->ctx, w->sigalgs),
		    1);
	if (w->no_ticket)
		SSL_CTX_set_options(p->ctx, SSL_OP_NO_TICKET);
	if (w->lists_root) {
		STACK_OF(X509_NAME) *list = sk_X509_NAME_new_null();

		sk_X509_NAME_push(list,
		    X509_NAME_dup(X509_get_subject_name(w->root)));
		SSL_CTX_set0_CA_list(p->ctx, list);
	}
	if (w->root != NULL)
		X509_STORE_add_cert(SSL_CTX_get_cert_store(p->ctx), w->root);
	X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(p->ctx), PKI_NOW);
	if (!w->no_verify)
		SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	/* A cache would make its sessions useless when it is freed. */
	SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_OFF);
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_connect_state(p->ssl);
	if (w->name != NULL)
		SSL_set_tlsext_host_name(p->ssl, w->name);
	if (w->session != NULL)
		SSL_set_session(p->ssl, w->session);
	assert_int_equal(tls_conn_new(&p->conn, w->server, p->now_us,
	    w->choose, w->arg), 0);
	ERR_clear_error();
}

static inline void
peer_fini(struct peer *p)
{
	tls_conn_free(p->conn);
	/* So that the client may offer the session again. */
	if (p->ssl != NULL)
		SSL_set_shutdown(p->ssl,
		    SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	buf_fini(&p->to_client);
	ERR_clear_error();
}

#endif
