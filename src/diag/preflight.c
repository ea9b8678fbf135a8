/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/preflight.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define F(name) (1u << TRUST_FAULT_##name)

struct run {
	struct preflight *p;
	const struct preflight_settings *s;
	struct fleet_chain chain;
};

/* ---- the chain ---- */

static uint32_t
faults_of(const struct preflight *p, const struct preflight_settings *s)
{
	const struct x509_sent *f = &p->chain.facts;
	uint32_t faults = 0;

	faults |= f->self_signed ? F(SELF_SIGNED) : 0;
	faults |= p->anchors.incomplete ? F(INCOMPLETE) : 0;
	faults |= f->wrong_purpose ? F(PURPOSE) : 0;
	faults |= f->weak_signature ? F(WEAK_SIGNATURE) : 0;
	faults |= f->weak_key ? F(WEAK_KEY) : 0;
	faults |= f->leaf_is_ca ? F(LEAF_IS_CA) : 0;
	faults |= f->not_after_s < s->now_s ? F(EXPIRED) : 0;
	faults |= f->not_before_s > s->now_s ? F(TOO_NEW) : 0;
	faults |= s->name != NULL && !p->chain.named ? F(NAME) : 0;
	return faults;
}

static void
describe(struct run *r)
{
	const struct preflight *p = r->p;
	struct fleet_chain *c = &r->chain;

	c->roots = r->s->roots;
	c->key = p->chain.facts.rsa ? TRUST_KEY_RSA :
	    p->chain.facts.ecdsa ? TRUST_KEY_ECDSA : TRUST_KEY_UNKNOWN;
	c->depth = p->chain.sent;
	c->faults = p->faults;
	for (unsigned i = 0; i < p->anchors.n; i++) {
		uint32_t text = fleet_text(&p->fleet,
		    str_cstr(p->anchors.v[i].label));

		c->public[c->npublic++] = p->anchors.v[i].root;
		if (text != UINT32_MAX)
			c->root[c->nroots++] = text;
	}
}

/* ---- the devices ---- */

static int
add_to_group(struct run *r, size_t at)
{
	struct preflight *p = r->p;
	const struct trust_impact *i = &p->impact[at];
	uint32_t group = p->fleet.device[at].group;
	size_t n = p->ngroups;

	p->devices[i->says]++;
	p->dark += i->dark;
	for (size_t k = 0; k < n; k++) {
		struct preflight_group *g = &p->group[k];

		if (g->group != group || g->impact.why != i->why)
			continue;
		g->devices++;
		g->dark += i->dark;
		return 0;
	}
	if ((n & (n - 1)) == 0) {
		void *more = realloc(p->group,
		    (n == 0 ? 1 : 2 * n) * sizeof(*p->group));

		if (more == NULL)
			return -ENOMEM;
		p->group = more;
	}
	p->group[p->ngroups++] = (struct preflight_group) {
		.group = group, .impact = *i, .first = (uint32_t)at,
		.devices = 1, .dark = i->dark,
	};
	return 0;
}

/* What goes dark first, then what is refused, unknown, accepted; many first. */
static int
worst_first(const void *a, const void *b)
{
	static const int rank[] = {
		[TRUST_IMPACT_REFUSES] = 0, [TRUST_IMPACT_UNKNOWN] = 1,
		[TRUST_IMPACT_ACCEPTS] = 2, [TRUST_IMPACT_UNTOUCHED] = 3,
	};
	const struct preflight_group *x = a, *y = b;

	if (x->impact.says != y->impact.says)
		return rank[x->impact.says] - rank[y->impact.says];
	if (x->dark != y->dark)
		return x->dark > y->dark ? -1 : 1;
	if (x->devices != y->devices)
		return x->devices > y->devices ? -1 : 1;
	return x->first < y->first ? -1 : 1;
}

static int
judge_all(struct run *r)
{
	struct preflight *p = r->p;
	int err;

	p->impact = calloc(p->fleet.n + 1, sizeof(*p->impact));
	if (p->impact == NULL)
		return -ENOMEM;
	err = fleet_impact(p->impact, &p->fleet, &r->chain);
	for (size_t i = 0; err == 0 && i < p->fleet.n; i++)
		err = add_to_group(r, i);
	if (p->ngroups > 0)
		qsort(p->group, p->ngroups, sizeof(*p->group), worst_first);
	return err;
}

/* The chain that is replaced must be one that devices know. */
static int
find_instead(struct run *r, struct buf *why)
{
	const struct fleet *f = &r->p->fleet;

	r->chain.instead = UINT32_MAX;
	if (r->s->instead == NULL)
		return 0;
	r->chain.instead = fleet_text(f, str_cstr(r->s->instead));
	for (size_t i = 0; i < f->ndeeds; i++)
		if (f->deed[i].chain == r->chain.instead)
			return 0;
	buf_printf(why, "no device was shown a chain \"%s\": expected a "
	    "chain's name, as siptrust status has it", r->s->instead);
	return E_ABSENT;
}

int
preflight_run(struct preflight *out, const struct preflight_settings *s,
    struct buf *why)
{
	struct run r = { .p = out, .s = s };
	int err;

	memset(out, 0, sizeof(*out));
	err = x509_roots_load(&out->system);
	if (err == 0)
		err = x509_served_file(&out->chain, s->file, s->name != NULL ?
		    s->name : "", out->system, &out->has_key, why);
	if (err == 0) {
		anchors_find(&out->anchors, &out->chain, s->roots);
		out->faults = faults_of(out, s);
		err = fleet_read(&out->fleet, s->dir, s->profiles, why);
	}
	if (err == 0)
		err = find_instead(&r, why);
	if (err == 0) {
		describe(&r);
		err = judge_all(&r);
	}
	if (err == 0)
		err = preflight_dates(out, s, why);
	if (err != 0) {
		if (why->n == 0)
			buf_puts(why, err_str(err));
		preflight_fini(out);
	}
	return err;
}

void
preflight_fini(struct preflight *p)
{
	if (p->chain.chain != NULL)
		x509_served_fini(&p->chain);
	if (p->fleet.texts != NULL)
		fleet_fini(&p->fleet);
	x509_roots_free(p->system);
	free(p->impact);
	free(p->group);
	free(p->date);
	memset(p, 0, sizeof(*p));
}

void
preflight_evidence(struct buf *out, const struct preflight *p, size_t device)
{
	const struct trust_impact *i = &p->impact[device];
	const struct fleet_device *d = &p->fleet.device[device];
	const struct fleet_deed *e;
	time_t t;
	struct tm tm;

	if (i->by < 0)
		return;
	e = &p->fleet.deed[d->deed + (uint32_t)i->by];
	buf_printf(out, "%s chain %.*s", e->accepts ? "accepted" : "refused",
	    STR_FMT(p->fleet.text[e->chain]));
	t = (time_t)e->last_s;
	if (e->last_s != 0 && gmtime_r(&t, &tm) != NULL)
		buf_printf(out, ", last on %04d-%02d-%02d", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday);
	if (e->lacks)
		buf_printf(out, " (%s, %s)", trust_cause_name(
		    TRUST_CAUSE_UNTRUSTED_ROOT),
		    trust_confidence_name(e->confidence));
}
