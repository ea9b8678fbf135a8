/* SPDX-License-Identifier: BSD-2-Clause */
/* A device has fetched a CA file: what chains that may mend. */
#include "edge/devices_int.h"

struct fetch {
	struct devices *d;
	const struct addr *peer;
	struct str root;
	int64_t now_s;
	bool refused_only;  /* mark those that refused it              */
	unsigned marked;
};

/* A chain to this root that the device has (not) refused. */
static void
mark(struct hash_node *node, void *arg)
{
	struct device *dev = CONTAINER_OF(node, struct device, node);
	struct fetch *f = arg;
	unsigned n = f->d->nchains, marked = 0;

	if (!addr_equal_ip(&dev->addr, f->peer))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct deed *deed;

		if (!str_eq(str_cstr(f->d->known[i].chain.root), f->root))
			continue;
		deed = devices_deed(dev, i, !f->refused_only);
		if (deed == NULL ||
		    (f->refused_only && deed->did.in_row == 0))
			continue;
		deed->did.fetched = true;
		if (marked++ == 0)
			devices_event(dev, "ca-fetched", i, NULL, 0,
			    f->now_s);
	}
	if (marked == 0)
		return;
	f->marked++;
	devices_due(f->d, dev);
}

void
devices_fetched(struct devices *d, const struct addr *peer, struct str root,
    int64_t now_s)
{
	unsigned index;
	struct device_shard *s = devices_shard(d, peer, &index);
	struct fetch f = {
		.d = d, .peer = peer, .root = root, .now_s = now_s,
		.refused_only = true,
	};

	pthread_mutex_lock(&s->lock);
	/* Behind a NAT it is hardly one that has no need of it. */
	hash_each(&s->table, mark, &f);
	if (f.marked == 0) {
		f.refused_only = false;
		hash_each(&s->table, mark, &f);
	}
	if (f.marked == 0) {
		struct device *dev = devices_add(d, index, peer, 0, now_s);

		if (dev != NULL)
			mark(&dev->node, &f);
	}
	pthread_mutex_unlock(&s->lock);
}
