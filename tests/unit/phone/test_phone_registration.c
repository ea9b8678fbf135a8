/* SPDX-License-Identifier: BSD-2-Clause */
/* A registration against a registrar that the test plays; the time is its. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "phone/registration.h"
#include "sip/reply.h"

static struct registration r;
static struct {
	char text[REGISTRATION_MESSAGE_MAX];
	size_t n;
	struct sip_msg msg;
	unsigned count;
} sent;
static struct registration_news news;
static unsigned nnews;
static char answer[4096];

static void
on_send(struct str message, void *arg)
{
	memcpy(sent.text, message.p, message.n);
	sent.n = message.n;
	sent.count++;
	assert_int_equal(sip_msg_parse(&sent.msg, str_of(sent.text, sent.n),
	    SIP_STREAM, 8192), 0);
}

static void
on_news(const struct registration_news *n, void *arg)
{
	news = *n;
	nnews++;
}

static const struct registration_ops ops = { on_send, on_news };

static int
begin_with(bool md5_only)
{
	const struct registration_params p = {
		.registrar = STR("sip:example.com"),
		.aor = STR("sip:100@example.com"),
		.user = STR("100"),
		.auth_user = STR("100"),
		.password = STR("secret"),
		.user_agent = STR("Cisco/SPA502G-7.6.2"),
		.expires_s = 3600,
		.retry_ms = 30000,
		.md5_only = md5_only,
	};

	memset(&sent, 0, sizeof(sent));
	memset(&news, 0, sizeof(news));
	nnews = 0;
	registration_init(&r, &p, &ops, NULL);
	return 0;
}

static int
setup(void **state)
{
	return begin_with(false);
}

static int
teardown(void **state)
{
	registration_fini(&r);
	return 0;
}

static void
begin(const char *transport, uint64_t now_ms)
{
	struct addr local;

	assert_int_equal(addr_parse(&local, STR("192.0.2.7:5069"), 0), 0);
	registration_begin(&r, str_cstr(transport), &local, now_ms);
}

/* Answer the last request with this status and these further fields. */
static void
reply(int status, const char *fields, uint64_t now_ms)
{
	struct sip_msg m;
	struct addr source;
	struct buf out;

	assert_int_equal(addr_parse(&source, STR("192.0.2.7:5069"), 0), 0);
	buf_init_array(&out, answer, sizeof(answer));
	sip_reply_begin(&out, &sent.msg, status, NULL, STR("r"), &source);
	buf_puts(&out, fields);
	sip_reply_end(&out);
	assert_int_equal(sip_msg_parse(&m, buf_as_str(&out), SIP_STREAM,
	    8192), 0);
	registration_response(&r, &m, now_ms);
}

static struct str
field(enum sip_header id)
{
	const struct sip_field *f = sip_msg_field(&sent.msg, id);

	return f != NULL ? f->value : STR_NULL;
}

#define IS(s, lit) assert_true(str_eq(s, STR(lit)))

static bool
answers(enum digest_alg alg, const char *realm)
{
	char ha1[2 * DIGEST_MAX + 1];
	struct sip_credentials c;

	if (sip_credentials_parse(&c, field(SIP_HEADER_AUTHORIZATION)) != 0)
		return false;
	sip_ha1(alg, STR("100"), str_cstr(realm), STR("secret"), ha1);
	return c.alg == alg && sip_credentials_check(&c, ha1,
	    STR("REGISTER"));
}

#define MD5 "WWW-Authenticate: Digest realm=\"example.com\", " \
	"nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n"
#define SHA "WWW-Authenticate: Digest realm=\"example.com\", " \
	"nonce=\"n2\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"\r\n"

static void
first_request(void **state)
{
	begin("TLS", 0);
	assert_int_equal(sent.count, 1);
	assert_int_equal(sent.msg.method, SIP_METHOD_REGISTER);
	IS(sent.msg.request_uri, "sip:example.com");
	IS(sent.msg.to.uri, "sip:100@example.com");
	assert_null(sent.msg.to_tag.p);
	assert_int_equal(sent.msg.from_tag.n, 16);
	IS(field(SIP_HEADER_CONTACT),
	    "<sip:100@192.0.2.7:5069;transport=tls>");
	IS(field(SIP_HEADER_USER_AGENT), "Cisco/SPA502G-7.6.2");
	IS(field(SIP_HEADER_EXPIRES), "3600");
	IS(sent.msg.via.transport, "TLS");
	assert_true(sent.msg.via.rport);
	assert_int_equal(sent.msg.max_forwards, 70);
	assert_null(field(SIP_HEADER_AUTHORIZATION).p);
	teardown(NULL);
	setup(NULL);
	begin("UDP", 0);
	IS(field(SIP_HEADER_CONTACT), "<sip:100@192.0.2.7:5069>");
}

static void
digest_and_200(void **state)
{
	begin("TLS", 1000);
	reply(401, SHA MD5, 1010);
	assert_int_equal(sent.count, 2);
	/* RFC 8760 2.4: the first of those it knows. */
	assert_true(answers(DIGEST_SHA256, "example.com"));
	assert_non_null(strstr(sent.text, "opaque=\"o\""));
	reply(200, "Contact: <sip:100@192.0.2.7:5069;transport=tls>;"
	    "expires=600\r\nExpires: 7200\r\n", 1020);
	assert_int_equal(r.state, REGISTRATION_REGISTERED);
	assert_int_equal(news.kind, REGISTRATION_NEWS_REGISTERED);
	assert_int_equal(news.expires_s, 600);
	assert_int_equal(registration_next_ms(&r), 1020 + 540000);
}

static void
an_old_phone_knows_md5_alone(void **state)
{
	teardown(NULL);
	begin_with(true);
	begin("TLS", 0);
	reply(401, SHA MD5, 1);
	assert_true(answers(DIGEST_MD5, "example.com"));
}

static void
refresh_with_the_same_nonce(void **state)
{
	begin("TLS", 0);
	reply(401, MD5, 0);
	reply(200, "Expires: 60\r\n", 0);
	registration_tick(&r, 29999);
	assert_int_equal(sent.count, 2);
	registration_tick(&r, 30000);
	assert_int_equal(sent.count, 3);
	assert_true(answers(DIGEST_MD5, "example.com"));
	assert_non_null(strstr(sent.text, "nc=00000002"));
	/* The nonce has aged meanwhile. */
	reply(401, "WWW-Authenticate: Digest realm=\"example.com\", "
	    "nonce=\"n9\", qop=\"auth\", stale=true\r\n", 30001);
	assert_non_null(strstr(sent.text, "nonce=\"n9\""));
	assert_non_null(strstr(sent.text, "nc=00000001"));
	reply(200, "Expires: 60\r\n", 30002);
	assert_int_equal(news.kind, REGISTRATION_NEWS_REFRESHED);
}

static void
wrong_password(void **state)
{
	begin("TLS", 0);
	reply(401, MD5, 1);
	reply(401, MD5, 2);
	assert_int_equal(sent.count, 2);
	assert_int_equal(news.kind, REGISTRATION_NEWS_REFUSED);
	assert_int_equal(news.status, 401);
	assert_int_equal(news.retry_ms, 30000);
	registration_tick(&r, 30001);
	assert_int_equal(sent.count, 2);
	registration_tick(&r, 30002);
	assert_int_equal(sent.count, 3);
	assert_null(field(SIP_HEADER_AUTHORIZATION).p);
}

/* A server that calls every nonce stale does not keep the phone busy. */
static void
stale_for_ever(void **state)
{
	begin("TLS", 0);
	for (int i = 0; i < 20 && r.state == REGISTRATION_TRYING; i++)
		reply(401, "WWW-Authenticate: Digest realm=\"e\", nonce=\"x\", "
		    "qop=\"auth\", stale=true\r\n", 1);
	assert_int_equal(r.state, REGISTRATION_WAITING);
	assert_true(sent.count <= 6);
}

static void
a_challenge_that_it_cannot_answer(void **state)
{
	begin("TLS", 0);
	reply(401, "WWW-Authenticate: Digest realm=\"e\", nonce=\"x\", "
	    "algorithm=SHA-512\r\nWWW-Authenticate: Basic realm=\"e\"\r\n", 1);
	assert_int_equal(news.kind, REGISTRATION_NEWS_REFUSED);
	assert_int_equal(sent.count, 1);
}

static void
a_proxys_challenge(void **state)
{
	begin("TCP", 0);
	reply(407, "Proxy-Authenticate: Digest realm=\"e\", nonce=\"x\"\r\n",
	    1);
	assert_non_null(field(SIP_HEADER_PROXY_AUTHORIZATION).p);
	assert_null(strstr(sent.text, "qop=")); /* RFC 2069: none offered */
}

static void
busy_server(void **state)
{
	begin("TLS", 0);
	reply(503, "Retry-After: 120 (maintenance)\r\n", 0);
	assert_int_equal(news.retry_ms, 120000);
	assert_int_equal(registration_next_ms(&r), 120000);
	registration_tick(&r, 120000);
	reply(404, "", 120000);
	assert_int_equal(news.status, 404);
	assert_int_equal(registration_next_ms(&r), 150000);
}

static void
interval_too_brief(void **state)
{
	begin("TLS", 0);
	reply(423, "Min-Expires: 5000\r\n", 0);
	IS(field(SIP_HEADER_EXPIRES), "5000");
	reply(423, "Min-Expires: 60\r\n", 0);
	assert_int_equal(r.state, REGISTRATION_WAITING);
}

static void
datagrams_are_sent_again(void **state)
{
	static const uint64_t at[] = { 500, 1500, 3500, 7500, 11500, 15500,
		19500, 23500, 27500, 31500 };

	begin("UDP", 0);
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		assert_int_equal(registration_next_ms(&r), at[i]);
		registration_tick(&r, at[i]);
		assert_int_equal(sent.count, i + 2);
	}
	registration_tick(&r, 32000);
	assert_int_equal(news.kind, REGISTRATION_NEWS_UNANSWERED);
	assert_int_equal(registration_next_ms(&r), 62000);
}

static void
a_provisional_answer_slows_it_down(void **state)
{
	begin("UDP", 0);
	reply(100, "", 100);
	assert_int_equal(registration_next_ms(&r), 4100);
	assert_int_equal(nnews, 0);
}

static void
a_stream_carries_it_once(void **state)
{
	begin("TLS", 0);
	registration_tick(&r, 31999);
	assert_int_equal(sent.count, 1);
	registration_tick(&r, 32000);
	assert_int_equal(news.kind, REGISTRATION_NEWS_UNANSWERED);
}

static void
answers_to_something_else(void **state)
{
	begin("TLS", 0);
	r.branch[8] ^= 1; /* its request is another one than was answered */
	reply(200, "", 1);
	assert_int_equal(r.state, REGISTRATION_TRYING);
	r.branch[8] ^= 1;
	reply(200, "", 1);
	assert_int_equal(r.state, REGISTRATION_REGISTERED);
	reply(403, "", 1); /* a retransmission: it is over */
	assert_int_equal(r.state, REGISTRATION_REGISTERED);
	assert_int_equal(nnews, 1);
}

static void
leaving(void **state)
{
	begin("TLS", 0);
	reply(401, MD5, 0);
	reply(200, "Expires: 60\r\n", 0);
	registration_leave(&r, 1000);
	IS(field(SIP_HEADER_EXPIRES), "0");
	assert_true(answers(DIGEST_MD5, "example.com"));
	reply(401, MD5, 1001);
	IS(field(SIP_HEADER_EXPIRES), "0");
	reply(200, "", 1002);
	assert_int_equal(news.kind, REGISTRATION_NEWS_UNREGISTERED);
	assert_int_equal(r.state, REGISTRATION_GONE);
	assert_int_equal(registration_next_ms(&r), UINT64_MAX);
}

static void
leaving_before_it_was_there(void **state)
{
	begin("TLS", 0);
	registration_leave(&r, 1);
	assert_int_equal(r.state, REGISTRATION_GONE);
	assert_int_equal(sent.count, 1);
}

static void
a_lost_link(void **state)
{
	begin("TLS", 0);
	reply(200, "Expires: 60\r\n", 0);
	registration_lost(&r);
	assert_int_equal(registration_next_ms(&r), UINT64_MAX);
	registration_tick(&r, 1000000);
	assert_int_equal(sent.count, 1);
	begin("UDP", 1000000);
	assert_int_equal(sent.count, 2);
	reply(200, "", 1000000);
	assert_int_equal(news.kind, REGISTRATION_NEWS_REGISTERED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
once(void **state)
{
	return digest_setup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(first_request),
		T(digest_and_200),
		T(an_old_phone_knows_md5_alone),
		T(refresh_with_the_same_nonce),
		T(wrong_password),
		T(stale_for_ever),
		T(a_challenge_that_it_cannot_answer),
		T(a_proxys_challenge),
		T(busy_server),
		T(interval_too_brief),
		T(datagrams_are_sent_again),
		T(a_provisional_answer_slows_it_down),
		T(a_stream_carries_it_once),
		T(answers_to_something_else),
		T(leaving),
		T(leaving_before_it_was_there),
		T(a_lost_link),
	};

	return cmocka_run_group_tests(tests, once, NULL);
}
