/* SPDX-License-Identifier: BSD-2-Clause */
/* URIs: what parses, what is equal (RFC 3261 19.1.4), what the AOR is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "sip/uri.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The grammar wants '#' escaped; phones dial it as it is. */
static void
a_feature_code(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_int_equal(sip_uri_parse(&u, STR("sip:*21*100#@h")), 0);
	assert_true(str_eq(u.user, STR("*21*100#")));
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"", "sip", "sip:", "sip:@h", "sip:a@", "sip:a@h:", "sip:a@h:0x",
		"sip:a@h:70000", "sip:a@[::1", "sip:a@[zz]", "sip:a b@h",
		"sip:a%4@h", "sip:a@h;=x", ":a@h", "1sip:a@h",
	};
	struct sip_uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (sip_uri_parse(&u, str_cstr(bad[i])) == 0)
			fail_msg("accepted: %s", bad[i]);
}

static bool
equal(const char *a, const char *b)
{
	struct sip_uri x, y;

	assert_int_equal(sip_uri_parse(&x, str_cstr(a)), 0);
	assert_int_equal(sip_uri_parse(&y, str_cstr(b)), 0);
	assert_int_equal(sip_uri_equal(&x, &y), sip_uri_equal(&y, &x));
	return sip_uri_equal(&x, &y);
}

/* The examples of RFC 3261 19.1.4. */
static void
equality(void **state)
{
	(void)state;
	assert_true(equal("sip:%61lice@atlanta.com;transport=TCP",
			  "sip:alice@AtLanTa.CoM;Transport=tcp"));
	assert_true(equal("sip:carol@chicago.com",
			  "sip:carol@chicago.com;newparam=5"));
	assert_true(equal("sip:carol@chicago.com;security=on",
			  "sip:carol@chicago.com;newparam=5"));
	assert_true(equal("sip:biloxi.com;transport=tcp;method=REGISTER"
			  "?to=sip:bob%40biloxi.com",
			  "sip:biloxi.com;method=REGISTER;transport=tcp"
			  "?to=sip:bob%40biloxi.com"));
	assert_true(equal("sip:alice@atlanta.com?subject=project%20x"
			  "&priority=urgent",
			  "sip:alice@atlanta.com?priority=urgent"
			  "&subject=project%20x"));
	assert_false(equal("SIP:ALICE@AtLanTa.CoM;Transport=udp",
			   "sip:alice@AtLanTa.CoM;Transport=UDP"));
	assert_false(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	assert_false(equal("sip:bob@biloxi.com",
			   "sip:bob@biloxi.com;transport=udp"));
	assert_false(equal("sip:bob@biloxi.com",
			   "sip:bob@biloxi.com:6000;transport=tcp"));
	assert_false(equal("sip:carol@chicago.com",
			   "sip:carol@chicago.com?Subject=next%20meeting"));
	assert_false(equal("sip:bob@phone21.boxesbybob.com",
			   "sip:bob@192.0.2.4"));
	assert_false(equal("sip:a@h", "sips:a@h"));
}

static void
canonical_aor(void **state)
{
	static const struct {
		const char *uri, *aor;
	} rows[] = {
		{ "sip:100@PBX.Example:5061;transport=tls", "100@pbx.example" },
		{ "sips:%31%30%30@pbx.example", "100@pbx.example" },
		{ "sip:100:secret@pbx.example?x=y", "100@pbx.example" },
		{ "sip:a;b=c@h", "a;b=c@h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];
		struct sip_uri u;
		struct buf b;

		buf_init_array(&b, text, sizeof(text));
		assert_int_equal(sip_uri_parse(&u, str_cstr(rows[i].uri)), 0);
		sip_uri_aor(&b, &u, (struct str) { 0 });
		buf_putc(&b, '\0');
		assert_string_equal(text, rows[i].aor);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feature_code),
		cmocka_unit_test(refused),
		cmocka_unit_test(equality),
		cmocka_unit_test(canonical_aor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
