/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/fetch.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#define HOST_MAX 256
#define PATH_MAX_BYTES 1024

struct fetch {
	struct loop_reap reap;
	struct loop *loop;
	struct evhttp_connection *http;
	struct event *timer;   /* for the whole file */
	size_t bytes_max;
	enum evhttp_request_error error;
	bool failed, over;
	char host[HOST_MAX], path[PATH_MAX_BYTES];
	uint16_t port;
	fetch_done_fn *done;
	void *arg;
};

static void
on_error(enum evhttp_request_error error, void *arg)
{
	struct fetch *f = arg;

	f->failed = true;
	f->error = error;
}

/* What went wrong before a whole answer was there. */
static void
explain(const struct fetch *f, struct buf *why)
{
	if (!f->failed)
		buf_printf(why, "no connection to %s:%u", f->host, f->port);
	else if (f->error == EVREQ_HTTP_DATA_TOO_LONG)
		buf_printf(why, "more than %zu bytes, which is all that this "
		    "phone takes", f->bytes_max);
	else if (f->error == EVREQ_HTTP_TIMEOUT)
		buf_printf(why, "no answer from %s:%u within %d s", f->host,
		    f->port, FETCH_WAIT_S);
	else if (f->error == EVREQ_HTTP_INVALID_HEADER)
		buf_printf(why, "what %s:%u answers is not HTTP", f->host,
		    f->port);
	else
		buf_printf(why, "%s:%u hung up before the file was there",
		    f->host, f->port);
}

static void
explain_status(struct evhttp_request *req, struct buf *why)
{
	int code = evhttp_request_get_response_code(req);
	const char *line = evhttp_request_get_response_code_line(req);
	const char *to = evhttp_find_header(
	    evhttp_request_get_input_headers(req), "Location");

	buf_printf(why, "the server answers %d %.64s", code,
	    line != NULL ? line : "");
	if (code >= 300 && code < 400 && to != NULL)
		buf_printf(why, " to %.200s: a phone follows no redirect, "
		    "write the final address", to);
	else if (code == 404)
		buf_puts(why, ": no such file there");
}

static void
on_done(struct evhttp_request *req, void *arg)
{
	struct fetch *f = arg;
	char words[512];
	struct str body = STR_NULL;
	struct buf why;
	int err = E_ABSENT;

	if (f->over)
		return;
	f->over = true;
	buf_init_array(&why, words, sizeof(words) - 1);
	if (req == NULL || evhttp_request_get_response_code(req) == 0) {
		explain(f, &why);
	} else if (evhttp_request_get_response_code(req) != 200) {
		explain_status(req, &why);
	} else {
		struct evbuffer *in = evhttp_request_get_input_buffer(req);

		body.n = evbuffer_get_length(in);
		body.p = body.n > 0 ? (const char *)evbuffer_pullup(in, -1) :
		    "";
		err = body.p != NULL ? 0 : -ENOMEM;
	}
	words[why.n] = '\0';
	f->done(err, body, words, f->arg);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	char words[512];
	struct buf why;

	if (f->over)
		return;
	f->over = true;
	buf_init_array(&why, words, sizeof(words) - 1);
	buf_printf(&why, "no whole file from %s:%u within %d s", f->host,
	    f->port, FETCH_WAIT_S);
	words[why.n] = '\0';
	f->done(E_TIMEOUT, STR_NULL, words, f->arg);
}

/* host, port and path of an http:// URL. */
static int
read_url(struct fetch *f, const char *url, struct buf *why)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri != NULL ? evhttp_uri_get_scheme(uri) : NULL;
	const char *host = uri != NULL ? evhttp_uri_get_host(uri) : NULL;
	const char *path, *query;
	struct buf text;
	int err = 0, port;

	if (scheme == NULL || !str_ieq(str_cstr(scheme), STR("http")) ||
	    host == NULL || host[0] == '\0' ||
	    !str_copy(f->host, sizeof(f->host), str_cstr(host))) {
		buf_printf(why, "\"%s\" is no URL that a phone fetches a CA "
		    "from, expected http://HOST/FILE", url);
		err = E_PARSE;
	} else {
		port = evhttp_uri_get_port(uri);
		f->port = port > 0 ? (uint16_t)port : 80;
		path = evhttp_uri_get_path(uri);
		query = evhttp_uri_get_query(uri);
		buf_init_array(&text, f->path, sizeof(f->path) - 1);
		buf_puts(&text, path != NULL && path[0] != '\0' ? path : "/");
		if (query != NULL)
			buf_printf(&text, "?%s", query);
		f->path[text.n] = '\0';
	}
	if (uri != NULL)
		evhttp_uri_free(uri);
	return err;
}

/* evhttp takes an IPv6 address without its brackets, Host has them. */
static void
bare_host(const struct fetch *f, char out[HOST_MAX])
{
	struct str s = str_cstr(f->host);

	if (s.n > 2 && s.p[0] == '[')
		s = str_of(s.p + 1, s.n - 2);
	str_copy(out, HOST_MAX, s);
}

static int
ask(struct fetch *f, const char *user_agent)
{
	struct evhttp_request *req = evhttp_request_new(on_done, f);
	struct evkeyvalq *head;
	char host[HOST_MAX + 8];
	struct buf text;

	if (req == NULL)
		return -ENOMEM;
	evhttp_request_set_error_cb(req, on_error);
	head = evhttp_request_get_output_headers(req);
	buf_init_array(&text, host, sizeof(host) - 1);
	buf_printf(&text, "%s:%u", f->host, f->port);
	host[text.n] = '\0';
	evhttp_add_header(head, "Host", host);
	evhttp_add_header(head, "Connection", "close");
	if (user_agent[0] != '\0')
		evhttp_add_header(head, "User-Agent", user_agent);
	/* Takes req, also when it fails. */
	return evhttp_make_request(f->http, req, EVHTTP_REQ_GET, f->path) ==
	    0 ? 0 : -ENOMEM;
}

static void
fetch_free(void *arg)
{
	struct fetch *f = arg;

	if (f->http != NULL)
		evhttp_connection_free(f->http);
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}

int
fetch_begin(struct fetch **out, struct loop *loop, const char *url,
    const char *user_agent, const struct addr *local, size_t bytes_max,
    fetch_done_fn *done, void *arg, struct buf *why)
{
	static const struct timeval wait = { .tv_sec = FETCH_WAIT_S };
	struct fetch *f = calloc(1, sizeof(*f));
	char host[HOST_MAX], from[ADDR_STRLEN];
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->loop = loop;
	f->done = done;
	f->arg = arg;
	f->bytes_max = bytes_max;
	err = read_url(f, url, why);
	if (err == 0) {
		bare_host(f, host);
		f->http = evhttp_connection_base_new(loop_base(loop), NULL,
		    host, f->port);
		err = f->http == NULL ? -ENOMEM : 0;
	}
	if (err == 0) {
		f->timer = event_new(loop_base(loop), -1, 0, on_time, f);
		if (f->timer == NULL || event_add(f->timer, &wait) != 0)
			err = -ENOMEM;
	}
	if (err == 0) {
		evhttp_connection_set_timeout(f->http, FETCH_WAIT_S);
		if (addr_is_set(local))
			evhttp_connection_set_local_address(f->http,
			    addr_print_ip(local, false, from));
		evhttp_connection_set_max_headers_size(f->http, 16384);
		evhttp_connection_set_max_body_size(f->http,
		    (ev_ssize_t)bytes_max);
		err = ask(f, user_agent);
	}
	if (err != 0) {
		fetch_free(f);
		return err;
	}
	*out = f;
	return 0;
}

void
fetch_cancel(struct fetch *f)
{
	if (f == NULL)
		return;
	f->over = true;
	if (f->timer != NULL)
		event_del(f->timer);
	f->reap.fn = fetch_free;
	f->reap.arg = f;
	loop_reap(f->loop, &f->reap);
}
