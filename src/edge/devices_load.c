/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices' file, read at the start. */
#include "edge/devices_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "edge/heard.h"

struct loading {
	struct devices *d;
	struct device **device;   /* by row, ascending                       */
	size_t n, size, at;       /* at: of the deed before                  */
	int err;
};

static struct device_refusal *
load_refusal(const struct store_device *row)
{
	struct device_refusal *r = malloc(sizeof(*r) + row->reason.n +
	    row->remedy.n + 2);

	if (r == NULL)
		return NULL;
	r->when_s = row->refused_s;
	r->cause = trust_cause_named(row->cause);
	r->confidence = trust_confidence_named(row->confidence);
	r->reason = (char *)(r + 1);
	r->remedy = r->reason + row->reason.n + 1;
	str_copy(r->reason, row->reason.n + 1, row->reason);
	str_copy(r->remedy, row->remedy.n + 1, row->remedy);
	return r;
}

static bool
remember(struct loading *l, struct device *dev)
{
	if (l->n == l->size) {
		size_t size = l->size == 0 ? 1024 : 2 * l->size;
		struct device **more = realloc(l->device,
		    size * sizeof(*more));

		if (more == NULL)
			return false;
		l->device = more;
		l->size = size;
	}
	l->device[l->n++] = dev;
	return true;
}

static void
load_names(struct devices *d, struct device *dev,
    const struct store_device *row)
{
	struct str rest = row->accounts;

	dev->user_agent = texts_share(&d->texts, row->user_agent);
	while (rest.n > 0) {
		struct str account = str_cut(&rest, ' ');

		if (account.n > 0)
			IGNORE(devices_add_account(d, dev, account)); /* less */
	}
	if (dev->accounts != NULL)
		devices_set_registered(d, dev);
	else
		devices_cache(d, dev);
}

static int
load_device(const struct store_device *row, void *arg)
{
	struct loading *l = arg;
	struct device *dev;
	struct addr peer;
	unsigned shard;

	/* A row that somebody cut by hand is no device. */
	if (addr_parse_ip(&peer, row->address) != 0)
		return 0;
	devices_shard(l->d, &peer, &shard);
	dev = devices_make(l->d, shard, &peer, row->fingerprint,
	    row->last_seen_s);
	if (dev == NULL || !remember(l, dev)) {
		l->err = -ENOMEM;
		return l->err;
	}
	dev->id = row->id;
	dev->first_seen_s = row->first_seen_s;
	dev->transport = (uint8_t)row->transport;
	dev->version = row->tls_version;
	dev->cipher_suite = row->cipher_suite;
	dev->events = row->events;
	dev->old_version = row->old_version;
	if (dev->kind != NULL && dev->kind->ja4[0] == '\0')
		IGNORE(!str_copy(dev->kind->ja4, sizeof(dev->kind->ja4),
		    row->ja4)); /* a name */
	if (row->cause.n > 0)
		dev->refusal = load_refusal(row);
	load_names(l->d, dev, row);
	return 0;
}

static int
load_deed(const struct store_deed *row, void *arg)
{
	char name[TRUST_TEXT_MAX], root[TRUST_TEXT_MAX];
	struct loading *l = arg;
	struct device *dev;
	struct deed *deed;
	unsigned chain;

	while (l->at < l->n && l->device[l->at]->id < row->device)
		l->at++;
	if (l->at == l->n || l->device[l->at]->id != row->device)
		return 0;
	dev = l->device[l->at];
	str_copy(name, sizeof(name), row->chain);
	str_copy(root, sizeof(root), row->root);
	chain = devices_chain(l->d, name, root);
	deed = chain != DEVICES_CHAINS ? devices_deed(dev, chain, true) : NULL;
	if (deed == NULL)
		return 0;
	/* Until the configuration says more of it. */
	l->d->known[chain].chain.key = (enum trust_key)row->key;
	l->d->known[chain].chain.faults = row->faults;
	l->d->known[chain].chain.depth = row->depth;
	deed->did = (struct trust_deed) {
		.accepted = row->accepted, .refused = row->refused,
		.accepted_no = row->accepted_no,
		.refused_no = row->refused_no, .in_row = row->in_row,
		.accepted_s = row->accepted_s, .refused_s = row->refused_s,
		.fetched = row->fetched,
	};
	if (deed->did.accepted_no == dev->events ||
	    deed->did.refused_no == dev->events)
		dev->chain = (uint16_t)(chain + 1);
	devices_count_word(l->d, dev, deed, 1);
	return 0;
}

static int
load_said(const struct store_said *row, void *arg)
{
	heard_restore(arg, row);
	return 0;
}

static int
load_all(struct devices *d)
{
	struct loading l = { .d = d };
	int err = device_store_each(d->store, load_device, &l);

	if (err == 0)
		err = device_store_each_deed(d->store, 0, load_deed, &l);
	if (err == 0)
		err = device_store_trim_said(d->store);
	if (err == 0)
		err = device_store_each_said(d->store, load_said, d->heard);
	free(l.device);
	return err;
}

int
devices_load(struct devices *d, const char *dir, struct buf *why)
{
	char text[512] = "", quoted[LOG_VAL_MAX];
	int err = device_store_open(&d->store, dir, false, text, sizeof(text));

	if (err == 0) {
		err = load_all(d);
		if (err != E_STORE)
			return err;
		/* It opened, and is broken further in. */
		str_copy(text, sizeof(text),
		    str_cstr(device_store_error(d->store)));
		device_store_close(d->store);
		d->store = NULL;
		err = E_PARSE;
	}
	if (err == E_PARSE) {
		log_err("devices-broken", "reason=%s effect=\"it is kept as "
		    "devices.db.broken, and a new one is begun\"",
		    log_val(quoted, sizeof(quoted), str_cstr(text)));
		err = device_store_set_aside(dir);
		if (err == 0)
			err = device_store_open(&d->store, dir, false, text,
			    sizeof(text));
	}
	if (err != 0)
		buf_printf(why, "the devices cannot be remembered: %s",
		    text[0] != '\0' ? text : err_str(err));
	return err;
}
