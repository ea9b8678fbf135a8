/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_VERBS_H
#define CMD_VERBS_H
/*
 * cmd/verbs - the first argument chooses a function: the commands of
 * siptrust, the verbs of siptrust roots.
 */
#include <stddef.h>

struct cmd_verb {
	const char *name;
	int (*fn)(int argc, char **argv); /* argv[0]: the verb */
	const char *args;       /* for a usage line of its own; NULL: none */
	const char *text;       /* one line for --help                     */
};

struct cmd_verbs {
	const char *of;         /* "siptrust", "siptrust roots"            */
	const char *kind, *metavar; /* "verb", "VERB"                      */
	const char *text;       /* what all are about, in --help; or ""    */
	int width;              /* of the longest name and two blanks      */
	const struct cmd_verb *v;
	size_t n;
};

/*
 * Run what argv[1] names, and return its exit code; or print the usage, for
 * --help and where there is no argument, or complain of the name: CMD_USAGE.
 */
int cmd_verbs_run(const struct cmd_verbs *all, int argc, char **argv);

#endif
