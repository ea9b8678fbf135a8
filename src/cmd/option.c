/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/option.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/say.h"

#define LINE_WIDTH  77
#define TEXT_COLUMN 22
#define LEFT_MAX    28 /* what is longer has a line of its own */
#define NAME_SHOWN  32
#define VALUE_BASE  256 /* getopt's value of row 0; a letter's is its own */

/* ---- --help ---- */

/* The words of a paragraph; the first line begins at column at. */
static void
print_wrapped(const char *text, int at)
{
	while (*text != '\0') {
		int n = (int)strcspn(text, " ");

		if (at > TEXT_COLUMN && at + 1 + n > LINE_WIDTH) {
			printf("\n%*s", TEXT_COLUMN, "");
			at = TEXT_COLUMN;
		} else if (at > TEXT_COLUMN) {
			putchar(' ');
			at++;
		}
		printf("%.*s", n, text);
		at += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void
print_option(const struct cmd_option *o)
{
	int at = o->name == NULL ? printf("  -%c", o->letter) :
	    o->letter != 0 ? printf("  -%c, --%s", o->letter, o->name) :
	    printf("      --%s", o->name);

	if (o->takes != NULL)
		at += printf(" %s", o->takes);
	if (at > LEFT_MAX) {
		putchar('\n');
		at = 0;
	}
	/* Two blanks at least, the second is print_wrapped's own. */
	at += printf("%*s", at < TEXT_COLUMN - 1 ? TEXT_COLUMN - at : 1, "");
	print_wrapped(o->help, at);
}

static void
print_help(const struct cmd_usage *u)
{
	static const struct cmd_option help = { .name = "help",
		.letter = 'h', .help = "this text" };

	printf("%s\n", u->about);
	for (size_t i = 0; i < u->n; i++)
		print_option(&u->option[i]);
	print_option(&help);
	if (u->after != NULL)
		printf("\n%s", u->after);
}

/* ---- getopt_long ---- */

/* As the user writes it: "--data", "-r". */
static const char *
shown(const struct cmd_option *o, char as[NAME_SHOWN])
{
	if (o->name != NULL)
		snprintf(as, NAME_SHOWN, "--%s", o->name);
	else
		snprintf(as, NAME_SHOWN, "-%c", o->letter);
	return as;
}

static int
take(const struct cmd_usage *u, const struct cmd_option *o, const char *value)
{
	char as[NAME_SHOWN];
	uint32_t n;

	switch (o->kind) {
	case CMD_OPTION_FLAG:
		*o->to.flag = true;
		break;
	case CMD_OPTION_TEXT:
		*o->to.text = value;
		break;
	case CMD_OPTION_STR:
		*o->to.str = str_cstr(value);
		break;
	case CMD_OPTION_NUMBER:
		if (!str_u32(str_cstr(value), &n) || n < o->to.number.min ||
		    n > o->to.number.max)
			return cmd_complain(CMD_USAGE, u->command, "%s "
			    "\"%s\": expected %s, %u to %u",
			    shown(o, as), value, o->to.number.unit,
			    o->to.number.min, o->to.number.max);
		*o->to.number.value = n;
		break;
	case CMD_OPTION_CALL:
		return o->to.call.fn(o->to.call.arg, o->name, value);
	}
	return CMD_OK;
}

static void
tell_getopt(const struct cmd_usage *u, struct option *all, char *letters)
{
	assert(u->n <= CMD_OPTIONS_MAX);
	*letters++ = ':'; /* a value that is missing is told apart */
	*letters++ = 'h';
	for (size_t i = 0; i < u->n; i++) {
		const struct cmd_option *o = &u->option[i];

		if (o->name != NULL)
			*all++ = (struct option) { o->name, o->takes != NULL ?
			    required_argument : no_argument, NULL,
			    VALUE_BASE + (int)i };
		if (o->letter == 0)
			continue;
		*letters++ = o->letter;
		if (o->takes != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
	*all++ = (struct option) { "help", no_argument, NULL, 'h' };
	*all = (struct option) { NULL, 0, NULL, 0 };
}

static const struct cmd_option *
row_of(const struct cmd_usage *u, int value)
{
	if (value >= VALUE_BASE)
		return &u->option[value - VALUE_BASE];
	for (size_t i = 0; i < u->n; i++)
		if (u->option[i].letter == value)
			return &u->option[i];
	return NULL;
}

static int
complain(const struct cmd_usage *u, int value, char **argv)
{
	const struct cmd_option *o = optopt != 0 ? row_of(u, optopt) : NULL;
	char as[NAME_SHOWN];

	if (o != NULL && value == ':')
		return cmd_complain(CMD_USAGE, u->command, "%s: expected %s "
		    "behind it", shown(o, as), o->takes);
	if (o != NULL || optopt == 'h')
		return cmd_complain(CMD_USAGE, u->command, "\"%s\": it takes "
		    "no value", argv[optind - 1]);
	if (optopt != 0)
		return cmd_complain(CMD_USAGE, u->command, "no option \"-%c\"; "
		    "siptrust %s --help lists them", optopt, u->command);
	return cmd_complain(CMD_USAGE, u->command, "no option \"%s\", or "
	    "short for several; siptrust %s --help lists them",
	    argv[optind - 1], u->command);
}

int
cmd_options(const struct cmd_usage *u, int argc, char **argv)
{
	struct option all[CMD_OPTIONS_MAX + 2];
	char letters[2 * CMD_OPTIONS_MAX + 3];
	int code = CMD_OK, value;

	tell_getopt(u, all, letters);
	while (code == CMD_OK &&
	    (value = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		if (value == 'h') {
			print_help(u);
			return CMD_HELPED;
		}
		code = value == '?' || value == ':' ?
		    complain(u, value, argv) :
		    take(u, row_of(u, value), optarg);
	}
	return code;
}

int
cmd_one_operand(const struct cmd_usage *u, const char *name, int argc,
    char **argv, const char **out)
{
	if (optind == argc)
		return cmd_complain(CMD_USAGE, u->command, "expected one %s; "
		    "siptrust %s --help tells more", name, u->command);
	*out = argv[optind++];
	return cmd_no_more(u->command, argc, argv);
}
