/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/str.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "demo/demo.h"

#define WRAP 76

static const char about_text[] =
    "usage: siptrust demo [--keep] [--json]\n"
    "\n"
    "The story this program comes from, replayed on loopback in less than a\n"
    "minute: a phone that refuses a public certificate, each way to mend it,\n"
    "and a call that reaches it.  Needs no root and no network; all lies in a\n"
    "temporary folder.\n";

static const char exit_text[] =
    "Exit: 0 every claim held, 1 one did not, 2 wrong usage, 3 it could not\n"
    "be run.\n";

struct demo_cmd {
	bool keep, json, colour;
};

static const struct {
	const char *word, *mark, *colour;
} kinds[] = {
	[DEMO_STEP] = { "step", "", "\033[1m" },
	[DEMO_WORDS] = { "words", "", "" },
	[DEMO_PBX] = { "pbx", "    PBX   | ", "\033[33m" },
	[DEMO_EDGE] = { "edge", "    edge  | ", "\033[36m" },
	[DEMO_PHONE] = { "phone", "    phone | ", "" },
	[DEMO_CALLER] = { "caller", "    other | ", "" },
	[DEMO_PROVED] = { "proved", "  => ", "\033[32m" },
	[DEMO_BROKEN] = { "broken", "  => NOT SO: ", "\033[31m" },
};

/* The edge's line without its time: that is now. */
static struct str
without_time(struct str line)
{
	struct str rest = line, first = str_cut(&rest, ' ');

	return first.n > 10 && first.p[4] == '-' ? rest : line;
}

/* Words up to WRAP columns behind the mark. */
static void
print_wrapped(const struct demo_cmd *c, enum demo_say what, struct str text)
{
	const char *on = c->colour ? kinds[what].colour : "";
	size_t indent = strlen(kinds[what].mark), column = 0;

	printf("%s%s", on, kinds[what].mark);
	while (text.n > 0) {
		struct str word = str_cut(&text, ' ');

		if (column > 0 && indent + column + 1 + word.n > WRAP) {
			printf("\n%*s", (int)indent, "");
			column = 0;
		}
		if (column > 0)
			putchar(' ');
		printf("%.*s", STR_FMT(word));
		column += word.n + (column > 0);
	}
	printf("%s\n", on[0] != '\0' ? "\033[0m" : "");
}

static void
print_json(enum demo_say what, unsigned step, const char *text)
{
	cmd_print_json_line(json_pack("{s:i,s:s,s:s}", "step",
	    (int)step, "kind", kinds[what].word, "text", text));
}

static void
say(enum demo_say what, unsigned step, const char *text, void *arg)
{
	const struct demo_cmd *c = arg;

	if (c->json) {
		print_json(what, step, text);
	} else if (what == DEMO_STEP) {
		printf("\n%s(%u) %s%s\n", c->colour ? kinds[what].colour : "",
		    step, text, c->colour ? "\033[0m" : "");
	} else {
		struct str s = str_cstr(text);
		print_wrapped(c, what, what == DEMO_EDGE ? without_time(s) :
		    s);
	}
	if (fflush(stdout) != 0) /* demo | head */
		demo_stop();
}

static int
run(struct demo_cmd *c)
{
	const struct demo_params p = { .keep = c->keep, .say = say, .arg = c };
	uint64_t begin_ms = clock_mono_ms();
	struct demo_result r;
	char bytes[4096];
	struct buf why;
	int err;

	buf_init_array(&why, bytes, sizeof(bytes));
	if (!c->json)
		puts("A desk phone, a PBX with a certificate of a public CA, "
		    "and TLS.");
	err = demo_run(&r, &p, &why);
	if (r.folder[0] != '\0')
		fprintf(c->json ? stderr : stdout, "\nkept in %s\n", r.folder);
	if (err != 0)
		return cmd_complain(CMD_FAILED, "demo", "%.*s",
		    STR_FMT(buf_as_str(&why)));
	if (!c->json)
		printf("\n%u of %u claims held, in %.1f s.\n", r.held, r.steps,
		    (double)(clock_mono_ms() - begin_ms) / 1000);
	return r.held == r.steps ? CMD_OK : CMD_FINDING;
}

int
cmd_demo(int argc, char **argv)
{
	struct demo_cmd c = { .colour = isatty(STDOUT_FILENO) == 1 };
	const struct cmd_option options[] = {
		OPTION_FLAG("keep", &c.keep,
		    "leave the folder, and say where it is"),
		OPTION_FLAG("json", &c.json,
		    "one object a line, for programs"),
	};
	int code = cmd_options(&(struct cmd_usage) { "demo", about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	if (code == CMD_OK)
		code = cmd_no_more("demo", argc, argv);
	return code == CMD_OK ? run(&c) : code;
}
