/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CONN_H
#define TLS_CONN_H
/*
 * tls/conn - the server side of one TLS connection, sans-I/O.
 *
 * The caller owns the socket: it feeds what it received and sends what
 * appears in out.  A tap reads along with the raw bytes, both ways, so that
 * evidence does not depend on what the library makes of them; bytes that are
 * not TLS never reach it.  One thread per connection.  Small when idle: record
 * buffers are released, and all that was kept for a verdict is freed when the
 * first SIP message has come.
 */
#include "base/buf.h"
#include "base/err.h"
#include "tls/ctx.h"
#include "trust/evidence.h"

struct tls_conn;

enum tls_conn_state {
	TLS_CONN_HANDSHAKE,
	TLS_CONN_OPEN,    /* handshake complete                         */
	TLS_CONN_CLOSED,  /* close_notify received, the answer is in out;
	                     or tls_conn_close                          */
	TLS_CONN_FAILED,  /* the handshake or a record failed, or it was
	                     no TLS: our alert, if any, is in out       */
};

/*
 * ctx is referenced.  choose is asked once, for the first whole ClientHello,
 * whether or not a session is then resumed; NULL: the first chain for all, no
 * old versions.
 */
MUSTCHECK int tls_conn_new(struct tls_conn **out, struct tls_ctx *ctx,
    uint64_t now_us, tls_choose_fn *choose, void *arg);
void tls_conn_free(struct tls_conn *c); /* NULL does nothing */

/*
 * Bytes from the socket.  Handshake output, alerts and tickets are appended
 * to out.  Decrypted bytes are passed to data (may be called several times;
 * the slice is valid during the call; it may call every function here but
 * tls_conn_feed and tls_conn_free).  Afterwards all of bytes is consumed.
 * Returns the state.  In CLOSED and FAILED bytes only add to the evidence.
 */
typedef void(tls_conn_data_fn)(struct str plain, void *arg);
enum tls_conn_state tls_conn_feed(struct tls_conn *c, struct str bytes,
    uint64_t now_us, struct buf *out, tls_conn_data_fn *data, void *arg);

/*
 * Encrypt one message to out.  0; E_STATE when not TLS_CONN_OPEN; E_LIMIT when
 * out takes no more and E_CRYPTO: the connection has then failed.
 */
MUSTCHECK int tls_conn_send(struct tls_conn *c, struct str plain,
    struct buf *out);

/* Append close_notify to out (RFC 5246 7.2.1); only in TLS_CONN_OPEN. */
void tls_conn_close(struct tls_conn *c, struct buf *out);

enum tls_conn_state tls_conn_state(const struct tls_conn *c);

/* First bytes of the client, before or without a handshake. */
enum tls_first tls_conn_first(const struct tls_conn *c);

/*
 * Fill e with all that this connection showed.  end: how the socket ended.
 * The caller adds peer, local, device and when_s.  Raw bytes that are still
 * in the socket must have been fed first (drain before judging a hang-up).
 */
void tls_conn_evidence(const struct tls_conn *c, struct trust_evidence *e,
    enum trust_end end, uint64_t now_us);

/*
 * The first SIP message has come: the chain is accepted (design 4).  Frees
 * what was kept for a verdict; tls_conn_evidence then says TRUST_STAGE_SIP.
 */
void tls_conn_accepted(struct tls_conn *c);

bool tls_conn_resumed(const struct tls_conn *c);

/* What it is asked instead of being presented a chain, NULL: nothing. */
const struct tls_probe *tls_conn_probe(const struct tls_conn *c);

/* The chain that was or will be presented, NULL when resumed or asked: none
 * was. */
const struct trust_chain *tls_conn_chain(const struct tls_conn *c);
/* Negotiated, 0: not yet. */
uint16_t tls_conn_version(const struct tls_conn *c);
uint16_t tls_conn_cipher(const struct tls_conn *c);
/*
 * The ClientHello, parsed again: slices are valid until tls_conn_accepted.
 * False: there was none, or it is not kept any more.
 */
bool tls_conn_hello(const struct tls_conn *c, struct tls_hello *out);

#endif
