/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static void
usage(const struct cmd_verbs *all, FILE *out)
{
	const char *lead = "usage:";

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].args == NULL)
			continue;
		fprintf(out, "%s %s %s %s\n", lead, all->of, all->v[i].name,
		    all->v[i].args);
		lead = "      ";
	}
	if (lead[0] != ' ')
		fprintf(out, "%s %s %s [OPTION ...]\n", lead, all->of,
		    all->metavar);
	fprintf(out, "%s\n", all->text);
	for (size_t i = 0; i < all->n; i++)
		fprintf(out, "  %-*s %s\n", all->width, all->v[i].name,
		    all->v[i].text);
	fprintf(out, "\n%s %s --help tells more.\n", all->of, all->metavar);
}

int
cmd_verbs_run(const struct cmd_verbs *all, int argc, char **argv)
{
	if (argc < 2) {
		usage(all, stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(all, stdout);
		return CMD_OK;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(argv[1], all->v[i].name) == 0) {
			int code = all->v[i].fn(argc - 1, argv + 1);
			return code == CMD_HELPED ? CMD_OK : code;
		}
	}
	fprintf(stderr, "%s: no %s \"%s\"; %s --help lists them\n", all->of,
	    all->kind, argv[1], all->of);
	return CMD_USAGE;
}
