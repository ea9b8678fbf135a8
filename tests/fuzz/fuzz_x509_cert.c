/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>

#include "x509/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW ((int64_t)1795000000) /* the seeds are valid then */

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A file that holds the certificates and the key. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = { (const char *)data, n };
	struct x509_source src = { "chain", text, "key", text };
	struct x509_chain *c = NULL;
	X509 *cert = NULL;
	struct buf why;

	buf_init(&why, 1 << 16);
	if (x509_chain_read(&c, &src, NOW, &why) == 0) {
		must(why.n == 0);
		must(c->leaf != NULL && c->key != NULL);
		must(c->not_before_s <= NOW && NOW <= c->not_after_s);
		must(sk_X509_num(c->rest) < X509_CHAIN_MAX);
		x509_chain_free(c);
	} else {
		must(c == NULL && why.n > 0);
		/* One line of text, whatever the certificate's names hold. */
		for (size_t i = 0; i < why.n; i++)
			must((unsigned char)why.p[i] >= ' ');
	}
	must(ERR_peek_error() == 0);
	buf_reset(&why);
	if (x509_cert_read(&cert, "cert", text, &why) == 0) {
		char print[96];
		x509_fingerprint(cert, print);
		must(print[94] != '\0' && print[95] == '\0');
		X509_free(cert);
	}
	must(ERR_peek_error() == 0);
	buf_fini(&why);
	return 0;
}
