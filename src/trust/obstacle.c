/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What about our chain a client refused.  Three things are put together: the
 * faults that the chain has, as far as we know it; the faults that this stack
 * means by what it said; and what the same device did with other chains.
 */
#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/judge_int.h"

#define F(name)    (1u << TRUST_FAULT_##name)
#define PATH       (F(ROOT) | F(INCOMPLETE) | F(SELF_SIGNED) | F(ORDER))
#define DATES      (F(EXPIRED) | F(TOO_NEW))
#define AT_ONCE_US 1000000 /* whom the chain displeases leaves within this */

uint32_t
trust_known_faults(const struct trust_evidence *e)
{
	uint32_t faults = e->chain_faults;

	if (e->chain_not_after_s != 0 && e->when_s > e->chain_not_after_s)
		faults |= F(EXPIRED);
	if (e->chain_not_before_s != 0 && e->when_s < e->chain_not_before_s)
		faults |= F(TOO_NEW);
	return faults;
}

static enum trust_cause
cause_of(enum trust_fault f, uint32_t known)
{
	static const enum trust_cause causes[TRUST_FAULTS] = {
		[TRUST_FAULT_ROOT] = TRUST_CAUSE_UNTRUSTED_ROOT,
		[TRUST_FAULT_INCOMPLETE] = TRUST_CAUSE_MISSING_INTERMEDIATE,
		[TRUST_FAULT_SELF_SIGNED] = TRUST_CAUSE_UNTRUSTED_ROOT,
		[TRUST_FAULT_NAME] = TRUST_CAUSE_NAME_MISMATCH,
		[TRUST_FAULT_EXPIRED] = TRUST_CAUSE_CERTIFICATE_EXPIRED,
		[TRUST_FAULT_TOO_NEW] = TRUST_CAUSE_NOT_YET_VALID,
		[TRUST_FAULT_PURPOSE] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_WEAK_SIGNATURE] = TRUST_CAUSE_WEAK_SIGNATURE,
		[TRUST_FAULT_WEAK_KEY] = TRUST_CAUSE_WEAK_KEY,
		[TRUST_FAULT_BAD_SIGNATURE] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_KEY_MISMATCH] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_LEAF_IS_CA] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_ORDER] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_STAPLE] = TRUST_CAUSE_SERVER_MISCONFIGURED,
	};

	/* Our signatures are right: then it holds another root of this name. */
	if (f == TRUST_FAULT_BAD_SIGNATURE && (known & F(BAD_SIGNATURE)) == 0)
		return TRUST_CAUSE_UNTRUSTED_ROOT;
	return causes[f];
}

/* The alert's code, or that it said nothing. */
static uint16_t
says(const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = trust_alert_of(e, TLS_CLIENT);

	return a != NULL ? a->description : TRUST_SAYS_NOTHING;
}

static bool
hung_up(const struct trust_evidence *e)
{
	return e->end == TRUST_END_FIN || e->end == TRUST_END_RST;
}

/*
 * It left where clients judge a chain: at the Certificate, or, those that do
 * it by themselves, just after the handshake.
 */
static bool
left_over_chain(const struct trust_evidence *e)
{
	return hung_up(e) && trust_alert_of(e, TLS_SERVER) == NULL &&
	    (e->stage == TRUST_STAGE_CERTIFICATE ||
	    (e->stage == TRUST_STAGE_FINISHED && e->us_since_flight != 0 &&
	    e->us_since_flight < AT_ONCE_US));
}

bool
trust_refused_chain(const struct trust_evidence *e)
{
	if (trust_alert_of(e, TLS_CLIENT) == NULL)
		return left_over_chain(e);
	/* It may have choked on a fault of ours; else it is its own. */
	if (says(e) == TLS_ALERT_internal_error &&
	    trust_known_faults(e) == 0)
		return false;
	/* Before our flight it is about what we offered. */
	if (says(e) == TLS_ALERT_handshake_failure && !trust_saw_certificate(e))
		return false;
	return trust_stack_faults(&trust_stack_any, says(e)) != 0;
}

/* What the chain may be at fault in besides, when its facts are known. */
static uint32_t
thinkable(const struct trust_evidence *e)
{
	uint32_t mask = F(ROOT) | DATES | F(BAD_SIGNATURE);

	if (e->chain_not_after_s == 0)
		return (1u << TRUST_FAULTS) - 1;
	/* Some check a name that they do not send. */
	if (e->server_name[0] == '\0')
		mask |= F(NAME);
	return mask;
}

static enum trust_fault
pick(const struct trust_stack *s, uint32_t mask)
{
	return (mask & F(ROOT)) != 0 ? TRUST_FAULT_ROOT :
	    trust_stack_first(s, mask);
}

/* The first fault in mask that gives another cause; NONE: there is none. */
static enum trust_cause
other_cause(const struct trust_stack *s, uint32_t mask, uint32_t known,
    enum trust_cause cause)
{
	while (mask != 0) {
		enum trust_fault f = pick(s, mask);

		if (cause_of(f, known) != cause)
			return cause_of(f, known);
		mask &= ~(1u << f);
	}
	return TRUST_CAUSE_NONE;
}

/* No fault of ours fits what it said: what the phone may think of it. */
static void
suspect(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_stack *s, uint32_t meant, uint32_t known)
{
	uint32_t mask = meant & thinkable(e);
	enum trust_fault f;

	if (mask == 0)
		mask = meant;
	f = pick(s, mask);
	v->cause = cause_of(f, known);
	v->next_best = other_cause(s, mask, known, v->cause);
	v->confidence = TRUST_POSSIBLE;
	/* Nothing but the root, or a clock that few phones have wrong. */
	if (v->next_best == TRUST_CAUSE_NONE ||
	    (f == TRUST_FAULT_ROOT && (mask & F(NAME)) == 0 &&
	    e->chain_not_after_s != 0))
		v->confidence = TRUST_LIKELY;
	/* Nothing of ours is at fault: then it cannot use this kind of key. */
	if (says(e) == TLS_ALERT_unsupported_certificate &&
	    (meant & thinkable(e)) == 0)
		v->next_best = TRUST_CAUSE_KEY_TYPE_UNSUPPORTED;
	/* What the code means to all; a missing issuer looks the same. */
	if (says(e) == TLS_ALERT_unknown_ca && f == TRUST_FAULT_ROOT) {
		v->confidence = TRUST_LIKELY;
		v->next_best = TRUST_CAUSE_MISSING_INTERMEDIATE;
	}
	if (says(e) == TLS_ALERT_certificate_expired &&
	    (mask & ~DATES) == 0)
		v->confidence = TRUST_LIKELY;
}

/* An unknown client that says nothing: only the timing speaks. */
static void
suspect_silence(struct trust_verdict *v, const struct trust_evidence *e)
{
	v->next_best = v->cause;
	v->cause = TRUST_CAUSE_CLOSED_SILENTLY;
	v->confidence = e->us_since_flight != 0 &&
	    e->us_since_flight < AT_ONCE_US ? TRUST_LIKELY : TRUST_POSSIBLE;
}

/* ---- what the device did before ---- */

enum difference {
	DIFFERS_ROOT = 1,
	DIFFERS_KEY = 2,
	DIFFERS_DEPTH = 4,
	DIFFERS_FAULTS = 8,
};

/* What this chain has that the accepted one has not. */
static unsigned
difference(const struct trust_past *p, const struct trust_evidence *e,
    uint32_t known)
{
	unsigned d = 0;

	if (p->root[0] == '\0' || e->root[0] == '\0' ||
	    !str_eq(str_cstr(p->root), str_cstr(e->root)))
		d |= DIFFERS_ROOT;
	if (p->key != e->our_key)
		d |= DIFFERS_KEY;
	if (e->chain_depth > p->depth && p->depth != 0)
		d |= DIFFERS_DEPTH;
	if ((known & ~p->faults) != 0)
		d |= DIFFERS_FAULTS;
	return d;
}

static bool
is_one_fault(uint32_t mask)
{
	return mask != 0 && (mask & (mask - 1)) == 0;
}

/* The cause of the one difference that is left; NONE: several, or none. */
static enum trust_cause
cause_of_difference(const struct trust_past *p, const struct trust_evidence *e,
    uint32_t known)
{
	uint32_t faults = known & ~p->faults;

	switch (difference(p, e, known)) {
	case DIFFERS_ROOT:
		return TRUST_CAUSE_UNTRUSTED_ROOT;
	case DIFFERS_KEY:
		return TRUST_CAUSE_KEY_TYPE_UNSUPPORTED;
	case DIFFERS_FAULTS:
		return is_one_fault(faults) ?
		    cause_of(trust_stack_first(&trust_stack_any, faults),
			known) : TRUST_CAUSE_NONE;
	default:
		return TRUST_CAUSE_NONE;
	}
}

/*
 * One silence may be a cable; it is a refusal when the stack is known to
 * refuse so, or when it comes again.
 */
static bool
is_refusal(const struct trust_evidence *e, const struct trust_history *h)
{
	return says(e) != TRUST_SAYS_NOTHING || h->refused_alike > 1 ||
	    (trust_stack_of(e) != &trust_stack_any &&
	    trust_stack_faults(trust_stack_of(e), TRUST_SAYS_NOTHING) != 0);
}

static void
weigh_history(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_history *h, uint32_t known)
{
	enum trust_cause cause = TRUST_CAUSE_NONE;

	for (size_t i = 0; i < h->nother; i++) {
		const struct trust_past *p = &h->other[i];

		if (p->accepted == 0)
			continue;
		if (v->accepts[0] == '\0' || cause == TRUST_CAUSE_NONE)
			str_copy(v->accepts, sizeof(v->accepts),
			    str_cstr(p->chain));
		if (cause == TRUST_CAUSE_NONE)
			cause = cause_of_difference(p, e, known);
	}
	if (h->accepted_chain > 0) {
		/* It took this chain before: then it is hardly the chain. */
		if (known == 0 && v->confidence > TRUST_POSSIBLE)
			v->confidence = TRUST_POSSIBLE;
		return;
	}
	if (cause == TRUST_CAUSE_NONE || !is_refusal(e, h))
		return;
	v->cause = cause;
	v->next_best = TRUST_CAUSE_NONE;
	v->confidence = TRUST_CERTAIN;
}

void
trust_judge_chain(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_history *h)
{
	const struct trust_stack *s = trust_stack_of(e);
	uint32_t known = trust_known_faults(e);
	uint32_t meant = trust_stack_faults(s, says(e));

	if (says(e) == TRUST_SAYS_NOTHING && e->end == TRUST_END_FIN &&
	    trust_stack_faults(s, TRUST_SAYS_CLOSED) != 0)
		meant = trust_stack_faults(s, TRUST_SAYS_CLOSED);
	/* Where nothing was signed it cannot yet have missed our key. */
	if (e->stage == TRUST_STAGE_CERTIFICATE &&
	    tls_suite_static_rsa(e->cipher_suite))
		known &= ~F(KEY_MISMATCH);
	/* A stack that does not say this of such a chain is another one. */
	if ((meant & (known | thinkable(e))) == 0) {
		s = &trust_stack_any;
		meant = trust_stack_faults(s, says(e));
	}
	if ((meant & known) != 0) {
		enum trust_fault f = trust_stack_first(s, meant & known);

		v->cause = cause_of(f, known);
		v->confidence = TRUST_LIKELY;
		v->next_best = other_cause(s, meant & (known | F(ROOT)), known,
		    v->cause);
		if (s == &trust_stack_any && says(e) == TRUST_SAYS_NOTHING) {
			v->confidence = TRUST_POSSIBLE;
			v->next_best = TRUST_CAUSE_CLOSED_SILENTLY;
		}
	} else {
		suspect(v, e, s, meant, known);
		if (s == &trust_stack_any && says(e) == TRUST_SAYS_NOTHING)
			suspect_silence(v, e);
	}
	if (h != NULL)
		weigh_history(v, e, h, known);
}
