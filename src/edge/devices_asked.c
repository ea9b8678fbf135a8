/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices said when they were asked for roots: evidence for the choice of
 * their chain, as good as what they did, read from their file when it is new
 * and when there are other chains.
 */
#include "edge/devices_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/err.h"
#include "base/log.h"
#include "store/probe.h"
#include "trust/belief.h"

/* Of one device and root. */
struct said {
	int64_t device;
	uint8_t sha256[32];
	enum trust_asked what;
};

struct telling {
	struct devices *d;
	struct said *said;        /* in the order of the devices            */
	size_t n;
};

static bool
is(struct str text, enum trust_holding h)
{
	return str_eq(text, str_cstr(trust_holding_name(h)));
}

/* What is merely possible is no reason to pass a chain over. */
static int
on_holding(const struct store_probe_holding *row, void *arg)
{
	struct telling *t = arg;
	struct said s = { .device = row->device }, *at;

	if (is(row->holding, TRUST_HOLDS))
		s.what = TRUST_ASKED_HOLDS;
	else if (is(row->holding, TRUST_LACKS))
		s.what = TRUST_ASKED_LACKS;
	if (s.what == TRUST_ASKED_NOTHING ||
	    trust_confidence_named(row->confidence) == TRUST_POSSIBLE ||
	    row->sha256.n != 2 * sizeof(s.sha256) ||
	    !str_unhex(s.sha256, sizeof(s.sha256), row->sha256))
		return 0;
	at = array_add(&t->said, &t->n, sizeof(s));
	if (at == NULL)
		return -ENOMEM;
	*at = s;
	return 0;
}

static size_t
first_of(const struct telling *t, int64_t device)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->said[mid].device < device)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Under the shard's lock. */
static void
tell(struct hash_node *node, void *arg)
{
	struct device *dev = CONTAINER_OF(node, struct device, node);
	struct telling *t = arg;
	unsigned nchains = t->d->nchains;

	for (unsigned i = 0; i < dev->ndeeds; i++)
		dev->deed[i].did.asked = TRUST_ASKED_NOTHING;
	if (dev->id == 0)
		return;
	for (size_t i = first_of(t, dev->id);
	     i < t->n && t->said[i].device == dev->id; i++)
		for (unsigned c = 0; c < nchains; c++) {
			struct deed *deed;

			if (memcmp(t->d->known[c].chain.root_sha256,
			    t->said[i].sha256, 32) != 0)
				continue;
			deed = devices_deed(dev, c, true);
			if (deed != NULL)
				deed->did.asked = (uint8_t)t->said[i].what;
		}
}

static void
tell_all(struct telling *t)
{
	for (int i = 0; i < DEVICES_SHARDS; i++) {
		struct device_shard *s = &t->d->shard[i];

		pthread_mutex_lock(&s->lock);
		hash_each(&s->table, tell, t);
		pthread_mutex_unlock(&s->lock);
	}
	t->d->told = t->n > 0;
}

void
devices_asked(struct devices *d)
{
	struct telling t = { .d = d };
	struct probe_store *store;
	char why[512] = "", text[LOG_VAL_MAX];
	int err = probe_store_open(&store, d->dir, true, why, sizeof(why));

	if (err == 0) {
		err = probe_store_each_holding(store, 0, on_holding, &t);
		if (err == E_STORE)
			str_copy(why, sizeof(why),
			    str_cstr(probe_store_error(store)));
		probe_store_close(store);
	}
	if (err == E_ABSENT)
		err = 0; /* nobody was ever asked */
	if (err != 0)
		log_warn("devices-asked-unread", "reason=%s effect=\"what "
		    "devices said of their roots does not count\"",
		    log_val(text, sizeof(text), str_cstr(why[0] != '\0' ?
		    why : err_str(err))));
	else if (t.n > 0 || d->told)
		tell_all(&t);
	free(t.said);
}
