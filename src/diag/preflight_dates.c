/* SPDX-License-Identifier: BSD-2-Clause */
/* What will happen to the new chain and to the chains in use, and to whom. */
#include <errno.h>
#include <stdlib.h>

#include "diag/preflight.h"

/* A root that a chain leads to: of the new one, or of those in use. */
struct use {
	const struct device_root *root; /* NULL: in no public store         */
	struct str label;
	bool of_new, in_use;
	uint32_t devices;               /* that accept no other root        */
	int64_t not_after_s;
};

struct uses {
	struct use *v;
	size_t n, size;
};

static struct use *
add_use(struct uses *u, const struct device_root *root, struct str label)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].root == root && str_ieq(u->v[i].label, label))
			return &u->v[i];
	if (u->n == u->size)
		return NULL;
	u->v[u->n] = (struct use) { .root = root, .label = label };
	if (root != NULL)
		u->v[u->n].not_after_s = root->not_after_s;
	return &u->v[u->n++];
}

/* The root that evidence calls so: the one that is valid longest. */
static const struct device_root *
root_of(const struct device_roots *roots, struct str label)
{
	const struct device_root *best = NULL, *r;
	size_t i = 0;

	while ((r = device_roots_labelled(roots, label, &i)) != NULL)
		if (best == NULL || r->not_after_s > best->not_after_s)
			best = r;
	return best;
}

/* The one root that the device accepts, by deeds; UINT32_MAX: none, many. */
static uint32_t
only_root(const struct fleet *f, const struct fleet_device *d)
{
	uint32_t only = UINT32_MAX;

	for (uint32_t i = d->deed; i < d->deed + d->ndeeds; i++) {
		if (!f->deed[i].accepts || f->deed[i].root == only)
			continue;
		if (only != UINT32_MAX)
			return UINT32_MAX;
		only = f->deed[i].root;
	}
	return only;
}

/* Texts of roots are few: a row for each that some device accepts. */
static void
count_uses(struct uses *u, const struct preflight *p,
    const struct preflight_settings *s, uint32_t *devices)
{
	const struct fleet *f = &p->fleet;

	for (size_t i = 0; i < f->ndeeds; i++)
		if (f->deed[i].accepts && devices[f->deed[i].root] == 0)
			devices[f->deed[i].root] = 1;
	for (size_t i = 0; i < f->n; i++) {
		uint32_t only = only_root(f, &f->device[i]);

		if (only != UINT32_MAX)
			devices[only]++;
	}
	for (size_t i = 0; i < f->ntexts; i++) {
		struct use *one;
		const struct device_root *root;

		if (devices[i] == 0)
			continue;
		root = root_of(s->roots, f->text[i]);
		one = add_use(u, root, f->text[i]);
		if (one == NULL)
			continue;
		one->in_use = true;
		one->devices = devices[i] - 1;
	}
}

/* ---- the rows ---- */

static struct preflight_date *
add_date(struct preflight *p, int64_t day_s, struct str about)
{
	size_t n = p->ndates;
	struct preflight_date *d;

	if ((n & (n - 1)) == 0) {
		void *more = realloc(p->date,
		    (n == 0 ? 1 : 2 * n) * sizeof(*p->date));

		if (more == NULL)
			return NULL;
		p->date = more;
	}
	d = &p->date[p->ndates++];
	*d = (struct preflight_date) {
		.day_s = day_s, .whom = STR(""), .source = STR(""),
	};
	str_copy(d->about, sizeof(d->about), about);
	clock_day(d->day, day_s);
	return d;
}

static int
add_certificates(struct preflight *p)
{
	for (unsigned i = 0; i < p->chain.n; i++) {
		const struct x509_served_cert *c = &p->chain.cert[i];
		struct preflight_date *d;

		if (c->self_signed && i > 0)
			continue; /* the root has a row of its own */
		d = add_date(p, c->not_after_s, str_cstr(c->subject));
		if (d == NULL)
			return -ENOMEM;
		d->of_new = true;
		str_copy(d->what, sizeof(d->what), i == 0 ?
		    STR("the new certificate expires") :
		    STR("an intermediate of the new chain expires"));
	}
	return 0;
}

/* The chain of this name, or one of those made of it (siptrust.conf(5)). */
static bool
is_chain(struct str text, struct str name)
{
	struct str rest;

	if (text.n < name.n || !str_eq(str_of(text.p, name.n), name))
		return false;
	rest = str_from(text, name.n);
	return rest.n == 0 || str_starts(rest, STR("-short")) ||
	    str_starts(rest, STR("-cross"));
}

/* How many devices are served by it today. */
static uint32_t
served_by(const struct fleet *f, struct str name)
{
	uint32_t count = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct fleet_device *d = &f->device[i];
		bool any = false;

		for (uint32_t k = d->deed; k < d->deed + d->ndeeds; k++)
			any |= f->deed[k].accepts &&
			    is_chain(f->text[f->deed[k].chain], name);
		count += any;
	}
	return count;
}

static int
add_in_use(struct preflight *p, const struct conf_chain *c, struct buf *why)
{
	struct x509_served chain;
	bool has_key;
	uint32_t devices;
	int err = x509_served_file(&chain, c->certificate, "", p->system,
	    &has_key, why);

	if (err != 0)
		return err;
	devices = served_by(&p->fleet, str_cstr(c->name));
	for (unsigned i = 0; err == 0 && i < chain.n; i++) {
		const struct x509_served_cert *cert = &chain.cert[i];
		struct preflight_date *d;
		struct buf what;

		if (cert->self_signed && i > 0)
			continue;
		d = add_date(p, cert->not_after_s, str_cstr(cert->subject));
		if (d == NULL) {
			err = -ENOMEM;
			break;
		}
		d->in_use = true;
		d->devices = devices;
		buf_init_array(&what, d->what, sizeof(d->what) - 1);
		buf_printf(&what, "%s of chain %s expires", i == 0 ?
		    "the certificate" : "an intermediate", c->name);
		d->what[what.n] = '\0';
	}
	x509_served_fini(&chain);
	return err;
}

static int
add_roots(struct preflight *p, const struct uses *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct preflight_date *d;

		if (u->v[i].not_after_s == 0)
			continue;
		d = add_date(p, u->v[i].not_after_s, u->v[i].label);
		if (d == NULL)
			return -ENOMEM;
		d->of_new = u->v[i].of_new;
		d->in_use = u->v[i].in_use;
		d->devices = u->v[i].devices;
		str_copy(d->what, sizeof(d->what), STR("the root expires"));
	}
	return 0;
}

static bool
contains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_istarts(str_from(s, i), part))
			return true;
	return false;
}

/* Whether the row concerns anything here; about gets a name. */
static bool
concerns(const struct preflight *p, const struct uses *u,
    const struct device_date *row, struct use *out)
{
	bool any = false;

	*out = (struct use) { .label = STR("public certificates") };
	if (row->scope == DEVICE_SCOPE_ISSUER)
		for (unsigned i = 0; i < p->chain.n; i++)
			if (contains(p->chain.cert[i].issuer_der,
			    row->about)) {
				out->label = row->about;
				out->of_new = any = true;
			}
	for (size_t i = 0; i < u->n; i++) {
		const struct use *one = &u->v[i];

		if (one->root == NULL || row->scope == DEVICE_SCOPE_ISSUER ||
		    (row->scope == DEVICE_SCOPE_ROOT &&
			!device_date_names(row, one->root->name)))
			continue;
		if (row->scope == DEVICE_SCOPE_ROOT && !any)
			out->label = one->label;
		any = true;
		out->of_new |= one->of_new;
		out->in_use |= one->in_use;
		out->devices += one->devices;
	}
	return any;
}

static int
add_calendar(struct preflight *p, const struct preflight_settings *s,
    const struct uses *u)
{
	for (size_t i = 0; i < device_calendar_count(s->calendar); i++) {
		const struct device_date *row =
		    device_calendar_at(s->calendar, i);
		struct preflight_date *d;
		struct use hit;

		if (row->day_s < s->now_s || !concerns(p, u, row, &hit))
			continue;
		d = add_date(p, row->day_s, hit.label);
		if (d == NULL)
			return -ENOMEM;
		d->of_new = hit.of_new;
		d->in_use = hit.in_use;
		d->devices = hit.devices;
		str_copy(d->what, sizeof(d->what), row->what);
		d->whom = row->whom;
		d->source = row->source;
	}
	return 0;
}

static int
by_day(const void *a, const void *b)
{
	const struct preflight_date *x = a, *y = b;

	if (x->day_s != y->day_s)
		return x->day_s < y->day_s ? -1 : 1;
	return strcmp(x->about, y->about);
}

int
preflight_dates(struct preflight *p, const struct preflight_settings *s,
    struct buf *why)
{
	struct uses u = { .size = p->fleet.ntexts + p->anchors.n };
	uint32_t *devices = calloc(p->fleet.ntexts + 1, sizeof(*devices));
	int err = 0;

	u.v = calloc(u.size + 1, sizeof(*u.v));
	if (u.v == NULL || devices == NULL)
		err = -ENOMEM;
	if (err == 0)
		count_uses(&u, p, s, devices);
	for (unsigned i = 0; err == 0 && i < p->anchors.n; i++) {
		const struct anchor *a = &p->anchors.v[i];
		struct use *one = add_use(&u, a->root, a->root != NULL ?
		    a->root->label : str_cstr(a->label));

		if (one == NULL)
			continue;
		one->of_new = true;
		one->not_after_s = a->not_after_s;
	}
	if (err == 0)
		err = add_certificates(p);
	for (size_t i = 0; err == 0 && s->conf != NULL && i < s->conf->nchain;
	     i++)
		err = add_in_use(p, &s->conf->chain[i], why);
	if (err == 0)
		err = add_roots(p, &u);
	if (err == 0)
		err = add_calendar(p, s, &u);
	if (err == 0 && p->ndates > 0)
		qsort(p->date, p->ndates, sizeof(*p->date), by_day);
	free(devices);
	free(u.v);
	return err;
}
