/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/verdict.h"

#include "base/log.h"
#include "tlswire/alert.h"

static const struct cause {
	const char *name, *sentence, *source;
} causes[TRUST_CAUSES] = {
	[TRUST_CAUSE_NONE] = { "none", "nothing was refused", "" },
#define CAUSE(id, name, sentence, remedy, own_remedy, source)                  \
	[TRUST_CAUSE_##id] = { name, sentence, source },
#include "trust/verdict.def"
#undef CAUSE
};

const char *
trust_cause_name(enum trust_cause c)
{
	return causes[c].name;
}

const char *
trust_cause_sentence(enum trust_cause c)
{
	return causes[c].sentence;
}

const char *
trust_confidence_name(enum trust_confidence c)
{
	static const char *const names[] = {
		[TRUST_POSSIBLE] = "possible",
		[TRUST_LIKELY] = "likely",
		[TRUST_CERTAIN] = "certain",
	};

	return names[c];
}

enum trust_cause
trust_cause_named(struct str name)
{
	for (int c = 0; c < TRUST_CAUSES; c++)
		if (str_eq(str_cstr(causes[c].name), name))
			return (enum trust_cause)c;
	return TRUST_CAUSE_UNKNOWN;
}

enum trust_confidence
trust_confidence_named(struct str name)
{
	enum trust_confidence c = TRUST_CERTAIN;

	while (c > TRUST_POSSIBLE &&
	    !str_eq(str_cstr(trust_confidence_name(c)), name))
		c--;
	return c;
}

/* ---- the line ---- */

static void
put_value(struct buf *out, const char *key, struct str value)
{
	char text[TRUST_LINE_MAX / 2];

	if (value.n == 0)
		return;
	if (out->n > 0)
		buf_putc(out, ' ');
	buf_puts(out, key);
	buf_putc(out, '=');
	buf_puts(out, log_val(text, sizeof(text), value));
}

static void
put_text(struct buf *out, const char *key, const char *value)
{
	put_value(out, key, str_cstr(value));
}

static void
put_number(struct buf *out, const char *key, uint32_t value,
    const char *unit)
{
	buf_printf(out, " %s=%u%s", key, value, unit);
}

/* The version spoken, or the highest offered where none was agreed on. */
static const char *
tls_text(const struct trust_evidence *e)
{
	uint16_t version = e->version != 0 ? e->version : e->max_version;

	return version != 0 ? tls_version_name(version) : "";
}

void
trust_verdict_line(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_places *places,
    uint32_t repeat, uint32_t window_s)
{
	char peer[ADDR_STRLEN], remedy[TRUST_LINE_MAX / 4];
	struct buf r;

	buf_init_array(&r, remedy, sizeof(remedy));
	trust_remedy(&r, v, e, places);
	if (addr_is_set(&e->peer))
		put_text(out, "peer", addr_print(&e->peer, peer));
	put_text(out, "device", e->device);
	put_text(out, "chain", e->chain);
	put_text(out, "root", e->root);
	put_text(out, "cause", trust_cause_name(v->cause));
	put_text(out, "confidence", trust_confidence_name(v->confidence));
	if (v->next_best != TRUST_CAUSE_NONE)
		put_text(out, "next_best", trust_cause_name(v->next_best));
	put_text(out, "tls", tls_text(e));
	put_text(out, "ja4", e->ja4);
	put_value(out, "remedy", buf_as_str(&r));
	put_text(out, "evidence", v->reason);
	if (repeat > 0) {
		put_number(out, "repeat", repeat, "");
		put_number(out, "window", window_s, "s");
	}
}
