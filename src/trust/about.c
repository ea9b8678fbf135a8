/* SPDX-License-Identifier: BSD-2-Clause */
/* Which verdicts speak of the chain that was presented. */
#include "trust/judge_int.h"

bool
trust_is_about_chain(const struct trust_verdict *v,
    const struct trust_evidence *e)
{
	if (v->cause == TRUST_CAUSE_NONE || e->chain[0] == '\0' || e->resumed)
		return false;
	return v->cause == TRUST_CAUSE_KEY_TYPE_UNSUPPORTED ||
	    trust_refused_chain(e);
}
