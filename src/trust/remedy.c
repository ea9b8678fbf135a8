/* SPDX-License-Identifier: BSD-2-Clause */
/* What to do next: the remedies of verdict.def and remedy.def, filled in. */
#include <time.h>

#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/judge_int.h"

/* ---- when ---- */

#define FAULT_IS(name)                                                         \
	static bool fault_##name(const struct trust_verdict *v,                \
	    const struct trust_evidence *e)                                    \
	{                                                                      \
		return v->fault == TRUST_FAULT_##name;                         \
	}
FAULT_IS(BAD_SIGNATURE)
FAULT_IS(SELF_SIGNED)
FAULT_IS(PURPOSE)
FAULT_IS(KEY_MISMATCH)
FAULT_IS(LEAF_IS_CA)
FAULT_IS(ORDER)
FAULT_IS(STAPLE)
FAULT_IS(TOO_LONG)
FAULT_IS(NO_ALT_NAME)
FAULT_IS(CRITICAL)
FAULT_IS(USAGE)
FAULT_IS(ISSUER)

static bool
has_expired(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return (trust_known_faults(e) & F(EXPIRED)) != 0 &&
	    e->chain_not_after_s != 0;
}

static bool
is_too_new(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return (trust_known_faults(e) & F(TOO_NEW)) != 0 &&
	    e->chain_not_before_s != 0;
}

static bool
dates_are_right(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->chain_not_after_s != 0 && !has_expired(v, e);
}

static bool
told_no_name(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->server_name[0] == '\0';
}

static bool
speaks_ssl_only(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->hello_seen && e->max_version != 0 &&
	    e->max_version < TLS_VERSION_1_0;
}

static bool
is_too_old_for_us(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->version == 0 && e->hello_seen && e->max_version != 0 &&
	    e->max_version < e->our_min_version && addr_is_set(&e->peer);
}

/* It went away from the version that we chose. */
static bool
are_we_too_old(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->version != 0;
}

static bool
offers_obsolete(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return e->ciphers_foreign || trust_ciphers_obsolete(e);
}

static bool
accepts_another(const struct trust_verdict *v, const struct trust_evidence *e)
{
	return v->accepts[0] != '\0';
}

static bool
chokes_on_signature(const struct trust_verdict *v,
    const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = trust_alert_of(e, TLS_CLIENT);

	return a != NULL && a->description == TLS_ALERT_illegal_parameter;
}

static const struct special {
	enum trust_cause cause;
	bool (*fits)(const struct trust_verdict *v,
	    const struct trust_evidence *e);
	const char *text;
} specials[] = {
#define REMEDY(cause, fits, text) { TRUST_CAUSE_##cause, fits, text },
#include "trust/remedy.def"
#undef REMEDY
};

static const struct {
	const char *remedy, *own_remedy;
} general[TRUST_CAUSES] = {
	[TRUST_CAUSE_NONE] = { "", NULL },
#define CAUSE(id, name, sentence, remedy, own_remedy, source)                  \
	[TRUST_CAUSE_##id] = { remedy, own_remedy },
#include "trust/verdict.def"
#undef CAUSE
};

/* ---- the words ---- */

/* All that a word may be made from. */
struct filling {
	const struct trust_verdict *v;
	const struct trust_evidence *e;
	const struct trust_places *places;
};

static void
put_day(struct buf *out, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (unix_s == 0 || gmtime_r(&t, &tm) == NULL)
		buf_puts(out, "an unknown day");
	else
		buf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday);
}

static void
put_or(struct buf *out, const char *text, const char *otherwise)
{
	buf_puts(out, text != NULL && text[0] != '\0' ? text : otherwise);
}

static void
put_ca(struct buf *out, const struct filling *f)
{
	put_or(out, f->places->ca, "our CA certificate");
}

static void
put_root(struct buf *out, const struct filling *f)
{
	put_or(out, f->e->root, "the root of the server's certificate");
	if (f->places->root != NULL)
		buf_printf(out, " (%s)", f->places->root);
}

static bool
is_own(const struct trust_evidence *e)
{
	return str_eq(str_cstr(e->chain), STR(TRUST_OWN_CHAIN));
}

static void
put_file(struct buf *out, const struct filling *f)
{
	if (is_own(f->e))
		put_ca(out, f);
	else
		put_or(out, f->places->root, "the present one");
}

/* ": write http://10.0.0.5:8080/ca.pem into its Custom_CA_RULE" */
static void
put_setting(struct buf *out, const struct filling *f)
{
	const char *setting = f->places->setting;

	if (setting != NULL && setting[0] != '\0')
		buf_printf(out, ": %s", setting);
}

static void
put_chain(struct buf *out, const struct filling *f)
{
	put_or(out, f->e->chain, "presented");
}

static void
put_name(struct buf *out, const struct filling *f)
{
	put_or(out, f->e->server_name, "no name");
}

static void
put_begin(struct buf *out, const struct filling *f)
{
	put_day(out, f->e->chain_not_before_s);
}

static void
put_expiry(struct buf *out, const struct filling *f)
{
	put_day(out, f->e->chain_not_after_s);
}

static void
put_instead(struct buf *out, const struct filling *f)
{
	if (f->v->accepts[0] == '\0')
		buf_puts(out, f->v->fault == TRUST_FAULT_TOO_LONG ?
		    "a shorter chain" : "a chain whose root it holds");
	else
		buf_printf(out, "chain %s, which %s", f->v->accepts,
		    f->v->kind_accepts ? "most of its kind accept" :
		    "it accepts");
}

static void
put_or_instead(struct buf *out, const struct filling *f)
{
	if (f->v->accepts[0] == '\0')
		return;
	buf_puts(out, ", or present ");
	put_instead(out, f);
}

static void
put_allowed(struct buf *out, const struct filling *f)
{
	uint16_t low = f->e->our_min_version, high = f->e->our_max_version;

	if (low == 0 || high == 0) {
		buf_puts(out, "those that the server allows");
		return;
	}
	buf_puts(out, tls_version_name(low));
	if (high != low)
		buf_printf(out, " to %s", tls_version_name(high));
}

static void
put_version(struct buf *out, const struct filling *f)
{
	buf_puts(out, tls_version_name(f->e->version));
}

/* The peer's address without its port. */
static void
put_address(struct buf *out, const struct filling *f)
{
	char text[ADDR_STRLEN];

	buf_puts(out, addr_print_ip(&f->e->peer, false, text));
}

/* "RC4, 3DES": each once, in the hello's order. */
static void
put_offers(struct buf *out, const struct filling *f)
{
	const char *said[8];
	size_t n = 0;

	for (size_t i = 0; i < f->e->nciphers && i < TRUST_CIPHERS_MAX; i++) {
		const char *why = tls_suite_obsolete(f->e->cipher[i]);
		size_t j = 0;

		while (j < n && said[j] != why)
			j++;
		if (why == NULL || j < n || n == ARRAY_LEN(said))
			continue;
		said[n++] = why;
		buf_printf(out, "%s%s", n > 1 ? ", " : "", why);
	}
	if (n == 0)
		buf_printf(out, "%u suites of other kinds", f->e->nciphers);
}

static const struct {
	struct str word;
	void (*put)(struct buf *out, const struct filling *f);
} words[] = {
	{ STR("ca"), put_ca },
	{ STR("root"), put_root },
	{ STR("file"), put_file },
	{ STR("setting"), put_setting },
	{ STR("chain"), put_chain },
	{ STR("name"), put_name },
	{ STR("begin"), put_begin },
	{ STR("expiry"), put_expiry },
	{ STR("instead"), put_instead },
	{ STR("or_instead"), put_or_instead },
	{ STR("allowed"), put_allowed },
	{ STR("version"), put_version },
	{ STR("address"), put_address },
	{ STR("offers"), put_offers },
};

/* A "{word}" at the start of *rest: its value.  Else a brace is a brace. */
static void
put_word(struct buf *out, struct str *rest, const struct filling *f)
{
	struct str after = str_from(*rest, 1);
	struct str word = str_cut(&after, '}');

	for (size_t i = 0; after.p != NULL && i < ARRAY_LEN(words); i++)
		if (str_eq(word, words[i].word)) {
			words[i].put(out, f);
			*rest = after;
			return;
		}
	buf_putc(out, '{');
	*rest = str_from(*rest, 1);
}

static const char *
text_of(const struct trust_verdict *v, const struct trust_evidence *e)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++)
		if (specials[i].cause == v->cause && specials[i].fits(v, e))
			return specials[i].text;
	return is_own(e) && general[v->cause].own_remedy != NULL ?
	    general[v->cause].own_remedy : general[v->cause].remedy;
}

void
trust_remedy(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_places *places)
{
	static const struct trust_places unknown = { NULL, NULL, NULL };
	const struct filling f = { v, e, places != NULL ? places : &unknown };
	struct str rest = str_cstr(text_of(v, e));

	while (rest.n > 0) {
		size_t n = str_find(rest, '{');

		buf_str(out, str_of(rest.p, n));
		rest = str_from(rest, n);
		if (rest.n > 0)
			put_word(out, &rest, &f);
	}
}
