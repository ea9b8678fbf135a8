/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/fleet_impact.h"

#include <errno.h>
#include <stdlib.h>

/* Devices of one model with one ClientHello that were shown such a root. */
struct kind {
	uint32_t group;
	uint64_t fingerprint;
	uint32_t accepts, lacks;
};

/* What is the same for all devices of a group. */
struct published {
	enum device_answer holds;
	bool unchecking;
};

struct run {
	const struct fleet *f;
	const struct fleet_chain *c;
	struct kind *kind;
	size_t nkinds;
	struct published *published;        /* one a group                  */
	struct trust_impact_past *past;     /* room for one device's        */
};

static bool
leads_to(const struct run *r, uint32_t root)
{
	for (unsigned i = 0; i < r->c->nroots; i++)
		if (r->c->root[i] == root)
			return true;
	return false;
}

/* ---- kinds ---- */

static int
by_kind(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->fingerprint < y->fingerprint ? -1 :
	    x->fingerprint > y->fingerprint;
}

static void
merge_kinds(struct run *r)
{
	size_t n = 0;

	if (r->nkinds > 0)
		qsort(r->kind, r->nkinds, sizeof(*r->kind), by_kind);
	for (size_t i = 0; i < r->nkinds; i++) {
		if (n > 0 && by_kind(&r->kind[n - 1], &r->kind[i]) == 0) {
			r->kind[n - 1].accepts += r->kind[i].accepts;
			r->kind[n - 1].lacks += r->kind[i].lacks;
		} else {
			r->kind[n++] = r->kind[i];
		}
	}
	r->nkinds = n;
}

/* A CA of one's own is given to a phone, not to its model. */
static bool
is_public(const struct fleet_chain *c)
{
	for (unsigned i = 0; i < c->npublic; i++)
		if (c->public[i] != NULL)
			return true;
	return false;
}

static int
find_kinds(struct run *r)
{
	const struct fleet *f = r->f;

	if (!is_public(r->c))
		return 0;
	r->kind = calloc(f->n + 1, sizeof(*r->kind));
	if (r->kind == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		const struct fleet_device *d = &f->device[i];
		struct kind k = { d->group, d->fingerprint, 0, 0 };

		/* Of no known model is no kind. */
		if (f->group[d->group].profile == NULL || d->fingerprint == 0)
			continue;
		for (uint32_t e = d->deed; e < d->deed + d->ndeeds; e++) {
			if (!leads_to(r, f->deed[e].root))
				continue;
			k.accepts |= f->deed[e].accepts;
			k.lacks |= f->deed[e].lacks;
		}
		if (k.accepts + k.lacks == 1)
			r->kind[r->nkinds++] = k;
	}
	merge_kinds(r);
	return 0;
}

static int
find_published(struct run *r)
{
	const struct fleet *f = r->f;
	const struct fleet_chain *c = r->c;

	r->published = calloc(f->ngroups + 1, sizeof(*r->published));
	if (r->published == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < f->ngroups; i++) {
		const struct device_profile *p = f->group[i].profile;
		unsigned no = 0;

		if (p == NULL)
			continue;
		r->published[i].unchecking = p->checks_chain == DEVICE_NO;
		for (unsigned k = 0; k < c->npublic; k++) {
			enum device_answer h = c->public[k] == NULL ?
			    DEVICE_UNKNOWN : device_root_published(c->roots,
			    p, c->public[k], NULL);

			no += h == DEVICE_NO;
			if (h == DEVICE_YES)
				r->published[i].holds = DEVICE_YES;
		}
		/* It may have been given one since: a root of ours it has. */
		if (no == c->npublic && no > 0)
			r->published[i].holds = DEVICE_NO;
	}
	return 0;
}

/* ---- the devices ---- */

/* Any of the roots will do; without all of them it refuses. */
static enum device_answer
asked_of(const struct run *r, const struct fleet_device *d)
{
	const struct fleet_chain *c = r->c;
	unsigned no = 0;

	for (unsigned k = 0; k < c->npublic; k++) {
		for (uint32_t i = d->asked; c->public[k] != NULL &&
		    i < d->asked + d->nasked; i++) {
			const struct fleet_asked *a = &r->f->asked[i];

			if (memcmp(a->sha256, c->public[k]->sha256,
			    sizeof(a->sha256)) != 0)
				continue;
			if (a->holds)
				return DEVICE_YES;
			no++;
		}
	}
	return no > 0 && no == c->npublic ? DEVICE_NO : DEVICE_UNKNOWN;
}

static struct trust_impact
judge_device(struct run *r, size_t at)
{
	const struct fleet *f = r->f;
	const struct fleet_device *d = &f->device[at];
	const struct kind key = { d->group, d->fingerprint, 0, 0 };
	const struct kind *k = r->nkinds == 0 ? NULL : bsearch(&key, r->kind,
	    r->nkinds, sizeof(*r->kind), by_kind);
	struct trust_impact_question q = {
		.key = r->c->key, .depth = r->c->depth,
		.faults = r->c->faults,
		.past = r->past,
		.n = d->ndeeds,
		.over_tls = d->ndeeds > 0 || d->fingerprint != 0,
		.kind_accepts = k != NULL ? k->accepts : 0,
		.kind_lacks = k != NULL ? k->lacks : 0,
		.asked = asked_of(r, d),
		.published = r->published[d->group].holds,
		.unchecking = r->published[d->group].unchecking,
	};

	for (uint32_t i = 0; i < d->ndeeds; i++) {
		const struct fleet_deed *e = &f->deed[d->deed + i];

		r->past[i] = (struct trust_impact_past) {
			.to_root = leads_to(r, e->root),
			.accepts = e->accepts, .lacks = e->lacks, .no = e->no,
			.stays = r->c->instead != UINT32_MAX &&
			    e->chain != r->c->instead,
			.key = e->key, .depth = e->depth, .faults = e->faults,
		};
	}
	return trust_impact_of(&q);
}

int
fleet_impact(struct trust_impact *out, const struct fleet *f,
    const struct fleet_chain *c)
{
	struct run r = { .f = f, .c = c };
	uint32_t most = 1;
	int err;

	for (size_t i = 0; i < f->n; i++)
		if (f->device[i].ndeeds > most)
			most = f->device[i].ndeeds;
	r.past = calloc(most, sizeof(*r.past));
	err = r.past == NULL ? -ENOMEM : find_kinds(&r);
	if (err == 0)
		err = find_published(&r);
	for (size_t i = 0; err == 0 && i < f->n; i++)
		out[i] = judge_device(&r, i);
	free(r.kind);
	free(r.published);
	free(r.past);
	return err;
}
