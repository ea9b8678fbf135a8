/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said of the servers of upstreams: by the log, and in DATA/upstreams
 * (siptrust status).
 */
#include <errno.h>

#include "base/log.h"
#include "edge/upstream_int.h"
#include "edge/upstream_status.h"

#define LINE_BYTES 2048
#define NOTE_BYTES ((size_t)1 << 20)
#define NOTE_S     2

void
server_label(const struct server *s, struct server_label *out)
{
	*out = (struct server_label) { .addr = s->addr,
		.transport = s->transport };
	str_copy(out->name, sizeof(out->name), str_cstr(s->upstream->name));
}

void
server_say(const struct server_label *s, const char *event,
    const struct upstream_fault *f)
{
	char addr[ADDR_STRLEN], text[LOG_VAL_MAX * 2], line[LINE_BYTES];
	const char *remedy;
	struct buf b;

	buf_init_array(&b, line, sizeof(line));
	buf_printf(&b, "name=%s server=%s transport=%s", s->name,
	    addr_print(&s->addr, addr), flow_transport_name(s->transport));
	if (f == NULL) {
		log_info(event, "%.*s", STR_FMT(buf_as_str(&b)));
		return;
	}
	buf_printf(&b, " reason=%s", log_val(text, sizeof(text),
	    str_cstr(f->reason)));
	if (f->cause != TRUST_CAUSE_NONE) {
		remedy = upstream_remedy(f->cause);
		buf_printf(&b, " cause=%s confidence=%s",
		    trust_cause_name(f->cause),
		    trust_confidence_name(f->confidence));
		if (remedy[0] != '\0')
			buf_printf(&b, " remedy=\"%s\"", remedy);
	}
	log_warn(event, "%.*s", STR_FMT(buf_as_str(&b)));
}

/* ---- DATA/upstreams ---- */

static void
put_server(struct buf *out, const struct server *s)
{
	static const char *const states[] = { "unknown", "up", "down" };
	char addr[ADDR_STRLEN];
	const struct upstream_status line = {
		.name = str_cstr(s->upstream->name),
		.uri = str_cstr(s->upstream->conf->uri),
		.server = str_cstr(addr_print(&s->addr, addr)),
		.transport = str_cstr(flow_transport_name(s->transport)),
		.state = str_cstr(states[s->health]),
		.since_s = s->since_s, .asked_s = s->asked_s,
		.rtt_us = s->rtt_us,
		.cause = s->why.cause == TRUST_CAUSE_NONE ? STR_NULL :
		    str_cstr(trust_cause_name(s->why.cause)),
		.reason = str_cstr(s->why.reason),
	};

	upstream_status_put(out, &line);
}

/* The main thread is the only one that writes what is read here. */
static void
on_note(evutil_socket_t fd, short what, void *arg)
{
	struct upstreams *u = arg;
	char text[LOG_VAL_MAX], said[512];
	struct buf lines, why;
	int err;

	if (!u->news)
		return;
	u->news = false;
	buf_init(&lines, NOTE_BYTES);
	buf_init_array(&why, said, sizeof(said));
	for (size_t i = 0; i < u->n; i++) {
		for (size_t k = 0; k < u->v[i]->nserver; k++)
			put_server(&lines, u->v[i]->server[k]);
	}
	err = upstream_status_write(u->conf->data, buf_as_str(&lines), &why);
	if (err != 0 && !u->note_failed)
		log_warn("upstreams-not-noted", "reason=%s", log_val(text,
		    sizeof(text), buf_as_str(&why)));
	u->note_failed = err != 0;
	buf_fini(&lines);
}

int
upstreams_note_begin(struct upstreams *u)
{
	struct timeval every = { NOTE_S, 0 };

	u->note = event_new(loop_base(u->loop), -1, EV_PERSIST, on_note, u);
	if (u->note == NULL || event_add(u->note, &every) != 0)
		return -ENOMEM;
	return 0;
}

void
upstreams_note_none(const struct conf *conf)
{
	char said[512];
	struct buf why;

	buf_init_array(&why, said, sizeof(said));
	/* Of an earlier run: what is left there is old, and says so. */
	IGNORE(upstream_status_write(conf->data, STR_NULL, &why));
}
