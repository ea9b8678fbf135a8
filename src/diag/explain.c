/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/explain.h"
#include "tlswire/alert.h"

static const struct explain_rank ranks[] = {
#define RANK(cause, count) { TRUST_CAUSE_##cause, count },
#include "diag/rank.def"
#undef RANK
};

const struct explain_rank *
explain_ranks(size_t *n, unsigned *total)
{
	*n = ARRAY_LEN(ranks);
	*total = 0;
	for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
		*total += ranks[i].count;
	return ranks;
}

/* ---- what the lines themselves tell, where the judge has no evidence ---- */

#define DECIDES                                                                \
	"let the wire tell: run siptrust watch -i any (or tcpdump -i any "     \
	"-s 0 -w phone.pcap, with the TLS port) on this host while it tries "  \
	"again, or point it to siptrust edge for one attempt"

static const struct told {
	enum trust_cause cause, next_best; /* NONE: the judge's */
	enum trust_confidence confidence;
	const char *what, *how;
	const char *next;                  /* NULL: the cause's remedy */
} told[] = {
#define TOLD(id, cause, next_best, confidence, what, how, next)                \
	[PBXLOG_##id] = { TRUST_CAUSE_##cause, TRUST_CAUSE_##next_best,        \
	    TRUST_##confidence, what, how, next },
#include "diag/told.def"
#undef TOLD
};

static const char *const beside[TRUST_CAUSES] = {
#define BESIDE(cause, text) [TRUST_CAUSE_##cause] = text,
#include "diag/beside.def"
#undef BESIDE
};

static const char out_next[] =
    "this was a connection from the PBX to somebody else, not from a phone: "
    "compare the versions, names and CA file set for it there with what the "
    "other side wants";

/* ---- words ---- */

static void
put_alert_words(struct buf *what, struct buf *how, const struct pbxlog_event *e)
{
	const char *name = tls_alert_name((uint8_t)e->alert);

	buf_printf(what, "%s ended the handshake with the alert %s",
	    e->ours ? "the PBX" : e->outgoing ? "the called side" :
	    "the phone", name);
	if (e->error != 0)
		buf_printf(how, "OpenSSL's error %08X has the reason %d: alert "
		    "%s(%d) was received", e->error, 1000 + e->alert, name,
		    e->alert);
	else
		buf_printf(how, "alert %s(%d) was %s", name, e->alert,
		    e->ours ? "sent" : "received");
}

static void
put_error_words(struct buf *what, struct buf *how, const struct pbxlog_event *e)
{
	buf_puts(what, e->reason->means);
	if (e->error == 0) {
		buf_printf(how, "the line says so in words; OpenSSL would say: "
		    "%s", e->reason->name);
		return;
	}
	buf_printf(how, "OpenSSL's error %08X has the reason %u: %s", e->error,
	    e->reason->number, e->reason->name);
}

static void
judge(struct explain *out, const struct pbxlog_event *e)
{
	struct trust_verdict *v = &out->verdict;
	const struct told *t = &told[e->told];

	trust_judge(v, &e->evidence, NULL);
	if (e->told == PBXLOG_ERROR && e->reason->cause != TRUST_CAUSE_NONE) {
		v->cause = e->reason->cause;
		v->next_best = e->reason->next_best;
		v->confidence = e->reason->confidence;
		v->fault = -1;
	} else if (t->cause != TRUST_CAUSE_NONE) {
		v->cause = t->cause;
		v->next_best = t->next_best;
		v->confidence = t->confidence;
		v->fault = e->told == PBXLOG_NAME ? TRUST_FAULT_NAME : -1;
	}
	/* Hearsay: OpenSIPS 670, Kamailio 3695 printed another's error. */
	if (v->confidence == TRUST_CERTAIN)
		v->confidence = TRUST_LIKELY;
}

/* Settings that are wrong for all: what the reason says is to be mended. */
static bool
is_own_fault(const struct pbxlog_event *e)
{
	return e->told == PBXLOG_ERROR &&
	    e->reason->cause == TRUST_CAUSE_SERVER_MISCONFIGURED;
}

static void
put_next(struct buf *out, const struct explain *x, const struct pbxlog_event *e)
{
	const struct told *t = &told[e->told];

	if (t->next != NULL)
		buf_puts(out, t->next);
	else if (is_own_fault(e))
		buf_puts(out, "correct that in the server's TLS settings and "
		    "restart it: it is the same for every phone");
	else if (e->outgoing && e->told != PBXLOG_UNTRUSTED)
		buf_puts(out, out_next);
	else if (beside[x->verdict.cause] != NULL)
		buf_puts(out, beside[x->verdict.cause]);
	else
		trust_remedy(out, &x->verdict, &e->evidence, NULL);
	if (x->verdict.next_best != TRUST_CAUSE_NONE && !x->ranked &&
	    x->verdict.confidence == TRUST_POSSIBLE && t->next == NULL)
		buf_printf(out, "; to decide between the two, watch the wire: "
		    "siptrust watch -i any");
}

static void
finish(struct buf *b)
{
	b->p[b->n] = '\0';
}

void
explain_event(struct explain *out, const struct pbxlog_event *e)
{
	struct buf what, how, next;

	*out = (struct explain) { .ranked = e->told == PBXLOG_LOST ||
		e->told == PBXLOG_NOTHING };
	buf_init_array(&what, out->what, sizeof(out->what) - 1);
	buf_init_array(&how, out->how, sizeof(out->how) - 1);
	buf_init_array(&next, out->next, sizeof(out->next) - 1);
	judge(out, e);
	if (e->told == PBXLOG_ALERT) {
		put_alert_words(&what, &how, e);
	} else if (e->told == PBXLOG_ERROR) {
		put_error_words(&what, &how, e);
	} else {
		buf_puts(&what, told[e->told].what);
		buf_puts(&how, told[e->told].how);
		if (e->error > 1)
			buf_printf(&how, " (error:%08X)", e->error);
	}
	put_next(&next, out, e);
	finish(&what);
	finish(&how);
	finish(&next);
	str_copy(out->verdict.reason, sizeof(out->verdict.reason),
	    str_cstr(out->how));
}
