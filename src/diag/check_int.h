/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_CHECK_INT_H
#define DIAG_CHECK_INT_H
/* diag/check - what its files share. */
#include "diag/check.h"

struct check_run {
	const struct check_settings *s;
	struct check_report *out;
	struct x509_roots *system;
	struct dial *dial;
	struct str options;            /* a request                         */
	bool no_memory;
};

/* check_server.c: jobs that find out what the server can do. */
struct server_probe;
MUSTCHECK int server_probe_new(struct server_probe **out,
    struct check_run *run);
/* After dial_run. */
void server_probe_end(struct server_probe *p);

/* A look for probes: takes every certificate. */
void check_any_look(struct tls_look *l);

/* What became of the connection in the manner of a profile. */
struct seen {
	enum dial_end end;
	struct tls_outcome outcome;
	bool lacks;                    /* the library has not all it offers */
	struct x509_served chain;      /* as it was presented to it         */
};

/* check_predict.c; pure. */
void check_predict(struct check_prediction *out, const struct check_run *run,
    const struct tls_look *look, const struct seen *seen);

/* check_notes.c: what a checker says; pure. */
void check_notes(struct check_report *r, const struct check_settings *s);

#endif
