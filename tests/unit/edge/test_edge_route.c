/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/route: where a request goes, as a table, without anything sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/conf.h"
#include "edge/location.h"
#include "edge/route.h"
#include "edge/token.h"
#include "edge/users.h"
#include "sip/auth.h"
#include "store/store.h"
#include "../../temp.h"

#define NOW    INT64_C(1795464000)
#define DEAD   6666      /* no socket of ours fits for this peer's port */

static char folder[TEMP_MAX];
static struct worker *worker = (struct worker *)(uintptr_t)4096;
static struct conf *conf;
static struct store *store;
static struct users *users;
static struct location *location;
static struct token_key *key;
static struct route route;
static struct sip_msg msg;
static char token[2][TOKEN_TEXT_MAX + 1]; /* of a TCP phone, of an old run */
static struct flow from;

/* ---- the world ---- */

static bool
is_ours(const struct route_view *v, const struct sip_uri *u)
{
	return (str_ieq(u->host, STR("example.com")) ||
	    str_eq(u->host, STR("192.0.2.9"))) &&
	    (u->port == 0 || u->port == 5060);
}

static bool
place(const struct route_view *v, struct flow *f)
{
	f->worker = worker;
	return addr_port(&f->peer) != DEAD;
}

static int
user(const char *name)
{
	struct store_user u = { .name = str_cstr(name),
		.realm = STR("example.com") };

	for (int a = 0; a < DIGEST_ALGS; a++)
		sip_ha1((enum digest_alg)a, u.name, u.realm, STR("secret"),
		    u.ha1[a]);
	return store_put_user(store, &u);
}

static int
binding(const char *aor, const char *contact, const char *params,
    const char *path, const char *received, enum flow_transport transport)
{
	struct store_binding b = {
		.aor = str_cstr(aor), .key = str_cstr(contact),
		.contact = str_cstr(contact), .params = str_cstr(params),
		.call_id = STR("x"), .cseq = 1, .expires_s = INT64_MAX / 2,
		.path = str_cstr(path), .received = str_cstr(received),
		.transport = (int)transport,
	};

	return store_begin(store) | store_put_binding(store, &b) |
	    store_commit(store);
}

static int
bindings(void)
{
	return binding("100@example.com", "sip:100@10.0.0.1:5062", "", "",
	    "198.51.100.1:5062", FLOW_UDP) |
	    binding("200@example.com", "sip:200@10.0.0.2", ";q=0.5", "",
	    "198.51.100.2:5060", FLOW_UDP) |
	    binding("200@example.com", "sip:200@10.0.0.3;transport=tcp",
	    ";q=0.7", "", "198.51.100.3:40000", FLOW_TCP) |
	    binding("200@example.com", "sip:200@10.0.0.4", ";q=0.7", "",
	    "198.51.100.4:40000", FLOW_TLS) |
	    binding("300@example.com", "sip:300@10.0.0.5", "",
	    "<sip:p1.example.net;lr>, <sip:p2.example.net;lr>",
	    "198.51.100.5:5060", FLOW_UDP) |
	    binding("400@example.com", "sip:400@10.0.0.6", "", "",
	    "198.51.100.6:6666", FLOW_UDP);
}

static void
make_tokens(void)
{
	struct token t = { .kind = TOKEN_FLOW, .flow = {
		.id = 42, .worker = worker, .transport = FLOW_TCP } };
	struct buf out;

	assert_int_equal(addr_parse(&t.flow.local, STR("192.0.2.9:5060"), 0),
	    0);
	assert_int_equal(addr_parse(&t.flow.peer, STR("198.51.100.9:1"), 0),
	    0);
	for (int i = 1; i >= 0; i--) {
		struct buf why;

		/* A key anew is another run: its connections are gone. */
		buf_init(&why, 4096);
		token_key_free(key);
		assert_int_equal(token_key_new(&key, folder, &worker, 1, &why),
		    0);
		buf_init_array(&out, token[i], TOKEN_TEXT_MAX);
		token_put(&out, key, &t);
		token[i][out.n] = '\0';
	}
}

static int
setup(void **state)
{
	const struct conf_override over[] = { { "domain", "example.com" } };
	struct buf why;

	buf_init(&why, 4096);
	if (temp_folder(folder, "route") == NULL ||
	    conf_load(&conf, NULL, over, ARRAY_LEN(over), &why) != 0 ||
	    store_open_memory(&store) != 0 || user("100") != 0 ||
	    user("200") != 0 || user("500") != 0 || bindings() != 0 ||
	    users_new(&users) != 0 || users_load(users, store) != 0 ||
	    location_new(&location, conf, store, users) != 0 ||
	    addr_parse(&from.peer, STR("198.51.100.1:5062"), 0) != 0 ||
	    addr_parse(&from.local, STR("192.0.2.9:5060"), 0) != 0)
		return -1;
	from.worker = worker;
	make_tokens();
	return 0;
}

static int
teardown(void **state)
{
	char path[TEMP_MAX + 16];

	token_key_free(key);
	location_free(location);
	users_free(users);
	store_close(store);
	conf_unref(conf);
	snprintf(path, sizeof(path), "%s/token.key", folder);
	unlink(path);
	return rmdir(folder);
}

/* ---- asking ---- */

struct ask {
	const char *method, *uri;
	const char *extra;     /* whole lines; %0 and %1 stand for tokens */
	const char *from;      /* user of example.com; NULL: 100 */
	const char *to;        /* NULL: no tag, the Request-URI */
};

static void
put_with_tokens(struct buf *out, const char *s)
{
	for (; s != NULL && *s != '\0'; s++) {
		if (s[0] == '%' && (s[1] == '0' || s[1] == '1'))
			buf_puts(out, token[*++s - '0']);
		else
			buf_putc(out, *s);
	}
}

static void
ask(const struct ask *a)
{
	const struct route_view v = {
		.conf = conf, .location = location, .users = users,
		.tokens = key, .worker = worker, .now_s = NOW,
		.is_ours = is_ours, .place = place,
	};
	static char text[16384];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	buf_printf(&out, "%s ", a->method);
	put_with_tokens(&out, a->uri);
	buf_printf(&out, " SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	    "From: <sip:%s@example.com>;tag=f\r\nTo: ",
	    a->from != NULL ? a->from : "100");
	if (a->to != NULL)
		buf_puts(&out, a->to);
	else
		buf_puts(&out, "<sip:whom@it.may.concern>");
	buf_printf(&out, "\r\nCall-ID: c\r\nCSeq: 1 %s\r\n"
	    "Max-Forwards: 70\r\n", a->method);
	put_with_tokens(&out, a->extra);
	buf_puts(&out, "Content-Length: 0\r\n\r\n");
	assert_false(out.failed);
	assert_int_equal(sip_msg_parse(&msg, buf_as_str(&out), SIP_DATAGRAM,
	    sizeof(text)), 0);
	route_request(&route, &v, &from, &msg);
}

#define TO_200  "<sip:200@example.com>;tag=t"
#define EDGE    "<sip:192.0.2.9;lr>"
#define TOKEN0  "<sip:%0@192.0.2.9:5060;transport=tcp;lr>"
#define TOKEN1  "<sip:%1@192.0.2.9:5060;transport=tcp;lr>"

#define TO(m, u) { .method = m, .uri = u }
#define VIA(m, u, lines) { .method = m, .uri = u, .extra = lines }

static const struct {
	struct ask ask;
	int status;
	const char *reason;
	size_t targets;
	bool challenge, us;
	size_t drop;
} rows[] = {
	/* extensions */
	{ TO("INVITE", "sip:200@example.com"), 0, NULL, 3, true, false, 0 },
	{ TO("INVITE", "sip:200@192.0.2.9:5060"), 0, NULL, 3, true, false, 0 },
	{ TO("INVITE", "sip:%32%300@example.com"), 0, NULL, 3, true, false,
	    0 },
	{ TO("INVITE", "sips:200@example.com"), 0, NULL, 1, true, false, 0 },
	{ TO("INVITE", "sip:500@example.com"), 480, NULL, 0, true, false, 0 },
	{ TO("INVITE", "sip:600@example.com"), 404, NULL, 0, true, false, 0 },
	{ TO("INVITE", "sip:400@example.com"), 480, NULL, 0, true, false, 0 },
	{ TO("WHATEVER", "sip:100@example.com"), 0, NULL, 1, true, false, 0 },
	{ TO("ACK", "sip:200@example.com"), 404, NULL, 0, false, false, 0 },
	/* us */
	{ TO("MESSAGE", "sip:example.com"), 0, NULL, 0, false, true, 0 },
	{ VIA("OPTIONS", "sip:example.com",
	    "Route: " EDGE "\r\n"), 0, NULL, 0,
	    false, true, 1 },
	/* elsewhere */
	{ TO("INVITE", "sip:x@elsewhere.test"), 403, "Not A Domain Of Ours",
	    0, false, false, 0 },
	{ TO("INVITE", "sip:200@192.0.2.9:5080"), 403, "Not A Domain Of Ours",
	    0, false, false, 0 },
	{ VIA("INVITE", "sip:200@example.com",
	    "Route: <sip:h;lr>\r\n"), 403,
	    "Route Leads Elsewhere", 0, false, false, 0 },
	{ VIA("INVITE", "sip:200@example.com",
	    "Route: " EDGE ", <sip:h;lr>\r\n"), 403,
	    "Route Leads Elsewhere", 0, false, false, 1 },
	{ VIA("INVITE", "sip:200@example.com",
	    "Route: <tel:1>\r\n"), 400,
	    "Malformed Route", 0, false, false, 0 },
	/* through us */
	{ VIA("INVITE", "sip:100@example.com",
	    "Route: " EDGE "," EDGE "\r\nRoute: " EDGE "\r\n"), 0, NULL, 1,
	    true, false, 3 },
	/* tokens */
	{ { "BYE", "sip:x@h", "Route: " TOKEN1 "\r\nRoute: " TOKEN0 "\r\n",
	    NULL, TO_200 }, 0, NULL, 1, false, false, 2 },
	{ { "BYE", "sip:x@h", "Route: " TOKEN0 ", " TOKEN1 "\r\n", NULL,
	    TO_200 }, 430, NULL, 0, false, false, 2 },
	{ { "BYE", "sip:x@h", "Route: " TOKEN0 ", <sip:beyond;lr>\r\n", NULL,
	    TO_200 }, 0, NULL, 1, false, false, 1 },
	{ { "ACK", "sip:x@h", "Route: " TOKEN0 "\r\n", NULL, TO_200 }, 0,
	    NULL, 1, false, false, 1 },
	{ VIA("INVITE", "sip:x@h",
	    "Route: " TOKEN0 "\r\n"), 0, NULL, 1, true,
	    false, 1 },
	{ { "BYE", "sip:x@h", "Route: <sip:ft-abc@192.0.2.9;lr>\r\n", NULL,
	    TO_200 }, 403, "Forged Flow Token", 0, false, false, 1 },
	{ TO("INVITE", "sip:%0@192.0.2.9:5060"), 0, NULL, 1, true, false, 0 },
	{ TO("INVITE", "sip:%1@192.0.2.9:5060"), 430, NULL, 0, false, false,
	    0 },
	/* The token's connection is gone, the phone is back. */
	{ { "BYE", "sip:200@10.0.0.2", "Route: " TOKEN1 "\r\n", NULL,
	    TO_200 }, 0, NULL, 1, false, false, 1 },
	/* no Route in a dialog */
	{ { "BYE", "sip:200@10.0.0.2", NULL, NULL, TO_200 }, 0, NULL, 1, true,
	    false, 0 },
	{ { "BYE", "sip:200@172.16.0.1", NULL, NULL, TO_200 }, 0, NULL, 1,
	    true, false, 0 },
	{ { "BYE", "sip:201@10.0.0.2", NULL, NULL, TO_200 }, 403,
	    "Request-URI Leads Elsewhere", 0, false, false, 0 },
	{ { "BYE", "sip:200@10.0.0.2", NULL, NULL,
	    "<sip:200@elsewhere.test>;tag=t" }, 403,
	    "Request-URI Leads Elsewhere", 0, false, false, 0 },
	{ { "ACK", "sip:200@10.0.0.2", NULL, NULL, TO_200 }, 0, NULL, 1, false,
	    false, 0 },
	{ { "ACK", "sip:200@10.0.0.2", NULL, "500", TO_200 }, 403,
	    "ACK From An Unknown Flow", 0, false, false, 0 },
	/* strict routing */
	{ { "BYE", "sip:%1@192.0.2.9:5060;lr",
	    "Route: " TOKEN0 ", <sip:x@h>\r\n", NULL, TO_200 }, 0, NULL, 1,
	    false, false, 1 },
};

static void
where_it_goes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask(&rows[i].ask);
		if (route.status != rows[i].status ||
		    (rows[i].status == 0 &&
		    (route.ntarget != rows[i].targets ||
		    route.us != rows[i].us)) ||
		    route.challenge != rows[i].challenge ||
		    route.drop_routes != rows[i].drop ||
		    (rows[i].reason != NULL && (route.reason == NULL ||
		    strcmp(route.reason, rows[i].reason) != 0)))
			fail_msg("row %zu (%s %s): %d %s, %zu targets, "
			    "challenge %d, us %d, drop %zu", i,
			    rows[i].ask.method, rows[i].ask.uri, route.status,
			    route.reason != NULL ? route.reason : "-",
			    route.ntarget, route.challenge, route.us,
			    route.drop_routes);
	}
}

static void
the_highest_q_comes_first(void **state)
{
	static const char *const uris[] = { "sip:200@10.0.0.3;transport=tcp",
		"sip:200@10.0.0.4", "sip:200@10.0.0.2" };

	ask(&(struct ask) TO("INVITE", "sip:200@example.com"));
	assert_int_equal(route.ntarget, 3);
	assert_true(route.target[0].q == 700 && route.target[1].q == 700 &&
	    route.target[2].q == 500);
	assert_true(str_eq(route.target[2].uri, str_cstr(uris[2])));
	assert_true(str_eq(route.target[0].uri, str_cstr(uris[0])) ||
	    str_eq(route.target[0].uri, str_cstr(uris[1])));
	assert_false(route.one_by_one);
}

static void
a_stored_path_is_the_route(void **state)
{
	ask(&(struct ask) TO("INVITE", "sip:300@example.com"));
	assert_int_equal(route.ntarget, 1);
	assert_true(str_eq(route.target[0].route,
	    STR("<sip:p1.example.net;lr>, <sip:p2.example.net;lr>")));
	assert_true(str_eq(route.target[0].uri, STR("sip:300@10.0.0.5")));
}

static void
what_begins_a_dialog_is_recorded(void **state)
{
	static const char *const begin[] = { "INVITE", "SUBSCRIBE", "REFER",
		"NOTIFY" };
	static const char *const others[] = { "MESSAGE", "OPTIONS", "BYE",
		"INFO", "PUBLISH" };

	for (size_t i = 0; i < ARRAY_LEN(begin); i++) {
		ask(&(struct ask) TO(begin[i], "sip:100@example.com"));
		assert_true(route.record);
		ask(&(struct ask) { begin[i], "sip:200@10.0.0.2", NULL, NULL,
		    TO_200 });
		assert_false(route.record);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		ask(&(struct ask) TO(others[i], "sip:100@example.com"));
		assert_false(route.record);
	}
}

static void
strict_routers_on_either_side(void **state)
{
	ask(&(struct ask) { "BYE", "sip:%1@192.0.2.9:5060;lr",
	    "Route: " TOKEN0 ", <sip:200@10.9.9.9>\r\n", NULL, TO_200 });
	assert_true(str_eq(route.request_uri, STR("sip:200@10.9.9.9")));
	assert_true(route.drop_last_route);
	ask(&(struct ask) { "BYE", "sip:200@10.9.9.9",
	    "Route: " TOKEN0 ", <sip:old.example.net>\r\n", NULL, TO_200 });
	assert_true(str_eq(route.request_uri, STR("sip:old.example.net")));
	assert_true(str_eq(route.last_route, STR("<sip:200@10.9.9.9>")));
	assert_int_equal(route.drop_routes, 2);
	assert_int_equal(route.ntarget, 1);
}

/* What was there the last time is not there now. */
static void
each_request_begins_anew(void **state)
{
	ask(&(struct ask) { "BYE", "sip:200@10.9.9.9",
	    "Route: " TOKEN0 ", <sip:old.example.net>\r\n", NULL, TO_200 });
	ask(&(struct ask) TO("INVITE", "sip:x@elsewhere.test"));
	ask(&(struct ask) TO("INVITE", "sip:100@example.com"));
	assert_int_equal(route.status, 0);
	assert_null(route.reason);
	assert_null(route.request_uri.p);
	assert_null(route.last_route.p);
	assert_int_equal(route.ntarget, 1);
	assert_int_equal(route.drop_routes, 0);
	assert_true(route.target[0].upstream == 0);
	assert_null(route.target[0].route.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_goes),
		cmocka_unit_test(the_highest_q_comes_first),
		cmocka_unit_test(a_stored_path_is_the_route),
		cmocka_unit_test(what_begins_a_dialog_is_recorded),
		cmocka_unit_test(strict_routers_on_either_side),
		cmocka_unit_test(each_request_begins_anew),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
