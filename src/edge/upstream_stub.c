/* SPDX-License-Identifier: BSD-2-Clause */
/* There are no upstreams yet: edge/upstream.c takes the place of this file. */
#include "edge/upstream.h"

int
upstreams_new(struct upstreams **out, struct conf *conf, struct loop *loop,
    const struct token_key *tokens, struct buf *why)
{
	*out = NULL;
	return 0;
}

void
upstreams_free(struct upstreams *u)
{
}

uint64_t
upstreams_at(const struct upstreams *u, const struct addr *peer)
{
	return 0;
}

bool
upstreams_host(const struct upstreams *u, const struct addr *peer)
{
	return false;
}

void
upstream_route(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m, uint64_t only)
{
	out->status = 503;
}

void
upstream_heard(struct upstreams *u, uint64_t upstream, int status)
{
}

void
upstream_registered(struct upstreams *u, const struct route_view *v,
    const struct flow *from, const struct sip_msg *request,
    const struct sip_msg *response, struct devices *devices,
    struct sip_forward_change *change, struct buf *text)
{
}
