/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H
/*
 * edge/edge - the daemon put together: settings, certificates, store, workers;
 * signals, reload, shutdown.
 */
#include "base/buf.h"
#include "base/conf.h"

struct edge_params {
	const char *config;                /* file, or NULL: defaults        */
	const struct conf_override *over;  /* from the command line          */
	size_t nover;
	const char *program;               /* for the hint how to add a user */
};

/*
 * Run until SIGINT or SIGTERM.  0: ended cleanly; else it could not start, and
 * why says so (one line an error).  SIGHUP reloads.
 */
MUSTCHECK int edge_run(const struct edge_params *p, struct buf *why);

#endif
