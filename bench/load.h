/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H
/*
 * bench/load - what the generators of registrations (sipload) and of calls
 * (callload) share: how bench/run starts them and what it is told.
 */
#include <stdbool.h>
#include <stddef.h>

#define NONCE_BYTES 256 /* room for a server's nonce */

/* The first line of a file; false: there is none.  out may be cut. */
bool load_password(const char *path, char *out, size_t size);

/*
 * Say "go" and wait until bench/run has read the server's clock; false: it has
 * gone.
 */
bool load_wait(void);

/* Of this process so far, user and system. */
double load_cpu_seconds(void);

#endif
