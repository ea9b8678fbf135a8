/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_PROBE_INT_H
#define TRUST_PROBE_INT_H
/* trust/probe_int - what the plan and the meaning of a probe share. */
#include "trust/probe.h"

/* The time between does not count. */
bool trust_probe_same(const struct trust_probe_answer *a,
    const struct trust_probe_answer *b);
/* The answer that was given twice, or the only one; NULL: none. */
const struct trust_probe_answer *trust_probe_agreed(
    const struct trust_probe_tally *t);
/* It will not be asked again. */
bool trust_probe_spent(const struct trust_probe_tally *t);

/* The control of this class is known; this root has given its answer. */
bool trust_probe_has_control(const struct trust_probe *p,
    enum trust_probe_method m, uint8_t class);
bool trust_probe_has_answer(const struct trust_probe *p,
    enum trust_probe_method m, unsigned root);

#endif
