/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/proxy.h"

#include <errno.h>
#include <stdlib.h>

#include "edge/worker_int.h"

struct proxy {
	struct worker *worker;
};

int
proxy_new(struct proxy **out, struct worker *w)
{
	struct proxy *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->worker = w;
	*out = p;
	return 0;
}

void
proxy_free(struct proxy *p)
{
	free(p);
}

void
proxy_end(struct proxy *p)
{
}

enum uas_result
proxy_request(struct proxy *p, const struct flow *from,
    const struct sip_msg *m, struct buf *out)
{
	return uas_handle(p->worker->shared->uas, from, m, out);
}

void
proxy_response(struct proxy *p, const struct flow *from,
    const struct sip_msg *m)
{
}

void
proxy_undelivered(struct proxy *p, uint64_t id)
{
}

size_t
proxy_count(const struct proxy *p)
{
	return 0;
}
