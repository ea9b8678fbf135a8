/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices by name: what registers with one account and User-Agent is one
 * device, from whichever address it comes, and takes its deeds along; so does
 * one that registers from its address with another version in its User-Agent.
 * When it is seen as it was a moment ago, there are two of them.
 */
#include "edge/devices_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

#define BACK_S 3600 /* so soon nobody carries a phone there and back */

static unsigned
count_accounts(const struct device *dev)
{
	unsigned n = 0;

	for (struct device_account *a = dev->accounts; a != NULL; a = a->next)
		n++;
	return n;
}

int
devices_add_account(struct devices *d, struct device *dev, struct str account)
{
	uint64_t hash = hash_bytes(account.p, account.n);
	struct device_account *a;

	if (account.n > UINT8_MAX || count_accounts(dev) >= DEVICES_ACCOUNTS)
		return E_LIMIT;
	a = malloc(sizeof(*a) + account.n);
	if (a == NULL)
		return -ENOMEM;
	a->device = dev;
	a->n = (uint8_t)account.n;
	memcpy(a->text, account.p, account.n);
	a->next = dev->accounts;
	dev->accounts = a;
	hash_insert(&d->account[hash >> 32 & (DEVICES_SHARDS - 1)].table,
	    &a->node, hash);
	return 0;
}

static void
remove_account(struct account_shard *as, struct device_account *a)
{
	struct device_account **at = &a->device->accounts;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	hash_remove(&as->table, &a->node);
	free(a);
}

static bool
is_agent(const struct device *dev, struct str user_agent)
{
	return str_eq(str_cstr(dev->user_agent), user_agent);
}

/*
 * What a User-Agent says before its version: "Cisco/SPA502G-7.6.2" and
 * "snom370/8.7.5.48" up to the last separator before it.  Empty: it has none.
 */
static struct str
product_of(struct str agent)
{
	for (size_t i = 1; i < agent.n; i++) {
		size_t k = i;

		if (strchr("-/ _", agent.p[i - 1]) == NULL)
			continue;
		k += agent.p[k] == 'v'; /* "baresip v3.10.1" */
		while (k < agent.n && agent.p[k] >= '0' && agent.p[k] <= '9')
			k++;
		if (k > i && k < agent.n && agent.p[k] == '.' &&
		    agent.p[k - 1] != 'v')
			return str_of(agent.p, i - 1);
	}
	return STR_NULL;
}

/* The same phone with another firmware. */
static bool
is_updated(const struct device *dev, struct str user_agent)
{
	struct str before = product_of(str_cstr(dev->user_agent));

	return before.n > 0 && str_eq(before, product_of(user_agent));
}

static bool
is_at(const struct device *dev, const struct device_peer *p)
{
	return addr_equal_ip(&dev->addr, &p->addr) &&
	    (p->fingerprint == 0 || dev->fingerprint == p->fingerprint);
}

/* What one REGISTER says. */
struct saying {
	const struct device_peer *peer;
	struct str account, user_agent;
	enum flow_transport transport;
	int64_t now_s;
};

static void
refresh(struct devices *d, struct device *dev, const struct saying *r)
{
	bool news = dev->transport != r->transport;

	addr_set_port(&dev->addr, addr_port(&r->peer->addr));
	dev->last_seen_s = r->now_s;
	dev->transport = (uint8_t)r->transport;
	if (news)
		devices_due(d, dev);
	else
		devices_due_later(d, dev, r->now_s);
}

/* ---- deeds go along ---- */

/* What other did since is added to what dev did before. */
static void
merge_deeds(struct devices *d, struct device *dev, const struct device *other)
{
	uint32_t base = dev->events;

	for (unsigned i = 0; i < other->ndeeds; i++) {
		const struct deed *o = &other->deed[i];
		struct deed *mine = devices_deed(dev, o->chain, true);
		const struct trust_deed *from = &o->did;

		if (mine == NULL)
			continue;
		devices_count_word(d, dev, mine, -1);
		mine->did.accepted += from->accepted;
		mine->did.refused += from->refused;
		if (from->accepted > 0) {
			mine->did.accepted_no = base + from->accepted_no;
			mine->did.accepted_s = from->accepted_s;
			mine->version = o->version;
			mine->did.in_row = 0;
		}
		if (from->refused > 0) {
			mine->did.refused_no = base + from->refused_no;
			mine->did.refused_s = from->refused_s;
			mine->cause = o->cause;
		}
		mine->did.in_row += from->in_row;
		mine->did.fetched |= from->fetched;
		devices_count_word(d, dev, mine, 1);
	}
	dev->events = base + other->events;
}

static void
copy_last(struct device *dev, const struct device *other)
{
	dev->version = other->version;
	dev->cipher_suite = other->cipher_suite;
	dev->old_version = other->old_version;
	if (other->accepted_chain != 0)
		dev->chain = other->accepted_chain;
	dev->accepted_chain = other->accepted_chain;
	dev->accepted_port = other->accepted_port;
}

/* The one at this place that nobody knew by name was this one. */
static void
absorb(struct devices *d, struct device *dev, struct device *other)
{
	merge_deeds(d, dev, other);
	copy_last(dev, other);
	if (dev->refusal == NULL || (other->refusal != NULL &&
	    other->refusal->when_s >= dev->refusal->when_s)) {
		struct device_refusal *r = dev->refusal;

		dev->refusal = other->refusal;
		other->refusal = r;
	}
	for (struct device_event *e = other->event, *next; e != NULL;
	     e = next) {
		next = e->next;
		if (dev->nevents == DEVICES_EVENTS) {
			free(e);
			continue;
		}
		e->next = dev->event;
		dev->event = e;
		dev->nevents++;
	}
	other->event = NULL;
	other->nevents = 0;
	devices_move_kept(d, other, dev);
	devices_drop(d, other);
}

/* That acceptance was not dev's. */
static void
take_back(struct devices *d, struct device *dev, unsigned chain)
{
	struct deed *deed = devices_deed(dev, chain, false);
	uint32_t last = 0;

	if (deed == NULL || deed->did.accepted == 0)
		return;
	devices_count_word(d, dev, deed, -1);
	if (--deed->did.accepted == 0) {
		deed->did.accepted_no = 0;
		deed->did.accepted_s = 0;
	}
	devices_count_word(d, dev, deed, 1);
	for (unsigned i = 0; i < dev->ndeeds; i++) {
		if (dev->deed[i].did.accepted_no <= last)
			continue;
		last = dev->deed[i].did.accepted_no;
		dev->chain = (uint16_t)(dev->deed[i].chain + 1);
	}
	devices_due(d, dev);
}

/* Whose the connection's handshake was taken for; NULL: nobody else's. */
static struct device *
counted_for(const struct device *dev, const struct place *p,
    const struct saying *r)
{
	uint16_t port = addr_port(&r->peer->addr);

	/* Of several that have registered it is never one of them. */
	if (p->other != NULL && p->other != dev &&
	    p->other->accepted_port == port)
		return p->other;
	for (unsigned i = 0; i < p->nregistered; i++)
		if (p->device[i] != dev && p->device[i]->accepted_port == port)
			return p->device[i];
	return NULL;
}

static void
take_over(struct devices *d, struct device *dev, const struct place *p,
    struct device *other, int64_t now_s)
{
	unsigned chain = other->accepted_chain - 1u;
	struct deed *deed = devices_deed(dev, chain, true);

	if (deed == NULL)
		return;
	devices_count_word(d, dev, deed, -1);
	if (deed->did.accepted == 0 || deed->did.in_row > 0 ||
	    dev->chain != other->accepted_chain) {
		devices_event(dev, "accepted", chain, NULL, other->version,
		    now_s);
		devices_due(d, dev);
	}
	dev->events = devices_next_event(p);
	deed->did.accepted++;
	deed->did.in_row = 0;
	deed->did.accepted_no = dev->events;
	deed->did.accepted_s = now_s;
	deed->version = other->version;
	devices_count_word(d, dev, deed, 1);
	if (other->registered)
		take_back(d, other, chain);
}

/* The connection's handshake was counted for another at this place. */
static void
claim_handshake(struct devices *d, struct device *dev, const struct place *p,
    const struct saying *r)
{
	struct device *other = counted_for(dev, p, r);

	if (other == NULL)
		return;
	if (other->accepted_chain != 0)
		take_over(d, dev, p, other, r->now_s);
	copy_last(dev, other);
	other->accepted_port = 0; /* that one is dev's */
}

/* ---- who it was ---- */

struct found {
	struct device *here;      /* with this name, at this place          */
	struct device *updated;   /* of another version, at this address    */
	struct device *elsewhere; /* the one seen last of all others        */
	int64_t elsewhere_s;
	struct device_account *oldest; /* of the account                    */
	int64_t oldest_s;
	unsigned n;
};

/* It is where it was; behind a NAT its handshake was counted for another. */
static void
stay(struct devices *d, struct device_shard *s, struct device *dev,
    const struct saying *r)
{
	const struct device *other = devices_unnamed(s, &r->peer->addr,
	    r->peer->fingerprint);
	struct place p;

	if (r->peer->fingerprint != 0 && other != NULL &&
	    other->accepted_port == addr_port(&r->peer->addr)) {
		devices_place(&p, s, &r->peer->addr, r->peer->fingerprint);
		claim_handshake(d, dev, &p, r);
	}
	refresh(d, dev, r);
}

/* Under the account's shard.  here is refreshed at once. */
static void
find(struct devices *d, struct account_shard *as, uint64_t hash,
    const struct saying *r, struct found *f)
{
	struct hash_node *n = hash_chain(&as->table, hash);

	memset(f, 0, sizeof(*f));
	for (; n != NULL && f->here == NULL; n = n->next) {
		struct device_account *a = CONTAINER_OF(n,
		    struct device_account, node);
		struct device *dev = a->device;
		struct device_shard *s;

		if (n->hash != hash || !str_eq(str_of(a->text, a->n),
		    r->account))
			continue;
		f->n++;
		s = devices_lock_shard_of(d, dev);
		if (f->oldest == NULL || dev->last_seen_s < f->oldest_s) {
			f->oldest = a;
			f->oldest_s = dev->last_seen_s;
		}
		if (is_agent(dev, r->user_agent)) {
			if (is_at(dev, r->peer)) {
				f->here = dev;
				stay(d, s, dev, r);
			} else if (f->elsewhere == NULL ||
			    dev->last_seen_s > f->elsewhere_s) {
				f->elsewhere = dev;
				f->elsewhere_s = dev->last_seen_s;
			}
		} else if (addr_equal_ip(&dev->addr, &r->peer->addr) &&
		    is_updated(dev, r->user_agent)) {
			f->updated = dev;
		}
		pthread_mutex_unlock(&s->lock);
	}
}

/* ---- moving ---- */

static uint64_t
agent_hash(struct str user_agent)
{
	return hash_bytes(user_agent.p, user_agent.n);
}

static bool
is_back(const struct device *dev, const struct saying *r)
{
	const struct device_move *m = dev->moved;

	return m != NULL && r->now_s - m->when_s < BACK_S &&
	    addr_equal_ip(&m->from, &r->peer->addr) &&
	    m->agent == agent_hash(r->user_agent) &&
	    (r->peer->fingerprint == 0 ||
	    m->fingerprint == r->peer->fingerprint);
}

/* Both shards, the lower first, dev still being in one of them. */
static unsigned
lock_both(struct devices *d, struct device *dev, unsigned to)
{
	for (;;) {
		unsigned from = dev->shard;

		pthread_mutex_lock(&d->shard[from < to ? from : to].lock);
		if (from != to)
			pthread_mutex_lock(
			    &d->shard[from < to ? to : from].lock);
		if (dev->shard == from)
			return from;
		pthread_mutex_unlock(&d->shard[from].lock);
		if (from != to)
			pthread_mutex_unlock(&d->shard[to].lock);
	}
}

static void
set_agent(struct devices *d, struct device *dev, struct str user_agent)
{
	const char *text = texts_share(&d->texts, user_agent);

	if (text == NULL)
		return;
	texts_drop(&d->texts, dev->user_agent);
	dev->user_agent = text;
	dev->profile_of = 0;
}

/* Under both shards. */
static void
move(struct devices *d, struct device *dev, unsigned to,
    const struct saying *r)
{
	/* UDP and TCP say nothing of its ClientHello. */
	uint64_t fingerprint = r->peer->fingerprint != 0 ?
	    r->peer->fingerprint : dev->fingerprint;
	bool updated = !is_agent(dev, r->user_agent);
	struct place p;

	if (dev->moved == NULL && (dev->fingerprint != 0 || updated))
		dev->moved = malloc(sizeof(*dev->moved));
	if (dev->moved != NULL)
		*dev->moved = (struct device_move) { dev->addr,
			dev->fingerprint, agent_hash(str_cstr(
			dev->user_agent)), r->now_s };
	if (updated)
		set_agent(d, dev, r->user_agent);
	devices_take_off(d, dev);
	devices_put_at(d, dev, to, &r->peer->addr, fingerprint);
	devices_place(&p, &d->shard[to], &r->peer->addr, fingerprint);
	if (p.other != NULL && p.nregistered == 1 &&
	    r->peer->fingerprint != 0)
		absorb(d, dev, p.other);
	else
		claim_handshake(d, dev, &p, r);
	refresh(d, dev, r);
	devices_due(d, dev);
}

/* ---- new ---- */

static void
name(struct devices *d, struct device *dev, const struct saying *r)
{
	set_agent(d, dev, r->user_agent);
	if (devices_add_account(d, dev, r->account) != 0) {
		if (list_empty(&dev->cached))
			devices_cache(d, dev); /* unnamed */
		return;
	}
	devices_set_registered(d, dev);
	refresh(d, dev, r);
	devices_due(d, dev);
}

/* Under the shard: the device that this connection is known to be of. */
static struct device *
same_connection(const struct place *p, const struct saying *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->device[i]->registered &&
		    count_accounts(p->device[i]) < DEVICES_ACCOUNTS &&
		    addr_port(&p->device[i]->addr) ==
			addr_port(&r->peer->addr) &&
		    is_agent(p->device[i], r->user_agent))
			return p->device[i];
	return NULL;
}

/* like: the same name elsewhere, whose deeds are a good guess; NULL. */
static void
settle(struct devices *d, unsigned index, const struct saying *r,
    struct device *like)
{
	struct device_shard *s = &d->shard[index];
	struct device *dev = NULL;
	struct place p;

	devices_place(&p, s, &r->peer->addr, r->peer->fingerprint);
	if (like == NULL)
		dev = same_connection(&p, r);
	if (dev != NULL) {
		if (devices_add_account(d, dev, r->account) == 0)
			devices_due(d, dev);
		return;
	}
	if (atomic_load(&d->registered) >= DEVICES_MAX)
		return;
	if (p.nregistered == 0)
		dev = p.other;
	if (dev == NULL) {
		dev = devices_make(d, index, &r->peer->addr,
		    r->peer->fingerprint, r->now_s);
		if (dev == NULL)
			return;
		if (like != NULL)
			merge_deeds(d, dev, like);
		claim_handshake(d, dev, &p, r);
	}
	name(d, dev, r);
}

static void
drop_oldest(struct devices *d, struct account_shard *as,
    struct device_account *a)
{
	struct device *dev = a->device;
	struct device_shard *s = devices_lock_shard_of(d, dev);

	remove_account(as, a);
	if (dev->accounts == NULL)
		devices_drop(d, dev);
	pthread_mutex_unlock(&s->lock);
}

void
devices_registered(struct devices *d, const struct device_peer *p,
    struct str account, struct str user_agent, enum flow_transport transport,
    int64_t now_s)
{
	uint64_t hash = hash_bytes(account.p, account.n);
	struct account_shard *as =
	    &d->account[hash >> 32 & (DEVICES_SHARDS - 1)];
	struct saying r = { p, account, user_agent, transport, now_s };
	struct device *dev;
	struct found f;
	unsigned to, from;

	devices_shard(d, &p->addr, &to);
	pthread_mutex_lock(&as->lock);
	find(d, as, hash, &r, &f);
	if (f.here != NULL)
		goto out;
	dev = f.updated != NULL ? f.updated : f.elsewhere;
	if (f.n >= DEVICES_PER_ACCOUNT && f.oldest->device != dev)
		drop_oldest(d, as, f.oldest);
	if (dev == NULL) {
		pthread_mutex_lock(&d->shard[to].lock);
		settle(d, to, &r, NULL);
		pthread_mutex_unlock(&d->shard[to].lock);
		goto out;
	}
	from = lock_both(d, dev, to);
	if (is_back(dev, &r))
		settle(d, to, &r, dev);
	else
		move(d, dev, to, &r);
	pthread_mutex_unlock(&d->shard[from].lock);
	if (from != to)
		pthread_mutex_unlock(&d->shard[to].lock);
out:
	pthread_mutex_unlock(&as->lock);
}
