/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * cmd - one file per subcommand: options, one call down, print.
 *
 * A command gets argc and argv without the program's name (argv[0] is the
 * command's own) and returns the exit code.
 */
enum cmd_exit {
	CMD_HELPED = -1,        /* --help was printed: the program exits 0 */
	CMD_OK = 0,
	CMD_FINDING = 1,
	CMD_USAGE = 2,
	CMD_FAILED = 3,
};

#define CMD(name, fn, text) int fn(int argc, char **argv);
#include "cmd/cmd.def"
#undef CMD

#endif
