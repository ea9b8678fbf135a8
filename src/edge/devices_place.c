/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, their places, and what the devices of one kind say of a chain. */
#include "edge/devices_int.h"

#include <stdlib.h>

struct deed *
devices_deed(struct device *dev, unsigned chain, bool make)
{
	struct deed *more;

	for (unsigned i = 0; i < dev->ndeeds; i++)
		if (dev->deed[i].chain == chain)
			return &dev->deed[i];
	if (!make || chain >= DEVICES_CHAINS || dev->ndeeds == DEVICES_DEEDS)
		return NULL;
	more = realloc(dev->deed, (dev->ndeeds + 1u) * sizeof(*more));
	if (more == NULL)
		return NULL;
	dev->deed = more;
	more += dev->ndeeds++;
	*more = (struct deed) { .chain = (uint16_t)chain };
	return more;
}

/* ---- kinds ---- */

struct kind *
devices_find_kind(struct devices *d, uint64_t fingerprint)
{
	struct hash_node *n = hash_chain(&d->kinds, fingerprint);

	while (n != NULL && n->hash != fingerprint)
		n = n->next;
	return n != NULL ? CONTAINER_OF(n, struct kind, node) : NULL;
}

struct trust_class *
devices_class(struct kind *k, unsigned chain, bool make)
{
	struct standing *more;

	for (unsigned i = 0; i < k->n; i++)
		if (k->standing[i].chain == chain)
			return &k->standing[i].count;
	if (!make)
		return NULL;
	more = realloc(k->standing, (k->n + 1u) * sizeof(*more));
	if (more == NULL)
		return NULL;
	k->standing = more;
	more += k->n++;
	*more = (struct standing) { .chain = (uint16_t)chain };
	return &more->count;
}

void
devices_count_word(struct devices *d, struct device *dev,
    const struct deed *deed, int by)
{
	struct trust_class *c;

	if (!dev->registered || dev->kind == NULL ||
	    (deed->did.in_row == 0 && deed->did.accepted == 0))
		return;
	pthread_mutex_lock(&d->kinds_lock);
	c = devices_class(dev->kind, deed->chain, by > 0);
	if (c != NULL && deed->did.in_row > 0)
		c->refusing += (uint32_t)by;
	else if (c != NULL)
		c->accepting += (uint32_t)by;
	pthread_mutex_unlock(&d->kinds_lock);
}

static void
count_words(struct devices *d, struct device *dev, int by)
{
	for (unsigned i = 0; i < dev->ndeeds; i++)
		devices_count_word(d, dev, &dev->deed[i], by);
}

void
devices_set_kind(struct devices *d, struct device *dev, uint64_t fingerprint)
{
	struct kind *k;

	if (fingerprint == 0)
		return;
	pthread_mutex_lock(&d->kinds_lock);
	k = devices_find_kind(d, fingerprint);
	if (k == NULL && (k = calloc(1, sizeof(*k))) != NULL) {
		k->fingerprint = fingerprint;
		hash_insert(&d->kinds, &k->node, fingerprint);
	}
	if (k != NULL)
		k->refs++;
	dev->kind = k;
	pthread_mutex_unlock(&d->kinds_lock);
	count_words(d, dev, 1);
}

static void
leave_kind(struct devices *d, struct device *dev)
{
	struct kind *k = dev->kind;

	if (k == NULL)
		return;
	count_words(d, dev, -1);
	dev->kind = NULL;
	pthread_mutex_lock(&d->kinds_lock);
	if (--k->refs == 0) {
		hash_remove(&d->kinds, &k->node);
		free(k->standing);
		free(k);
	}
	pthread_mutex_unlock(&d->kinds_lock);
}

/* ---- places ---- */

struct device_shard *
devices_shard(struct devices *d, const struct addr *peer, unsigned *index)
{
	unsigned i = addr_hash_ip(peer) >> 32 & (DEVICES_SHARDS - 1);

	if (index != NULL)
		*index = i;
	return &d->shard[i];
}

struct device_shard *
devices_lock_shard_of(struct devices *d, struct device *dev)
{
	for (;;) {
		unsigned i = dev->shard;

		pthread_mutex_lock(&d->shard[i].lock);
		if (dev->shard == i)
			return &d->shard[i];
		pthread_mutex_unlock(&d->shard[i].lock); /* it has moved */
	}
}

/* Two chains a place: thousands may have registered behind one NAT. */
static uint64_t
place_hash(const struct addr *peer, uint64_t fingerprint, bool registered)
{
	return (addr_hash_ip(peer) ^
	    fingerprint * UINT64_C(0x9e3779b97f4a7c15)) + registered;
}

static unsigned
find_at(struct device **out, unsigned max, struct device_shard *s,
    const struct addr *peer, uint64_t fingerprint, bool registered)
{
	uint64_t hash = place_hash(peer, fingerprint, registered);
	struct hash_node *n = hash_chain(&s->table, hash);
	unsigned found = 0;

	for (; n != NULL && found < max; n = n->next) {
		struct device *dev = CONTAINER_OF(n, struct device, node);

		if (n->hash == hash && dev->fingerprint == fingerprint &&
		    dev->registered == registered &&
		    addr_equal_ip(&dev->addr, peer))
			out[found++] = dev;
	}
	return found;
}

void
devices_place(struct place *p, struct device_shard *s, const struct addr *peer,
    uint64_t fingerprint)
{
	p->nregistered = find_at(p->device, DEVICES_PER_PLACE - 1, s, peer,
	    fingerprint, true);
	p->n = p->nregistered + find_at(&p->device[p->nregistered], 1, s, peer,
	    fingerprint, false);
	p->other = p->n > p->nregistered ? p->device[p->nregistered] : NULL;
}

struct device *
devices_unnamed(struct device_shard *s, const struct addr *peer,
    uint64_t fingerprint)
{
	struct device *dev;

	return find_at(&dev, 1, s, peer, fingerprint, false) > 0 ? dev : NULL;
}

struct device *
devices_owner(const struct place *p)
{
	/* Of several that have registered nobody knows which it is. */
	return p->nregistered == 1 && p->other == NULL ? p->device[0] :
	    p->other;
}

uint32_t
devices_next_event(const struct place *p)
{
	uint32_t last = 0;

	for (unsigned i = 0; i < p->n; i++)
		if (p->device[i]->events > last)
			last = p->device[i]->events;
	return last < UINT32_MAX ? last + 1 : last;
}

void
devices_put_at(struct devices *d, struct device *dev, unsigned shard,
    const struct addr *peer, uint64_t fingerprint)
{
	dev->shard = shard;
	dev->addr = *peer;
	dev->fingerprint = fingerprint;
	devices_set_kind(d, dev, fingerprint);
	hash_insert(&d->shard[shard].table, &dev->node,
	    place_hash(peer, fingerprint, dev->registered));
}

/* From the cache into the fleet. */
void
devices_set_registered(struct devices *d, struct device *dev)
{
	if (dev->registered)
		return;
	if (!list_empty(&dev->cached)) {
		d->shard[dev->shard].ncached--;
		list_remove(&dev->cached);
	}
	hash_remove(&d->shard[dev->shard].table, &dev->node);
	dev->registered = true;
	hash_insert(&d->shard[dev->shard].table, &dev->node,
	    place_hash(&dev->addr, dev->fingerprint, true));
	atomic_fetch_add(&d->registered, 1);
	count_words(d, dev, 1);
}

void
devices_take_off(struct devices *d, struct device *dev)
{
	struct device_shard *s = &d->shard[dev->shard];

	hash_remove(&s->table, &dev->node);
	if (!list_empty(&dev->cached)) {
		list_remove(&dev->cached);
		s->ncached--;
	}
	leave_kind(d, dev);
}

void
devices_free_device(struct devices *d, struct device *dev)
{
	for (struct device_event *e = dev->event, *next; e != NULL; e = next) {
		next = e->next;
		free(e);
	}
	free(dev->deed);
	texts_drop(&d->texts, dev->user_agent);
	texts_drop(&d->texts, dev->profile);
	free(dev->refusal);
	free(dev->moved);
	free(dev);
}

void
devices_drop(struct devices *d, struct device *dev)
{
	devices_take_off(d, dev);
	devices_move_kept(d, dev, NULL);
	if (dev->registered)
		atomic_fetch_sub(&d->registered, 1);
	dev->gone = true;
	if (dev->id != 0)
		devices_due(d, dev); /* its row goes too */
	if (!dev->queued)
		devices_free_device(d, dev);
}

void
devices_touch(struct device_shard *s, struct device *dev, int64_t now_s)
{
	dev->last_seen_s = now_s;
	if (list_empty(&dev->cached))
		return;
	list_remove(&dev->cached);
	list_append(&s->cache, &dev->cached);
}

static void
make_room(struct devices *d, struct device_shard *s, const struct addr *peer)
{
	struct device *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(it, &s->cache) {
		struct device *dev = CONTAINER_OF(it, struct device, cached);

		if (!addr_equal_ip(&dev->addr, peer))
			continue;
		if (n++ == 0)
			oldest = dev;
	}
	if (n >= DEVICES_PER_ADDRESS)
		devices_drop(d, oldest);
	else if (s->ncached >= DEVICES_CACHED)
		devices_drop(d, LIST_FIRST(&s->cache, struct device, cached));
}

struct device *
devices_make(struct devices *d, unsigned shard, const struct addr *peer,
    uint64_t fingerprint, int64_t now_s)
{
	struct device *dev = calloc(1, sizeof(*dev));

	if (dev == NULL)
		return NULL;
	list_init(&dev->cached);
	dev->first_seen_s = dev->last_seen_s = now_s;
	devices_put_at(d, dev, shard, peer, fingerprint);
	return dev;
}

void
devices_cache(struct devices *d, struct device *dev)
{
	struct device_shard *s = &d->shard[dev->shard];

	make_room(d, s, &dev->addr);
	list_append(&s->cache, &dev->cached);
	s->ncached++;
}

struct device *
devices_add(struct devices *d, unsigned shard, const struct addr *peer,
    uint64_t fingerprint, int64_t now_s)
{
	struct device *dev = devices_make(d, shard, peer, fingerprint, now_s);

	if (dev != NULL)
		devices_cache(d, dev);
	return dev;
}

size_t
devices_count_at(struct devices *d, const struct addr *peer,
    uint64_t fingerprint)
{
	struct device_shard *s = devices_shard(d, peer, NULL);
	struct place p;

	pthread_mutex_lock(&s->lock);
	devices_place(&p, s, peer, fingerprint);
	pthread_mutex_unlock(&s->lock);
	return p.n;
}
