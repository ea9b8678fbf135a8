/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/roots.h"

#include "base/compiler.h"
#include "cmd/verbs.h"

static const struct cmd_verb verbs[] = {
#define VERB(name, fn, args, text) { name, fn, args, text },
#include "cmd/roots.def"
#undef VERB
};

int
cmd_roots(int argc, char **argv)
{
	static const struct cmd_verbs all = {
		.of = "siptrust roots", .kind = "verb", .metavar = "VERB",
		.text = "\nWhich roots phones trust: published, learned, "
		    "asked.\n",
		.width = 8, .v = verbs, .n = ARRAY_LEN(verbs),
	};

	return cmd_verbs_run(&all, argc, argv);
}
