/* SPDX-License-Identifier: BSD-2-Clause */
/* A session description: what is read of it can be answered, and the answer
 * read again. */
#include <stdint.h>
#include <stdlib.h>

#include "phone/sdp.h"

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
	static char text[1 << 20];
	struct sdp s, again;
	struct addr at;
	struct buf out;

	if (sdp_parse(&s, str_of((const char *)data, n)) != 0)
		return 0;
	must(s.nmedia <= SDP_MEDIA_MAX && s.audio < (int)s.nmedia);
	must(sdp_audio(&s) == NULL || sdp_audio(&s)->port != 0);
	must(addr_parse(&at, STR("192.0.2.1:4000"), 0) == 0);
	buf_init_array(&out, text, sizeof(text));
	sdp_put_answer(&out, &s, &at, 1, 1);
	must(out.failed || sdp_parse(&again, buf_as_str(&out)) == 0);
	must(out.failed || (again.nmedia == s.nmedia &&
	    again.audio == s.audio && again.payload == s.payload));
	return 0;
}
