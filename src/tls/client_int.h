/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CLIENT_INT_H
#define TLS_CLIENT_INT_H
/* tls/client_int - what client.c, client_judge.c and connector.c share. */
#include <openssl/ssl.h>

#include "tls/bio.h"
#include "tls/connector.h"

#define CLIENT_LACKS_LEN 512
#define CLIENT_CERT_LEN  64

struct tls_client {
	SSL_CTX *ssl;
	struct tls_look look;
	char lacks[CLIENT_LACKS_LEN];
	unsigned roots;
	bool shows;           /* a certificate, to who asks for one       */
};

/* What the device thinks of the chain that it was shown. */
struct judgement {
	uint32_t faults;                 /* that it minds                 */
	enum trust_fault fault;          /* the one it names              */
	uint16_t says;                   /* TLS_SAYS_PASS: nothing wrong  */
	char blame[TRUST_FAULTS][CLIENT_CERT_LEN]; /* the certificate     */
	int64_t date_s[TRUST_FAULTS];    /* EXPIRED, TOO_NEW              */
	STACK_OF(X509) *chain;           /* as sent, leaf first; owned    */
	int depth;                       /* scratch of the walk           */
};

struct tls_connector {
	struct tls_bio bio;   /* first: the BIO knows no more than it     */
	SSL *ssl;
	struct tls_client *client;
	char name[256];
	int64_t now_s;
	enum tls_conn_state state;
	struct judgement judgement;
	enum tls_refuser refuser;
	uint8_t server_alert;
	bool asked;           /* for a client certificate, and had none   */
	bool not_tls;         /* what came                                */
	char trouble[128];    /* the library's words, for NEITHER         */
};

/* The SSL_CTX's certificate callback; finds its connection through the SSL. */
int client_judge(X509_STORE_CTX *ctx, void *arg);

/* Every fault of the chain in ctx in the eyes of a device with this look. */
void judgement_find(struct judgement *j, X509_STORE_CTX *ctx,
    const struct tls_look *l, const char *name, int64_t now_s);
/* One clause about a fault; root: the name at the chain's end. */
void judgement_words(struct buf *out, const struct judgement *j,
    enum trust_fault f, const char *name, const char *root);
void judgement_fini(struct judgement *j);

/* One sentence about what ended the handshake. */
void client_words(const struct tls_connector *k, struct tls_outcome *o);

#endif
