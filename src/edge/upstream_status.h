/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UPSTREAM_STATUS_H
#define EDGE_UPSTREAM_STATUS_H
/*
 * edge/upstream_status - what the servers of the upstreams are like, for who
 * asks from another process: DATA/upstreams, a line each, replaced whole by the
 * running edge and at most seconds behind.  It stays when the edge ends: when a
 * server was asked last tells how old it is.
 */
#include "base/buf.h"
#include "base/compiler.h"

struct upstream_status {
	struct str name, uri;
	struct str server, transport; /* "192.0.2.20:5061", "TLS"            */
	struct str state;             /* "up", "down", "unknown"             */
	int64_t since_s;              /* Unix time                           */
	int64_t asked_s;              /* of the last OPTIONS, 0: none yet    */
	int64_t rtt_us;               /* to its answer, -1: none came        */
	struct str cause;             /* of verdict.def, empty: none         */
	struct str reason;            /* why it was missed, empty: it was not */
};

/* Append its line. */
void upstream_status_put(struct buf *out, const struct upstream_status *s);
/* All lines into the folder; none: the file goes.  0, -errno, a sentence in
 * why. */
MUSTCHECK int upstream_status_write(const char *data, struct str lines,
    struct buf *why);

/* Each one of the folder's file, whose slices live for the call; a file that is
 * not there has none, and what is not of the form is passed over. */
void upstream_status_each(const char *data,
    void (*fn)(const struct upstream_status *s, void *arg), void *arg);

#endif
