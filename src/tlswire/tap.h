/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_TAP_H
#define TLSWIRE_TAP_H
/*
 * tlswire/tap - reads along with a TLS connection, both directions, from raw
 * bytes: records, handshake messages in the clear, alerts in the clear.
 *
 * The library that terminates TLS may drop or rename what it sees (OpenSSL
 * reports an alert with an odd record version as "wrong version number"): the
 * tap sees the bytes.  Sans-I/O; bounded: keeps at most the ClientHello (up to
 * TLS_TAP_HELLO_MAX) and the ServerHello (up to TLS_TAP_SERVER_HELLO_MAX) when
 * they do not come in one piece, on the heap, freed as soon as they are read
 * and by tls_tap_fini.  Nothing depends on how the bytes are cut into feeds.
 * Serves the live edge and captures alike.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tlswire/hello.h"

#define TLS_TAP_HELLO_MAX        16384
#define TLS_TAP_SERVER_HELLO_MAX 4096
#define TLS_TAP_ALERTS_MAX       4
#define TLS_TAP_FIRST_MAX        24

enum tls_side { TLS_CLIENT, TLS_SERVER };

/* What the client's first bytes are (not what a library calls them). */
enum tls_first {
	TLS_FIRST_NOTHING,
	TLS_FIRST_TLS,       /* 0x16 0x03                                */
	TLS_FIRST_SSLV2,     /* SSLv2-compatible ClientHello             */
	TLS_FIRST_SIP,       /* a SIP method, "SIP/2.0" or CRLF CRLF     */
	TLS_FIRST_HTTP,
	TLS_FIRST_ALERT,     /* 0x15 0x03: an alert before any hello     */
	TLS_FIRST_OTHER,
};

struct tls_tap_alert {
	enum tls_side side;
	uint8_t level, description;
	bool in_clear;        /* read from the wire, else told by the library */
	bool after_finished;  /* the handshake was already complete           */
	uint64_t at_us;
};

struct tls_tap_dir {
	uint8_t head[5];
	uint8_t nhead;
	uint32_t left;          /* bytes of the record body still to come    */
	uint8_t type;
	bool in_clear;          /* the record's body can be read             */
	bool ccs;               /* ChangeCipherSpec seen                     */
	bool broken;            /* not TLS records (any more): not followed  */
	uint8_t alert[2];       /* gathered plaintext alert                  */
	uint8_t nalert;
	uint8_t hs[4];          /* handshake message header being gathered   */
	uint8_t nhs;
	uint32_t hs_left;
	bool gathering;         /* its body goes to gathered                 */
	struct buf gathered;    /* a hello that comes in pieces              */
	uint32_t records;
	uint64_t bytes;
	uint32_t encrypted;     /* records after CCS or of type 23           */
	uint16_t last_encrypted_len;
	uint16_t longest_encrypted_len;
	bool finished_len;      /* one as long as a Finished of TLS 1.3      */
	bool finished_exact;    /* as it is without padding: it was one      */
	uint64_t app_bytes;     /* of records of application data, sealed: at
	                           TLS 1.3 those behind the Finished that are
	                           longer than any, so not an alert          */
};

/*
 * The server's Certificate message, TLS 1.2 and older, its header of 4 bytes
 * included; msg is valid during the call, which must not touch the tap.  arg
 * is that of the feed.
 */
typedef void(tls_tap_certificate_fn)(struct str msg, void *arg);

struct tls_tap {
	struct tls_tap_dir dir[2];      /* by enum tls_side                  */
	uint8_t first[TLS_TAP_FIRST_MAX];
	uint8_t nfirst;
	uint16_t record_version;        /* of the client's first record      */
	bool hello_done;                /* whole ClientHello seen            */
	bool hello_bad;                 /* it did not parse, or it is too long:
	                                   one header tells, hello_long       */
	bool hello_long;                /* over TLS_TAP_HELLO_MAX            */
	bool hello_retry;               /* HelloRetryRequest (RFC 8446 4.1.4) */
	bool server_hello, certificate, server_hello_done, client_key_exchange,
	    client_certificate;
	bool certificate_request;       /* in the clear: TLS 1.2 and older   */
	bool client_certificate_empty;  /* asked for one, it has none        */
	uint16_t server_version;        /* negotiated, from the ServerHello  */
	uint16_t server_cipher;
	bool psk_chosen;                /* TLS 1.3: it resumes               */
	tls_tap_certificate_fn *certificate_fn; /* NULL: nobody asks         */
	struct tls_tap_alert alert[TLS_TAP_ALERTS_MAX];
	uint8_t nalert;
	uint32_t alerts_total;
	bool flight;                    /* our flight with the Certificate is
	                                   out, or what of it has gone so far */
	bool reacted;                   /* the client sent something after it */
	uint64_t flight_us;             /* when its last bytes went          */
};

void tls_tap_init(struct tls_tap *t);
void tls_tap_fini(struct tls_tap *t);

/* Before the first feed: the Certificate message is kept whole for fn, too. */
#define TLS_TAP_CERTIFICATE_MAX 65536
void tls_tap_want_certificate(struct tls_tap *t, tls_tap_certificate_fn *fn);

/* Frees what only the handshake needed; counting goes on. */
void tls_tap_shrink(struct tls_tap *t);

enum tls_first tls_tap_first(const struct tls_tap *t);

/*
 * Bytes that came from (TLS_CLIENT) or went to (TLS_SERVER: sent by the
 * server) the wire.  hello_fn (may be NULL), once, when the ClientHello is
 * whole and well formed: h points into bytes or the tap's buffer and is valid
 * during the call, which must not touch the tap.
 */
typedef void(tls_tap_hello_fn)(const struct tls_hello *h, void *arg);
void tls_tap_feed(struct tls_tap *t, enum tls_side side, struct str bytes,
    uint64_t now_us, tls_tap_hello_fn *hello_fn, void *arg);

/*
 * An alert that the library read or sent, encrypted or not: one that the tap
 * reads from the wire as well is kept once.
 */
void tls_tap_told_alert(struct tls_tap *t, enum tls_side side, uint8_t level,
    uint8_t description, bool after_finished, uint64_t now_us);

#endif
