/* SPDX-License-Identifier: BSD-2-Clause */
/* Which chain a device is shown, inside the ClientHello callback. */
#include "edge/devices_int.h"

#include "base/clock.h"
#include "tlswire/alert.h"

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
		    deed[i].fetched || deed[i].asked != TRUST_ASKED_NOTHING;
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
		const struct trust_class *c = devices_class(k, number[i],
		    false);

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
		    who->ja4, unkept);
		texts_drop(&d->texts, dev->profile);
		dev->profile = texts_share(&d->texts, str_cstr(unkept));
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
		number[i] = devices_number(d, set, &q.chain[i], i);
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
		if (before.n == 1 && read_deeds(deed, &place, number,
		    q.nchain, q.now_s))
			q.deed = deed;
		else if (devices_newcomers(d, &p->addr, deed, number,
		    q.nchain, q.now_s))
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
