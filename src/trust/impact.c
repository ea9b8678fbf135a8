/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/impact.h"

static const struct {
	enum trust_impact_says says;
	const char *name, *text, *decides;
} rows[TRUST_IMPACT_WHYS] = {
#define IMPACT(id, says, name, sentence, decides)                              \
	[TRUST_IMPACT_##id] = { TRUST_IMPACT_##says, name, sentence, decides },
#include "trust/impact.def"
#undef IMPACT
};

const char *
trust_impact_says_name(enum trust_impact_says s)
{
	static const char *const names[] = { "accepts", "refuses", "unknown",
		"untouched" };

	return names[s];
}

const char *
trust_impact_why_name(enum trust_impact_why w)
{
	return rows[w].name;
}

const char *
trust_impact_why_text(enum trust_impact_why w)
{
	return rows[w].text;
}

const char *
trust_impact_decides(enum trust_impact_why w)
{
	return rows[w].decides;
}

/* What is new to a device that accepts this past chain; ACCEPTED_ROOT: nothing
 * that matters. */
static enum trust_impact_why
compare(const struct trust_impact_question *q,
    const struct trust_impact_past *p)
{
	if (q->key != TRUST_KEY_UNKNOWN && p->key != TRUST_KEY_UNKNOWN &&
	    q->key != p->key)
		return TRUST_IMPACT_OTHER_KEY;
	if ((q->faults & ~p->faults) != 0)
		return TRUST_IMPACT_NEW_FAULT;
	if (p->depth != 0 && q->depth > p->depth)
		return TRUST_IMPACT_LONGER;
	return TRUST_IMPACT_ACCEPTED_ROOT;
}

/* By the device's own deeds; NEVER_SHOWN: none of them is about such a root.
 * Of its words about the root the last counts. */
static enum trust_impact_why
by_deeds(const struct trust_impact_question *q, int *by)
{
	enum trust_impact_why why = TRUST_IMPACT_NEVER_SHOWN;
	uint32_t yes = 0;
	int lacks = -1;

	*by = -1;
	for (size_t i = 0; i < q->n; i++) {
		const struct trust_impact_past *p = &q->past[i];
		enum trust_impact_why w = TRUST_IMPACT_REFUSED_OTHERWISE;

		if (!p->to_root)
			continue;
		if (p->accepts) {
			w = compare(q, p);
			yes = p->no > yes ? p->no : yes;
		} else if (p->lacks) {
			if (lacks < 0 || p->no > q->past[lacks].no)
				lacks = (int)i;
			continue;
		}
		/* One that it accepts as it is outweighs one that differs. */
		if (*by < 0 || w == TRUST_IMPACT_ACCEPTED_ROOT ||
		    (p->accepts && why == TRUST_IMPACT_REFUSED_OTHERWISE)) {
			why = w;
			*by = (int)i;
		}
	}
	if (lacks >= 0 && q->past[lacks].no >= yes) {
		*by = lacks;
		return TRUST_IMPACT_REFUSED_ROOT;
	}
	return why;
}

static enum trust_impact_why
by_kind(const struct trust_impact_question *q)
{
	if (q->kind_accepts > 0 && q->kind_lacks > 0)
		return TRUST_IMPACT_KIND_DIFFERS;
	if (q->kind_accepts > 0)
		return TRUST_IMPACT_KIND_ACCEPTS;
	if (q->kind_lacks > 0)
		return TRUST_IMPACT_KIND_LACKS;
	if (q->published == DEVICE_YES)
		return TRUST_IMPACT_PUBLISHED_HOLDS;
	if (q->published == DEVICE_NO)
		return TRUST_IMPACT_PUBLISHED_LACKS;
	return q->unchecking ? TRUST_IMPACT_UNCHECKING :
	    TRUST_IMPACT_NEVER_SHOWN;
}

/* It told whether it holds the root; that is all it told. */
static enum trust_impact_why
by_answer(const struct trust_impact_question *q)
{
	if (q->asked == DEVICE_NO)
		return TRUST_IMPACT_ASKED_LACKS;
	for (size_t i = 0; q->asked == DEVICE_YES && i < q->n; i++)
		if (q->past[i].accepts && compare(q, &q->past[i]) ==
		    TRUST_IMPACT_ACCEPTED_ROOT)
			return TRUST_IMPACT_ASKED_HOLDS;
	return by_kind(q);
}

struct trust_impact
trust_impact_of(const struct trust_impact_question *q)
{
	struct trust_impact out = { .why = TRUST_IMPACT_NO_TLS, .by = -1 };
	bool stays = false, checks = false;

	for (size_t i = 0; i < q->n; i++) {
		out.good |= q->past[i].accepts;
		stays |= q->past[i].accepts && q->past[i].stays;
		checks |= q->past[i].lacks;
	}
	if (q->over_tls) {
		out.why = by_deeds(q, &out.by);
		if (out.why == TRUST_IMPACT_NEVER_SHOWN)
			out.why = by_answer(q);
		if (out.why == TRUST_IMPACT_UNCHECKING && checks)
			out.why = TRUST_IMPACT_NEVER_SHOWN;
	}
	out.says = rows[out.why].says;
	out.dark = out.good && out.says == TRUST_IMPACT_REFUSES && !stays;
	return out;
}
