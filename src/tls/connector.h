/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CONNECTOR_H
#define TLS_CONNECTOR_H
/*
 * tls/connector - the client side of one TLS connection, sans-I/O, in the
 * manner of a device: what its ClientHello offers, what it trusts, how it
 * checks and how it says no.
 *
 * The caller owns the socket: it feeds what it received and sends what appears
 * in out.  OpenSSL makes the hello, so it offers what OpenSSL has of what the
 * device offers; tls_client_lacks() names the rest (RC4, export suites), and
 * the order of the extensions is OpenSSL's.  One thread.
 */
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "tls/conn.h"
#include "tls/look.h"
#include "x509/cert.h"
#include "x509/cafile.h"

/* What the connections of one device have in common. */
struct tls_client;

/*
 * roots: what it trusts, taken by reference; NULL: nothing.  0; E_CRYPTO with
 * a sentence in why: the library has nothing of what the look offers.
 */
MUSTCHECK int tls_client_new(struct tls_client **out,
    const struct tls_look *look, const struct x509_set *roots,
    struct buf *why);
void tls_client_free(struct tls_client *c); /* NULL does nothing */
/* What it shows to a server that asks for a certificate; before the first
 * connection, by reference.  0, E_CRYPTO: it cannot be used. */
MUSTCHECK int tls_client_set_chain(struct tls_client *c,
    const struct x509_chain *chain);

/* "0x0004, 0x0005": suites, signature algorithms and groups that the device
 * offers and this library does not have; "" when nothing is missing. */
const char *tls_client_lacks(const struct tls_client *c);
unsigned tls_client_roots(const struct tls_client *c);
/* The suites that it offers, at most max, in its order; how many. */
unsigned tls_client_suites(const struct tls_client *c, uint16_t *out,
    unsigned max);
/* "TLS_RSA_WITH_AES_128_CBC_SHA", or "unknown": static. */
const char *tls_suite_name(uint16_t suite);

struct tls_connector;

/*
 * name: what the device is set to connect to, a DNS name or an address: SNI
 * and name check.  now_s: its clock.  c must outlive the connection; those of
 * several threads may share it.
 */
MUSTCHECK int tls_connector_new(struct tls_connector **out,
    struct tls_client *c, const char *name, int64_t now_s);
void tls_connector_free(struct tls_connector *k); /* NULL does nothing */

/* Append the ClientHello.  0, E_CRYPTO. */
MUSTCHECK int tls_connector_start(struct tls_connector *k, struct buf *out);

/*
 * As tls_conn_feed.  FAILED: tls_connector_outcome tells why; what is in out
 * (an alert, or nothing from a silent device) is still to be sent.  Data is
 * not passed on from a connection whose chain the device refuses late.
 */
enum tls_conn_state tls_connector_feed(struct tls_connector *k,
    struct str bytes, struct buf *out, tls_conn_data_fn *data, void *arg);

/* Encrypt to out.  0; E_STATE when not TLS_CONN_OPEN; E_LIMIT, E_CRYPTO. */
MUSTCHECK int tls_connector_send(struct tls_connector *k, struct str plain,
    struct buf *out);

/* Append close_notify; only in TLS_CONN_OPEN. */
void tls_connector_close(struct tls_connector *k, struct buf *out);

enum tls_conn_state tls_connector_state(const struct tls_connector *k);

/* Who ended the handshake. */
enum tls_refuser {
	TLS_REFUSER_NONE,     /* it is under way, or was completed        */
	TLS_REFUSER_DEVICE,   /* it did not like the certificate          */
	TLS_REFUSER_SERVER,   /* the server sent an alert                 */
	TLS_REFUSER_NEITHER,  /* what came cannot be used (not TLS, a
	                         version not offered, a broken record)    */
};

#define TLS_OUTCOME_WORDS 384

/* What the handshake showed; plain data. */
struct tls_outcome {
	enum tls_refuser refuser;
	enum trust_fault fault;   /* DEVICE: the one it names             */
	uint32_t faults;          /* every fault that it minds, a mask    */
	uint16_t says;            /* DEVICE, SERVER: alert's code, or
	                             TRUST_SAYS_NOTHING                   */
	bool late;                /* DEVICE: after the handshake          */
	bool asked;               /* the server wants a client certificate,
	                             and the device has none             */
	bool shown;               /* it has one                           */
	bool not_tls;             /* NEITHER: what came                   */
	uint16_t version, suite;  /* negotiated, 0: none                  */
	unsigned chain_depth;     /* certificates that the server sent    */
	char subject[128];        /* of the leaf                          */
	char root[128];           /* the name at the chain's end          */
	char words[TLS_OUTCOME_WORDS]; /* one sentence; "" with NONE      */
};
void tls_connector_outcome(const struct tls_connector *k,
    struct tls_outcome *out);

/* The connection ended before the handshake: say so in the outcome. */
void tls_connector_ended(struct tls_connector *k);

/*
 * Resumption.  The session that the server gave, for another connection of the
 * same client; NULL: none that can be resumed.  The caller's (tls_resume_free).
 */
struct tls_resume;
struct tls_resume *tls_connector_session(struct tls_connector *k);
void tls_resume_free(struct tls_resume *r); /* NULL does nothing */
/* Before tls_connector_start: offer it.  False: it cannot be. */
bool tls_connector_resume(struct tls_connector *k, struct tls_resume *r);
bool tls_connector_resumed(const struct tls_connector *k);

/* The certificates that the server sent, leaf first; borrowed, may be NULL. */
STACK_OF(X509) *tls_connector_chain(const struct tls_connector *k);

#endif
