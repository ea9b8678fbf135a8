/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices' file, written by a thread of its own.  Once a second it takes
 * what is due, copies it under the shard's lock, writes it without one, in one
 * transaction, and tries again later what it could not.
 */
#include "edge/devices_heard_int.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#define TICK_MS      1000
#define RETRY_MS     5000
#define BATCH_MAX    500
#define NAMELESS_MAX 16   /* new rows a tick of devices never registered */
#define TEXT_BYTES   8192
#define HEARD_BATCH  64   /* addresses in one transaction */

/* ---- the queue ---- */

void
devices_due(struct devices *d, struct device *dev)
{
	dev->counts_s = 0;
	dev->dirty = true;
	if (dev->queued)
		return;
	pthread_mutex_lock(&d->lock);
	dev->queued = true;
	dev->next_due = d->due;
	d->due = dev;
	pthread_mutex_unlock(&d->lock);
}

void
devices_due_later(struct devices *d, struct device *dev, int64_t now_s)
{
	if (dev->counts_s == 0)
		dev->counts_s = now_s;
	else if (now_s - dev->counts_s >= DEVICES_COUNTS_S)
		devices_due(d, dev);
}

static void
count_is_due(struct hash_node *n, void *arg)
{
	struct device *dev = CONTAINER_OF(n, struct device, node);

	if (dev->counts_s != 0)
		devices_due(arg, dev);
}

/* At the end, and when somebody waits: counts too. */
static void
all_due(struct devices *d)
{
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		pthread_mutex_lock(&d->shard[i].lock);
		hash_each(&d->shard[i].table, count_is_due, d);
		pthread_mutex_unlock(&d->shard[i].lock);
	}
}

/* ---- one device as rows ---- */

struct rows {
	struct store_device device;
	struct store_deed deed[DEVICES_DEEDS];
	unsigned ndeeds;
	char address[ADDR_STRLEN], ja4[TLS_JA4_LEN];
	struct buf text;          /* what the slices above point into        */
	char bytes[TEXT_BYTES];
};

static struct str
keep_text(struct rows *r, struct str s)
{
	size_t at = r->text.n;

	buf_str(&r->text, s);
	return str_of(r->bytes + at, r->text.n - at);
}

static struct str
keep_accounts(struct rows *r, const struct device *dev)
{
	size_t at = r->text.n;

	for (struct device_account *a = dev->accounts; a != NULL;
	     a = a->next) {
		if (r->text.n > at)
			buf_putc(&r->text, ' ');
		buf_str(&r->text, str_of(a->text, a->n));
	}
	return str_of(r->bytes + at, r->text.n - at);
}

static void
copy_deeds(struct devices *d, struct rows *r, const struct device *dev)
{
	r->ndeeds = 0;
	pthread_mutex_lock(&d->chains_lock);
	for (unsigned i = 0; i < dev->ndeeds; i++) {
		const struct trust_chain *c =
		    &d->known[dev->deed[i].chain].chain;
		const struct trust_deed *t = &dev->deed[i].did;

		/* It was asked for its root alone: that has rows of its own. */
		if (t->accepted + t->refused == 0 && !t->fetched)
			continue;
		r->deed[r->ndeeds++] = (struct store_deed) {
			.device = dev->id, .chain = str_cstr(c->name),
			.root = str_cstr(c->root), .accepted = t->accepted,
			.refused = t->refused, .accepted_no = t->accepted_no,
			.refused_no = t->refused_no, .in_row = t->in_row,
			.accepted_s = t->accepted_s,
			.refused_s = t->refused_s, .key = c->key,
			.faults = c->faults, .depth = c->depth,
			.fetched = t->fetched,
		};
	}
	pthread_mutex_unlock(&d->chains_lock);
}

/* Under the device's shard. */
static void
copy_rows(struct devices *d, struct rows *r, const struct device *dev)
{
	const struct device_refusal *f = dev->refusal;

	buf_init_array(&r->text, r->bytes, sizeof(r->bytes));
	r->device = (struct store_device) {
		.id = dev->id, .fingerprint = dev->fingerprint,
		.user_agent = keep_text(r, str_cstr(dev->user_agent)),
		.accounts = keep_accounts(r, dev),
		.first_seen_s = dev->first_seen_s,
		.last_seen_s = dev->last_seen_s, .transport = dev->transport,
		.tls_version = dev->version,
		.cipher_suite = dev->cipher_suite, .events = dev->events,
		.old_version = dev->old_version,
	};
	r->device.address = str_cstr(addr_print_ip(&dev->addr, false,
	    r->address));
	if (dev->chain != 0)
		r->device.chain = str_cstr(
		    d->known[dev->chain - 1].chain.name);
	if (f != NULL) {
		r->device.cause = str_cstr(trust_cause_name(f->cause));
		r->device.confidence = str_cstr(
		    trust_confidence_name(f->confidence));
		r->device.reason = keep_text(r, str_cstr(f->reason));
		r->device.remedy = keep_text(r, str_cstr(f->remedy));
		r->device.refused_s = f->when_s;
	}
	copy_deeds(d, r, dev);
	pthread_mutex_lock(&d->kinds_lock);
	if (dev->kind != NULL) {
		str_copy(r->ja4, sizeof(r->ja4), str_cstr(dev->kind->ja4));
		r->device.ja4 = str_cstr(r->ja4);
	}
	pthread_mutex_unlock(&d->kinds_lock);
}

/* ---- one batch ---- */

struct batch {
	struct item {
		struct device *device;
		struct device_event *event; /* newest first, taken off it    */
		int64_t id;                 /* its row's                     */
		bool gone;
	} item[BATCH_MAX];
	unsigned n, nameless;
	struct device *later;               /* back into the queue           */
	struct rows rows;
};

/* History goes in from the oldest on. */
static int
write_events(struct devices *d, const struct device_event *e, int64_t id)
{
	struct store_event row;
	int err;

	if (e == NULL)
		return 0;
	err = write_events(d, e->next, id); /* DEVICES_EVENTS deep */
	if (err != 0)
		return err;
	row = (struct store_event) {
		.device = id, .when_s = e->when_s, .what = str_cstr(e->what),
		.chain = str_cstr(e->chain < DEVICES_CHAINS ?
		    d->known[e->chain].chain.name : ""),
		.cause = str_cstr(e->cause),
		.confidence = str_cstr(e->confidence),
		.reason = str_cstr(e->reason), .tls_version = e->version,
	};
	return device_store_put_event(d->store, &row);
}

static int
write_item(struct devices *d, struct batch *b, struct item *i)
{
	struct rows *r = &b->rows;
	int err;

	if (i->gone)
		return i->id != 0 ? device_store_del(d->store, i->id) : 0;
	err = device_store_put(d->store, &r->device, &i->id);
	for (unsigned n = 0; n < r->ndeeds && err == 0; n++) {
		r->deed[n].device = i->id;
		err = device_store_put_deed(d->store, &r->deed[n]);
	}
	return err == 0 ? write_events(d, i->event, i->id) : err;
}

/* Copy it, take its history off it.  False: it has to wait. */
static bool
take(struct devices *d, struct batch *b, struct device *dev)
{
	struct item *i = &b->item[b->n];
	struct device_shard *s;

	if (b->n == BATCH_MAX)
		return false;
	s = devices_lock_shard_of(d, dev);
	if (!dev->registered && dev->id == 0 && !dev->gone &&
	    b->nameless++ >= NAMELESS_MAX) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	*i = (struct item) { .device = dev, .id = dev->id,
		.gone = dev->gone };
	b->n++;
	dev->dirty = false;
	if (!dev->gone) {
		copy_rows(d, &b->rows, dev);
		i->event = dev->event;
		dev->event = NULL;
		dev->nevents = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void
free_events(struct device_event *e)
{
	while (e != NULL) {
		struct device_event *next = e->next;

		free(e);
		e = next;
	}
}

/* Behind those that came in the meantime; no more than there is room for. */
static void
give_back_events(struct device *dev, struct device_event *e)
{
	struct device_event **at = &dev->event;

	while (*at != NULL)
		at = &(*at)->next;
	while (e != NULL && dev->nevents < DEVICES_EVENTS) {
		*at = e;
		at = &e->next;
		e = e->next;
		dev->nevents++;
	}
	*at = NULL;
	free_events(e);
}

/* Written, or not: what the device is told of it. */
static void
settle(struct devices *d, struct batch *b, struct item *i, bool committed)
{
	struct device *dev = i->device;
	struct device_shard *s = devices_lock_shard_of(d, dev);
	bool again = !committed || (dev->gone && !i->gone), over;

	if (committed) {
		dev->id = i->id;
		free_events(i->event);
	} else {
		give_back_events(dev, i->event);
	}
	over = dev->gone && !again;
	if (again) {
		dev->next_due = b->later;
		b->later = dev;
	} else {
		/* What changed while it was written comes again. */
		dev->queued = false;
		if (dev->dirty && !over)
			devices_due(d, dev);
	}
	pthread_mutex_unlock(&s->lock);
	if (over)
		devices_free_device(d, dev);
}

static void
say(struct devices *d, int err)
{
	char text[LOG_VAL_MAX];

	if (err != 0 && !d->failing)
		log_err("devices-failed", "reason=%s effect=\"what devices do "
		    "is remembered, but not written\"", log_val(text,
		    sizeof(text), str_cstr(d->store != NULL ?
		    device_store_error(d->store) : err_str(err))));
	else if (err == 0 && d->failing)
		log_info("devices-recovered", "%s", "");
	d->failing = err != 0;
}

/* The file was taken away: begin another, and put everything into it. */
static void
forget_row(struct hash_node *n, void *arg)
{
	struct device *dev = CONTAINER_OF(n, struct device, node);
	struct devices *d = arg;

	dev->id = 0;
	if (dev->registered)
		devices_due(d, dev);
}

static int
open_again(struct devices *d)
{
	char why[512] = "", text[LOG_VAL_MAX];
	struct device_store *fresh;
	int err = device_store_open(&fresh, d->dir, false, why, sizeof(why));

	if (err != 0)
		return err;
	log_warn("devices-file-gone", "file=%s effect=\"a new one is made of "
	    "what is in memory\"", log_val(text, sizeof(text),
	    str_cstr(d->dir)));
	device_store_close(d->store);
	d->store = fresh;
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		pthread_mutex_lock(&d->shard[i].lock);
		hash_each(&d->shard[i].table, forget_row, d);
		pthread_mutex_unlock(&d->shard[i].lock);
	}
	return 0;
}

/* 0: written as far as it was due; *more: there is. */
static int
write_batch(struct devices *d, struct batch *b, bool *more)
{
	struct device *due, *next;
	int err = 0;

	b->n = 0;
	b->later = NULL;
	pthread_mutex_lock(&d->lock);
	due = d->due;
	d->due = NULL;
	pthread_mutex_unlock(&d->lock);
	if (due == NULL)
		return 0;
	if (!device_store_is_there(d->store))
		err = open_again(d);
	if (err == 0)
		err = device_store_begin(d->store);
	for (struct device *dev = due; dev != NULL; dev = next) {
		next = dev->next_due;
		if (err != 0 || !take(d, b, dev)) {
			dev->next_due = b->later;
			b->later = dev;
			continue;
		}
		err = write_item(d, b, &b->item[b->n - 1]);
	}
	if (err == 0)
		err = device_store_commit(d->store);
	say(d, err);
	if (err != 0)
		device_store_rollback(d->store);
	for (unsigned i = 0; i < b->n; i++)
		settle(d, b, &b->item[i], err == 0);
	*more = err == 0 && b->n == BATCH_MAX;
	pthread_mutex_lock(&d->lock);
	for (struct device *dev = b->later; dev != NULL; dev = next) {
		next = dev->next_due;
		dev->next_due = d->due;
		d->due = dev;
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

/* What they said in their own logs, in a transaction of its own. */
static int
write_heard(struct devices *d)
{
	bool more = true;
	int err = 0;

	heard_review(d->heard, devices_is_at, d);
	while (more && err == 0 && heard_is_due(d->heard)) {
		err = device_store_begin(d->store);
		if (err == 0)
			err = heard_write(d->heard, d->store, HEARD_BATCH,
			    &more);
		if (err == 0)
			err = device_store_commit(d->store);
		if (err != 0)
			device_store_rollback(d->store);
		heard_written(d->heard, err == 0);
		say(d, err);
	}
	return err;
}

/* ---- the thread ---- */

static void
wait_ms(struct devices *d, unsigned ms)
{
	uint64_t at_ms = clock_mono_ms() + ms;
	struct timespec at = {
		.tv_sec = (time_t)(at_ms / 1000),
		.tv_nsec = (long)(at_ms % 1000) * 1000000,
	};

	while (!d->stop && d->asked == d->done) {
		if (pthread_cond_timedwait(&d->wake, &d->lock, &at) != 0)
			return;
	}
}

static void *
run(void *arg)
{
	struct batch *b = malloc(sizeof(*b));
	struct devices *d = arg;
	int err = 0;
	bool stop;

	do {
		uint64_t asked;
		bool more = true;

		pthread_mutex_lock(&d->lock);
		wait_ms(d, err != 0 ? RETRY_MS : TICK_MS);
		stop = d->stop;
		asked = d->asked;
		pthread_mutex_unlock(&d->lock);
		if (stop || asked != d->done)
			all_due(d);
		if (b != NULL)
			b->nameless = 0;
		for (err = 0; b != NULL && more && err == 0;) {
			more = false;
			err = write_batch(d, b, &more);
		}
		if (err == 0)
			err = write_heard(d);
		pthread_mutex_lock(&d->lock);
		d->done = asked;
		pthread_cond_broadcast(&d->written);
		pthread_mutex_unlock(&d->lock);
	} while (!stop);
	free(b);
	return NULL;
}

void
devices_sync(struct devices *d)
{
	uint64_t mine;

	pthread_mutex_lock(&d->lock);
	mine = ++d->asked;
	pthread_cond_signal(&d->wake);
	while (d->done < mine)
		pthread_cond_wait(&d->written, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

int
devices_writer_start(struct devices *d)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &attr);
	pthread_cond_init(&d->written, NULL);
	pthread_condattr_destroy(&attr);
	return thread_start(&d->writer, run, d);
}

/* Those that could not be written, and are at no place any more. */
static void
free_gone(struct devices *d)
{
	for (struct device *dev = d->due, *next; dev != NULL; dev = next) {
		next = dev->next_due;
		if (dev->gone)
			devices_free_device(d, dev);
	}
	d->due = NULL;
}

void
devices_writer_stop(struct devices *d)
{
	if (!d->writer.started) {
		free_gone(d);
		return;
	}
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	thread_join(&d->writer);
	pthread_cond_destroy(&d->wake);
	pthread_cond_destroy(&d->written);
	free_gone(d);
}
