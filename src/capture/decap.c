/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/decap.h"

#include <stdlib.h>

#include "base/wire.h"

#define TAGS_MAX       4 /* VLAN tags one in another              */
#define EXTENSIONS_MAX 8 /* IPv6 extension headers of one packet  */
#define UNIT           8 /* fragments are cut at multiples of it  */

/* libpcap's numbers, as they stand in files and as its DLT_* are. */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_DLT = 12,
	LINK_RAW_BSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_COOKED = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_COOKED2 = 276,
};

enum ether_type {
	ETHER_IPV4 = 0x0800,
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_PPPOE = 0x8864,
	ETHER_QINQ = 0x88a8,
	ETHER_QINQ_OLD = 0x9100,
};

enum next_header {
	NEXT_HOP_BY_HOP = 0,
	NEXT_TCP = 6,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_OPTIONS = 60,
};

bool
decap_knows(int link_type)
{
	switch (link_type) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_PPP:
	case LINK_RAW_DLT:
	case LINK_RAW_BSD:
	case LINK_RAW:
	case LINK_LOOP:
	case LINK_COOKED:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_COOKED2:
		return true;
	default:
		return false;
	}
}

void
decap_init(struct decap *d, int link_type)
{
	*d = (struct decap) { .link_type = link_type };
}

void
decap_fini(struct decap *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->fragmented); i++)
		free(d->fragmented[i].bytes);
	*d = (struct decap) { .link_type = d->link_type };
}

/* ---- TCP ---- */

/* RFC 9293 3.1.  datagram: what was captured of total bytes. */
static enum decap_result
read_tcp(struct segment *out, struct str datagram, size_t total)
{
	struct wire w = wire_of(datagram);
	uint16_t from = wire_u16(&w), to = wire_u16(&w);
	size_t head;

	out->seq = wire_uint(&w, 4);
	wire_uint(&w, 4);
	head = (size_t)(wire_u8(&w) >> 4) * 4;
	out->flags = wire_u8(&w);
	if (w.failed || head < 20 || head > total)
		return DECAP_BROKEN;
	addr_set_port(&out->from, from);
	addr_set_port(&out->to, to);
	out->payload = str_from(datagram, head);
	out->cut = (uint32_t)(total - head - out->payload.n);
	return DECAP_SEGMENT;
}

/* ---- fragments ---- */

static void
drop(struct decap *d, struct fragmented *f)
{
	char *bytes = f->bytes;

	d->fragments_dropped++;
	memset(f, 0, sizeof(*f));
	f->bytes = bytes;
}

/* The datagram of this key, else a free place, else the oldest one's. */
static struct fragmented *
find_datagram(struct decap *d, const uint64_t key[5])
{
	struct fragmented *oldest = NULL, *unused = NULL;

	for (size_t i = 0; i < ARRAY_LEN(d->fragmented); i++) {
		struct fragmented *f = &d->fragmented[i];
		if (!f->used) {
			unused = f;
			continue;
		}
		if (memcmp(f->key, key, sizeof(f->key)) == 0)
			return f;
		if (oldest == NULL || f->age < oldest->age)
			oldest = f;
	}
	if (unused == NULL) {
		drop(d, oldest);
		unused = oldest;
	}
	if (unused->bytes == NULL)
		unused->bytes = malloc(DECAP_DATAGRAM_MAX);
	if (unused->bytes == NULL)
		return NULL;
	unused->used = true;
	unused->age = d->packets;
	memcpy(unused->key, key, sizeof(unused->key));
	return unused;
}

static void
keep_fragment(struct fragmented *f, struct str s, uint32_t offset)
{
	for (uint32_t at = 0; at < s.n; at += UNIT) {
		uint32_t unit = (offset + at) / UNIT;
		uint8_t bit = (uint8_t)(1u << unit % 8);
		uint32_t n = s.n - at < UNIT ? (uint32_t)(s.n - at) : UNIT;

		/* What came first stands (RFC 5722 would drop them all). */
		if ((f->got[unit / 8] & bit) != 0)
			continue;
		f->got[unit / 8] |= bit;
		f->have++;
		memcpy(f->bytes + offset + at, s.p + at, n);
	}
}

/* RFC 791 3.2, RFC 8200 4.5.  *whole is valid until the next frame. */
static enum decap_result
put_together(struct decap *d, const uint64_t key[5], struct str s,
    uint32_t offset, bool more, struct str *whole)
{
	struct fragmented *f;

	if (offset + s.n > DECAP_DATAGRAM_MAX || s.n == 0 ||
	    (more && s.n % UNIT != 0))
		return DECAP_BROKEN;
	f = find_datagram(d, key);
	if (f == NULL)
		return DECAP_BROKEN;
	keep_fragment(f, s, offset);
	if (!more)
		f->total = offset + (uint32_t)s.n;
	if (f->total == 0 || f->have < (f->total + UNIT - 1) / UNIT)
		return DECAP_FRAGMENT;
	*whole = str_of(f->bytes, f->total);
	char *bytes = f->bytes;
	memset(f, 0, sizeof(*f));
	f->bytes = bytes;
	return DECAP_SEGMENT;
}

/* ---- IP ---- */

static void
set_ip4(struct addr *a, struct str s)
{
	memset(a, 0, sizeof(*a));
	a->u.in.sin_family = AF_INET;
	memcpy(&a->u.in.sin_addr, s.p, 4);
}

static void
set_ip6(struct addr *a, struct str s)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memcpy(&in6.sin6_addr, s.p, 16);
	addr_from_sa(a, (struct sockaddr *)&in6);
}

static void
make_key(uint64_t key[5], struct str from, struct str to, uint32_t id)
{
	memset(key, 0, 5 * sizeof(key[0]));
	memcpy(key, from.p, from.n);
	memcpy(key + 2, to.p, to.n);
	key[4] = id | (uint64_t)from.n << 32;
}

/* RFC 791 3.1. */
static enum decap_result
read_ip4(struct decap *d, struct str s, struct segment *out)
{
	struct wire w = wire_of(s);
	size_t head = (size_t)(wire_u8(&w) & 15) * 4;
	wire_u8(&w);
	size_t total = wire_u16(&w);
	uint16_t id = wire_u16(&w), fragment = wire_u16(&w);
	wire_u8(&w);
	uint8_t protocol = wire_u8(&w);
	wire_u16(&w);
	struct str from = wire_bytes(&w, 4), to = wire_bytes(&w, 4);
	uint64_t key[5];
	enum decap_result r;

	if (total == 0) /* segmented by the card, after the capture */
		total = s.n;
	if (w.failed || head < 20 || total < head)
		return DECAP_BROKEN;
	if (protocol != NEXT_TCP)
		return DECAP_OTHER;
	set_ip4(&out->from, from);
	set_ip4(&out->to, to);
	if (s.n > total) /* an Ethernet frame is filled up */
		s.n = total;
	if ((fragment & 0x3fff) == 0)
		return read_tcp(out, str_from(s, head), total - head);
	if (s.n < total)
		return DECAP_BROKEN;
	make_key(key, from, to, id);
	r = put_together(d, key, str_from(s, head),
	    (uint32_t)(fragment & 0x1fff) * UNIT, (fragment & 0x2000) != 0, &s);
	return r == DECAP_SEGMENT ? read_tcp(out, s, s.n) : r;
}

/* Walks the extension headers (RFC 8200 4); *next becomes the last one's. */
static struct str
skip_extensions(struct str s, uint8_t *next)
{
	for (int i = 0; i < EXTENSIONS_MAX && s.n >= 8; i++) {
		size_t n = ((size_t)(uint8_t)s.p[1] + 1) * 8;

		if (*next == NEXT_AUTHENTICATION)
			n = ((size_t)(uint8_t)s.p[1] + 2) * 4;
		else if (*next != NEXT_HOP_BY_HOP && *next != NEXT_ROUTING &&
		    *next != NEXT_OPTIONS)
			break;
		*next = (uint8_t)s.p[0];
		s = str_from(s, n);
	}
	return s;
}

static enum decap_result
read_fragment6(struct decap *d, uint64_t key[5], struct str s,
    struct segment *out)
{
	struct wire w = wire_of(s);
	uint8_t next = wire_u8(&w);
	wire_u8(&w);
	uint16_t where = wire_u16(&w);
	enum decap_result r;

	key[4] = wire_uint(&w, 4) | UINT64_C(16) << 32;
	if (w.failed)
		return DECAP_BROKEN;
	r = put_together(d, key, str_from(s, 8), where & 0xfff8u,
	    (where & 1) != 0, &s);
	if (r != DECAP_SEGMENT)
		return r;
	s = skip_extensions(s, &next);
	return next == NEXT_TCP ? read_tcp(out, s, s.n) : DECAP_OTHER;
}

static enum decap_result
read_ip6(struct decap *d, struct str s, struct segment *out)
{
	struct wire w = wire_of(s);
	wire_uint(&w, 4);
	size_t total = wire_u16(&w);
	uint8_t next = wire_u8(&w);
	wire_u8(&w);
	struct str from = wire_bytes(&w, 16), to = wire_bytes(&w, 16), rest;
	uint64_t key[5];
	size_t before;

	if (w.failed)
		return DECAP_BROKEN;
	set_ip6(&out->from, from);
	set_ip6(&out->to, to);
	s = str_from(s, 40);
	if (total == 0)
		total = s.n;
	if (s.n > total)
		s.n = total;
	before = s.n;
	rest = skip_extensions(s, &next);
	if (next == NEXT_FRAGMENT) {
		if (before < total)
			return DECAP_BROKEN;
		make_key(key, from, to, 0);
		return read_fragment6(d, key, rest, out);
	}
	if (next != NEXT_TCP)
		return DECAP_OTHER;
	return read_tcp(out, rest, total - (before - rest.n));
}

static enum decap_result
read_ip(struct decap *d, struct str s, struct segment *out)
{
	if (s.n == 0)
		return DECAP_BROKEN;
	switch ((uint8_t)s.p[0] >> 4) {
	case 4:
		return read_ip4(d, s, out);
	case 6:
		return read_ip6(d, s, out);
	default:
		return DECAP_OTHER;
	}
}

/* ---- the link layer ---- */

/* What comes after an Ethernet type, tags and PPPoE included. */
static enum decap_result
read_typed(struct decap *d, uint16_t type, struct str s, struct segment *out)
{
	struct wire w = wire_of(s);

	for (int i = 0; i < TAGS_MAX && (type == ETHER_VLAN ||
	    type == ETHER_QINQ || type == ETHER_QINQ_OLD); i++) {
		wire_u16(&w);
		type = wire_u16(&w);
	}
	if (type == ETHER_PPPOE) { /* RFC 2516 4, then PPP's protocol */
		wire_bytes(&w, 6);
		uint16_t ppp = wire_u16(&w);
		type = ppp == 0x0021 ? ETHER_IPV4 :
		    ppp == 0x0057 ? ETHER_IPV6 : 0;
	}
	if (w.failed)
		return DECAP_BROKEN;
	if (type != ETHER_IPV4 && type != ETHER_IPV6)
		return DECAP_OTHER;
	return read_ip(d, wire_bytes(&w, wire_left(&w)), out);
}

static enum decap_result
read_ppp(struct decap *d, struct str s, struct segment *out)
{
	struct wire w = wire_of(s);

	/* RFC 1662: address and control may be there. */
	if (s.n >= 2 && s.p[0] == '\xff' && s.p[1] == 3)
		wire_u16(&w);
	uint16_t protocol = wire_u16(&w);
	if (w.failed)
		return DECAP_BROKEN;
	if (protocol != 0x0021 && protocol != 0x0057)
		return DECAP_OTHER;
	return read_ip(d, wire_bytes(&w, wire_left(&w)), out);
}

/* Where the type stands, and where what follows begins. */
static enum decap_result
read_link(struct decap *d, struct str s, size_t type_at, size_t body_at,
    struct segment *out)
{
	if (s.n < body_at)
		return DECAP_BROKEN;
	uint16_t type = (uint16_t)((uint8_t)s.p[type_at] << 8 |
	    (uint8_t)s.p[type_at + 1]);
	return read_typed(d, type, str_from(s, body_at), out);
}

enum decap_result
decap_frame(struct decap *d, struct str captured, struct segment *out)
{
	memset(out, 0, sizeof(*out));
	out->from = out->to = ADDR_NONE;
	d->packets++;
	switch (d->link_type) {
	case LINK_ETHERNET:
		return read_link(d, captured, 12, 14, out);
	case LINK_COOKED:
		return read_link(d, captured, 14, 16, out);
	case LINK_COOKED2:
		return read_link(d, captured, 0, 20, out);
	case LINK_NULL:
	case LINK_LOOP:
		/* The family's number differs by system: IP tells itself. */
		return captured.n < 4 ? DECAP_BROKEN :
		    read_ip(d, str_from(captured, 4), out);
	case LINK_PPP:
		return read_ppp(d, captured, out);
	default:
		return read_ip(d, captured, out);
	}
}
