/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device did before, weighed.  A chain that it accepted excludes what
 * both have in common; where then one cause is left, it is certain.
 */
#include "tlswire/alert.h"
#include "trust/judge_int.h"

#define DAY_S 86400

/* Set clocks agree within this; nothing of a chain changes so fast. */
#define CLOCK_AGREES_S 3600

/*
 * A clock that nothing has set starts at 1970 or 2000 with each boot, and a
 * phone that is refused is soon rebooted.  Most stacks put chance there, which
 * looks like such a clock once in 1,700 times.
 */
#define UNSET_S ((int64_t)14 * DAY_S)
#define Y2000_S ((int64_t)10957 * DAY_S)

enum trust_clock
trust_clock_of(const struct trust_evidence *e)
{
	int64_t t = e->hello_time_s, off = t - e->when_s;

	/* From TLS 1.3 on it is chance by the book. */
	if (t == 0 || e->when_s == 0 || e->max_version > TLS_VERSION_1_2)
		return TRUST_CLOCK_UNKNOWN;
	if (off > -CLOCK_AGREES_S && off < CLOCK_AGREES_S)
		return TRUST_CLOCK_RIGHT;
	if (t < UNSET_S || (t >= Y2000_S && t < Y2000_S + UNSET_S))
		return TRUST_CLOCK_UNSET;
	return TRUST_CLOCK_UNKNOWN;
}

/* Both known, and equal. */
static bool
is_same_text(const char *a, const char *b)
{
	return a[0] != '\0' && str_eq(str_cstr(a), str_cstr(b));
}

/* Roots of one name may have different keys, as far as both are known. */
static bool
is_same_root(const struct trust_past *p, const struct trust_evidence *e)
{
	return is_same_text(e->root, p->root) && e->root_id == p->root_id;
}

static bool
is_other_root(const struct trust_past *p, const struct trust_evidence *e)
{
	if (e->root_id != 0 && p->root_id != 0)
		return e->root_id != p->root_id;
	return e->root[0] != '\0' && p->root[0] != '\0' &&
	    !is_same_text(e->root, p->root);
}

/* Was it the same client in the same mood that took this chain? */
static bool
is_comparable(const struct trust_past *p, const struct trust_matter *m)
{
	const struct trust_evidence *e = m->e;

	return p->accepted > 0 && !m->h->shared && !m->h->unchecking &&
	    !p->other_hello &&
	    (p->version == 0 || e->version == 0 || p->version == e->version);
}

/* What is to compute in this chain was to compute in that one as well. */
static bool
is_no_harder(const struct trust_past *p, const struct trust_evidence *e)
{
	return p->key != TRUST_KEY_UNKNOWN && p->key == e->our_key &&
	    p->signed_with != 0 && e->chain_signed != 0 &&
	    (e->chain_signed & ~p->signed_with) == 0 &&
	    e->our_bits != 0 && e->our_bits <= p->bits;
}

/*
 * Any clock by which that chain was in its time, this one was too; and it was
 * not lost since.  That it was set in between stays thinkable: enough for a
 * client of which all else is known.
 */
static bool
is_timely(const struct trust_past *p, const struct trust_matter *m)
{
	const struct trust_evidence *e = m->e;

	return m->stack != &trust_stack_any && p->accepted_s != 0 &&
	    p->accepted_s >= e->when_s &&
	    p->not_after_s != 0 && e->chain_not_after_s != 0 &&
	    e->chain_not_before_s <= p->not_before_s + DAY_S &&
	    e->chain_not_after_s >= p->not_after_s - DAY_S;
}

static uint32_t
excluded_by(const struct trust_past *p, const struct trust_matter *m)
{
	const struct trust_evidence *e = m->e;
	uint32_t mask = p->faults;

	if (is_same_root(p, e))
		mask |= F(ROOT) | F(SELF_SIGNED) | F(BAD_SIGNATURE);
	if (e->chain_depth != 0 && e->chain_depth <= p->depth)
		mask |= F(TOO_LONG);
	if (is_no_harder(p, e))
		mask |= F(KEY_TYPE);
	if (e->chain_names != 0 && e->chain_names == p->names)
		mask |= F(NAME);
	/* A clock is not lost and found between two refusals. */
	if (p->between || is_timely(p, m))
		mask |= DATES;
	/* What we know to be wrong with this chain alone is not excluded. */
	return mask & ~(trust_known_faults(e) & ~p->faults);
}

uint32_t
trust_excluded(const struct trust_matter *m)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < m->h->nother; i++)
		if (is_comparable(&m->h->other[i], m))
			mask |= excluded_by(&m->h->other[i], m);
	/* Its clock is right: only what we know of our dates is left. */
	if (trust_clock_of(m->e) == TRUST_CLOCK_RIGHT)
		mask |= DATES & ~m->known;
	return mask;
}

/* The two chains demonstrably differ in this. */
static bool
differs(const struct trust_past *p, const struct trust_matter *m,
    enum trust_fault f)
{
	const struct trust_evidence *e = m->e;
	uint32_t alone = trust_known_faults(e) & ~p->faults;

	switch (f) {
	case TRUST_FAULT_ROOT:
	case TRUST_FAULT_SELF_SIGNED:
		return is_other_root(p, e);
	case TRUST_FAULT_BAD_SIGNATURE:
		return (alone & F(BAD_SIGNATURE)) != 0 ||
		    differs(p, m, TRUST_FAULT_ROOT);
	case TRUST_FAULT_TOO_LONG:
		return p->depth != 0 && e->chain_depth > p->depth;
	case TRUST_FAULT_KEY_TYPE:
		return p->key != TRUST_KEY_UNKNOWN &&
		    e->our_key != TRUST_KEY_UNKNOWN && p->key != e->our_key;
	case TRUST_FAULT_NAME:
		return (alone & F(NAME)) != 0 ||
		    (p->names != 0 && e->chain_names != 0 &&
		    p->names != e->chain_names);
	default:
		return (alone & 1u << f) != 0;
	}
}

/*
 * All that the refusal may still be about, compared with one chain that was
 * accepted: what this client means by what it said, and whatever else is
 * different, should it not be the client we take it for.
 */
static uint32_t
left_over(const struct trust_past *p, const struct trust_matter *m)
{
	uint32_t rest = m->meant & (m->known | m->thinkable) & ~m->excluded;

	rest |= trust_known_faults(m->e) & ~p->faults;
	if (differs(p, m, TRUST_FAULT_TOO_LONG))
		rest |= F(TOO_LONG);
	if (differs(p, m, TRUST_FAULT_KEY_TYPE))
		rest |= F(KEY_TYPE);
	return rest;
}

/* The one cause that all faults in mask are, and the two differ in one. */
static enum trust_cause
only_cause(const struct trust_past *p, const struct trust_matter *m,
    uint32_t mask, int *fault)
{
	enum trust_cause cause = TRUST_CAUSE_NONE;
	bool shown = false;

	for (int f = 0; f < TRUST_FAULTS; f++) {
		enum trust_cause c;

		if ((mask & 1u << f) == 0)
			continue;
		c = trust_cause_of((enum trust_fault)f, m->known);
		if (cause != TRUST_CAUSE_NONE && c != cause)
			return TRUST_CAUSE_NONE;
		cause = c;
		if (!shown && differs(p, m, (enum trust_fault)f)) {
			shown = true;
			*fault = f;
		}
	}
	return shown ? cause : TRUST_CAUSE_NONE;
}

/*
 * One silence may be a cable; it is a refusal when the stack is known to
 * refuse so, or when it comes again.
 */
static bool
is_refusal(const struct trust_matter *m)
{
	return m->says != TRUST_SAYS_NOTHING || m->h->refused_alike > 1 ||
	    m->stack != &trust_stack_any;
}

static void
make_certain(struct trust_verdict *v, enum trust_cause cause, int fault)
{
	v->cause = cause;
	v->fault = fault;
	v->next_best = TRUST_CAUSE_NONE;
	v->confidence = TRUST_CERTAIN;
}

/* It said itself whom it trusts (RFC 8446 4.2.4, RFC 6066 6). */
static void
believe_list(struct trust_verdict *v, const struct trust_matter *m)
{
	if (m->e->listed == TRUST_LISTED_NO && is_refusal(m) &&
	    (m->meant & F(ROOT)) != 0)
		make_certain(v, TRUST_CAUSE_UNTRUSTED_ROOT, TRUST_FAULT_ROOT);
}

/* Certain of two different things: then of none. */
static void
believe_acceptance(struct trust_verdict *v, const struct trust_matter *m)
{
	enum trust_cause cause = TRUST_CAUSE_NONE;
	int fault = -1;

	for (size_t i = 0; i < m->h->nother; i++) {
		const struct trust_past *p = &m->h->other[i];
		enum trust_cause c;
		int f = -1;

		if (!is_comparable(p, m))
			continue;
		c = only_cause(p, m, left_over(p, m), &f);
		if (c == TRUST_CAUSE_NONE)
			continue;
		if (cause != TRUST_CAUSE_NONE && c != cause)
			return;
		cause = c;
		fault = f;
		str_copy(v->accepts, sizeof(v->accepts), str_cstr(p->chain));
	}
	if (cause != TRUST_CAUSE_NONE && is_refusal(m))
		make_certain(v, cause, fault);
}

/* A chain that could be presented instead. */
static void
name_accepted(struct trust_verdict *v, const struct trust_matter *m)
{
	const struct trust_history *h = m->h;

	for (size_t i = 0; i < h->nother && v->accepts[0] == '\0'; i++)
		if (h->other[i].accepted > 0 &&
		    !is_same_text(h->other[i].chain, m->e->chain))
			str_copy(v->accepts, sizeof(v->accepts),
			    str_cstr(h->other[i].chain));
	if (v->accepts[0] != '\0' || h->kind_accepts[0] == '\0' ||
	    is_same_text(h->kind_accepts, m->e->chain))
		return;
	str_copy(v->accepts, sizeof(v->accepts), str_cstr(h->kind_accepts));
	v->kind_accepts = true;
}

/* It took this very chain before: then it is hardly the chain. */
static void
doubt(struct trust_verdict *v, const struct trust_matter *m)
{
	bool plain = m->stack != &trust_stack_any &&
	    v->next_best == TRUST_CAUSE_NONE;

	if ((trust_known_faults(m->e) & m->meant) == 0 && !plain)
		v->confidence = TRUST_POSSIBLE;
}

void
trust_weigh(struct trust_verdict *v, const struct trust_matter *m)
{
	name_accepted(v, m);
	if (m->h->unchecking && v->cause == TRUST_CAUSE_UNTRUSTED_ROOT)
		v->confidence = TRUST_POSSIBLE;
	if (m->h->accepted_chain > 0 && !m->h->shared) {
		doubt(v, m);
		return;
	}
	/* Several of its kind refuse it, none accepts: it is the chain. */
	if (v->confidence == TRUST_POSSIBLE && m->h->kind_refusing > 1 &&
	    m->h->kind_accepting == 0 && is_refusal(m) &&
	    v->cause == TRUST_CAUSE_UNTRUSTED_ROOT)
		v->confidence = TRUST_LIKELY;
	believe_list(v, m);
	if (v->confidence != TRUST_CERTAIN)
		believe_acceptance(v, m);
}
