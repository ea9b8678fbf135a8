/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/fleet.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "device/match.h"
#include "store/device.h"
#include "store/probe.h"
#include "trust/belief.h"

#define TITLE_MAX 96

/* A text that is kept once. */
struct kept {
	struct hash_node node;
	uint32_t place;
	uint32_t n;
	char bytes[];
};

struct fleet_texts {
	struct hash_table table;
	struct fleet *f;
	size_t size;                 /* of f->text                           */
	uint32_t *group_of;          /* by the place of a User-Agent + 1     */
	size_t ngroup_of;
};

struct reading {
	struct fleet *f;
	const struct device_catalogue *profiles;
	struct device_store *store;
	size_t at;                   /* of the device that came last         */
	struct fleet_deed *deed;     /* whose cause is sought                */
	bool no_memory;
};

/* ---- texts ---- */

static struct kept *
find(const struct fleet_texts *t, struct str text, uint64_t hash)
{
	for (struct hash_node *n = hash_chain(&t->table, hash); n != NULL;
	    n = n->next) {
		struct kept *k = CONTAINER_OF(n, struct kept, node);

		if (n->hash == hash && str_eq(str_of(k->bytes, k->n), text))
			return k;
	}
	return NULL;
}

static uint32_t
keep(struct reading *r, struct str text)
{
	struct fleet *f = r->f;
	uint64_t hash = hash_bytes(text.p, text.n);
	struct kept *k = find(f->texts, text, hash);
	struct str *kept;

	if (k != NULL)
		return k->place;
	k = malloc(sizeof(*k) + text.n);
	kept = k != NULL ? array_add(&f->text, &f->ntexts, sizeof(*kept)) :
	    NULL;
	if (kept == NULL) {
		free(k);
		r->no_memory = true;
		return 0;
	}
	k->n = (uint32_t)text.n;
	k->place = (uint32_t)f->ntexts - 1;
	if (text.n > 0)
		memcpy(k->bytes, text.p, text.n);
	*kept = str_of(k->bytes, text.n);
	hash_insert(&f->texts->table, &k->node, hash);
	return k->place;
}

uint32_t
fleet_text(const struct fleet *f, struct str text)
{
	struct kept *k = find(f->texts, text, hash_bytes(text.p, text.n));

	return k != NULL ? k->place : UINT32_MAX;
}

/* ---- groups ---- */

/* "Cisco SPA502G"; of no profile the User-Agent's product. */
static void
put_title(struct buf *out, const struct device_match *m, struct str agent)
{
	struct str product = agent;

	if (m->profile == NULL) {
		product = str_cut(&product, '/');
		if (product.n == agent.n)
			product = str_cut(&product, ' ');
		buf_str(out, product.n > 0 ? product : STR("unknown"));
	} else if (m->parts.model.n > 0) {
		buf_printf(out, "%.*s %.*s", STR_FMT(m->profile->vendor),
		    STR_FMT(m->parts.model));
	} else {
		buf_str(out, m->profile->title);
	}
}

static uint32_t
group_titled(struct reading *r, struct str title,
    const struct device_profile *p)
{
	struct fleet *f = r->f;
	uint32_t place = keep(r, title);
	struct fleet_group *g;

	for (size_t i = 0; !r->no_memory && i < f->ngroups; i++)
		if (f->group[i].profile == p &&
		    str_eq(f->group[i].title, f->text[place]))
			return (uint32_t)i;
	g = !r->no_memory ? array_add(&f->group, &f->ngroups, sizeof(*g)) :
	    NULL;
	if (g == NULL) {
		r->no_memory = true;
		return 0;
	}
	*g = (struct fleet_group) {
		.title = f->text[place], .profile = p,
	};
	return (uint32_t)f->ngroups - 1;
}

/* Each User-Agent is matched once. */
static uint32_t
group_of(struct reading *r, const struct store_device *row)
{
	struct fleet_texts *t = r->f->texts;
	struct str agent = row->user_agent;
	uint32_t place = keep(r, agent);
	const struct device_clues clues = { agent, agent, STR_NULL,
		agent.n > 0 ? STR_NULL : row->ja4 };
	struct device_match m;
	char title[TITLE_MAX];
	struct buf text;
	uint32_t group;

	while (place >= t->ngroup_of) {
		size_t size = t->ngroup_of == 0 ? 256 : 2 * t->ngroup_of;
		uint32_t *more = realloc(t->group_of, size * sizeof(*more));

		if (more == NULL) {
			r->no_memory = true;
			return 0;
		}
		memset(more + t->ngroup_of, 0,
		    (size - t->ngroup_of) * sizeof(*more));
		t->group_of = more;
		t->ngroup_of = size;
	}
	if (agent.n > 0 && t->group_of[place] != 0)
		return t->group_of[place] - 1;
	device_match(r->profiles, &clues, &m);
	buf_init_array(&text, title, sizeof(title));
	put_title(&text, &m, agent);
	group = group_titled(r, buf_as_str(&text), m.profile);
	t->group_of[place] = group + 1;
	return group;
}

/* ---- rows ---- */

static int
on_device(const struct store_device *row, void *arg)
{
	struct reading *r = arg;
	struct fleet *f = r->f;
	struct str accounts = row->accounts;
	struct fleet_device *d = array_add(&f->device, &f->n, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	*d = (struct fleet_device) {
		.id = row->id, .fingerprint = row->fingerprint,
		.registered = accounts.n > 0,
	};
	d->group = group_of(r, row);
	d->name = keep(r, accounts.n > 0 ? str_cut(&accounts, ' ') :
	    row->address);
	if (r->no_memory)
		return -ENOMEM;
	f->group[d->group].devices++;
	return 0;
}

/* Deeds come in the order of the devices. */
static int
on_deed(const struct store_deed *row, void *arg)
{
	struct reading *r = arg;
	struct fleet *f = r->f;
	struct fleet_device *d;
	struct fleet_deed *e;

	while (r->at < f->n && f->device[r->at].id < row->device)
		r->at++;
	if (r->at == f->n || f->device[r->at].id != row->device)
		return 0;
	e = array_add(&f->deed, &f->ndeeds, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	d = &f->device[r->at];
	if (d->ndeeds++ == 0)
		d->deed = (uint32_t)f->ndeeds - 1;
	*e = (struct fleet_deed) {
		.accepts = row->accepted > 0 &&
		    row->accepted_no > row->refused_no,
		.key = (enum trust_key)row->key, .depth = row->depth,
		.faults = row->faults,
	};
	e->no = e->accepts ? row->accepted_no : row->refused_no;
	e->last_s = e->accepts ? row->accepted_s : row->refused_s;
	/* Why, is sought below. */
	e->lacks = !e->accepts && row->refused > 0;
	e->chain = keep(r, row->chain);
	e->root = keep(r, row->root);
	return r->no_memory ? -ENOMEM : 0;
}

/* Newest first: the surest that is known of why it refused this chain. */
static int
on_event(const struct store_event *row, void *arg)
{
	struct reading *r = arg;
	struct fleet_deed *e = r->deed;

	if (row->cause.n == 0 || !str_eq(row->chain, r->f->text[e->chain]))
		return 0;
	e->lacks = str_eq(row->cause, str_cstr(trust_cause_name(
	    TRUST_CAUSE_UNTRUSTED_ROOT)));
	for (int c = TRUST_CERTAIN; c > TRUST_POSSIBLE; c--)
		if (str_eq(row->confidence, str_cstr(trust_confidence_name(
		    (enum trust_confidence)c))))
			e->confidence = (enum trust_confidence)c;
	return 1; /* enough */
}

static int
find_causes(struct reading *r)
{
	struct fleet *f = r->f;

	for (size_t i = 0; i < f->n; i++) {
		const struct fleet_device *d = &f->device[i];

		for (uint32_t k = 0; k < d->ndeeds; k++) {
			int err;

			r->deed = &f->deed[d->deed + k];
			if (!r->deed->lacks)
				continue;
			r->deed->confidence = TRUST_POSSIBLE;
			err = device_store_each_event(r->store, d->id,
			    on_event, r);
			if (err != 0 && err != 1)
				return err;
			r->deed->lacks &= err == 1 &&
			    r->deed->confidence > TRUST_POSSIBLE;
		}
	}
	return 0;
}

/* They come in the order of the devices. */
static int
on_holding(const struct store_probe_holding *row, void *arg)
{
	struct reading *r = arg;
	struct fleet *f = r->f;
	struct fleet_asked a = { .holds = str_eq(row->holding, str_cstr(
	    trust_holding_name(TRUST_HOLDS))) };
	struct fleet_device *d;
	struct fleet_asked *asked;

	while (r->at < f->n && f->device[r->at].id < row->device)
		r->at++;
	if (r->at == f->n || f->device[r->at].id != row->device ||
	    row->sha256.n != 2 * sizeof(a.sha256) ||
	    !str_unhex(a.sha256, sizeof(a.sha256), row->sha256) ||
	    str_eq(row->confidence, str_cstr(trust_confidence_name(
	    TRUST_POSSIBLE))) || (!a.holds && !str_eq(row->holding, str_cstr(
	    trust_holding_name(TRUST_LACKS)))))
		return 0;
	asked = array_add(&f->asked, &f->nasked, sizeof(*asked));
	if (asked == NULL)
		return -ENOMEM;
	*asked = a;
	d = &f->device[r->at];
	if (d->nasked++ == 0)
		d->asked = (uint32_t)f->nasked - 1;
	return 0;
}

/* Of most fleets nobody was ever asked anything. */
static int
read_asked(struct reading *r, const char *dir, struct buf *why)
{
	struct probe_store *s;
	char text[1280] = "";
	int err = probe_store_open(&s, dir, true, text, sizeof(text));

	if (err == E_ABSENT)
		return 0;
	if (err != 0) {
		buf_puts(why, text[0] != '\0' ? text : err_str(err));
		return err;
	}
	r->at = 0;
	err = probe_store_each_holding(s, 0, on_holding, r);
	if (err != 0)
		buf_printf(why, "%s/devices.db: %s", dir, err == E_STORE ?
		    probe_store_error(s) : err_str(err));
	probe_store_close(s);
	return err;
}

static bool
is_phone(const struct fleet *f, const struct fleet_device *d)
{
	for (uint32_t k = d->deed; k < d->deed + d->ndeeds; k++)
		if (f->deed[k].lacks)
			return true;
	return d->registered;
}

static void
leave_out_checks(struct fleet *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (is_phone(f, &f->device[i]))
			f->device[n++] = f->device[i];
		else
			f->group[f->device[i].group].devices--;
	}
	f->n = n;
}

int
fleet_read(struct fleet *f, const char *dir,
    const struct device_catalogue *profiles, struct buf *why)
{
	struct reading r = { .f = f, .profiles = profiles };
	char text[1280] = "";
	int err;

	memset(f, 0, sizeof(*f));
	f->texts = calloc(1, sizeof(*f->texts));
	if (f->texts == NULL || hash_init(&f->texts->table, 1024) != 0) {
		free(f->texts);
		f->texts = NULL;
		return -ENOMEM;
	}
	err = device_store_open(&r.store, dir, true, text, sizeof(text));
	if (err != 0) {
		buf_puts(why, text[0] != '\0' ? text : err_str(err));
		fleet_fini(f);
		return err;
	}
	err = device_store_each(r.store, on_device, &r);
	if (err == 0)
		err = device_store_each_deed(r.store, 0, on_deed, &r);
	if (err == 0)
		err = find_causes(&r);
	if (err != 0)
		buf_printf(why, "%s/devices.db: %s", dir, err == E_STORE ?
		    device_store_error(r.store) : err_str(err));
	device_store_close(r.store);
	if (err == 0)
		leave_out_checks(f);
	if (err == 0)
		err = read_asked(&r, dir, why);
	if (err != 0)
		fleet_fini(f);
	return err;
}

static void
free_kept(struct hash_node *n, void *arg)
{
	free(CONTAINER_OF(n, struct kept, node));
}

void
fleet_fini(struct fleet *f)
{
	if (f->texts != NULL) {
		hash_each(&f->texts->table, free_kept, NULL);
		hash_fini(&f->texts->table);
		free(f->texts->group_of);
	}
	free(f->texts);
	free(f->device);
	free(f->deed);
	free(f->asked);
	free(f->group);
	free(f->text);
	memset(f, 0, sizeof(*f));
}
