/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of devices, and the choice of a chain from it. */
#include "edge/devices_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "tlswire/alert.h"

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

static void
learn_chains(struct devices *d, const struct tls_ctx *ctx)
{
	const struct trust_chain *c;
	unsigned n;

	c = tls_ctx_chains(ctx, &n);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = devices_chain(d, c[i].name, c[i].root);

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
		d->known[k].chain.not_before_s = c[i].not_before_s;
		d->known[k].chain.not_after_s = c[i].not_after_s;
		pthread_mutex_unlock(&d->chains_lock);
	}
}

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

static struct trust_class *
class_of(struct kind *k, unsigned chain, bool make)
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
	c = class_of(dev->kind, deed->chain, by > 0);
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
devices_free_device(struct device *dev)
{
	for (struct device_event *e = dev->event, *next; e != NULL; e = next) {
		next = e->next;
		free(e);
	}
	free(dev->deed);
	free(dev->user_agent);
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
		devices_free_device(dev);
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

/* ---- the choice ---- */

/*
 * Several devices at one place, and nobody knows which one comes.  A chain that
 * some accept and none is known to refuse goes first, then one that nobody has
 * seen; those that are contested take turns.  One that was just refused is
 * shown once more, or two devices that come alternately would each be shown the
 * other's chain for ever.
 */
#define CONTESTED    4   /* acceptances that outweigh a refusal              */
#define NOBODYS_S    600 /* what none has accepted has its turn so late      */
#define NOBODYS      (UINT32_C(1) << 31)

struct shared {
	uint32_t accepted, refused, in_row; /* by somebody at this place    */
	uint32_t accepting, refusing;       /* registered devices           */
	uint32_t accepted_no, refused_no;   /* the last of all              */
	int64_t refused_s;
	bool fetched;
};

static void
add_up(struct shared *sum, const struct place *p, unsigned chain)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < p->n; i++) {
		const struct device *dev = p->device[i];
		const struct deed *deed = devices_deed(p->device[i], chain,
		    false);
		const struct trust_deed *did;

		if (deed == NULL)
			continue;
		did = &deed->did;
		if (!dev->registered) {
			sum->accepted += did->accepted;
			sum->refused += did->refused;
			sum->in_row = did->in_row;
		}
		sum->refusing += dev->registered && did->in_row > 0;
		sum->accepting += did->accepted > 0 && did->in_row == 0;
		if (did->accepted_no > sum->accepted_no)
			sum->accepted_no = did->accepted_no;
		if (did->refused_no > sum->refused_no)
			sum->refused_no = did->refused_no;
		if (did->refused_s > sum->refused_s)
			sum->refused_s = did->refused_s;
		sum->fetched |= did->fetched;
	}
}

static bool
is_contested(const struct shared *s)
{
	return s->refusing > 0 || CONTESTED * s->refused > s->accepted;
}

static void
read_shared(struct trust_deed *deed, const struct place *p,
    const unsigned *number, unsigned n, int64_t now_s)
{
	struct shared s[TRUST_CHAINS_MAX];
	uint32_t latest = 0;

	for (unsigned i = 0; i < n; i++) {
		add_up(&s[i], p, number[i]);
		if (s[i].refused_no > latest)
			latest = s[i].refused_no;
		if (s[i].accepted_no > latest)
			latest = s[i].accepted_no;
	}
	for (unsigned i = 0; i < n; i++) {
		struct trust_deed *t = &deed[i];

		*t = (struct trust_deed) {
			.fetched = s[i].fetched, .refused_s = s[i].refused_s,
			.refused_no = s[i].refused_no,
		};
		if (!is_contested(&s[i])) {
			t->accepted = s[i].accepting;
			t->accepted_no = s[i].accepted_no;
			continue;
		}
		t->refused = t->in_row = 1;
		if (s[i].refused_no == latest && s[i].in_row == 1)
			t->refused_no = 0;
		else if (s[i].accepted_no > s[i].refused_no)
			t->refused_no = s[i].accepted_no;
		else if (s[i].accepted_no == 0 &&
		    now_s - s[i].refused_s < NOBODYS_S)
			t->refused_no |= NOBODYS;
	}
}

/* What a device did with the chains of ctx; false: nothing that counts. */
static bool
read_deeds(struct trust_deed *deed, const struct place *p,
    const unsigned *number, unsigned n, int64_t now_s)
{
	bool any = false;

	if (p->n > 1)
		read_shared(deed, p, number, n, now_s);
	for (unsigned i = 0; i < n; i++) {
		struct deed *known = NULL;

		if (p->n == 1)
			known = devices_deed(p->device[0], number[i], false);
		if (p->n <= 1)
			deed[i] = known != NULL ? known->did :
			    (struct trust_deed) { 0 };
		any |= deed[i].accepted + deed[i].refused > 0 ||
		    deed[i].fetched;
	}
	return any;
}

static void
read_kind(struct trust_class *kind, struct devices *d, uint64_t fingerprint,
    const unsigned *number, unsigned n)
{
	struct kind *k;

	memset(kind, 0, n * sizeof(*kind));
	pthread_mutex_lock(&d->kinds_lock);
	k = devices_find_kind(d, fingerprint);
	for (unsigned i = 0; k != NULL && i < n; i++) {
		const struct trust_class *c = class_of(k, number[i], false);

		if (c != NULL)
			kind[i] = *c;
	}
	pthread_mutex_unlock(&d->kinds_lock);
}

static bool
matches(const struct selector *s, const struct place *p,
    struct selector_device *who)
{
	if (p->n == 0)
		return selector_matches(s, who);
	for (unsigned i = 0; i < p->n; i++) {
		struct device *dev = p->device[i];
		struct device_account *a = dev->accounts;

		who->user_agent = str_cstr(dev->user_agent);
		who->profile = str_cstr(dev->profile);
		do {
			who->account = a != NULL ? str_of(a->text, a->n) :
			    STR_NULL;
			if (selector_matches(s, who))
				return true;
			a = a != NULL ? a->next : NULL;
		} while (a != NULL);
	}
	return false;
}

/*
 * Before a selector asks for the profiles of the devices at a place.  Of one
 * that is not kept yet the User-Agent may have been seen by UDP or HTTP.
 */
static void
learn_profiles(struct devices *d, const struct place *p,
    struct selector_device *who, char unkept[DEVICE_NAME_MAX + 1])
{
	unsigned number = profiles_number(d->profiles);
	char agent[DEVICES_AGENT_MAX] = "";

	for (unsigned i = 0; i < p->n; i++) {
		struct device *dev = p->device[i];

		if (dev->profile_of == number)
			continue;
		profiles_name(d->profiles, str_cstr(dev->user_agent),
		    who->ja4, dev->profile);
		dev->profile_of = number;
	}
	if (p->n > 0)
		return;
	(void)devices_agent(d, who->peer, agent, sizeof(agent));
	profiles_name(d->profiles, str_cstr(agent), who->ja4, unkept);
	who->profile = str_cstr(unkept);
}

/* The admin's word on this device: chain (-1: none) and old versions. */
static int
read_orders(const struct devices_settings *s, const struct place *p,
    struct selector_device *who, const struct trust_chain *chain, unsigned n,
    bool *old)
{
	const struct conf *conf = s->conf;

	*old = false;
	for (size_t i = 0; i < conf->nold && !*old; i++)
		*old = matches(&conf->old[i], p, who);
	for (size_t i = 0; i < conf->npins; i++) {
		if (!matches(&conf->pins[i].who, p, who))
			continue;
		for (unsigned c = 0; c < n; c++)
			if (str_eq(conf->pins[i].chain,
			    str_cstr(chain[c].name)))
				return (int)c;
	}
	return -1;
}

void
devices_choose(struct devices *d, const struct device_peer *p,
    const struct tls_hello *h, const struct tls_ctx *ctx,
    struct tls_choice *out)
{
	const struct devices_settings *set = d->settings;
	struct trust_deed deed[TRUST_CHAINS_MAX];
	struct trust_class kind[TRUST_CHAINS_MAX];
	unsigned number[TRUST_CHAINS_MAX], n;
	struct selector_device who = { .peer = &p->addr };
	struct trust_question q = {
		.hello = h, .now_s = clock_wall_s(),
		.max_version = TLS_VERSION_1_3,
		.memory_s = set->conf->refusal_memory,
	};
	char ja4[TLS_JA4_LEN], profile[DEVICE_NAME_MAX + 1];
	struct device_shard *s = devices_shard(d, &p->addr, NULL);
	struct place place, before;

	q.chain = tls_ctx_chains(ctx, &n);
	q.nchain = n < TRUST_CHAINS_MAX ? n : TRUST_CHAINS_MAX;
	if (str_eq(str_cstr(set->conf->tls_max), STR("1.2")))
		q.max_version = TLS_VERSION_1_2;
	for (unsigned i = 0; i < q.nchain; i++)
		number[i] = devices_find_chain(d, q.chain[i].name,
		    q.chain[i].root);
	if (set->by_ja4 || set->by_profile) {
		tls_ja4(h, ja4);
		who.ja4 = str_cstr(ja4);
	}
	pthread_mutex_lock(&s->lock);
	devices_place(&place, s, &p->addr, p->fingerprint);
	q.deed = read_deeds(deed, &place, number, q.nchain,
	    q.now_s) ? deed : NULL;
	if (place.n == 0) {
		/* Known by UDP or by a fetched file alone: if it is the one. */
		devices_place(&before, s, &p->addr, 0);
		if (before.n == 1)
			place = before;
		if (before.n == 1 && read_deeds(deed, &place, number, q.nchain,
	    q.now_s))
			q.deed = deed;
	}
	if (set->by_profile && d->profiles != NULL)
		learn_profiles(d, &place, &who, profile);
	q.pinned = read_orders(set, &place, &who, q.chain, q.nchain,
	    &out->old_versions);
	pthread_mutex_unlock(&s->lock);
	if (q.nchain > 1) {
		read_kind(kind, d, p->fingerprint, number, q.nchain);
		q.kind = kind;
	}
	out->chain = trust_choose(&q).chain;
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

	if (s != NULL)
		d->settings = s; /* else the old settings go on */
	learn_chains(d, ctx);
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
	pthread_mutex_init(&d->lock, NULL);
	d->known = calloc(DEVICES_CHAINS, sizeof(*d->known));
	d->kept = calloc(DEVICES_KEPT, sizeof(*d->kept));
	d->agent = calloc(DEVICES_AGENTS, sizeof(*d->agent));
	if (d->known == NULL || d->kept == NULL || d->agent == NULL ||
	    hash_init(&d->kinds, 64) != 0)
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
	if (make_tables(d) && d->dir != NULL) {
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
	devices_free_device(dev);
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
			hash_each(&d->shard[i].table, free_device, NULL);
		hash_fini(&d->shard[i].table);
	}
	hash_fini(&d->kinds);
	device_store_close(d->store);
	for (struct devices_settings *s = d->settings, *older; s != NULL;
	     s = older) {
		older = s->older;
		conf_unref(s->conf);
		free(s);
	}
	free(d->known);
	free(d->kept);
	free(d->agent);
	free(d->dir);
	free(d);
}
