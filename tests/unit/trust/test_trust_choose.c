/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/choose: one row for each rule, and that no rule lets a phone wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../make_hello.h"
#include "base/compiler.h"
#include "trust/choose.h"

#define NOW    INT64_C(1700000000)
#define MEMORY 604800
#define RSA256 (1u << TRUST_SIGNED_RSA_SHA256)
#define EC256  (1u << TRUST_SIGNED_ECDSA_SHA256)

/* a and b are RSA, c is ECDSA. */
static const struct trust_chain chains[] = {
	{ .name = "a", .root = "A", .key = TRUST_KEY_RSA, .bits = 2048,
	  .signed_with = RSA256, .root_name = { "\x30\x01" "A", 3 },
	  .root_key_sha1 = { 1 }, .root_cert_sha1 = { 2 } },
	{ .name = "b", .root = "B", .key = TRUST_KEY_RSA, .bits = 2048,
	  .signed_with = RSA256, .root_name = { "\x30\x01" "B", 3 },
	  .root_key_sha1 = { 3 }, .root_cert_sha1 = { 4 } },
	{ .name = "c", .root = "C", .key = TRUST_KEY_ECDSA, .bits = 256,
	  .signed_with = EC256, .root_name = { "\x30\x01" "C", 3 } },
};

/* TLS 1.2, every kind of key, nothing listed. */
static struct made_hello usual_bytes;
static struct tls_hello usual;

static int
setup(void **state)
{
	made_begin(&usual_bytes, 0x0303, LIST16(0xc02b, 0xc02f, 0x009c), 0);
	made_list(&usual_bytes, 10, LIST16(23, 24), 2);
	made_list(&usual_bytes, 13, LIST16(0x0403, 0x0401, 0x0804), 2);
	return made_end(&usual_bytes, &usual);
}

static struct trust_question
question(const struct trust_deed *deed, const struct trust_class *kind)
{
	return (struct trust_question) {
		.chain = chains, .nchain = 3, .hello = &usual, .pinned = -1,
		.deed = deed, .kind = kind, .max_version = 0x0304,
		.now_s = NOW, .memory_s = MEMORY,
	};
}

#define REFUSED(n, no)                                                         \
	{ .refused = (n), .in_row = (n), .refused_no = (no), .refused_s = NOW }
#define ACCEPTED(no) { .accepted = 1, .accepted_no = (no), .accepted_s = NOW }

static const struct row {
	const char *what;
	int pinned;
	struct trust_deed deed[3];
	struct trust_class kind[3];
	unsigned chain;
	enum trust_choice_reason reason;
} rows[] = {
	{ "nothing known: the first", -1, { { 0 } }, { { 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "pinned, whatever it did", 1,
	  { ACCEPTED(1), REFUSED(5, 9) }, { { 0 } }, 1, TRUST_CHOICE_PINNED },
	{ "a pin that is no chain is none", 7, { { 0 } }, { { 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "refused once: the next", -1, { REFUSED(1, 1) }, { { 0 } }, 1,
	  TRUST_CHOICE_ORDER },
	{ "two refused: the third", -1, { REFUSED(1, 1), REFUSED(1, 2) },
	  { { 0 } }, 2, TRUST_CHOICE_ORDER },
	{ "accepted", -1, { { 0 }, ACCEPTED(4) }, { { 0 } }, 1,
	  TRUST_CHOICE_ACCEPTED },
	{ "the last accepted", -1, { ACCEPTED(7), ACCEPTED(4) }, { { 0 } }, 0,
	  TRUST_CHOICE_ACCEPTED },
	{ "one refusal does not end an acceptance", -1,
	  { { 0 }, { .accepted = 3, .accepted_no = 3, .refused = 1, .in_row = 1,
	    .refused_no = 4, .refused_s = NOW } }, { { 0 } }, 1,
	  TRUST_CHOICE_ACCEPTED },
	{ "two in a row do", -1,
	  { { 0 }, { .accepted = 3, .accepted_no = 3, .refused = 2, .in_row = 2,
	    .refused_no = 5, .refused_s = NOW } }, { { 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "an older acceptance comes back then", -1,
	  { ACCEPTED(1), { .accepted = 3, .accepted_no = 3, .refused = 2,
	    .in_row = 2, .refused_no = 5, .refused_s = NOW } }, { { 0 } }, 0,
	  TRUST_CHOICE_ACCEPTED },
	{ "fetched before accepted", -1,
	  { { .fetched = true }, ACCEPTED(2) }, { { 0 } }, 0,
	  TRUST_CHOICE_FETCHED },
	{ "it was asked, and holds the root", -1,
	  { { 0 }, { .asked = TRUST_ASKED_HOLDS } }, { { 5, 0 } }, 1,
	  TRUST_CHOICE_ASKED },
	{ "it was asked, and lacks the root", -1,
	  { { .asked = TRUST_ASKED_LACKS } }, { { 5, 0 } }, 1,
	  TRUST_CHOICE_ORDER },
	{ "asked, but it does otherwise", -1,
	  { ACCEPTED(1), { .asked = TRUST_ASKED_HOLDS } }, { { 0 } }, 0,
	  TRUST_CHOICE_ACCEPTED },
	{ "it is said to hold what it has refused", -1,
	  { { 0 }, { .refused = 1, .in_row = 1, .refused_no = 1,
	    .refused_s = NOW, .asked = TRUST_ASKED_HOLDS } }, { { 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "it lacks it, and has fetched it since", -1,
	  { { 0 }, { .fetched = true, .asked = TRUST_ASKED_LACKS } },
	  { { 0 } }, 1, TRUST_CHOICE_FETCHED },
	{ "what it lacks before what it has refused", -1,
	  { { .asked = TRUST_ASKED_LACKS }, REFUSED(1, 1), REFUSED(1, 2) },
	  { { 0 } }, 0, TRUST_CHOICE_ORDER },
	{ "its kind accepts", -1, { { 0 } }, { { 0, 2 }, { 3, 1 } }, 1,
	  TRUST_CHOICE_CLASS },
	{ "the larger part of its kind", -1, { { 0 } },
	  { { 60, 50 }, { 50, 0 } }, 1, TRUST_CHOICE_CLASS },
	{ "many say more than few", -1, { { 0 } }, { { 100, 0 }, { 3, 0 } }, 0,
	  TRUST_CHOICE_CLASS },
	{ "a tie goes to the order", -1, { { 0 } }, { { 3, 0 }, { 3, 0 } }, 0,
	  TRUST_CHOICE_CLASS },
	{ "its kind accepts what it has refused itself", -1,
	  { { 0 }, REFUSED(1, 1) }, { { 0 }, { 9, 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "its kind refuses the first", -1, { { 0 } }, { { 0, 1 } }, 1,
	  TRUST_CHOICE_ORDER },
	{ "its kind refuses all: in order", -1, { { 0 } },
	  { { 0, 1 }, { 0, 1 }, { 0, 1 } }, 0, TRUST_CHOICE_ORDER },
	{ "its own word before its kind's", -1, { ACCEPTED(1) },
	  { { 0, 9 }, { 9, 0 } }, 0, TRUST_CHOICE_ACCEPTED },
	{ "all refused: the one longest ago", -1,
	  { REFUSED(1, 3), REFUSED(1, 1), REFUSED(1, 2) }, { { 0 } }, 1,
	  TRUST_CHOICE_ROTATION },
	{ "a refusal that is too old is none", -1,
	  { { .refused = 9, .in_row = 9, .refused_no = 9,
	    .refused_s = NOW - MEMORY - 1 } }, { { 0 } }, 0,
	  TRUST_CHOICE_ORDER },
	{ "one that is just not", -1,
	  { { .refused = 9, .in_row = 9, .refused_no = 9,
	    .refused_s = NOW - MEMORY } }, { { 0 } }, 1, TRUST_CHOICE_ORDER },
	{ "an acceptance is never too old", -1,
	  { { 0 }, { .accepted = 1, .accepted_no = 1, .accepted_s = 1,
	    .refused = 5, .in_row = 5, .refused_s = 2 } }, { { 0 } }, 1,
	  TRUST_CHOICE_ACCEPTED },
};

static void
each_rule(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct trust_question q = question(r->deed, r->kind);
		struct trust_choice c;

		q.pinned = r->pinned;
		c = trust_choose(&q);
		if (c.chain != r->chain || c.reason != r->reason)
			fail_msg("%s: chain %u (%s), expected %u (%s)",
			    r->what, c.chain, trust_choice_name(c.reason),
			    r->chain, trust_choice_name(r->reason));
	}
}

static void
one_chain_is_the_only_one(void **state)
{
	struct trust_deed deed = REFUSED(9, 9);
	struct trust_question q = question(&deed, NULL);
	struct trust_choice c;

	q.nchain = 1;
	q.pinned = 0;
	c = trust_choose(&q);
	assert_int_equal(c.chain, 0);
	assert_int_equal(c.reason, TRUST_CHOICE_ONLY);
	assert_int_equal(c.fit, 1);
}

/* ---- what the hello can take ---- */

static const struct fit {
	const char *what;
	unsigned version;
	const uint16_t *suites, *groups, *sigalgs, *versions;
	uint16_t max_version;
	uint32_t fit;
} fits[] = {
#define NONE LIST16(0)
	{ "RSA suites alone", 0x0303, LIST16(0xc02f, 0x002f), LIST16(23),
	  LIST16(0x0401, 0x0403), NONE, 0x0304, 3 },
	{ "ECDSA suites alone", 0x0303, LIST16(0xc02b), LIST16(23),
	  LIST16(0x0401, 0x0403), NONE, 0x0304, 4 },
	{ "both, TLS 1.0, no lists", 0x0301, LIST16(0xc009, 0x002f), NONE, NONE,
	  NONE, 0x0304, 7 },
	{ "no curve of the chain's", 0x0303, LIST16(0xc02b, 0xc02f), LIST16(24),
	  LIST16(0x0401, 0x0403), NONE, 0x0304, 3 },
	{ "it signs RSA alone", 0x0303, LIST16(0xc02b, 0xc02f), LIST16(23),
	  LIST16(0x0401), NONE, 0x0304, 3 },
	{ "TLS 1.3 by its signature algorithms", 0x0303, LIST16(0x1301),
	  LIST16(29), LIST16(0x0403, 0x0401), LIST16(0x0304), 0x0304, 4 },
	{ "TLS 1.3 with PSS", 0x0303, LIST16(0x1301), LIST16(29),
	  LIST16(0x0804, 0x0401), LIST16(0x0304), 0x0304, 3 },
	{ "another curve at TLS 1.3", 0x0303, LIST16(0x1301), LIST16(29),
	  LIST16(0x0503, 0x0804, 0x0401), LIST16(0x0304), 0x0304, 3 },
	{ "TLS 1.3 offered, 1.2 spoken", 0x0303, LIST16(0x1301, 0xc02f),
	  LIST16(23), LIST16(0x0403, 0x0401), LIST16(0x0304, 0x0303), 0x0303,
	  3 },
	{ "signed with what it does not list: its key fits", 0x0303,
	  LIST16(0xc02f), LIST16(23), LIST16(0x0201), NONE, 0x0304, 3 },
	{ "nothing fits", 0x0303, LIST16(0x000b), LIST16(23), LIST16(0x0402),
	  NONE, 0x0304, 0 },
#undef NONE
};

static void
what_the_hello_can_take(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(fits); i++) {
		const struct fit *f = &fits[i];
		struct trust_question q = question(NULL, NULL);
		struct made_hello m;
		struct tls_hello h;
		struct trust_choice c;

		made_begin(&m, f->version, f->suites, 0);
		if (f->groups[0] != 0)
			made_list(&m, 10, f->groups, 2);
		if (f->sigalgs[0] != 0)
			made_list(&m, 13, f->sigalgs, 2);
		if (f->versions[0] != 0)
			made_list(&m, 43, f->versions, 1);
		assert_int_equal(made_end(&m, &h), 0);
		q.hello = &h;
		q.max_version = f->max_version;
		c = trust_choose(&q);
		if (c.fit != f->fit || (f->fit != 0 &&
		    (f->fit & 1u << c.chain) == 0))
			fail_msg("%s: fit %x, chain %u", f->what, c.fit,
			    c.chain);
	}
}

/* The admin's word, but no handshake that cannot end. */
static void
a_pin_to_a_key_that_it_cannot_take(void **state)
{
	struct trust_question q = question(NULL, NULL);
	struct trust_chain one[2] = { chains[2], chains[2] };
	struct made_hello m;
	struct tls_hello h;

	made_begin(&m, 0x0303, LIST16(0xc02f), 0);
	made_list(&m, 13, LIST16(0x0401), 2);
	assert_int_equal(made_end(&m, &h), 0);
	q.hello = &h;
	q.pinned = 2;
	assert_int_equal(trust_choose(&q).chain, 0);
	assert_int_equal(trust_choose(&q).reason, TRUST_CHOICE_ORDER);
	q.chain = one; /* there is nothing that it can take */
	q.nchain = 2;
	q.pinned = 1;
	assert_int_equal(trust_choose(&q).chain, 1);
	assert_int_equal(trust_choose(&q).reason, TRUST_CHOICE_PINNED);
}

/* Keys that sign in one way alone: nobody else's list will do for them. */
static void
keys_of_one_scheme(void **state)
{
	static const struct {
		uint16_t scheme, listed, version;
		enum trust_key key;
		bool takes;
	} row[] = {
		{ 0x0807, 0x0403, 0, TRUST_KEY_ECDSA, false },
		{ 0x0807, 0x0807, 0, TRUST_KEY_ECDSA, true },
		{ 0x0807, 0x0807, 0x0304, TRUST_KEY_ECDSA, true },
		{ 0x0808, 0x0807, 0, TRUST_KEY_ECDSA, false },
		{ 0x0809, 0x0804, 0, TRUST_KEY_RSA, false },
		{ 0x0809, 0x080a, 0, TRUST_KEY_RSA, true },
		{ 0xffff, 0x0403, 0, TRUST_KEY_ECDSA, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct trust_chain two[2] = { chains[0], chains[1] };
		struct trust_question q = question(NULL, NULL);
		struct made_hello m;
		struct tls_hello h;

		two[0].key = row[i].key;
		two[0].bits = 256;
		two[0].scheme = row[i].scheme;
		made_begin(&m, 0x0303, LIST16(0xc02b, 0xc02f, 0x1301), 0);
		made_list(&m, 10, LIST16(23, 29), 2);
		made_list(&m, 13, LIST16(row[i].listed, 0x0401, 0x0804), 2);
		if (row[i].version != 0)
			made_list(&m, 43, LIST16(row[i].version), 1);
		assert_int_equal(made_end(&m, &h), 0);
		q.chain = two;
		q.nchain = 2;
		q.hello = &h;
		if (trust_choose(&q).chain != (row[i].takes ? 0 : 1))
			fail_msg("row %zu", i);
	}
}

/* A chain of certificates signed in another way is left out, if others fit. */
static void
signatures_in_the_chain(void **state)
{
	struct trust_chain two[2] = { chains[0], chains[1] };
	struct trust_question q = question(NULL, NULL);
	struct tls_hello none = usual;

	q.chain = two;
	q.nchain = 2;
	two[0].signed_with = RSA256 | 1u << TRUST_SIGNED_RSA_SHA1;
	assert_int_equal(trust_choose(&q).fit, 2);
	two[0].signed_with = RSA256 | 1u << TRUST_SIGNED_OTHER;
	assert_int_equal(trust_choose(&q).fit, 3);
	two[0].signed_with = 1u << TRUST_SIGNED_RSA_PSS;
	assert_int_equal(trust_choose(&q).fit, 3); /* it lists PSS */
	none.sigalgs = STR_NULL;
	q.hello = &none;
	assert_int_equal(trust_choose(&q).fit, 2);
	two[0].signed_with = 1u << TRUST_SIGNED_RSA_SHA1;
	assert_int_equal(trust_choose(&q).fit, 3);
}

static void
accepted_but_it_can_no_longer_take_it(void **state)
{
	const struct trust_deed deed[3] = { { 0 }, { 0 }, ACCEPTED(3) };
	struct trust_question q = question(deed, NULL);
	struct made_hello m;
	struct tls_hello h;

	made_begin(&m, 0x0303, LIST16(0xc02f), 0);
	assert_int_equal(made_end(&m, &h), 0);
	q.hello = &h;
	assert_int_equal(trust_choose(&q).chain, 0);
}

/* ---- roots that the hello lists ---- */

static struct trust_choice
choose_listing(unsigned type, const char *body, size_t n,
    const struct trust_deed *deed)
{
	struct trust_question q = question(deed, NULL);
	struct made_hello m;
	struct tls_hello h;

	made_begin(&m, 0x0303, LIST16(0xc02b, 0xc02f), 0);
	made_extension(&m, type, body, n);
	assert_int_equal(made_end(&m, &h), 0);
	q.hello = &h;
	return trust_choose(&q);
}

#define LISTING(type, body, deed)                                              \
	choose_listing(type, body, sizeof(body) - 1, deed)

static void
listed_roots_are_believed_at_once(void **state)
{
	static const char sha1_b[] = "\x00\x15\x01\x03\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0";
	static const char cert_b[] = "\x00\x15\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0";
	const struct trust_deed accepted_a[3] = { ACCEPTED(9) };
	const struct trust_deed once[3] = { { 0 }, REFUSED(1, 1) };
	const struct trust_deed twice[3] = { { 0 }, REFUSED(2, 2) };
	const struct trust_deed second[3] = { { 0 }, { 0 }, ACCEPTED(2) };
	struct trust_choice c;

	c = LISTING(47, "\x00\x05\x00\x03\x30\x01" "B", NULL);
	assert_int_equal(c.chain, 1);
	assert_int_equal(c.reason, TRUST_CHOICE_LISTED);
	c = LISTING(47, "\x00\x05\x00\x03\x30\x01" "B", accepted_a);
	assert_int_equal(c.reason, TRUST_CHOICE_LISTED);
	/* Believed, not blindly: it may be the name that it dislikes. */
	c = LISTING(47, "\x00\x05\x00\x03\x30\x01" "B", once);
	assert_int_equal(c.chain, 1);
	c = LISTING(47, "\x00\x05\x00\x03\x30\x01" "B", twice);
	assert_int_equal(c.chain, 0);
	/* Two of ours: the one that it has accepted. */
	c = LISTING(47, "\x00\x0a\x00\x03\x30\x01" "B\x00\x03\x30\x01" "C",
	    second);
	assert_int_equal(c.chain, 2);
	c = LISTING(47, "\x00\x0a\x00\x03\x30\x01" "C\x00\x03\x30\x01" "B",
	    NULL);
	assert_int_equal(c.chain, 1);
	assert_int_equal(LISTING(47, "\x00\x05\x00\x03\x30\x01" "X", NULL)
	    .reason, TRUST_CHOICE_ORDER);
	c = LISTING(3, "\x00\x06\x02\x00\x03\x30\x01" "B", NULL);
	assert_int_equal(c.chain, 1);
	c = LISTING(3, sha1_b, NULL);
	assert_int_equal(c.chain, 1);
	c = LISTING(3, cert_b, NULL);
	assert_int_equal(c.chain, 1);
	/* Lengths that lie, an unknown type, a digest that nobody knows. */
	assert_int_equal(LISTING(3, "\x00\x15\x01\x03", NULL).reason,
	    TRUST_CHOICE_ORDER);
	assert_int_equal(LISTING(3, "\xff\xff\x02\xff\xff\x30", NULL).reason,
	    TRUST_CHOICE_ORDER);
	assert_int_equal(LISTING(3, "\x00\x07\x09\x02\x00\x03\x30\x01" "B",
	    NULL).reason, TRUST_CHOICE_ORDER);
	assert_int_equal(LISTING(3, "\x00\x01\x00", NULL).reason,
	    TRUST_CHOICE_ORDER);
	assert_int_equal(LISTING(47, "\x00\x04\x00\x09\x30\x01", NULL).reason,
	    TRUST_CHOICE_ORDER);
}

/* ---- bounds ---- */

/* A device that takes the chains of one mask; returns tries until accepted. */
static unsigned
tries(uint32_t takes, struct trust_deed *deed, unsigned nchain,
    const struct trust_chain *chain, unsigned most)
{
	unsigned before = TRUST_CHAINS_MAX, row = 0;
	static uint32_t no = 100;
	uint32_t shown = 0;

	for (unsigned n = 1; n <= most; n++) {
		struct trust_question q = question(deed, NULL);
		struct trust_choice c;

		q.chain = chain;
		q.nchain = nchain;
		c = trust_choose(&q);
		assert_true(c.chain < nchain);
		row = c.chain == before ? row + 1 : 1;
		assert_true(row <= 2);
		before = c.chain;
		shown |= 1u << c.chain;
		if ((takes & 1u << c.chain) != 0)
			return n;
		deed[c.chain].refused++;
		deed[c.chain].in_row++;
		deed[c.chain].refused_no = ++no;
		deed[c.chain].refused_s = NOW;
		deed[c.chain].fetched = false;
	}
	assert_int_equal(shown, nchain == 32 ? UINT32_MAX :
	    (1u << nchain) - 1);
	return 0;
}

static void
never_more_than_twice_in_a_row(void **state)
{
	struct trust_chain many[TRUST_CHAINS_MAX];

	for (unsigned i = 0; i < TRUST_CHAINS_MAX; i++)
		many[i] = chains[0];
	for (unsigned n = 2; n <= TRUST_CHAINS_MAX; n++) {
		struct trust_deed deed[TRUST_CHAINS_MAX] = { { 0 } };

		assert_int_equal(tries(0, deed, n, many, 4 * n), 0);
		/* With a past: all accepted once, one of them fetched. */
		memset(deed, 0, sizeof(deed));
		for (unsigned i = 0; i < n; i++) {
			deed[i].accepted = 1;
			deed[i].accepted_no = i + 1;
		}
		deed[n / 2].fetched = true;
		assert_int_equal(tries(0, deed, n, many, 5 * n), 0);
	}
}

static void
what_it_takes_is_found(void **state)
{
	struct trust_chain many[8];

	for (unsigned i = 0; i < 8; i++)
		many[i] = chains[0];
	for (unsigned i = 0; i < 8; i++) {
		struct trust_deed deed[8] = { { 0 } };

		/* In order, one try a chain. */
		assert_int_equal(tries(1u << i, deed, 8, many, 8), i + 1);
		/* And when that was mended only in the second round. */
		memset(deed, 0, sizeof(deed));
		assert_int_equal(tries(0, deed, 8, many, 8), 0);
		assert_int_equal(tries(1u << i, deed, 8, many, 8), i + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(one_chain_is_the_only_one),
		cmocka_unit_test(what_the_hello_can_take),
		cmocka_unit_test(a_pin_to_a_key_that_it_cannot_take),
		cmocka_unit_test(keys_of_one_scheme),
		cmocka_unit_test(signatures_in_the_chain),
		cmocka_unit_test(accepted_but_it_can_no_longer_take_it),
		cmocka_unit_test(listed_roots_are_believed_at_once),
		cmocka_unit_test(never_more_than_twice_in_a_row),
		cmocka_unit_test(what_it_takes_is_found),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
