/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any request: where it goes, and as what it is passed on.  "%0" stands for a
 * flow token of ours, "%1" for one of an earlier run.  What is passed on must
 * be a message again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/conf.h"
#include "edge/location.h"
#include "edge/route.h"
#include "edge/token.h"
#include "edge/users.h"
#include "sip/forward.h"
#include "store/store.h"
#include "../temp.h"

#define OUR_VIA "SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bKst0000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct worker *worker = (struct worker *)(uintptr_t)4096;
static struct conf *conf;
static struct store *store;
static struct users *users;
static struct location *location;
static struct token_key *key;
static char token[2][TOKEN_TEXT_MAX + 1];
static struct flow from;

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_ours(const struct route_view *v, const struct sip_uri *u)
{
	return str_ieq(u->host, STR("example.com")) ||
	    str_eq(u->host, STR("192.0.2.9"));
}

static bool
place(const struct route_view *v, struct flow *f)
{
	f->worker = worker;
	return true;
}

static void
binding(const char *aor, const char *contact, const char *path)
{
	struct store_binding b = {
		.aor = str_cstr(aor), .key = str_cstr(contact),
		.contact = str_cstr(contact), .call_id = STR("x"), .cseq = 1,
		.expires_s = INT64_MAX / 2, .path = str_cstr(path),
		.received = STR("198.51.100.1:5062"),
	};

	must(store_begin(store) == 0 && store_put_binding(store, &b) == 0 &&
	    store_commit(store) == 0);
}

static void
make_tokens(void)
{
	char folder[TEMP_MAX], path[TEMP_MAX + 16];
	struct token t = { .flow = { .id = 42, .worker = worker,
		.transport = FLOW_TCP } };
	struct buf why, out;

	must(temp_folder(folder, "fuzz") != NULL &&
	    addr_parse(&t.flow.local, STR("192.0.2.9:5060"), 0) == 0 &&
	    addr_parse(&t.flow.peer, STR("198.51.100.9:1"), 0) == 0);
	for (int i = 1; i >= 0; i--) {
		buf_init(&why, 4096);
		token_key_free(key);
		must(token_key_new(&key, folder, &worker, 1, &why) == 0);
		buf_init_array(&out, token[i], TOKEN_TEXT_MAX);
		token_put(&out, key, &t);
		token[i][out.n] = '\0';
	}
	snprintf(path, sizeof(path), "%s/token.key", folder);
	unlink(path);
	rmdir(folder);
}

static void
begin(void)
{
	const struct conf_override over[] = { { "domain", "example.com" } };
	struct buf why;

	buf_init(&why, 4096);
	must(conf_load(&conf, NULL, over, 1, &why) == 0 &&
	    store_open_memory(&store) == 0 && users_new(&users) == 0);
	binding("100@example.com", "sip:100@10.0.0.1:5062", "");
	binding("200@example.com", "sip:200@10.0.0.2", "<sip:p;lr>");
	binding("200@example.com", "sip:200@10.0.0.3;transport=tcp", "");
	must(location_new(&location, conf, store, users) == 0 &&
	    addr_parse(&from.peer, STR("198.51.100.1:5062"), 0) == 0 &&
	    addr_parse(&from.local, STR("192.0.2.9:5060"), 0) == 0);
	from.worker = worker;
	make_tokens();
}

static void
fill_in(struct buf *out, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '%' && i + 1 < n &&
		    (data[i + 1] == '0' || data[i + 1] == '1') &&
		    (i + 2 == n || data[i + 2] == '@'))
			buf_puts(out, token[data[++i] - '0']);
		else
			buf_putc(out, (char)data[i]);
	}
}

static void
pass_on(const struct sip_msg *m, const struct route *r,
    const struct route_target *t)
{
	const struct sip_forward f = {
		.request_uri = t->uri.p != NULL ? t->uri : r->request_uri,
		.via = STR(OUR_VIA), .source = &from.peer,
		.drop_routes = r->drop_routes,
		.drop_last_route = r->drop_last_route,
		.last_route = r->last_route, .route = t->route,
		.realm = STR("example.com"), .max_forwards = 69,
	};
	static struct sip_msg again;
	struct buf out;

	buf_init(&out, 1 << 20);
	sip_forward_request(&out, m, &f);
	must(!out.failed);
	/* One field more than there is room for may be the only fault. */
	must(sip_msg_parse(&again, buf_as_str(&out), SIP_DATAGRAM, 1 << 20) ==
	    0 || m->nfield > SIP_FIELDS_MAX - 8);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct route route;
	static struct sip_msg m;
	struct route_view v;
	struct buf text;

	if (conf == NULL)
		begin();
	v = (struct route_view) {
		.conf = conf, .location = location, .users = users,
		.tokens = key, .worker = worker, .now_s = 1795464000,
		.is_ours = is_ours, .place = place,
	};
	buf_init(&text, 1 << 20);
	fill_in(&text, data, n);
	if (sip_msg_parse(&m, buf_as_str(&text), SIP_DATAGRAM, 1 << 20) == 0 &&
	    m.request && m.method != SIP_METHOD_CANCEL &&
	    m.ruri.scheme != SIP_SCHEME_OTHER) {
		route_request(&route, &v, &from, &m);
		must(route.ntarget <= ROUTE_TARGETS_MAX);
		must(route.ntext <= sizeof(route.text));
		must(route.status == 0 || (route.status >= 400 &&
		    route.status < 700));
		must(route.status != 0 || route.us || route.ntarget > 0);
		for (size_t i = 0; i < route.ntarget; i++)
			pass_on(&m, &route, &route.target[i]);
	}
	buf_fini(&text);
	return 0;
}
