/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/watch.h"

#include "base/err.h"
#include "tlswire/alert.h"

#define SIPS_PORT 5061 /* RFC 3261 18.1.1, 26.2.2 */
#define US_PER_S  1000000

/* What would have told more, had it been to see. */
static void
say_unseen(char out[WATCH_UNSEEN_MAX], const struct trust_evidence *e,
    bool gaps)
{
	struct buf b;

	buf_init_array(&b, out, WATCH_UNSEEN_MAX - 1);
	if (gaps)
		buf_puts(&b, "packets that the capture has not");
	if (e->version >= TLS_VERSION_1_3 && !e->resumed)
		buf_printf(&b, "%sthe certificate (TLS 1.3 encrypts it)",
		    b.n > 0 ? "; " : "");
	if (e->alert_hidden)
		buf_printf(&b, "%swhich alert the client sent (encrypted)",
		    b.n > 0 ? "; " : "");
	out[b.n] = '\0';
}

/* Refused, in equal ways, since it was told last. */
static void
on_due(const struct clients_refusal *r, void *arg)
{
	struct watch_found found = { .e = &r->e, .v = &r->v,
		.outcome = SESSION_REFUSED, .repeat = r->repeat };
	struct watch *w = arg;

	if (w->each)
		return;
	say_unseen(found.unseen, &r->e, false);
	w->fn(&found, w->arg);
}

static void
on_refused(struct watch *w, struct watch_found *found)
{
	struct trust_verdict v;
	bool news = clients_refused(&w->clients, found->e, &v);

	found->v = &v;
	if (v.cause == TRUST_CAUSE_NONE) {
		found->outcome = SESSION_ACCEPTED;
		w->counts.accepted++;
	} else {
		w->counts.refused++;
	}
	if (news || w->each)
		w->fn(found, w->arg);
}

static void
on_accepted(struct watch *w, struct watch_found *found)
{
	struct watch_found proof = { .accepted = found->e,
		.outcome = SESSION_REFUSED };
	struct trust_evidence old;
	struct trust_verdict v;

	w->counts.accepted++;
	w->fn(found, w->arg);
	if (!clients_accepted(&w->clients, found->e, &old, &v))
		return;
	proof.e = &old;
	proof.v = &v;
	w->fn(&proof, w->arg);
}

static void
on_session(const struct trust_evidence *e, enum session_outcome outcome,
    bool gaps, void *arg)
{
	struct watch *w = arg;
	struct trust_verdict none = { .cause = TRUST_CAUSE_NONE, .fault = -1 };
	struct watch_found found = { .e = e, .v = &none, .outcome = outcome };

	say_unseen(found.unseen, e, gaps);
	switch (outcome) {
	case SESSION_REFUSED:
		on_refused(w, &found);
		break;
	case SESSION_ACCEPTED:
		on_accepted(w, &found);
		break;
	case SESSION_OPEN:
		w->counts.unknown++;
		w->fn(&found, w->arg);
		break;
	}
}

static void
flush(struct watch *w, bool force)
{
	if (!force && w->now_us - w->flushed_us < US_PER_S)
		return;
	w->flushed_us = w->now_us;
	clients_flush(&w->clients, (int64_t)(w->now_us / US_PER_S), force);
}

int
watch_init(struct watch *w, int link_type, watch_fn *fn, void *arg)
{
	int err;

	memset(w, 0, sizeof(*w));
	if (!decap_knows(link_type))
		return E_CONFIG;
	w->fn = fn;
	w->arg = arg;
	decap_init(&w->decap, link_type);
	err = x509_roots_load(&w->roots);
	if (err != 0)
		return err;
	err = clients_init(&w->clients, on_due, w);
	if (err == 0)
		err = sessions_init(&w->sessions, w->roots, on_session, w);
	if (err != 0) {
		clients_fini(&w->clients);
		x509_roots_free(w->roots);
		return err;
	}
	IGNORE(!sessions_add_port(&w->sessions, SIPS_PORT)); /* the first */
	return 0;
}

void
watch_fini(struct watch *w)
{
	sessions_fini(&w->sessions);
	clients_fini(&w->clients);
	x509_roots_free(w->roots);
	decap_fini(&w->decap);
}

bool
watch_add_port(struct watch *w, uint16_t port)
{
	return sessions_add_port(&w->sessions, port);
}

void
watch_frame(struct watch *w, const struct frame *f)
{
	struct segment seg;

	w->counts.frames++;
	w->counts.bytes += f->captured.n;
	w->now_us = f->time_us;
	flush(w, false);
	switch (decap_frame(&w->decap, f->captured, &seg)) {
	case DECAP_SEGMENT:
		sessions_segment(&w->sessions, &seg, f->time_us);
		break;
	case DECAP_OTHER:
		w->counts.other++;
		break;
	case DECAP_BROKEN:
		w->counts.broken++;
		break;
	case DECAP_FRAGMENT:
		break;
	}
}

void
watch_end(struct watch *w)
{
	sessions_end(&w->sessions, w->now_us);
	flush(w, true);
}

void
watch_idle(struct watch *w, uint64_t now_us)
{
	w->now_us = now_us;
	flush(w, false);
}
