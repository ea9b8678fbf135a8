/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/server.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "http/date.h"
#include "net/sock.h"

#define ANSWER_HEAD_MAX 1024
#define ACCEPT_BATCH    64
#define DRAIN_BYTES     4096
#define DRAIN_MAX       (64 * 1024) /* read and thrown away at the end     */
#define SWEEP_MS        20          /* ends and limits are looked for      */

enum state {
	READING, /* the request is not complete     */
	WRITING, /* the answer is not with the kernel */
	ENDING,  /* the answer is on its way        */
	STATES,
};

struct connection {
	struct http_server *server;
	struct list in_state;  /* oldest first */
	enum state state;
	uint64_t since_ms;
	int fd;
	struct event event;
	struct addr peer, local;
	struct buf in, out;
	size_t seen;           /* of in, by http_head_length */
	size_t written;        /* of out                     */
	size_t drained;
	unsigned status;
	bool head_only;        /* HEAD                       */
	bool eof;              /* its end of the connection  */
	void *note;
	struct loop_reap reap;
};

struct listener {
	struct http_server *server;
	struct event event;
	struct addr local;
	int fd;
};

struct http_server {
	struct loop *loop;
	struct http_handler handler;
	struct listener listener[HTTP_LISTENERS_MAX];
	unsigned nlistener;
	struct list by_state[STATES];
	unsigned count;
	struct event *sweep;
	bool sweeping;
	bool paused;           /* no descriptors: not accepting */
};

static const struct { unsigned status; const char *reason; } reasons[] = {
	{ 200, "OK" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 414, "URI Too Long" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

/* ---- one connection's life ---- */

static void
enter(struct connection *c, enum state to)
{
	list_remove(&c->in_state);
	list_append(&c->server->by_state[to], &c->in_state);
	c->state = to;
	c->since_ms = clock_mono_ms();
}

static void
connection_free(void *arg)
{
	struct connection *c = arg;

	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

static void
tell(struct connection *c, bool complete)
{
	void *note = c->note;

	c->note = NULL;
	if (note != NULL)
		c->server->handler.done(note, c->status, complete,
		    c->server->handler.arg);
}

static void
connection_close(struct connection *c)
{
	tell(c, false);
	event_del(&c->event);
	close(c->fd);
	c->fd = -1;
	list_remove(&c->in_state);
	c->server->count--;
	c->reap.fn = connection_free;
	c->reap.arg = c;
	loop_reap(c->server->loop, &c->reap);
}

/* Every byte, and our FIN, was acknowledged. */
static bool
has_arrived(const struct connection *c)
{
	int waiting = 1;

	return ioctl(c->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

static void
look_whether_arrived(struct connection *c)
{
	if (c->note != NULL && has_arrived(c))
		tell(c, true);
}

static void watch(struct connection *c, short what);

/* What the client still says is read, so that our answer is not cut off. */
static void
drain(struct connection *c)
{
	char bytes[DRAIN_BYTES];
	ssize_t n;

	while ((n = recv(c->fd, bytes, sizeof(bytes), 0)) > 0) {
		c->drained += (size_t)n;
		if (c->drained > DRAIN_MAX) {
			connection_close(c);
			return;
		}
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		connection_close(c); /* reset: it did not take all */
		return;
	}
	c->eof = true;
	look_whether_arrived(c);
	if (c->note == NULL)
		connection_close(c);
	else
		event_del(&c->event); /* the sweep goes on looking */
}

static void
push(struct connection *c)
{
	while (c->written < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->written,
		    c->out.n - c->written, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch(c, EV_WRITE);
			return;
		}
		if (n < 0) {
			connection_close(c);
			return;
		}
		c->written += (size_t)n;
	}
	buf_fini(&c->out);
	(void)shutdown(c->fd, SHUT_WR);
	enter(c, ENDING);
	watch(c, EV_READ);
	drain(c);
}

/* ---- the answer ---- */

static void
put_head(struct connection *c, const struct http_exchange *x)
{
	char date[HTTP_DATE_LEN];

	buf_printf(&c->out, "HTTP/1.1 %u %s\r\nDate: %s\r\n", x->status,
	    http_reason(x->status), http_date_print(x->now_s, date));
	if (x->status == 405)
		buf_puts(&c->out, "Allow: GET, HEAD\r\n");
	if (x->etag[0] != '\0')
		buf_printf(&c->out, "ETag: %s\r\n", x->etag);
	if (x->modified_s != 0)
		buf_printf(&c->out, "Last-Modified: %s\r\n",
		    http_date_print(x->modified_s, date));
	if (x->status != 304)
		buf_printf(&c->out, "Content-Type: %s\r\nContent-Length: "
		    "%zu\r\nX-Content-Type-Options: nosniff\r\n", x->type,
		    x->body.n);
	buf_puts(&c->out, "Cache-Control: no-cache\r\n"
	    "Connection: close\r\n\r\n");
}

/* Takes over x's body and note. */
static void
answer(struct connection *c, struct http_exchange *x)
{
	if (x->body.failed) {
		buf_reset(&x->body);
		x->status = 500;
	}
	if (x->status != 200 && x->status != 304) {
		x->etag[0] = '\0';
		x->modified_s = 0;
		x->type = "text/plain";
		if (x->body.n == 0)
			buf_printf(&x->body, "%u %s\n", x->status,
			    http_reason(x->status));
	}
	put_head(c, x);
	if (!c->head_only && x->status != 304)
		buf_str(&c->out, buf_as_str(&x->body));
	buf_fini(&x->body);
	buf_fini(&c->in);
	c->status = x->status;
	c->note = x->note;
	if (c->out.failed) {
		connection_close(c);
		return;
	}
	enter(c, WRITING);
	push(c);
}

static void
exchange_init(struct http_exchange *x, const struct connection *c,
    unsigned status)
{
	*x = (struct http_exchange) {
		.peer = c->peer, .local = c->local, .status = status,
		.now_s = clock_wall_s(), .type = "text/plain",
	};
	buf_init(&x->body, HTTP_BODY_MAX);
}

static void
answer_status(struct connection *c, unsigned status)
{
	struct http_exchange x;

	exchange_init(&x, c, status);
	answer(c, &x);
}

static void
answer_request(struct connection *c, const struct http_request *q)
{
	struct http_exchange x;

	if (q->method == HTTP_OTHER) {
		answer_status(c, 405);
		return;
	}
	c->head_only = q->method == HTTP_HEAD;
	exchange_init(&x, c, 404);
	x.request = q;
	c->server->handler.handle(&x, c->server->handler.arg);
	if (x.status == 200 &&
	    http_not_modified(q, str_cstr(x.etag), x.modified_s))
		x.status = 304;
	answer(c, &x);
}

static void
look_at_input(struct connection *c)
{
	struct str in = buf_as_str(&c->in);
	size_t n = http_head_length(in, &c->seen);
	struct http_request q;
	unsigned status;

	if (n == 0) {
		status = http_head_early(in);
		if (status == 0 && in.n >= HTTP_HEAD_MAX)
			status = 431;
		if (status != 0)
			answer_status(c, status);
		return;
	}
	status = http_request_parse(&q, str_of(in.p, n));
	if (status != 0)
		answer_status(c, status);
	else
		answer_request(c, &q);
}

static void
fill(struct connection *c)
{
	size_t room = HTTP_HEAD_MAX - c->in.n;
	char *to = buf_room(&c->in, room < 1024 ? room : 1024);
	ssize_t n = -1;

	if (to == NULL) {
		connection_close(c);
		return;
	}
	n = recv(c->fd, to, room < 1024 ? room : 1024, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_close(c);
		return;
	}
	c->in.n += (size_t)n;
	look_at_input(c);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	switch (c->state) {
	case READING:
		fill(c);
		break;
	case WRITING:
		push(c);
		break;
	case ENDING:
		drain(c);
		break;
	case STATES:
		break;
	}
}

static void
watch(struct connection *c, short what)
{
	event_del(&c->event);
	IGNORE(event_assign(&c->event, loop_base(c->server->loop), c->fd,
	    what | EV_PERSIST, on_event, c)); /* fails for wrong arguments */
	if (event_add(&c->event, NULL) != 0)
		c->since_ms = 0; /* the sweep ends it */
}

/* ---- limits ---- */

static void sweep(evutil_socket_t fd, short what, void *arg);

static void
sweep_on(struct http_server *s, bool on)
{
	struct timeval every = { 0, SWEEP_MS * 1000 };

	if (on == s->sweeping)
		return;
	if (on)
		s->sweeping = event_add(s->sweep, &every) == 0;
	else
		s->sweeping = event_del(s->sweep) != 0;
}

/* Out of descriptors: the listeners would be ready for ever. */
static void
pause_listeners(struct http_server *s, bool pause)
{
	for (unsigned i = 0; i < s->nlistener; i++) {
		struct event *e = &s->listener[i].event;

		if ((pause ? event_del(e) : event_add(e, NULL)) != 0)
			return; /* tried again at the next sweep */
	}
	s->paused = pause;
	if (pause)
		sweep_on(s, true);
}

static void
sweep(evutil_socket_t fd, short what, void *arg)
{
	static const uint64_t limit_ms[STATES] = { HTTP_HEAD_TIME_MS,
		HTTP_BODY_TIME_MS, HTTP_END_TIME_MS };
	struct http_server *s = arg;
	uint64_t now_ms = clock_mono_ms();

	LIST_FOREACH_SAFE(it, next, &s->by_state[ENDING]) {
		struct connection *c = CONTAINER_OF(it, struct connection,
		    in_state);
		look_whether_arrived(c);
		if (c->eof && c->note == NULL)
			connection_close(c);
	}
	for (int i = 0; i < STATES; i++) {
		struct connection *c;

		while ((c = LIST_FIRST(&s->by_state[i], struct connection,
		    in_state)) != NULL && now_ms - c->since_ms > limit_ms[i])
			connection_close(c);
	}
	if (s->paused)
		pause_listeners(s, false);
	if (s->count == 0 && !s->paused)
		sweep_on(s, false);
}

/* Full: who has been silent longest, else the oldest answer. */
static void
make_room(struct http_server *s)
{
	static const enum state order[] = { READING, ENDING, WRITING };

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct connection *c = LIST_FIRST(&s->by_state[order[i]],
		    struct connection, in_state);
		if (c == NULL)
			continue;
		connection_close(c);
		return;
	}
}

static void
connection_new(struct http_server *s, int fd, const struct addr *peer,
    const struct addr *local)
{
	struct connection *c;

	if (s->count >= HTTP_CONNS_MAX)
		make_room(s);
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	c->local = *local;
	buf_init(&c->in, HTTP_HEAD_MAX);
	buf_init(&c->out, HTTP_BODY_MAX + ANSWER_HEAD_MAX);
	list_init(&c->in_state);
	s->count++;
	enter(c, READING);
	IGNORE(event_assign(&c->event, loop_base(s->loop), fd, EV_READ |
	    EV_PERSIST, on_event, c)); /* fails for wrong arguments */
	if (event_add(&c->event, NULL) != 0)
		connection_close(c);
	else
		sweep_on(s, true);
}

static void
on_listener(evutil_socket_t number, short what, void *arg)
{
	struct listener *l = arg;
	struct addr peer, local;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = sock_accept(l->fd, &l->local, &peer, &local);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
			pause_listeners(l->server, true);
		if (fd < 0)
			return;
		connection_new(l->server, fd, &peer, &local);
	}
}

/* ---- the server ---- */

int
http_server_new(struct http_server **out, struct loop *loop,
    const struct http_handler *handler)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->handler = *handler;
	for (int i = 0; i < STATES; i++)
		list_init(&s->by_state[i]);
	s->sweep = event_new(loop_base(loop), -1, EV_PERSIST, sweep, s);
	if (s->sweep == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

int
http_server_listen(struct http_server *s, int fd, const struct addr *local)
{
	struct listener *l = &s->listener[s->nlistener];

	if (s->nlistener == HTTP_LISTENERS_MAX) {
		close(fd);
		return E_LIMIT;
	}
	l->server = s;
	l->fd = fd;
	l->local = *local;
	if (event_assign(&l->event, loop_base(s->loop), fd, EV_READ |
	    EV_PERSIST, on_listener, l) != 0 ||
	    event_add(&l->event, NULL) != 0) {
		close(fd);
		return -ENOMEM;
	}
	s->nlistener++;
	return 0;
}

void
http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->nlistener; i++) {
		event_del(&s->listener[i].event);
		close(s->listener[i].fd);
	}
	for (int i = 0; i < STATES; i++) {
		LIST_FOREACH_SAFE(it, next, &s->by_state[i]) {
			struct connection *c = CONTAINER_OF(it,
			    struct connection, in_state);
			tell(c, false);
			event_del(&c->event);
			close(c->fd);
			connection_free(c);
		}
	}
	event_free(s->sweep);
	free(s);
}
