/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client that came to the TLS port speaks, by its first bytes: a
 * library only says that its version number is wrong.
 */
#include "tlswire/tap.h"

#include "tlswire/alert.h"

/* The methods of SIP are on another module of this floor: these are theirs. */
static const struct str sip_method[] = {
	STR("REGISTER "), STR("OPTIONS "), STR("INVITE "), STR("ACK "),
	STR("BYE "), STR("CANCEL "), STR("SUBSCRIBE "), STR("NOTIFY "),
	STR("MESSAGE "), STR("PUBLISH "), STR("REFER "), STR("INFO "),
	STR("UPDATE "), STR("PRACK "),
};

static const struct str http_method[] = {
	STR("GET "), STR("POST "), STR("HEAD "), STR("PUT "), STR("DELETE "),
	STR("CONNECT "), STR("TRACE "), STR("PATCH "), STR("PROPFIND "),
	STR("PRI * HTTP/"), STR("HTTP/"),
};

/* Several methods are common to both, the target is not: a path or "*". */
static enum tls_first
by_target(struct str target)
{
	if (target.n > 0 && (target.p[0] == '/' || target.p[0] == '*'))
		return TLS_FIRST_HTTP;
	if (str_istarts(target, STR("http")))
		return TLS_FIRST_HTTP;
	return TLS_FIRST_SIP;
}

static enum tls_first
first_text(struct str s)
{
	struct str start = s;

	while (s.n > 0 && (s.p[0] == '\r' || s.p[0] == '\n'))
		s = str_from(s, 1);
	/* RFC 5626 3.5.1: a client pings with a double CRLF. */
	if (s.n == 0 && str_starts(start, STR("\r\n\r\n")))
		return TLS_FIRST_SIP;
	if (str_istarts(s, STR("SIP/2.0")))
		return TLS_FIRST_SIP;
	for (size_t i = 0; i < ARRAY_LEN(sip_method); i++)
		if (str_starts(s, sip_method[i]))
			return by_target(str_from(s, sip_method[i].n));
	for (size_t i = 0; i < ARRAY_LEN(http_method); i++)
		if (str_starts(s, http_method[i]))
			return TLS_FIRST_HTTP;
	return TLS_FIRST_OTHER;
}

/* RFC 5246 E.2: a record header of two bytes, msg_type 1, a version. */
static bool
is_sslv2(const uint8_t *p, size_t n)
{
	if (n < 3 || (p[0] & 0x80) == 0 || p[2] != 1)
		return false;
	if (n < 5)
		return true;
	return p[3] == 3 || (p[3] == 0 && p[4] == TLS_VERSION_SSL2);
}

enum tls_first
tls_tap_first(const struct tls_tap *t)
{
	const uint8_t *p = t->first;
	size_t n = t->nfirst;

	if (n == 0)
		return TLS_FIRST_NOTHING;
	if (p[0] == 0x16 && (n == 1 || p[1] == 3))
		return TLS_FIRST_TLS;
	if (p[0] == 0x15 && (n == 1 || p[1] == 3))
		return TLS_FIRST_ALERT;
	if (is_sslv2(p, n))
		return TLS_FIRST_SSLV2;
	return first_text(str_of((const char *)p, n));
}
