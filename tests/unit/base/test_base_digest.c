/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/digest.h"

static void
check_hex(enum digest_alg alg, struct str text, const char *want)
{
	char hex[2 * DIGEST_MAX + 1];
	digest_hex(alg, &text, 1, hex);
	assert_string_equal(hex, want);
	/* The same in two parts, cut anywhere, an absent one between them. */
	for (size_t cut = 0; cut <= text.n; cut++) {
		struct str parts[] = { { text.p, cut }, STR_NULL,
			str_from(text, cut) };
		digest_hex(alg, parts, 3, hex);
		assert_string_equal(hex, want);
	}
}

static void
test_known_answers(void **state)
{
	(void)state;
	assert_int_equal(digest_setup(), 0);
	assert_int_equal(digest_setup(), 0);
	assert_int_equal(digest_len(DIGEST_MD5), 16);
	assert_int_equal(digest_len(DIGEST_SHA256), 32);
	/* RFC 1321 A.5. */
	check_hex(DIGEST_MD5, STR(""), "d41d8cd98f00b204e9800998ecf8427e");
	check_hex(DIGEST_MD5, STR("message digest"),
	    "f96b697d7cb7938d525a2f31aaf161d0");
	/* FIPS 180-2 B.1. */
	check_hex(DIGEST_SHA256, STR("abc"),
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
}

static void
check_hmac(struct str key, struct str text, const char *want)
{
	uint8_t out[32];
	char hex[65];
	digest_hmac(key, &text, 1, out);
	str_hex(hex, out, 32);
	assert_string_equal(hex, want);
}

static void
test_hmac_rfc_4231(void **state)
{
	(void)state;
	char key[131], text[50];
	memset(key, 0x0b, 20);
	check_hmac(str_of(key, 20), STR("Hi There"),
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	check_hmac(STR("Jefe"), STR("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(text, 0xdd, sizeof(text));
	check_hmac(str_of(key, 20), str_of(text, sizeof(text)),
	    "773ea91e36800e46854db8ebd09181a7"
	    "2959098b3ef8c122d9635514ced565fe");
	/* A key longer than a block is digested first. */
	check_hmac(str_of(key, sizeof(key)),
	    STR("Test Using Larger Than Block-Size Key - Hash Key First"),
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}

static void
test_hkdf_rfc_5869_case_3(void **state)
{
	(void)state;
	char secret[22], hex[85];
	uint8_t out[42];
	memset(secret, 0x0b, sizeof(secret));
	digest_hkdf(str_of(secret, sizeof(secret)), STR_NULL, out, sizeof(out));
	str_hex(hex, out, sizeof(out));
	assert_string_equal(hex,
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8");
}

static void
test_hkdf_depends_on_info_at_any_length(void **state)
{
	(void)state;
	static uint8_t a[255 * 32], b[255 * 32];
	digest_hkdf(STR("s"), STR("one"), a, sizeof(a));
	digest_hkdf(STR("s"), STR("two"), b, sizeof(b));
	assert_memory_not_equal(a, b, 32);
	digest_hkdf(STR("s"), STR("one"), b, 33);
	assert_memory_equal(a, b, 33);
	digest_hkdf(STR("s"), STR("one"), b, 0);
}

static void *
digest_often(void *arg)
{
	bool *right = arg;
	struct str text = STR("abc");
	char hex[65];
	*right = true;
	for (int i = 0; i < 2000; i++) {
		digest_hex(DIGEST_MD5, &text, 1, hex);
		*right &= strcmp(hex, "900150983cd24fb0d6963f7d28e17f72") == 0;
	}
	return NULL;
}

static void
test_threads_do_not_meet(void **state)
{
	(void)state;
	pthread_t threads[4];
	bool right[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, digest_often,
				     &right[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(right[i]);
	}
}

static void
test_random_equal_wipe(void **state)
{
	(void)state;
	uint8_t a[64] = { 0 }, b[64] = { 0 };
	assert_true(digest_equal(a, b, sizeof(a)));
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_false(digest_equal(a, b, sizeof(a)));
	assert_true(digest_equal(a, b, 0));
	digest_wipe(a, sizeof(a));
	digest_wipe(b, sizeof(b));
	assert_true(digest_equal(a, b, sizeof(a)));
	assert_int_equal(a[0] | a[63], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_hmac_rfc_4231),
		cmocka_unit_test(test_hkdf_rfc_5869_case_3),
		cmocka_unit_test(test_hkdf_depends_on_info_at_any_length),
		cmocka_unit_test(test_threads_do_not_meet),
		cmocka_unit_test(test_random_equal_wipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
