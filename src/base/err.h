/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ERR_H
#define BASE_ERR_H
/*
 * base/err - error numbers of the house.
 *
 * Fallible functions return int: 0, or a negative number: -errno for what the
 * system said, E_* (err.def) for the rest.  What a peer did is never an
 * error number: it is evidence (trust/evidence.h).
 */
#include "base/compiler.h"

#define E_BASE 5000
enum err {
#define ERR(name, number, text) E_##name = -(E_BASE + number),
#include "base/err.def"
#undef ERR
};

/* Static text for a code, errno texts included; never NULL. */
const char *err_str(int code);

#endif
