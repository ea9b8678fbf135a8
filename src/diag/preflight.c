/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/preflight.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define F(name) (1u << TRUST_FAULT_##name)

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
	struct preflight *p;
	const struct preflight_settings *s;
	uint32_t root[2 * X509_SERVED_MAX]; /* texts of the new chain's     */
	unsigned nroots;
	uint32_t instead;                   /* text; UINT32_MAX: all        */
	struct kind *kind;
	size_t nkinds;
	struct published *published;        /* one a group                  */
	struct trust_impact_past *past;     /* room for one device's        */
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

static bool
leads_to(const struct run *r, uint32_t root)
{
	for (unsigned i = 0; i < r->nroots; i++)
		if (r->root[i] == root)
			return true;
	return false;
}

static void
find_roots(struct run *r)
{
	for (unsigned i = 0; i < r->p->anchors.n; i++) {
		uint32_t text = fleet_text(&r->p->fleet,
		    str_cstr(r->p->anchors.v[i].label));

		if (text != UINT32_MAX)
			r->root[r->nroots++] = text;
	}
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

static int
find_kinds(struct run *r)
{
	const struct fleet *f = &r->p->fleet;

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
	const struct fleet *f = &r->p->fleet;
	const struct anchors *a = &r->p->anchors;

	r->published = calloc(f->ngroups + 1, sizeof(*r->published));
	if (r->published == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < f->ngroups; i++) {
		const struct device_profile *p = f->group[i].profile;
		unsigned no = 0;

		if (p == NULL)
			continue;
		r->published[i].unchecking = p->checks_chain == DEVICE_NO;
		for (unsigned k = 0; k < a->n; k++) {
			enum device_answer h = a->v[k].root == NULL ?
			    DEVICE_UNKNOWN : device_root_published(r->s->roots,
			    p, a->v[k].root, NULL);

			no += h == DEVICE_NO;
			if (h == DEVICE_YES)
				r->published[i].holds = DEVICE_YES;
		}
		/* It may have been given one since: a root of ours it has. */
		if (no == a->n && a->n > 0)
			r->published[i].holds = DEVICE_NO;
	}
	return 0;
}

/* ---- the devices ---- */

static void
judge_device(struct run *r, size_t at)
{
	const struct fleet *f = &r->p->fleet;
	const struct fleet_device *d = &f->device[at];
	const struct kind key = { d->group, d->fingerprint, 0, 0 };
	const struct kind *k = r->nkinds == 0 ? NULL : bsearch(&key, r->kind,
	    r->nkinds, sizeof(*r->kind), by_kind);
	struct trust_impact_question q = {
		.key = r->p->chain.facts.rsa ? TRUST_KEY_RSA :
		    r->p->chain.facts.ecdsa ? TRUST_KEY_ECDSA :
		    TRUST_KEY_UNKNOWN,
		.depth = r->p->chain.sent,
		.faults = r->p->faults,
		.past = r->past,
		.n = d->ndeeds,
		.over_tls = d->ndeeds > 0 || d->fingerprint != 0,
		.kind_accepts = k != NULL ? k->accepts : 0,
		.kind_lacks = k != NULL ? k->lacks : 0,
		.published = r->published[d->group].holds,
		.unchecking = r->published[d->group].unchecking,
	};

	for (uint32_t i = 0; i < d->ndeeds; i++) {
		const struct fleet_deed *e = &f->deed[d->deed + i];

		r->past[i] = (struct trust_impact_past) {
			.to_root = leads_to(r, e->root),
			.accepts = e->accepts, .lacks = e->lacks, .no = e->no,
			.stays = r->instead != UINT32_MAX &&
			    e->chain != r->instead,
			.key = e->key, .depth = e->depth, .faults = e->faults,
		};
	}
	r->p->impact[at] = trust_impact_of(&q);
}

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
	uint32_t most = 1;
	int err = 0;

	for (size_t i = 0; i < p->fleet.n; i++)
		if (p->fleet.device[i].ndeeds > most)
			most = p->fleet.device[i].ndeeds;
	p->impact = calloc(p->fleet.n + 1, sizeof(*p->impact));
	r->past = calloc(most, sizeof(*r->past));
	if (p->impact == NULL || r->past == NULL)
		return -ENOMEM;
	for (size_t i = 0; err == 0 && i < p->fleet.n; i++) {
		judge_device(r, i);
		err = add_to_group(r, i);
	}
	if (p->ngroups > 0)
		qsort(p->group, p->ngroups, sizeof(*p->group), worst_first);
	return err;
}

/* The chain that is replaced must be one that devices know. */
static int
find_instead(struct run *r, struct buf *why)
{
	const struct fleet *f = &r->p->fleet;

	r->instead = UINT32_MAX;
	if (r->s->instead == NULL)
		return 0;
	r->instead = fleet_text(f, str_cstr(r->s->instead));
	for (size_t i = 0; i < f->ndeeds; i++)
		if (f->deed[i].chain == r->instead)
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
		find_roots(&r);
		err = find_kinds(&r);
	}
	if (err == 0)
		err = find_published(&r);
	if (err == 0)
		err = judge_all(&r);
	if (err == 0)
		err = preflight_dates(out, s);
	free(r.kind);
	free(r.published);
	free(r.past);
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
