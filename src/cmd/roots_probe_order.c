/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of siptrust roots probe, and how it stands, in the devices' file:
 * the edge reads the one and writes the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "cmd/roots_probe_int.h"
#include "store/store.h"

#define WHY_BYTES 1024

/* ---- what is there ---- */

static int
on_row(const struct store_probe *row, void *arg)
{
	struct probe_standing *n = arg;

	n->there = true;
	n->row = *row;
	IGNORE(!str_copy(n->state, sizeof(n->state), row->state));
	IGNORE(!str_copy(n->methods, sizeof(n->methods), row->methods));
	n->row.state = str_cstr(n->state);
	n->row.methods = str_cstr(n->methods);
	n->row.address = n->row.name = STR_NULL;
	return 0;
}

int
probe_standing_read(struct probe_standing *n, struct probe_store *s,
    const struct probe_cmd *c)
{
	int err;

	*n = (struct probe_standing) { .there = false };
	err = probe_store_each(s, c->dev->row.id, on_row, n);
	if (err == 0 && n->there)
		err = probe_plan_load(&n->plan, s, &n->row);
	n->plan.plan.connections = (uint32_t)n->row.connections;
	n->plan.plan.first_s = n->row.first_s;
	n->plan.plan.last_s = n->row.last_s;
	return err;
}

void
probe_standing_fini(struct probe_standing *n)
{
	probe_plan_fini(&n->plan);
}

bool
probe_is_running(const struct probe_standing *n, int64_t now_s)
{
	return n->there && n->row.until_s > now_s && strcmp(n->state,
	    trust_probe_stop_name(TRUST_PROBE_STOP_NONE)) == 0;
}

/* ---- may it be asked ---- */

/* Others with the same hello at the same address would be asked for it. */
static int
check_alone(const struct probe_cmd *c)
{
	struct status all;
	struct buf why;
	size_t n = 0;

	buf_init(&why, WHY_BYTES);
	if (status_read(&all, c->folder, STR(""), &why) != 0) {
		buf_fini(&why);
		return CMD_OK; /* it was read a moment ago */
	}
	for (size_t i = 0; i < all.n; i++)
		n += all.device[i].row.fingerprint ==
		    c->dev->row.fingerprint && str_eq(
		    all.device[i].row.address, c->dev->row.address);
	status_fini(&all);
	buf_fini(&why);
	if (n < 2)
		return CMD_OK;
	return cmd_complain(CMD_FAILED, PROBE_VERB, "%zu devices come from "
	    "%.*s with the same ClientHello: any of them could be the one that "
	    "is asked", n, STR_FMT(c->dev->row.address));
}

struct registered {
	const struct probe_cmd *c;
	int64_t until_s;
};

static int
on_binding(const struct store_binding *b, void *arg)
{
	struct registered *r = arg;
	struct str accounts = r->c->dev->row.accounts;

	while (accounts.n > 0) {
		struct str account = str_cut(&accounts, ' ');

		if (str_eq(account, b->aor) && b->expires_s > r->until_s)
			r->until_s = b->expires_s;
	}
	return 0;
}

static int
check_registered(const struct probe_cmd *c)
{
	struct registered r = { .c = c };
	char path[1100], why[WHY_BYTES] = "";
	struct store *s = NULL;

	snprintf(path, sizeof(path), "%s/siptrust.db", c->folder);
	if (c->force || access(path, R_OK) != 0 ||
	    store_open_sqlite(&s, c->folder, why, sizeof(why)) != 0)
		return CMD_OK;
	IGNORE(store_each_binding(s, on_binding, &r)); /* then none is known */
	store_close(s);
	if (r.until_s <= c->of.now_s)
		return CMD_OK;
	return cmd_complain(CMD_FAILED, PROBE_VERB, "device %s is registered "
	    "now: each question refuses it one connection, and until its next "
	    "one no call reaches it.  At a time when nobody calls, --force "
	    "asks it all the same", c->name);
}

/* ---- the order ---- */

static struct str
method_names(const struct probe_cmd *c, char *out, size_t size)
{
	enum trust_probe_method m[TRUST_PROBE_METHODS];
	char ja4[TLS_JA4_LEN];
	struct buf b;
	unsigned n = 1;

	buf_init_array(&b, out, size);
	IGNORE(!str_copy(ja4, sizeof(ja4), c->dev->row.ja4)); /* unknown */
	if (c->method >= 0)
		m[0] = (enum trust_probe_method)c->method;
	else
		n = trust_probe_methods(m, ja4);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "",
		    trust_probe_method_name(m[i]));
	return buf_as_str(&b);
}

static int64_t
run_number(void)
{
	uint64_t chance;

	digest_random(&chance, sizeof(chance));
	return (int64_t)(chance >> 2) + 1;
}

static bool
is_accepted(const struct status_device *d)
{
	for (size_t i = 0; i < d->ndeeds; i++)
		if (d->deed[i].accepted > 0 && d->deed[i].in_row == 0)
			return true;
	return false;
}

static int
put_roots(struct probe_store *s, const struct probe_cmd *c,
    const struct probe_picks *p)
{
	int err = probe_store_clear(s, c->dev->row.id);

	for (unsigned i = 0; i < p->n && err == 0; i++) {
		const struct probe_pick *v = &p->v[i];
		struct store_probe_root r = {
			.device = c->dev->row.id, .no = i,
			.label = str_cstr(v->label),
			.sha256 = str_cstr(v->sha256),
			.subject = v->root.subject,
			.key_id = v->root.key_id, .ec = v->root.ec,
			.bits = v->root.bits, .genuine = v->genuine,
			.expected = v->expected,
		};

		for (int m = 0; m < TRUST_PROBE_METHODS; m++)
			r.class[m] = v->class[m] == TRUST_PROBE_NO_CLASS ?
			    -1 : v->class[m];
		err = probe_store_put_root(s, &r);
	}
	return err;
}

static struct store_probe
order_row(const struct probe_cmd *c, struct str methods)
{
	return (struct store_probe) {
		.device = c->dev->row.id, .run = run_number(),
		.address = c->dev->row.address,
		.fingerprint = c->dev->row.fingerprint,
		.name = str_cstr(c->name), .ordered_s = c->of.now_s,
		.until_s = c->of.now_s + c->window_s, .methods = methods,
		.accepted = is_accepted(c->dev),
		.state = str_cstr(trust_probe_stop_name(
		    TRUST_PROBE_STOP_NONE)),
	};
}

/* p NULL: with the questions and answers that are there. */
static int
put_order(struct probe_store *s, const struct store_probe *row,
    const struct probe_cmd *c, const struct probe_picks *p)
{
	int err = probe_store_begin(s);

	if (err != 0)
		return err;
	if (p != NULL)
		err = put_roots(s, c, p);
	if (err == 0)
		err = probe_store_put(s, row);
	if (err == 0)
		err = probe_store_commit(s);
	if (err != 0)
		probe_store_rollback(s);
	return err;
}

/* The answers that are there are to the same questions. */
static bool
is_same(const struct probe_standing *n, const struct probe_picks *p,
    struct str methods)
{
	if (!n->there || n->plan.plan.nroots != p->n ||
	    !str_eq(n->row.methods, methods) || n->plan.plan.stop !=
	    TRUST_PROBE_STOP_NONE)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(n->plan.root[i].sha256, p->v[i].sha256) != 0)
			return false;
	return true;
}

static int
dry_run(const struct probe_cmd *c, const struct probe_picks *p,
    struct str methods)
{
	struct trust_probe_root *ask = calloc(p->n, sizeof(*ask));
	struct probe_plan plan = { .ask = ask };
	enum trust_probe_method order[TRUST_PROBE_METHODS];
	unsigned n = 0;

	if (ask == NULL)
		return CMD_FAILED;
	while (methods.n > 0)
		n += trust_probe_method_parse(str_cut(&methods, ' '),
		    &order[n]);
	for (unsigned i = 0; i < p->n; i++) {
		memcpy(ask[i].class, p->v[i].class, sizeof(ask[i].class));
		ask[i].expected = p->v[i].expected;
	}
	trust_probe_init(&plan.plan, ask, p->n, order, n, false);
	probe_show_plan(c, p, &plan);
	free(ask);
	return CMD_OK;
}

int
probe_order(struct probe_cmd *c, struct probe_store *s,
    const struct probe_standing *n)
{
	struct probe_picks *p = calloc(1, sizeof(*p));
	char names[128];
	struct str methods = method_names(c, names, sizeof(names));
	struct store_probe row = order_row(c, methods);
	int err = p == NULL ? CMD_FAILED : probe_pick(p, c);

	if (err != CMD_OK) {
		free(p);
		return err;
	}
	if (c->dry_run)
		err = dry_run(c, p, methods);
	if (!c->dry_run)
		err = check_alone(c);
	if (!c->dry_run && err == CMD_OK)
		err = check_registered(c);
	if (!c->dry_run && err == CMD_OK && put_order(s, &row, c,
	    !c->anew && is_same(n, p, methods) ? NULL : p) != 0)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "%s",
		    probe_store_error(s));
	probe_picks_fini(p);
	free(p);
	return err;
}
