/* SPDX-License-Identifier: BSD-2-Clause */
#include "call_world.h"

struct side a, b;
uint64_t now;
struct loss lost;

static void
on_send(struct str message, void *arg)
{
	struct side *s = arg;

	assert_true(s->nout < QUEUE && message.n < sizeof(s->out[0].text));
	memcpy(s->out[s->nout].text, message.p, message.n);
	s->out[s->nout++].n = message.n;
}

static void
on_news(const struct call_news *n, void *arg)
{
	struct side *s = arg;

	assert_true(s->nnews < QUEUE);
	s->news[s->nnews].kind = n->kind;
	s->news[s->nnews].status = n->status;
	s->news[s->nnews].by_us = n->by_us;
	s->news[s->nnews].incoming = n->incoming;
	s->news[s->nnews].direction = n->direction;
	str_copy(s->news[s->nnews++].reason, 128, n->reason);
}

static const struct call_ops ops = { on_send, on_news };

static void
begin(struct side *s, const char *user, const char *transport)
{
	static char aor[2][32];
	char *mine = aor[s == &b];
	struct call_place at = { .transport = str_cstr(transport) };

	snprintf(mine, sizeof(aor[0]), "sip:%s@b", user);
	s->p.aor = str_cstr(mine);
	s->p.user = s->p.auth_user = str_cstr(user);
	s->p.password = STR("secret");
	s->p.user_agent = STR("test");
	assert_int_equal(addr_parse(&at.local, s == &a ? STR("192.0.2.1:5060") :
	    STR("192.0.2.2:5060"), 0), 0);
	at.server = s == &a ? b.calls.place.local : a.calls.place.local;
	at.media = at.local;
	snprintf(at.contact, sizeof(at.contact), "sip:%s@192.0.2.%d", user,
	    s == &a ? 1 : 2);
	calls_fini(&s->calls);
	calls_init(&s->calls, &s->p, &ops, s);
	calls_up(&s->calls, &at);
}

void
set_up(const char *transport)
{
	begin(&a, "100", transport);
	begin(&b, "101", transport);
}

int
call_setup(void **state)
{
	calls_fini(&a.calls);
	calls_fini(&b.calls);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&lost, 0, sizeof(lost));
	now = 1000;
	b.p.answer_ms = 1000;
	set_up("UDP");
	return 0;
}

int
call_teardown(void **state)
{
	calls_fini(&a.calls);
	calls_fini(&b.calls);
	return 0;
}

static bool
is_lost(const struct sip_msg *m)
{
	bool it = m->request ? lost.status == 0 && m->method == lost.method :
	    m->status == lost.status;

	if (lost.all)
		return true;
	if (!it || lost.times == 0)
		return false;
	lost.times--;
	return true;
}

static void
deliver(struct side *from, struct side *to)
{
	struct sip_msg m;

	while (from->taken < from->nout) {
		size_t i = from->taken++;

		assert_int_equal(sip_msg_parse(&m, str_of(from->out[i].text,
		    from->out[i].n), SIP_DATAGRAM, 4096), 0);
		if (is_lost(&m))
			continue;
		if (m.request)
			calls_request(&to->calls, &m, now);
		else
			calls_response(&to->calls, &m, now);
	}
}

void
pump(void)
{
	while (a.taken < a.nout || b.taken < b.nout) {
		deliver(&a, &b);
		deliver(&b, &a);
	}
}

void
pass(uint64_t ms)
{
	uint64_t end = now + ms;

	pump();
	for (;;) {
		uint64_t x = calls_next_ms(&a.calls);
		uint64_t y = calls_next_ms(&b.calls);

		x = y < x ? y : x;
		if (x > end)
			break;
		now = x > now ? x : now;
		calls_tick(&a.calls, now);
		calls_tick(&b.calls, now);
		pump();
	}
	now = end;
}

void
call(void)
{
	assert_int_equal(calls_place(&a.calls, STR("sip:101@b"), now), 0);
	pump();
}

void
told(const struct side *s, const int *kinds)
{
	size_t n = 0;

	for (; kinds[n] >= 0; n++) {
		if (n >= s->nnews || (int)s->news[n].kind != kinds[n])
			fail_msg("news %zu of %zu: %d, expected %d", n,
			    s->nnews, n < s->nnews ? (int)s->news[n].kind :
			    -1, kinds[n]);
	}
	assert_int_equal(s->nnews, n);
}

void
ended(const struct side *s, int status, bool by_us, const char *reason)
{
	size_t last = s->nnews - 1;

	assert_true(s->nnews > 0);
	assert_int_equal(s->news[last].kind, CALL_NEWS_ENDED);
	assert_int_equal(s->news[last].status, status);
	assert_string_equal(s->news[last].reason, reason);
	assert_int_equal(s->news[last].by_us, by_us);
	assert_false(calls_active(&s->calls));
}

unsigned
sent(const struct side *s, const char *begins)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->nout; i++)
		n += strncmp(s->out[i].text, begins, strlen(begins)) == 0;
	return n;
}
