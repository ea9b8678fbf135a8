/* SPDX-License-Identifier: BSD-2-Clause */
/* What a phone answers, its syslog, challenges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "phone/answer.h"
#include "phone/event.h"
#include "phone/syslog.h"
#include "sip/auth.h"

static char bytes[4096];
static struct buf out;

static bool
answer(const char *method, const char *fields)
{
	static struct sip_msg m;
	char text[1024];
	struct addr source;
	bool reboot;

	snprintf(text, sizeof(text), "%s sip:100@192.0.2.7 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:100@b>\r\nCall-ID: c\r\n"
	    "CSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n", method, method,
	    fields);
	assert_int_equal(addr_parse(&source, STR("192.0.2.1:5060"), 0), 0);
	assert_int_equal(sip_msg_parse(&m, str_cstr(text), SIP_DATAGRAM,
	    4096), 0);
	buf_init_array(&out, bytes, sizeof(bytes) - 1);
	reboot = phone_answer(&out, &m, &source, STR("test"));
	bytes[out.n] = '\0';
	return reboot;
}

static void
starts(const char *with)
{
	if (!str_starts(buf_as_str(&out), str_cstr(with)))
		fail_msg("expected \"%s\", got: %s", with, bytes);
}

static void
requests(void **state)
{
	assert_false(answer("OPTIONS", ""));
	starts("SIP/2.0 200 ");
	assert_non_null(strstr(bytes, "To: <sip:100@b>;tag="));
	assert_non_null(strstr(bytes, "Allow: INVITE, ACK, CANCEL, BYE, "
	    "OPTIONS, NOTIFY\r\n"));
	assert_false(answer("MESSAGE", ""));
	starts("SIP/2.0 405 ");
}

static void
notify_reboots(void **state)
{
	assert_false(answer("NOTIFY", ""));
	assert_false(answer("NOTIFY", "Event: message-summary\r\n"));
	starts("SIP/2.0 200 ");
	assert_true(answer("NOTIFY", "Event: resync\r\n"));
	assert_true(answer("NOTIFY", "Event: check-sync;reboot=true\r\n"));
	assert_false(answer("OPTIONS", "Event: resync\r\n"));
}

static void
syslog_line(void **state)
{
	struct syslog s = { .fd = -1 };

	str_copy(s.host, sizeof(s.host), STR("00085D0A0B0C"));
	str_copy(s.tag, sizeof(s.tag), STR("SPA502G"));
	buf_init_array(&out, bytes, sizeof(bytes) - 1);
	syslog_format(&out, &s, false, "off", 1764132484);
	bytes[out.n] = '\0';
	assert_string_equal(bytes,
	    "<134>Nov 26 04:48:04 00085D0A0B0C SPA502G: off");
	buf_reset(&out);
	syslog_format(&out, &s, true, "x", 1764132484);
	starts("<132>Nov 26 ");
	syslog_send(&s, true, "nobody is told", 0);
	syslog_close(&s);
}

static void
challenges(void **state)
{
	struct sip_challenge c;

	assert_int_equal(sip_challenge_parse(&c, STR("Digest realm=\"a b\", "
	    "nonce=\"n\", qop=\"auth,auth-int\", stale=TRUE, opaque=\"\", "
	    "algorithm=sha-256")), 0);
	assert_true(str_eq(c.realm, STR("a b")));
	assert_true(c.alg_known && c.alg == DIGEST_SHA256);
	assert_true(c.qop_auth && c.stale);
	assert_int_equal(sip_challenge_parse(&c,
	    STR("Digest realm=\"r\",nonce=\"n\"")), 0);
	assert_true(c.alg_known && c.alg == DIGEST_MD5);
	assert_false(c.qop_auth || c.stale);
	assert_int_equal(sip_challenge_parse(&c, STR("Digest realm=\"r\","
	    "nonce=\"n\",algorithm=SHA-512-256")), 0);
	assert_false(c.alg_known);
	static const char *const bad[] = { "", "Digest", "Basic realm=\"r\"",
		"Digest realm=\"r\"", "Digest nonce=\"n\"",
		"Digest realm=\"r\",nonce=\"n\",qop=\"auth-int\"",
		"Digest realm=\"r\",realm=\"q\",nonce=\"n\"",
		"Digest realm=\"r,nonce=\"n\"" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(sip_challenge_parse(&c, str_cstr(bad[i])),
		    E_PARSE);
}

static void
events(void **state)
{
	struct phone_event e;

	for (int k = 0; k < PHONE_EVENTS; k++) {
		phone_event_init(&e, (enum phone_event_kind)k);
		assert_ptr_equal(e.word,
		    phone_event_word((enum phone_event_kind)k));
		for (int i = 0; i < 2 * PHONE_FACTS_MAX; i++)
			phone_event_number(&e, "n", i);
		assert_int_equal(e.nfact, PHONE_FACTS_MAX);
	}
	assert_string_equal(phone_event_word(PHONE_EVENT_TLS_REFUSED),
	    "tls-refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(notify_reboots),
		cmocka_unit_test(syslog_line),
		cmocka_unit_test(challenges),
		cmocka_unit_test(events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
