/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/clients.h"

#include <errno.h>
#include <stdlib.h>

#define EXPIRED (1u << TRUST_FAULT_EXPIRED)

/* What it did with one chain. */
struct deed {
	uint64_t key;
	struct trust_past past; /* accepted and refused among it */
	uint32_t accepted_no, refused_no;
};

struct client {
	struct hash_node node;
	struct list by_age;
	struct addr addr;
	char ja4[TLS_JA4_LEN];
	uint32_t events;
	unsigned n;
	struct deed *deed;
	struct clients_refusal *refusal; /* NULL: none */
};

int
clients_init(struct clients *c, clients_due_fn *due, void *arg)
{
	*c = (struct clients) { .due = due, .arg = arg };
	list_init(&c->by_age);
	return hash_init(&c->table, 64);
}

static void
tell_due(struct clients *c, struct clients_refusal *r)
{
	if (r == NULL || r->repeat == 0)
		return;
	c->due(r, c->arg);
	r->repeat = 0;
}

static void
drop(struct clients *c, struct client *k)
{
	tell_due(c, k->refusal);
	hash_remove(&c->table, &k->node);
	list_remove(&k->by_age);
	c->n--;
	free(k->deed);
	free(k->refusal);
	free(k);
}

void
clients_fini(struct clients *c)
{
	struct client *k;

	while ((k = LIST_FIRST(&c->by_age, struct client, by_age)) != NULL) {
		if (k->refusal != NULL)
			k->refusal->repeat = 0;
		drop(c, k);
	}
	hash_fini(&c->table);
}

void
clients_flush(struct clients *c, int64_t now_s, bool force)
{
	LIST_FOREACH(it, &c->by_age) {
		struct client *k = CONTAINER_OF(it, struct client, by_age);
		struct clients_refusal *r = k->refusal;

		if (r == NULL || r->repeat == 0 ||
		    (!force && now_s - r->since_s < CLIENTS_WINDOW_S))
			continue;
		tell_due(c, r);
		r->since_s = now_s;
	}
}

/* ---- who ---- */

static uint64_t
client_hash(const struct trust_evidence *e)
{
	return addr_hash_ip(&e->peer) * 3 +
	    hash_bytes(e->ja4, strlen(e->ja4));
}

/* NULL: no memory. */
static struct client *
client_of(struct clients *c, const struct trust_evidence *e)
{
	uint64_t hash = client_hash(e);
	struct hash_node *n = hash_chain(&c->table, hash);
	struct client *k;

	for (; n != NULL; n = n->next) {
		k = CONTAINER_OF(n, struct client, node);
		if (n->hash == hash && addr_equal_ip(&k->addr, &e->peer) &&
		    strcmp(k->ja4, e->ja4) == 0) {
			list_remove(&k->by_age);
			list_append(&c->by_age, &k->by_age);
			return k;
		}
	}
	if (c->n == CLIENTS_MAX)
		drop(c, LIST_FIRST(&c->by_age, struct client, by_age));
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->addr = e->peer;
	memcpy(k->ja4, e->ja4, sizeof(k->ja4));
	list_init(&k->by_age);
	list_append(&c->by_age, &k->by_age);
	hash_insert(&c->table, &k->node, hash);
	c->n++;
	return k;
}

/* ---- what it did with which chain ---- */

static bool
is_chain_seen(const struct trust_evidence *e)
{
	return e->chain_depth != 0 && !e->resumed;
}

/* By what is known of the chain; where nothing is, by the server. */
static uint64_t
chain_key(const struct trust_evidence *e)
{
	struct {
		int64_t not_before_s, not_after_s;
		uint64_t leaf, root, root_id, faults, depth, key, server;
	} k;

	memset(&k, 0, sizeof(k));
	if (is_chain_seen(e)) {
		k.not_before_s = e->chain_not_before_s;
		k.not_after_s = e->chain_not_after_s;
		k.leaf = hash_bytes(e->chain, strlen(e->chain));
		k.root = hash_bytes(e->root, strlen(e->root));
		k.root_id = e->root_id;
		k.depth = e->chain_depth;
		k.key = (uint64_t)e->our_key << 32 | e->our_bits;
	} else {
		k.server = addr_hash_ip(&e->local) + addr_port(&e->local);
	}
	return hash_bytes(&k, sizeof(k));
}

static struct deed *
deed_of(struct client *k, const struct trust_evidence *e, bool make)
{
	uint64_t key = chain_key(e);
	struct deed *more;

	for (unsigned i = 0; i < k->n; i++)
		if (k->deed[i].key == key)
			return &k->deed[i];
	if (!make || k->n == CLIENTS_CHAINS)
		return NULL;
	more = realloc(k->deed, (k->n + 1u) * sizeof(*more));
	if (more == NULL)
		return NULL;
	k->deed = more;
	more += k->n++;
	memset(more, 0, sizeof(*more));
	more->key = key;
	memcpy(more->past.chain, e->chain, sizeof(more->past.chain));
	memcpy(more->past.root, e->root, sizeof(more->past.root));
	more->past.key = e->our_key;
	more->past.bits = e->our_bits;
	more->past.faults = e->chain_faults;
	more->past.depth = e->chain_depth;
	more->past.signed_with = e->chain_signed;
	more->past.names = e->chain_names;
	more->past.root_id = e->root_id;
	more->past.not_before_s = e->chain_not_before_s;
	more->past.not_after_s = e->chain_not_after_s;
	return more;
}

/* now: this handshake is not among those counted yet. */
static void
history_of(struct client *k, const struct trust_evidence *e, bool now,
    struct trust_history *h)
{
	const struct deed *this = deed_of(k, e, false);

	memset(h, 0, sizeof(*h));
	h->attempts = h->refused_alike = now;
	if (this != NULL) {
		h->attempts += this->past.accepted + this->past.refused;
		h->refused_alike += this->past.refused;
		/* What is not seen may be another chain now. */
		if (is_chain_seen(e))
			h->accepted_chain = this->past.accepted;
	}
	for (unsigned i = 0; i < k->n; i++) {
		const struct deed *d = &k->deed[i];
		struct trust_past *p = &h->other[h->nother];

		/* Nobody who checks takes what is over. */
		if (d->past.accepted > 0 && (d->past.faults & EXPIRED) != 0)
			h->unchecking = true;
		if (d == this || d->past.depth == 0)
			continue;
		*p = d->past;
		p->between = now && this != NULL && this->refused_no > 0 &&
		    d->accepted_no > this->refused_no;
		h->nother++;
	}
}

/* ---- a handshake ---- */

static bool
is_same(const struct clients_refusal *r, const struct trust_evidence *e,
    const struct trust_verdict *v)
{
	return r->v.cause == v->cause && r->v.confidence == v->confidence &&
	    r->chain == chain_key(e) &&
	    e->when_s - r->since_s < CLIENTS_WINDOW_S;
}

/* It becomes the last one; false: it is the same as the one before. */
static bool
set_last(struct clients *c, struct client *k, const struct trust_evidence *e,
    const struct trust_verdict *v)
{
	struct clients_refusal *r = k->refusal;
	bool same = r != NULL && is_same(r, e, v);

	if (r == NULL) {
		r = k->refusal = calloc(1, sizeof(*r));
		if (r == NULL)
			return true;
	}
	if (!same)
		tell_due(c, r);
	r->e = *e;
	r->v = *v;
	if (same) {
		r->repeat++;
		return false;
	}
	r->chain = chain_key(e);
	r->since_s = e->when_s;
	return true;
}

bool
clients_refused(struct clients *c, const struct trust_evidence *e,
    struct trust_verdict *v)
{
	struct client *k = client_of(c, e);
	struct trust_history h;
	struct deed *d;

	if (k == NULL) {
		trust_judge(v, e, NULL);
		return true;
	}
	history_of(k, e, true, &h);
	trust_judge(v, e, &h);
	if (v->cause == TRUST_CAUSE_NONE)
		return true;
	if (trust_is_about_chain(v, e) &&
	    (d = deed_of(k, e, true)) != NULL) {
		d->past.refused++;
		d->refused_no = ++k->events;
	}
	return set_last(c, k, e, v);
}

static bool
is_stronger(const struct trust_verdict *now, const struct trust_verdict *then)
{
	return now->cause != then->cause || now->confidence > then->confidence;
}

bool
clients_accepted(struct clients *c, const struct trust_evidence *e,
    struct trust_evidence *old, struct trust_verdict *v)
{
	struct client *k = client_of(c, e);
	struct clients_refusal *r;
	struct trust_history h;
	struct deed *d;

	if (k == NULL || !is_chain_seen(e) || e->ja4[0] == '\0')
		return false;
	d = deed_of(k, e, true);
	if (d == NULL)
		return false;
	d->past.accepted++;
	d->past.accepted_s = e->when_s;
	d->past.version = e->version;
	if (e->chain_not_after_s != 0 && e->when_s > e->chain_not_after_s)
		d->past.faults |= EXPIRED;
	d->accepted_no = ++k->events;
	r = k->refusal;
	if (r == NULL || r->chain == d->key ||
	    !trust_is_about_chain(&r->v, &r->e))
		return false;
	history_of(k, &r->e, false, &h);
	trust_judge(v, &r->e, &h);
	if (!is_stronger(v, &r->v))
		return false;
	tell_due(c, r);
	*old = r->e;
	r->v = *v;
	return true;
}
