/* SPDX-License-Identifier: BSD-2-Clause */
/* A log: any bytes give the same events however they are cut. */
#include <stdint.h>
#include <stdlib.h>

#include "diag/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct sum {
	uint64_t events, lines, of_kinds;
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_event(const struct pbxlog_event *e, void *arg)
{
	struct sum *s = arg;
	struct explain x;

	explain_event(&x, e);
	must(x.verdict.cause > TRUST_CAUSE_NONE &&
	    x.verdict.cause < TRUST_CAUSES);
	must(x.verdict.confidence < TRUST_CERTAIN);
	must(x.what[0] != '\0' && x.how[0] != '\0' && x.next[0] != '\0');
	must(e->first_line > 0 && e->last_line >= e->first_line);
	must(e->lines <= e->last_line - e->first_line + 1);
	s->events++;
	s->lines += e->lines;
	s->of_kinds = s->of_kinds * 31 + (uint64_t)e->told + e->first_line;
}

static struct pbxlog_counts
read_in(struct sum *s, const uint8_t *data, size_t n, size_t step)
{
	struct pbxlog_counts counts = { 0 };
	struct pbxlog *l;

	*s = (struct sum) { 0 };
	if (pbxlog_new(&l, on_event, s) != 0)
		return counts;
	for (size_t i = 0; i < n; i += step)
		pbxlog_feed(l, str_of((const char *)data + i,
		    n - i < step ? n - i : step));
	pbxlog_flush(l);
	counts = *pbxlog_counts(l);
	pbxlog_free(l);
	return counts;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sum whole, parts;
	struct pbxlog_counts a, b;

	if (n == 0)
		return 0;
	a = read_in(&whole, data, n, n);
	b = read_in(&parts, data, n, 1 + data[0] % 61);
	must(whole.events == parts.events && whole.lines == parts.lines &&
	    whole.of_kinds == parts.of_kinds);
	must(a.lines == b.lines && a.unknown == b.unknown &&
	    a.harmless == b.harmless && a.too_long == b.too_long &&
	    a.bytes == n && b.bytes == n);
	must(a.events == whole.events && a.of_events == whole.lines);
	must(a.of_events + a.harmless + a.unknown + a.too_long <= a.lines);
	return 0;
}
