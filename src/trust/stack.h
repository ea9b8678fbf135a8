/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_STACK_H
#define TRUST_STACK_H
/*
 * trust/stack - how the TLS stacks in phones say no.
 *
 * One code means different faults to different stacks, and two faults at once
 * are found in a different order (measured: facts/alerts 2 and 5).  A stack is
 * recognised by the hashes of suites and extensions in its JA4; of one that is
 * not known only what nearly all have in common is assumed.
 */
#include <stdint.h>

#include "trust/evidence.h"

/* Besides the codes of alerts: what a client can do instead of one. */
#define TRUST_SAYS_NOTHING 0x100 /* hangs up                             */
#define TRUST_SAYS_CLOSED  0x101 /* the same, having read all we sent: FIN
                                    and not RST; where that differs      */
#define TRUST_SAYS_HIDDEN  0x102 /* an alert, encrypted: any of its codes */
#define TRUST_SAYS_END     0x103 /* ends a list of reactions             */

struct trust_reaction {
	uint16_t says;              /* an alert's code, or one of the above */
	uint32_t faults;            /* the faults that it says this about   */
};

#define TRUST_REACTIONS_MAX 12

struct trust_stack {
	const char *name;
	struct trust_reaction reaction[TRUST_REACTIONS_MAX];
	uint8_t order[TRUST_FAULTS]; /* of its checks; ends with a 0 after
	                                the first: the rest is not known     */
};

/* Which stack made this hello; trust_stack_any when it is not known. */
const struct trust_stack *trust_stack_of(const struct trust_evidence *e);
extern const struct trust_stack trust_stack_any;

/*
 * The faults that s, having said this, may have found: a mask.  0: this stack
 * is not known to say it about a chain.
 */
uint32_t trust_stack_faults(const struct trust_stack *s, uint16_t says);

/* Which of the faults in mask s looks for first; mask is not 0. */
enum trust_fault trust_stack_first(const struct trust_stack *s, uint32_t mask);

#endif
