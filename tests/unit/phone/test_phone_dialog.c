/* SPDX-License-Identifier: BSD-2-Clause */
/* Dialog state, route sets, sequence numbers (RFC 3261 12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "phone/dialog.h"

static struct dialog d;
static struct sip_msg m;
static char text[16384], bytes[16384];
static struct buf out;

#define IS(s, lit) assert_string_equal(s, lit)

static void
read_bytes(void)
{
	assert_int_equal(sip_msg_parse(&m, str_cstr(text), SIP_DATAGRAM,
	    16384), 0);
}

/* A response to our INVITE. */
static void
response(int status, const char *tag, const char *fields)
{
	snprintf(text, sizeof(text), "SIP/2.0 %d X\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
	    "From: <sip:100@b>;tag=%s\r\nTo: <sip:101@b>%s%s\r\n"
	    "Call-ID: %s\r\nCSeq: %u INVITE\r\n%s"
	    "Content-Length: 0\r\n\r\n", status, d.local_tag,
	    tag[0] != '\0' ? ";tag=" : "", tag, d.call_id, d.local_cseq,
	    fields);
	read_bytes();
}

/* A request of a peer, whose tag is "t". */
static void
request(const char *method, const char *to_tag, unsigned cseq,
    const char *fields)
{
	snprintf(text, sizeof(text), "%s sip:100@192.0.2.1 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
	    "From: \"A\" <sip:101@b>;tag=t\r\nTo: <sip:100@b>%s%s\r\n"
	    "Call-ID: c\r\nCSeq: %u %s\r\n%s"
	    "Content-Length: 0\r\n\r\n", method,
	    to_tag[0] != '\0' ? ";tag=" : "", to_tag, cseq, method, fields);
	read_bytes();
}

/* A BYE within d, as text in bytes. */
static void
bye(void)
{
	struct addr local;
	struct sip_request r = {
		.method = STR("BYE"),
		.transport = STR("UDP"),
		.sent_by = &local,
		.branch = STR("z9hG4bK3"),
		.cseq = 7,
	};

	assert_int_equal(addr_parse(&local, STR("192.0.2.1:5060"), 0), 0);
	buf_init_array(&out, bytes, sizeof(bytes) - 1);
	dialog_request(&d, &out, &r);
	assert_false(out.failed);
	bytes[out.n] = '\0';
}

static void
has(const char *part)
{
	if (strstr(bytes, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, bytes);
}

static int
setup(void **state)
{
	return dialog_begin(&d, STR("sip:100@b"), STR("sip:101@b"));
}

static void
before_an_answer(void **state)
{
	bye();
	has("BYE sip:101@b SIP/2.0\r\n");
	has("To: <sip:101@b>\r\n");
	assert_null(strstr(bytes, "Route:"));
	assert_int_equal(strlen(d.local_tag), 16);
	assert_int_equal(strlen(d.call_id), 32);
}

static void
callers_route_set_is_turned_round(void **state)
{
	response(200, "x", "Contact: <sip:101@192.0.2.9;transport=tcp>\r\n"
	    "Record-Route: <sip:p3;lr>, <sip:p2;lr>\r\n"
	    "Record-Route: <sip:p1;lr>;a=\"b,c\"\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	assert_true(d.confirmed);
	bye();
	has("BYE sip:101@192.0.2.9;transport=tcp SIP/2.0\r\n");
	has("To: <sip:101@b>;tag=x\r\n");
	has("Route: <sip:p1;lr>;a=\"b,c\"\r\nRoute: <sip:p2;lr>\r\n"
	    "Route: <sip:p3;lr>\r\n");
}

static void
callees_route_set_is_as_it_came(void **state)
{
	request("INVITE", "", 5, "Contact: <sip:101@192.0.2.9>\r\n"
	    "Record-Route: <sip:p3;lr>, <sip:p2;lr>\r\n");
	assert_int_equal(dialog_of_request(&d, &m), 0);
	IS(d.local_uri, "sip:100@b");
	IS(d.remote_tag, "t");
	bye();
	has("From: <sip:100@b>;tag=");
	has("Route: <sip:p3;lr>\r\nRoute: <sip:p2;lr>\r\n");
}

/* 12.2.1.1: the Request-URI is the router's, the target comes last. */
static void
a_strict_router_is_first(void **state)
{
	response(200, "x", "Contact: <sip:101@192.0.2.9>\r\n"
	    "Record-Route: <sip:p2;lr>, <sip:p1>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	bye();
	has("BYE sip:p1 SIP/2.0\r\n");
	has("Route: <sip:p2;lr>\r\nRoute: <sip:101@192.0.2.9>\r\n");
}

/* 13.2.2.4: what the 2xx says counts, not an earlier 180. */
static void
a_2xx_settles_it_anew(void **state)
{
	response(180, "early", "Contact: <sip:e@h>\r\n"
	    "Record-Route: <sip:wrong;lr>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	IS(d.remote_tag, "early");
	assert_false(d.confirmed);
	response(200, "late", "Contact: <sip:l@h>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	IS(d.remote_tag, "late");
	assert_int_equal(d.nroutes, 0);
	/* Now it is fixed, but for the target. */
	response(200, "other", "Contact: <sip:n@h>\r\n"
	    "Record-Route: <sip:p;lr>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	IS(d.remote_tag, "late");
	IS(d.remote_target, "sip:n@h");
	assert_int_equal(d.nroutes, 0);
}

static void
what_makes_no_dialog(void **state)
{
	struct dialog was = d;

	response(200, "", "Contact: <sip:101@h>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	response(200, "x", "");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	response(200, "x", "Contact: *\r\n");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	response(200, "x", "Contact: <tel:+4930>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	response(200, "x", "Contact: <sip:101@h>\r\nRecord-Route: <\r\n");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	/* It may become a Request-URI. */
	response(200, "x", "Contact: <sip:101@h>\r\n"
	    "Record-Route: <sip:h:port;lr>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), E_PARSE);
	assert_memory_equal(&d, &was, sizeof(d));
	request("INVITE", "", 1, "");
	assert_int_equal(dialog_of_request(&d, &m), E_PARSE);
	assert_memory_equal(&d, &was, sizeof(d));
	/* A 180 may be without a Contact. */
	response(180, "x", "");
	assert_int_equal(dialog_of_response(&d, &m), 0);
}

/* They may stand in a Contact, but not in a Request-URI (19.1.1). */
static void
headers_of_a_contact(void **state)
{
	response(200, "x", "Contact: <sip:101@h;x=y?Subject=z>\r\n");
	assert_int_equal(dialog_of_response(&d, &m), 0);
	IS(d.remote_target, "sip:101@h;x=y");
}

static void
what_is_too_long(void **state)
{
	char fields[12000] = "Contact: <sip:101@h>\r\n", *p = fields;

	p += strlen(p);
	for (int i = 0; i <= DIALOG_ROUTES_MAX; i++)
		p += snprintf(p, 64, "Record-Route: <sip:p%d;lr>\r\n", i);
	response(200, "x", fields);
	assert_int_equal(dialog_of_response(&d, &m), E_LIMIT);
	assert_int_equal(d.nroutes, 0);
	p = fields + snprintf(fields, 64, "Contact: <sip:");
	memset(p, 'a', DIALOG_URI_MAX);
	strcpy(p + DIALOG_URI_MAX, "@h>\r\n");
	request("INVITE", "", 1, fields);
	assert_int_equal(dialog_of_request(&d, &m), E_LIMIT);
}

static void
whose_message(void **state)
{
	char tag[32];

	request("INVITE", "", 5, "Contact: <sip:101@h>\r\n");
	assert_int_equal(dialog_of_request(&d, &m), 0);
	assert_false(dialog_has(&d, &m)); /* no To tag */
	memcpy(tag, d.local_tag, sizeof(d.local_tag));
	request("BYE", tag, 6, "");
	assert_true(dialog_has(&d, &m));
	assert_true(dialog_in_order(&d, &m));
	assert_false(dialog_in_order(&d, &m));
	request("BYE", tag, 4, "");
	assert_false(dialog_in_order(&d, &m));
	request("BYE", "else", 7, "");
	assert_false(dialog_has(&d, &m));
}

static void
the_target_moves(void **state)
{
	request("INVITE", "", 5, "Contact: <sip:101@h>\r\n");
	assert_int_equal(dialog_of_request(&d, &m), 0);
	request("INVITE", d.local_tag, 6, "Contact: <sip:101@h2>\r\n");
	dialog_refresh(&d, &m);
	IS(d.remote_target, "sip:101@h2");
	request("INVITE", d.local_tag, 7, "");
	dialog_refresh(&d, &m);
	IS(d.remote_target, "sip:101@h2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(before_an_answer, setup),
		cmocka_unit_test_setup(callers_route_set_is_turned_round,
		    setup),
		cmocka_unit_test_setup(callees_route_set_is_as_it_came, setup),
		cmocka_unit_test_setup(a_strict_router_is_first, setup),
		cmocka_unit_test_setup(a_2xx_settles_it_anew, setup),
		cmocka_unit_test_setup(what_makes_no_dialog, setup),
		cmocka_unit_test_setup(headers_of_a_contact, setup),
		cmocka_unit_test_setup(what_is_too_long, setup),
		cmocka_unit_test_setup(whose_message, setup),
		cmocka_unit_test_setup(the_target_moves, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
