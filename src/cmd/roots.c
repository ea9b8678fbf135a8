/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/roots.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

static const struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *args, *text;
} verbs[] = {
#define VERB(name, fn, args, text) { name, fn, args, text },
#include "cmd/roots.def"
#undef VERB
};

static void
usage(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(out, "%s siptrust roots %s %s\n", i == 0 ? "usage:" :
		    "      ", verbs[i].name, verbs[i].args);
	fputs("\nWhich roots phones trust: published, learned, asked.\n\n",
	    out);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].text);
	fputs("\nsiptrust roots VERB --help tells more.\n", out);
}

int
cmd_roots(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return CMD_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].fn(argc - 1, argv + 1);
	fprintf(stderr, "siptrust roots: no verb \"%s\"; siptrust roots --help "
	    "lists them\n", argv[1]);
	return CMD_USAGE;
}
