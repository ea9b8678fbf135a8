/* SPDX-License-Identifier: BSD-2-Clause */
/* From handshakes to the table. */
#include "edge/devices_heard_int.h"

#include <stdlib.h>

#include "base/log.h"
#include "tlswire/alert.h"

#define PROVEN_MAX   4   /* chains told of in one acceptance */
#define SAME_EVENT_S 600 /* equal refusals are one line of history so long */

/* ---- who it is ---- */

static void
name_device(struct devices *d, struct trust_evidence *e, const struct place *p,
    struct device_shard *s)
{
	struct place before;

	if (e->device[0] != '\0')
		return;
	for (unsigned i = 0; i < p->n && e->device[0] == '\0'; i++)
		if (p->device[i]->user_agent != NULL)
			IGNORE(!str_copy(e->device, sizeof(e->device),
			    str_cstr(p->device[i]->user_agent))); /* a name */
	if (e->device[0] != '\0')
		return;
	devices_place(&before, s, &e->peer, 0);
	if (before.n == 1 && before.device[0]->user_agent != NULL)
		IGNORE(!str_copy(e->device, sizeof(e->device),
		    str_cstr(before.device[0]->user_agent))); /* a name */
	if (e->device[0] == '\0')
		IGNORE(!devices_agent(d, &e->peer, e->device,
		    sizeof(e->device))); /* then it has none */
}

static void
learn_ja4(struct devices *d, struct device *dev, const char *ja4)
{
	pthread_mutex_lock(&d->kinds_lock);
	if (dev->kind != NULL && dev->kind->ja4[0] == '\0')
		str_copy(dev->kind->ja4, sizeof(dev->kind->ja4),
		    str_cstr(ja4));
	pthread_mutex_unlock(&d->kinds_lock);
}

/* ---- what is kept of refusals ---- */

static void
keep(struct devices *d, struct device *dev, unsigned chain,
    const struct trust_evidence *e)
{
	struct kept *k = NULL;

	pthread_mutex_lock(&d->kept_lock);
	for (unsigned i = 0; dev->kept && i < DEVICES_KEPT && k == NULL; i++)
		if (d->kept[i].device == dev && d->kept[i].chain == chain)
			k = &d->kept[i];
	if (k == NULL)
		k = &d->kept[d->next_kept++ % DEVICES_KEPT];
	k->device = dev;
	k->chain = (uint16_t)chain;
	k->fingerprint = dev->fingerprint;
	*k->evidence = *e;
	dev->kept = true;
	pthread_mutex_unlock(&d->kept_lock);
}

void
devices_move_kept(struct devices *d, struct device *from, struct device *to)
{
	if (!from->kept)
		return;
	pthread_mutex_lock(&d->kept_lock);
	for (unsigned i = 0; i < DEVICES_KEPT; i++)
		if (d->kept[i].device == from)
			d->kept[i].device = to;
	from->kept = false;
	if (to != NULL)
		to->kept = true;
	pthread_mutex_unlock(&d->kept_lock);
}

/* Copies of what is kept of dev, but of chain; all are forgotten. */
static unsigned
take_kept(struct devices *d, struct device *dev, unsigned chain,
    struct trust_evidence *out, unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&d->kept_lock);
	for (unsigned i = 0; i < DEVICES_KEPT; i++) {
		if (d->kept[i].device != dev)
			continue;
		if (d->kept[i].chain != chain && n < max)
			out[n++] = *d->kept[i].evidence;
		d->kept[i].device = NULL;
	}
	dev->kept = false;
	pthread_mutex_unlock(&d->kept_lock);
	return n;
}

/* ---- its history ---- */

void
devices_event(struct device *dev, const char *what, unsigned chain,
    const struct trust_verdict *v, uint16_t version, int64_t now_s)
{
	size_t n = v != NULL ? strlen(v->reason) : 0;
	struct device_event *e;

	if (dev->nevents == DEVICES_EVENTS)
		return; /* the disk is full, or it does too much */
	e = malloc(sizeof(*e) + n + 1);
	if (e == NULL)
		return;
	*e = (struct device_event) {
		.next = dev->event, .when_s = now_s, .what = what,
		.cause = v != NULL ? trust_cause_name(v->cause) : "",
		.confidence = v != NULL ?
		    trust_confidence_name(v->confidence) : "",
		.chain = (uint16_t)chain, .version = version,
	};
	memcpy(e->reason, v != NULL ? v->reason : "", n + 1);
	dev->event = e;
	dev->nevents++;
}

void
devices_set_refusal(struct device *dev, const struct trust_verdict *v,
    struct str remedy, int64_t now_s)
{
	size_t n = strlen(v->reason) + 1;
	struct device_refusal *r = malloc(sizeof(*r) + n + remedy.n + 1);

	if (r == NULL)
		return;
	r->when_s = now_s;
	r->cause = v->cause;
	r->confidence = v->confidence;
	r->reason = (char *)(r + 1);
	r->remedy = r->reason + n;
	memcpy(r->reason, v->reason, n);
	if (remedy.n > 0)
		memcpy(r->remedy, remedy.p, remedy.n);
	r->remedy[remedy.n] = '\0';
	free(dev->refusal);
	dev->refusal = r;
}

void
devices_put_remedy(struct devices *d, struct buf *out,
    const struct trust_verdict *v, const struct trust_evidence *e)
{
	if (d->remedy != NULL)
		d->remedy(out, v, e, d->remedy_arg);
	else
		trust_remedy(out, v, e, NULL);
}

/* ---- a refusal ---- */

/*
 * Worth remembering though it is not about the chain: a phone that offers what
 * we do not have.
 */
static bool
is_of_a_phone(const struct trust_verdict *v, const struct trust_evidence *e)
{
	switch (v->cause) {
	case TRUST_CAUSE_PROTOCOL_VERSION:
	case TRUST_CAUSE_NO_SHARED_CIPHER:
	case TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING:
	case TRUST_CAUSE_CLIENT_CERTIFICATE_REFUSED:
	case TRUST_CAUSE_SNI_UNRECOGNISED:
	case TRUST_CAUSE_NAME_MISMATCH:
		return e->hello_seen;
	default:
		return false;
	}
}

/* Refused in the same way a moment ago: counted, not told again. */
static bool
is_repeated(const struct device *dev, const struct trust_verdict *v,
    unsigned chain, int64_t now_s)
{
	const struct device_refusal *r = dev->refusal;

	return r != NULL && r->cause == v->cause &&
	    r->confidence == v->confidence &&
	    (chain == DEVICES_CHAINS || dev->chain == chain + 1) &&
	    now_s - r->when_s < SAME_EVENT_S;
}

static void
count_refusal(struct devices *d, struct device *dev, unsigned chain,
    const struct place *p, const struct trust_verdict *v, int64_t now_s)
{
	struct deed *deed = devices_deed(dev, chain, true);

	if (deed == NULL)
		return;
	devices_count_word(d, dev, deed, -1);
	dev->events = devices_next_event(p);
	deed->did.refused++;
	deed->did.in_row++;
	deed->did.refused_no = dev->events;
	deed->did.refused_s = now_s;
	deed->did.fetched = false;
	deed->cause = (uint8_t)v->cause;
	devices_count_word(d, dev, deed, 1);
}

static void
take_down(struct devices *d, const struct trust_evidence *e,
    uint64_t fingerprint, unsigned chain, const struct trust_verdict *v)
{
	char text[512];
	struct buf remedy;
	struct device_shard *s;
	struct device *dev;
	struct place p;
	unsigned index;
	bool about = chain != DEVICES_CHAINS && trust_is_about_chain(v, e);
	bool repeated;

	buf_init_array(&remedy, text, sizeof(text));
	devices_put_remedy(d, &remedy, v, e);
	s = devices_shard(d, &e->peer, &index);
	pthread_mutex_lock(&s->lock);
	devices_place(&p, s, &e->peer, fingerprint);
	dev = devices_owner(&p);
	if (dev == NULL)
		dev = devices_add(d, index, &e->peer, fingerprint, e->when_s);
	if (p.n == 0 && about)
		devices_newcomer(d, &e->peer, chain, false, e->when_s);
	if (dev != NULL) {
		repeated = is_repeated(dev, v, chain, e->when_s);
		devices_touch(s, dev, e->when_s);
		if (e->ja4[0] != '\0')
			learn_ja4(d, dev, e->ja4);
		if (dev->user_agent == NULL && e->device[0] != '\0') {
			dev->user_agent = texts_share(&d->texts,
			    str_cstr(e->device));
			dev->profile_of = 0;
		}
		if (about) {
			count_refusal(d, dev, chain, &p, v, e->when_s);
			keep(d, dev, chain, e);
		}
		if (!repeated) {
			devices_set_refusal(dev, v, buf_as_str(&remedy),
			    e->when_s);
			devices_event(dev, "refused", chain, v,
			    e->version != 0 ? e->version : e->max_version,
			    e->when_s);
			devices_due(d, dev);
		} else {
			devices_due_later(d, dev, e->when_s);
		}
		if (about)
			dev->chain = (uint16_t)(chain + 1);
	}
	pthread_mutex_unlock(&s->lock);
}

void
devices_judge(struct devices *d, struct trust_evidence *e,
    uint64_t fingerprint, struct trust_verdict *v)
{
	struct device_shard *s = devices_shard(d, &e->peer, NULL);
	struct trust_history h;
	unsigned chain;
	struct place p;

	chain = devices_find_chain(d, e->chain, e->root);
	pthread_mutex_lock(&s->lock);
	devices_place(&p, s, &e->peer, fingerprint);
	name_device(d, e, &p, s);
	devices_history(d, &h, &p, fingerprint, chain, true);
	devices_hear(d, e, &p, chain, s);
	pthread_mutex_unlock(&s->lock);
	trust_judge(v, e, &h);
	if ((chain != DEVICES_CHAINS && trust_is_about_chain(v, e)) ||
	    is_of_a_phone(v, e))
		take_down(d, e, fingerprint, chain, v);
}

/* ---- an acceptance ---- */

static void
say_served(const struct addr *peer, const char *chain,
    const struct trust_evidence *e, const struct trust_verdict *v,
    struct str remedy)
{
	char from[ADDR_STRLEN], device[LOG_VAL_MAX], said[512], quoted[640];
	bool named = e->device[0] != '\0';

	log_info("tls-served", "peer=%s%s%s chain=%s refused=%s cause=%s "
	    "confidence=%s remedy=%s evidence=%s", addr_print(peer, from),
	    named ? " device=" : "", named ? log_val(device, sizeof(device),
	    str_cstr(e->device)) : "", chain, e->chain,
	    trust_cause_name(v->cause), trust_confidence_name(v->confidence),
	    log_val(quoted, sizeof(quoted), remedy),
	    log_val(said, sizeof(said), str_cstr(v->reason)));
}

/* What it refused before, judged again now that it has accepted another. */
static void
prove(struct devices *d, const struct device_peer *p, unsigned chain,
    int64_t now_s)
{
	struct trust_evidence *old = malloc(PROVEN_MAX * sizeof(*old));
	struct device_shard *s = devices_shard(d, &p->addr, NULL);
	struct trust_history h[PROVEN_MAX];
	struct device *dev;
	struct place place;
	unsigned n = 0;

	if (old == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	devices_place(&place, s, &p->addr, p->fingerprint);
	dev = devices_owner(&place);
	if (dev != NULL && dev->kept)
		n = take_kept(d, dev, chain, old, PROVEN_MAX);
	for (unsigned i = 0; i < n; i++)
		devices_history(d, &h[i], &place, p->fingerprint,
		    devices_find_chain(d, old[i].chain, old[i].root), false);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		char text[512];
		unsigned refused = devices_find_chain(d, old[i].chain,
		    old[i].root);
		struct trust_verdict v;
		struct buf remedy;

		trust_judge(&v, &old[i], &h[i]);
		buf_init_array(&remedy, text, sizeof(text));
		devices_put_remedy(d, &remedy, &v, &old[i]);
		say_served(&p->addr, d->known[chain].chain.name, &old[i], &v,
		    buf_as_str(&remedy));
		pthread_mutex_lock(&s->lock);
		devices_place(&place, s, &p->addr, p->fingerprint);
		dev = devices_owner(&place);
		if (dev != NULL) {
			devices_set_refusal(dev, &v, buf_as_str(&remedy),
			    old[i].when_s);
			devices_event(dev, "proven", refused, &v,
			    old[i].version, now_s);
			devices_due(d, dev);
		}
		pthread_mutex_unlock(&s->lock);
	}
	free(old);
}

/* The file it has fetched made it accept this chain; by whom, for the line. */
struct worked {
	bool it;
	char device[TRUST_TEXT_MAX];
};

static void
say_worked(const struct worked *w, const struct addr *peer,
    const struct trust_chain *chain)
{
	char from[ADDR_STRLEN], device[LOG_VAL_MAX], name[LOG_VAL_MAX];
	char root[LOG_VAL_MAX];
	bool named = w->device[0] != '\0';

	log_info("ca-worked", "%s%s%speer=%s chain=%s root=%s",
	    named ? "device=" : "", named ? log_val(device, sizeof(device),
	    str_cstr(w->device)) : "", named ? " " : "",
	    addr_print(peer, from), log_val(name, sizeof(name),
	    str_cstr(chain->name)), log_val(root, sizeof(root),
	    str_cstr(chain->root)));
}

/* True when this is news: it had refused the chain, or another was its last. */
static bool
count_acceptance(struct devices *d, struct device *dev, const struct place *p,
    unsigned chain, const struct device_handshake *h, struct worked *worked)
{
	struct deed *deed = devices_deed(dev, chain, true);
	bool news;

	if (deed == NULL)
		return false;
	news = deed->did.accepted == 0 || deed->did.in_row > 0 ||
	    dev->chain != chain + 1;
	worked->it = news && deed->did.fetched;
	if (worked->it && dev->user_agent != NULL)
		IGNORE(!str_copy(worked->device, sizeof(worked->device),
		    str_cstr(dev->user_agent))); /* a cut name is a name */
	devices_count_word(d, dev, deed, -1);
	dev->events = devices_next_event(p);
	deed->did.accepted++;
	deed->did.in_row = 0;
	deed->did.accepted_no = dev->events;
	deed->did.accepted_s = h->now_s;
	deed->did.fetched = false;
	deed->version = h->version;
	devices_count_word(d, dev, deed, 1);
	dev->chain = (uint16_t)(chain + 1);
	if (news)
		devices_event(dev, "accepted", chain, NULL, h->version,
		    h->now_s);
	return news;
}

static bool
needs_ja4(struct devices *d, struct device *dev)
{
	bool needs;

	pthread_mutex_lock(&d->kinds_lock);
	needs = dev->kind != NULL && dev->kind->ja4[0] == '\0';
	pthread_mutex_unlock(&d->kinds_lock);
	return needs;
}

void
devices_accepted(struct devices *d, const struct device_peer *p,
    const struct device_handshake *h)
{
	unsigned index, chain = DEVICES_CHAINS;
	struct device_shard *s = devices_shard(d, &p->addr, &index);
	struct device *dev;
	struct place place;
	struct worked worked = { .it = false };
	bool kept = false, news = false, ja4 = false;
	char text[TLS_JA4_LEN];

	if (h->chain != NULL)
		chain = devices_find_chain(d, h->chain->name, h->chain->root);
	pthread_mutex_lock(&s->lock);
	devices_place(&place, s, &p->addr, p->fingerprint);
	dev = devices_owner(&place);
	if (dev == NULL)
		dev = devices_add(d, index, &p->addr, p->fingerprint,
		    h->now_s);
	if (place.n == 0 && chain != DEVICES_CHAINS)
		devices_newcomer(d, &p->addr, chain, true, h->now_s);
	if (dev != NULL) {
		bool old = h->version != 0 && h->version < TLS_VERSION_1_2;

		devices_touch(s, dev, h->now_s);
		news = dev->old_version != old;
		dev->accepted_port = addr_port(&p->addr);
		dev->accepted_chain = chain != DEVICES_CHAINS ?
		    (uint16_t)(chain + 1) : 0;
		dev->version = h->version;
		dev->cipher_suite = h->cipher_suite;
		dev->old_version = old;
		if (chain != DEVICES_CHAINS) {
			news |= count_acceptance(d, dev, &place, chain, h,
			    &worked);
			kept = dev->kept;
		}
		ja4 = h->hello != NULL && needs_ja4(d, dev);
		if (news)
			devices_due(d, dev);
		else
			devices_due_later(d, dev, h->now_s);
	}
	pthread_mutex_unlock(&s->lock);
	if (worked.it)
		say_worked(&worked, &p->addr, h->chain);
	if (kept)
		prove(d, p, chain, h->now_s);
	if (!ja4)
		return;
	tls_ja4(h->hello, text); /* once a kind: not under the lock */
	pthread_mutex_lock(&s->lock);
	devices_place(&place, s, &p->addr, p->fingerprint);
	if (place.n > 0)
		learn_ja4(d, place.device[0], text);
	pthread_mutex_unlock(&s->lock);
}
