/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client whose ClientHello is another each time is a new device each time,
 * and would be shown the first chain for ever.  When several that nobody knew
 * have come from one address within minutes, the next is taken for one of them.
 */
#include "edge/devices_int.h"

#define MEMORY_S 600
#define SEVERAL  2   /* and as many refusals of one chain                    */

/* Under the lock: of this address, or NULL when it has none. */
static struct newcomer *
find(struct devices *d, const struct addr *peer, int64_t now_s, bool make)
{
	uint64_t hash = addr_hash_ip(peer);
	struct newcomer *n = &d->newcomer[hash % DEVICES_NEWCOMERS];

	if (n->ip_hash == hash && now_s - n->when_s <= MEMORY_S)
		return n;
	if (!make)
		return NULL;
	*n = (struct newcomer) { .ip_hash = hash };
	return n;
}

void
devices_newcomer(struct devices *d, const struct addr *peer, unsigned chain,
    bool accepted, int64_t now_s)
{
	struct newcomer *n;
	unsigned i = 0;

	pthread_mutex_lock(&d->newcomers_lock);
	n = find(d, peer, now_s, true);
	n->when_s = now_s;
	n->seen++;
	while (i < n->n && n->did[i].chain != chain)
		i++;
	if (i < DEVICES_NEWCOMER_CHAINS) {
		struct newcomer_did *did = &n->did[i];

		if (i == n->n) {
			*did = (struct newcomer_did) {
				.chain = (uint16_t)chain };
			n->n++;
		}
		did->no = n->seen;
		did->accepted = accepted;
		did->refused = accepted ? 0 : did->refused + 1;
	}
	pthread_mutex_unlock(&d->newcomers_lock);
}

bool
devices_newcomers(struct devices *d, const struct addr *peer,
    struct trust_deed *deed, const unsigned *number, unsigned nchains,
    int64_t now_s)
{
	struct newcomer copy = { .n = 0 };
	const struct newcomer *n;

	pthread_mutex_lock(&d->newcomers_lock);
	n = find(d, peer, now_s, false);
	if (n != NULL && n->seen >= SEVERAL)
		copy = *n;
	pthread_mutex_unlock(&d->newcomers_lock);
	for (unsigned i = 0; i < nchains && copy.n > 0; i++) {
		deed[i] = (struct trust_deed) { .accepted = 0 };
		for (unsigned k = 0; k < copy.n; k++) {
			const struct newcomer_did *did = &copy.did[k];

			if (did->chain != number[i])
				continue;
			if (did->accepted) {
				deed[i].accepted = 1;
				deed[i].accepted_no = did->no;
			} else if (did->refused >= SEVERAL) {
				deed[i].refused = deed[i].in_row =
				    did->refused;
				deed[i].refused_no = did->no;
				deed[i].refused_s = copy.when_s;
			}
		}
	}
	return copy.n > 0;
}
