/* SPDX-License-Identifier: BSD-2-Clause */
/* Two URIs with a line between: parsed, compared, made an address-of-record. */
#include <stdint.h>
#include <stdlib.h>

#include "sip/uri.h"

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
	struct str second = str_of((const char *)data, n);
	struct str first = str_cut(&second, '\n');
	struct sip_uri a, b;
	struct str value;
	char text[512];
	struct buf aor;
	bool ok_a = sip_uri_parse(&a, first) == 0;
	bool ok_b = second.p != NULL && sip_uri_parse(&b, second) == 0;

	if (!ok_a)
		return 0;
	must(sip_uri_equal(&a, &a) || a.scheme == SIP_SCHEME_OTHER);
	if (ok_b)
		must(sip_uri_equal(&a, &b) == sip_uri_equal(&b, &a));
	if (sip_uri_param(&a, STR("transport"), &value))
		must(value.n <= first.n);
	buf_init_array(&aor, text, sizeof(text));
	sip_uri_aor(&aor, &a, STR_NULL);
	must(aor.failed || aor.n <= sizeof(text));
	return 0;
}
