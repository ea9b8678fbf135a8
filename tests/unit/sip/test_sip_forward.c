/* SPDX-License-Identifier: BSD-2-Clause */
/* What a proxy changes in a message, and that the rest stays as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sip/forward.h"

static char text[8192];
static struct sip_msg m;
static struct addr source;

#define OURS "SIP/2.0/TLS edge:5061;branch=z9hG4bKe"

static const char invite[] = "INVITE sip:bob@b.test SIP/2.0\r\n"
    "v: SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bK1, SIP/2.0/UDP first\r\n"
    "Max-Forwards:  9\r\n"
    "Route: <sip:edge;lr>, <sip:edge:5061;lr>,\r\n <sip:next;lr>\r\n"
    "route: <sip:last;lr>\r\n"
    "From: \"A, <b>\"   <sip:alice@a.test>;tag=f\r\nTo:<sip:bob@b.test>\r\n"
    "Call-ID: one\r\nCSeq: 7 INVITE\r\nm: <sip:alice@10.0.0.7>\r\n"
    "Record-Route: <sip:before;lr>\r\nX-Folded: a\r\n b\r\n"
    "Content-Length: 4\r\n\r\nbody";

static void
parse(const char *s)
{
	assert_int_equal(sip_msg_parse(&m, str_cstr(s), SIP_DATAGRAM, 8192), 0);
}

static const char *
forward(const char *s, const struct sip_forward *f)
{
	struct buf out;

	parse(s);
	buf_init_array(&out, text, sizeof(text) - 1);
	sip_forward_request(&out, &m, f);
	assert_false(out.failed);
	text[out.n] = '\0';
	return text;
}

static int
setup(void **state)
{
	return addr_parse(&source, STR("192.0.2.7:40000"), 0);
}

static void
what_is_put_in_and_taken_out(void **state)
{
	const struct sip_forward f = {
		.request_uri = STR("sip:bob@192.0.2.9:5062"),
		.via = STR(OURS), .source = &source,
		.record_route = { STR("<sip:r0;lr>"), STR("<sip:r1;lr>") },
		.drop_routes = 2, .max_forwards = 8, .max_breadth = 30,
		.fields = STR("X-Ours: 1\r\n"),
	};

	assert_string_equal(forward(invite, &f),
	    "INVITE sip:bob@192.0.2.9:5062 SIP/2.0\r\nVia: " OURS "\r\n"
	    "Record-Route: <sip:r0;lr>\r\nRecord-Route: <sip:r1;lr>\r\n"
	    "Max-Forwards: 8\r\nMax-Breadth: 30\r\nX-Ours: 1\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.7;rport=40000;branch=z9hG4bK1"
	    ";received=192.0.2.7, SIP/2.0/UDP first\r\n"
	    "Route: <sip:next;lr>\r\nroute: <sip:last;lr>\r\n"
	    "From: \"A, <b>\"   <sip:alice@a.test>;tag=f\r\n"
	    "To:<sip:bob@b.test>\r\nCall-ID: one\r\nCSeq: 7 INVITE\r\n"
	    "m: <sip:alice@10.0.0.7>\r\nRecord-Route: <sip:before;lr>\r\n"
	    "X-Folded: a\r\n b\r\nContent-Length: 4\r\n\r\nbody");
}

static void
all_else_is_byte_for_byte_the_same(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 8 };
	const char *head = "INVITE sip:bob@b.test SIP/2.0\r\nVia: " OURS "\r\n"
	    "Max-Forwards: 8\r\n";
	const char *rest, *line = strstr(invite, "Max-Forwards:  9\r\n");

	forward(invite, &f);
	assert_memory_equal(text, head, strlen(head));
	rest = text + strlen(head);
	assert_memory_equal(rest, strstr(invite, "v: "),
	    (size_t)(line - strstr(invite, "v: ")));
	rest += line - strstr(invite, "v: ");
	assert_string_equal(rest, line + strlen("Max-Forwards:  9\r\n"));
}

static void
routes_go_one_by_one(void **state)
{
	struct sip_forward f = { .via = STR(OURS), .max_forwards = 8 };

	f.drop_routes = 1;
	forward(invite, &f);
	assert_non_null(strstr(text, "\r\nRoute: <sip:edge:5061;lr>,\r\n "
	    "<sip:next;lr>\r\nroute: <sip:last;lr>\r\n"));
	f.drop_routes = 3;
	forward(invite, &f);
	assert_null(strstr(text, "\r\nRoute:"));
	assert_non_null(strstr(text, "\r\nroute: <sip:last;lr>\r\n"));
	f.drop_routes = 9;
	f.route = STR("<sip:stored;lr>");
	forward(invite, &f);
	assert_non_null(strstr(text, "\r\nRoute: <sip:stored;lr>\r\n"));
	assert_null(strstr(text, "\r\nroute:"));
	assert_null(strstr(text, "sip:last"));
}

/* RFC 3261 16.4 and 16.6 step 6. */
static void
strict_routers_get_and_give_the_last_route(void **state)
{
	struct sip_forward f = { .via = STR(OURS), .max_forwards = 8 };

	f.drop_last_route = true;
	forward(invite, &f);
	assert_non_null(strstr(text, "\r\nRoute: <sip:"));
	assert_null(strstr(text, "sip:last"));
	f.last_route = STR("<sip:target>");
	f.drop_routes = 2;
	forward(invite, &f);
	assert_null(strstr(text, "sip:last"));
	assert_non_null(strstr(text, "\r\nRoute: <sip:target>\r\n"));
	f.drop_last_route = false;
	forward(invite, &f);
	assert_non_null(strstr(text, "Route: <sip:last;lr>\r\n"
	    "Route: <sip:target>\r\n"));
}

static void
contacts_give_way(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 8,
		.drop_contacts = true,
		.fields = STR("Contact: <sip:token@edge>\r\n") };

	forward(invite, &f);
	assert_null(strstr(text, "\r\nm: "));
	assert_non_null(strstr(text, "\r\nContact: <sip:token@edge>\r\n"));
}

/* RFC 3327 5.1, 5.2. */
static void
path_and_what_says_so(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 70,
		.path = STR("<sip:token@edge;lr;ob>") };
	static const char head[] = "REGISTER sip:b SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a;branch=z9hG4bK2\r\nf: <sip:a>;tag=f\r\n"
	    "t: <sip:a>\r\ni: 1\r\nCSeq: 1 REGISTER\r\n"
	    "Path: <sip:inner;lr>\r\n";
	char s[1024];

	snprintf(s, sizeof(s), "%sl: 0\r\n\r\n", head);
	forward(s, &f);
	assert_non_null(strstr(text, "\r\nPath: <sip:token@edge;lr;ob>\r\n"
	    "Supported: path\r\nMax-Forwards: 70\r\nVia: "));
	assert_non_null(strstr(text, "\r\nPath: <sip:inner;lr>\r\nl: 0"));
	snprintf(s, sizeof(s), "%sk: outbound, Path\r\nl: 0\r\n\r\n", head);
	forward(s, &f);
	assert_null(strstr(text, "\r\nSupported:"));
}

/* RFC 3261 22.3: what was for us goes no further. */
static void
credentials_for_our_realm_stay_here(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 70,
		.realm = STR("ours") };

	forward("MESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
	    "f: <sip:a>;tag=f\r\nt: <sip:a>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\n"
	    "Proxy-Authorization: Digest username=\"u\", realm=\"theirs\", "
	    "nonce=\"n\", uri=\"sip:b\", response=\""
	    "00000000000000000000000000000000\"\r\n"
	    "Proxy-Authorization: Digest username=\"u\", realm=\"ours\", "
	    "nonce=\"n\", uri=\"sip:b\", response=\""
	    "00000000000000000000000000000000\"\r\n"
	    "Proxy-Authorization: what is this\r\nl: 0\r\n\r\n", &f);
	assert_non_null(strstr(text, "realm=\"theirs\""));
	assert_null(strstr(text, "realm=\"ours\""));
	assert_non_null(strstr(text, "what is this\r\nl: 0\r\n\r\n"));
}

static void
breadth_is_written_anew_or_left(void **state)
{
	struct sip_forward f = { .via = STR(OURS), .max_forwards = 70 };
	static const char s[] = "MESSAGE sip:b SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a\r\nf: <sip:a>;tag=f\r\nt: <sip:a>\r\ni: 1\r\n"
	    "CSeq: 1 MESSAGE\r\nMax-Breadth: 60\r\nl: 0\r\n\r\n";

	assert_non_null(strstr(forward(s, &f), "\r\nMax-Breadth: 60\r\n"));
	f.max_breadth = 30;
	assert_non_null(strstr(forward(s, &f), "\r\nMax-Breadth: 30\r\n"));
	assert_null(strstr(text, "60"));
}

/* A datagram's end was its length: on a stream it needs one. */
static void
a_length_where_there_was_none(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 70 };

	forward("MESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
	    "f: <sip:a>;tag=f\r\nt: <sip:a>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\n"
	    "\r\nhello", &f);
	assert_non_null(strstr(text, "\r\nContent-Length: 5\r\nVia: "));
	assert_non_null(strstr(text, "MESSAGE\r\n\r\nhello"));
	/* What comes after the body is no part of it. */
	forward("\r\n\r\nMESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
	    "f: <sip:a>;tag=f\r\nt: <sip:a>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\n"
	    "l: 2\r\n\r\nhello", &f);
	assert_int_equal(strncmp(text, "MESSAGE", 7), 0);
	assert_non_null(strstr(text, "\r\n\r\nhe"));
	assert_null(strstr(text, "hel"));
}

static void
too_small_fails(void **state)
{
	const struct sip_forward f = { .via = STR(OURS), .max_forwards = 70 };
	struct buf out;

	parse(invite);
	for (size_t n = 1; n < strlen(invite); n += 7) {
		buf_init_array(&out, text, n);
		sip_forward_request(&out, &m, &f);
		assert_true(out.failed);
	}
}

/* ---- responses ---- */

static bool
back(const char *vias, const struct sip_forward_change *change)
{
	char s[2048];
	struct buf out;
	bool ok;

	snprintf(s, sizeof(s), "SIP/2.0 180 Ringing you\r\n%s"
	    "f: <sip:a>;tag=f\r\nt: <sip:b>;tag=t\r\ni: 1\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <sip:b@10.0.0.9>\r\nl: 2\r\n\r\nhi", vias);
	parse(s);
	buf_init_array(&out, text, sizeof(text) - 1);
	ok = sip_forward_response(&out, &m, change);
	assert_false(out.failed);
	text[out.n] = '\0';
	return ok;
}

#define REST "f: <sip:a>;tag=f\r\nt: <sip:b>;tag=t\r\ni: 1\r\n" \
    "CSeq: 1 INVITE\r\n"

static void
our_via_goes(void **state)
{
	static const char *const rows[][2] = {
		{ "Via: " OURS "\r\nv: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n",
		  "v: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n" },
		{ "v: " OURS ", SIP/2.0/UDP a,\r\n SIP/2.0/UDP b\r\n",
		  "Via: SIP/2.0/UDP a,\r\n SIP/2.0/UDP b\r\n" },
		{ "Via: " OURS ",\r\nv: SIP/2.0/UDP a\r\n",
		  "v: SIP/2.0/UDP a\r\n" },
	};
	char want[1024];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(back(rows[i][0], NULL));
		snprintf(want, sizeof(want), "SIP/2.0 180 Ringing you\r\n%s"
		    REST "Contact: <sip:b@10.0.0.9>\r\nl: 2\r\n\r\nhi",
		    rows[i][1]);
		assert_string_equal(text, want);
	}
	assert_false(back("Via: " OURS "\r\n", NULL));
	assert_false(back("Via: " OURS ", ,\r\n", NULL));
}

static void
a_contact_is_put_back(void **state)
{
	const struct sip_forward_change change = { .drop_contacts = true,
		.fields = STR("Contact: <sip:b>;expires=60\r\n") };

	assert_true(back("Via: " OURS "\r\nv: SIP/2.0/UDP a\r\n", &change));
	assert_string_equal(text, "SIP/2.0 180 Ringing you\r\n"
	    "Contact: <sip:b>;expires=60\r\nv: SIP/2.0/UDP a\r\n" REST
	    "l: 2\r\n\r\nhi");
}

/* ---- what is looked at ---- */

static void
values_over_all_fields(void **state)
{
	static const char *const want[] = { "<sip:edge;lr>",
		"<sip:edge:5061;lr>", "<sip:next;lr>", "<sip:last;lr>" };
	struct str v;

	parse(invite);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(sip_msg_value(&m, SIP_HEADER_ROUTE, i, &v));
		assert_true(str_eq(v, str_cstr(want[i])));
	}
	assert_false(sip_msg_value(&m, SIP_HEADER_ROUTE, 4, &v));
	assert_false(sip_msg_value(&m, SIP_HEADER_PATH, 0, &v));
	assert_true(sip_msg_value(&m, SIP_HEADER_VIA, 1, &v));
	assert_true(str_eq(v, STR("SIP/2.0/UDP first")));
}

static void
values_one_after_another(void **state)
{
	static const char *const want[] = { "<sip:edge;lr>",
		"<sip:edge:5061;lr>", "<sip:next;lr>", "<sip:last;lr>" };
	struct sip_values values;
	struct str v;

	parse(invite);
	sip_values_begin(&values, &m, SIP_HEADER_ROUTE);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(sip_values_next(&values, &v));
		assert_true(str_eq(v, str_cstr(want[i])));
	}
	assert_false(sip_values_next(&values, &v));
	assert_false(sip_values_next(&values, &v));
	sip_values_begin(&values, &m, SIP_HEADER_PATH);
	assert_false(sip_values_next(&values, &v));
}

static uint64_t
loop_hash(const char *method, const char *uri, const char *to_tag,
    const char *more)
{
	char s[1024];

	snprintf(s, sizeof(s), "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
	    "f: <sip:a>;tag=f\r\nt: <sip:b>%s\r\ni: 1\r\nCSeq: 1 %s\r\n%s"
	    "l: 0\r\n\r\n", method, uri, to_tag, method, more);
	parse(s);
	return sip_loop_hash(&m);
}

static void
what_makes_it_another_round(void **state)
{
	uint64_t h = loop_hash("INVITE", "sip:b", "", "");

	assert_true(h == loop_hash("CANCEL", "sip:b", "", ""));
	assert_true(h == loop_hash("ACK", "sip:b", ";tag=t", ""));
	assert_true(h == loop_hash("INVITE", "sip:b", "", "Subject: x\r\n"));
	assert_true(h != loop_hash("INVITE", "sip:c", "", ""));
	assert_true(h != loop_hash("INVITE", "sip:b", "",
	    "Route: <sip:x;lr>\r\n"));
	assert_true(h != loop_hash("INVITE", "sip:b", "",
	    "Proxy-Require: x\r\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_and_taken_out),
		cmocka_unit_test(all_else_is_byte_for_byte_the_same),
		cmocka_unit_test(routes_go_one_by_one),
		cmocka_unit_test(strict_routers_get_and_give_the_last_route),
		cmocka_unit_test(contacts_give_way),
		cmocka_unit_test(path_and_what_says_so),
		cmocka_unit_test(credentials_for_our_realm_stay_here),
		cmocka_unit_test(breadth_is_written_anew_or_left),
		cmocka_unit_test(a_length_where_there_was_none),
		cmocka_unit_test(too_small_fails),
		cmocka_unit_test(our_via_goes),
		cmocka_unit_test(a_contact_is_put_back),
		cmocka_unit_test(values_over_all_fields),
		cmocka_unit_test(values_one_after_another),
		cmocka_unit_test(what_makes_it_another_round),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
