/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/registrar: RFC 3261 10.3, RFC 3327, RFC 5626 6. */
#include "uas_world.h"

#include <stdlib.h>

#include "net/loop.h"

#define URN    "+sip.instance=\"<urn:uuid:0001>\""
#define REG_1  "Contact: <sip:100@192.0.2.1:5060>;" URN ";reg-id=1\r\n"
#define OUTB   "Supported: path, outbound\r\n"

static int
setup(void **state)
{
	static struct phone p;

	phone_init(&p, "100");
	*state = &p;
	return world_setup(NULL);
}

/* The bindings listed, whatever their times. */
static size_t
listed(void)
{
	return world_count("Contact");
}

static void
a_binding_is_made_listed_and_logged(void **state)
{
	const char *date;

	assert_int_equal(phone_register(*state, CONTACT_1), 200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:100@192.0.2.1:5060>;expires=3600");
	assert_int_equal(listed(), 1);
	date = world_header("Date", 0);
	assert_non_null(date);
	assert_string_equal(date, "Mon, 23 Nov 2026 20:12:36 GMT");
	assert_non_null(strstr(world.answer, "\r\nTo: <sip:100@example.com>;"
	    "tag="));
	assert_true(world_logged("registered aor=100@example.com "
	    "contact=\"sip:100@192.0.2.1:5060\"") ||
	    world_logged("registered aor=100@example.com "
	    "contact=sip:100@192.0.2.1:5060"));
	assert_int_equal(world.kept, 1);
	assert_string_equal(world.kept_aor, "100@example.com");
}

static void
the_answer_waits_for_the_commit(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_once(p, CONTACT_1), 401);
	assert_true(phone_challenged(p));
	phone_build(p, CONTACT_1);
	assert_int_equal(world_handle(p->last), UAS_LATER);
	assert_int_equal(world.sent, 0);
	world_wait();
	assert_int_equal(world_status(), 200);
	assert_int_equal(listed(), 1);
}

static void
a_refresh_is_answered_at_once(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_register(p, CONTACT_1), 200);
	world_later(60);
	phone_build(p, CONTACT_1);
	assert_int_equal(world_handle(p->last), UAS_REPLY);
	assert_int_equal(world_status(), 200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:100@192.0.2.1:5060>;expires=3600");
	assert_non_null(world_header("Date", 0));
	assert_int_equal(world.kept, 2);
}

static void
several_contacts_and_a_query(void **state)
{
	assert_int_equal(phone_register(*state, CONTACT_1 CONTACT_2), 200);
	assert_int_equal(listed(), 2);
	assert_int_equal(phone_once(*state, "Contact: <sip:100@192.0.2.1:5060>;"
	    "expires=100, <sip:100@192.0.2.7>;expires=200;q=0.5\r\n"), 200);
	assert_int_equal(listed(), 3);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 3);
	assert_non_null(strstr(world.answer, "5060>;expires=100\r\n"));
	assert_non_null(strstr(world.answer,
	    "<sip:100@192.0.2.7>;q=0.5;expires=200\r\n"));
	assert_non_null(strstr(world.answer, "5062>;expires=3600\r\n"));
	assert_non_null(world_header("Date", 0));
}

static void
one_is_removed_and_then_all(void **state)
{
	assert_int_equal(phone_register(*state, CONTACT_1 CONTACT_2), 200);
	assert_int_equal(phone_once(*state,
	    "Contact: <sip:100@192.0.2.1:5060>;expires=0\r\n"), 200);
	assert_int_equal(listed(), 1);
	assert_true(world_logged("unregistered aor=100@example.com"));
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	assert_int_equal(listed(), 0);
	/* Removing what is not there is no error. */
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	assert_int_equal(phone_once(*state, CONTACT_1 "Expires: 0\r\n"), 200);
	assert_int_equal(listed(), 0);
}

static void
a_star_stands_alone_with_expires_0(void **state)
{
	static const char *const bad[] = {
		"Contact: *\r\n",
		"Contact: *\r\nExpires: 60\r\n",
		"Contact: *\r\nExpires: nonsense\r\n",
		"Contact: *, *\r\nExpires: 0\r\n",
		"Contact: *\r\nContact: *\r\nExpires: 0\r\n",
		"Contact: *, <sip:100@192.0.2.1>\r\nExpires: 0\r\n",
		"Contact: <sip:100@192.0.2.1>, *\r\nExpires: 0\r\n",
		CONTACT_1 "Contact: *\r\nExpires: 0\r\n",
	};

	assert_int_equal(phone_register(*state, CONTACT_1), 200);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(phone_once(*state, bad[i]), 400);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 1);
}

static void
expires_of(struct phone *p, const char *fields, const char *want)
{
	char end[64];

	assert_int_equal(phone_register(p, fields), 200);
	snprintf(end, sizeof(end), ";expires=%s", want);
	assert_non_null(strstr(world_header("Contact", 0), end));
}

static void
how_long_a_binding_lives(void **state)
{
	expires_of(*state, CONTACT_1, "3600");
	expires_of(*state, CONTACT_1 "Expires: 1800\r\n", "1800");
	expires_of(*state, "Expires: 1800\r\nContact: "
	    "<sip:100@192.0.2.1:5060>;expires=120\r\n", "120");
	/* Longer than we like; malformed counts as an hour (10.2.1.1). */
	expires_of(*state, CONTACT_1 "Expires: 4294967295\r\n", "7200");
	expires_of(*state, CONTACT_1 "Expires: 4294967296\r\n", "3600");
	expires_of(*state, CONTACT_1 "Expires: soon\r\n", "3600");
	expires_of(*state, CONTACT_1 "Expires: -1\r\n", "3600");
	expires_of(*state, "Expires: 1800\r\nContact: "
	    "<sip:100@192.0.2.1:5060>;expires=\"1\"\r\n", "3600");
	expires_of(*state, "Expires: 1800\r\nContact: "
	    "<sip:100@192.0.2.1:5060>;expires\r\n", "3600");
	/* expires inside the <> is the URI's own. */
	expires_of(*state, "Contact: <sip:100@192.0.2.1:5060;expires=7>\r\n",
	    "3600");
}

static void
a_binding_ends_by_itself(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_register(p, CONTACT_1 "Expires: 100\r\n"), 200);
	world_later(99);
	assert_int_equal(phone_once(p, ""), 200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:100@192.0.2.1:5060>;expires=1");
	world_later(1);
	assert_int_equal(phone_once(p, ""), 200);
	assert_int_equal(listed(), 0);
}

static void
too_brief_is_423(void **state)
{
	assert_int_equal(phone_register(*state, CONTACT_1 "Expires: 59\r\n"),
	    423);
	assert_string_equal(world_header("Min-Expires", 0), "60");
	assert_int_equal(phone_once(*state, CONTACT_1 "Expires: 60\r\n"), 200);
	/* One of two: none is done. */
	assert_int_equal(phone_once(*state, CONTACT_2
	    "Contact: <sip:100@192.0.2.1:5060>;expires=1\r\n"), 423);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 1);
}

/* 10.3 step 7: only what is under an hour may be refused. */
static void
an_hour_is_never_too_brief(void **state)
{
	static const struct conf_override more[] = {
		{ "expires_min", "5000" }, { "expires_default", "6000" },
		{ NULL, NULL },
	};

	world_reload(more);
	assert_int_equal(phone_register(*state, CONTACT_1 "Expires: 3599\r\n"),
	    423);
	assert_int_equal(phone_once(*state, CONTACT_1 "Expires: 3600\r\n"),
	    200);
}

static void
an_old_cseq_fails_the_whole_request(void **state)
{
	struct phone *p = *state;

	p->cseq = 10;
	assert_int_equal(phone_register(p, CONTACT_1), 200);
	p->cseq = 5;
	assert_int_equal(phone_once(p, CONTACT_2
	    "Contact: <sip:100@192.0.2.1:5060>;expires=100\r\n"), 500);
	assert_null(world_header("Retry-After", 0));
	assert_int_equal(phone_once(p, ""), 200);
	assert_int_equal(listed(), 1);
	/* Under another Call-ID (a reboot) the order begins anew. */
	p->call_id = "reboot";
	p->cseq = 0;
	assert_int_equal(phone_once(p, CONTACT_1), 200);
	assert_int_equal(listed(), 1);
}

static void
more_than_contacts_max_is_403_and_nothing_done(void **state)
{
	assert_int_equal(phone_register(*state, CONTACT_1 CONTACT_2), 200);
	assert_int_equal(phone_once(*state,
	    "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>\r\n"), 403);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 2);
	assert_int_equal(phone_once(*state, "Contact: <sip:a@192.0.2.1>, "
	    "<sip:b@192.0.2.1>, <sip:100@192.0.2.1:5060>;expires=0\r\n"), 200);
	assert_int_equal(listed(), 3);
}

static void
what_a_contact_keeps(void **state)
{
	/* RFC 4475 3.3.12 to 3.3.14. */
	assert_int_equal(phone_register(*state,
	    "Contact: sip:+19725552222@gw1.example.net;unknownparam\r\n"), 200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:+19725552222@gw1.example.net>;unknownparam;expires=3600");
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	assert_int_equal(phone_once(*state, "Contact: "
	    "<sip:+19725552222@gw1.example.net;unknownparam>\r\n"), 200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600");
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	assert_int_equal(phone_once(*state,
	    "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"
	    "\r\n"), 200);
	assert_string_equal(world_header("Contact", 0), "<sip:user@example.com"
	    "?Route=%3Csip:sip.example.com%3E>;expires=3600");
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	/* Quoted commas and angle brackets; transport=tls as phones say it. */
	assert_int_equal(phone_once(*state, "m: \"A, <B>\" "
	    "<sip:100@192.0.2.1:5061;transport=tls>;x=\"1,2;3\";q=0.1\r\n"),
	    200);
	assert_string_equal(world_header("Contact", 0),
	    "<sip:100@192.0.2.1:5061;transport=tls>;x=\"1,2;3\";q=0.1;"
	    "expires=3600");
}

static void
malformed_contacts_are_400_and_nothing_done(void **state)
{
	static const char *const bad[] = {
		"Contact: <sip:100@192.0.2.1\r\n",
		"Contact: <>\r\n",
		"Contact: <sip:>\r\n",
		"Contact: <sip:100@[1::2>\r\n",
		CONTACT_2 "Contact: \"x <sip:100@192.0.2.1>\r\n",
		"Contact: <sip:100@192.0.2.1>;=1\r\n",
		"Contact: <sip:100@192.0.2.1>;" URN ";reg-id=one\r\n",
	};

	assert_int_equal(phone_register(*state, CONTACT_1), 200);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(phone_once(*state, bad[i]), 400);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 1);
}

/* A Contact of n bytes; the URI alone, or with a parameter of that length. */
static const char *
long_contact(size_t n, bool param)
{
	static char text[20000];
	static char fill[15001];

	memset(fill, 'a', sizeof(fill) - 1);
	snprintf(text, sizeof(text), "Contact: <sip:%.*s@192.0.2.1>;p=%.*s\r\n",
	    param ? 1 : (int)n, fill, param ? (int)n : 1, fill);
	return text;
}

static void
what_is_oversized_is_400(void **state)
{
	char many[8192] = "", path[6000];
	char fill[5001];

	assert_int_equal(phone_register(*state, long_contact(900, false)), 200);
	assert_int_equal(phone_once(*state, long_contact(1100, false)), 400);
	assert_int_equal(phone_once(*state, long_contact(9000, false)), 400);
	assert_int_equal(phone_once(*state, long_contact(3000, true)), 200);
	assert_int_equal(phone_once(*state, long_contact(9000, true)), 400);
	for (int i = 0; i < 101; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
		    "%s<sip:%d@192.0.2.1>", i == 0 ? "Contact: " : ", ", i);
	strcat(many, "\r\n");
	assert_int_equal(phone_once(*state, many), 400);
	memset(fill, 'a', sizeof(fill) - 1);
	fill[sizeof(fill) - 1] = '\0';
	snprintf(path, sizeof(path), "Path: <sip:%s@192.0.2.1;lr>\r\n", fill);
	strcat(path, CONTACT_1);
	assert_int_equal(phone_once(*state, path), 400);
}

/* Better no 200 than one that a phone takes for all there is. */
static void
a_list_that_does_not_fit_is_500(void **state)
{
	assert_int_equal(phone_register(*state, long_contact(900, false)), 200);
	world.answer_room = 600;
	assert_int_equal(phone_once(*state, ""), 500);
	phone_build(*state, long_contact(900, false));
	world.answer_room = 900;
	assert_int_equal(world_send(((struct phone *)*state)->last), 500);
}

/* ---- Path ---- */

static void
a_path_is_kept_and_echoed(void **state)
{
	static const char path[] =
	    "Path: <sip:p1.example.com;lr>\r\nPath: <sip:p2.example.com;lr>"
	    "\r\n";
	static const char echo[] =
	    "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>";
	char fields[512];

	snprintf(fields, sizeof(fields), "%s%s" OUTB, path, CONTACT_1);
	assert_int_equal(phone_register(*state, fields), 200);
	assert_string_equal(world_header("Path", 0), echo);
	/* RFC 3327 5.3: also for one who did not say Supported: path. */
	snprintf(fields, sizeof(fields), "%s%s", path, CONTACT_1);
	assert_int_equal(phone_once(*state, fields), 200);
	assert_string_equal(world_header("Path", 0), echo);
	assert_int_equal(phone_once(*state, path), 200);
	assert_string_equal(world_header("Path", 0), echo);
	assert_int_equal(phone_once(*state, "Require: path\r\n" CONTACT_1),
	    200);
	assert_null(world_header("Path", 0));
}

static void
a_malformed_path_is_400_and_nothing_done(void **state)
{
	static const char *const bad[] = { "garbage", "", "<>", "<sip:>",
		"sip:p1.example.com;lr", "<tel:+1>", "<sip:p1.example.com;lr",
		"<sip:p1.example.com;lr>, <sip:p2.example.com;lr>," };
	char fields[512];

	assert_int_equal(phone_register(*state, ""), 200);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(fields, sizeof(fields), "Path: %s\r\n%s" OUTB, bad[i],
		    CONTACT_1);
		assert_int_equal(phone_once(*state, fields), 400);
	}
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 0);
}

/* ---- outbound ---- */

static void
outbound_is_granted_and_binds_by_instance(void **state)
{
	assert_int_equal(phone_register(*state, OUTB REG_1), 200);
	assert_string_equal(world_header("Require", 0), "outbound");
	assert_string_equal(world_header("Contact", 0),
	    "<sip:100@192.0.2.1:5060>;" URN ";reg-id=1;expires=3600");
	/* From another address: the same binding; another reg-id: one more. */
	assert_int_equal(phone_once(*state, OUTB "Contact: "
	    "<sip:100@192.0.2.1:7000>;" URN ";reg-id=1\r\n"), 200);
	assert_int_equal(listed(), 1);
	assert_non_null(strstr(world_header("Contact", 0), ":7000>"));
	assert_int_equal(phone_once(*state, OUTB "Contact: "
	    "<sip:100@192.0.2.1:7000>;" URN ";reg-id=2\r\n"), 200);
	assert_int_equal(listed(), 2);
	/* A refresh in place says it too. */
	assert_int_equal(phone_once(*state, OUTB "Contact: "
	    "<sip:100@192.0.2.1:7000>;" URN ";reg-id=2\r\n"), 200);
	assert_string_equal(world_header("Require", 0), "outbound");
}

static void
reg_id_is_ignored_without_instance_or_option_tag(void **state)
{
	assert_int_equal(phone_register(*state, OUTB
	    "Contact: <sip:100@192.0.2.1:5060>;reg-id=1\r\n"), 200);
	assert_null(world_header("Require", 0));
	assert_int_equal(phone_once(*state, OUTB
	    "Contact: <sip:100@192.0.2.1:7000>;reg-id=1\r\n"), 200);
	assert_int_equal(listed(), 2);
	assert_int_equal(phone_once(*state, "Contact: *\r\nExpires: 0\r\n"),
	    200);
	assert_int_equal(phone_once(*state, REG_1), 200);
	assert_null(world_header("Require", 0));
	assert_int_equal(phone_once(*state, "Contact: <sip:100@192.0.2.1:7000>;"
	    URN ";reg-id=1\r\n"), 200);
	assert_int_equal(listed(), 2);
}

static void
two_contacts_with_reg_id_are_400(void **state)
{
	assert_int_equal(phone_register(*state, OUTB REG_1
	    "Contact: <sip:100@192.0.2.1:7000>;" URN ";reg-id=2\r\n"), 400);
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 0);
}

static void
a_first_hop_without_ob_is_439(void **state)
{
	struct phone *p = *state;

	p->via = "Via: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKfirst\r\n";
	assert_int_equal(phone_register(p, OUTB REG_1), 439);
	assert_int_equal(phone_once(p, OUTB REG_1
	    "Path: <sip:edge.example.com;lr>\r\n"), 439);
	assert_int_equal(phone_once(p, OUTB REG_1
	    "Path: <sip:core.example.com;ob;lr>, <sip:edge.example.com;lr>"
	    "\r\n"), 439);
	assert_int_equal(phone_once(p, OUTB REG_1
	    "Path: <sip:core.example.com;lr>, <sip:edge.example.com;lr;ob>"
	    "\r\n"), 200);
	assert_string_equal(world_header("Require", 0), "outbound");
	/* Without outbound nobody minds. */
	assert_int_equal(phone_once(p, CONTACT_2), 200);
}

/* ---- retransmissions ---- */

static void
a_retransmission_gets_the_same_answer(void **state)
{
	struct phone *p = *state;
	char first[ANSWER_SIZE];

	assert_int_equal(phone_register(p, CONTACT_1), 200);
	strcpy(first, world.answer);
	assert_int_equal(world_send(p->last), 200);
	assert_string_equal(world.answer, first);
	/* A refresh, a removal, a query. */
	assert_int_equal(phone_once(p, CONTACT_1), 200);
	strcpy(first, world.answer);
	assert_int_equal(world_send(p->last), 200);
	assert_string_equal(world.answer, first);
	assert_int_equal(phone_once(p, "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_int_equal(world_send(p->last), 200);
	assert_int_equal(listed(), 0);
	assert_int_equal(phone_once(p, ""), 200);
	assert_int_equal(world_send(p->last), 200);
}

/* The 200 follows the commit, also for one who asks twice. */
static void
a_retransmission_does_not_overtake_the_commit(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_once(p, CONTACT_1), 401);
	assert_true(phone_challenged(p));
	phone_build(p, CONTACT_1);
	assert_int_equal(world_handle(p->last), UAS_LATER);
	assert_int_equal(world_handle(p->last), UAS_LATER);
	assert_int_equal(world.sent, 0);
	while (world.sent < 2)
		world_wait();
	assert_int_equal(world_status(), 200);
	assert_int_equal(listed(), 1);
}

static void
a_retransmission_of_what_failed_is_no_200(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_once(p, CONTACT_1), 401);
	assert_true(phone_challenged(p));
	phone_build(p, CONTACT_1);
	store_mem_fail(world.store, STORE_MEM_FAIL_COMMIT);
	assert_int_equal(world_send(p->last), 500);
	assert_int_equal(world_send(p->last), 500);
	store_mem_fail(world.store, STORE_MEM_WORKS);
	assert_int_equal(world_send(p->last), 200);
	assert_int_equal(listed(), 1);
}

/* The edge ends: its answer reads the bindings when the writer has gone. */
static void
a_retransmission_is_answered_at_the_end(void **state)
{
	struct phone *p = *state;

	assert_int_equal(phone_once(p, CONTACT_1), 401);
	assert_true(phone_challenged(p));
	phone_build(p, CONTACT_1);
	assert_int_equal(world_handle(p->last), UAS_LATER);
	assert_int_equal(world_handle(p->last), UAS_LATER);
	location_stop(world.location);
	event_base_loop(loop_base(world.loop), EVLOOP_NONBLOCK);
	assert_int_equal(world.sent, 2);
	assert_int_equal(world_status(), 200);
	assert_int_equal(listed(), 1);
	/* Nothing is taken any more. */
	assert_int_equal(phone_once(p, CONTACT_2), 503);
}

/* ---- the store fails ---- */

static void
a_store_that_fails_is_500_with_retry_after(void **state)
{
	long after;

	store_mem_fail(world.store, STORE_MEM_FAIL_COMMIT);
	assert_int_equal(phone_register(*state, CONTACT_1), 500);
	assert_non_null(world_header("Retry-After", 0));
	after = strtol(world_header("Retry-After", 0), NULL, 10);
	assert_in_range(after, 30, 60);
	assert_true(world_logged("store-failed"));
	assert_int_equal(phone_once(*state, ""), 200);
	assert_int_equal(listed(), 0);
	assert_int_equal(world.kept, 0);
	store_mem_fail(world.store, STORE_MEM_WORKS);
	assert_int_equal(phone_once(*state, CONTACT_1), 200);
	/* A refresh needs no store. */
	store_mem_fail(world.store, STORE_MEM_FAIL_COMMIT);
	assert_int_equal(phone_once(*state, CONTACT_1), 200);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_binding_is_made_listed_and_logged),
		CASE(the_answer_waits_for_the_commit),
		CASE(a_refresh_is_answered_at_once),
		CASE(several_contacts_and_a_query),
		CASE(one_is_removed_and_then_all),
		CASE(a_star_stands_alone_with_expires_0),
		CASE(how_long_a_binding_lives),
		CASE(a_binding_ends_by_itself),
		CASE(too_brief_is_423),
		CASE(an_hour_is_never_too_brief),
		CASE(an_old_cseq_fails_the_whole_request),
		CASE(more_than_contacts_max_is_403_and_nothing_done),
		CASE(what_a_contact_keeps),
		CASE(malformed_contacts_are_400_and_nothing_done),
		CASE(what_is_oversized_is_400),
		CASE(a_list_that_does_not_fit_is_500),
		CASE(a_path_is_kept_and_echoed),
		CASE(a_malformed_path_is_400_and_nothing_done),
		CASE(outbound_is_granted_and_binds_by_instance),
		CASE(reg_id_is_ignored_without_instance_or_option_tag),
		CASE(two_contacts_with_reg_id_are_400),
		CASE(a_first_hop_without_ob_is_439),
		CASE(a_retransmission_gets_the_same_answer),
		CASE(a_retransmission_does_not_overtake_the_commit),
		CASE(a_retransmission_of_what_failed_is_no_200),
		CASE(a_retransmission_is_answered_at_the_end),
		CASE(a_store_that_fails_is_500_with_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
