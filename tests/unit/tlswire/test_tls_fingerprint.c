/* SPDX-License-Identifier: BSD-2-Clause */
/* tlswire/fingerprint: the number that a client keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../make_hello.h"
#include "tlswire/fingerprint.h"

/* What may differ from one connection of a client to the next. */
struct turn {
	bool backwards, name, ticket, psk, grease, roots;
	size_t session_id;
};

static void
put_one(struct made_hello *m, int which, const struct turn *t)
{
	static const char ticket[100];

	switch (which) {
	case 0:
		made_list(m, 10, t->backwards ? LIST16(24, 23, 29) :
		    LIST16(29, 23, 24), 2);
		break;
	case 1:
		made_list(m, 13, t->backwards ? LIST16(0x0401, 0x0804, 0x0403) :
		    LIST16(0x0403, 0x0804, 0x0401), 2);
		break;
	case 2:
		made_list(m, 43, t->grease ? LIST16(0x2a2a, 0x0304, 0x0303) :
		    LIST16(0x0304, 0x0303), 1);
		break;
	case 3:
		made_extension(m, 35, ticket, t->ticket ? 100 : 0);
		break;
	case 4:
		if (t->name)
			made_extension(m, 0, "\x00\x08\x00\x00\x05phone", 10);
		break;
	case 5:
		if (t->grease)
			made_extension(m, 0x8a8a, "", 0);
		break;
	case 6:
		if (t->roots)
			made_extension(m, 47, "\x00\x04\x00\x02\x30\x00", 6);
		break;
	default:
		if (t->psk) {
			made_extension(m, 42, "", 0);
			made_extension(m, 44, "\x00\x01x", 3);
			made_extension(m, 21, ticket, 33);
			made_extension(m, 45, "\x01\x01", 2);
			made_extension(m, 41, ticket, 60);
		}
	}
}

static uint64_t
number_of(const struct turn *t)
{
	struct made_hello m;
	struct tls_hello h;

	made_begin(&m, 0x0303, t->grease ?
	    LIST16(0x5a5a, 0x1301, 0xc02f, 0x009c) : t->backwards ?
	    LIST16(0x009c, 0xc02f, 0x1301) : LIST16(0x1301, 0xc02f, 0x009c),
	    t->session_id);
	for (int i = 0; i < 8; i++)
		put_one(&m, t->backwards ? 7 - i : i, t);
	assert_int_equal(made_end(&m, &h), 0);
	return tls_hello_fingerprint(&h);
}

static void
one_client_keeps_its_number(void **state)
{
	static const struct turn turns[] = {
		{ .backwards = true }, { .name = true }, { .ticket = true },
		{ .grease = true }, { .session_id = 32 }, { .roots = true },
		{ .psk = true, .ticket = true, .session_id = 32 },
		{ .psk = true, .name = true, .grease = true, .roots = true },
	};
	uint64_t first = number_of(&(struct turn) { 0 });

	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
		assert_true(number_of(&turns[i]) == first);
}

/* It is stored: a release that counts otherwise would forget every device. */
static void
the_number_is_the_same_in_every_process(void **state)
{
	assert_true(number_of(&(struct turn) { 0 }) ==
	    UINT64_C(0x262cef5fdfa7e161));
}

static void
two_clients_differ(void **state)
{
	const uint16_t *const suites[] = {
		LIST16(0xc02f), LIST16(0xc030), LIST16(0xc02f, 0xc030),
		LIST16(0xc02f, 0xc02f), LIST16(0x2fc0),
	};
	const uint16_t *const groups[] = {
		LIST16(23), LIST16(24), LIST16(23, 24), LIST16(0xc02f),
	};
	static const unsigned versions[] = { 0x0301, 0x0302, 0x0303 };
	uint64_t seen[60];
	size_t n = 0;

	for (size_t s = 0; s < 5; s++)
		for (size_t g = 0; g < 4; g++)
			for (size_t v = 0; v < 3; v++) {
				struct made_hello m;
				struct tls_hello h;

				made_begin(&m, versions[v], suites[s], 0);
				made_list(&m, 10, groups[g], 2);
				assert_int_equal(made_end(&m, &h), 0);
				seen[n] = tls_hello_fingerprint(&h);
				assert_true(seen[n] != 0);
				for (size_t i = 0; i < n; i++)
					assert_true(seen[i] != seen[n]);
				n++;
			}
}

/* The same values in another list, or another extension, are another client. */
static void
a_list_is_told_from_another(void **state)
{
	struct made_hello m;
	struct tls_hello h;
	uint64_t groups, sigalgs;

	made_begin(&m, 0x0303, LIST16(0x002f), 0);
	made_list(&m, 10, LIST16(0x0403), 2);
	made_list(&m, 13, LIST16(0x0401), 2);
	assert_int_equal(made_end(&m, &h), 0);
	groups = tls_hello_fingerprint(&h);
	made_begin(&m, 0x0303, LIST16(0x002f), 0);
	made_list(&m, 10, LIST16(0x0401), 2);
	made_list(&m, 13, LIST16(0x0403), 2);
	assert_int_equal(made_end(&m, &h), 0);
	sigalgs = tls_hello_fingerprint(&h);
	assert_true(groups != sigalgs);
}

static void
a_hello_without_anything_has_a_number(void **state)
{
	struct tls_hello h = { 0 };

	assert_true(tls_hello_fingerprint(&h) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_client_keeps_its_number),
		cmocka_unit_test(the_number_is_the_same_in_every_process),
		cmocka_unit_test(two_clients_differ),
		cmocka_unit_test(a_list_is_told_from_another),
		cmocka_unit_test(a_hello_without_anything_has_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
