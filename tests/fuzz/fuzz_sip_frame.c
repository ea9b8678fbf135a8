/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream cut into messages gives the same results however it arrives: all at
 * once, or in pieces whose sizes the first input byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sip/frame.h"

#define HEAD_MAX    2048
#define MESSAGE_MAX 4096
#define EVENTS      4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct event {
	enum sip_frame_result result;
	size_t end; /* in the stream */
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static size_t
cut(const uint8_t *data, size_t n, size_t step, struct event *out)
{
	struct sip_frame f = { 0 };
	size_t at = 0, have = 0, count = 0;

	while (count < EVENTS) {
		const char *why = NULL;
		size_t used = 0;
		enum sip_frame_result r = SIP_FRAME_MORE;

		if (at < have)
			r = sip_frame_next(&f, str_of((const char *)data + at,
			    have - at), HEAD_MAX, MESSAGE_MAX, &used, &why);
		must(used <= have - at);
		if (r == SIP_FRAME_MORE) {
			must(used == 0);
			if (have == n)
				break;
			have = n - have < step ? n : have + step;
			continue;
		}
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT) {
			/* How much is there for an answer may differ. */
			out[count++] = (struct event) { r, 0 };
			break;
		}
		must(used > 0);
		at += used;
		/* Stray line ends may come as one or as several. */
		if (r != SIP_FRAME_SKIP)
			out[count++] = (struct event) { r, at };
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct event whole[EVENTS], pieces[EVENTS];
	size_t step, a, b;

	if (n < 2)
		return 0;
	step = 1 + data[0] % 64;
	a = cut(data + 1, n - 1, n, whole);
	b = cut(data + 1, n - 1, step, pieces);
	/* Keepalives may be seen in halves: only messages must agree. */
	for (size_t i = 0, k = 0; i < a || k < b; i++, k++) {
		while (i < a && whole[i].result == SIP_FRAME_PING)
			i++;
		while (k < b && pieces[k].result == SIP_FRAME_PING)
			k++;
		if (i == a || k == b) {
			must(i == a && k == b);
			break;
		}
		must(whole[i].result == pieces[k].result);
		must(whole[i].end == pieces[k].end);
	}
	return 0;
}
