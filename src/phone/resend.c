/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/resend.h"

void
resend_start(struct resend *t, bool quiet, uint32_t most_ms, uint64_t now_ms)
{
	*t = (struct resend) {
		.running = true,
		.quiet = quiet,
		.every_ms = TXN_T1_MS,
		.most_ms = most_ms,
		.again_ms = now_ms + TXN_T1_MS,
		.over_ms = now_ms + TXN_TIMER_B_MS,
	};
}

void
resend_stop(struct resend *t)
{
	t->running = false;
}

void
resend_response(struct resend *t, int status, uint64_t now_ms)
{
	if (status >= 200) {
		t->running = false;
	} else if (!t->proceeding) {
		/* RFC 3261 17.1.2.2: from now on every T2. */
		t->proceeding = true;
		t->every_ms = TXN_T2_MS;
		t->again_ms = now_ms + TXN_T2_MS;
	}
}

enum resend_due
resend_due(struct resend *t, uint64_t now_ms)
{
	if (!t->running)
		return RESEND_NOTHING;
	if (now_ms >= t->over_ms) {
		t->running = false;
		return RESEND_OVER;
	}
	if (t->quiet || now_ms < t->again_ms)
		return RESEND_NOTHING;
	t->every_ms *= 2;
	if (t->most_ms > 0 && t->every_ms > t->most_ms)
		t->every_ms = t->most_ms;
	t->again_ms = now_ms + t->every_ms;
	return RESEND_AGAIN;
}

uint64_t
resend_next_ms(const struct resend *t)
{
	if (!t->running)
		return UINT64_MAX;
	return !t->quiet && t->again_ms < t->over_ms ? t->again_ms :
	    t->over_ms;
}
