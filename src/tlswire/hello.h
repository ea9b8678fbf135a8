/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_HELLO_H
#define TLSWIRE_HELLO_H
/*
 * tlswire/hello - a ClientHello as slices (RFC 8446 4.1.2, RFC 5246 7.4.1.2;
 * extensions of RFC 6066, 7301, 7507, 5746, 7627; SSLv2 form: RFC 5246 E.2).
 *
 * Pure and without allocation.  Slices point into the handshake message.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tls_hello {
	struct str raw;            /* the message as it was given to parse    */
	uint16_t record_version;   /* of the first record; the caller sets it */
	uint16_t legacy_version;
	bool sslv2;                /* SSLv2-compatible form                   */
	struct str session_id;
	struct str cipher_suites;  /* wire form: two bytes each, three in the
	                              SSLv2 form: tls_hello_next_cipher       */
	struct str compression;
	struct str extensions;     /* wire form of the block                  */
	struct str server_name;    /* host_name, absent: none                 */
	struct str alpn;           /* first protocol name                     */
	struct str supported_versions; /* wire form, two bytes each           */
	struct str groups;         /* wire form, two bytes each               */
	struct str point_formats;  /* one byte each                           */
	struct str sigalgs;        /* wire form, two bytes each               */
	struct str sigalgs_cert;
	struct str trusted_ca_keys; /* extension body (RFC 6066 6)            */
	struct str certificate_authorities; /* DistinguishedName vector       */
	bool has_extensions;
	bool session_ticket;       /* extension 35 is there                   */
	bool ticket_offered;       /* and it holds a ticket                   */
	bool psk;                  /* offers to resume (TLS 1.3)              */
	bool ems, renegotiation_info, status_request;
	bool fallback_scsv;
	uint16_t max_version;      /* highest offered; GREASE and drafts of
	                              TLS 1.3 (0x7fNN) are left out           */
	uint16_t min_version;      /* lowest listed; 0 when only a maximum is
	                              known (no supported_versions)           */
};

/*
 * msg: a whole handshake message, its 4-byte header included; or an SSLv2
 * CLIENT-HELLO from its msg_type byte on.  Unknown extensions, versions and
 * suites are passed over.  0, or E_PARSE: lying lengths, duplicate extension,
 * more extensions than any client sends, trailing bytes; what was read before
 * stays in *out.  Sets every member, record_version to 0.
 */
MUSTCHECK int tls_hello_parse(struct tls_hello *out, struct str msg);

/*
 * Walk a list of two-byte values (groups, sigalgs, supported_versions ...):
 * *pos starts at 0; false at the end.
 */
bool tls_next_u16(struct str list, size_t *pos, uint16_t *value);

/*
 * Walk the extension block: type and body of the next one.  false at the end
 * and at an extension that runs past it.
 */
bool tls_hello_next_extension(const struct tls_hello *h, size_t *pos,
    uint16_t *type, struct str *body);

/* RFC 8701. */
bool tls_is_grease(uint16_t v);

/*
 * Walk the suites, GREASE included: *pos starts at 0; false at the end.  SSLv2
 * kinds that TLS does not know are passed over.
 */
bool tls_hello_next_cipher(const struct tls_hello *h, size_t *pos,
    uint16_t *suite);

bool tls_hello_offers_cipher(const struct tls_hello *h, uint16_t suite);
bool tls_hello_offers_sigalg(const struct tls_hello *h, uint16_t scheme);

#endif
