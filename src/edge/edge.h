/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H
/*
 * edge/edge - the daemon put together: settings, certificates, store, workers;
 * signals, reload, shutdown.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/conf.h"

struct devices;

/* What a guest is shown; borrowed for the call, but for conf's reference. */
struct edge_view {
	struct conf *conf;
	struct devices *devices;     /* outlives the guest */
};

#define EDGE_URL_MAX 320

/*
 * What floors above have running beside the workers (the CA files over HTTP).
 * Called on the main thread, but for places.  At the start and at each reload
 * first prepare, and when all else is right commit, else discard; stop at the
 * end, also when nothing was committed.
 */
struct edge_guest {
	/* Make and check what conf wants, beside what is in force. */
	int (*prepare)(void *arg, const struct edge_view *v, struct buf *why);
	void (*commit)(void *arg);
	void (*discard)(void *arg);
	void (*stop)(void *arg);
	/* Lines for the banner. */
	void (*say)(void *arg, struct buf *out);
	/*
	 * The URLs at which a phone that reached us at local gets our CA and
	 * the root of this common name; "": not served.  Thread-safe.
	 */
	void (*places)(void *arg, const struct addr *local, const char *root,
	    char ca_url[EDGE_URL_MAX], char root_url[EDGE_URL_MAX]);
	void *arg;
};

struct edge_params {
	const char *config;                /* file, or NULL: defaults        */
	const struct conf_override *over;  /* from the command line          */
	size_t nover;
	const char *program;               /* for the hint how to add a user */
	const struct edge_guest *guest;    /* NULL: none                     */
};

/*
 * Run until SIGINT or SIGTERM.  0: ended cleanly; else it could not start, and
 * why says so (one line an error).  SIGHUP reloads.
 */
MUSTCHECK int edge_run(const struct edge_params *p, struct buf *why);

#endif
