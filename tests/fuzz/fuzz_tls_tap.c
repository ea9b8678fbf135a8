/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tap reads from a client's bytes is the same however they arrive;
 * its ClientHello is fingerprinted and printed as evidence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_hello(const struct tls_hello *h, void *arg)
{
	trust_evidence_hello(arg, h);
}

static void
feed(struct trust_evidence *e, const uint8_t *data, size_t n, size_t step)
{
	struct tls_tap t;

	trust_evidence_init(e);
	tls_tap_init(&t);
	for (size_t at = 0; at < n; at += step)
		tls_tap_feed(&t, TLS_CLIENT, str_of((const char *)data + at,
		    n - at < step ? n - at : step), 1, on_hello, e);
	trust_evidence_tap(e, &t);
	tls_tap_fini(&t);
}

static void
print(struct buf *out, const struct trust_evidence *e)
{
	buf_reset(out);
	trust_evidence_print(out, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct trust_evidence whole, pieces;
	static char a[32768], b[32768], line[TRUST_LINE_MAX];
	struct trust_verdict v;
	struct buf one, two, l;

	if (n < 2)
		return 0;
	feed(&whole, data + 1, n - 1, n);
	feed(&pieces, data + 1, n - 1, 1 + data[0] % 32);
	buf_init_array(&one, a, sizeof(a));
	buf_init_array(&two, b, sizeof(b));
	print(&one, &whole);
	print(&two, &pieces);
	must(!one.failed && str_eq(buf_as_str(&one), buf_as_str(&two)));
	trust_judge(&v, &whole, NULL);
	buf_init_array(&l, line, sizeof(line));
	trust_verdict_line(&l, &v, &whole, NULL, 1, 600);
	must(!l.failed && memchr(line, '\n', l.n) == NULL);
	return 0;
}
