/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TICKET_H
#define TLS_TICKET_H
/*
 * tls/ticket - keys for session tickets (RFC 5077, RFC 8446 4.6.1) that need
 * no storage: HKDF of a secret and the number of the hour.
 *
 * The current hour's key encrypts; those of the hours within the lifetime
 * decrypt.  So a restart, a reload and every node with the same secret take
 * each other's tickets, and a key is out of use when its hours are over.
 * Thread-safe: workers share it through their SSL_CTX.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tls_ticket;

/* secret: 32 bytes.  0, -ENOMEM, E_CRYPTO. */
MUSTCHECK int tls_ticket_new(struct tls_ticket **out, const uint8_t *secret,
    int lifetime_s);
void tls_ticket_free(struct tls_ticket *t); /* NULL does nothing */

/* Does the work of SSL_CTX_set_tlsext_ticket_key_evp_cb's callback. */
int tls_ticket_use(struct tls_ticket *t, unsigned char name[16],
    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    bool encrypt);

#endif
