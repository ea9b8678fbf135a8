/* SPDX-License-Identifier: BSD-2-Clause */
/* What to ask next, and what an answer does to the run. */
#include "trust/probe.h"

#include "trust/judge_int.h"
#include "trust/probe_int.h"

#define CONTROL_EVERY 25 /* roots, then the control is asked again           */
#define VAIN_MAX      3  /* times without an answer                          */
#define RECHECKS      2  /* a control's answers that differ, in a row: so be
                            it                                               */
#define REAL_MAX      3  /* refusals of what it accepted, in a row           */

void
trust_probe_init(struct trust_probe *p, struct trust_probe_root *roots,
    unsigned nroots, const enum trust_probe_method *order, unsigned nmethods,
    bool real_accepted)
{
	memset(p, 0, sizeof(*p));
	p->root = roots;
	p->nroots = nroots;
	p->nmethods = nmethods;
	for (unsigned i = 0; i < nmethods; i++)
		p->order[i] = order[i];
	p->real_accepted = real_accepted;
	for (unsigned i = 0; i < nroots; i++)
		memset(roots[i].tally, 0, sizeof(roots[i].tally));
}

unsigned
trust_probe_methods(enum trust_probe_method out[TRUST_PROBE_METHODS],
    const char *ja4)
{
	static const struct row {
		const char *stack;
		enum trust_probe_method method[2];
	} rows[] = {
#define PROBE_STACK(stack, a, b)                                               \
	{ stack, { TRUST_PROBE_##a, TRUST_PROBE_##b } },
#include "trust/probe.def"
		{ "", { TRUST_PROBE_SPOOF, TRUST_PROBE_GENUINE } },
	};
	struct trust_evidence e;
	const struct row *r = rows;
	const char *name;
	unsigned n = 0;

	trust_evidence_init(&e);
	IGNORE(!str_copy(e.ja4, sizeof(e.ja4), str_cstr(ja4))); /* no JA4 */
	name = trust_stack_of(&e)->name;
	while (r->stack[0] != '\0' && strcmp(r->stack, name) != 0)
		r++;
	while (n < 2 && r->method[n] != TRUST_PROBE_METHODS) {
		out[n] = r->method[n];
		n++;
	}
	return n;
}

/* ---- answers ---- */

bool
trust_probe_same(const struct trust_probe_answer *a,
    const struct trust_probe_answer *b)
{
	return a->did == b->did && a->alert == b->alert;
}

/* The answer that was given twice, or the only one; NULL: none. */
const struct trust_probe_answer *
trust_probe_agreed(const struct trust_probe_tally *t)
{
	for (unsigned i = 0; i < t->n; i++)
		for (unsigned k = i + 1; k < t->n; k++)
			if (trust_probe_same(&t->answer[i], &t->answer[k]))
				return &t->answer[i];
	return t->n == 1 ? &t->answer[0] : NULL;
}

static bool
twice(const struct trust_probe_tally *t)
{
	return t->n >= 2 && trust_probe_agreed(t) != NULL;
}

bool
trust_probe_spent(const struct trust_probe_tally *t)
{
	return t->vain >= VAIN_MAX || t->n == TRUST_PROBE_SAMPLES;
}

/* The class whose control is asked first. */
static uint8_t
first_class(const struct trust_probe *p, enum trust_probe_method m)
{
	for (unsigned i = 0; i < p->nroots; i++)
		if (p->root[i].class[m] != TRUST_PROBE_NO_CLASS)
			return p->root[i].class[m];
	return 0;
}

/*
 * The first class is asked twice: one that answers otherwise each time tells
 * nothing.  Another class that answers as the first needs no second answer.
 */
bool
trust_probe_has_control(const struct trust_probe *p,
    enum trust_probe_method m, uint8_t class)
{
	const struct trust_probe_tally *t = &p->control[m][class];
	const struct trust_probe_answer *first;

	if (m == TRUST_PROBE_TIME)
		return t->n == TRUST_PROBE_SAMPLES;
	if (twice(t))
		return true;
	first = trust_probe_agreed(&p->control[m][first_class(p, m)]);
	return class != first_class(p, m) && t->n == 1 && first != NULL &&
	    trust_probe_same(first, &t->answer[0]);
}

/*
 * One answer will do; to hang up where the made-up root got another answer may
 * be the network's doing, and is asked once more.
 */
bool
trust_probe_has_answer(const struct trust_probe *p, enum trust_probe_method m,
    unsigned root)
{
	const struct trust_probe_root *r = &p->root[root];
	const struct trust_probe_tally *t = &r->tally[m];
	const struct trust_probe_answer *control;

	if (m == TRUST_PROBE_TIME)
		return t->n == TRUST_PROBE_SAMPLES;
	if (t->n != 1)
		return twice(t);
	control = trust_probe_agreed(&p->control[m][r->class[m]]);
	return t->answer[0].did != TRUST_PROBE_DID_CLOSE ||
	    (control != NULL && trust_probe_same(control, &t->answer[0]));
}

/* ---- the next question ---- */

/* What is asked of each root and is the same for all of its class. */
struct looked {
	bool at;
	enum trust_probe_tells tells;
};

static bool
is_settled(const struct trust_probe *p, enum trust_probe_method m,
    unsigned root, struct looked *of)
{
	struct trust_probe_result r;
	uint8_t class = p->root[root].class[m];

	if (class == TRUST_PROBE_NO_CLASS ||
	    trust_probe_has_answer(p, m, root) ||
	    trust_probe_spent(&p->root[root].tally[m]) ||
	    (trust_probe_spent(&p->control[m][class]) &&
	    !trust_probe_has_control(p, m, class)))
		return true;
	if (!of[class].at)
		of[class] = (struct looked) { true,
			trust_probe_tells(p, m, class) };
	if (of[class].tells == TRUST_PROBE_TELLS_NO)
		return true;
	if (m == p->order[0])
		return false;
	trust_probe_result(p, root, &r);
	return r.holding != TRUST_CANNOT_TELL;
}

/* The control again, in case the phone has changed its ways. */
static bool
is_control_due(const struct trust_probe *p, enum trust_probe_method m,
    uint8_t class)
{
	return !trust_probe_has_control(p, m, class) ||
	    (m != TRUST_PROBE_TIME && (p->recheck > 0 ||
	    p->since_control >= CONTROL_EVERY));
}

/* The positive control goes first, then all in their order. */
static int
next_root(const struct trust_probe *p, enum trust_probe_method m)
{
	struct looked of[TRUST_PROBE_CLASSES] = { { .at = false } };
	int next = -1;

	for (unsigned i = 0; i < p->nroots; i++) {
		if (!(p->root[i].expected || next < 0) ||
		    is_settled(p, m, i, of))
			continue;
		if (p->root[i].expected)
			return (int)i;
		next = (int)i;
	}
	return next;
}

bool
trust_probe_next(const struct trust_probe *p, struct trust_probe_question *q)
{
	for (unsigned i = 0; i < p->nmethods && p->stop == 0; i++) {
		enum trust_probe_method m = p->order[i];
		int root = next_root(p, m);

		if (root < 0)
			continue;
		q->method = m;
		q->class = p->root[root].class[m];
		q->root = is_control_due(p, m, q->class) ? -1 : root;
		return true;
	}
	return false;
}

bool
trust_probe_may_ask(const struct trust_probe *p)
{
	struct trust_probe_question q;

	return p->may_ask && trust_probe_next(p, &q);
}

/* ---- what happens ---- */

void
trust_probe_end(struct trust_probe *p, enum trust_probe_stop why)
{
	if (p->stop == 0)
		p->stop = why;
}

void
trust_probe_began(struct trust_probe *p, bool ask, int64_t now_s)
{
	p->may_ask = !ask;
	if (p->connections++ == 0)
		p->first_s = now_s;
	p->last_s = now_s;
}

void
trust_probe_real(struct trust_probe *p, bool accepted)
{
	p->real_accepted |= accepted;
	p->real_refused = accepted ? 0 : (uint8_t)(p->real_refused + 1);
	if (p->real_accepted && p->real_refused >= REAL_MAX)
		trust_probe_end(p, TRUST_PROBE_STOP_DARK);
	if (!p->real_accepted)
		p->real_refused = 0; /* it was dark before we came */
}

static void
add(struct trust_probe_tally *t, const struct trust_probe_answer *a)
{
	if (a->did == TRUST_PROBE_DID_UNSHOWN)
		t->vain = VAIN_MAX;
	else if (a->did == TRUST_PROBE_DID_NOTHING && t->vain < VAIN_MAX)
		t->vain++;
	else if (a->did != TRUST_PROBE_DID_NOTHING &&
	    t->n < TRUST_PROBE_SAMPLES)
		t->answer[t->n++] = *a;
}

/* A control that was known already: is it still answered as it was? */
static void
recheck(struct trust_probe *p, const struct trust_probe_question *q,
    const struct trust_probe_answer *a)
{
	const struct trust_probe_answer *before =
	    trust_probe_agreed(&p->control[q->method][q->class]);

	if (a->did == TRUST_PROBE_DID_NOTHING)
		return; /* the next one that answers will show it */
	if (trust_probe_same(before, a)) {
		p->recheck = 0;
		p->control_no = p->asked;
	} else if (++p->recheck >= RECHECKS) {
		trust_probe_end(p, TRUST_PROBE_STOP_ANSWERS);
	}
	p->since_control = 0;
}

void
trust_probe_answer(struct trust_probe *p, const struct trust_probe_question *q,
    const struct trust_probe_answer *a)
{
	if (++p->asked >= TRUST_PROBE_ANSWERS_MAX)
		trust_probe_end(p, TRUST_PROBE_STOP_LIMIT);
	if (a->did == TRUST_PROBE_DID_ACCEPT) {
		trust_probe_end(p, TRUST_PROBE_STOP_UNCHECKING);
	} else if (q->root >= 0) {
		p->root[q->root].tally[q->method].last_no = p->asked;
		add(&p->root[q->root].tally[q->method], a);
		p->since_control++;
	} else if (q->method != TRUST_PROBE_TIME &&
	    trust_probe_has_control(p, q->method, q->class)) {
		recheck(p, q, a);
	} else {
		add(&p->control[q->method][q->class], a);
		p->control_no = p->asked;
		p->since_control = 0;
	}
}

/* ---- from evidence ---- */

void
trust_probe_read(struct trust_probe_answer *out,
    const struct trust_evidence *e, enum trust_probe_method method)
{
	const struct tls_tap_alert *alert = trust_alert_of(e, TLS_CLIENT);

	*out = (struct trust_probe_answer) { .us = e->us_since_flight };
	if (e->stage == TRUST_STAGE_SIP) {
		out->did = TRUST_PROBE_DID_ACCEPT;
	} else if (e->stage < TRUST_STAGE_CERTIFICATE) {
		out->did = e->hello_seen && trust_alert_of(e, TLS_SERVER) !=
		    NULL ? TRUST_PROBE_DID_UNSHOWN : TRUST_PROBE_DID_NOTHING;
	} else if (alert != NULL) {
		out->did = TRUST_PROBE_DID_ALERT;
		out->alert = alert->description;
	} else if (method == TRUST_PROBE_GENUINE &&
	    e->stage >= TRUST_STAGE_KEY_EXCHANGE) {
		out->did = TRUST_PROBE_DID_GO_ON;
	} else if (e->end == TRUST_END_FIN || e->end == TRUST_END_RST) {
		out->did = TRUST_PROBE_DID_CLOSE;
	}
}
