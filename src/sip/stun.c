/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/stun.h"

#include "base/wire.h"

#define HEADER_BYTES 20
#define MAGIC        UINT32_C(0x2112a442)
#define ID_BYTES     16 /* the magic cookie is its first four bytes */
#define UNKNOWN_MAX  4  /* named in an answer                       */

enum message {
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
};

/* RFC 5389 18.2.  Below REQUIRED_END what is not known is refused. */
enum attribute {
	MAPPED_ADDRESS = 0x0001,
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	REALM = 0x0014,
	NONCE = 0x0015,
	XOR_MAPPED_ADDRESS = 0x0020,
	REQUIRED_END = 0x8000,
};

struct unknown {
	uint16_t type[UNKNOWN_MAX];
	size_t n;
};

static void
put_u16(struct buf *out, uint32_t v)
{
	buf_putc(out, (char)(v >> 8));
	buf_putc(out, (char)v);
}

static void
put_header(struct buf *out, enum message type, size_t body_bytes,
    struct str id)
{
	put_u16(out, type);
	put_u16(out, (uint32_t)body_bytes);
	buf_str(out, id);
}

/* RFC 5389 15.1, 15.2: the address, exclusive or with the id, cookie first. */
static void
put_mapped(struct buf *out, struct str id, bool xor, const struct addr *a)
{
	bool ip6 = a->u.sa.sa_family == AF_INET6;
	const char *ip = ip6 ? (const char *)&a->u.in6.sin6_addr :
	    (const char *)&a->u.in.sin_addr;
	size_t n = ip6 ? 16 : 4;
	uint16_t port = addr_port(a);

	put_header(out, BINDING_SUCCESS, 8 + n, id);
	put_u16(out, xor ? XOR_MAPPED_ADDRESS : MAPPED_ADDRESS);
	put_u16(out, (uint32_t)(4 + n));
	put_u16(out, ip6 ? 2 : 1);
	put_u16(out, xor ? port ^ MAGIC >> 16 : port);
	for (size_t i = 0; i < n; i++)
		buf_putc(out, (char)(xor ? ip[i] ^ id.p[i] : ip[i]));
}

/* RFC 5389 7.3.1: what must be understood and is not. */
static void
put_error(struct buf *out, struct str id, const struct unknown *u)
{
	size_t padded = (2 * u->n + 3) / 4 * 4;

	put_header(out, BINDING_ERROR, 8 + 4 + padded, id);
	put_u16(out, ERROR_CODE);
	put_u16(out, 4);
	put_u16(out, 0);
	put_u16(out, 4 << 8 | 20);
	put_u16(out, UNKNOWN_ATTRIBUTES);
	put_u16(out, (uint32_t)(2 * u->n));
	for (size_t i = 0; i < padded / 2; i++)
		put_u16(out, i < u->n ? u->type[i] : 0);
}

/* Credentials may come unasked; nobody here looks at them (RFC 5626 8). */
static bool
is_known(uint16_t type)
{
	return type >= REQUIRED_END || type == USERNAME ||
	    type == MESSAGE_INTEGRITY || type == REALM || type == NONCE;
}

static bool
read_attributes(struct str body, struct unknown *u)
{
	struct wire w = wire_of(body);

	u->n = 0;
	while (wire_left(&w) > 0) {
		uint16_t type = wire_u16(&w);
		size_t n = wire_u16(&w);

		wire_bytes(&w, (n + 3) / 4 * 4);
		if (w.failed)
			return false;
		if (!is_known(type) && u->n < UNKNOWN_MAX)
			u->type[u->n++] = type;
	}
	return true;
}

bool
stun_answer(struct buf *out, struct str datagram, const struct addr *source)
{
	struct wire w = wire_of(datagram);
	uint16_t type = wire_u16(&w);
	size_t n = wire_u16(&w);
	struct str id = wire_bytes(&w, ID_BYTES);
	struct wire cookie = wire_of(id);
	bool has_cookie = wire_uint(&cookie, 4) == MAGIC;
	struct unknown unknown;

	/* The cookie is no text; without it the type's zero byte is none. */
	if (w.failed || (type & 0xc000) != 0 ||
	    (!has_cookie && (type != BINDING_REQUEST || n != wire_left(&w))))
		return false;
	if (type != BINDING_REQUEST || n != wire_left(&w) || n % 4 != 0 ||
	    !read_attributes(str_from(datagram, HEADER_BYTES), &unknown))
		return true;
	if (unknown.n > 0)
		put_error(out, id, &unknown);
	else
		put_mapped(out, id, has_cookie, source);
	return true;
}
