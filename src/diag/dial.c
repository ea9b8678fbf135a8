/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/sock.h"
#include "sip/frame.h"

#define OUT_MAX ((size_t)64 << 10)
#define READ_MAX ((size_t)16 << 10)

struct line {
	const struct dial *dial;
	struct dial_job job;
	int fd;                  /* -1: free                             */
	bool connected, broken;  /* broken: what is in out will not go   */
	uint64_t begin_ms, end_ms;
	struct tls_connector *k;
	struct buf out, answer;
	struct sip_frame frame;
	bool answered;
	int error;
};

struct dial {
	struct addr server;
	char name[256];
	struct str parting;
	uint32_t timeout_ms;
	struct dial_job *job;    /* those behind next wait               */
	size_t n, next;
	struct line line[DIAL_PARALLEL];
};

int
dial_new(struct dial **out, const struct addr *server, const char *name,
    struct str parting, uint32_t timeout_ms)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->job = calloc(DIAL_JOBS_MAX, sizeof(*d->job));
	if (d->job == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->server = *server;
	d->parting = parting;
	d->timeout_ms = timeout_ms;
	str_copy(d->name, sizeof(d->name), str_cstr(name));
	for (size_t i = 0; i < DIAL_PARALLEL; i++)
		d->line[i].fd = -1;
	*out = d;
	return 0;
}

void
dial_free(struct dial *d)
{
	if (d == NULL)
		return;
	free(d->job);
	free(d);
}

int
dial_add(struct dial *d, const struct dial_job *job)
{
	if (d->n == DIAL_JOBS_MAX)
		return E_LIMIT;
	d->job[d->n++] = *job;
	return 0;
}

/* ---- one connection ---- */

static void
flush(struct line *l)
{
	while (l->connected && !l->broken && l->out.n > 0) {
		ssize_t n = send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL);

		if (n > 0)
			buf_drop(&l->out, (size_t)n);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			l->broken = true; /* reading tells what it was */
	}
}

static enum dial_end
end_of(const struct line *l, const struct tls_outcome *o)
{
	if (l->k == NULL || !l->connected)
		return DIAL_NO_CONNECTION;
	switch (tls_connector_state(l->k)) {
	case TLS_CONN_OPEN:
	case TLS_CONN_CLOSED:
		return DIAL_OPEN;
	case TLS_CONN_HANDSHAKE:
		return l->end_ms <= clock_mono_ms() ? DIAL_TIMEOUT :
		    DIAL_CLOSED;
	default:
		break;
	}
	if (o->version != 0 && o->refuser == TLS_REFUSER_NONE)
		return DIAL_OPEN;
	return o->refuser == TLS_REFUSER_SERVER ? DIAL_REFUSED :
	    DIAL_UNUSABLE;
}

static void
finish(struct line *l)
{
	struct dial_result r = {
		.error = l->error,
		.connector = l->k,
		.answer = buf_as_str(&l->answer),
		.ms = (uint32_t)(clock_mono_ms() - l->begin_ms),
	};

	if (l->k != NULL)
		tls_connector_outcome(l->k, &r.outcome);
	r.end = end_of(l, &r.outcome);
	if (r.end == DIAL_NO_CONNECTION && r.error == 0)
		r.error = ETIMEDOUT;
	l->job.done(&r, l->job.arg);
	if (l->k != NULL && tls_connector_state(l->k) == TLS_CONN_OPEN) {
		if (l->job.request.n == 0) /* a courtesy: it may fail */
			IGNORE(tls_connector_send(l->k, l->dial->parting,
			    &l->out) != 0);
		tls_connector_close(l->k, &l->out);
		flush(l);
	}
	tls_connector_free(l->k);
	if (l->fd >= 0)
		close(l->fd);
	buf_fini(&l->out);
	buf_fini(&l->answer);
	l->fd = -1;
}

/* Whether it is on its way; if not, it is done already. */
static void
begin(struct dial *d, struct line *l, const struct dial_job *job)
{
	*l = (struct line) {
		.dial = d,
		.job = *job,
		.begin_ms = clock_mono_ms(),
	};
	l->end_ms = l->begin_ms + d->timeout_ms;
	buf_init(&l->out, OUT_MAX);
	buf_init(&l->answer, DIAL_ANSWER_MAX);
	l->fd = sock_connect(&d->server, NULL, false);
	if (l->fd < 0) {
		l->error = -l->fd;
		l->fd = -1;
		finish(l);
		return;
	}
	if (tls_connector_new(&l->k, job->client, d->name,
	    clock_wall_s()) != 0) {
		l->k = NULL;
		l->error = ENOMEM;
		finish(l);
		return;
	}
	/* What cannot be resumed is a whole handshake. */
	if (job->resume != NULL)
		IGNORE(!tls_connector_resume(l->k, job->resume));
	if (tls_connector_start(l->k, &l->out) != 0)
		finish(l); /* the look has nothing to offer */
}

static void
on_data(struct str plain, void *arg)
{
	struct line *l = arg;

	if (l->answer.n + plain.n <= DIAL_ANSWER_MAX)
		buf_str(&l->answer, plain);
}

/* A whole message, or what is none. */
static bool
is_answered(struct line *l)
{
	const char *why;
	size_t used;
	enum sip_frame_result r;

	if (l->answer.n == 0)
		return false;
	for (;;) {
		r = sip_frame_next(&l->frame, buf_as_str(&l->answer),
		    DIAL_ANSWER_MAX, DIAL_ANSWER_MAX, &used, &why);
		if (r != SIP_FRAME_PING && r != SIP_FRAME_SKIP)
			return r != SIP_FRAME_MORE;
		buf_drop(&l->answer, used);
	}
}

/* Who does not answer in half the time does not answer. */
static bool
ask(struct line *l)
{
	l->end_ms = clock_mono_ms() + l->dial->timeout_ms / 2;
	return tls_connector_send(l->k, l->job.request, &l->out) == 0;
}

/* What came is fed in.  False: it is over. */
static bool
take(struct line *l)
{
	char bytes[READ_MAX];
	enum tls_conn_state before = tls_connector_state(l->k);
	enum tls_conn_state now;
	ssize_t n = recv(l->fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == EINTR;
	if (n == 0)
		return false;
	now = tls_connector_feed(l->k, str_of(bytes, (size_t)n), &l->out,
	    on_data, l);
	if (before == TLS_CONN_HANDSHAKE && now == TLS_CONN_OPEN &&
	    l->job.request.n > 0 &&
	    !ask(l))
		return false;
	flush(l);
	if (now == TLS_CONN_HANDSHAKE)
		return true;
	return now == TLS_CONN_OPEN && l->job.request.n > 0 &&
	    !is_answered(l);
}

static void
serve(struct line *l, short events)
{
	if (!l->connected && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
		l->error = sock_error(l->fd);
		if (l->error != 0) {
			finish(l);
			return;
		}
		l->connected = true;
	}
	flush(l);
	if ((events & (POLLIN | POLLERR | POLLHUP)) != 0 && l->connected &&
	    !take(l))
		finish(l);
	else if (clock_mono_ms() >= l->end_ms)
		finish(l);
}

/* ---- all of them ---- */

/* Waiting jobs into free lines; how many lines are busy. */
static size_t
fill(struct dial *d)
{
	size_t busy = 0;

	for (size_t i = 0; i < DIAL_PARALLEL; i++) {
		/* One that fails at once leaves its line free. */
		while (d->line[i].fd < 0 && d->next < d->n)
			begin(d, &d->line[i], &d->job[d->next++]);
		busy += d->line[i].fd >= 0;
	}
	return busy;
}

void
dial_run(struct dial *d)
{
	while (fill(d) > 0) {
		struct pollfd fds[DIAL_PARALLEL];
		uint64_t now = clock_mono_ms(), end = UINT64_MAX;

		for (size_t i = 0; i < DIAL_PARALLEL; i++) {
			const struct line *l = &d->line[i];

			fds[i] = (struct pollfd) { .fd = l->fd };
			if (l->fd < 0)
				continue;
			fds[i].events = (short)(POLLIN | (!l->connected ||
			    l->out.n > 0 ? POLLOUT : 0));
			if (l->broken)
				fds[i].events = POLLIN;
			if (l->end_ms < end)
				end = l->end_ms;
		}
		if (poll(fds, DIAL_PARALLEL, end > now ? (int)(end - now) :
		    0) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < DIAL_PARALLEL; i++)
			if (d->line[i].fd >= 0)
				serve(&d->line[i], fds[i].revents);
	}
}
