/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/ctxn.h"

void
ctxn_start(struct ctxn *t, bool reliable, uint64_t now_ms)
{
	*t = (struct ctxn) {
		.running = true,
		.reliable = reliable,
		.every_ms = CTXN_T1_MS,
		.again_ms = now_ms + CTXN_T1_MS,
		.over_ms = now_ms + UINT64_C(64) * CTXN_T1_MS,
	};
}

void
ctxn_response(struct ctxn *t, int status, uint64_t now_ms)
{
	if (status >= 200) {
		t->running = false;
	} else if (!t->proceeding) {
		/* RFC 3261 17.1.2.2: from now on every T2. */
		t->proceeding = true;
		t->every_ms = CTXN_T2_MS;
		t->again_ms = now_ms + CTXN_T2_MS;
	}
}

enum ctxn_due
ctxn_due(struct ctxn *t, uint64_t now_ms)
{
	if (!t->running)
		return CTXN_NOTHING;
	if (now_ms >= t->over_ms) {
		t->running = false;
		return CTXN_OVER;
	}
	if (t->reliable || now_ms < t->again_ms)
		return CTXN_NOTHING;
	t->every_ms = t->every_ms * 2 < CTXN_T2_MS ? t->every_ms * 2 :
	    CTXN_T2_MS;
	t->again_ms = now_ms + t->every_ms;
	return CTXN_AGAIN;
}

uint64_t
ctxn_next_ms(const struct ctxn *t)
{
	if (!t->running)
		return UINT64_MAX;
	return !t->reliable && t->again_ms < t->over_ms ? t->again_ms :
	    t->over_ms;
}
