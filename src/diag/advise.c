/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/advise.h"

#include <errno.h>
#include <stdlib.h>

bool
advise_takes_ca(const struct fleet *f, size_t device)
{
	const struct device_profile *p =
	    f->group[f->device[device].group].profile;

	return p != NULL && p->ca_way != 0 && p->ca_way != DEVICE_CA_NONE &&
	    p->ca_way != DEVICE_CA_SIGNED;
}

/* ---- the options ---- */

static void
add_root(struct fleet_chain *c, const struct fleet *f,
    const struct device_root *root, struct str label)
{
	uint32_t text;

	if (c->npublic == FLEET_ROOTS_MAX)
		return;
	c->public[c->npublic++] = root;
	text = fleet_text(f, str_of(label.p, label.n < TRUST_TEXT_MAX ?
	    label.n : TRUST_TEXT_MAX - 1));
	if (text != UINT32_MAX)
		c->root[c->nroots++] = text;
}

static void
count(struct advise_option *o, const struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++) {
		enum trust_impact_says says = o->impact[i].says;

		o->accept += says == TRUST_IMPACT_ACCEPTS;
		o->refuse += says == TRUST_IMPACT_REFUSES;
		o->unknown += says == TRUST_IMPACT_UNKNOWN;
		o->takes_ca += (says == TRUST_IMPACT_REFUSES ||
		    says == TRUST_IMPACT_UNKNOWN) && advise_takes_ca(f, i);
	}
}

static int
add_option(struct advise *a, const struct fleet *f,
    const struct fleet_chain *c, const struct advise_option *what)
{
	struct advise_option *o = &a->option[a->n];
	int err;

	if (a->n == ADVISE_OPTIONS_MAX)
		return 0;
	*o = *what;
	o->impact = calloc(f->n + 1, sizeof(*o->impact));
	if (o->impact == NULL)
		return -ENOMEM;
	a->n++;
	err = fleet_impact(o->impact, f, c);
	if (err == 0)
		count(o, f);
	return err;
}

static int
add_issuers(struct advise *a, const struct fleet *f,
    const struct device_roots *roots)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < device_issuers_count(roots); i++) {
		const struct device_issuer *one = device_issuers_at(roots, i);
		const struct advise_option o = {
			.name = one->name, .roots = one->roots,
			.how = one->how, .until_s = one->until_s,
		};
		struct fleet_chain c = {
			.roots = roots, .key = TRUST_KEY_RSA,
			.instead = UINT32_MAX,
		};
		struct str rest = one->roots;

		while (rest.n > 0) {
			const struct device_root *r = device_roots_find(roots,
			    str_cut(&rest, ' '));

			if (r != NULL)
				add_root(&c, f, r, r->label);
		}
		err = add_option(a, f, &c, &o);
	}
	return err;
}

/* An option has it already, or a public root is called so. */
static bool
is_public(const struct device_roots *roots, struct str label)
{
	size_t i = 0;

	return device_roots_labelled(roots, label, &i) != NULL;
}

/* Each root of our own that devices were shown; where there is none, one that
 * could be made. */
static int
add_own(struct advise *a, const struct fleet *f,
    const struct device_roots *roots)
{
	size_t before = a->n;
	bool *seen = calloc(f->ntexts + 1, sizeof(*seen));
	struct fleet_chain c = {
		.roots = roots, .key = TRUST_KEY_RSA, .instead = UINT32_MAX,
	};
	struct advise_option o = {
		.own = true, .how = STR("siptrust ca; give it to the phones: "
		    "siptrust ca export --for MODEL"),
	};
	int err = seen == NULL ? -ENOMEM : 0;

	for (size_t i = 0; err == 0 && i < f->ndeeds; i++) {
		uint32_t text = f->deed[i].root;

		if (seen[text] || f->text[text].n == 0 ||
		    is_public(roots, f->text[text]))
			continue;
		seen[text] = true;
		c.nroots = c.npublic = 0;
		add_root(&c, f, NULL, f->text[text]);
		o.name = o.roots = f->text[text];
		err = add_option(a, f, &c, &o);
	}
	if (err == 0 && a->n == before) {
		c.nroots = c.npublic = 0;
		o.name = STR("a CA of your own");
		o.roots = STR("");
		err = add_option(a, f, &c, &o);
	}
	free(seen);
	return err;
}

/* ---- the best, and the fewest together ---- */

/* Most accept; then fewest refuse; then ours, then what lasts longest. */
static int
best_first(const void *x, const void *y)
{
	const struct advise_option *a = x, *b = y;

	if (a->accept != b->accept)
		return a->accept > b->accept ? -1 : 1;
	if (a->refuse != b->refuse)
		return a->refuse < b->refuse ? -1 : 1;
	if (a->own != b->own)
		return a->own ? -1 : 1;
	if (a->until_s != b->until_s)
		return a->until_s > b->until_s ? -1 : 1;
	return str_cmp(a->name, b->name);
}

/* Devices that the option would serve and nothing that is chosen does. */
static uint32_t
gain(const struct advise *a, const struct advise_option *o, size_t n)
{
	uint32_t more = 0;

	for (size_t i = 0; i < n; i++)
		more += a->left[i] &&
		    o->impact[i].says == TRUST_IMPACT_ACCEPTS;
	return more;
}

/* Greedy: always the one that serves most of those that are left. */
static void
combine(struct advise *a, const struct fleet *f)
{
	for (;;) {
		struct advise_option *best = NULL;
		uint32_t most = 0;

		for (size_t i = 0; i < a->n; i++) {
			uint32_t more = gain(a, &a->option[i], f->n);

			if (more > most) {
				most = more;
				best = &a->option[i];
			}
		}
		if (best == NULL)
			return;
		best->chosen = true;
		a->served += most;
		if (best->until_s != 0 && (a->until_s == 0 ||
		    best->until_s < a->until_s))
			a->until_s = best->until_s;
		for (size_t i = 0; i < f->n; i++)
			if (best->impact[i].says == TRUST_IMPACT_ACCEPTS)
				a->left[i] = false;
	}
}

int
advise(struct advise *out, const struct fleet *f,
    const struct device_roots *roots)
{
	int err;

	memset(out, 0, sizeof(*out));
	out->left = calloc(f->n + 1, sizeof(*out->left));
	err = out->left == NULL ? -ENOMEM : add_issuers(out, f, roots);
	if (err == 0)
		err = add_own(out, f, roots);
	if (err != 0) {
		advise_fini(out);
		return err;
	}
	for (size_t i = 0; i < f->n; i++) {
		out->left[i] = f->device[i].ndeeds > 0 ||
		    f->device[i].fingerprint != 0;
		out->over_tls += out->left[i];
	}
	qsort(out->option, out->n, sizeof(out->option[0]), best_first);
	combine(out, f);
	for (size_t i = 0; i < f->n; i++) {
		out->nleft += out->left[i];
		out->left_takes_ca += out->left[i] && advise_takes_ca(f, i);
	}
	return 0;
}

void
advise_fini(struct advise *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->option[i].impact);
	free(a->left);
	memset(a, 0, sizeof(*a));
}
