/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_DIAL_H
#define DIAG_DIAL_H
/*
 * diag/dial - TLS connections to one server, several at a time, each with a
 * deadline; what becomes of each is told to who asked for it.
 *
 * One thread, which it blocks: for commands.  Jobs may be added while it runs,
 * from within a callback.
 */
#include "base/addr.h"
#include "base/str.h"
#include "tls/connector.h"

#define DIAL_PARALLEL   8
#define DIAL_JOBS_MAX   512
#define DIAL_ANSWER_MAX ((size_t)16 << 10)

enum dial_end {
	DIAL_OPEN,           /* the handshake is complete                   */
	DIAL_REFUSED,        /* the server said no: an alert                */
	DIAL_UNUSABLE,       /* what came cannot be used: not TLS, ...      */
	DIAL_CLOSED,         /* it hung up in the handshake                 */
	DIAL_TIMEOUT,        /* the deadline, in the handshake              */
	DIAL_NO_CONNECTION,  /* TCP itself failed: error                    */
};

struct dial_result {
	enum dial_end end;
	int error;                       /* errno of NO_CONNECTION          */
	struct tls_outcome outcome;
	struct tls_connector *connector; /* valid in the callback           */
	struct str answer;               /* what came behind the handshake;
	                                    likewise                        */
	uint32_t ms;                     /* from connect to the end         */
};

typedef void dial_done_fn(const struct dial_result *r, void *arg);

struct dial_job {
	struct tls_client *client;   /* borrowed until done                 */
	struct tls_resume *resume;   /* offer this session; may be NULL     */
	struct str request;          /* to be sent when it is open; borrowed;
	                                then an answer is waited for, half
	                                the time again                      */
	dial_done_fn *done;
	void *arg;
};

struct dial;

/*
 * name: SNI, and what the certificate should be for.  parting: sent at the end
 * of each connection that was open and had no request, so that nobody takes it
 * for a client that refuses; borrowed.  0, -ENOMEM.
 */
MUSTCHECK int dial_new(struct dial **out, const struct addr *server,
    const char *name, struct str parting, uint32_t timeout_ms);
void dial_free(struct dial *d); /* NULL does nothing */

/* 0, -ENOMEM, E_LIMIT (DIAL_JOBS_MAX). */
MUSTCHECK int dial_add(struct dial *d, const struct dial_job *job);

/* Until every job is done. */
void dial_run(struct dial *d);

#endif
