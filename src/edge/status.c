/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/status.h"

#include <errno.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/array.h"
#include "base/err.h"
#include "base/selector.h"

struct reading {
	struct status *s;
	struct str which;
	size_t at;          /* of the deed or event before                  */
};

static struct str
keep(struct status *s, struct str from)
{
	char *copy;

	if (from.n == 0)
		return STR_NULL;
	if (s->ntext == s->text_size) {
		size_t size = s->text_size == 0 ? 256 : 2 * s->text_size;
		char **more = realloc(s->text, size * sizeof(*more));

		if (more == NULL) {
			s->no_memory = true;
			return STR_NULL;
		}
		s->text = more;
		s->text_size = size;
	}
	copy = str_dup(from);
	if (copy == NULL) {
		s->no_memory = true;
		return STR_NULL;
	}
	s->text[s->ntext++] = copy;
	return str_of(copy, from.n);
}

/* "100" and "100@example.com" are both the account 100@example.com. */
static bool
has_account(struct str accounts, struct str which)
{
	while (accounts.n > 0) {
		struct str account = str_cut(&accounts, ' ');
		struct str user = account;

		user = str_cut(&user, '@');
		if (str_eq(account, which) || str_eq(user, which))
			return true;
	}
	return false;
}

/* As pin and old_tls select; profiles are not known here. */
static bool
is_selected(const struct store_device *row, const struct selector *which)
{
	struct str accounts = row->accounts;
	struct addr peer;
	struct selector_device who = {
		.user_agent = row->user_agent, .ja4 = row->ja4,
	};

	if (addr_parse_ip(&peer, row->address) == 0)
		who.peer = &peer;
	do {
		who.account = str_cut(&accounts, ' ');
		if (selector_matches(which, &who))
			return true;
	} while (accounts.n > 0);
	return false;
}

static bool
is_wanted(const struct store_device *row, struct str which)
{
	struct selector s;
	uint64_t id;

	if (which.n == 0 || has_account(row->accounts, which))
		return true;
	if (str_u64(which, &id))
		return row->id == (int64_t)id;
	return selector_parse(&s, which) == 0 && is_selected(row, &s);
}

static int
on_device(const struct store_device *row, void *arg)
{
	struct reading *r = arg;
	struct status *s = r->s;
	struct status_device *d;

	if (!is_wanted(row, r->which))
		return 0;
	d = array_add(&s->device, &s->n, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	*d = (struct status_device) { .row = *row };
	d->row.address = keep(s, row->address);
	d->row.ja4 = keep(s, row->ja4);
	d->row.user_agent = keep(s, row->user_agent);
	d->row.accounts = keep(s, row->accounts);
	d->row.chain = keep(s, row->chain);
	d->row.cause = keep(s, row->cause);
	d->row.confidence = keep(s, row->confidence);
	d->row.reason = keep(s, row->reason);
	d->row.remedy = keep(s, row->remedy);
	return 0;
}

/* Rows come in the order of the devices. */
static struct status_device *
device_of(struct reading *r, int64_t id)
{
	struct status *s = r->s;

	while (r->at < s->n && s->device[r->at].row.id < id)
		r->at++;
	return r->at < s->n && s->device[r->at].row.id == id ?
	    &s->device[r->at] : NULL;
}

static int
on_deed(const struct store_deed *row, void *arg)
{
	struct reading *r = arg;
	struct status_device *d = device_of(r, row->device);
	struct store_deed *deed;

	if (d == NULL)
		return 0;
	deed = array_add(&d->deed, &d->ndeeds, sizeof(*deed));
	if (deed == NULL)
		return -ENOMEM;
	*deed = *row;
	deed->chain = keep(r->s, row->chain);
	deed->root = keep(r->s, row->root);
	return 0;
}

static int
on_event(const struct store_event *row, void *arg)
{
	struct reading *r = arg;
	struct status_device *d = device_of(r, row->device);
	struct store_event *e;

	if (d == NULL)
		return 0;
	e = array_add(&d->event, &d->nevents, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	*e = *row;
	e->what = keep(r->s, row->what);
	e->chain = keep(r->s, row->chain);
	e->cause = keep(r->s, row->cause);
	e->confidence = keep(r->s, row->confidence);
	e->reason = keep(r->s, row->reason);
	return 0;
}

/* Lines are by address: behind a NAT they are of all who are there. */
static int
on_said(const struct store_said *row, void *arg)
{
	struct reading *r = arg;

	for (size_t i = 0; i < r->s->n; i++) {
		struct status_device *d = &r->s->device[i];
		struct store_said *said;

		if (!str_eq(d->row.address, row->address))
			continue;
		said = array_add(&d->said, &d->nsaid, sizeof(*said));
		if (said == NULL)
			return -ENOMEM;
		*said = *row;
		said->address = d->row.address;
		said->about = keep(r->s, row->about);
		said->text = keep(r->s, row->text);
	}
	return 0;
}

static int
on_holding(const struct store_probe_holding *row, void *arg)
{
	struct reading *r = arg;
	struct status_device *d = device_of(r, row->device);
	struct store_probe_holding *h;

	if (d == NULL)
		return 0;
	h = array_add(&d->asked, &d->nasked, sizeof(*h));
	if (h == NULL)
		return -ENOMEM;
	*h = *row;
	h->sha256 = keep(r->s, row->sha256);
	h->label = keep(r->s, row->label);
	h->holding = keep(r->s, row->holding);
	h->confidence = keep(r->s, row->confidence);
	h->method = keep(r->s, row->method);
	h->reason = keep(r->s, row->reason);
	return 0;
}

/* A file in which nothing was ever asked has no such tables. */
static int
read_asked(struct reading *r, const char *dir)
{
	struct probe_store *store;
	char why[1280];
	int err = probe_store_open(&store, dir, true, why, sizeof(why));

	if (err != 0)
		return err == E_ABSENT ? 0 : err;
	r->at = 0;
	err = probe_store_each_holding(store, 0, on_holding, r);
	probe_store_close(store);
	return err;
}

/* ---- what it means ---- */

static enum trust_holding
holding_named(struct str name)
{
	for (int h = TRUST_HOLDS; h > TRUST_CANNOT_TELL; h--)
		if (str_eq(str_cstr(trust_holding_name((enum trust_holding)h)),
		    name))
			return (enum trust_holding)h;
	return TRUST_CANNOT_TELL;
}

/* The surest that is known of why it refused this chain. */
static void
why_refused(const struct status_device *d, struct trust_fact *f)
{
	f->cause = TRUST_CAUSE_UNKNOWN;
	for (size_t i = 0; i < d->nevents; i++) {
		const struct store_event *e = &d->event[i];

		if (e->cause.n == 0 || !str_eq(e->chain, f->chain))
			continue;
		f->cause = trust_cause_named(e->cause);
		f->confidence = trust_confidence_named(e->confidence);
		return; /* newest first: a proof stands before its suspicion */
	}
}

static int
draw_conclusions(struct status_device *d)
{
	struct trust_fact *fact = calloc(d->ndeeds + 1, sizeof(*fact));

	if (fact == NULL)
		return -ENOMEM;
	d->refused = d->row.cause.n > 0;
	for (size_t i = 0; i < d->ndeeds; i++) {
		const struct store_deed *deed = &d->deed[i];

		fact[i] = (struct trust_fact) {
			.chain = deed->chain, .root = deed->root,
			.accepted = deed->accepted, .refused = deed->refused,
			.accepted_no = deed->accepted_no,
			.refused_no = deed->refused_no,
		};
		why_refused(d, &fact[i]);
		if (deed->accepted > 0 && deed->in_row == 0)
			d->refused = false;
	}
	d->nbeliefs = trust_beliefs(d->belief, fact, d->ndeeds);
	for (size_t i = 0; i < d->nasked; i++)
		trust_beliefs_asked(d->belief, d->nbeliefs, d->asked[i].label,
		    holding_named(d->asked[i].holding),
		    trust_confidence_named(d->asked[i].confidence));
	free(fact);
	return 0;
}

static int
seen_last_first(const void *a, const void *b)
{
	const struct status_device *x = a, *y = b;

	if (x->row.last_seen_s != y->row.last_seen_s)
		return x->row.last_seen_s < y->row.last_seen_s ? 1 : -1;
	return x->row.id < y->row.id ? -1 : x->row.id > y->row.id;
}

static int
read_all(struct status *s, struct device_store *store, const char *dir,
    struct str which)
{
	struct reading r = { .s = s, .which = which };
	int err = device_store_each(store, on_device, &r);

	if (err == 0)
		err = device_store_each_deed(store, 0, on_deed, &r);
	r.at = 0;
	if (err == 0)
		err = device_store_each_event(store, 0, on_event, &r);
	if (err == 0 && which.n > 0) /* shown with one device alone */
		err = device_store_each_said(store, on_said, &r);
	if (err == 0)
		err = read_asked(&r, dir);
	for (size_t i = 0; i < s->n && err == 0; i++) {
		err = draw_conclusions(&s->device[i]);
		s->refused += s->device[i].refused;
	}
	if (s->n > 0)
		qsort(s->device, s->n, sizeof(*s->device), seen_last_first);
	return err == 0 && s->no_memory ? -ENOMEM : err;
}

int
status_read(struct status *s, const char *dir, struct str which,
    struct buf *why)
{
	struct device_store *store;
	char text[1280] = "";
	int err;

	*s = (struct status) { .n = 0 };
	err = device_store_open(&store, dir, true, text, sizeof(text));
	if (err != 0) {
		buf_puts(why, text[0] != '\0' ? text : err_str(err));
		return err;
	}
	err = read_all(s, store, dir, which);
	if (err != 0) {
		buf_printf(why, "%s/devices.db: %s", dir, err == E_STORE ?
		    device_store_error(store) : err_str(err));
	} else if (s->n == 0 && which.n > 0) {
		buf_printf(why, "no device has the address, account or number "
		    "%.*s", STR_FMT(which));
		err = E_ABSENT;
	}
	device_store_close(store);
	if (err != 0)
		status_fini(s);
	return err;
}

static void
forget(struct status_device *d)
{
	free(d->deed);
	free(d->event);
	free(d->said);
	free(d->asked);
}

void
status_keep(struct status *s, status_keep_fn *fn, void *arg)
{
	size_t n = 0;

	s->refused = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (!fn(&s->device[i], arg)) {
			forget(&s->device[i]);
			continue;
		}
		s->refused += s->device[i].refused;
		s->device[n++] = s->device[i];
	}
	s->n = n;
}

void
status_fini(struct status *s)
{
	for (size_t i = 0; i < s->n; i++)
		forget(&s->device[i]);
	for (size_t i = 0; i < s->ntext; i++)
		free(s->text[i]);
	free(s->device);
	free(s->text);
	*s = (struct status) { .n = 0 };
}
