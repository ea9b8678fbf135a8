/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/upstream_status.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

#define FILE_NAME  "upstreams"
#define PATH_BYTES 1024
#define FILE_BYTES ((size_t)1 << 20)

static void
path_of(char out[PATH_BYTES], const char *data)
{
	snprintf(out, PATH_BYTES, "%s/" FILE_NAME, data);
}

/* Without what parts fields and lines. */
static void
put_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	buf_putc(out, '\t');
}

void
upstream_status_put(struct buf *out, const struct upstream_status *s)
{
	put_text(out, s->name);
	put_text(out, s->uri);
	put_text(out, s->server);
	put_text(out, s->transport);
	put_text(out, s->state);
	buf_printf(out, "%lld\t%lld\t%lld\t", (long long)s->since_s,
	    (long long)s->asked_s, (long long)s->rtt_us + 1);
	put_text(out, s->cause);
	put_text(out, s->reason);
	buf_putc(out, '\n');
}

int
upstream_status_write(const char *data, struct str lines, struct buf *why)
{
	char path[PATH_BYTES];

	path_of(path, data);
	if (lines.n > 0)
		return file_write(path, FILE_PUBLIC, lines, why);
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	buf_printf(why, "cannot remove %s", path);
	return -errno;
}

/* ---- reading ---- */

static int64_t
number(struct str *line, bool *ok)
{
	uint64_t n = 0;

	*ok = str_u64(str_cut(line, '\t'), &n) && n <= INT64_MAX && *ok;
	return (int64_t)n;
}

static bool
read_line(struct upstream_status *s, struct str line)
{
	bool ok = true;

	s->name = str_cut(&line, '\t');
	s->uri = str_cut(&line, '\t');
	s->server = str_cut(&line, '\t');
	s->transport = str_cut(&line, '\t');
	s->state = str_cut(&line, '\t');
	s->since_s = number(&line, &ok);
	s->asked_s = number(&line, &ok);
	s->rtt_us = number(&line, &ok) - 1;
	s->cause = str_cut(&line, '\t');
	s->reason = str_cut(&line, '\t');
	return ok;
}

void
upstream_status_each(const char *data,
    void (*fn)(const struct upstream_status *s, void *arg), void *arg)
{
	char path[PATH_BYTES], said[256];
	struct buf text, why;
	struct str rest;

	path_of(path, data);
	buf_init(&text, FILE_BYTES);
	buf_init_array(&why, said, sizeof(said));
	/* The one that is not there is an empty one. */
	IGNORE(file_read(&text, path, FILE_PUBLIC, &why));
	rest = buf_as_str(&text);
	while (rest.n > 0) {
		struct upstream_status s;

		if (read_line(&s, str_cut(&rest, '\n')))
			fn(&s, arg);
	}
	buf_fini(&text);
}
