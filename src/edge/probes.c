/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/probes_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#define TEXT_MAX 160

int
probes_new(struct probes **out, const char *dir, struct devices *devices)
{
	struct probes *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->dir = str_dup(str_cstr(dir));
	p->devices = devices;
	atomic_init(&p->nruns, 0);
	if (p->dir == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p->dir);
		free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void
probes_run_free(struct probes_run *r)
{
	if (r == NULL)
		return;
	probe_plan_fini(&r->of);
	tls_probe_kit_free(r->kit);
	free(r);
}

void
probes_free(struct probes *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < PROBES_RUNS; i++)
		probes_run_free(p->run[i]);
	probe_store_close(p->store);
	tls_ctx_unref(p->tls);
	pthread_mutex_destroy(&p->lock);
	free(p->dir);
	free(p);
}

void
probes_set_tls(struct probes *p, struct tls_ctx *tls)
{
	tls_ctx_unref(p->tls);
	p->tls = tls_ctx_ref(tls);
}

struct probes_run *
probes_find(struct probes *p, int64_t device, unsigned *at)
{
	for (unsigned i = 0; i < PROBES_RUNS; i++) {
		if (p->run[i] == NULL || p->run[i]->device != device)
			continue;
		if (at != NULL)
			*at = i;
		return p->run[i];
	}
	return NULL;
}

void
probes_remove(struct probes *p, unsigned at)
{
	probes_run_free(p->run[at]);
	p->run[at] = NULL;
	atomic_fetch_sub(&p->nruns, 1);
}

/* ---- the log ---- */

static const char *
quoted(char out[LOG_VAL_MAX], const char *text)
{
	return log_val(out, LOG_VAL_MAX, str_cstr(text));
}

static void
say_answer(const struct probes_run *r, const struct trust_probe_question *q,
    const struct trust_probe_answer *a)
{
	char device[LOG_VAL_MAX], root[LOG_VAL_MAX], said[LOG_VAL_MAX];
	char text[TEXT_MAX];
	struct buf b;

	buf_init_array(&b, text, sizeof(text) - 1);
	trust_probe_answer_text(&b, a);
	text[b.n] = '\0';
	log_info("probe-answer", "device=%s root=%s method=%s answer=%s "
	    "asked=%u left=%u", quoted(device, r->name), quoted(root,
	    q->root >= 0 ? r->of.root[q->root].label : "made up"),
	    trust_probe_method_name(q->method), quoted(said, text),
	    r->of.plan.asked, trust_probe_left(&r->of.plan));
}

/* Once, when it is over. */
static void
say_end(struct probes_run *r)
{
	unsigned n[TRUST_HOLDS + 1] = { 0 };
	char device[LOG_VAL_MAX], why[LOG_VAL_MAX];

	if (r->said_end || r->of.plan.stop == TRUST_PROBE_STOP_NONE)
		return;
	r->said_end = r->dirty = true;
	for (unsigned i = 0; i < r->of.plan.nroots; i++) {
		struct trust_probe_result result;

		trust_probe_result(&r->of.plan, i, &result);
		n[result.holding]++;
	}
	log_info("probe-end", "device=%s end=%s reason=%s asked=%u holds=%u "
	    "lacks=%u cannot_tell=%u", quoted(device, r->name),
	    trust_probe_stop_name(r->of.plan.stop), quoted(why,
	    trust_probe_stop_text(r->of.plan.stop)), r->of.plan.asked,
	    n[TRUST_HOLDS], n[TRUST_LACKS], n[TRUST_CANNOT_TELL]);
}

void
probes_stop(struct probes_run *r, enum trust_probe_stop why)
{
	trust_probe_end(&r->of.plan, why);
	say_end(r);
}

/* ---- hooks ---- */

static struct probes_run *
run_at(struct probes *p, const struct addr *host)
{
	for (unsigned i = 0; i < PROBES_RUNS; i++)
		if (p->run[i] != NULL && addr_equal_ip(&p->run[i]->host, host))
			return p->run[i];
	return NULL;
}

/*
 * Somebody else at its address, or has the phone changed?  One that was never
 * seen before may be it: some change their ways when they were refused.
 */
static void
other_hello(struct probes *p, struct probes_run *r,
    const struct device_peer *peer)
{
	if (devices_count_at(p->devices, &peer->addr, peer->fingerprint) == 0)
		trust_probe_end(&r->of.plan, TRUST_PROBE_STOP_HELLO);
	say_end(r);
}

/* The next question; NULL: none is to be put now. */
static struct tls_probe *
ask(struct probes_run *r)
{
	struct tls_probe_want want = { .run = (uint64_t)r->run };
	struct trust_probe_question *q = &want.question;
	struct tls_probe *probe = NULL;
	unsigned like = 0;

	if (r->in_flight || r->nunsaid == PROBES_UNSAID ||
	    !trust_probe_may_ask(&r->of.plan) ||
	    !trust_probe_next(&r->of.plan, q))
		return NULL;
	/* A control imitates the first of its class. */
	while (q->root < 0 && r->of.ask[like].class[q->method] != q->class)
		like++;
	if (q->root >= 0)
		like = (unsigned)q->root;
	want.root = &r->of.root[like].root;
	want.genuine = r->of.root[like].genuine;
	if (tls_probe_new(&probe, r->kit, &want) == 0)
		return probe;
	trust_probe_answer(&r->of.plan, q, &(struct trust_probe_answer) {
	    .did = TRUST_PROBE_DID_UNSHOWN });
	return NULL;
}

/* Nothing is left, or it was stopped. */
static void
end_if_over(struct probes_run *r, int64_t now_s)
{
	struct trust_probe_question q;

	if (now_s >= r->until_s)
		trust_probe_end(&r->of.plan, TRUST_PROBE_STOP_WINDOW);
	if (!r->in_flight && !trust_probe_next(&r->of.plan, &q))
		trust_probe_end(&r->of.plan, TRUST_PROBE_STOP_DONE);
	say_end(r);
}

void
probes_choose(struct probes *p, const struct device_peer *peer,
    struct tls_choice *out)
{
	struct probes_run *r;
	int64_t now_s;

	if (atomic_load_explicit(&p->nruns, memory_order_relaxed) == 0)
		return;
	now_s = clock_wall_s();
	pthread_mutex_lock(&p->lock);
	r = run_at(p, &peer->addr);
	if (r != NULL && r->fingerprint != peer->fingerprint) {
		other_hello(p, r, peer);
		r = NULL;
	}
	if (r != NULL && devices_count_at(p->devices, &peer->addr,
	    peer->fingerprint) > 1)
		trust_probe_end(&r->of.plan, TRUST_PROBE_STOP_SHARED);
	if (r != NULL) {
		end_if_over(r, now_s);
		if (r->of.plan.stop == TRUST_PROBE_STOP_NONE) {
			out->probe = ask(r);
			trust_probe_began(&r->of.plan, out->probe != NULL,
			    now_s);
			r->in_flight |= out->probe != NULL;
			r->dirty = true;
		}
	}
	pthread_mutex_unlock(&p->lock);
}

static void
take_down(struct probes_run *r, const struct trust_probe_question *q,
    const struct trust_probe_answer *a)
{
	int64_t now_s = clock_wall_s();

	r->in_flight = false;
	if (r->of.plan.stop != TRUST_PROBE_STOP_NONE)
		return; /* it came too late to count */
	trust_probe_answer(&r->of.plan, q, a);
	if (r->nunsaid < PROBES_UNSAID) {
		r->unsaid_q[r->nunsaid] = *q;
		r->unsaid[r->nunsaid] = *a;
		r->unsaid_s[r->nunsaid++] = now_s;
	}
	say_answer(r, q, a);
	end_if_over(r, now_s);
}

void
probes_answer(struct probes *p, const struct tls_probe *probe,
    const struct trust_evidence *e)
{
	struct trust_probe_question q = *tls_probe_question(probe);
	struct trust_probe_answer a = { .did = TRUST_PROBE_DID_ACCEPT };

	if (e != NULL)
		trust_probe_read(&a, e, q.method);
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < PROBES_RUNS; i++) {
		struct probes_run *r = p->run[i];

		if (r != NULL && (uint64_t)r->run == tls_probe_run(probe))
			take_down(r, &q, &a);
	}
	pthread_mutex_unlock(&p->lock);
}

void
probes_real(struct probes *p, const struct device_peer *peer, bool accepted)
{
	struct probes_run *r;

	if (atomic_load_explicit(&p->nruns, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	r = run_at(p, &peer->addr);
	if (r != NULL && r->fingerprint == peer->fingerprint) {
		trust_probe_real(&r->of.plan, accepted);
		say_end(r);
	}
	pthread_mutex_unlock(&p->lock);
}

/* ---- once a second ---- */

static void
say_failure(struct probes *p, const char *why)
{
	char said[LOG_VAL_MAX];

	if (!p->failing)
		log_warn("probes-not-written", "reason=%s",
		    quoted(said, why));
	p->failing = true;
}

static bool
is_open(struct probes *p, int64_t now_s)
{
	char why[512] = "";
	int err;

	if (p->store != NULL && !probe_store_is_there(p->store)) {
		probe_store_close(p->store);
		p->store = NULL;
	}
	if (p->store != NULL)
		return true;
	if (now_s < p->next_try_s)
		return false;
	p->next_try_s = now_s + PROBES_RETRY_S;
	err = probe_store_open(&p->store, p->dir, false, why, sizeof(why));
	if (err != 0) {
		p->store = NULL;
		if (err != E_ABSENT)
			say_failure(p, why);
		return false;
	}
	IGNORE(probe_store_prune(p->store)); /* it will be tried again */
	return true;
}

void
probes_tick(struct probes *p, bool last)
{
	int64_t now_s = clock_wall_s();

	if (!is_open(p, now_s))
		return;
	if (atomic_load(&p->nruns) > 0) {
		pthread_mutex_lock(&p->lock);
		for (unsigned i = 0; i < PROBES_RUNS && !last; i++)
			if (p->run[i] != NULL)
				end_if_over(p->run[i], now_s);
		pthread_mutex_unlock(&p->lock);
		if (probes_write(p) != 0)
			say_failure(p, probe_store_error(p->store));
		else
			p->failing = false;
	}
	if (p->told && !last)
		devices_asked(p->devices);
	p->told = false;
	if (!last && probe_store_changed(p->store))
		probes_load(p, now_s);
}
