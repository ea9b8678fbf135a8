/* SPDX-License-Identifier: BSD-2-Clause */
/* The text form of evidence: what was read prints, and reads again the same. */
#include <stdint.h>
#include <stdlib.h>

#include "trust/verdict.h"

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
	static struct trust_evidence e, again;
	static char a[32768], b[32768];
	struct trust_verdict v;
	struct buf one, two;
	int line = 0;

	if (trust_evidence_scan(&e, str_of((const char *)data, n), &line) !=
	    0) {
		must(line > 0);
		return 0;
	}
	buf_init_array(&one, a, sizeof(a));
	buf_init_array(&two, b, sizeof(b));
	trust_evidence_print(&one, &e);
	must(!one.failed);
	must(trust_evidence_scan(&again, buf_as_str(&one), &line) == 0);
	trust_evidence_print(&two, &again);
	must(str_eq(buf_as_str(&one), buf_as_str(&two)));
	trust_judge(&v, &e, NULL);
	must(v.cause < TRUST_CAUSES);
	return 0;
}
