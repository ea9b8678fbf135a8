/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ClientHello alone, without the records around it: every slice lies inside
 * of the message, every walk ends, and what is refused can be walked as well.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlswire/fingerprint.h"
#include "tlswire/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
inside(struct str whole, struct str part)
{
	must(part.n == 0 || (part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n));
}

static void
walk_u16(struct str list)
{
	size_t steps = 0;
	uint16_t v;

	for (size_t pos = 0; tls_next_u16(list, &pos, &v); steps++)
		must(steps < list.n);
}

static void
walk(const struct tls_hello *h, struct str msg)
{
	const struct str parts[] = { h->session_id, h->cipher_suites,
		h->compression, h->extensions, h->server_name, h->alpn,
		h->supported_versions, h->groups, h->point_formats, h->sigalgs,
		h->sigalgs_cert, h->trusted_ca_keys,
		h->certificate_authorities };
	struct str body;
	size_t steps = 0;
	uint16_t v;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		inside(msg, parts[i]);
	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v); steps++)
		must(steps < msg.n);
	steps = 0;
	for (size_t pos = 0; tls_hello_next_extension(h, &pos, &v, &body);
	    steps++) {
		must(steps < msg.n);
		inside(msg, body);
	}
	walk_u16(h->supported_versions);
	walk_u16(h->groups);
	walk_u16(h->sigalgs);
	walk_u16(h->sigalgs_cert);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Of just that size: a read behind it is seen. */
	char *copy = malloc(n + (n == 0));
	struct str msg = str_of(copy, n);
	struct tls_hello h;
	char ja3[TLS_JA3_LEN], ja4[TLS_JA4_LEN];

	must(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	int rc = tls_hello_parse(&h, msg);
	must(rc == 0 || rc == E_PARSE);
	walk(&h, msg);
	if (rc == 0) {
		tls_ja3(&h, ja3);
		tls_ja4(&h, ja4);
		must(strlen(ja3) == TLS_JA3_LEN - 1);
		must(strlen(ja4) == TLS_JA4_LEN - 1);
		must(!h.sslv2 || h.extensions.n == 0);
	}
	free(copy);
	return 0;
}
