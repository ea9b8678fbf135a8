/* SPDX-License-Identifier: BSD-2-Clause */
/* From the table to the judge: what devices at a place, and others of their
 * kind, did with a chain. */
#include "edge/devices_heard_int.h"

#include <string.h>

/* What the chain was at fault in when it was accepted. */
static uint32_t
faults_then(const struct trust_chain *c, int64_t accepted_s)
{
	uint32_t faults = c->faults;

	if (c->not_after_s != 0 && accepted_s > c->not_after_s)
		faults |= 1u << TRUST_FAULT_EXPIRED;
	if (c->not_before_s != 0 && accepted_s < c->not_before_s)
		faults |= 1u << TRUST_FAULT_TOO_NEW;
	return faults;
}

static struct trust_past *
past_of(struct trust_history *h, const struct trust_chain *c)
{
	struct trust_past *p;

	for (unsigned i = 0; i < h->nother; i++)
		if (str_eq(str_cstr(h->other[i].chain), str_cstr(c->name)) &&
		    str_eq(str_cstr(h->other[i].root), str_cstr(c->root)))
			return &h->other[i];
	if (h->nother == TRUST_PAST_MAX)
		return NULL;
	p = &h->other[h->nother++];
	memset(p, 0, sizeof(*p));
	trust_past_chain(p, c);
	return p;
}

static void
add_past(struct trust_history *h, const struct trust_chain *c,
    const struct deed *deed, const struct deed *this, bool now)
{
	struct trust_past *p = past_of(h, c);

	if (p == NULL)
		return;
	p->accepted += deed->did.accepted;
	p->refused += deed->did.refused;
	if (deed->did.accepted_s > p->accepted_s) {
		p->accepted_s = deed->did.accepted_s;
		p->faults = faults_then(c, p->accepted_s);
		p->version = deed->version;
	}
	p->between |= now && this != NULL && this->did.refused > 0 &&
	    deed->did.accepted_no > this->did.refused_no;
	/* Nobody who checks takes what is over. */
	if (deed->did.accepted > 0 &&
	    (p->faults & 1u << TRUST_FAULT_EXPIRED) != 0)
		h->unchecking = true;
}

/* Accepted ones first: there is room for few. */
static void
read_past(struct devices *d, struct trust_history *h, const struct device *dev,
    unsigned chain, const struct deed *this, bool now)
{
	pthread_mutex_lock(&d->chains_lock);
	for (int accepted = 1; accepted >= 0; accepted--)
		for (unsigned i = 0; i < dev->ndeeds; i++) {
			const struct deed *deed = &dev->deed[i];

			if (deed->chain != chain &&
			    (deed->did.accepted > 0) == (accepted == 1))
				add_past(h, &d->known[deed->chain].chain, deed,
				    this, now);
		}
	pthread_mutex_unlock(&d->chains_lock);
}

/* dev: whose own word is not counted; NULL: unknown. */
static void
read_kind(struct devices *d, struct trust_history *h, uint64_t fingerprint,
    struct device *dev, unsigned chain)
{
	const struct standing *best = NULL;
	const struct deed *own = dev != NULL && dev->registered ?
	    devices_deed(dev, chain, false) : NULL;
	const struct kind *k;

	pthread_mutex_lock(&d->kinds_lock);
	k = devices_find_kind(d, fingerprint);
	for (unsigned i = 0; k != NULL && i < k->n; i++) {
		const struct standing *s = &k->standing[i];

		if (s->chain == chain) {
			h->kind_accepting = s->count.accepting;
			h->kind_refusing = s->count.refusing;
		} else if (s->count.accepting > s->count.refusing &&
		    (best == NULL ||
			s->count.accepting > best->count.accepting)) {
			best = s;
		}
	}
	if (best != NULL)
		str_copy(h->kind_accepts, sizeof(h->kind_accepts),
		    str_cstr(d->known[best->chain].chain.name));
	pthread_mutex_unlock(&d->kinds_lock);
	if (own != NULL && own->did.in_row > 0 && h->kind_refusing > 0)
		h->kind_refusing--;
	else if (own != NULL && own->did.accepted > 0 && h->kind_accepting > 0)
		h->kind_accepting--;
}

void
devices_history(struct devices *d, struct trust_history *h,
    const struct place *p, uint64_t fingerprint, unsigned chain, bool now)
{
	uint32_t accepted = 0, refused = 0;

	memset(h, 0, sizeof(*h));
	for (unsigned i = 0; i < p->n; i++) {
		const struct deed *this = devices_deed(p->device[i], chain,
		    false);

		if (this != NULL) {
			accepted += this->did.accepted;
			refused += this->did.refused;
		}
		read_past(d, h, p->device[i], chain, this, now);
	}
	h->shared = p->nregistered > 1;
	h->attempts = accepted + refused + now;
	h->refused_alike = refused + now;
	h->accepted_chain = accepted;
	read_kind(d, h, fingerprint, p->n > 0 ? p->device[0] : NULL, chain);
}
