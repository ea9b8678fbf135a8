/* SPDX-License-Identifier: BSD-2-Clause */
/* What the answers of a probe mean. */
#include <inttypes.h>

#include "tlswire/alert.h"
#include "trust/probe_int.h"

/* ---- one answer against the control's ---- */

enum verdict { UNDECIDED, SAME, OTHER };

/*
 * In how many of all pairs of a sample and a control's sample it took longer:
 * out of 1000.  Equal ones count half.
 */
static unsigned
slower(const struct trust_probe_tally *t, const struct trust_probe_tally *c)
{
	unsigned more = 0;

	for (unsigned i = 0; i < t->n; i++)
		for (unsigned k = 0; k < c->n; k++)
			more += t->answer[i].us > c->answer[k].us ? 2 :
			    t->answer[i].us == c->answer[k].us;
	return t->n * c->n == 0 ? 0 : 500 * more / (t->n * c->n);
}

#define SLOWER      970 /* of 1000: it has computed something                */
#define ALIKE       700 /* no more than chance would make it                 */

static enum verdict
compare_time(const struct trust_probe_tally *t,
    const struct trust_probe_tally *c)
{
	unsigned s = slower(t, c);

	return s >= SLOWER ? OTHER : s <= ALIKE ? SAME : UNDECIDED;
}

static enum verdict
compare(const struct trust_probe *p, enum trust_probe_method m, unsigned root)
{
	const struct trust_probe_root *r = &p->root[root];
	const struct trust_probe_tally *c;

	if (r->class[m] == TRUST_PROBE_NO_CLASS)
		return UNDECIDED;
	c = &p->control[m][r->class[m]];
	/* What it said since the last control was said by a changed phone. */
	if (p->stop == TRUST_PROBE_STOP_ANSWERS &&
	    r->tally[m].last_no > p->control_no)
		return UNDECIDED;
	if (!trust_probe_has_answer(p, m, root) ||
	    !trust_probe_has_control(p, m, r->class[m]))
		return UNDECIDED;
	if (m == TRUST_PROBE_TIME)
		return compare_time(&r->tally[m], c);
	return trust_probe_same(trust_probe_agreed(&r->tally[m]),
	    trust_probe_agreed(c)) ? SAME : OTHER;
}

/* ---- does it tell at all? ---- */

/*
 * How a device answers to a spoofed root depends not on the root.  What it
 * makes of a genuine certificate depends on its kind: one that may not be a
 * server's is refused before anybody looks for the root.
 */
static bool
counts_for(const struct trust_probe_root *r, enum trust_probe_method m,
    uint8_t class)
{
	return r->class[m] != TRUST_PROBE_NO_CLASS &&
	    (m == TRUST_PROBE_SPOOF || r->class[m] == class);
}

enum trust_probe_tells
trust_probe_tells(const struct trust_probe *p, enum trust_probe_method m,
    uint8_t class)
{
	bool all = true, known = false, open = false;

	for (unsigned i = 0; i < p->nroots; i++) {
		enum verdict v;

		if (!counts_for(&p->root[i], m, class))
			continue;
		v = compare(p, m, i);
		if (v == OTHER)
			return TRUST_PROBE_TELLS_YES;
		if (v == UNDECIDED &&
		    !trust_probe_spent(&p->root[i].tally[m])) {
			all = false;
			open |= p->root[i].expected;
		}
		known |= v == SAME && p->root[i].expected;
	}
	/* Two roots may bear the name of the one that it is known to hold. */
	return all || (known && !open) ? TRUST_PROBE_TELLS_NO :
	    TRUST_PROBE_TELLS_UNKNOWN;
}

/* A root that it is known to hold was answered otherwise than a made-up one. */
static const struct trust_probe_answer *
proof(const struct trust_probe *p, enum trust_probe_method m, uint8_t class)
{
	for (unsigned i = 0; i < p->nroots; i++)
		if (p->root[i].expected && counts_for(&p->root[i], m, class) &&
		    compare(p, m, i) == OTHER)
			return trust_probe_agreed(&p->root[i].tally[m]);
	return NULL;
}

/* Roots of the class that were answered so. */
static unsigned
answered_so(const struct trust_probe *p, enum trust_probe_method m,
    uint8_t class, const struct trust_probe_answer *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nroots; i++)
		n += counts_for(&p->root[i], m, class) &&
		    trust_probe_has_answer(p, m, i) && trust_probe_same(a,
		    trust_probe_agreed(&p->root[i].tally[m]));
	return n;
}

static enum trust_confidence
confidence(const struct trust_probe *p, enum trust_probe_method m,
    uint8_t class, const struct trust_probe_result *r)
{
	const struct trust_probe_answer *proven;

	if (m == TRUST_PROBE_TIME)
		return TRUST_POSSIBLE;
	proven = proof(p, m, class);
	if (r->holding == TRUST_LACKS)
		return proven != NULL ? TRUST_CERTAIN : TRUST_LIKELY;
	if (proven != NULL && trust_probe_same(proven, &r->said))
		return TRUST_CERTAIN;
	/* "Expired" is said of a root that it has found. */
	if ((r->said.did == TRUST_PROBE_DID_ALERT &&
	    r->said.alert == TLS_ALERT_certificate_expired) ||
	    answered_so(p, m, class, &r->said) > 1)
		return TRUST_LIKELY;
	return TRUST_POSSIBLE;
}

static void
read_method(const struct trust_probe *p, enum trust_probe_method m,
    unsigned root, struct trust_probe_result *out)
{
	const struct trust_probe_root *r = &p->root[root];
	const struct trust_probe_answer *said, *control;
	uint8_t class = r->class[m];
	enum verdict v = compare(p, m, root);

	out->asked |= r->tally[m].n > 0 || r->tally[m].vain > 0;
	if (v == UNDECIDED && m != TRUST_PROBE_TIME)
		return;
	out->method = m;
	said = trust_probe_agreed(&r->tally[m]);
	control = trust_probe_agreed(&p->control[m][class]);
	if (said != NULL)
		out->said = *said;
	if (control != NULL)
		out->control = *control;
	if (v == UNDECIDED ||
	    trust_probe_tells(p, m, class) != TRUST_PROBE_TELLS_YES)
		return;
	out->holding = v == OTHER ? TRUST_HOLDS : TRUST_LACKS;
	out->confidence = confidence(p, m, class, out);
}

void
trust_probe_result(const struct trust_probe *p, unsigned root,
    struct trust_probe_result *out)
{
	*out = (struct trust_probe_result) {
		.holding = TRUST_CANNOT_TELL, .method = TRUST_PROBE_METHODS,
	};
	/* What it says of one made-up root is no word on others any more. */
	if (p->stop == TRUST_PROBE_STOP_UNCHECKING)
		return;
	for (unsigned i = 0; i < p->nmethods &&
	    out->holding == TRUST_CANNOT_TELL; i++)
		if (p->root[root].class[p->order[i]] != TRUST_PROBE_NO_CLASS)
			read_method(p, p->order[i], root, out);
}

/* ---- how long it takes ---- */

static unsigned
still(const struct trust_probe_tally *t, unsigned wanted)
{
	return trust_probe_spent(t) || t->n >= wanted ? 0 : wanted - t->n;
}

/* Answers that root still owes by this method. */
static unsigned
left_of(const struct trust_probe *p, enum trust_probe_method m, unsigned root)
{
	struct trust_probe_result r;

	if (p->root[root].class[m] == TRUST_PROBE_NO_CLASS ||
	    trust_probe_has_answer(p, m, root))
		return 0;
	if (m != p->order[0]) {
		trust_probe_result(p, root, &r);
		if (r.holding != TRUST_CANNOT_TELL)
			return 0;
	}
	return still(&p->root[root].tally[m],
	    m == TRUST_PROBE_TIME ? TRUST_PROBE_SAMPLES : 1);
}

unsigned
trust_probe_left(const struct trust_probe *p)
{
	struct trust_probe_question q;
	bool seen[TRUST_PROBE_CLASSES] = { false };
	unsigned n = 0;

	if (!trust_probe_next(p, &q))
		return 0;
	for (unsigned i = 0; i < p->nroots; i++) {
		uint8_t class = p->root[i].class[q.method];
		unsigned of = left_of(p, q.method, i);

		n += of;
		if (of == 0 || class == TRUST_PROBE_NO_CLASS || seen[class])
			continue;
		seen[class] = true;
		if (!trust_probe_has_control(p, q.method, class))
			n += still(&p->control[q.method][class], q.method ==
			    TRUST_PROBE_TIME ? TRUST_PROBE_SAMPLES : 1);
	}
	return n > 0 ? n : 1;
}

int64_t
trust_probe_seconds(const struct trust_probe *p)
{
	if (p->connections < 3 || p->last_s <= p->first_s)
		return -1;
	return (int64_t)trust_probe_left(p) * 2 * (p->last_s - p->first_s) /
	    (p->connections - 1);
}

/* ---- words ---- */

static const struct { const char *name, *text; } methods[] = {
#define PROBE_METHOD(id, name, text) { name, text },
#include "trust/probe.def"
};

static const struct { const char *name, *text; } stops[] = {
#define PROBE_STOP(id, name, text) { name, text },
#include "trust/probe.def"
};

const char *
trust_probe_method_name(enum trust_probe_method m)
{
	return m < TRUST_PROBE_METHODS ? methods[m].name : "none";
}

const char *
trust_probe_method_text(enum trust_probe_method m)
{
	return m < TRUST_PROBE_METHODS ? methods[m].text : "";
}

bool
trust_probe_method_parse(struct str s, enum trust_probe_method *out)
{
	for (int i = 0; i < TRUST_PROBE_METHODS; i++) {
		if (!str_eq(s, str_cstr(methods[i].name)))
			continue;
		*out = (enum trust_probe_method)i;
		return true;
	}
	return false;
}

const char *
trust_probe_stop_name(enum trust_probe_stop s)
{
	return s < TRUST_PROBE_STOPS ? stops[s].name : "none";
}

const char *
trust_probe_stop_text(enum trust_probe_stop s)
{
	return s < TRUST_PROBE_STOPS ? stops[s].text : "";
}

bool
trust_probe_stop_parse(struct str s, enum trust_probe_stop *out)
{
	for (int i = 0; i < TRUST_PROBE_STOPS; i++) {
		if (!str_eq(s, str_cstr(stops[i].name)))
			continue;
		*out = (enum trust_probe_stop)i;
		return true;
	}
	return false;
}

void
trust_probe_answer_text(struct buf *out, const struct trust_probe_answer *a)
{
	static const char *const texts[TRUST_PROBE_DIDS] = {
		[TRUST_PROBE_DID_NOTHING] = "no answer",
		[TRUST_PROBE_DID_CLOSE] = "hung up",
		[TRUST_PROBE_DID_GO_ON] = "went on to the key exchange",
		[TRUST_PROBE_DID_ACCEPT] = "accepted",
		[TRUST_PROBE_DID_UNSHOWN] = "could not be shown it",
	};

	if (a->did == TRUST_PROBE_DID_ALERT)
		buf_printf(out, "alert %s(%u)", tls_alert_name(a->alert),
		    a->alert);
	else
		buf_puts(out, texts[a->did]);
}

void
trust_probe_reason(struct buf *out, const struct trust_probe_result *r)
{
	if (r->method == TRUST_PROBE_METHODS) {
		buf_puts(out, r->asked ? "no answer that counts" :
		    "not asked");
		return;
	}
	if (r->method == TRUST_PROBE_TIME) {
		buf_printf(out, "%" PRIu32 " us, to a made-up root %" PRIu32
		    " us", r->said.us, r->control.us);
		return;
	}
	trust_probe_answer_text(out, &r->said);
	buf_puts(out, ", to a made-up root ");
	trust_probe_answer_text(out, &r->control);
}
