/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/refusal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "edge/tally.h"
#include "edge/profiles.h"
#include "trust/verdict.h"

#define ENTRIES_MAX 1024
#define TEXT_MAX    TRUST_LINE_MAX

struct entry {
	struct hash_node node;
	struct list by_age;          /* oldest window first */
	uint64_t since_ms;
	uint32_t repeat;             /* not yet in a line   */
	struct trust_evidence evidence;
	struct trust_verdict verdict;
};

struct refusals {
	pthread_mutex_t lock;
	struct hash_table table;
	struct list by_age;
	size_t count;
	char *ca_file;
	refusal_places_fn *places;
	void *places_arg;
	struct profiles *profiles; /* NULL: not known */
};

int
refusals_new(struct refusals **out, const char *ca_file)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	list_init(&r->by_age);
	if (ca_file != NULL)
		r->ca_file = strdup(ca_file);
	if ((ca_file != NULL && r->ca_file == NULL) ||
	    hash_init(&r->table, ENTRIES_MAX) != 0) {
		free(r->ca_file);
		free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void
refusals_set_profiles(struct refusals *r, struct profiles *p)
{
	r->profiles = p;
}

void
refusals_set_places(struct refusals *r, refusal_places_fn *fn, void *arg)
{
	r->places = fn;
	r->places_arg = arg;
}

static void
entry_drop(struct refusals *r, struct entry *e)
{
	hash_remove(&r->table, &e->node);
	list_remove(&e->by_age);
	r->count--;
	free(e);
}

void
refusals_free(struct refusals *r)
{
	struct entry *e;

	if (r == NULL)
		return;
	while ((e = LIST_FIRST(&r->by_age, struct entry, by_age)) != NULL)
		entry_drop(r, e);
	hash_fini(&r->table);
	free(r->ca_file);
	free(r);
}

/*
 * Lines are made under the lock and written after it: an addition makes two
 * at the most, its own and that of the entry it pushed out.
 */
struct lines {
	char text[2][TEXT_MAX];
	int n[2];
	int count;
};

/* Where a phone that reached us at this address gets its files. */
struct urls {
	char ca[REFUSAL_URL_MAX], root[REFUSAL_URL_MAX];
	char setting[2 * REFUSAL_URL_MAX];
};

/* What says where the file is, says it once. */
static void
add_setting(const struct refusals *r, const struct trust_evidence *e,
    struct urls *u, struct trust_places *places)
{
	profiles_setting(r->profiles, str_cstr(e->device), str_cstr(e->ja4),
	    str_cstr(u->root), u->setting, sizeof(u->setting));
	places->setting = u->setting;
	if (strstr(u->setting, "://") != NULL)
		places->ca = places->root = NULL;
}

static struct trust_places
places_for(const struct refusals *r, const struct trust_evidence *e,
    struct urls *u)
{
	struct trust_places places = { .ca = r->ca_file };

	u->ca[0] = u->root[0] = '\0';
	if (r->places != NULL)
		r->places(r->places_arg, &e->local, e->root, u->ca, u->root);
	if (u->ca[0] != '\0')
		places.ca = u->ca;
	if (u->root[0] != '\0')
		places.root = u->root;
	if (r->profiles != NULL)
		add_setting(r, e, u, &places);
	return places;
}

void
refusals_remedy(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, void *arg)
{
	struct urls urls;
	struct trust_places places = places_for(arg, e, &urls);

	trust_remedy(out, v, e, &places);
}

static void
lines_add(struct lines *l, struct refusals *r, const struct entry *e,
    uint32_t window_s)
{
	struct urls urls;
	struct trust_places places = places_for(r, &e->evidence, &urls);
	struct buf b;

	buf_init_array(&b, l->text[l->count], TEXT_MAX);
	trust_verdict_line(&b, &e->verdict, &e->evidence, &places, e->repeat,
	    window_s);
	l->n[l->count++] = (int)b.n;
}

static void
lines_write(const struct lines *l)
{
	for (int i = 0; i < l->count; i++)
		log_warn("tls-refused", "%.*s", l->n[i], l->text[i]);
}

/* What makes two refusals equal. */
static uint64_t
key_hash(const struct trust_evidence *e, const struct trust_verdict *v)
{
	struct {
		uint64_t ip, chain, ja4;
		uint64_t cause;
	} key = {
		.ip = addr_hash_ip(&e->peer),
		.chain = hash_bytes(e->chain, strlen(e->chain)),
		.ja4 = hash_bytes(e->ja4, strlen(e->ja4)),
		.cause = v->cause,
	};

	return hash_bytes(&key, sizeof(key));
}

static struct entry *
entry_find(struct refusals *r, uint64_t hash)
{
	struct hash_node *n = hash_chain(&r->table, hash);

	/* The hash stands for the key: 64 bits under a random key. */
	while (n != NULL && n->hash != hash)
		n = n->next;
	return n != NULL ? CONTAINER_OF(n, struct entry, node) : NULL;
}

static struct entry *
entry_new(struct refusals *r, uint64_t hash, uint32_t window_s,
    struct lines *lines)
{
	struct entry *e;

	if (r->count >= ENTRIES_MAX) {
		e = LIST_FIRST(&r->by_age, struct entry, by_age);
		if (e->repeat > 0)
			lines_add(lines, r, e, window_s);
		entry_drop(r, e);
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	hash_insert(&r->table, &e->node, hash);
	list_append(&r->by_age, &e->by_age);
	r->count++;
	return e;
}

static void
add_locked(struct refusals *r, const struct trust_evidence *ev,
    const struct trust_verdict *v, uint32_t window_s, uint64_t now_ms,
    struct lines *lines)
{
	uint64_t hash = key_hash(ev, v);
	struct entry *e = entry_find(r, hash);
	bool fresh = e == NULL;

	if (fresh)
		e = entry_new(r, hash, window_s, lines);
	if (e == NULL) {
		tally(TALLY_OUT_OF_MEMORY, &ev->peer);
		return;
	}
	e->evidence = *ev;
	e->verdict = *v;
	if (!fresh && now_ms - e->since_ms < window_s * UINT64_C(1000)) {
		e->repeat++;
		return;
	}
	lines_add(lines, r, e, window_s);
	e->repeat = 0;
	e->since_ms = now_ms;
	list_remove(&e->by_age);
	list_append(&r->by_age, &e->by_age);
}

void
refusals_add(struct refusals *r, const struct trust_evidence *e,
    const struct trust_verdict *v, uint32_t window_s, uint64_t now_ms)
{
	struct lines lines = { .count = 0 };

	if (v->cause == TRUST_CAUSE_NONE)
		return;
	pthread_mutex_lock(&r->lock);
	add_locked(r, e, v, window_s, now_ms, &lines);
	pthread_mutex_unlock(&r->lock);
	lines_write(&lines);
}

/* Takes one entry whose window is over out of the table; false: none. */
static bool
flush_one(struct refusals *r, uint32_t window_s, uint64_t now_ms, bool all)
{
	struct lines lines = { .count = 0 };
	struct entry *e;
	bool due;

	pthread_mutex_lock(&r->lock);
	e = LIST_FIRST(&r->by_age, struct entry, by_age);
	due = e != NULL &&
	    (all || now_ms - e->since_ms >= window_s * UINT64_C(1000));
	if (due) {
		if (e->repeat > 0)
			lines_add(&lines, r, e, window_s);
		entry_drop(r, e);
	}
	pthread_mutex_unlock(&r->lock);
	lines_write(&lines);
	return due;
}

void
refusals_flush(struct refusals *r, uint32_t window_s, uint64_t now_ms,
    bool all)
{
	while (flush_one(r, window_s, now_ms, all))
		;
}
