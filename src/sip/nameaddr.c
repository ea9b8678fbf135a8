/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/nameaddr - From, To, Contact, Route and Path values.
 */
#include "sip/nameaddr.h"
#include "sip/sip_int.h"

/* *(token LWS), before "<"; letters beyond ASCII are let pass unquoted. */
static bool
display_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!sip_is(s.p[i], C_TOKEN | C_LWS) && (uint8_t)s.p[i] < 0x80)
			return false;
	}
	return true;
}

/* The part before "<": none, a quoted-string, or tokens. */
static int
display(struct sip_nameaddr *out, const char **p, const char *end)
{
	const char *q, *lt;

	if (**p == '"') {
		q = sip_quoted_end(*p, end);
		if (q == NULL)
			return E_PARSE;
		lt = sip_run(q, end, C_LWS);
		if (lt == end || *lt != '<')
			return E_PARSE;
	} else {
		lt = memchr(*p, '<', (size_t)(end - *p));
		if (lt == NULL)
			return 0;
		for (q = lt; q > *p && sip_is(q[-1], C_LWS); q--)
			continue;
		if (!display_ok(str_of(*p, (size_t)(q - *p))))
			return E_PARSE;
	}
	if (q > *p)
		out->display = str_of(*p, (size_t)(q - *p));
	out->brackets = true;
	*p = lt + 1;
	return 0;
}

/* What follows the address: nothing or ";...". */
static int
params(struct sip_nameaddr *out, const char *p, const char *end)
{
	p = sip_run(p, end, C_LWS);
	if (p < end && *p != ';')
		return E_PARSE;
	out->params = str_of(p, (size_t)(end - p));
	return 0;
}

int
sip_nameaddr_parse(struct sip_nameaddr *out, struct str s)
{
	const char *p, *end, *q;

	*out = (struct sip_nameaddr) { .params = STR("") };
	s = str_trim(s);
	if (s.n == 0)
		return E_PARSE;
	p = s.p;
	end = str_end(s);
	if (*p == '*' && s.n == 1) {
		out->star = true;
		out->uri = s;
		return 0;
	}
	/*
	 * RFC 3261 20: without brackets all that follows the first ';' is
	 * header parameters, and a URI with a comma or '?' needs brackets.
	 * No display name begins with a token and a colon.
	 */
	q = sip_run(p, end, C_TOKEN);
	if (q < end && *q == ':') {
		for (; q < end && sip_is(*q, C_VALUE) && *q != '?'; q++)
			continue;
		out->uri = str_of(p, (size_t)(q - p));
		return params(out, q, end);
	}
	if (display(out, &p, end) != 0 || !out->brackets)
		return E_PARSE;
	q = sip_run(p, end, C_URIC);
	if (q == p || q == end || *q != '>')
		return E_PARSE;
	out->uri = str_of(p, (size_t)(q - p));
	return params(out, q + 1, end);
}
