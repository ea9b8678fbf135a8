/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders out of devices.db, answers and what they mean into it. */
#include "edge/probes_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* ---- an order ---- */

struct loading {
	struct probes *p;
	struct probes_run *r;
	bool ordered[PROBES_RUNS], stopped[PROBES_RUNS];
	int64_t until_s[PROBES_RUNS];
	struct order {
		struct store_probe row;
		char methods[128], name[TRUST_TEXT_MAX], address[64];
	} order[PROBES_RUNS];
	unsigned norders;
};

/* With its questions and earlier answers; whoever fails frees r. */
static int
fill_run(struct probes *p, struct probes_run *r, const struct store_probe *row)
{
	int err;

	r->device = row->device;
	r->run = row->run;
	r->fingerprint = row->fingerprint;
	r->until_s = row->until_s;
	IGNORE(!str_copy(r->name, sizeof(r->name),
	    row->name)); /* a cut name is a name */
	err = probe_plan_load(&r->of, p->store, row);
	if (err == 0 && addr_parse_ip(&r->host, row->address) != 0)
		err = E_PARSE;
	return err == 0 ? tls_probe_kit_new(&r->kit, p->tls, 0) : err;
}

static void
add_run(struct probes *p, struct probes_run *r, int64_t now_s)
{
	char device[LOG_VAL_MAX];

	r->picked_s = now_s;
	r->dirty = true;
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < PROBES_RUNS; i++) {
		if (p->run[i] != NULL)
			continue;
		p->run[i] = r;
		atomic_fetch_add(&p->nruns, 1);
		r = NULL;
		break;
	}
	if (r == NULL) {
		pthread_mutex_unlock(&p->lock);
		return;
	}
	pthread_mutex_unlock(&p->lock);
	log_warn("probe-waits", "device=%s reason=\"%d devices are being asked "
	    "already\"", log_val(device, sizeof(device), str_cstr(r->name)),
	    PROBES_RUNS);
	probes_run_free(r);
}

static void
begin(struct probes *p, const struct order *o, int64_t now_s)
{
	struct probes_run *r = calloc(1, sizeof(*r));
	struct store_probe over = o->row;
	char device[LOG_VAL_MAX];
	int err = r == NULL ? -ENOMEM : fill_run(p, r, &o->row);

	log_val(device, sizeof(device), str_cstr(o->name));
	if (err == 0) {
		log_info("probe-begin", "device=%s address=%s roots=%u "
		    "methods=\"%s\" left=%u until=%lld", device, o->address,
		    r->of.plan.nroots, o->methods,
		    trust_probe_left(&r->of.plan),
		    (long long)o->row.until_s);
		add_run(p, r, now_s);
		return;
	}
	log_warn("probe-refused", "device=%s reason=\"%s\"", device,
	    err == E_PARSE ? "the order cannot be read" : err_str(err));
	probes_run_free(r);
	over.state = str_cstr(trust_probe_stop_name(TRUST_PROBE_STOP_BROKEN));
	IGNORE(probe_store_set_state(p->store, &over)); /* said above */
}

static int
on_order(const struct store_probe *row, void *arg)
{
	struct loading *l = arg;
	struct order *o = &l->order[l->norders];
	bool runs = str_eq(row->state, str_cstr(trust_probe_stop_name(
	    TRUST_PROBE_STOP_NONE)));
	struct probes_run *r;
	unsigned at = 0;

	r = probes_find(l->p, row->device, &at);
	if (r != NULL && r->run == row->run) {
		l->until_s[at] = row->until_s;
		l->ordered[at] = true;
		l->stopped[at] = !runs;
		return 0;
	}
	/* One whose window is over is taken to be ended as it should be. */
	if (!runs || l->norders == PROBES_RUNS)
		return 0;
	o->row = *row;
	if (!str_copy(o->methods, sizeof(o->methods), row->methods) ||
	    !str_copy(o->address, sizeof(o->address), row->address))
		return 0; /* longer than any that is right */
	IGNORE(!str_copy(o->name, sizeof(o->name), row->name));
	o->row.methods = str_cstr(o->methods);
	o->row.address = str_cstr(o->address);
	o->row.name = str_cstr(o->name);
	l->norders++;
	return 0;
}

/* ---- where it is ---- */

struct place_of_run {
	bool found;
	struct addr host;
	uint64_t fingerprint;
};

static int
on_place(struct str address, uint64_t fingerprint, void *arg)
{
	struct place_of_run *now = arg;

	now->found = addr_parse_ip(&now->host, address) == 0;
	now->fingerprint = fingerprint;
	return 0;
}

/* The phone has another address.  Under the lock. */
static void
move(struct probes_run *r, const struct place_of_run *now)
{
	char device[LOG_VAL_MAX], from[ADDR_STRLEN], to[ADDR_STRLEN];

	if (!now->found || addr_equal_ip(&now->host, &r->host) ||
	    r->of.plan.stop != TRUST_PROBE_STOP_NONE)
		return;
	log_info("probe-moved", "device=%s from=%s to=%s",
	    log_val(device, sizeof(device), str_cstr(r->name)),
	    addr_print_ip(&r->host, false, from),
	    addr_print_ip(&now->host, false, to));
	r->host = now->host;
	/* Another program has its account, or it has other ways now. */
	if (now->fingerprint != r->fingerprint)
		probes_stop(r, TRUST_PROBE_STOP_HELLO);
}

/* A device is known by its account, so its row says where it went. */
static void
follow(struct probes *p)
{
	for (unsigned i = 0; i < PROBES_RUNS; i++) {
		struct place_of_run now = { .found = false };

		if (p->run[i] == NULL || probe_store_place(p->store,
		    p->run[i]->device, on_place, &now) != 0)
			continue; /* the next change asks again */
		pthread_mutex_lock(&p->lock);
		move(p->run[i], &now);
		pthread_mutex_unlock(&p->lock);
	}
}

/* ---- orders ---- */

/* Runs that go on, are stopped, or had their place taken by another order. */
static void
heed_orders(struct probes *p, const struct loading *l)
{
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < PROBES_RUNS; i++) {
		if (p->run[i] == NULL)
			continue;
		if (!l->ordered[i]) {
			probes_remove(p, i);
			continue;
		}
		p->run[i]->until_s = l->until_s[i];
		if (l->stopped[i])
			probes_stop(p->run[i], TRUST_PROBE_STOP_ORDERED);
	}
	pthread_mutex_unlock(&p->lock);
}

/* Only this thread adds and removes runs: no lock while the file is read. */
void
probes_load(struct probes *p, int64_t now_s)
{
	struct loading *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return;
	l->p = p;
	if (probe_store_each(p->store, 0, on_order, l) == 0) {
		heed_orders(p, l);
		for (unsigned i = 0; i < l->norders; i++)
			begin(p, &l->order[i], now_s);
		follow(p);
	}
	free(l);
}

/* ---- answers ---- */

/* What is to be written of one run, copied under the lock. */
struct page {
	struct store_probe row;
	struct store_probe_answer answer[PROBES_UNSAID];
	unsigned n;
	struct probes_run *of;
	bool ended;
	int64_t now_s;
};

static void
copy_out(struct page *g, struct probes_run *r)
{
	*g = (struct page) {
		.row = {
			.device = r->device, .run = r->run,
			.state = str_cstr(trust_probe_stop_name(
			    r->of.plan.stop)),
			.connections = r->of.plan.connections,
			.first_s = r->of.plan.first_s,
			.last_s = r->of.plan.last_s,
			.picked_s = r->picked_s,
		},
		.n = r->nunsaid, .ended = r->said_end, .of = r,
		.now_s = clock_wall_s(),
	};
	for (unsigned i = 0; i < r->nunsaid; i++) {
		const struct trust_probe_question *q = &r->unsaid_q[i];

		g->answer[i] = (struct store_probe_answer) {
			.device = r->device, .no = r->of.no + 1 + i,
			.at_s = r->unsaid_s[i], .method = str_cstr(
			    trust_probe_method_name(q->method)),
			.root = q->root, .class = q->class,
			.did = r->unsaid[i].did, .alert = r->unsaid[i].alert,
			.us = r->unsaid[i].us,
		};
	}
}

/*
 * At the end of a run, of every root that was asked: nobody writes any more to
 * what a plan that is over is read from, so it needs no lock.
 */
static int
write_holdings(struct probes *p, const struct page *g)
{
	int err = 0;

	for (unsigned i = 0; i < g->of->of.plan.nroots && err == 0; i++) {
		struct store_probe_holding h;
		char bytes[256];
		struct buf text;

		buf_init_array(&text, bytes, sizeof(bytes));
		if (!probe_plan_holding(&h, &g->of->of, i, &text))
			continue;
		h.device = g->row.device;
		h.at_s = g->now_s;
		err = probe_store_put_holding(p->store, &h);
	}
	return err;
}

static int
write_page(struct probes *p, const struct page *g)
{
	int err = probe_store_begin(p->store);

	if (err != 0)
		return err;
	for (unsigned i = 0; i < g->n && err == 0; i++)
		err = probe_store_put_answer(p->store, &g->answer[i]);
	if (err == 0 && g->ended)
		err = write_holdings(p, g);
	if (err == 0)
		err = probe_store_set_state(p->store, &g->row);
	if (err == 0)
		err = probe_store_commit(p->store);
	if (err != 0)
		probe_store_rollback(p->store);
	return err;
}

/* Only the main thread removes a run, so it may be looked at without lock. */
static void
written(struct probes *p, unsigned at, const struct page *g)
{
	struct probes_run *r = p->run[at];

	r->of.no += g->n;
	r->nunsaid -= g->n;
	for (unsigned i = 0; i < r->nunsaid; i++) {
		r->unsaid_q[i] = r->unsaid_q[i + g->n];
		r->unsaid[i] = r->unsaid[i + g->n];
		r->unsaid_s[i] = r->unsaid_s[i + g->n];
	}
	p->told |= g->ended;
	if (g->ended && r->nunsaid == 0)
		probes_remove(p, at);
}

int
probes_write(struct probes *p)
{
	struct page *g = calloc(1, sizeof(*g));
	int err = g == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; i < PROBES_RUNS && err == 0; i++) {
		bool due;

		pthread_mutex_lock(&p->lock);
		due = p->run[i] != NULL && (p->run[i]->dirty ||
		    p->run[i]->nunsaid > 0);
		if (due) {
			copy_out(g, p->run[i]);
			p->run[i]->dirty = false;
		}
		pthread_mutex_unlock(&p->lock);
		if (!due)
			continue;
		err = write_page(p, g);
		pthread_mutex_lock(&p->lock);
		if (err == 0)
			written(p, i, g);
		else
			p->run[i]->dirty = true;
		pthread_mutex_unlock(&p->lock);
	}
	free(g);
	return err;
}
