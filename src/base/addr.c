/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"

static void
set_in(struct addr *out, const struct in_addr *ip, in_port_t port)
{
	memset(out, 0, sizeof(*out));
	out->u.in.sin_family = AF_INET;
	out->u.in.sin_addr = *ip;
	out->u.in.sin_port = port;
}

/* Port in network order.  Maps ::ffff:a.b.c.d to a.b.c.d. */
static void
set_in6(struct addr *out, const struct in6_addr *ip, uint32_t scope,
    in_port_t port)
{
	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		struct in_addr v4;
		memcpy(&v4, ip->s6_addr + 12, sizeof(v4));
		set_in(out, &v4, port);
		return;
	}
	memset(out, 0, sizeof(*out));
	out->u.in6.sin6_family = AF_INET6;
	out->u.in6.sin6_addr = *ip;
	out->u.in6.sin6_port = port;
	if (IN6_IS_ADDR_LINKLOCAL(ip))
		out->u.in6.sin6_scope_id = scope;
}

static int
parse_v4(struct addr *out, struct str s)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr ip;
	if (memchr(s.p, '\0', s.n) != NULL ||
	    !str_copy(text, sizeof(text), s) ||
	    inet_pton(AF_INET, text, &ip) != 1)
		return E_PARSE;
	set_in(out, &ip, 0);
	return 0;
}

/* A zone is an interface's name or its number. */
static int
parse_scope(uint32_t *out, struct str zone)
{
	char text[IF_NAMESIZE];
	if (str_u32(zone, out))
		return 0;
	if (zone.n == 0 || !str_copy(text, sizeof(text), zone))
		return E_PARSE;
	*out = if_nametoindex(text);
	return *out != 0 ? 0 : E_PARSE;
}

static int
parse_v6(struct addr *out, struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	uint32_t scope = 0;
	if (memchr(s.p, '\0', s.n) != NULL)
		return E_PARSE;
	bool zoned = str_find(s, '%') < s.n;
	struct str host = str_cut(&s, '%');
	if (!str_copy(text, sizeof(text), host) ||
	    inet_pton(AF_INET6, text, &ip) != 1)
		return E_PARSE;
	if (zoned && (!IN6_IS_ADDR_LINKLOCAL(&ip) ||
			 parse_scope(&scope, s) != 0))
		return E_PARSE;
	set_in6(out, &ip, scope, 0);
	return 0;
}

int
addr_parse_ip(struct addr *out, struct str s)
{
	if (s.n == 0)
		return E_PARSE;
	if (s.p[0] == '[') {
		if (s.n < 3 || s.p[s.n - 1] != ']')
			return E_PARSE;
		return parse_v6(out, str_of(s.p + 1, s.n - 2));
	}
	if (str_find(s, ':') < s.n)
		return parse_v6(out, s);
	return parse_v4(out, s);
}

/* Where the host of HOST[:PORT] ends; IPv6 without brackets has no port. */
static size_t
host_end(struct str s)
{
	if (s.n > 0 && s.p[0] == '[') {
		size_t close = str_find(s, ']');
		return close < s.n ? close + 1 : s.n;
	}
	size_t colon = str_find(s, ':');
	if (str_find(str_from(s, colon + 1), ':') < s.n - colon - 1)
		return s.n;
	return colon;
}

int
addr_parse(struct addr *out, struct str s, uint16_t default_port)
{
	uint32_t port = default_port;
	struct addr a;
	size_t end = host_end(s);
	struct str rest = str_from(s, end);

	if (rest.n > 0) {
		if (rest.p[0] != ':' || rest.n > 6 ||
		    !str_u32(str_from(rest, 1), &port) || port > UINT16_MAX)
			return E_PARSE;
	}
	int err = addr_parse_ip(&a, str_of(s.p, end));
	if (err != 0)
		return err;
	addr_set_port(&a, (uint16_t)port);
	*out = a;
	return 0;
}

void
addr_from_sa(struct addr *out, const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		set_in(out, &in.sin_addr, in.sin_port);
		return;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		set_in6(out, &in6.sin6_addr, in6.sin6_scope_id, in6.sin6_port);
		return;
	}
	memset(out, 0, sizeof(*out));
}

socklen_t
addr_len(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return sizeof(a->u.in);
	case AF_INET6:
		return sizeof(a->u.in6);
	}
	return 0;
}

uint16_t
addr_port(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	}
	return 0;
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (a->u.sa.sa_family == AF_INET)
		a->u.in.sin_port = htons(port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

/* Decimal digits and where they end: every answer has an address in it. */
static char *
put_number(char *at, unsigned v)
{
	char digits[8];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static char *
put_ip4(char *at, const struct in_addr *ip)
{
	uint32_t v = ntohl(ip->s_addr);
	for (int shift = 24; shift >= 0; shift -= 8) {
		at = put_number(at, v >> shift & 0xff);
		*at++ = '.';
	}
	return at - 1;
}

static char *
put_ip6(char *at, const struct sockaddr_in6 *in6, bool bracket)
{
	char ip[INET6_ADDRSTRLEN] = "?", zone[IF_NAMESIZE + 1] = "";
	uint32_t scope = in6->sin6_scope_id;
	IGNORE(inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip)) ==
	    NULL); /* it has the room */
	if (scope != 0) {
		zone[0] = '%';
		/* An interface that has gone is named by number. */
		if (if_indextoname(scope, zone + 1) == NULL)
			snprintf(zone, sizeof(zone), "%%%u", scope);
	}
	return at + snprintf(at, ADDR_STRLEN - sizeof(":65535"), "%s%s%s%s",
	    bracket ? "[" : "", ip, zone, bracket ? "]" : "");
}

static char *
put_ip(char *at, const struct addr *a, bool bracket)
{
	if (a->u.sa.sa_family == AF_INET)
		return put_ip4(at, &a->u.in.sin_addr);
	if (a->u.sa.sa_family == AF_INET6)
		return put_ip6(at, &a->u.in6, bracket);
	*at = '?';
	return at + 1;
}

const char *
addr_print_ip(const struct addr *a, bool bracket, char out[ADDR_STRLEN])
{
	*put_ip(out, a, bracket) = '\0';
	return out;
}

const char *
addr_print(const struct addr *a, char out[ADDR_STRLEN])
{
	char *at = put_ip(out, a, true);
	*at++ = ':';
	*put_number(at, addr_port(a)) = '\0';
	return out;
}

bool
addr_equal_ip(const struct addr *a, const struct addr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	case AF_INET6:
		return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) ==
		    0 && a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id;
	}
	return true;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_equal_ip(a, b) && addr_port(a) == addr_port(b);
}

uint64_t
addr_hash_ip(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return hash_bytes(&a->u.in.sin_addr, 4);
	case AF_INET6:
		return hash_bytes(&a->u.in6.sin6_addr, 16);
	}
	return 0;
}

bool
addr_is_any(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6:
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
	}
	return false;
}

bool
addr_is_loopback(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohl(a->u.in.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	}
	return false;
}

bool
addr_is_linklocal(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohl(a->u.in.sin_addr.s_addr) >> 16 == 0xa9fe;
	return a->u.sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr);
}

bool
addr_is_set(const struct addr *a)
{
	return a->u.sa.sa_family != AF_UNSPEC;
}

static bool
contains(const struct addr *list, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++) {
		if (addr_equal_ip(&list[i], a))
			return true;
	}
	return false;
}

size_t
addr_local(struct addr *out, size_t max)
{
	struct ifaddrs *all;
	size_t n = 0;
	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *i = all; i != NULL && n < max; i = i->ifa_next) {
		struct addr a;
		if (i->ifa_addr == NULL)
			continue;
		addr_from_sa(&a, i->ifa_addr);
		if (addr_is_set(&a) && !contains(out, n, &a))
			out[n++] = a;
	}
	freeifaddrs(all);
	return n;
}
