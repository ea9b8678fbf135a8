/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_ROOTS_H
#define CMD_ROOTS_H
/* cmd/roots - the verbs of siptrust roots (roots.def), a file for each. */
#include "cmd/cmd.h"

#define VERB(name, fn, args, text) int fn(int argc, char **argv);
#include "cmd/roots.def"
#undef VERB

#endif
