/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture file's bytes to evidence and a verdict's line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_found(const struct watch_found *f, void *arg)
{
	static char memory[TRUST_LINE_MAX];
	struct buf b;

	buf_init_array(&b, memory, sizeof(memory));
	trust_verdict_line(&b, f->v, f->e, NULL, 0, 0);
	must(!b.failed && memchr(memory, '\n', b.n) == NULL);
	must(f->e->stage != TRUST_STAGE_SIP);
	(*(uint64_t *)arg)++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct watch w;
	struct source *s;
	struct frame f;
	struct buf why;
	char said[1024];
	uint64_t told = 0;
	FILE *file = n > 0 ? fmemopen((void *)(uintptr_t)data, n, "rb") : NULL;
	int rc;

	if (file == NULL)
		return 0;
	/* Each run of the target would read the system's roots again. */
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	buf_init_array(&why, said, sizeof(said));
	if (source_open_stream(&s, file, "fuzz", &why) != 0)
		return 0;
	if (watch_init(&w, source_link_type(s), on_found, &told) == 0) {
		while ((rc = source_next(s, &f, &why)) > 0)
			watch_frame(&w, &f);
		watch_end(&w);
		must(told == w.counts.refused + w.counts.accepted +
		    w.counts.unknown);
		must(w.sessions.tcp.waiting_bytes == 0);
		watch_fini(&w);
	}
	source_close(s);
	return 0;
}
