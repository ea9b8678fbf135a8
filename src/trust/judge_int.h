/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_JUDGE_INT_H
#define TRUST_JUDGE_INT_H
/* trust/judge_int - what the parts of the judge ask of evidence. */
#include "trust/stack.h"
#include "trust/verdict.h"

#define F(name) (1u << TRUST_FAULT_##name)
#define DATES   (F(EXPIRED) | F(TOO_NEW))
#define FAULTS  ((1u << TRUST_FAULTS) - 1) /* all of them */

/*
 * The first alert of a side that is a refusal, not a goodbye; of the server's
 * only a fatal one, of the client's a warning where nothing is fatal.  NULL:
 * none.
 */
const struct tls_tap_alert *trust_alert_of(const struct trust_evidence *e,
    enum tls_side side);

/* Our Certificate flight was on its way. */
bool trust_saw_certificate(const struct trust_evidence *e);

/* The ClientHello and we allow no version in common. */
bool trust_no_common_version(const struct trust_evidence *e);

/* Every suite that it offers is one that nobody should speak any more. */
bool trust_ciphers_obsolete(const struct trust_evidence *e);

/* Faults that the chain really has, its dates looked at: a mask. */
uint32_t trust_known_faults(const struct trust_evidence *e);

/* What the ClientHello's random tells of the client's clock. */
enum trust_clock {
	TRUST_CLOCK_UNKNOWN,
	TRUST_CLOCK_RIGHT,
	TRUST_CLOCK_UNSET, /* as of a device that has just started: a hint */
};
enum trust_clock trust_clock_of(const struct trust_evidence *e);

/* All that a refusal of our chain is judged by; masks of faults. */
struct trust_matter {
	const struct trust_evidence *e;
	const struct trust_history *h; /* never NULL                         */
	const struct trust_stack *stack;
	uint16_t says;                 /* what the client said: stack.h      */
	uint32_t known;                /* the chain has, to this client too  */
	uint32_t thinkable;            /* it may have in this client's eyes  */
	uint32_t meant;                /* this stack says that about         */
	uint32_t excluded;             /* by what the device accepted        */
};

/* obstacle.c: it saw our chain and refused it, in words or by hanging up. */
bool trust_refused_chain(const struct trust_evidence *e);
void trust_judge_chain(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_history *h);

/* weigh.c: what the device did with other chains. */
uint32_t trust_excluded(const struct trust_matter *m);
void trust_weigh(struct trust_verdict *v, const struct trust_matter *m);

/* reason.c: how we know. */
void trust_reason(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_history *h);

#endif
