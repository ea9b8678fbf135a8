/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/selector.h"

#define JA4_LEN 36 /* "t13d1516h2_8daaf6152771_e5627efa2ab1" */

/* The head of s, cut off.  False: it does not begin so. */
static bool
take(struct str *s, struct str head)
{
	if (!str_starts(*s, head))
		return false;
	*s = str_from(*s, head.n);
	return true;
}

static bool
is_ja4(struct str s)
{
	if (s.n != JA4_LEN || s.p[10] != '_' || s.p[23] != '_')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    c != '_')
			return false;
	}
	return true;
}

/* The form of a profile's name: device/profile.h. */
static bool
is_profile(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    c != '-')
			return false;
	}
	return s.n > 0;
}

/* The address's bytes in network order; how many bits there are. */
static unsigned
bits_of(const struct addr *a, const uint8_t **bytes)
{
	if (a->u.sa.sa_family == AF_INET6) {
		*bytes = a->u.in6.sin6_addr.s6_addr;
		return 128;
	}
	*bytes = (const uint8_t *)&a->u.in.sin_addr;
	return a->u.sa.sa_family == AF_INET ? 32 : 0;
}

/* Bits from on of the address are all zero: nobody meant one host of it. */
static bool
ends_in_zeros(const struct addr *a, unsigned from)
{
	const uint8_t *b;
	unsigned bits = bits_of(a, &b);

	for (unsigned i = from; i < bits; i++)
		if ((b[i / 8] & 0x80 >> i % 8) != 0)
			return false;
	return true;
}

static int
parse_subnet(struct selector *out, struct str text)
{
	const uint8_t *bytes;
	uint32_t prefix;
	struct str rest = text, host = str_cut(&rest, '/');

	if (addr_parse_ip(&out->net, host) != 0)
		return E_PARSE;
	prefix = bits_of(&out->net, &bytes);
	if (host.n < text.n &&
	    (!str_u32(rest, &prefix) || prefix > bits_of(&out->net, &bytes) ||
	    !ends_in_zeros(&out->net, prefix)))
		return E_PARSE;
	out->kind = SELECTOR_SUBNET;
	out->prefix = (uint8_t)prefix;
	return 0;
}

int
selector_parse(struct selector *out, struct str text)
{
	struct selector s = { .net = ADDR_NONE, .text = text };

	if (take(&s.text, STR("model:"))) {
		s.kind = SELECTOR_MODEL;
	} else if (take(&s.text, STR("ja4:"))) {
		s.kind = SELECTOR_JA4;
		if (!is_ja4(s.text))
			return E_PARSE;
	} else if (take(&s.text, STR("account:"))) {
		struct str domain = s.text;
		s.kind = SELECTOR_ACCOUNT;
		if (str_cut(&domain, '@').n == 0 ||
		    (domain.p != NULL && domain.n == 0))
			return E_PARSE;
	} else if (take(&s.text, STR("profile:"))) {
		s.kind = SELECTOR_PROFILE;
		if (!is_profile(s.text))
			return E_PARSE;
	} else if (parse_subnet(&s, text) != 0) {
		return E_PARSE;
	} else {
		s.text = STR_NULL;
	}
	if (s.kind != SELECTOR_SUBNET && s.text.n == 0)
		return E_PARSE;
	*out = s;
	return 0;
}

static bool
in_subnet(const struct selector *s, const struct addr *peer)
{
	const uint8_t *net, *host;
	unsigned whole = s->prefix / 8u, bits = s->prefix % 8u;

	if (peer == NULL || peer->u.sa.sa_family != s->net.u.sa.sa_family)
		return false;
	(void)bits_of(&s->net, &net);
	(void)bits_of(peer, &host);
	if (memcmp(net, host, whole) != 0)
		return false;
	return bits == 0 || (net[whole] ^ host[whole]) >> (8 - bits) == 0;
}

/* RFC 3261 19.1.4: the user compares exactly, the host without case. */
static bool
is_account(struct str want, struct str account)
{
	struct str user = str_cut(&account, '@');
	struct str want_user = str_cut(&want, '@');

	return user.n > 0 && str_eq(user, want_user) &&
	    (want.p == NULL || str_ieq(want, account));
}

bool
selector_matches(const struct selector *s, const struct selector_device *d)
{
	switch (s->kind) {
	case SELECTOR_SUBNET:
		return in_subnet(s, d->peer);
	case SELECTOR_MODEL:
		return str_starts(d->user_agent, s->text);
	case SELECTOR_JA4:
		return str_eq(d->ja4, s->text);
	case SELECTOR_ACCOUNT:
		return is_account(s->text, d->account);
	case SELECTOR_PROFILE:
		return str_eq(d->profile, s->text);
	}
	return false;
}
