/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_CHILD_H
#define DEMO_CHILD_H
/*
 * demo/child - another process of this same program, and the lines it writes.
 * One thread; every wait has a deadline.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define CHILD_ARGS_MAX  40
#define CHILD_LINES_MAX ((size_t)1 << 20) /* bytes kept; then it is too much */

struct child {
	pid_t pid;              /* 0: none runs                              */
	int fd;                 /* its stdout and stderr; -1: closed         */
	struct buf all;         /* every line so far                         */
	size_t mark;            /* lines before it have been dealt with      */
};

/*
 * Run this program with argv (argv[0] is the command's name, NULL ends) and
 * the variable, "NAME=VALUE" or NULL, besides the environment.  in: what it
 * reads.  0 or -errno.
 */
MUSTCHECK int child_start(struct child *c, const char *const *argv,
    const char *variable, struct str in);

/*
 * The next line behind the mark for which is(line, arg) is true; the mark
 * moves behind it.  Valid until the next call.  STR_NULL: not within
 * deadline_ms, or the child has ended.
 */
typedef bool(child_line_fn)(struct str line, void *arg);
struct str child_wait(struct child *c, child_line_fn *is, void *arg,
    unsigned deadline_ms);

void child_signal(struct child *c, int number);

/* Wait for it to end; its exit status, 256 and more: killed or too late (it
 * is then killed). */
int child_end(struct child *c, unsigned deadline_ms);

/* SIGTERM, wait, free; NULL-safe for one that never ran. */
void child_stop(struct child *c);

#endif
