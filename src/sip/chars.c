/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/chars - the character classes of RFC 3261 25.1 as one table, computed
 * by the compiler from the productions, and checks made of them.
 */
#include "sip/sip_int.h"

#define IN(c, a, b) ((c) >= (a) && (c) <= (b))
#define ALPHA(c)    (IN(c, 'a', 'z') || IN(c, 'A', 'Z'))
#define DIGIT(c)    IN(c, '0', '9')
#define ALNUM(c)    (ALPHA(c) || DIGIT(c))
#define HEX(c)      (DIGIT(c) || IN(c, 'a', 'f') || IN(c, 'A', 'F'))
/* mark, but for the brackets, which are no token characters */
#define MARK(c)                                                                \
	((c) == '-' || (c) == '_' || (c) == '.' || (c) == '!' || (c) == '~' || \
	    (c) == '*' || (c) == '\'')
#define UNRESERVED(c) (ALNUM(c) || MARK(c) || (c) == '(' || (c) == ')')
#define TOKEN(c)                                                               \
	(ALNUM(c) || MARK(c) || (c) == '%' || (c) == '+' || (c) == '`')
#define WORD(c)                                                                \
	(TOKEN(c) || (c) == '(' || (c) == ')' || (c) == '<' || (c) == '>' ||   \
	    (c) == ':' || (c) == '\\' || (c) == '"' || (c) == '/' ||           \
	    (c) == '[' || (c) == ']' || (c) == '?' || (c) == '{' ||            \
	    (c) == '}')
#define PASS(c)                                                                \
	(UNRESERVED(c) || (c) == '&' || (c) == '=' || (c) == '+' ||            \
	    (c) == '$' || (c) == ',')
/* and '#', which the grammar wants escaped: phones dial "*21*100#" as it is */
#define USER(c)                                                                \
	(PASS(c) || (c) == ';' || (c) == '?' || (c) == '/' || (c) == '#')
#define HOST(c) (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_')
#define BOTH(c)                                                                \
	(UNRESERVED(c) || (c) == '[' || (c) == ']' || (c) == '/' ||            \
	    (c) == ':' || (c) == '+' || (c) == '$')
#define PARAM(c)   (BOTH(c) || (c) == '&')
#define HEADER_(c) (BOTH(c) || (c) == '?' || (c) == '=' || (c) == '&')
#define VISIBLE(c) ((c) > 0x20 && (c) != 0x7f)
#define URIC(c)    (VISIBLE(c) && (c) != '<' && (c) != '>' && (c) != '"')
#define VALUE(c)   (URIC(c) && (c) != ';' && (c) != ',' && (c) != '\\')
#define LWS(c)     ((c) == ' ' || (c) == '\t' || (c) == '\r' || (c) == '\n')
#define CTL(c)     ((c) < 0x20 || (c) == 0x7f)
#define SCHEME(c)  (ALNUM(c) || (c) == '+' || (c) == '-' || (c) == '.')

#define CLASS(c)                                                               \
	(ALPHA(c) ? C_ALPHA : 0) | (DIGIT(c) ? C_DIGIT : 0) |                  \
	    (HEX(c) ? C_HEX : 0) | (TOKEN(c) ? C_TOKEN : 0) |                  \
	    (WORD(c) ? C_WORD : 0) | (LWS(c) ? C_LWS : 0) |                    \
	    (USER(c) ? C_USER : 0) | (PASS(c) ? C_PASS : 0) |                  \
	    (HOST(c) ? C_HOST : 0) | (PARAM(c) ? C_PARAM : 0) |                \
	    (HEADER_(c) ? C_HEADER : 0) | (VALUE(c) ? C_VALUE : 0) |           \
	    (URIC(c) ? C_URIC : 0) | (CTL(c) ? C_CTL : 0) |                    \
	    (SCHEME(c) ? C_SCHEME : 0)
#define CLASS4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c) CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)
#define CLASS64(c)                                                             \
	CLASS16(c), CLASS16((c) + 16), CLASS16((c) + 32), CLASS16((c) + 48)

const uint16_t sip_chars[256] = {
	CLASS64(0),
	CLASS64(64),
	CLASS64(128),
	CLASS64(192),
};

bool
sip_all(struct str s, unsigned mask, bool escapes)
{
	const char *p = s.p, *end = str_end(s);

	for (;;) {
		p = sip_run(p, end, mask);
		if (p == end)
			return true;
		if (!escapes || *p != '%' || end - p < 3 ||
		    !sip_is(p[1], C_HEX) || !sip_is(p[2], C_HEX))
			return false;
		p += 3;
	}
}

const char *
sip_quoted_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && ++p == end)
			break;
	}
	return NULL;
}

/*
 * What stands between the group [p, *q) and the next one; *q is left at its
 * last character.
 */
static bool
ipv6_separator(struct str s, const char *p, const char **q, int *dots,
    bool *gap)
{
	const char *at = *q, *end = str_end(s);

	if (*at == '.') {
		(*dots)++;
		return at != p && at - p <= 3 &&
		    sip_run(p, at, C_DIGIT) == at;
	}
	if (*at != ':' || *dots > 0)
		return false;
	if (at + 1 < end && at[1] == ':') {
		if (*gap)
			return false;
		*gap = true;
		*q = at + (at + 2 < end && at[2] == ':' ? 2 : 1);
		return true;
	}
	return at + 1 != end && at != s.p;
}

/*
 * An IPv6 address in text: groups of one to four digits, one gap, a dotted
 * quad at the end.  The gap may have three colons, as the grammar of RFC 3261
 * had it before a dotted quad (RFC 5118 4.10).
 */
static bool
ipv6_ok(struct str s)
{
	const char *p = s.p, *end = str_end(s);
	int groups = 0, dots = 0;
	bool gap = false;

	if (s.n < 2 || s.n > 46)
		return false;
	while (p < end) {
		const char *q = sip_run(p, end, C_HEX);
		if (q - p > 4)
			return false;
		groups += q > p;
		if (q == end)
			break;
		if (!ipv6_separator(s, p, &q, &dots, &gap))
			return false;
		p = q + 1;
	}
	if (dots != 0 && (dots != 3 || !sip_is(end[-1], C_DIGIT)))
		return false;
	/* A dotted quad counts as four groups here and stands for two. */
	groups -= dots == 3 ? 2 : 0;
	return gap ? groups <= 7 : groups == 8;
}

static int
port_of(const char **p, const char *end, uint16_t *port)
{
	uint32_t v = 0;
	const char *q = *p;

	for (; q < end && sip_is(*q, C_DIGIT); q++) {
		v = v * 10 + (uint32_t)(*q - '0');
		if (v > 65535)
			return E_PARSE;
	}
	if (v == 0)
		return E_PARSE;
	*port = (uint16_t)v;
	*p = q;
	return 0;
}

int
sip_host_port(const char **p, const char *end, bool lws, struct str *host,
    uint16_t *port)
{
	const char *q = *p, *after;

	*port = 0;
	if (q < end && *q == '[') {
		const char *close = memchr(q, ']', (size_t)(end - q));
		if (close == NULL ||
		    !ipv6_ok(str_of(q + 1, (size_t)(close - q - 1))))
			return E_PARSE;
		q = close + 1;
	} else {
		q = sip_run(q, end, C_HOST);
	}
	*host = str_of(*p, (size_t)(q - *p));
	if (host->n == 0)
		return E_PARSE;
	*p = q;
	after = lws ? sip_run(q, end, C_LWS) : q;
	if (after == end || *after != ':')
		return 0;
	after++;
	if (lws)
		after = sip_run(after, end, C_LWS);
	*p = after;
	return port_of(p, end, port);
}

int
sip_version(struct str s)
{
	const char *p = s.p, *end = str_end(s), *q;

	if (s.n == 7 && memcmp(p, "SIP/2.0", 7) == 0)
		return 2;
	/* RFC 3261 7.1: compared without case. */
	if (s.n < 7 || !str_istarts(s, STR("SIP/")))
		return 0;
	p += 4;
	q = sip_run(p, end, C_DIGIT);
	if (q == p || q == end || *q != '.')
		return 0;
	p = q + 1;
	if (p == end || sip_run(p, end, C_DIGIT) != end)
		return 0;
	return str_eq(str_from(s, 4), STR("2.0")) ? 2 : 1;
}
