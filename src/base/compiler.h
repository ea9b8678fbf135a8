/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H
/*
 * base/compiler - the few compiler words the house uses.
 */
#include <stddef.h>

#define MUSTCHECK       __attribute__((warn_unused_result))
#define PRINTF(f, a)    __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member)                                          \
	((type *)(void *)((char *)(p) - offsetof(type, member)))

/* Discard the result of a MUSTCHECK function; say why beside it. */
#define IGNORE(call)                                                           \
	do {                                                                   \
		if (call) {                                                    \
		}                                                              \
	} while (0)

#endif
