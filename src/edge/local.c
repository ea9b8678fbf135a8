/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/local.h"

#include <pthread.h>
#include <stdatomic.h>

/* addr[0..n) are written before n says so, and never again. */
static struct {
	pthread_mutex_t lock;
	atomic_uint n;
	struct addr addr[LOCAL_MAX];
} own = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned
find(const struct addr *a, unsigned from, unsigned n)
{
	while (from < n && !addr_equal(&own.addr[from], a))
		from++;
	return from;
}

uint16_t
local_number(const struct addr *a)
{
	unsigned n = atomic_load_explicit(&own.n, memory_order_acquire);
	unsigned at = addr_is_set(a) ? find(a, 0, n) : LOCAL_MAX;

	if (at < n)
		return (uint16_t)(at + 1);
	if (at == LOCAL_MAX)
		return 0;
	pthread_mutex_lock(&own.lock);
	n = atomic_load(&own.n);
	at = find(a, at, n);
	if (at == n && n < LOCAL_MAX) {
		own.addr[n] = *a;
		atomic_store_explicit(&own.n, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&own.lock);
	return at < LOCAL_MAX ? (uint16_t)(at + 1) : 0;
}

bool
local_addr(struct addr *out, uint16_t number)
{
	if (number == 0 ||
	    number > atomic_load_explicit(&own.n, memory_order_acquire))
		return false;
	*out = own.addr[number - 1];
	return true;
}
