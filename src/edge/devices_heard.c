/* SPDX-License-Identifier: BSD-2-Clause */
/* What devices say in their own logs, and the refusals that it explains. */
#include "edge/devices_heard_int.h"

#define BEFORE_S 2   /* our clock is in whole seconds; both are rounded     */
#define AFTER_S  10  /* a line is so late at most                           */

/* Who is at one address. */
struct at_address {
	const struct addr *peer;
	struct device *one;      /* any of them, with a User-Agent if any   */
	uint64_t fingerprint;    /* the first that is not 0                 */
	unsigned n;
	bool several;            /* kinds of client, behind one NAT         */
};

static void
look_at(struct hash_node *node, void *arg)
{
	struct device *dev = CONTAINER_OF(node, struct device, node);
	struct at_address *a = arg;

	if (!addr_equal_ip(&dev->addr, a->peer))
		return;
	a->n++;
	if (a->one == NULL || a->one->user_agent == NULL)
		a->one = dev;
	if (dev->fingerprint == 0)
		return;
	a->several |= a->fingerprint != 0 &&
	    a->fingerprint != dev->fingerprint;
	a->fingerprint = dev->fingerprint;
}

static struct at_address
who_is_at(struct device_shard *s, const struct addr *peer)
{
	struct at_address a = { .peer = peer };

	hash_each(&s->table, look_at, &a);
	return a;
}

struct heard *
devices_heard(struct devices *d)
{
	return d->heard;
}

bool
devices_is_at(const struct addr *peer, void *arg)
{
	struct device_shard *s = devices_shard(arg, peer, NULL);
	bool is;

	pthread_mutex_lock(&s->lock);
	is = who_is_at(s, peer).n > 0;
	pthread_mutex_unlock(&s->lock);
	return is;
}

bool
devices_at(struct devices *d, const struct addr *peer, char *agent,
    size_t size)
{
	struct device_shard *s = devices_shard(d, peer, NULL);
	struct at_address a;

	agent[0] = '\0';
	pthread_mutex_lock(&s->lock);
	a = who_is_at(s, peer);
	if (a.one != NULL && a.one->user_agent != NULL)
		IGNORE(!str_copy(agent, size, str_cstr(a.one->user_agent)));
	pthread_mutex_unlock(&s->lock);
	if (agent[0] == '\0')
		IGNORE(!devices_agent(d, peer, agent, size)); /* no name */
	return a.n > 0;
}

/* It refused this chain before and said then why. */
static void
remember(struct devices *d, struct trust_evidence *e, const struct device *dev,
    unsigned chain)
{
	pthread_mutex_lock(&d->kept_lock);
	for (unsigned i = 0; i < DEVICES_KEPT; i++) {
		const struct kept *k = &d->kept[i];

		if (k->device != dev || k->chain != chain)
			continue;
		e->said_faults = k->evidence->said_faults;
		memcpy(e->said, k->evidence->said, sizeof(e->said));
	}
	pthread_mutex_unlock(&d->kept_lock);
}

void
devices_hear(struct devices *d, struct trust_evidence *e,
    const struct place *p, unsigned chain, struct device_shard *s)
{
	struct device *dev = devices_owner(p);
	char said[TRUST_TEXT_MAX];
	uint32_t faults;

	if (e->stage < TRUST_STAGE_CERTIFICATE)
		return;
	faults = heard_about(d->heard, &e->peer, e->when_s - BEFORE_S -
	    e->us_total / 1000000, e->when_s + AFTER_S, said);
	if (faults == 0) {
		if (dev != NULL && dev->kept)
			remember(d, e, dev, chain);
		return;
	}
	/* Whose line it is nobody knows. */
	if (p->nregistered > 1 || who_is_at(s, &e->peer).several)
		return;
	e->said_faults = faults;
	memcpy(e->said, said, sizeof(e->said));
}

/* ---- a line that comes after the refusal ---- */

/* The last refusal from there; NULL: none of a moment ago. */
static struct kept *
last_kept(struct devices *d, const struct addr *peer, int64_t now_s)
{
	struct kept *last = NULL;

	for (unsigned i = 0; i < DEVICES_KEPT; i++) {
		struct kept *k = &d->kept[i];

		if (k->device != NULL &&
		    addr_equal_ip(&k->evidence->peer, peer) &&
		    now_s - k->evidence->when_s <= AFTER_S &&
		    (last == NULL ||
			k->evidence->when_s >= last->evidence->when_s))
			last = k;
	}
	return last;
}

/* It with what is said now, copied; false: there is none, or it says so. */
static bool
explain_kept(struct devices *d, const struct addr *peer, uint32_t faults,
    struct str text, int64_t now_s, struct trust_evidence *e,
    uint64_t *fingerprint)
{
	struct kept *k;
	bool news = false;

	pthread_mutex_lock(&d->kept_lock);
	k = last_kept(d, peer, now_s);
	if (k != NULL && k->evidence->said_faults != faults) {
		k->evidence->said_faults = faults;
		IGNORE(!str_copy(k->evidence->said, TRUST_TEXT_MAX, text));
		*e = *k->evidence;
		*fingerprint = k->fingerprint;
		news = true;
	}
	pthread_mutex_unlock(&d->kept_lock);
	return news;
}

static bool
says_the_same(const struct device *dev, const struct trust_verdict *v)
{
	return dev->refusal != NULL && dev->refusal->cause == v->cause &&
	    dev->refusal->confidence == v->confidence;
}

bool
devices_said(struct devices *d, const struct addr *peer, uint32_t faults,
    struct str text, int64_t now_s, struct trust_verdict *v)
{
	struct device_shard *s = devices_shard(d, peer, NULL);
	char words[512];
	struct buf remedy;
	struct trust_evidence e;
	struct trust_history h;
	struct device *dev;
	struct place p;
	uint64_t fingerprint;
	unsigned chain;
	bool changed = false;

	pthread_mutex_lock(&s->lock);
	if (who_is_at(s, peer).several || !explain_kept(d, peer, faults, text,
	    now_s, &e, &fingerprint)) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	chain = devices_find_chain(d, e.chain, e.root);
	devices_place(&p, s, peer, fingerprint);
	devices_history(d, &h, &p, fingerprint, chain, false);
	pthread_mutex_unlock(&s->lock);

	trust_judge(v, &e, &h);
	buf_init_array(&remedy, words, sizeof(words));
	devices_put_remedy(d, &remedy, v, &e);

	pthread_mutex_lock(&s->lock);
	devices_place(&p, s, peer, fingerprint);
	dev = devices_owner(&p);
	if (dev != NULL && !says_the_same(dev, v)) {
		devices_set_refusal(dev, v, buf_as_str(&remedy), e.when_s);
		devices_event(dev, "said", chain, v, e.version, now_s);
		devices_due(d, dev);
		changed = true;
	}
	pthread_mutex_unlock(&s->lock);
	return changed;
}
