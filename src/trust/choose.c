/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chooser.  Sets of chains are masks, bit i for chain i of the question;
 * each rule of design 4 looks for one chain in what the rules before it left.
 */
#include "trust/choose.h"

#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/listed.h"

#define HAS(mask, i) (((mask) & UINT32_C(1) << (i)) != 0)
#define NO_CHAIN     TRUST_CHAINS_MAX

/* Refusals in a row that an accepted chain, or a listed root, is worth. */
#define PATIENCE 2

const char *
trust_choice_name(enum trust_choice_reason r)
{
	static const char *const names[] = {
		[TRUST_CHOICE_ONLY] = "only",
		[TRUST_CHOICE_PINNED] = "pinned",
		[TRUST_CHOICE_LISTED] = "listed",
		[TRUST_CHOICE_FETCHED] = "fetched",
		[TRUST_CHOICE_ACCEPTED] = "accepted",
		[TRUST_CHOICE_ASKED] = "asked",
		[TRUST_CHOICE_CLASS] = "class",
		[TRUST_CHOICE_ORDER] = "order",
		[TRUST_CHOICE_ROTATION] = "rotation",
	};

	return names[r];
}

/* ---- what the hello can take ---- */

/* What a hello says about certificates, read once. */
struct wants {
	bool tls13;          /* will be spoken                               */
	bool any_sigalg;     /* it says nothing of signature algorithms      */
	bool rsa, ecdsa;     /* a suite for it (up to TLS 1.2)               */
	bool sign_rsa;       /* a signature algorithm for it                 */
	uint32_t curve;      /* 1: P-256, 2: P-384, 4: P-521; it signs so    */
	uint32_t group;      /* the same: it knows the curve                 */
	uint32_t schemes;    /* mask of special_scheme that it lists         */
	uint32_t signed_with; /* mask of trust_signed that it takes          */
};

#define CURVES_ALL 7u

/* RFC 8446 4.2.3: in certificates, at the version that will be spoken. */
static uint32_t
signed_as(uint16_t scheme)
{
	switch (scheme) {
	case 0x0201:
		return 1u << TRUST_SIGNED_RSA_SHA1;
	case 0x0401:
		return 1u << TRUST_SIGNED_RSA_SHA256;
	case 0x0501:
		return 1u << TRUST_SIGNED_RSA_SHA384;
	case 0x0601:
		return 1u << TRUST_SIGNED_RSA_SHA512;
	case 0x0403:
		return 1u << TRUST_SIGNED_ECDSA_SHA256;
	case 0x0503:
		return 1u << TRUST_SIGNED_ECDSA_SHA384;
	default:
		return (scheme >= 0x0804 && scheme <= 0x0806) ||
		    (scheme >= 0x0809 && scheme <= 0x080b) ?
		    1u << TRUST_SIGNED_RSA_PSS : 0;
	}
}

/* Schemes that belong to one kind of key, which no other scheme fits. */
static uint32_t
special_scheme(uint16_t scheme)
{
	switch (scheme) {
	case 0x0807: /* Ed25519 */
		return 1;
	case 0x0808: /* Ed448 */
		return 2;
	case 0x0809: /* RSA-PSS keys, by hash */
	case 0x080a:
	case 0x080b:
		return 4;
	default:
		return 0;
	}
}

static void
read_suites(struct wants *w, const struct tls_hello *h)
{
	uint16_t v;

	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);) {
		enum tls_auth auth = tls_suite_auth(v);

		w->rsa |= auth == TLS_AUTH_RSA;
		w->ecdsa |= auth == TLS_AUTH_ECDSA;
		if (w->rsa && w->ecdsa)
			return;
	}
}

/* The handshake's own signature: by the key of the leaf. */
static void
read_sigalgs(struct wants *w, const struct tls_hello *h)
{
	uint16_t v;

	for (size_t pos = 0; tls_next_u16(h->sigalgs, &pos, &v);) {
		bool pss = v >= 0x0804 && v <= 0x0806;

		w->schemes |= special_scheme(v);
		/* RFC 8446 4.2.3: at TLS 1.3 PKCS#1 is for certificates. */
		w->sign_rsa |= pss || (!w->tls13 && (v & 0xff) == 0x01 &&
		    v >= 0x0201 && v <= 0x0601);
		if (v == 0x0403)
			w->curve |= 1;
		else if (v == 0x0503)
			w->curve |= 2;
		else if (v == 0x0603)
			w->curve |= 4;
		else if ((v & 0xff) == 0x03 && !w->tls13)
			w->curve |= CURVES_ALL;
	}
	/* RFC 5246 7.4.1.4.1: the hash and the curve are not tied. */
	if (!w->tls13 && w->curve != 0)
		w->curve = CURVES_ALL;
}

static uint32_t
read_groups(const struct tls_hello *h)
{
	uint32_t group = 0;
	uint16_t v;

	if (h->groups.n == 0)
		return CURVES_ALL; /* RFC 8422 4: no list, no limit */
	for (size_t pos = 0; tls_next_u16(h->groups, &pos, &v);)
		if (v >= 23 && v <= 25)
			group |= 1u << (v - 23);
	return group;
}

static void
read_wants(struct wants *w, const struct tls_hello *h, uint16_t max_version)
{
	struct str list = h->sigalgs_cert.n > 0 ? h->sigalgs_cert : h->sigalgs;
	uint16_t v;

	*w = (struct wants) {
		.tls13 = h->max_version >= TLS_VERSION_1_3 &&
		    max_version >= TLS_VERSION_1_3,
		.any_sigalg = h->sigalgs.n == 0,
		.group = read_groups(h),
		.signed_with = 1u << TRUST_SIGNED_OTHER,
	};
	if (!w->tls13)
		read_suites(w, h);
	read_sigalgs(w, h);
	for (size_t pos = 0; tls_next_u16(list, &pos, &v);)
		w->signed_with |= signed_as(v);
	/*
	 * Nothing listed: what is older than TLS 1.2 and its hashes takes what
	 * its library can, and no such library can PSS.
	 */
	if (list.n == 0)
		w->signed_with = ~(1u << TRUST_SIGNED_RSA_PSS);
}

static uint32_t
curve_of(const struct trust_chain *c)
{
	return c->bits <= 256 ? 1 : c->bits <= 384 ? 2 : 4;
}

/* It can do with the kind of key. */
static bool
takes_key(const struct wants *w, const struct trust_chain *c)
{
	if (c->key == TRUST_KEY_UNKNOWN)
		return true;
	if (c->scheme != 0)
		return (w->schemes & special_scheme(c->scheme)) != 0 &&
		    (w->tls13 || (c->key == TRUST_KEY_RSA ? w->rsa :
		    w->ecdsa));
	if (c->key == TRUST_KEY_ECDSA)
		return (w->tls13 || w->ecdsa) &&
		    (w->any_sigalg || (w->curve & curve_of(c)) != 0) &&
		    /* At TLS 1.3 groups are for the key exchange alone. */
		    (w->tls13 || (w->group & curve_of(c)) != 0);
	return (w->tls13 || w->rsa) && (w->any_sigalg || w->sign_rsa);
}

/*
 * Chains that the hello can take.  Where none fits in full, those whose key
 * fits: RFC 8446 4.4.2.2 lets a server send a chain of its choice then, and
 * many clients take more than they list.
 */
static uint32_t
fitting(const struct trust_question *q, uint32_t *by_key)
{
	uint32_t key = 0, full = 0;
	struct wants w;

	read_wants(&w, q->hello, q->max_version);
	for (unsigned i = 0; i < q->nchain; i++) {
		if (!takes_key(&w, &q->chain[i]))
			continue;
		key |= UINT32_C(1) << i;
		if ((q->chain[i].signed_with & ~w.signed_with) == 0)
			full |= UINT32_C(1) << i;
	}
	*by_key = key;
	return full != 0 ? full : key;
}

/* Chains whose root the hello names. */
static uint32_t
listed(const struct trust_question *q)
{
	uint32_t found = 0;

	if (!trust_hello_lists_roots(q->hello))
		return 0;
	for (unsigned i = 0; i < q->nchain; i++)
		if (trust_hello_lists_root(q->hello, &q->chain[i]))
			found |= UINT32_C(1) << i;
	return found;
}

/* ---- what the device did ---- */

/* Refusals in a row, those forgotten left out. */
static uint32_t
refusals(const struct trust_question *q, unsigned i)
{
	const struct trust_deed *d = q->deed != NULL ? &q->deed[i] : NULL;

	if (d == NULL || d->in_row == 0 ||
	    (q->memory_s > 0 && q->now_s - d->refused_s > q->memory_s))
		return 0;
	return d->in_row;
}

/* Chains refused in a row n times or more. */
static uint32_t
refused(const struct trust_question *q, uint32_t n)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < q->nchain; i++)
		if (refusals(q, i) >= n)
			mask |= UINT32_C(1) << i;
	return mask;
}

static unsigned
first_of(uint32_t mask)
{
	return mask != 0 ? (unsigned)__builtin_ctz(mask) : NO_CHAIN;
}

static unsigned
fetched(const struct trust_question *q, uint32_t among)
{
	for (unsigned i = 0; q->deed != NULL && i < q->nchain; i++)
		if (HAS(among, i) && q->deed[i].fetched)
			return i;
	return NO_CHAIN;
}

static unsigned
accepted_last(const struct trust_question *q, uint32_t among)
{
	unsigned best = NO_CHAIN;

	for (unsigned i = 0; q->deed != NULL && i < q->nchain; i++)
		if (HAS(among, i) && q->deed[i].accepted > 0 &&
		    (best == NO_CHAIN || q->deed[i].accepted_no >
			q->deed[best].accepted_no))
			best = i;
	return best;
}

/* Chains of whose root it said this when it was asked. */
static uint32_t
asked(const struct trust_question *q, enum trust_asked said)
{
	uint32_t mask = 0;

	for (unsigned i = 0; q->deed != NULL && i < q->nchain; i++)
		if (q->deed[i].asked == said)
			mask |= UINT32_C(1) << i;
	return mask;
}

static unsigned
refused_longest_ago(const struct trust_question *q, uint32_t among)
{
	unsigned best = NO_CHAIN;

	for (unsigned i = 0; i < q->nchain; i++)
		if (HAS(among, i) && (best == NO_CHAIN ||
		    q->deed[i].refused_no < q->deed[best].refused_no))
			best = i;
	return best;
}

/* ---- what its kind did ---- */

/*
 * To be compared: k's part of those who accept, times the number of both.  One
 * doubter more each: a hundred say more than three.
 */
static uint64_t
share(const struct trust_class *k, const struct trust_class *other)
{
	return (uint64_t)k->accepting *
	    (UINT64_C(1) + other->accepting + other->refusing);
}

/* Of the chains that more of them accept than refuse, that of the most. */
static unsigned
accepted_by_kind(const struct trust_question *q, uint32_t among)
{
	unsigned best = NO_CHAIN;

	for (unsigned i = 0; q->kind != NULL && i < q->nchain; i++) {
		const struct trust_class *k = &q->kind[i], *b;

		if (!HAS(among, i) || k->accepting <= k->refusing)
			continue;
		b = &q->kind[best != NO_CHAIN ? best : i];
		if (best == NO_CHAIN ||
		    share(k, b) > share(b, k))
			best = i;
	}
	return best;
}

static uint32_t
refused_by_kind(const struct trust_question *q)
{
	uint32_t mask = 0;

	for (unsigned i = 0; q->kind != NULL && i < q->nchain; i++)
		if (q->kind[i].refusing > q->kind[i].accepting)
			mask |= UINT32_C(1) << i;
	return mask;
}

/* ---- the choice ---- */

/* Of the chains whose root it lists: accepted, not refused, then in order. */
static unsigned
best_listed(const struct trust_question *q, uint32_t among)
{
	uint32_t fresh = among & ~refused(q, 1);
	unsigned i = accepted_last(q, fresh);

	if (i == NO_CHAIN)
		i = first_of(fresh);
	return i != NO_CHAIN ? i : first_of(among);
}

/*
 * What the admin said, but for a key that the hello cannot take while it can
 * another: with that one no handshake would come to an end.
 */
static unsigned
pinned(const struct trust_question *q, uint32_t by_key)
{
	unsigned i = q->pinned >= 0 ? (unsigned)q->pinned : NO_CHAIN;

	return i < q->nchain && (by_key == 0 || HAS(by_key, i)) ? i : NO_CHAIN;
}

struct trust_choice
trust_choose(const struct trust_question *q)
{
	uint32_t all = q->nchain >= 32 ? UINT32_MAX :
	    (UINT32_C(1) << q->nchain) - 1;
	uint32_t by_key;
	struct trust_choice c = { 0, TRUST_CHOICE_ONLY, fitting(q, &by_key) };
	uint32_t among = c.fit != 0 ? c.fit : all;
	uint32_t hopeless = refused(q, PATIENCE);
	uint32_t fresh = among & ~refused(q, 1);
	uint32_t hopeful = fresh & ~asked(q, TRUST_ASKED_LACKS);
	uint32_t roots;

#define TRY(why, found)                                                        \
	if ((c.chain = (found)) != NO_CHAIN) {                                 \
		c.reason = TRUST_CHOICE_##why;                                 \
		return c;                                                      \
	}
	if (q->nchain == 1)
		return c;
	TRY(PINNED, pinned(q, by_key))
	roots = listed(q) & among & ~hopeless;
	TRY(LISTED, best_listed(q, roots))
	TRY(FETCHED, fetched(q, among))
	TRY(ACCEPTED, accepted_last(q, among & ~hopeless))
	TRY(ASKED, first_of(fresh & asked(q, TRUST_ASKED_HOLDS)))
	TRY(CLASS, accepted_by_kind(q, hopeful))
	TRY(ORDER, first_of(hopeful & ~refused_by_kind(q)))
	TRY(ORDER, first_of(hopeful))
	TRY(ORDER, first_of(fresh))
#undef TRY
	c.chain = refused_longest_ago(q, among);
	c.reason = TRUST_CHOICE_ROTATION;
	return c;
}
