/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H
/*
 * http/server - small documents by HTTP/1.x, GET and HEAD, on one loop.
 *
 * One request a connection: the answer says "Connection: close", and then the
 * client's own end is waited for, so that it is known whether it has got the
 * whole of it.  A request has HTTP_HEAD_TIME_MS, an answer HTTP_BODY_TIME_MS.
 * At most HTTP_CONNS_MAX connections: when more come, the one that has been
 * silent longest goes, so that idle ones never keep a phone out.
 *
 * Belongs to the loop's thread, but for http_server_new and what is said.
 * libevent's evhttp was not taken: it has no bound on its connections, hands
 * over none that we have accepted, and does not tell when an answer arrived.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "http/request.h"
#include "net/loop.h"

#define HTTP_CONNS_MAX    512
#define HTTP_BODY_MAX     ((size_t)128 << 10) /* bytes of an answer */
#define HTTP_HEAD_TIME_MS 10000
#define HTTP_BODY_TIME_MS 30000
#define HTTP_END_TIME_MS  3000
#define HTTP_LISTENERS_MAX 16

struct http_server;

struct http_exchange {
	const struct http_request *request; /* borrowed for the call */
	struct addr peer, local;
	int64_t now_s;

	/* The answer; filled in with 404 and no body. */
	unsigned status;
	const char *type;       /* Content-Type, static                      */
	struct buf body;        /* owned by the server                       */
	char etag[72];          /* with its quotes, or ""                    */
	int64_t modified_s;     /* 0: no Last-Modified                       */
	void *note;             /* given to done                             */
};

/*
 * handle fills in the answer; a status other than 200 without a body gets one
 * of a line.  GET and HEAD alone arrive there, all else is refused before.
 * done is called once for each exchange whose note is not NULL: complete when
 * the client has taken the whole answer (200 to GET, or 304).
 */
struct http_handler {
	void (*handle)(struct http_exchange *x, void *arg);
	void (*done)(void *note, unsigned status, bool complete, void *arg);
	void *arg;
};

/* 0 or -ENOMEM. */
MUSTCHECK int http_server_new(struct http_server **out, struct loop *loop,
    const struct http_handler *handler);

/* Takes over fd, a listening socket bound to local, also on failure. */
MUSTCHECK int http_server_listen(struct http_server *s, int fd,
    const struct addr *local);

/* Closes all.  The loop no longer runs, or this is its thread. */
void http_server_free(struct http_server *s);

/* "Not Found"; never NULL. */
const char *http_reason(unsigned status);

#endif
