/* SPDX-License-Identifier: BSD-2-Clause */
/* One message, as a datagram and off a stream, and all that is in it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/addr.h"
#include "sip/msg.h"
#include "sip/param.h"
#include "sip/reply.h"

#define HEAD_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Every slice lies in the message. */
static void
inside(struct str all, struct str s)
{
	must(s.n == 0 || (s.p >= all.p && s.p + s.n <= all.p + all.n));
}

static void
walk_list(struct str all, struct str list)
{
	struct sip_nameaddr na;
	struct sip_param param;
	struct str one;

	while (sip_list_next(&list, &one)) {
		inside(all, one);
		if (sip_nameaddr_parse(&na, one) != 0)
			continue;
		inside(all, na.uri);
		while (sip_param_next(&na.params, &param)) {
			inside(all, param.name);
			inside(all, param.value);
		}
	}
}

static void
check(const struct sip_msg *m, int err)
{
	static char text[65536 * 2];
	struct addr from;
	struct buf out;

	must(err == 0 ? m->refuse == 0 : m->why != NULL);
	must(m->nfield <= SIP_FIELDS_MAX);
	for (size_t i = 0; i < m->nfield; i++) {
		inside(m->all, m->field[i].name);
		inside(m->all, m->field[i].value);
		walk_list(m->all, m->field[i].value);
	}
	inside(m->all, m->body);
	inside(m->all, m->call_id);
	inside(m->all, m->from_tag);
	if (!m->request || (err != 0 && !m->answerable))
		return;
	must(addr_parse(&from, STR("192.0.2.1:5060"), 0) == 0);
	buf_init_array(&out, text, sizeof(text));
	sip_reply_begin(&out, m, 400, NULL, STR("tag"), &from);
	sip_reply_end(&out);
	must(out.failed || out.n > 20);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sip_msg m;
	/* A copy of its own size: one byte too far is seen. */
	char *copy = calloc(n > 0 ? n : 1, 1);
	struct str bytes = str_of(copy, n);

	must(copy != NULL);
	for (size_t i = 0; i < n; i++)
		copy[i] = (char)data[i];
	check(&m, sip_msg_parse(&m, bytes, SIP_DATAGRAM, HEAD_MAX));
	check(&m, sip_msg_parse(&m, bytes, SIP_STREAM, HEAD_MAX));
	free(copy);
	return 0;
}
