/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/anchor.h"

static struct anchor *
add(struct anchors *a, unsigned at, const struct device_root *root,
    const char *label)
{
	struct anchor *one = &a->v[a->n];

	for (unsigned i = 0; i < a->n; i++)
		if (a->v[i].at == at && a->v[i].root == root)
			return &a->v[i];
	if (a->n == ARRAY_LEN(a->v))
		return &a->v[a->n - 1];
	*one = (struct anchor) { .at = at, .root = root };
	if (root != NULL) {
		str_copy(one->label, sizeof(one->label), root->label);
		one->not_after_s = root->not_after_s;
	} else {
		str_copy(one->label, sizeof(one->label), str_cstr(label));
	}
	a->n++;
	return one;
}

/* Public roots of that name and key; false: none. */
static bool
add_public(struct anchors *a, const struct device_roots *roots, unsigned at,
    struct str der, struct str key_id, bool end)
{
	const struct device_root *r;
	bool any = false;
	size_t i = 0;

	while ((r = device_roots_subject(roots, der, key_id, &i)) != NULL) {
		/* A name alone is not enough to call it a cross-certificate. */
		if (!end && (key_id.n == 0 || r->nski == 0))
			continue;
		add(a, at, r, "")->end |= end;
		any = true;
	}
	return any;
}

static struct str
id(const uint8_t *bytes, uint8_t n)
{
	return str_of((const char *)bytes, n);
}

/* The root itself was sent: it is the one that counts. */
static void
add_sent_root(struct anchors *a, const struct x509_served_cert *c,
    unsigned at, const struct device_roots *roots)
{
	const struct device_root *r = device_roots_by_sha256(roots,
	    c->sha256);
	struct anchor *one = add(a, at, r, c->subject);

	one->end = true;
	one->not_after_s = c->not_after_s;
	/* The same CA's other certificate will do as well. */
	if (r == NULL && c->nski > 0)
		IGNORE(add_public(a, roots, at, c->subject_der,
		    id(c->ski, c->nski), false));
}

void
anchors_find(struct anchors *out, const struct x509_served *chain,
    const struct device_roots *roots)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < chain->n; i++) {
		const struct x509_served_cert *c = &chain->cert[i];
		bool last = i + 1 == chain->n;

		if (c->self_signed) {
			add_sent_root(out, c, i > 0 ? i - 1 : 0, roots);
			return;
		}
		if (i > 0 && c->ca)
			IGNORE(add_public(out, roots, i - 1, c->subject_der,
			    id(c->ski, c->nski), false));
		if (!last)
			continue;
		if (!add_public(out, roots, i, c->issuer_der,
		    id(c->aki, c->naki), true)) {
			out->incomplete = chain->facts.incomplete;
			add(out, i, NULL, c->issuer)->end = true;
		}
	}
}

const struct anchor *
anchors_best(const struct anchors *a)
{
	const struct anchor *best = NULL;

	for (unsigned i = 0; i < a->n; i++) {
		const struct anchor *one = &a->v[i];

		if (best == NULL || (one->root != NULL && (best->root == NULL ||
		    one->not_after_s > best->not_after_s)))
			best = one;
	}
	return best;
}
