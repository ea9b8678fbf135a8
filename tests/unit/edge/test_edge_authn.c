/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/authn: digest, seen from the phone (RFC 3261 22, RFC 7616, RFC 8760). */
#include "uas_world.h"

#define DIGEST                                                                 \
	"Authorization: Digest username=\"100\", realm=\"example.com\", "

static struct phone p;

static int
setup(void **state)
{
	phone_init(&p, "100");
	return world_setup(NULL);
}

static void
change(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from);

	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

static void
is_challenged(bool stale)
{
	size_t n = world_count("WWW-Authenticate");

	assert_int_equal(world_status(), 401);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		const char *c = world_header("WWW-Authenticate", (int)i);

		assert_non_null(strstr(c, "Digest realm=\"example.com\""));
		assert_non_null(strstr(c, "qop=\"auth\""));
		assert_int_equal(strstr(c, "stale=true") != NULL, stale);
	}
	assert_null(world_header("Contact", 0));
}

static size_t
bindings(void)
{
	struct phone q;

	phone_init(&q, "100");
	assert_int_equal(phone_register(&q, ""), 200);
	return world_count("Contact");
}

static void
the_preferred_challenge_comes_first(void **state)
{
	static const struct conf_override both[] = {
		{ "challenge", "SHA-256" }, { "challenge", "MD5" },
		{ NULL, NULL },
	};

	phone_once(&p, CONTACT_1);
	is_challenged(false);
	assert_int_equal(world_count("WWW-Authenticate"), 2);
	assert_non_null(strstr(world_header("WWW-Authenticate", 0),
	    "algorithm=MD5"));
	world_reload(both);
	phone_once(&p, CONTACT_1);
	assert_non_null(strstr(world_header("WWW-Authenticate", 0),
	    "algorithm=SHA-256"));
	assert_non_null(strstr(world_header("WWW-Authenticate", 1),
	    "algorithm=MD5"));
}

static void
old_phones_are_offered_md5_alone(void **state)
{
	static const struct conf_override more[] = {
		{ "challenge", "SHA-256" },
		{ "challenge_md5_only", "Cisco/SPA" }, { NULL, NULL },
	};

	world_reload(more);
	p.agent = "Cisco/SPA502G-7.6.2";
	phone_once(&p, CONTACT_1);
	assert_int_equal(world_count("WWW-Authenticate"), 1);
	assert_non_null(strstr(world_header("WWW-Authenticate", 0),
	    "algorithm=MD5"));
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	/* Nobody else gets in with what was not offered. */
	phone_init(&p, "100");
	p.alg = DIGEST_SHA256;
	assert_int_equal(phone_register(&p, CONTACT_2), 200);
	p.alg = DIGEST_MD5;
	p.nc = 0;
	assert_int_equal(phone_once(&p, CONTACT_2), 401);
}

static void
both_algorithms_are_taken(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	phone_init(&p, "100");
	p.alg = DIGEST_SHA256;
	assert_int_equal(phone_register(&p, CONTACT_2), 200);
	/* A nonce is for the algorithm it was offered with. */
	p.alg = DIGEST_MD5;
	assert_int_equal(phone_once(&p, CONTACT_2), 401);
}

static void
a_nonce_serves_many_requests(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	for (int i = 0; i < 5; i++)
		assert_int_equal(phone_once(&p, CONTACT_1), 200);
	/* Counts may be left out. */
	p.nc += 10;
	assert_int_equal(phone_once(&p, CONTACT_1), 200);
	assert_int_equal(phone_once(&p, "Contact: *\r\nExpires: 0\r\n"), 200);
}

static void
wrong_passwords_and_unknown_users_look_alike(void **state)
{
	char first[1024];

	p.password = "Secret";
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
	is_challenged(false);
	snprintf(first, sizeof(first), "%.*s",
	    (int)strcspn(world.answer, "\r"), world.answer);
	phone_init(&p, "999");
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
	is_challenged(false);
	assert_memory_equal(world.answer, first, strlen(first));
	assert_true(world_logged("auth-failed user=100 peer=192.0.2.1:5060 "
	    "transport=UDP reason=wrong_password"));
	assert_true(world_logged("auth-failed user=999 peer=192.0.2.1:5060 "
	    "transport=UDP reason=unknown_user"));
	assert_int_equal(bindings(), 0);
}

/* A guess for a user that is not there, made with what stands in for HA1. */
static void
an_unknown_user_has_no_password_at_all(void **state)
{
	phone_init(&p, "999");
	p.password = "";
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
	phone_init(&p, "999");
	p.password = "0000000000000000000000000000000000000000000000000000000"
	    "000000000";
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
}

static void
nobody_registers_for_another(void **state)
{
	world_user("101", "other");
	p.auth_user = "101";
	p.password = "other";
	assert_int_equal(phone_register(&p, CONTACT_1), 403);
	assert_true(world_logged("reason=other_users_aor"));
	assert_int_equal(bindings(), 0);
	/* Without the right password it is not said whose it is. */
	p.password = "wrong";
	assert_int_equal(phone_once(&p, CONTACT_1), 401);
}

static void
another_realm_is_challenged_anew(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	p.realm = "example.net";
	phone_once(&p, CONTACT_1);
	is_challenged(false);
	assert_true(world_logged("reason=wrong_realm"));
	p.realm = "";
	assert_int_equal(phone_once(&p, CONTACT_1), 401);
}

static void
among_several_credentials_ours_are_found(void **state)
{
	static const char more[] = "Authorization: Basic MTAwOnNlY3JldA==\r\n"
	    "Authorization: Digest username=\"100\", realm=\"elsewhere\", "
	    "nonce=\"x\", uri=\"sip:elsewhere\", response=\"y\"\r\n";
	char text[16384];
	char *at;

	phone_once(&p, CONTACT_1);
	assert_true(phone_challenged(&p));
	phone_build(&p, CONTACT_1);
	at = strstr(p.last, "Authorization: ");
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - p.last), p.last,
	    more, at);
	assert_int_equal(world_send(text), 200);
}

/* RFC 8760 2.4: one answers each challenge; what nobody asked for is passed. */
static void
credentials_by_an_algorithm_that_was_not_offered_are_passed_over(void **state)
{
	static const char more[] = DIGEST "nonce=\"x\", uri=\"sip:example.com\""
	    ", response=\"y\", algorithm=SHA-512-256\r\n";
	char text[16384];
	char *at;

	phone_once(&p, CONTACT_1);
	assert_true(phone_challenged(&p));
	phone_build(&p, CONTACT_1);
	at = strstr(p.last, "Authorization: ");
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - p.last), p.last,
	    more, at);
	assert_int_equal(world_send(text), 200);
	assert_false(world_logged("auth-failed"));
	/* Alone it is challenged again and again: the log says why. */
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - p.last), p.last,
	    more, strstr(at, "\r\n") + 2);
	assert_int_equal(world_send(text), 401);
	assert_true(world_logged("auth-failed user=100"));
	assert_true(world_logged("reason=algorithm_not_offered"));
}

static void
malformed_credentials_are_challenged(void **state)
{
	static const char *const bad[] = {
		"Authorization: Basic MTAwOnNlY3JldA==\r\n",
		"Authorization: NoOneKnowsThisScheme opaque-data=here\r\n",
		"Authorization: Digest\r\n",
		"Authorization: Digest username=\"100\"\r\n",
		DIGEST "nonce=\"\", uri=\"sip:example.com\", response=\"\"\r\n",
		DIGEST "nonce=\"1\", uri=\"sip:example.com\", response=\"2\", "
		"algorithm=SHA-512\r\n",
		"Authorization: Digest username=\"100, realm=\"x\"\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(phone_once(&p, bad[i]), 401);
}

static void
every_part_of_the_response_counts(void **state)
{
	static const char *const parts[] = { "response=\"", "cnonce=\"",
		"nonce=\"", "username=\"", "uri=\"sip:" };

	phone_once(&p, CONTACT_1);
	assert_true(phone_challenged(&p));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *at;

		phone_build(&p, CONTACT_1);
		at = strstr(p.last, parts[i]) + strlen(parts[i]);
		*at = *at == '1' ? '2' : '1';
		assert_int_not_equal(world_send(p.last), 200);
	}
	assert_int_equal(bindings(), 0);
	/* A method cannot be lent: the response is for REGISTER. */
	phone_challenged(&p);
	phone_build(&p, CONTACT_1);
	change(p.last, "nc=0000000", "nc=0000001");
	assert_int_equal(world_send(p.last), 401);
}

static void
the_digest_uri_must_be_ours(void **state)
{
	static const char *const good[] = { "sip:example.com",
		"sip:example.com:5060", "sip:100@example.com",
		"sips:example.com", "sip:192.0.2.9:5060;transport=tls" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		phone_init(&p, "100");
		p.digest_uri = good[i];
		p.cseq = 10 * (uint32_t)i;
		assert_int_equal(phone_register(&p, CONTACT_1), 200);
	}
	phone_init(&p, "100");
	p.digest_uri = "sip:example.net";
	assert_int_equal(phone_register(&p, CONTACT_2), 400);
	assert_true(world_logged("reason=other_uri"));
	p.digest_uri = "*";
	assert_int_equal(phone_register(&p, CONTACT_2), 400);
	assert_int_equal(bindings(), 1);
}

/* ---- replay ---- */

static void
a_replay_from_elsewhere_changes_nothing(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	/* The same credentials under another branch, and with more wishes. */
	change(p.last, "branch=z9hG4bK", "branch=z9hG4bX");
	assert_int_equal(world_send(p.last), 401);
	is_challenged(true);
	change(p.last, "branch=z9hG4bX", "branch=z9hG4bK");
	/* The very same but for its Contact: the response does not cover it. */
	change(p.last, "@192.0.2.1:5060>", "@192.0.2.1:6666>");
	assert_int_equal(world_send(p.last), 401);
	is_challenged(true);
	change(p.last, "@192.0.2.1:6666>", "@192.0.2.1:5060>");
	addr_set_port(&world.flow.peer, 6000);
	assert_int_equal(world_send(p.last), 401);
	is_challenged(true);
	/* From another address not even a fresh count helps. */
	assert_int_equal(addr_parse(&world.flow.peer, STR("192.0.2.77:5060"),
	    0), 0);
	assert_int_equal(phone_once(&p, CONTACT_1), 401);
	is_challenged(true);
	assert_int_equal(bindings(), 1);
}

static void
an_old_count_is_stale(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	assert_int_equal(phone_once(&p, CONTACT_1), 200);
	p.nc = 0;
	phone_once(&p, CONTACT_1);
	is_challenged(true);
	/* The phone goes on by itself with the new nonce. */
	assert_true(phone_challenged(&p));
	assert_int_equal(phone_once(&p, CONTACT_1), 200);
}

static void
a_nonce_ages_and_a_strange_one_is_stale(void **state)
{
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	world_later(3601);
	phone_once(&p, CONTACT_1);
	is_challenged(true);
	assert_true(phone_challenged(&p));
	assert_int_equal(phone_once(&p, CONTACT_1), 200);
	/* Of the process before: the phone need not ask its user. */
	snprintf(p.nonce, sizeof(p.nonce), "%049d", 7);
	p.nc = 0;
	phone_once(&p, CONTACT_1);
	is_challenged(true);
}

static void
without_qop_only_md5_and_only_once(void **state)
{
	p.no_qop = true;
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	assert_int_equal(world_send(p.last), 200); /* a retransmission */
	phone_once(&p, CONTACT_1);
	is_challenged(true);
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	phone_init(&p, "100");
	p.no_qop = true;
	p.alg = DIGEST_SHA256;
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
}

/* ---- accounts and the log ---- */

static void
accounts_change_while_we_run(void **state)
{
	phone_init(&p, "102");
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
	world_user("102", "secret");
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	world_user("102", "changed");
	assert_int_equal(phone_register(&p, CONTACT_1), 401);
}

static void
names_that_need_care(void **state)
{
	world_user("a b", "secret");
	phone_init(&p, "a%20b");
	p.auth_user = "a b";
	assert_int_equal(phone_register(&p, CONTACT_1), 200);
	phone_init(&p, "100%00");
	p.auth_user = "100";
	assert_int_equal(phone_register(&p, CONTACT_1), 403);
	assert_int_equal(bindings(), 0);
}

/* A flood of failures is counted; and no secret is ever written. */
static void
failures_are_bounded_in_the_log_and_hold_no_secret(void **state)
{
	size_t lines = 0;

	p.password = "wrong";
	for (int i = 0; i < 100; i++)
		assert_int_equal(phone_register(&p, CONTACT_1), 401);
	for (const char *at = world.log.p, *end = at + world.log.n;
	     (at = memmem(at, (size_t)(end - at), "auth-failed", 11)) != NULL;
	     at += 11)
		lines++;
	assert_int_equal(lines, 10);
	assert_false(world_logged("wrong\n"));
	assert_false(world_logged("response="));
	assert_false(world_logged(p.nonce));
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_preferred_challenge_comes_first),
		CASE(old_phones_are_offered_md5_alone),
		CASE(both_algorithms_are_taken),
		CASE(a_nonce_serves_many_requests),
		CASE(wrong_passwords_and_unknown_users_look_alike),
		CASE(an_unknown_user_has_no_password_at_all),
		CASE(nobody_registers_for_another),
		CASE(another_realm_is_challenged_anew),
		CASE(among_several_credentials_ours_are_found),
		CASE(
	    credentials_by_an_algorithm_that_was_not_offered_are_passed_over),
		CASE(malformed_credentials_are_challenged),
		CASE(every_part_of_the_response_counts),
		CASE(the_digest_uri_must_be_ours),
		CASE(a_replay_from_elsewhere_changes_nothing),
		CASE(an_old_count_is_stale),
		CASE(a_nonce_ages_and_a_strange_one_is_stale),
		CASE(without_qop_only_md5_and_only_once),
		CASE(accounts_change_while_we_run),
		CASE(names_that_need_care),
		CASE(failures_are_bounded_in_the_log_and_hold_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
