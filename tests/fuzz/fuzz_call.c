/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A phone that is in a call, and what comes then: datagrams, a line with "%%"
 * between them; after each, a second passes.  "$" in them stands for the tags
 * that cannot be guessed: $T our tag, $C our Call-ID, $B our last branch.  An
 * even first byte: it calls.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/digest.h"
#include "phone/calls.h"

#define MESSAGE_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct calls calls;
static char branch[128], tag[64], call_id[256];

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* What it sends can be read. */
static void
on_send(struct str message, void *arg)
{
	static struct sip_msg m;

	must(sip_msg_parse(&m, message, SIP_STREAM, MESSAGE_MAX) == 0);
	str_copy(call_id, sizeof(call_id), m.call_id);
	str_copy(tag, sizeof(tag), m.request ? m.from_tag : m.to_tag);
	if (m.request)
		str_copy(branch, sizeof(branch), m.via.branch);
}

static void
on_news(const struct call_news *news, void *arg)
{
	must(news->kind != CALL_NEWS_ENDED || news->reason.p != NULL ||
	    news->reason.n == 0);
}

static const struct call_ops ops = { on_send, on_news };

static void
begin(bool udp)
{
	static const struct call_params p = {
		.aor = { "sip:100@b", 9 },
		.user = { "100", 3 },
		.auth_user = { "100", 3 },
		.password = { "secret", 6 },
		.user_agent = { "fuzz", 4 },
		.answer_ms = 1000,
		.hold_ms = 3000,
		.talk_ms = 20000,
	};
	struct call_place at = {
		.transport = udp ? STR("UDP") : STR("TCP"),
		.contact = "sip:100@192.0.2.1",
	};

	must(addr_parse(&at.local, STR("192.0.2.1:5060"), 0) == 0);
	at.server = at.media = at.local;
	calls_init(&calls, &p, &ops, NULL);
	calls_up(&calls, &at);
}

static void
fill(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (s.p[i] != '$' || (next != 'T' && next != 'C' &&
		    next != 'B')) {
			buf_putc(out, s.p[i]);
			continue;
		}
		buf_puts(out, next == 'T' ? tag : next == 'C' ? call_id :
		    branch);
		i++;
	}
}

static void
feed(struct str s, uint64_t now)
{
	static char text[MESSAGE_MAX];
	static struct sip_msg m;
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	fill(&out, s);
	if (out.failed || sip_msg_parse(&m, buf_as_str(&out), SIP_DATAGRAM,
	    MESSAGE_MAX) != 0)
		return;
	if (m.request)
		calls_request(&calls, &m, now);
	else
		calls_response(&calls, &m, now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_of((const char *)data, n);
	const char sep[] = "%%\n";
	uint64_t now = 0;

	must(digest_setup() == 0);
	branch[0] = tag[0] = call_id[0] = '\0';
	begin(n % 2 == 0);
	/* An even first byte: it calls. */
	if (n > 0 && data[0] % 2 == 0)
		must(calls_place(&calls, STR("sip:101@b"), now) == 0);
	while (rest.n > 0) {
		const char *at = memmem(rest.p, rest.n, sep, 3);
		size_t len = at != NULL ? (size_t)(at - rest.p) : rest.n;

		feed(str_of(rest.p, len), now);
		rest = str_from(rest, len + (at != NULL ? 3 : 0));
		now += 1000;
		calls_tick(&calls, now);
	}
	/* Whatever came: all of it ends. */
	calls_hangup(&calls, now);
	for (int i = 0; i < 500 && calls_next_ms(&calls) != UINT64_MAX; i++) {
		now = calls_next_ms(&calls);
		calls_tick(&calls, now);
		calls_hangup(&calls, now);
	}
	must(!calls_active(&calls) && calls_next_ms(&calls) == UINT64_MAX);
	calls_fini(&calls);
	return 0;
}
