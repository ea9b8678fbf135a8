/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_FETCH_H
#define PHONE_FETCH_H
/*
 * phone/fetch - get one file over plain HTTP, as a phone does: one GET, no
 * redirects followed, no proxy, a limit on its size and on the time for all of
 * it.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"

#define FETCH_WAIT_S 10

struct fetch;

/*
 * body is valid during the call; err 0 means status 200 and a whole body.
 * Otherwise why has one sentence: no connection, status 404, too large, ...
 */
typedef void(fetch_done_fn)(int err, struct str body, const char *why,
    void *arg);

/*
 * Begin; local: where to come from, may be unset.  done is called once from
 * the loop, never from within this call, unless fetch_cancel comes first.  0;
 * E_PARSE with a sentence in why: no http:// URL; -ENOMEM.
 */
MUSTCHECK int fetch_begin(struct fetch **out, struct loop *loop,
    const char *url, const char *user_agent,
    const struct addr *local, size_t bytes_max, fetch_done_fn *done, void *arg,
    struct buf *why);

/* Also after done; then it only frees.  NULL does nothing. */
void fetch_cancel(struct fetch *f);

#endif
