/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram that may be STUN: an answer is short, well formed and no STUN
 * request, so that two edges cannot keep each other busy. */
#include <stdint.h>
#include <stdlib.h>

#include "sip/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char memory[STUN_ANSWER_MAX], again[STUN_ANSWER_MAX];
	struct buf out, more;
	struct addr source;
	bool ip6 = n > 0 && (data[n - 1] & 1) != 0;

	if (addr_parse(&source, ip6 ? STR("[2001:db8::1]:5060") :
	    STR("192.0.2.1:5060"), 0) != 0)
		abort();
	buf_init_array(&out, memory, sizeof(memory));
	buf_init_array(&more, again, sizeof(again));
	if (!stun_answer(&out, str_of((const char *)data, n), &source)) {
		if (out.n != 0)
			abort();
		return 0;
	}
	if (out.failed)
		abort();
	/* Without the cookie an answer is not even taken for STUN. */
	if (out.n > 0 && stun_answer(&more, buf_as_str(&out), &source) &&
	    more.n > 0)
		abort();
	return 0;
}
