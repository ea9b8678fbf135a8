/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cmd/cmd.h"

static const struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *text;
} commands[] = {
#define CMD(name, fn, text) { name, fn, text },
#include "cmd/cmd.def"
#undef CMD
	{ NULL, NULL, NULL },
};

static void
usage(FILE *out)
{
	fputs("usage: siptrust COMMAND [OPTION ...]\n\n", out);
	for (const struct command *c = commands; c->name != NULL; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->text);
	fputs("\nsiptrust COMMAND --help tells more.\n", out);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return CMD_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("siptrust " SIPTRUST_VERSION);
		return CMD_OK;
	}
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (strcmp(argv[1], c->name) == 0)
			return c->fn(argc - 1, argv + 1);
	}
	fprintf(stderr,
	    "siptrust: no command \"%s\"; siptrust --help lists them\n",
	    argv[1]);
	return CMD_USAGE;
}
