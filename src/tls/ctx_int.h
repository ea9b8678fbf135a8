/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CTX_INT_H
#define TLS_CTX_INT_H
/* tls/ctx_int - what conn.c sees of a tls_ctx. */
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/ctx.h"
#include "tls/ticket.h"
#include "trust/evidence.h"

struct tls_ctx {
	atomic_uint refs;
	SSL_CTX *ssl;
	struct tls_ticket *ticket;
	char chain[TRUST_TEXT_MAX];
	char root[TRUST_TEXT_MAX];
	int64_t not_before_s, not_after_s;
	enum trust_key key;
	uint16_t min_version, max_version;
};

/*
 * conn.c: the library read or sent an alert; one callback for the whole
 * SSL_CTX, the connection is found through its BIO.
 */
void tls_conn_info(const SSL *ssl, int where, int value);

#endif
