/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cmd/cmd.h"
#include "cmd/verbs.h"

static const struct cmd_verb commands[] = {
#define CMD(name, fn, text) { name, fn, NULL, text },
#include "cmd/cmd.def"
#undef CMD
};

int
main(int argc, char **argv)
{
	static const struct cmd_verbs all = {
		.of = "siptrust", .kind = "command", .metavar = "COMMAND",
		.text = "", .width = 10, .v = commands,
		.n = ARRAY_LEN(commands),
	};

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("siptrust " SIPTRUST_VERSION);
		return CMD_OK;
	}
	return cmd_verbs_run(&all, argc, argv);
}
