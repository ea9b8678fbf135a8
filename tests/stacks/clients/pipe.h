/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STACKS_PIPE_H
#define STACKS_PIPE_H
/*
 * A TLS client of one library that pipes stdin and stdout through the
 * connection.  Each library's file has the four functions below and the
 * library's plain use, as in its own examples; pipe.c has main().
 *
 * usage: CLIENT HOST PORT NAME CAFILE [OPTION...]   On stderr one line
 * "end: WHY"; exit 0 when the peer closed or stdin ended, 1 when the handshake
 * failed or the certificate was refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pipe_args {
	const char *name;     /* expected in the certificate; also the SNI  */
	const char *ca;       /* PEM, the only trust anchors                */
	char **option;        /* NULL ends them                             */
};

bool pipe_has_option(const struct pipe_args *a, const char *option);

/* Prints "end: TEXT" and ends with status 1. */
_Noreturn void pipe_refuse(const char *text, int code);

/* The handshake on a blocking socket; whoever refuses calls pipe_refuse(). */
void tls_open(int fd, const struct pipe_args *a);
/* The socket does not block from here on. > 0 bytes, 0: not now, -1: over. */
ssize_t tls_read(void *p, size_t n);
ssize_t tls_write(const void *p, size_t n);
void tls_close(void);

#endif
