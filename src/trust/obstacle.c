/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What about our chain a client refused.  Three things are put together: the
 * faults that the chain has, as far as we know it; the faults that this stack
 * means by what it said; and what the same device did with other chains.
 */
#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/judge_int.h"

#define AT_ONCE_US 1000000 /* whom the chain displeases leaves within this */

/* Ways of not getting to a root. */
#define PATH (F(ROOT) | F(INCOMPLETE) | F(SELF_SIGNED) | F(ORDER))

/* Clients that an RSA-2048 chain with SHA-256 stops are not seen any more. */
#define PLAIN_BITS 2048
#define PLAIN_SIGNED                                                           \
	(1u << TRUST_SIGNED_RSA_SHA1 | 1u << TRUST_SIGNED_RSA_SHA256)

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

enum trust_cause
trust_cause_of(enum trust_fault f, uint32_t known)
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
		[TRUST_FAULT_TOO_LONG] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_KEY_TYPE] = TRUST_CAUSE_KEY_TYPE_UNSUPPORTED,
		[TRUST_FAULT_NO_ALT_NAME] = TRUST_CAUSE_NAME_MISMATCH,
		[TRUST_FAULT_CRITICAL] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_USAGE] = TRUST_CAUSE_SERVER_MISCONFIGURED,
		[TRUST_FAULT_ISSUER] = TRUST_CAUSE_SERVER_MISCONFIGURED,
	};

	/* Our signatures are right: then it holds another root of this name. */
	if (f == TRUST_FAULT_BAD_SIGNATURE && (known & F(BAD_SIGNATURE)) == 0)
		return TRUST_CAUSE_UNTRUSTED_ROOT;
	return causes[f];
}

/* ---- what the client said ---- */

/* The alert's code, or that it said nothing. */
static uint16_t
says(const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = trust_alert_of(e, TLS_CLIENT);

	if (a != NULL)
		return a->description;
	return e->alert_hidden ? TRUST_SAYS_HIDDEN : TRUST_SAYS_NOTHING;
}

static bool
hung_up(const struct trust_evidence *e)
{
	return e->end == TRUST_END_FIN || e->end == TRUST_END_RST;
}

/*
 * It left where clients judge a chain: at the Certificate, or, those that do
 * it by themselves, just after the handshake.  A resumed session shows none.
 */
static bool
left_over_chain(const struct trust_evidence *e)
{
	return hung_up(e) && !e->resumed &&
	    trust_alert_of(e, TLS_SERVER) == NULL &&
	    (e->stage == TRUST_STAGE_CERTIFICATE ||
	    (e->stage == TRUST_STAGE_FINISHED && e->us_since_flight != 0 &&
	    e->us_since_flight < AT_ONCE_US));
}

/* These speak of a certificate and of nothing else. */
static bool
is_about_certificates(uint16_t code)
{
	return code >= TLS_ALERT_bad_certificate &&
	    code <= TLS_ALERT_unknown_ca &&
	    code != TLS_ALERT_illegal_parameter;
}

bool
trust_refused_chain(const struct trust_evidence *e)
{
	uint16_t said = says(e);

	if (said == TRUST_SAYS_NOTHING)
		return left_over_chain(e);
	if (said == TRUST_SAYS_HIDDEN || is_about_certificates(said))
		return true;
	/* It may have choked on a fault of ours; else it is its own. */
	if (said == TLS_ALERT_internal_error && trust_known_faults(e) == 0)
		return false;
	/* Before our flight it is about what we offered. */
	if (said == TLS_ALERT_handshake_failure && !trust_saw_certificate(e))
		return false;
	return trust_stack_faults(&trust_stack_any, said) != 0;
}

/* ---- what it may mean ---- */

/* More than what every phone of the last fifteen years can compute. */
static bool
is_demanding(const struct trust_evidence *e)
{
	return e->our_key != TRUST_KEY_RSA || e->our_bits > PLAIN_BITS ||
	    (e->chain_signed & ~PLAIN_SIGNED) != 0;
}

/* What the chain may be at fault in besides, when its facts are known. */
static uint32_t
thinkable(const struct trust_evidence *e)
{
	uint32_t mask = F(ROOT) | DATES | F(BAD_SIGNATURE);

	if (e->chain_not_after_s == 0)
		mask = FAULTS;
	/* Some check a name that they do not send. */
	if (e->server_name[0] == '\0')
		mask |= F(NAME);
	if (e->chain_depth != 1)
		mask |= F(TOO_LONG);
	if (is_demanding(e))
		mask |= F(KEY_TYPE);
	if (e->listed == TRUST_LISTED_YES)
		mask &= ~F(ROOT);
	if (trust_clock_of(e) == TRUST_CLOCK_RIGHT)
		mask &= ~F(TOO_NEW);
	return mask;
}

static uint32_t
known_to_client(const struct trust_evidence *e)
{
	uint32_t known = trust_known_faults(e);

	/* Where nothing was signed it cannot yet have missed our key. */
	if (e->stage == TRUST_STAGE_CERTIFICATE &&
	    tls_suite_static_rsa(e->cipher_suite))
		known &= ~F(KEY_MISMATCH);
	if (e->listed == TRUST_LISTED_NO)
		known |= F(ROOT);
	if (trust_clock_of(e) == TRUST_CLOCK_UNSET &&
	    e->chain_not_before_s > e->hello_time_s)
		known |= F(TOO_NEW);
	return known;
}

/*
 * Nobody has asked every stack about each of these: where the chain has one,
 * it may say of it what any may.  Few call what is weak a wrong signature;
 * "some other issue" (RFC 8446 6.2) may be whatever the chain has.
 */
static void
widen(struct trust_matter *m)
{
	m->meant |= trust_stack_faults(&trust_stack_any, m->says) & m->known &
	    (F(NO_ALT_NAME) | F(CRITICAL) | F(USAGE) | F(ISSUER));
	if (m->says == TLS_ALERT_certificate_unknown &&
	    m->stack == &trust_stack_any)
		m->meant |= m->known & ~F(KEY_MISMATCH);
	if (m->says == TLS_ALERT_decrypt_error)
		m->meant &= ~((F(WEAK_SIGNATURE) | F(WEAK_KEY)) & ~m->known);
}

static void
gather(struct trust_matter *m, const struct trust_evidence *e,
    const struct trust_history *h)
{
	static const struct trust_history none;

	*m = (struct trust_matter) {
		.e = e,
		.h = h != NULL ? h : &none,
		.stack = trust_stack_of(e),
		.says = says(e),
		.known = known_to_client(e),
		.thinkable = thinkable(e),
	};
	/* A date that is wrong hides what else may be wrong with the dates. */
	if ((m->known & DATES) != 0)
		m->thinkable &= ~DATES;
	m->meant = trust_stack_faults(m->stack, m->says);
	if (m->says == TRUST_SAYS_NOTHING && e->end == TRUST_END_FIN &&
	    trust_stack_faults(m->stack, TRUST_SAYS_CLOSED) != 0)
		m->meant = trust_stack_faults(m->stack, TRUST_SAYS_CLOSED);
	widen(m);
	/* A stack that does not say this of such a chain is another one. */
	if ((m->meant & (m->known | m->thinkable)) == 0) {
		m->stack = &trust_stack_any;
		m->meant = trust_stack_faults(m->stack, m->says);
	}
	m->excluded = trust_excluded(m);
	/* All that it can have meant is excluded: then one of both is wrong. */
	if ((m->meant & (m->known | m->thinkable) & ~m->excluded) == 0)
		m->excluded = 0;
}

/* ---- which it is ---- */

/*
 * What it took before it does not suddenly not hold; but a device's clock is
 * lost with its battery, and starts long ago.
 */
static enum trust_fault
pick(const struct trust_matter *m, uint32_t mask)
{
	if (m->h->accepted_chain > 0 && (mask & DATES) != 0)
		return (mask & F(TOO_NEW)) != 0 ? TRUST_FAULT_TOO_NEW :
		    TRUST_FAULT_EXPIRED;
	return (mask & F(ROOT)) != 0 ? TRUST_FAULT_ROOT :
	    trust_stack_first(m->stack, mask);
}

/* The first fault in mask that gives another cause; NONE: there is none. */
static enum trust_cause
other_cause(const struct trust_matter *m, uint32_t mask, enum trust_cause cause)
{
	while (mask != 0) {
		enum trust_fault f = pick(m, mask);

		if (trust_cause_of(f, m->known) != cause)
			return trust_cause_of(f, m->known);
		mask &= ~(1u << f);
	}
	return TRUST_CAUSE_NONE;
}

static void
set_fault(struct trust_verdict *v, const struct trust_matter *m,
    enum trust_fault f)
{
	v->fault = (int)f;
	v->cause = trust_cause_of(f, m->known);
}

/* The chain has a fault that this stack says this about. */
static void
name_known(struct trust_verdict *v, const struct trust_matter *m)
{
	uint32_t hit = m->meant & m->known & ~m->excluded;

	set_fault(v, m, trust_stack_first(m->stack, hit));
	v->confidence = TRUST_LIKELY;
	v->next_best = other_cause(m,
	    m->meant & (m->known | (m->thinkable & F(ROOT))) & ~m->excluded,
	    v->cause);
	if (m->stack == &trust_stack_any && m->says == TRUST_SAYS_NOTHING) {
		v->confidence = TRUST_POSSIBLE;
		if (v->next_best == TRUST_CAUSE_NONE)
			v->next_best = TRUST_CAUSE_CLOSED_SILENTLY;
	}
}

/* What an alert means to all, whatever the stack; after suspect(). */
static void
heed_code(struct trust_verdict *v, const struct trust_matter *m, uint32_t mask)
{
	bool facts = m->e->chain_not_after_s != 0;

	switch (m->says) {
	case TLS_ALERT_unknown_ca:
		if (v->cause != TRUST_CAUSE_UNTRUSTED_ROOT)
			break;
		v->confidence = TRUST_LIKELY;
		/* A missing issuer looks the same; so does a long chain. */
		if (m->h->nother == 0 || (mask & F(TOO_LONG)) == 0)
			v->next_best = TRUST_CAUSE_MISSING_INTERMEDIATE;
		break;
	case TLS_ALERT_certificate_expired:
		if ((mask & ~DATES) == 0)
			v->confidence = TRUST_LIKELY;
		break;
	case TLS_ALERT_unsupported_certificate:
		/* Nothing of ours is at fault: then it cannot compute it. */
		if (facts && (mask & ~F(KEY_TYPE) & m->thinkable) == 0) {
			set_fault(v, m, TRUST_FAULT_KEY_TYPE);
			v->next_best = TRUST_CAUSE_SERVER_MISCONFIGURED;
			v->confidence = TRUST_POSSIBLE;
		}
		break;
	case TLS_ALERT_decrypt_error:
		/* Or it cannot do our kind of signature. */
		if (v->next_best != TRUST_CAUSE_NONE)
			break;
		v->next_best = v->cause == TRUST_CAUSE_SERVER_MISCONFIGURED ?
		    TRUST_CAUSE_KEY_TYPE_UNSUPPORTED :
		    TRUST_CAUSE_SERVER_MISCONFIGURED;
		break;
	case TLS_ALERT_handshake_failure:
	case TRUST_SAYS_HIDDEN:
		v->confidence = TRUST_POSSIBLE;
		break;
	default:
		break;
	}
}

/* No fault of ours fits what it said: what the phone may think of it. */
static void
suspect(struct trust_verdict *v, const struct trust_matter *m)
{
	uint32_t mask = m->meant & m->thinkable & ~m->excluded;
	enum trust_fault f;

	if (mask == 0)
		mask = m->meant & ~m->excluded;
	if (mask == 0)
		mask = m->meant;
	f = pick(m, mask);
	set_fault(v, m, f);
	/* Of a chain that we know nothing of: not the path twice. */
	v->next_best = other_cause(m, m->e->chain_not_after_s == 0 &&
	    (mask & ~PATH) != 0 ? mask & ~PATH : mask, v->cause);
	v->confidence = TRUST_POSSIBLE;
	/* Nothing but the root, or a clock that few phones have wrong. */
	if (v->next_best == TRUST_CAUSE_NONE ||
	    (f == TRUST_FAULT_ROOT && (mask & F(NAME)) == 0 &&
	    m->e->chain_not_after_s != 0))
		v->confidence = TRUST_LIKELY;
	heed_code(v, m, mask);
}

/*
 * An unknown client that says nothing: only the timing speaks.  After the
 * handshake a health check does the same.
 */
static void
suspect_silence(struct trust_verdict *v, const struct trust_matter *m)
{
	const struct trust_evidence *e = m->e;

	v->next_best = v->cause;
	v->cause = TRUST_CAUSE_CLOSED_SILENTLY;
	v->confidence = TRUST_POSSIBLE;
	if (e->us_since_flight == 0 || e->us_since_flight >= AT_ONCE_US)
		return;
	if (e->stage == TRUST_STAGE_CERTIFICATE || e->device[0] != '\0')
		v->confidence = TRUST_LIKELY;
	else
		v->next_best = TRUST_CAUSE_SCANNER;
}

/* Its log and what it did are two stories: then neither is certain. */
static void
doubt_both(struct trust_verdict *v, const struct trust_matter *m, uint32_t mask)
{
	enum trust_cause other = trust_cause_of(pick(m, mask), m->known);

	if (other == v->cause ||
	    (v->fault >= 0 && (mask & 1u << v->fault) != 0))
		return;
	v->next_best = other;
	if (v->confidence == TRUST_CERTAIN)
		v->confidence = TRUST_LIKELY;
}

/*
 * What its own log says.  It narrows what the refusal may mean, no more:
 * anybody can send a datagram, so it excludes nothing and makes nothing
 * certain.
 */
static void
heed_log(struct trust_verdict *v, const struct trust_matter *m)
{
	uint32_t mask = m->e->said_faults & ~m->excluded;
	enum trust_cause before = v->cause, next = v->next_best;
	bool told = m->says != TRUST_SAYS_NOTHING &&
	    m->says != TRUST_SAYS_HIDDEN;

	if (mask == 0)
		return;
	if (v->confidence == TRUST_CERTAIN ||
	    (told && (mask & m->meant) == 0)) {
		doubt_both(v, m, mask);
		return;
	}
	if ((mask & m->meant) != 0)
		mask &= m->meant;
	if ((mask & m->known) != 0)
		mask &= m->known;
	else if ((mask & m->thinkable) != 0)
		mask &= m->thinkable;
	set_fault(v, m, (mask & m->known) != 0 ?
	    trust_stack_first(m->stack, mask) : pick(m, mask));
	v->confidence = TRUST_LIKELY;
	v->next_best = other_cause(m, mask, v->cause);
	if (v->next_best == TRUST_CAUSE_NONE)
		v->next_best = before != v->cause ? before : next;
}

void
trust_judge_chain(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_history *h)
{
	struct trust_matter m;

	gather(&m, e, h);
	if ((m.meant & m.known & ~m.excluded) != 0) {
		name_known(v, &m);
	} else {
		suspect(v, &m);
		if (m.stack == &trust_stack_any &&
		    m.says == TRUST_SAYS_NOTHING)
			suspect_silence(v, &m);
	}
	trust_weigh(v, &m);
	if (e->said_faults != 0)
		heed_log(v, &m);
}
