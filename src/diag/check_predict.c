/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a phone of a profile would say.  Each fact that it hangs on is yes, no
 * or not known; where what is not known decides, so is the outcome.
 */
#include "device/install.h"
#include "diag/check_int.h"
#include "tls/opinion.h"
#include "tlswire/alert.h"
#include "tlswire/suite.h"

#define F(name)    (1u << TRUST_FAULT_##name)
#define DATES      (F(EXPIRED) | F(TOO_NEW))
#define REMEDY_MAX (2 * CHECK_TEXT - 1)

/* A fact of the profile, and whether its source is good. */
struct known {
	enum device_answer answer;
	bool unverified;
};

/* What the phone would make of one way to trust the chain. */
struct way {
	const struct anchor *anchor;
	struct known held;
	bool by_learning;
	uint32_t faults;             /* with every check on                */
	struct tls_opinion opinion;
};

struct thinking {
	struct check_prediction *out;
	const struct check_run *run;
	const struct device_profile *p;
	const struct tls_look *look;
	const struct seen *seen;
	struct known chain, name, dates; /* whether it checks them          */
	struct anchors anchors;
	struct way way[2 * X509_SERVED_MAX];
	unsigned nways;
	bool sure;                   /* no fact that was used is in doubt  */
};

static struct known
known(const struct device_profile *p, enum device_key key,
    enum device_answer answer)
{
	struct device_facts f = device_profile_facts(p, key);

	return (struct known) { answer, f.n > 0 && f.v[0].unverified };
}

static void
use(struct thinking *t, struct known k)
{
	t->sure &= !k.unverified;
}

/* ---- words ---- */

static struct buf
reason_of(struct check_prediction *out)
{
	struct buf b;

	buf_init_array(&b, out->reason, sizeof(out->reason) - 1);
	b.n = strlen(out->reason);
	return b;
}

static void
say(struct check_prediction *out, const char *text)
{
	struct buf b = reason_of(out);

	if (b.n > 0)
		buf_puts(&b, "; ");
	buf_puts(&b, text);
	out->reason[b.n] = '\0';
}

static void
put_remedy(struct thinking *t, int fault)
{
	const struct x509_served *chain = &t->seen->chain;
	const struct check_server *server = &t->run->out->server;
	const struct anchor *best = anchors_best(&t->anchors);
	struct trust_verdict v = {
		.cause = t->out->cause, .fault = fault,
	};
	char setting[CHECK_TEXT] = "";
	struct trust_places places = { .setting = setting };
	struct trust_evidence e;
	struct buf text;

	trust_evidence_init(&e);
	e.when_s = t->run->s->now_s;
	e.peer = t->run->s->server;
	str_copy(e.chain, sizeof(e.chain), str_cstr(t->run->s->name));
	str_copy(e.server_name, sizeof(e.server_name),
	    str_cstr(t->run->s->name));
	if (best != NULL)
		str_copy(e.root, sizeof(e.root), str_cstr(best->label));
	e.chain_not_before_s = chain->facts.not_before_s;
	e.chain_not_after_s = chain->facts.not_after_s;
	for (unsigned i = 0; i < CHECK_VERSIONS; i++) {
		uint16_t v1 = (uint16_t)(TLS_VERSION_1_0 + i);

		if (server->version[i] != DEVICE_YES)
			continue;
		e.our_min_version = e.our_min_version != 0 ?
		    e.our_min_version : v1;
		e.our_max_version = v1;
	}
	e.version = t->seen->outcome.version;
	buf_init_array(&text, setting, sizeof(setting) - 1);
	device_install_remedy(&text, t->p, STR(""));
	setting[text.n] = '\0';
	buf_init_array(&text, t->out->remedy, REMEDY_MAX);
	trust_remedy(&text, &v, &e, &places);
	t->out->remedy[text.n] = '\0';
}

static void
refuse(struct thinking *t, enum trust_cause cause, int fault,
    const char *reason)
{
	t->out->says = CHECK_REFUSED;
	t->out->cause = cause;
	t->out->confidence = t->sure ? TRUST_CERTAIN : TRUST_LIKELY;
	say(t->out, reason);
	put_remedy(t, fault);
}

static void
be_unknown(struct thinking *t, const char *reason, const char *decides)
{
	t->out->says = CHECK_UNKNOWN;
	say(t->out, reason);
	str_copy(t->out->remedy, sizeof(t->out->remedy), str_cstr(decides));
}

/* ---- versions and suites ---- */

#define A_TRY "let one of these phones try"

/* It speaks one that the server takes too. */
static bool
shares_version(const struct thinking *t)
{
	const struct check_server *server = &t->run->out->server;

	for (unsigned i = 0; i < CHECK_VERSIONS; i++) {
		uint16_t v = (uint16_t)(TLS_VERSION_1_0 + i);

		if (v >= t->look->min_version && v <= t->look->max_version &&
		    server->version[i] != DEVICE_NO)
			return true;
	}
	return false;
}

static void
put_versions(struct buf *b, const struct thinking *t)
{
	const struct check_server *server = &t->run->out->server;
	bool any = false;

	for (unsigned i = 0; i < CHECK_VERSIONS; i++) {
		if (server->version[i] != DEVICE_YES)
			continue;
		buf_printf(b, "%s%s", any ? ", " : "",
		    tls_version_name((uint16_t)(TLS_VERSION_1_0 + i)));
		any = true;
	}
}

static void
judge_version(struct thinking *t)
{
	const struct device_profile *p = t->p;
	bool too_old = t->look->max_version < TLS_VERSION_1_3 &&
	    t->run->out->server.version[t->look->max_version -
		TLS_VERSION_1_0] != DEVICE_YES;
	enum device_key key = too_old ? DEVICE_KEY_tls_max :
	    DEVICE_KEY_tls_min;
	char text[CHECK_TEXT];
	struct buf b;

	buf_init_array(&b, text, sizeof(text) - 1);
	if ((too_old ? p->tls_max : p->tls_min) == 0) {
		buf_puts(&b, "which TLS versions it speaks is not known, the "
		    "server takes ");
		put_versions(&b, t);
		text[b.n] = '\0';
		be_unknown(t, text, A_TRY);
		return;
	}
	use(t, known(p, key, DEVICE_YES));
	buf_printf(&b, "it speaks %s %s, the server takes ", too_old ?
	    "at most" : "at least", tls_version_name(too_old ? p->tls_max :
	    p->tls_min));
	put_versions(&b, t);
	text[b.n] = '\0';
	refuse(t, TRUST_CAUSE_PROTOCOL_VERSION, -1, text);
}

static void
judge_suites(struct thinking *t)
{
	struct known keys = known(t->p, DEVICE_KEY_key_types, DEVICE_YES);
	const struct check_server *server = &t->run->out->server;

	if (t->p->key_types == DEVICE_BIT(DEVICE_RSA) &&
	    server->rsa == DEVICE_NO) {
		use(t, keys);
		refuse(t, TRUST_CAUSE_KEY_TYPE_UNSUPPORTED,
		    TRUST_FAULT_KEY_TYPE, "it takes RSA certificates alone, "
		    "the server has none");
		return;
	}
	if (t->p->ncipher == 0) {
		be_unknown(t, "the server takes none of the suites that are "
		    "assumed of it; which it offers is not known", A_TRY);
	} else if (t->seen->lacks) {
		be_unknown(t, "it offers suites that this library has not, "
		    "and the server takes none of the others", A_TRY);
	} else {
		use(t, known(t->p, DEVICE_KEY_cipher, DEVICE_YES));
		refuse(t, TRUST_CAUSE_NO_SHARED_CIPHER, -1,
		    "the server takes none of the cipher suites that it "
		    "offers");
	}
}

/* The handshake did not come to its end. */
static void
judge_handshake(struct thinking *t)
{
	if (!shares_version(t)) {
		judge_version(t);
	} else if (t->seen->end == DIAL_REFUSED || (t->seen->lacks &&
	    t->seen->end == DIAL_UNUSABLE)) {
		judge_suites(t);
	} else if (t->seen->end == DIAL_TIMEOUT) {
		be_unknown(t, "the server did not answer a ClientHello like "
		    "its in time", "try again");
	} else {
		be_unknown(t, t->seen->outcome.words[0] != '\0' ?
		    t->seen->outcome.words : "the server hung up on a "
		    "ClientHello like its without a word", A_TRY);
	}
}

/* ---- the chain ---- */

/* What devices of the profile have shown; UNKNOWN: nothing, or both. */
static enum device_answer
learned(const struct thinking *t, const struct anchor *a)
{
	const struct check_settings *s = t->run->s;
	bool yes = false, no = false;

	for (size_t i = 0; i < s->nlearned; i++) {
		const struct check_learned *l = &s->learned[i];

		if (!str_eq(l->profile, t->p->name) ||
		    !str_ieq(l->root, str_cstr(a->label)))
			continue;
		yes |= l->holding >= TRUST_ACCEPTS;
		no |= l->holding == TRUST_LACKS;
	}
	return yes == no ? DEVICE_UNKNOWN : yes ? DEVICE_YES : DEVICE_NO;
}

static void
find_held(const struct thinking *t, struct way *w)
{
	const struct device_fact *fact;

	w->held.answer = learned(t, w->anchor);
	w->by_learning = w->held.answer != DEVICE_UNKNOWN;
	w->held.unverified = w->by_learning; /* of some, not of all */
	if (w->by_learning)
		return;
	w->held.answer = device_root_published(t->run->s->roots, t->p,
	    w->anchor->root, &fact);
	if (w->held.answer == DEVICE_NO)
		w->held.unverified = w->anchor->root == NULL ||
		    known(t->p, DEVICE_KEY_roots_complete,
		    DEVICE_YES).unverified;
	else
		w->held.unverified = fact != NULL && fact->unverified;
}

/* Faults that OpenSSL's path building does not tell of. */
static uint32_t
other_faults(const struct thinking *t, const struct way *w)
{
	return w->anchor->not_after_s != 0 &&
	    w->anchor->not_after_s < t->run->s->now_s ? F(EXPIRED) : 0;
}

static int
find_ways(struct thinking *t)
{
	const struct check_settings *s = t->run->s;
	struct tls_look strict = *t->look;

	strict.checks_chain = strict.checks_name = strict.checks_dates = true;
	anchors_find(&t->anchors, &t->seen->chain, s->roots);
	for (unsigned i = 0; i < t->anchors.n; i++) {
		struct way *w = &t->way[t->nways];
		const struct anchor *a = &t->anchors.v[i];

		/* It follows what is sent to its end, and no other way. */
		if (t->look->old_paths && !a->end)
			continue;
		w->anchor = a;
		if (tls_opinion_of(&w->opinion, &strict,
		    t->seen->chain.chain, a->at, s->name, a->label,
		    s->now_s) != 0)
			return -1;
		w->faults = w->opinion.faults | other_faults(t, w);
		find_held(t, w);
		t->nways++;
	}
	return 0;
}

/* With this way there is surely something that it minds. */
static uint32_t
sure_faults(const struct thinking *t, const struct way *w)
{
	uint32_t faults = w->faults & ~(F(NAME) | DATES);

	if (t->name.answer == DEVICE_YES)
		faults |= w->faults & F(NAME);
	if (t->dates.answer == DEVICE_YES)
		faults |= w->faults & DATES;
	return faults;
}

static uint32_t
possible_faults(const struct thinking *t, const struct way *w)
{
	uint32_t faults = w->faults;

	if (t->name.answer == DEVICE_NO)
		faults &= ~F(NAME);
	if (t->dates.answer == DEVICE_NO)
		faults &= ~DATES;
	return faults;
}

static void
register_by(struct thinking *t, const struct way *w)
{
	char text[CHECK_TEXT];
	struct buf b;

	buf_init_array(&b, text, sizeof(text) - 1);
	if (w == NULL) {
		use(t, t->chain);
		buf_puts(&b, "as delivered it does not check certificates");
	} else {
		use(t, w->held);
		buf_printf(&b, "%s %s", w->by_learning ? "devices of its kind "
		    "here accept chains to" : "it holds", w->anchor->label);
	}
	text[b.n] = '\0';
	t->out->says = CHECK_REGISTERS;
	t->out->confidence = t->sure ? TRUST_CERTAIN : TRUST_LIKELY;
	say(t->out, text);
}

/* Every way is closed: by what it names first. */
static void
refuse_by(struct thinking *t)
{
	const struct tls_manner *m = &t->look->manner;
	const struct way *w = NULL;
	enum trust_fault f;
	uint32_t faults;
	char text[CHECK_TEXT];
	struct buf b;

	for (unsigned i = 0; i < t->nways; i++)
		if (w == NULL || (t->way[i].held.answer != DEVICE_NO &&
		    w->held.answer == DEVICE_NO))
			w = &t->way[i];
	use(t, t->chain);
	faults = sure_faults(t, w);
	if (w->held.answer == DEVICE_NO) {
		use(t, w->held);
		faults |= t->seen->chain.facts.self_signed ? F(SELF_SIGNED) :
		    F(ROOT);
	}
	f = tls_manner_first(m, faults);
	if ((F(NAME) & 1u << f) != 0)
		use(t, t->name);
	if ((DATES & 1u << f) != 0)
		use(t, t->dates);
	if (f == TRUST_FAULT_ROOT && t->anchors.incomplete)
		f = TRUST_FAULT_INCOMPLETE;
	buf_init_array(&b, text, sizeof(text) - 1);
	if (w->opinion.words[f][0] != '\0' && f != TRUST_FAULT_ROOT)
		buf_puts(&b, w->opinion.words[f]);
	else if (f == TRUST_FAULT_INCOMPLETE)
		buf_printf(&b, "the issuer \"%s\" was not sent",
		    w->anchor->label);
	else if (f == TRUST_FAULT_ROOT || f == TRUST_FAULT_SELF_SIGNED)
		buf_printf(&b, "%s \"%s\"%s", w->by_learning ? "devices of "
		    "its kind here lack" : "as delivered it does not hold",
		    w->anchor->label, w->anchor->root == NULL ?
		    ", which is in no public store" : "");
	else
		buf_puts(&b, f == TRUST_FAULT_KEY_TYPE ? "a key or signature "
		    "in the chain is longer or newer than it takes" :
		    "the root at the chain's end has expired");
	text[b.n] = '\0';
	refuse(t, trust_cause_of(f, 0xffffffffu), (int)f, text);
}

/* Which of the facts that nobody knows decide. */
static void
say_unknown(struct thinking *t, bool refusal_is_sure_when_checking)
{
	char text[CHECK_TEXT];
	struct buf b;
	bool first = true;

	if (t->chain.answer == DEVICE_UNKNOWN)
		say(t->out, refusal_is_sure_when_checking ? "whether it "
		    "checks certificates is not known, and if so it refuses" :
		    "whether it checks certificates is not known");
	if (t->anchors.incomplete)
		say(t->out, "an intermediate certificate is missing");
	buf_init_array(&b, text, sizeof(text) - 1);
	for (unsigned i = 0; i < t->nways; i++) {
		const struct way *w = &t->way[i];

		if (w->held.answer != DEVICE_UNKNOWN ||
		    sure_faults(t, w) != 0)
			continue;
		buf_printf(&b, "%s%s", first ? "whether it holds " : " or ",
		    w->anchor->label);
		first = false;
	}
	if (!first) {
		buf_puts(&b, t->p->root.n > 0 ? " is not known: what its "
		    "maker publishes is not complete" : " is not known: its "
		    "maker publishes no list");
		text[b.n] = '\0';
		say(t->out, text);
	}
	for (unsigned i = 0; i < t->nways; i++) {
		uint32_t open = possible_faults(t, &t->way[i]) &
		    ~sure_faults(t, &t->way[i]);

		if ((open & F(NAME)) != 0 && t->nways == i + 1)
			say(t->out, "the name is wrong, and whether it checks "
			    "that is not known");
		if ((open & DATES) != 0 && t->nways == i + 1)
			say(t->out, "a date is wrong, and whether it checks "
			    "that is not known");
	}
	t->out->says = CHECK_UNKNOWN;
	str_copy(t->out->remedy, sizeof(t->out->remedy), STR("let one of "
	    "these phones try this chain at an edge (siptrust edge), or ask "
	    "one what it holds"));
}

static void
judge_chain(struct thinking *t)
{
	bool registers = t->chain.answer == DEVICE_NO;
	bool may_register = t->chain.answer != DEVICE_YES, way_open = false;
	const struct way *by = NULL;

	for (unsigned i = 0; i < t->nways; i++) {
		const struct way *w = &t->way[i];

		if (w->held.answer == DEVICE_NO)
			continue;
		if (sure_faults(t, w) == 0)
			may_register = way_open = true;
		if (w->held.answer == DEVICE_YES && by == NULL &&
		    possible_faults(t, w) == 0)
			by = w;
	}
	if (registers || by != NULL)
		register_by(t, registers ? NULL : by);
	else if (!may_register)
		refuse_by(t);
	else
		say_unknown(t, !way_open);
}

void
check_predict(struct check_prediction *out, const struct check_run *run,
    const struct tls_look *look, const struct seen *seen)
{
	const struct device_profile *p = out->profile;
	struct thinking t = {
		.out = out, .run = run, .p = p, .look = look, .seen = seen,
		.chain = known(p, DEVICE_KEY_checks_chain, p->checks_chain),
		.name = known(p, DEVICE_KEY_checks_name, p->checks_name),
		.dates = known(p, DEVICE_KEY_checks_dates, p->checks_dates),
		.sure = true,
	};

	out->version = seen->outcome.version;
	out->suite = seen->outcome.suite;
	if (seen->end != DIAL_OPEN || seen->chain.chain == NULL)
		judge_handshake(&t);
	else if (find_ways(&t) != 0)
		be_unknown(&t, "no memory to judge the chain", "try again");
	else
		judge_chain(&t);
}
