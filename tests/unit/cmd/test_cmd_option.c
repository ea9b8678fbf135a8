/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cmd/option.h"

#define ARGS_MAX 8

struct got {
	const char *file, *data, *name;
	bool json, verbose;
	uint32_t timeout_s;
	unsigned calls;
	char called[16];
	int code;
	char said[2048];         /* on stdout and stderr */
};

static int
call(void *arg, const char *name, const char *value)
{
	struct got *g = arg;

	assert_string_equal(name, "window-of-time");
	g->calls++;
	snprintf(g->called, sizeof(g->called), "%s", value);
	return strcmp(value, "bad") == 0 ? CMD_USAGE : CMD_OK;
}

/* What fn prints goes to a file, as its stdout and stderr. */
static void
capture(struct got *g, const struct cmd_usage *u, int argc, char **argv)
{
	FILE *f = tmpfile();
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	dup2(fileno(f), STDERR_FILENO);
	g->code = cmd_options(u, argc, argv);
	if (g->code == CMD_OK)
		g->code = cmd_one_operand(u, "NAME", argc, argv, &g->name);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	rewind(f);
	n = fread(g->said, 1, sizeof(g->said) - 1, f);
	g->said[n] = '\0';
	fclose(f);
}

/* The words of line, split at blanks, as a command's arguments. */
static struct got
parsed(const char *line)
{
	static char words[256];
	struct got g = { .timeout_s = 4 };
	const struct cmd_option options[] = {
		OPTION_TEXT_LETTER('r', NULL, "FILE", &g.file, "a capture"),
		OPTION_FLAG_LETTER('v', NULL, &g.verbose, "more"),
		OPTION_CONFIG(&g.file, "a file whose explanation needs more "
		    "than the one line that is left behind its name"),
		OPTION_DATA(&g.data),
		OPTION_NUMBER("timeout", "S", &g.timeout_s, 1, 60, "seconds",
		    "of one connection"),
		OPTION_CALL("window-of-time", "TIME", call, &g, "how long"),
		OPTION_JSON(&g.json),
	};
	const struct cmd_usage u = { "roots try", "usage: siptrust ...\n",
		"Exit: 0.\n", options, ARRAY_LEN(options) };
	char *argv[ARGS_MAX + 1] = { "try" };
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w != NULL && argc < ARGS_MAX;
	    w = strtok(NULL, " "))
		argv[argc++] = w;
	optind = 0; /* getopt begins anew */
	capture(&g, &u, argc, argv);
	return g;
}

static void
test_values_go_where_the_row_says(void **state)
{
	struct got g = parsed("-v --data /d x --timeout 60 --json");

	assert_int_equal(g.code, CMD_OK);
	assert_true(g.verbose && g.json);
	assert_string_equal(g.data, "/d");
	assert_string_equal(g.name, "x");
	assert_int_equal(g.timeout_s, 60);
	assert_string_equal(g.said, "");
	g = parsed("x -c /c");
	assert_string_equal(g.file, "/c");
	g = parsed("x --config=/c2");
	assert_string_equal(g.file, "/c2");
	g = parsed("-r - x --window-of-time 8h");
	assert_string_equal(g.file, "-");
	assert_int_equal(g.calls, 1);
	assert_string_equal(g.called, "8h");
	assert_false(g.json || g.verbose);
	assert_int_equal(g.timeout_s, 4);
	g = parsed("-- --json");
	assert_string_equal(g.name, "--json");
}

static void
test_complaints_name_the_command_and_what_was_found(void **state)
{
	static const struct { const char *line, *said; } wrong[] = {
		{ "--nix", "siptrust roots try: no option \"--nix\", or short "
		  "for several; siptrust roots try --help lists them\n" },
		{ "-z x", "siptrust roots try: no option \"-z\"; siptrust "
		  "roots try --help lists them\n" },
		{ "x --data", "siptrust roots try: --data: expected DIR behind "
		  "it\n" },
		{ "x -r", "siptrust roots try: -r: expected FILE behind it\n" },
		{ "--json=1 x", "siptrust roots try: \"--json=1\": it takes no "
		  "value\n" },
		{ "--help=1 x", "siptrust roots try: \"--help=1\": it takes no "
		  "value\n" },
		{ "x --timeout 61", "siptrust roots try: --timeout \"61\": "
		  "expected seconds, 1 to 60\n" },
		{ "x --timeout 4s", "siptrust roots try: --timeout \"4s\": "
		  "expected seconds, 1 to 60\n" },
		{ "", "siptrust roots try: expected one NAME; siptrust roots "
		  "try --help tells more\n" },
		{ "x y", "siptrust roots try: \"y\" is too much\n" },
		{ "--window-of-time bad --json x", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct got g = parsed(wrong[i].line);

		assert_string_equal(g.said, wrong[i].said);
		assert_int_equal(g.code, CMD_USAGE);
		assert_false(g.json); /* what comes behind is not taken */
		assert_int_equal(g.timeout_s, 4);
	}
}

static void
test_help_is_made_of_the_rows(void **state)
{
	struct got g = parsed("--json -h --nix");

	assert_int_equal(g.code, CMD_HELPED);
	assert_string_equal(g.said,
	    "usage: siptrust ...\n"
	    "\n"
	    "  -r FILE             a capture\n"
	    "  -v                  more\n"
	    "  -c, --config FILE   a file whose explanation needs more than "
	    "the one line\n"
	    "                      that is left behind its name\n"
	    "      --data DIR      folder of the edge; default: as siptrust "
	    "edge\n"
	    "      --timeout S     of one connection\n"
	    "      --window-of-time TIME  how long\n"
	    "      --json          print as JSON\n"
	    "  -h, --help          this text\n"
	    "\n"
	    "Exit: 0.\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_go_where_the_row_says),
		cmocka_unit_test(
		    test_complaints_name_the_command_and_what_was_found),
		cmocka_unit_test(test_help_is_made_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
