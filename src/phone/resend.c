/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/resend.h"

void
resend_start(struct resend *t, bool quiet, uint32_t most_ms, uint64_t now_ms)
{
	*t = (struct resend) {
		.running = true,
		.quiet = quiet,
		.every_ms = CTXN_T1_MS,
		.most_ms = most_ms,
		.again_ms = now_ms + CTXN_T1_MS,
		.over_ms = now_ms + UINT64_C(64) * CTXN_T1_MS,
	};
}

void
resend_stop(struct resend *t)
{
	t->running = false;
}

enum ctxn_due
resend_due(struct resend *t, uint64_t now_ms)
{
	if (!t->running)
		return CTXN_NOTHING;
	if (now_ms >= t->over_ms) {
		t->running = false;
		return CTXN_OVER;
	}
	if (t->quiet || now_ms < t->again_ms)
		return CTXN_NOTHING;
	t->every_ms *= 2;
	if (t->most_ms > 0 && t->every_ms > t->most_ms)
		t->every_ms = t->most_ms;
	t->again_ms = now_ms + t->every_ms;
	return CTXN_AGAIN;
}

uint64_t
resend_next_ms(const struct resend *t)
{
	if (!t->running)
		return UINT64_MAX;
	return !t->quiet && t->again_ms < t->over_ms ? t->again_ms :
	    t->over_ms;
}
