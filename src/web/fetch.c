/* SPDX-License-Identifier: BSD-2-Clause */
#include "web/fetch.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "edge/devices.h"
#include "web/path.h"

#define AGENT_MAX 192
#define LINE_MAX  1536

struct fetch {
	struct addr peer;
	char id[WEB_ID_MAX + 1];
	char file[HTTP_TARGET_MAX + 1];
	char root[512];            /* a line each */
	char user_agent[AGENT_MAX];
};

/* Text that was longer than its place is cut: enough to know it by. */
static void
put_cut(char *to, size_t size, struct str from)
{
	IGNORE(!str_copy(to, size, from)); /* cut: see above */
}

/* The first 12 digits of a MAC address that stand alone in the text. */
static bool
find_mac(char out[13], struct str text)
{
	static const char edges[] = " ();:,/_";

	for (size_t i = 0; i + 12 <= text.n; i++) {
		if (i > 0 && strchr(edges, text.p[i - 1]) == NULL)
			continue;
		for (size_t n = 12; n <= 17 && i + n <= text.n; n += 5) {
			if (i + n < text.n &&
			    strchr(edges, text.p[i + n]) == NULL)
				continue;
			if (web_mac(out, str_of(text.p + i, n)))
				return true;
		}
	}
	return false;
}

struct fetch *
fetch_new(const struct http_request *q, const struct addr *peer,
    const char *id, const char *root)
{
	struct fetch *f = calloc(1, sizeof(*f));
	char mac[13];

	if (f == NULL)
		return NULL;
	f->peer = *peer;
	put_cut(f->file, sizeof(f->file), q->path);
	put_cut(f->root, sizeof(f->root), str_cstr(root));
	put_cut(f->user_agent, sizeof(f->user_agent), q->user_agent);
	if (id[0] != '\0')
		put_cut(f->id, sizeof(f->id), str_cstr(id));
	else if (find_mac(mac, q->user_agent))
		put_cut(f->id, sizeof(f->id), str_cstr(mac));
	return f;
}

/* " key=value", or nothing for an empty value. */
static void
put(struct buf *out, const char *key, const char *value)
{
	char text[LOG_VAL_MAX];

	if (value[0] != '\0')
		buf_printf(out, "%s%s=%s", out->n > 0 ? " " : "", key,
		    log_val(text, sizeof(text), str_cstr(value)));
}

/* What its SIP says it is, else what its HTTP says. */
static void
put_device(struct buf *out, const struct fetch_party *p,
    const struct addr *peer, const char *user_agent)
{
	char device[AGENT_MAX];

	if (p->devices == NULL ||
	    !devices_agent(p->devices, peer, device, sizeof(device)))
		put_cut(device, sizeof(device), str_cstr(user_agent));
	put(out, "device", device);
}

/* Each of the roots that it has got. */
static void
tell_devices(const struct fetch *f, struct devices *devices)
{
	struct str rest = str_cstr(f->root);

	while (rest.n > 0)
		devices_fetched(devices, &f->peer, str_cut(&rest, '\n'),
		    clock_wall_s());
}

/* "A + B" of "A\nB". */
static void
put_roots(struct buf *out, const char *roots)
{
	char text[1024];
	struct str rest = str_cstr(roots);
	struct buf b;

	buf_init_array(&b, text, sizeof(text) - 1);
	while (rest.n > 0) {
		struct str one = str_cut(&rest, '\n');
		buf_printf(&b, "%s%.*s", b.n > 0 ? " + " : "", STR_FMT(one));
	}
	text[b.n] = '\0';
	put(out, "root", text);
}

void
fetch_done(struct fetch *f, const struct fetch_party *p, unsigned status,
    bool complete)
{
	char line[LINE_MAX], peer[ADDR_STRLEN];
	struct buf b;

	/* Before the line: the phone may be back before it is written. */
	if (p->devices != NULL && complete)
		tell_devices(f, p->devices);
	buf_init_array(&b, line, sizeof(line));
	put_device(&b, p, &f->peer, f->user_agent);
	put(&b, "id", f->id);
	put(&b, "peer", addr_print(&f->peer, peer));
	put(&b, "file", f->file);
	put_roots(&b, f->root);
	put(&b, "user_agent", f->user_agent);
	if (complete && status == 304)
		buf_puts(&b, " unchanged=yes");
	log_info(!complete ? "ca-fetch-broken" : f->root[0] != '\0' ?
	    "ca-fetched" : "settings-fetched", "%.*s", STR_FMT(buf_as_str(&b)));
	free(f);
}

void
fetch_missed(struct fetch_misses *m, const struct http_request *q,
    const struct addr *peer, const struct fetch_party *p)
{
	char line[LINE_MAX], from[ADDR_STRLEN], path[HTTP_TARGET_MAX + 1];
	char agent[AGENT_MAX];
	uint64_t now_ms = clock_mono_ms();
	struct buf b;

	if (now_ms - m->since_ms >= FETCH_WINDOW_S * UINT64_C(1000)) {
		m->since_ms = now_ms;
		m->lines = 0;
	}
	if (m->lines >= FETCH_LINES) {
		m->held++;
		return;
	}
	m->lines++;
	put_cut(path, sizeof(path), q->path);
	put_cut(agent, sizeof(agent), q->user_agent);
	buf_init_array(&b, line, sizeof(line));
	put_device(&b, p, peer, agent);
	put(&b, "peer", addr_print(peer, from));
	put(&b, "file", path);
	put(&b, "user_agent", agent);
	if (m->held > 0)
		buf_printf(&b, " repeat=%u", m->held);
	m->held = 0;
	log_info("ca-not-there", "%.*s", STR_FMT(buf_as_str(&b)));
}
