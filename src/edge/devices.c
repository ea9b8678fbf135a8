/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of devices: its chains, its settings, its beginning and end. */
#include "edge/devices_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "edge/heard.h"

/* ---- chains, by number ---- */

static uint64_t
chain_key(const char *name, const char *root)
{
	return hash_bytes(name, strlen(name)) * 3 +
	    hash_bytes(root, strlen(root));
}

static unsigned
find_key(const struct devices *d, uint64_t key)
{
	unsigned n = atomic_load_explicit(&d->nchains, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (d->known[i].key == key)
			return i;
	return DEVICES_CHAINS;
}

unsigned
devices_find_chain(const struct devices *d, const char *name,
    const char *root)
{
	return find_key(d, chain_key(name, root));
}

unsigned
devices_chain(struct devices *d, const char *name, const char *root)
{
	uint64_t key = chain_key(name, root);
	unsigned i;

	pthread_mutex_lock(&d->chains_lock);
	i = find_key(d, key);
	if (i == DEVICES_CHAINS && d->nchains < DEVICES_CHAINS) {
		struct known_chain *k = &d->known[i = d->nchains];

		k->key = key;
		str_copy(k->chain.name, sizeof(k->chain.name), str_cstr(name));
		str_copy(k->chain.root, sizeof(k->chain.root), str_cstr(root));
		atomic_store_explicit(&d->nchains, i + 1,
		    memory_order_release);
	}
	pthread_mutex_unlock(&d->chains_lock);
	return i;
}

unsigned
devices_number(const struct devices *d, const struct devices_settings *set,
    const struct trust_chain *c, unsigned at)
{
	unsigned k = set->number[at];

	/* What is published of a chain's texts never changes. */
	if (k < DEVICES_CHAINS &&
	    strcmp(d->known[k].chain.name, c->name) == 0 &&
	    strcmp(d->known[k].chain.root, c->root) == 0)
		return k;
	return devices_find_chain(d, c->name, c->root);
}

static void
learn_chains(struct devices *d, const struct tls_ctx *ctx,
    struct devices_settings *set)
{
	const struct trust_chain *c;
	unsigned n;

	c = tls_ctx_chains(ctx, &n);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = devices_chain(d, c[i].name, c[i].root);

		if (set != NULL && i < TRUST_CHAINS_MAX)
			set->number[i] = (uint16_t)k;
		if (k == DEVICES_CHAINS) {
			log_err("devices-full", "chain=%s effect=\"what "
			    "devices do with it is not remembered\"",
			    c[i].name);
			continue;
		}
		pthread_mutex_lock(&d->chains_lock);
		/* Its texts are read without the lock: they stay. */
		d->known[k].chain.key = c[i].key;
		d->known[k].chain.bits = c[i].bits;
		d->known[k].chain.signed_with = c[i].signed_with;
		d->known[k].chain.faults = c[i].faults;
		d->known[k].chain.depth = c[i].depth;
		d->known[k].chain.names = c[i].names;
		d->known[k].chain.root_id = c[i].root_id;
		d->known[k].chain.not_before_s = c[i].not_before_s;
		d->known[k].chain.not_after_s = c[i].not_after_s;
		memcpy(d->known[k].chain.root_sha256, c[i].root_sha256,
		    sizeof(c[i].root_sha256));
		pthread_mutex_unlock(&d->chains_lock);
	}
}

/* ---- User-Agents by address ---- */

void
devices_saw(struct devices *d, const struct addr *peer, struct str user_agent)
{
	uint64_t hash = addr_hash_ip(peer);
	struct agent *a = &d->agent[hash & (DEVICES_AGENTS - 1)];

	pthread_mutex_lock(&d->agents_lock);
	a->ip_hash = hash;
	IGNORE(!str_copy(a->text, sizeof(a->text), user_agent)); /* a name */
	pthread_mutex_unlock(&d->agents_lock);
}

bool
devices_agent(struct devices *d, const struct addr *peer, char *out,
    size_t size)
{
	uint64_t hash = addr_hash_ip(peer);
	struct agent *a = &d->agent[hash & (DEVICES_AGENTS - 1)];
	bool known;

	pthread_mutex_lock(&d->agents_lock);
	known = a->ip_hash == hash && a->text[0] != '\0';
	if (known)
		IGNORE(!str_copy(out, size, str_cstr(a->text))); /* a name */
	pthread_mutex_unlock(&d->agents_lock);
	return known;
}

/* ---- begin and end ---- */

static bool
asks_for(const struct conf *c, enum selector_kind kind)
{
	for (size_t i = 0; i < c->npins; i++)
		if (c->pins[i].who.kind == kind)
			return true;
	for (size_t i = 0; i < c->nold; i++)
		if (c->old[i].kind == kind)
			return true;
	return false;
}

static struct devices_settings *
settings_new(struct conf *conf, struct devices_settings *older)
{
	struct devices_settings *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->older = older;
	s->conf = conf_ref(conf);
	s->by_ja4 = asks_for(conf, SELECTOR_JA4);
	s->by_profile = asks_for(conf, SELECTOR_PROFILE);
	for (unsigned i = 0; i < TRUST_CHAINS_MAX; i++)
		s->number[i] = DEVICES_CHAINS;
	return s;
}

void
devices_set_profiles(struct devices *d, struct profiles *p)
{
	d->profiles = p;
}

void
devices_set_conf(struct devices *d, struct conf *conf,
    const struct tls_ctx *ctx)
{
	struct devices_settings *s = settings_new(conf, d->settings);

	learn_chains(d, ctx, s);
	if (s != NULL)
		d->settings = s; /* else the old settings go on */
	devices_asked(d); /* of roots that a chain leads to only now, too */
}

void
devices_set_remedy(struct devices *d, devices_remedy_fn *fn, void *arg)
{
	d->remedy = fn;
	d->remedy_arg = arg;
}

void
devices_count(struct devices *d, size_t *registered, size_t *cached)
{
	*registered = d->registered;
	*cached = 0;
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		pthread_mutex_lock(&d->shard[i].lock);
		*cached += d->shard[i].ncached;
		pthread_mutex_unlock(&d->shard[i].lock);
	}
}

static bool
make_tables(struct devices *d)
{
	pthread_mutex_init(&d->kinds_lock, NULL);
	pthread_mutex_init(&d->chains_lock, NULL);
	pthread_mutex_init(&d->kept_lock, NULL);
	pthread_mutex_init(&d->agents_lock, NULL);
	pthread_mutex_init(&d->newcomers_lock, NULL);
	pthread_mutex_init(&d->lock, NULL);
	d->known = calloc(DEVICES_CHAINS, sizeof(*d->known));
	d->kept_evidence = calloc(DEVICES_KEPT, sizeof(*d->kept_evidence));
	for (unsigned i = 0; d->kept_evidence != NULL && i < DEVICES_KEPT; i++)
		d->kept[i].evidence = &d->kept_evidence[i];
	d->agent = calloc(DEVICES_AGENTS, sizeof(*d->agent));
	d->newcomer = calloc(DEVICES_NEWCOMERS, sizeof(*d->newcomer));
	if (d->known == NULL || d->kept_evidence == NULL || d->agent == NULL ||
	    d->newcomer == NULL || hash_init(&d->kinds, 64) != 0 ||
	    texts_init(&d->texts) != 0)
		return false;
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		pthread_mutex_init(&d->shard[i].lock, NULL);
		pthread_mutex_init(&d->account[i].lock, NULL);
		list_init(&d->shard[i].cache);
		if (hash_init(&d->shard[i].table, 64) != 0 ||
		    hash_init(&d->account[i].table, 64) != 0)
			return false;
	}
	return true;
}

int
devices_new(struct devices **out, const char *dir, struct conf *conf,
    struct buf *why)
{
	struct devices *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d == NULL)
		return -ENOMEM;
	d->dir = strdup(dir);
	if (make_tables(d) && d->dir != NULL && heard_new(&d->heard) == 0) {
		d->settings = settings_new(conf, NULL);
		if (d->settings != NULL)
			err = devices_load(d, dir, why);
	}
	if (err == 0)
		err = devices_writer_start(d);
	if (err != 0) {
		devices_free(d);
		return err;
	}
	*out = d;
	return 0;
}

static void
free_account(struct hash_node *n, void *arg)
{
	free(CONTAINER_OF(n, struct device_account, node));
}

static void
free_device(struct hash_node *n, void *arg)
{
	struct device *dev = CONTAINER_OF(n, struct device, node);

	if (dev->kind != NULL && --dev->kind->refs == 0) {
		free(dev->kind->standing);
		free(dev->kind);
	}
	devices_free_device(arg, dev);
}

void
devices_free(struct devices *d)
{
	if (d == NULL)
		return;
	devices_writer_stop(d);
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		if (d->account[i].table.bucket != NULL)
			hash_each(&d->account[i].table, free_account, NULL);
		hash_fini(&d->account[i].table);
		if (d->shard[i].table.bucket != NULL)
			hash_each(&d->shard[i].table, free_device, d);
		hash_fini(&d->shard[i].table);
	}
	hash_fini(&d->kinds);
	texts_fini(&d->texts);
	heard_free(d->heard);
	device_store_close(d->store);
	for (struct devices_settings *s = d->settings, *older; s != NULL;
	     s = older) {
		older = s->older;
		conf_unref(s->conf);
		free(s);
	}
	free(d->known);
	free(d->kept_evidence);
	free(d->agent);
	free(d->newcomer);
	free(d->dir);
	free(d);
}
