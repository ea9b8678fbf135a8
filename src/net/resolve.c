/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/resolve.h"

#include <netdb.h>

#define HOST_MAX 256

/* Take ":5061" off the end; false: it is no port. */
static bool
cut_port(struct str *host, uint16_t *port)
{
	size_t at = host->n;
	uint32_t v;

	while (at > 0 && host->p[at - 1] >= '0' && host->p[at - 1] <= '9')
		at--;
	if (at == 0 || host->p[at - 1] != ':')
		return str_find(*host, ':') == host->n;
	if (!str_u32(str_from(*host, at), &v) || v == 0 || v > UINT16_MAX)
		return false;
	*port = (uint16_t)v;
	*host = str_of(host->p, at - 1);
	return true;
}

int
resolve(struct addr *out, struct str host, uint16_t port, struct buf *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char name[HOST_MAX];
	int rc;

	if (addr_parse(out, host, port) == 0)
		return 0;
	if (!cut_port(&host, &port) || host.n == 0 ||
	    !str_copy(name, sizeof(name), host)) {
		buf_printf(why, "\"%.*s\" is no host, expected NAME, ADDRESS "
		    "or either with :PORT", STR_FMT(host));
		return E_PARSE;
	}
	rc = getaddrinfo(name, NULL, &hints, &found);
	if (rc != 0) {
		buf_printf(why, "no address for \"%s\": %s", name,
		    gai_strerror(rc));
		return E_ABSENT;
	}
	addr_from_sa(out, found->ai_addr);
	addr_set_port(out, port);
	freeaddrinfo(found);
	return 0;
}
