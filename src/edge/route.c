/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/route.h"

struct str
route_keep(struct route *out, struct str s)
{
	char *at = out->text + out->ntext;

	if (s.p == NULL || s.n > sizeof(out->text) - out->ntext)
		return STR_NULL;
	memcpy(at, s.p, s.n);
	out->ntext += s.n;
	return str_of(at, s.n);
}

void
route_request(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m)
{
	out->status = 480;
}
