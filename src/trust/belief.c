/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/belief.h"

const char *
trust_holding_name(enum trust_holding h)
{
	static const char *const names[] = {
		[TRUST_CANNOT_TELL] = "cannot_tell",
		[TRUST_LACKS] = "lacks",
		[TRUST_ACCEPTS] = "accepts",
		[TRUST_HOLDS] = "holds",
	};

	return names[h];
}

/* Its last word on the chain is yes. */
static bool
accepts(const struct trust_fact *f)
{
	return f->accepted > 0 && f->accepted_no > f->refused_no;
}

/* Its last word is no, and the root is why. */
static bool
lacks(const struct trust_fact *f)
{
	return f->refused > 0 && !accepts(f) &&
	    f->cause == TRUST_CAUSE_UNTRUSTED_ROOT &&
	    f->confidence > TRUST_POSSIBLE;
}

/* What one fact says of its root. */
static void
weigh(struct trust_belief *b, const struct trust_fact *f, bool checks)
{
	enum trust_holding h = TRUST_CANNOT_TELL;

	if (accepts(f))
		h = checks ? TRUST_HOLDS : TRUST_ACCEPTS;
	else if (lacks(f))
		h = TRUST_LACKS;
	/* One chain to a root that was accepted says more than one refused. */
	if (h <= b->holding && b->chain.p != NULL &&
	    (h != TRUST_LACKS || f->confidence <= b->confidence))
		return;
	b->holding = h;
	b->chain = f->chain;
	b->confidence = f->confidence;
}

size_t
trust_beliefs(struct trust_belief out[TRUST_BELIEFS_MAX],
    const struct trust_fact *fact, size_t n)
{
	bool checks = false;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		checks |= lacks(&fact[i]);
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < count && !str_eq(out[k].root, fact[i].root))
			k++;
		if (k == TRUST_BELIEFS_MAX)
			break;
		if (k == count)
			out[count++] = (struct trust_belief) {
				.root = fact[i].root,
			};
		weigh(&out[k], &fact[i], checks);
	}
	return count;
}

/*
 * It accepts a chain to a root that it is said to lack: then it knows another
 * way, or does not check, and its deeds have the last word.
 */
void
trust_beliefs_asked(struct trust_belief *b, size_t n, struct str root,
    enum trust_holding said, enum trust_confidence sure)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_ieq(b[i].root, root) || said == TRUST_CANNOT_TELL ||
		    b[i].holding == TRUST_HOLDS)
			continue;
		if (said == TRUST_HOLDS ? b[i].holding == TRUST_LACKS &&
		    b[i].confidence >= sure : b[i].holding == TRUST_ACCEPTS)
			continue;
		b[i].holding = said;
		b[i].confidence = sure;
	}
}
