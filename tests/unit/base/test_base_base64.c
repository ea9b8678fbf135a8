/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

/* RFC 4648 10, and letters that tell the alphabets apart. */
static const struct {
	const char *bytes, *plain, *url;
} known[] = {
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff", "+/8=", "-_8" },
};

static void
both_ways(enum base64_alphabet a, const char *bytes, const char *text)
{
	char room[16];
	uint8_t back[16];
	struct buf b;
	size_t n = strlen(bytes);

	buf_init_array(&b, room, sizeof(room));
	base64_put(&b, a, (const uint8_t *)bytes, n);
	if (!str_eq(buf_as_str(&b), str_cstr(text)))
		fail_msg("%.*s, not %s", STR_FMT(buf_as_str(&b)), text);
	assert_int_equal(base64_get(back, n, a, str_cstr(text)), n);
	assert_memory_equal(back, bytes, n);
	assert_int_equal(base64_get(back, n - 1, a, str_cstr(text)), 0);
}

static void
test_known(void **state)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		both_ways(BASE64_PLAIN, known[i].bytes, known[i].plain);
		both_ways(BASE64_URL, known[i].bytes, known[i].url);
	}
}

static void
test_one_text_for_each(void **state)
{
	static const char *const plain[] = { "", "Zg", "Zg=", "Zg===", "Zh==",
		"Z", "Z===", "-_8=", "Zm=v", "Zm9v\n", "====" };
	static const char *const url[] = { "", "Zg==", "Zh", "Z", "+/8",
		"Zm8=" };
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (base64_get(out, sizeof(out), BASE64_PLAIN,
		    str_cstr(plain[i])) != 0)
			fail_msg("\"%s\"", plain[i]);
	for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++)
		if (base64_get(out, sizeof(out), BASE64_URL,
		    str_cstr(url[i])) != 0)
			fail_msg("\"%s\"", url[i]);
}

static void
test_too_small_a_buffer_fails(void **state)
{
	char room[3];
	struct buf b;

	buf_init_array(&b, room, sizeof(room));
	base64_put(&b, BASE64_PLAIN, (const uint8_t *)"foo", 3);
	assert_true(b.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_one_text_for_each),
		cmocka_unit_test(test_too_small_a_buffer_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
