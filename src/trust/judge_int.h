/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_JUDGE_INT_H
#define TRUST_JUDGE_INT_H
/* trust/judge_int - what the parts of the judge ask of evidence. */
#include "trust/stack.h"
#include "trust/verdict.h"

/* The first alert of a side that is a refusal, not a goodbye; NULL: none. */
const struct tls_tap_alert *trust_alert_of(const struct trust_evidence *e,
    enum tls_side side);

/* Our Certificate flight was on its way. */
bool trust_saw_certificate(const struct trust_evidence *e);

/* The ClientHello and we allow no version in common. */
bool trust_no_common_version(const struct trust_evidence *e);

/* Faults that the chain really has, its dates looked at: a mask. */
uint32_t trust_known_faults(const struct trust_evidence *e);

/* obstacle.c: it saw our chain and refused it, in words or by hanging up. */
bool trust_refused_chain(const struct trust_evidence *e);
void trust_judge_chain(struct trust_verdict *v, const struct trust_evidence *e,
    const struct trust_history *h);

/* reason.c: how we know. */
void trust_reason(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_history *h);

#endif
