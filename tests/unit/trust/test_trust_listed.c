/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/listed: what a hello's own list of roots says of a chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trust/listed.h"

/* "CN=A" and so on: SEQUENCE, SET, SEQUENCE, OID 2.5.4.3, one letter. */
#define NAME(tag, letter)                                                      \
	"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03" tag "\x01" letter
#define PRINTABLE "\x13"
#define UTF8      "\x0c"
#define SHA1(c)   c c c c c c c c c c c c c c c c c c c c

static struct trust_chain
chain_to_a(void)
{
	struct trust_chain c = { .root_name = STR(NAME(PRINTABLE, "A")),
		.depth = 1 };

	memset(c.root_key_sha1, 'k', 20);
	memset(c.root_cert_sha1, 'c', 20);
	return c;
}

static void
expect(struct str authorities, struct str trusted, const struct trust_chain *c,
    bool lists, enum trust_listed listed)
{
	struct tls_hello h = { .certificate_authorities = authorities,
		.trusted_ca_keys = trusted };

	assert_int_equal(trust_hello_lists_roots(&h), lists);
	assert_int_equal(trust_hello_listed(&h, c), listed);
	assert_int_equal(trust_hello_lists_root(&h, c),
	    listed == TRUST_LISTED_YES);
}

static void
no_list_tells_nothing(void **state)
{
	struct trust_chain c = chain_to_a();

	expect(STR_NULL, STR_NULL, &c, false, TRUST_LISTED_UNKNOWN);
	expect(STR_NULL, STR("\0\0"), &c, false, TRUST_LISTED_UNKNOWN);
}

static void
names_are_compared(void **state)
{
	struct trust_chain c = chain_to_a();

	expect(STR("\0\x0e" NAME(PRINTABLE, "B") "\0\x0e" NAME(PRINTABLE, "A")),
	    STR_NULL, &c, true, TRUST_LISTED_YES);
	expect(STR("\0\x0e" NAME(PRINTABLE, "B")), STR_NULL, &c, true,
	    TRUST_LISTED_NO);
	/* RFC 5280 7.1. */
	expect(STR("\0\x0e" NAME(UTF8, "a")), STR_NULL, &c, true,
	    TRUST_LISTED_YES);
	c.root_name = STR_NULL;
	expect(STR("\0\x0e" NAME(PRINTABLE, "B")), STR_NULL, &c, true,
	    TRUST_LISTED_UNKNOWN);
}

static void
a_ca_between_may_be_listed_too(void **state)
{
	struct trust_chain c = chain_to_a();

	c.depth = 2;
	expect(STR("\0\x0e" NAME(PRINTABLE, "B")), STR_NULL, &c, true,
	    TRUST_LISTED_UNKNOWN);
	c.issuer_names = STR(NAME(PRINTABLE, "I") NAME(PRINTABLE, "J"));
	expect(STR("\0\x0e" NAME(PRINTABLE, "B")), STR_NULL, &c, true,
	    TRUST_LISTED_NO);
	expect(STR("\0\x0e" NAME(PRINTABLE, "J")), STR_NULL, &c, true,
	    TRUST_LISTED_YES);
}

static void
hashes_are_compared(void **state)
{
	struct trust_chain c = chain_to_a();

	expect(STR_NULL, STR("\0\x15\x01" SHA1("k")), &c, true,
	    TRUST_LISTED_YES);
	expect(STR_NULL, STR("\0\x15\x03" SHA1("c")), &c, true,
	    TRUST_LISTED_YES);
	expect(STR_NULL, STR("\0\x15\x03" SHA1("k")), &c, true,
	    TRUST_LISTED_NO);
	expect(STR_NULL, STR("\0\x11\x02\0\x0e" NAME(PRINTABLE, "A")), &c, true,
	    TRUST_LISTED_YES);
	expect(STR_NULL, STR("\0\x11\x02\0\x0e" NAME(PRINTABLE, "B")), &c, true,
	    TRUST_LISTED_NO);
	memset(c.root_key_sha1, 0, 20);
	expect(STR_NULL, STR("\0\x15\x01" SHA1("k")), &c, true,
	    TRUST_LISTED_UNKNOWN);
}

static void
what_is_pre_agreed_or_broken_excludes_nothing(void **state)
{
	struct trust_chain c = chain_to_a();

	expect(STR_NULL, STR("\0\x01\0"), &c, false, TRUST_LISTED_UNKNOWN);
	expect(STR_NULL, STR("\0\x16\0\x01" SHA1("x")), &c, true,
	    TRUST_LISTED_UNKNOWN);
	/* Cut short, of a type that is not known, with a tail. */
	expect(STR_NULL, STR("\0\x14\x01" SHA1("x")), &c, false,
	    TRUST_LISTED_UNKNOWN);
	expect(STR_NULL, STR("\0\x16\x01" SHA1("x") "\x09"), &c, true,
	    TRUST_LISTED_UNKNOWN);
	expect(STR_NULL, STR("\0\x15\x01" SHA1("x") "x"), &c, false,
	    TRUST_LISTED_UNKNOWN);
	expect(STR("\0\x0e" NAME(PRINTABLE, "B") "\0\x0f" NAME(UTF8, "A")),
	    STR_NULL, &c, true, TRUST_LISTED_UNKNOWN);
	expect(STR("\0\x0e" NAME(PRINTABLE, "A") "\0"), STR_NULL, &c, true,
	    TRUST_LISTED_YES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_list_tells_nothing),
		cmocka_unit_test(names_are_compared),
		cmocka_unit_test(a_ca_between_may_be_listed_too),
		cmocka_unit_test(hashes_are_compared),
		cmocka_unit_test(what_is_pre_agreed_or_broken_excludes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
