/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edge/proxy over time: a worker of its own on loopback, its clock in our
 * hands.  What no answer ends, timers do, and nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "edge/admission.h"
#include "edge/devices.h"
#include "edge/location.h"
#include "edge/tally.h"
#include "edge/token.h"
#include "edge/uas.h"
#include "edge/users.h"
#include "edge/worker.h"
#include "net/sock.h"
#include "sip/auth.h"
#include "sip/msg.h"
#include "../../temp.h"

#define WAIT_MS 20000
#define SILENT_MS 100
#define SECRET  "secret"

static struct {
	char folder[TEMP_MAX];
	struct conf *conf;
	struct store *store;
	struct users *users;
	struct worker_shared shared;
	struct worker *worker;
	struct addr edge, addr[2];   /* ours; the phones' */
	int phone[2];                /* 100 and 200, UDP */
	int64_t wall_s;
	uint64_t mono_us;
	char got[2][65536];
	struct sip_msg msg[2];
	unsigned calls;
} w;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[65536];
static size_t log_n;

static void
log_sink(const char *line, size_t n, void *arg)
{
	pthread_mutex_lock(&log_lock);
	if (log_n + n < sizeof(log_text)) {
		memcpy(log_text + log_n, line, n);
		log_n += n;
		log_text[log_n] = '\0';
	}
	pthread_mutex_unlock(&log_lock);
}

static bool
logged(const char *words)
{
	bool found;

	pthread_mutex_lock(&log_lock);
	found = log_n > 0 && strstr(log_text, words) != NULL;
	pthread_mutex_unlock(&log_lock);
	return found;
}

static void
later(uint64_t ms)
{
	w.mono_us += ms * 1000;
	clock_fake(w.wall_s, w.mono_us);
}

/* One thing leads to another a tick later: time goes on a little. */
static void
wait_for_line(const char *words)
{
	for (int i = 0; i < WAIT_MS / 20 && !logged(words); i++) {
		poll(NULL, 0, 20);
		later(10);
	}
	if (!logged(words))
		fail_msg("not logged: %s\n%s", words, log_text);
}

/* ---- the world ---- */

static int
add(const char *name, const struct addr *a)
{
	struct store_user u = { .name = str_cstr(name),
		.realm = STR("example.com") };
	char aor[64], contact[ADDR_STRLEN + 16], text[ADDR_STRLEN];
	struct store_binding b = { .call_id = STR("x"), .cseq = 1,
		.expires_s = INT64_MAX / 2, .transport = FLOW_UDP };

	addr_print(a, text);
	snprintf(aor, sizeof(aor), "%s@example.com", name);
	snprintf(contact, sizeof(contact), "sip:%s@%s", name, text);
	b.aor = str_cstr(aor);
	b.key = b.contact = str_cstr(contact);
	b.received = str_cstr(text);
	for (int i = 0; i < DIGEST_ALGS; i++)
		sip_ha1((enum digest_alg)i, u.name, u.realm, STR(SECRET),
		    u.ha1[i]);
	return store_put_user(w.store, &u) | store_begin(w.store) |
	    store_put_binding(w.store, &b) | store_commit(w.store);
}

static int
open_phone(int i)
{
	if (addr_parse(&w.addr[i], STR("127.0.0.1:0"), 0) != 0)
		return -1;
	w.phone[i] = sock_udp(&w.addr[i]);
	sock_local(w.phone[i], &w.addr[i]);
	return w.phone[i] < 0 ? -1 : add(i == 0 ? "100" : "200", &w.addr[i]);
}

static int
start_worker(void)
{
	struct worker_socket s = { .transport = FLOW_UDP };
	struct buf why;

	buf_init(&why, 4096);
	w.shared.worker = &w.worker;
	w.shared.nworker = 1;
	w.shared.users = w.users;
	if (addr_parse(&s.addr, STR("127.0.0.1:0"), 0) != 0 ||
	    (s.fd = sock_udp(&s.addr)) < 0 ||
	    location_new(&w.shared.location, w.conf, w.store, w.users) != 0 ||
	    uas_new(&w.shared.uas, w.conf, w.shared.location, w.users) != 0 ||
	    token_key_new(&w.shared.tokens, w.folder, &w.worker, 1, &why) != 0)
		return -1;
	sock_local(s.fd, &s.addr);
	w.edge = s.addr;
	return worker_new(&w.worker, 0, &w.shared, w.conf, NULL) != 0 ||
	    worker_add_socket(w.worker, &s) != 0 ||
	    worker_start(w.worker) != 0 ? -1 : 0;
}

static int
begin(const char *transactions)
{
	const struct conf_override over[] = { { "domain", "example.com" },
		{ "ring_timeout", "190" },
		{ "proxy_transactions_max", transactions } };
	struct buf why;

	memset(&w, 0, sizeof(w));
	buf_init(&why, 4096);
	w.wall_s = clock_wall_s();
	w.mono_us = clock_mono_us();
	log_n = 0;
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(log_sink, NULL);
	clock_fake(w.wall_s, w.mono_us);
	if (temp_folder(w.folder, "proxy") == NULL ||
	    conf_load(&w.conf, NULL, over, ARRAY_LEN(over), &why) != 0 ||
	    store_open_memory(&w.store) != 0 || open_phone(0) != 0 ||
	    open_phone(1) != 0 || users_new(&w.users) != 0 ||
	    users_load(w.users, w.store) != 0)
		return -1;
	return start_worker();
}

static int
setup(void **state)
{
	return begin("1000");
}

static int
setup_small(void **state)
{
	return begin("16");
}

static int
teardown(void **state)
{
	char path[TEMP_MAX + 16];

	worker_quiesce(w.worker);
	location_free(w.shared.location);
	worker_stop(w.worker);
	worker_join(w.worker);
	worker_free(w.worker);
	uas_free(w.shared.uas);
	token_key_free(w.shared.tokens);
	users_free(w.users);
	store_close(w.store);
	conf_unref(w.conf);
	close(w.phone[0]);
	close(w.phone[1]);
	snprintf(path, sizeof(path), "%s/token.key", w.folder);
	unlink(path);
	rmdir(w.folder);
	clock_real();
	tally_flush(clock_mono_ms(), true);
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

/* ---- messages ---- */

static void
send_to_edge(int i, const struct buf *out)
{
	assert_false(out->failed);
	assert_int_equal(sendto(w.phone[i], out->p, out->n, 0, &w.edge.u.sa,
	    addr_len(&w.edge)), (ssize_t)out->n);
}

static bool
came(int i, int ms)
{
	struct pollfd p = { .fd = w.phone[i], .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static const struct sip_msg *
next(int i)
{
	ssize_t n;

	for (int k = 0; k < WAIT_MS / 20 && !came(i, 20); k++)
		later(10);
	assert_true(came(i, 0));
	n = recv(w.phone[i], w.got[i], sizeof(w.got[i]), 0);
	assert_true(n > 0);
	assert_int_equal(sip_msg_parse(&w.msg[i], str_of(w.got[i], (size_t)n),
	    SIP_DATAGRAM, sizeof(w.got[i])), 0);
	return &w.msg[i];
}

/* What is sent again meanwhile is passed by. */
static void
expect_status(int i, int status)
{
	const struct sip_msg *m;

	do
		m = next(i);
	while (!m->request && m->status == 100 && status != 100);
	assert_false(m->request);
	assert_int_equal(m->status, status);
}

static void
expect_method(int i, enum sip_method method)
{
	const struct sip_msg *m;

	do
		m = next(i);
	while (m->request && m->method != method);
	assert_true(m->request);
}

struct call {
	char branch[32];
	unsigned number;
	uint32_t cseq;
};

static void
request(const struct call *c, const char *method, struct str credentials)
{
	char text[4096], at[ADDR_STRLEN];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	addr_print(&w.addr[0], at);
	buf_printf(&out, "%s sip:200@example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%u;rport\r\n"
	    "From: <sip:100@example.com>;tag=f%u\r\n"
	    "To: <sip:200@example.com>\r\nCall-ID: call%u\r\n"
	    "CSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:100@%s>\r\n",
	    method, at, c->branch, c->cseq, c->number, c->number, c->cseq,
	    method, at);
	if (credentials.n > 0) {
		buf_puts(&out, "Proxy-Authorization: ");
		buf_str(&out, credentials);
		buf_puts(&out, "\r\n");
	}
	buf_puts(&out, "Content-Length: 0\r\n\r\n");
	send_to_edge(0, &out);
}

/* A request that gets past the challenge. */
static struct call
start(const char *method)
{
	struct call c = { .number = ++w.calls, .cseq = 1 };
	struct sip_challenge challenge;
	char text[1024];
	struct buf out;

	snprintf(c.branch, sizeof(c.branch), "c%u-", c.number);
	request(&c, method, STR_NULL);
	expect_status(0, 407);
	assert_int_equal(sip_challenge_parse(&challenge, sip_msg_field(
	    &w.msg[0], SIP_HEADER_PROXY_AUTHENTICATE)->value), 0);
	buf_init_array(&out, text, sizeof(text));
	sip_credentials_put(&out, DIGEST_MD5, STR("100"), challenge.realm,
	    STR(SECRET), str_cstr(method), STR("sip:200@example.com"),
	    challenge.nonce, 1, STR("c0ffee"));
	c.cseq++;
	request(&c, method, buf_as_str(&out));
	return c;
}

/* 200 answers what it got last. */
static void
answer(int status)
{
	const struct sip_msg *m = &w.msg[1];
	char text[8192];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	buf_printf(&out, "SIP/2.0 %d Answer\r\n", status);
	for (size_t i = 0; i < m->nfield; i++) {
		const struct sip_field *f = &m->field[i];

		if (f->id == SIP_HEADER_TO && m->to_tag.n == 0)
			buf_printf(&out, "To: %.*s;tag=t\r\n",
			    STR_FMT(f->value));
		else if (f->id == SIP_HEADER_VIA || f->id == SIP_HEADER_FROM ||
		    f->id == SIP_HEADER_TO || f->id == SIP_HEADER_CALL_ID ||
		    f->id == SIP_HEADER_CSEQ ||
		    f->id == SIP_HEADER_RECORD_ROUTE)
			buf_printf(&out, "%.*s: %.*s\r\n", STR_FMT(f->name),
			    STR_FMT(f->value));
	}
	buf_puts(&out, "Contact: <sip:200@h>\r\nContent-Length: 0\r\n\r\n");
	send_to_edge(1, &out);
}

/* ---- tests ---- */

static void
an_answered_call_leaves_nothing_behind(void **state)
{
	start("INVITE");
	expect_method(1, SIP_METHOD_INVITE);
	expect_status(0, 100);
	answer(200);
	expect_status(0, 200);
	later(31000);
	assert_false(came(0, SILENT_MS));
	assert_false(logged("proxy-idle"));
	/* A 200 again, while it may be lost (RFC 6026). */
	answer(200);
	expect_status(0, 200);
	later(2000); /* Timers L and M */
	wait_for_line("proxy-idle");
	wait_for_line("call from=sip:100@example.com "
	    "to=sip:200@example.com");
	answer(200);
	assert_false(came(0, SILENT_MS));
}

static void
a_call_that_nobody_hears_gets_408(void **state)
{
	start("INVITE");
	expect_method(1, SIP_METHOD_INVITE);
	expect_status(0, 100);
	later(32100); /* Timer B */
	expect_status(0, 408);
	wait_for_line(" status=408 ");
	later(33000); /* Timer H: no ACK comes */
	wait_for_line("proxy-idle");
}

static void
what_rings_too_long_is_cancelled(void **state)
{
	start("INVITE");
	expect_method(1, SIP_METHOD_INVITE);
	answer(180);
	expect_status(0, 180);
	for (int i = 0; i < 3; i++) {
		struct sip_msg invite = w.msg[1];

		/* Each provisional begins it anew (16.7 step 2). */
		later(180000);
		assert_false(came(1, SILENT_MS));
		w.msg[1] = invite;
		answer(180);
		expect_status(0, 180);
	}
	later(191000); /* Timer C */
	expect_method(1, SIP_METHOD_CANCEL);
	answer(200);
	later(32100); /* the phone does not say 487 */
	expect_status(0, 408);
	later(33000);
	wait_for_line("proxy-idle");
}

static void
no_word_about_others_than_invite(void **state)
{
	start("MESSAGE");
	expect_method(1, SIP_METHOD_MESSAGE);
	assert_false(came(0, SILENT_MS));
	later(3600);
	expect_status(0, 100); /* RFC 4320 4.1 */
	later(30000);
	wait_for_line("proxy-idle");
	assert_false(came(0, SILENT_MS)); /* and no 408 */
}

static void
a_failed_call_that_is_acknowledged(void **state)
{
	struct call c = start("INVITE");

	expect_method(1, SIP_METHOD_INVITE);
	expect_status(0, 100);
	answer(486);
	expect_status(0, 486);
	expect_method(1, SIP_METHOD_ACK);
	request(&c, "ACK", STR_NULL);
	later(5100);  /* Timer I */
	later(33000); /* Timer D */
	wait_for_line("proxy-idle");
	wait_for_line(" status=486 ");
}

static void
beyond_the_limit_there_is_503(void **state)
{
	/* Two transactions each. */
	for (int i = 0; i < 8; i++) {
		start("INVITE");
		expect_status(0, 100);
		expect_method(1, SIP_METHOD_INVITE);
	}
	start("INVITE");
	expect_status(0, 503);
	assert_non_null(sip_msg_field(&w.msg[0], SIP_HEADER_RETRY_AFTER));
}

static void
at_the_end_who_waits_is_told(void **state)
{
	start("INVITE");
	expect_method(1, SIP_METHOD_INVITE);
	answer(180);
	expect_status(0, 180);
	worker_quiesce(w.worker);
	expect_status(0, 503);
	expect_method(1, SIP_METHOD_CANCEL);
	wait_for_line("proxy-idle");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		WITH(an_answered_call_leaves_nothing_behind),
		WITH(a_call_that_nobody_hears_gets_408),
		WITH(what_rings_too_long_is_cancelled),
		WITH(no_word_about_others_than_invite),
		WITH(a_failed_call_that_is_acknowledged),
		cmocka_unit_test_setup_teardown(beyond_the_limit_there_is_503,
		    setup_small, teardown),
		WITH(at_the_end_who_waits_is_told),
	};

	if (digest_setup() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
