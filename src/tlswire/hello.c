/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlswire/hello.h"

#include "base/wire.h"
#include "tlswire/alert.h"

#define CLIENT_HELLO   1
#define SESSION_ID_MAX 32

#define SUITE_RENEGOTIATION_SCSV 0x00ff /* RFC 5746 3.3 */
#define SUITE_FALLBACK_SCSV      0x5600 /* RFC 7507 2   */

/* Extension types up to 63 are told apart by a bit, others by this list. */
#define OTHER_EXTENSIONS_MAX 64

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_TRUSTED_CA_KEYS = 3,
	EXT_STATUS_REQUEST = 5,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_SIGALGS = 13,
	EXT_ALPN = 16,
	EXT_EMS = 23,
	EXT_SESSION_TICKET = 35,
	EXT_PSK = 41,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_CERTIFICATE_AUTHORITIES = 47,
	EXT_SIGALGS_CERT = 50,
	EXT_RENEGOTIATION_INFO = 0xff01,
};

/* Which extensions were there: a repeated one is an error (RFC 8446 4.2). */
struct seen {
	uint64_t low;
	uint16_t other[OTHER_EXTENSIONS_MAX];
	size_t nother;
};

bool
tls_is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

bool
tls_next_u16(struct str list, size_t *pos, uint16_t *value)
{
	if (list.n < 2 || *pos > list.n - 2)
		return false;
	const uint8_t *p = (const uint8_t *)list.p + *pos;
	*value = (uint16_t)(p[0] << 8 | p[1]);
	*pos += 2;
	return true;
}

bool
tls_hello_next_cipher(const struct tls_hello *h, size_t *pos, uint16_t *suite)
{
	if (!h->sslv2)
		return tls_next_u16(h->cipher_suites, pos, suite);
	/* RFC 5246 E.2: a TLS suite is a V2 kind whose first byte is zero. */
	while (h->cipher_suites.n - *pos >= 3) {
		const uint8_t *p = (const uint8_t *)h->cipher_suites.p + *pos;
		*pos += 3;
		if (p[0] == 0) {
			*suite = (uint16_t)(p[1] << 8 | p[2]);
			return true;
		}
	}
	return false;
}

bool
tls_hello_next_extension(const struct tls_hello *h, size_t *pos, uint16_t *type,
    struct str *body)
{
	if (*pos >= h->extensions.n)
		return false;
	struct wire w = wire_of(str_from(h->extensions, *pos));
	*type = wire_u16(&w);
	*body = wire_vec(&w, 2);
	*pos += 4 + body->n;
	return !w.failed;
}

bool
tls_hello_offers_cipher(const struct tls_hello *h, uint16_t suite)
{
	uint16_t v;
	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);)
		if (v == suite)
			return true;
	return false;
}

bool
tls_hello_offers_sigalg(const struct tls_hello *h, uint16_t scheme)
{
	uint16_t v;
	for (size_t pos = 0; tls_next_u16(h->sigalgs, &pos, &v);)
		if (v == scheme)
			return true;
	return false;
}

/* true when the type was there before, or there are too many to tell. */
static bool
is_repeated(struct seen *seen, uint16_t type)
{
	if (type < 64) {
		uint64_t bit = UINT64_C(1) << type;
		bool was = (seen->low & bit) != 0;
		seen->low |= bit;
		return was;
	}
	for (size_t i = 0; i < seen->nother; i++)
		if (seen->other[i] == type)
			return true;
	if (seen->nother == OTHER_EXTENSIONS_MAX)
		return true;
	seen->other[seen->nother++] = type;
	return false;
}

/* RFC 6066 3: a list of (type, name); only host_name (0) was ever defined. */
static int
parse_server_name(struct tls_hello *h, struct str body)
{
	struct wire w = wire_of(body);
	struct wire list = wire_of(wire_vec(&w, 2));
	if (w.failed || wire_left(&w) != 0 || wire_left(&list) == 0)
		return E_PARSE;
	while (wire_left(&list) > 0) {
		uint8_t type = wire_u8(&list);
		struct str name = wire_vec(&list, 2);
		if (list.failed || name.n == 0)
			return E_PARSE;
		if (type == 0 && h->server_name.p == NULL)
			h->server_name = name;
	}
	return 0;
}

/* RFC 7301 3.1: names of one byte or more, most wanted first. */
static int
parse_alpn(struct tls_hello *h, struct str body)
{
	struct wire w = wire_of(body);
	struct wire list = wire_of(wire_vec(&w, 2));
	if (w.failed || wire_left(&w) != 0 || wire_left(&list) == 0)
		return E_PARSE;
	while (wire_left(&list) > 0) {
		struct str name = wire_vec(&list, 1);
		if (list.failed || name.n == 0)
			return E_PARSE;
		if (h->alpn.p == NULL)
			h->alpn = name;
	}
	return 0;
}

/* A body that is one vector of elements of unit bytes, and no more. */
static int
parse_vector(struct str *out, struct str body, size_t length_bytes, size_t unit)
{
	struct wire w = wire_of(body);
	struct str v = wire_vec(&w, length_bytes);
	if (w.failed || wire_left(&w) != 0 || v.n % unit != 0)
		return E_PARSE;
	*out = v;
	return 0;
}

static int
parse_extension(struct tls_hello *h, uint16_t type, struct str body)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return parse_server_name(h, body);
	case EXT_ALPN:
		return parse_alpn(h, body);
	case EXT_SUPPORTED_VERSIONS:
		return parse_vector(&h->supported_versions, body, 1, 2);
	case EXT_GROUPS:
		return parse_vector(&h->groups, body, 2, 2);
	case EXT_POINT_FORMATS:
		return parse_vector(&h->point_formats, body, 1, 1);
	case EXT_SIGALGS:
		return parse_vector(&h->sigalgs, body, 2, 2);
	case EXT_SIGALGS_CERT:
		return parse_vector(&h->sigalgs_cert, body, 2, 2);
	case EXT_CERTIFICATE_AUTHORITIES:
		return parse_vector(&h->certificate_authorities, body, 2, 1);
	case EXT_TRUSTED_CA_KEYS:
		h->trusted_ca_keys = body;
		return 0;
	case EXT_SESSION_TICKET:
		h->session_ticket = true;
		h->ticket_offered = body.n > 0;
		return 0;
	case EXT_PSK:
		h->psk = true;
		return 0;
	case EXT_EMS:
		h->ems = true;
		return 0;
	case EXT_RENEGOTIATION_INFO:
		h->renegotiation_info = true;
		return 0;
	case EXT_STATUS_REQUEST:
		h->status_request = true;
		return 0;
	default:
		return 0;
	}
}

static int
parse_extensions(struct tls_hello *h, struct str block)
{
	struct seen seen = { 0 };
	struct wire w = wire_of(block);

	h->has_extensions = true;
	h->extensions = block;
	while (wire_left(&w) > 0) {
		uint16_t type = wire_u16(&w);
		struct str body = wire_vec(&w, 2);
		if (w.failed || is_repeated(&seen, type))
			return E_PARSE;
		int err = parse_extension(h, type, body);
		if (err != 0)
			return err;
	}
	return 0;
}

/* What the suites and versions say, once all of them are read. */
static void
conclude(struct tls_hello *h)
{
	uint16_t v;

	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);) {
		if (v == SUITE_RENEGOTIATION_SCSV)
			h->renegotiation_info = true;
		else if (v == SUITE_FALLBACK_SCSV)
			h->fallback_scsv = true;
	}
	if (h->supported_versions.p == NULL) {
		h->max_version = h->legacy_version;
		return;
	}
	for (size_t pos = 0; tls_next_u16(h->supported_versions, &pos, &v);) {
		if (v >> 8 != 3)
			continue;
		if (v > h->max_version)
			h->max_version = v;
		if (h->min_version == 0 || v < h->min_version)
			h->min_version = v;
	}
	/* Only drafts and GREASE: nothing that a server could pick. */
	if (h->max_version == 0)
		h->max_version = h->legacy_version;
}

/* RFC 5246 E.2.  w stands behind the version. */
static int
parse_sslv2(struct tls_hello *h, struct wire *w)
{
	size_t nsuites = wire_u16(w);
	size_t nsession = wire_u16(w);
	size_t nchallenge = wire_u16(w);

	h->sslv2 = true;
	h->cipher_suites = wire_bytes(w, nsuites);
	h->session_id = wire_bytes(w, nsession);
	struct str challenge = wire_bytes(w, nchallenge);
	conclude(h);
	/* 16 bytes at least in SSLv2, 32 at most in the compatible form. */
	if (w->failed || wire_left(w) != 0 || nsuites == 0 ||
	    nsuites % 3 != 0 || challenge.n < 16 || challenge.n > 32 ||
	    (nsession != 0 && nsession != 16))
		return E_PARSE;
	return 0;
}

/* RFC 8446 4.1.2.  w stands behind the message header. */
static int
parse_tls(struct tls_hello *h, struct wire *w)
{
	h->legacy_version = wire_u16(w);
	wire_bytes(w, 32);
	h->session_id = wire_vec(w, 1);
	h->cipher_suites = wire_vec(w, 2);
	h->compression = wire_vec(w, 1);
	if (w->failed || h->session_id.n > SESSION_ID_MAX ||
	    h->cipher_suites.n == 0 || h->cipher_suites.n % 2 != 0 ||
	    h->compression.n == 0)
		return E_PARSE;

	int err = 0;
	if (wire_left(w) > 0) {
		struct str block = wire_vec(w, 2);
		if (w->failed || wire_left(w) != 0)
			return E_PARSE;
		err = parse_extensions(h, block);
	}
	conclude(h);
	return err;
}

int
tls_hello_parse(struct tls_hello *out, struct str msg)
{
	*out = (struct tls_hello) { .raw = msg };
	if (msg.n < 4)
		return E_PARSE;

	struct wire w = wire_of(msg);
	if (wire_u8(&w) != CLIENT_HELLO)
		return E_PARSE;
	struct wire v2 = w;
	if (wire_u24(&w) == wire_left(&w))
		return parse_tls(out, &w);
	/*
	 * Both forms start with a 1.  The length is no length here: then it is
	 * a version, or a lie.
	 */
	out->legacy_version = wire_u16(&v2);
	if (out->legacy_version != TLS_VERSION_SSL2 &&
	    out->legacy_version >> 8 != 3) {
		out->legacy_version = 0;
		return E_PARSE;
	}
	return parse_sslv2(out, &v2);
}
