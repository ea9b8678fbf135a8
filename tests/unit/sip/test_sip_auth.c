/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials: what parses, what the digest is (RFC 7616), and challenges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sip/auth.h"

#define NEEDED                                                                 \
	"Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", "     \
	"response=\"00000000000000000000000000000000\""

static int
setup(void **state)
{
	return digest_setup();
}

static void
equals(struct str got, const char *want)
{
	if (!str_eq(got, str_cstr(want)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(got), want);
}

static void
what_is_taken(void **state)
{
	struct sip_credentials c;

	assert_int_equal(sip_credentials_parse(&c, STR(NEEDED)), 0);
	equals(c.username, "u");
	equals(c.realm, "r");
	equals(c.nonce, "n");
	equals(c.uri, "sip:r");
	assert_true(c.alg_known && c.alg == DIGEST_MD5);
	assert_null(c.qop.p);
	assert_int_equal(c.nc, 0);
	assert_int_equal(sip_credentials_parse(&c, STR(NEEDED ",algorithm="
	    "SHA-256 ,\r\n QOP = auth, nc=0000000A ,cnonce=\"c\", opaque=\"\""
	    ", auth-param=x, x=\"y,z\" ,")), 0);
	assert_true(c.alg_known && c.alg == DIGEST_SHA256);
	assert_int_equal(c.nc, 10);
	equals(c.nc_text, "0000000A");
	equals(c.qop, "auth");
	equals(c.cnonce, "c");
	assert_int_equal(c.opaque.n, 0);
	/* Escapes are kept; a bare URI and lower case are let pass. */
	assert_int_equal(sip_credentials_parse(&c, STR("digest username="
	    "\"a\\\"b\",realm=r,nonce=n==,uri=sip:r:5060,response=ab")), 0);
	equals(c.username, "a\\\"b");
	equals(c.nonce, "n==");
	equals(c.uri, "sip:r:5060");
	assert_int_equal(sip_credentials_parse(&c, STR(NEEDED
	    ", algorithm=SHA-512-256")), 0);
	assert_false(c.alg_known);
}

static void
what_is_not(void **state)
{
	static const char *const bad[] = {
		"", " ", "Digest", "Digest ", "Basic dTpw",
		"Digestusername=\"u\"",
		"Odd username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", "
		"response=\"0\"",
		/* Each of the five is needed. */
		"Digest realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"",
		"Digest username=\"u\", nonce=\"n\", uri=\"u\", response=\"0\"",
		"Digest username=\"u\", realm=\"r\", uri=\"u\", response=\"0\"",
		"Digest username=\"u\", realm=\"r\", nonce=\"n\", "
		"response=\"0\"",
		"Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\"",
		/* Twice, unfinished, without a value, without a comma. */
		NEEDED ", realm=\"other\"", NEEDED ", opaque=\"",
		NEEDED ", opaque=", NEEDED ", opaque", NEEDED ", =x",
		NEEDED " opaque=\"x\"",
		/* With qop a cnonce and eight digits of a count. */
		NEEDED ", qop=auth, nc=00000001", NEEDED ", qop=auth",
		NEEDED ", qop=auth, cnonce=\"c\"",
		NEEDED ", qop=auth, cnonce=\"c\", nc=1",
		NEEDED ", qop=auth, cnonce=\"c\", nc=000000001",
		NEEDED ", qop=auth, cnonce=\"c\", nc=0000000g",
	};
	struct sip_credentials c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (sip_credentials_parse(&c, str_cstr(bad[i])) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

/* Recomputed: RFC 2617 3.5 and RFC 7616 3.9.1 hold these figures as well. */
static void
the_digests_of_the_rfcs(void **state)
{
	static const struct {
		const char *credentials, *password;
	} rows[] = {
		{ "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
		  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
		  "uri=\"/dir/index.html\", qop=auth, nc=00000001, "
		  "cnonce=\"0a4f113b\", "
		  "response=\"6629fae49393a05397450978507c4ef1\"",
		  "Circle Of Life" },
		{ "Digest username=\"Mufasa\", "
		  "realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
		  "algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcC"
		  "AzFZH4GiTo0v\", nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKa"
		  "f5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"753927fa0e8"
		  "5d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
		  "Circle of Life" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char ha1[2 * DIGEST_MAX + 1];
		struct sip_credentials c;

		assert_int_equal(sip_credentials_parse(&c,
		    str_cstr(rows[i].credentials)), 0);
		sip_ha1(c.alg, c.username, c.realm, str_cstr(rows[i].password),
		    ha1);
		assert_true(sip_credentials_check(&c, ha1, STR("GET")));
		assert_false(sip_credentials_check(&c, ha1, STR("get")));
		ha1[5] = ha1[5] == '0' ? '1' : '0';
		assert_false(sip_credentials_check(&c, ha1, STR("GET")));
	}
}

static void
parse_put(struct sip_credentials *c, struct buf *b, uint32_t nc,
    struct str cnonce)
{
	buf_reset(b);
	sip_credentials_put(b, DIGEST_SHA256, STR("u"), STR("r"), STR("pass"),
	    STR("REGISTER"), STR("sip:r"), STR("n"), nc, cnonce);
	assert_false(b->failed);
	assert_int_equal(sip_credentials_parse(c, buf_as_str(b)), 0);
}

#define CHANGE(name, statement)                                                \
	static void name(struct sip_credentials *c) { statement; }

CHANGE(another_nonce, c->nonce = STR("m"))
CHANGE(another_uri, c->uri = STR("sip:s"))
CHANGE(another_count, c->nc_text = STR("abcdef02"))
CHANGE(another_cnonce, c->cnonce = STR("d"))
CHANGE(another_qop, c->qop = STR("auth-int"))
CHANGE(no_qop, c->qop = STR_NULL)
CHANGE(a_digit_less, c->response.n--)
CHANGE(another_alg, c->alg = DIGEST_MD5)
CHANGE(an_unknown_alg, c->alg_known = false)

static void (*const changed[])(struct sip_credentials *c) = {
	another_nonce, another_uri, another_count, another_cnonce, another_qop,
	no_qop, a_digit_less, another_alg, an_unknown_alg,
};

static void
each_part_is_in_the_digest(void **state)
{
	char text[1024], ha1[2 * DIGEST_MAX + 1];
	struct sip_credentials c, d;
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	sip_ha1(DIGEST_SHA256, STR("u"), STR("r"), STR("pass"), ha1);
	parse_put(&c, &b, 0xabcdef01, STR("c"));
	equals(c.nc_text, "abcdef01");
	assert_true(sip_credentials_check(&c, ha1, STR("REGISTER")));
	for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
		d = c;
		changed[i](&d);
		if (sip_credentials_check(&d, ha1, STR("REGISTER")))
			fail_msg("part %zu is not in the digest", i);
	}
	/* RFC 2069. */
	parse_put(&c, &b, 0, STR_NULL);
	assert_null(c.qop.p);
	assert_true(sip_credentials_check(&c, ha1, STR("REGISTER")));
}

static void
a_challenge_to_the_letter(void **state)
{
	char text[1024];
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	sip_challenge_put(&b, false, DIGEST_MD5, STR("r"), STR("n"), false);
	sip_challenge_put(&b, true, DIGEST_SHA256, STR("r"), STR("n"), true);
	equals(buf_as_str(&b),
	    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
	    "algorithm=MD5, qop=\"auth\"\r\n"
	    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", "
	    "algorithm=SHA-256, qop=\"auth\", stale=true\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(the_digests_of_the_rfcs),
		cmocka_unit_test(each_part_is_in_the_digest),
		cmocka_unit_test(a_challenge_to_the_letter),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
