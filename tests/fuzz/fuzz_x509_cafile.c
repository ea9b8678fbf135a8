/* SPDX-License-Identifier: BSD-2-Clause */
/* What a phone fetched as its CA file: any bytes. */
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>

#include "x509/cafile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct x509_cafile_want w = {
		.forms = X509_FORM_PEM | X509_FORM_DER,
		.now_s = 1795000000, /* the seeds are valid then */
	};
	struct str text = { (const char *)data, n };
	struct x509_set *into = NULL;
	struct buf why;

	buf_init(&why, 1 << 12);
	if (x509_set_new(&into) != 0)
		return 0;
	if (x509_cafile_read(into, text, &w, &why) == 0)
		must(x509_set_count(into) > 0 && why.n == 0);
	else
		must(x509_set_count(into) == 0 && why.n > 0);
	for (size_t i = 0; i < why.n; i++)
		must((unsigned char)why.p[i] >= ' ');
	must(ERR_peek_error() == 0);
	must(x509_cafile_pick(into, text, NULL, 0) <= x509_set_count(into));
	must(ERR_peek_error() == 0);
	buf_fini(&why);
	x509_set_free(into);
	return 0;
}
