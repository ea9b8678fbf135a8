/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/uri - SIP and SIPS URIs (RFC 3261 19.1).
 */
#include "base/addr.h"
#include "sip/sip_int.h"
#include "sip/uri.h"

/*
 * Above these sip_uri_equal compares bytes only: its work grows with the
 * number of parameters of one URI times that of the other, and a registrar
 * compares each Contact with each binding.
 */
#define PARTS_MAX       16
#define PARTS_BYTES_MAX 512

/* Take the next part off *list, up to sep: a name and, after '=', a value. */
static bool
part_next(struct str *list, char sep, struct str *name, struct str *value)
{
	struct str part;
	size_t eq;

	if (list->p == NULL)
		return false;
	part = str_cut(list, sep);
	eq = str_find(part, '=');
	*name = str_of(part.p, eq);
	*value = eq < part.n ? str_from(part, eq + 1) :
	    str_of(str_end(part), 0);
	return true;
}

static int
params_ok(struct str list)
{
	struct str name, value;

	while (part_next(&list, ';', &name, &value)) {
		bool bare = value.p == str_end(name);

		if (name.n == 0 || !sip_all(name, C_PARAM, true) ||
		    !sip_all(value, C_PARAM, true) || (!bare && value.n == 0))
			return E_PARSE;
	}
	return 0;
}

static int
userinfo(struct sip_uri *out, const char *p, const char *at)
{
	const char *colon = memchr(p, ':', (size_t)(at - p));

	out->user = str_of(p, (size_t)((colon != NULL ? colon : at) - p));
	if (colon != NULL)
		out->password = str_of(colon + 1, (size_t)(at - colon - 1));
	if (out->user.n == 0 || !sip_all(out->user, C_USER, true) ||
	    !sip_all(out->password, C_PASS, true))
		return E_PARSE;
	return 0;
}

static int
scheme(struct sip_uri *out, struct str s)
{
	const char *end = str_end(s), *p;

	*out = (struct sip_uri) { .scheme = SIP_SCHEME_OTHER, .all = s };
	if (s.n == 0 || !sip_is(s.p[0], C_ALPHA))
		return E_PARSE;
	p = sip_run(s.p, end, C_SCHEME);
	if (end - p < 2 || *p != ':')
		return E_PARSE;
	out->scheme_name = str_of(s.p, (size_t)(p - s.p));
	if (out->scheme_name.n == 3 && str_ieq(out->scheme_name, STR("sip")))
		out->scheme = SIP_SCHEME_SIP;
	else if (str_ieq(out->scheme_name, STR("sips")))
		out->scheme = SIP_SCHEME_SIPS;
	return 0;
}

int
sip_uri_parse(struct sip_uri *out, struct str s)
{
	const char *p, *end = str_end(s), *q;

	if (scheme(out, s) != 0)
		return E_PARSE;
	p = s.p + out->scheme_name.n + 1;
	if (out->scheme == SIP_SCHEME_OTHER)
		return sip_run(p, end, C_URIC) == end ? 0 : E_PARSE;
	/* '@' may stand unescaped in no part but before the host. */
	q = memchr(p, '@', (size_t)(end - p));
	if (q != NULL) {
		if (userinfo(out, p, q) != 0)
			return E_PARSE;
		p = q + 1;
	}
	if (sip_host_port(&p, end, false, &out->host, &out->port) != 0)
		return E_PARSE;
	if (out->host.p[0] == '[') {
		out->host = str_of(out->host.p + 1, out->host.n - 2);
		out->host_ipv6 = true;
	}
	if (p < end && *p == ';') {
		p++;
		q = memchr(p, '?', (size_t)(end - p));
		out->params = str_of(p, (size_t)((q != NULL ? q : end) - p));
		p += out->params.n;
		if (params_ok(out->params) != 0)
			return E_PARSE;
	}
	if (p < end && *p == '?') {
		p++;
		out->headers = str_of(p, (size_t)(end - p));
		if (p == end || !sip_all(out->headers, C_HEADER, true))
			return E_PARSE;
		p = end;
	}
	return p == end ? 0 : E_PARSE;
}

static int
hex_value(char c)
{
	return sip_is(c, C_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* One character of s at *i, "%HH" decoded; *escaped says whether it was. */
static uint8_t
next_char(struct str s, size_t *i, bool *escaped)
{
	const char *p = s.p + *i;

	*escaped = *p == '%' && s.n - *i >= 3 && sip_is(p[1], C_HEX) &&
	    sip_is(p[2], C_HEX);
	if (!*escaped) {
		++*i;
		return (uint8_t)*p;
	}
	*i += 3;
	return (uint8_t)(hex_value(p[1]) << 4 | hex_value(p[2]));
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/*
 * RFC 3261 19.1.4: an escape equals the character it encodes, unless that
 * is one of RFC 2396's reserved ones, whose meaning the escape takes away.
 */
static bool
same(struct str a, struct str b, bool without_case)
{
	size_t i = 0, j = 0;

	while (i < a.n && j < b.n) {
		bool ea, eb;
		uint8_t x = next_char(a, &i, &ea), y = next_char(b, &j, &eb);

		if (ea != eb && strchr(";/?:@&=+$,%", ea ? x : y) != NULL)
			return false;
		if (without_case) {
			x = lower(x);
			y = lower(y);
		}
		if (x != y)
			return false;
	}
	return i == a.n && j == b.n;
}

static bool
part_get(struct str list, char sep, struct str name, struct str *value)
{
	struct str n;

	while (part_next(&list, sep, &n, value)) {
		if (same(n, name, true))
			return true;
	}
	return false;
}

/* RFC 3261 19.1.4: these in one URI only never match. */
static bool
must_be_in_both(struct str name)
{
	return same(name, STR("transport"), true) ||
	    same(name, STR("user"), true) || same(name, STR("ttl"), true) ||
	    same(name, STR("method"), true) || same(name, STR("maddr"), true);
}

/* Every part of a that b has, too, has the same value there. */
static bool
params_match(struct str a, struct str b)
{
	struct str name, va, vb;

	while (part_next(&a, ';', &name, &va)) {
		if (!part_get(b, ';', name, &vb)) {
			if (must_be_in_both(name))
				return false;
		} else if (!same(va, vb, true)) {
			return false;
		}
	}
	return true;
}

static bool
headers_match(struct str a, struct str b)
{
	struct str name, va, vb;

	while (part_next(&a, '&', &name, &va)) {
		if (!part_get(b, '&', name, &vb) || !same(va, vb, false))
			return false;
	}
	return true;
}

static bool
hosts_match(const struct sip_uri *a, const struct sip_uri *b)
{
	struct addr x, y;

	if (str_ieq(a->host, b->host))
		return a->host_ipv6 == b->host_ipv6;
	return a->host_ipv6 && b->host_ipv6 &&
	    addr_parse_ip(&x, a->host) == 0 &&
	    addr_parse_ip(&y, b->host) == 0 && addr_equal_ip(&x, &y);
}

static size_t
count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static bool
comparable(const struct sip_uri *u)
{
	return u->params.n + u->headers.n <= PARTS_BYTES_MAX &&
	    count(u->params, ';') < PARTS_MAX &&
	    count(u->headers, '&') < PARTS_MAX;
}

bool
sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (str_eq(a->all, b->all))
		return true;
	if (a->scheme != b->scheme || a->scheme == SIP_SCHEME_OTHER)
		return false;
	if ((a->user.p == NULL) != (b->user.p == NULL) ||
	    (a->password.p == NULL) != (b->password.p == NULL) ||
	    a->port != b->port || !hosts_match(a, b) ||
	    !same(a->user, b->user, false) ||
	    !same(a->password, b->password, false))
		return false;
	if (!comparable(a) || !comparable(b))
		return false;
	return params_match(a->params, b->params) &&
	    params_match(b->params, a->params) &&
	    headers_match(a->headers, b->headers) &&
	    headers_match(b->headers, a->headers);
}

bool
sip_uri_param(const struct sip_uri *u, struct str name, struct str *value)
{
	return part_get(u->params, ';', name, value);
}

void
sip_uri_aor(struct buf *out, const struct sip_uri *u, struct str host)
{
	struct str h = host.p != NULL ? host : u->host;
	bool escaped;
	char *to;

	if (str_find(u->user, '%') == u->user.n)
		buf_str(out, u->user);
	else
		for (size_t i = 0; i < u->user.n;)
			buf_putc(out, (char)next_char(u->user, &i, &escaped));
	buf_putc(out, '@');
	to = buf_room(out, h.n);
	if (to == NULL)
		return;
	for (size_t i = 0; i < h.n; i++)
		to[i] = (char)lower((uint8_t)h.p[i]);
	out->n += h.n;
}
