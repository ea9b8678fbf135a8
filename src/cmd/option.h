/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_OPTION_H
#define CMD_OPTION_H
/*
 * cmd/option - the options of a command, one row each: what getopt_long is
 * told, what --help prints and where a value goes are made from the row.
 *
 * Values are borrowed from argv.  --help (-h) is every command's, and has no
 * row.  Main thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "cmd/cmd.h"

enum cmd_option_kind {
	CMD_OPTION_FLAG,        /* *flag becomes true                        */
	CMD_OPTION_TEXT,        /* *text becomes the value                   */
	CMD_OPTION_STR,         /* *str does                                 */
	CMD_OPTION_NUMBER,      /* *number becomes the value, min to max     */
	CMD_OPTION_CALL,        /* fn(arg, name, value) is called            */
};

struct cmd_option {
	const char *name;       /* without its dashes; NULL: letter only     */
	const char *takes;      /* what --help calls its value; NULL: none   */
	const char *help;       /* one paragraph; broken into lines here     */
	enum cmd_option_kind kind;
	char letter;            /* 'c': -c as well, or alone; 0: none        */
	union {
		bool *flag;
		const char **text;
		struct str *str;
		struct {
			uint32_t *value, min, max;
			const char *unit; /* "seconds"                       */
		} number;
		struct {
			/* CMD_OK, or the exit code: it has complained.
			 * name: the row's.                                  */
			int (*fn)(void *arg, const char *name,
			    const char *value);
			void *arg;
		} call;
	} to;
};

#define OPTION_FLAG(name_, to_, help_)                                       \
	OPTION_FLAG_LETTER(0, name_, to_, help_)
#define OPTION_FLAG_LETTER(letter_, name_, to_, help_)                       \
	{ .letter = (letter_), .name = (name_), .help = (help_),             \
	  .kind = CMD_OPTION_FLAG, .to.flag = (to_) }
#define OPTION_TEXT(name_, takes_, to_, help_)                               \
	OPTION_TEXT_LETTER(0, name_, takes_, to_, help_)
#define OPTION_TEXT_LETTER(letter_, name_, takes_, to_, help_)               \
	{ .letter = (letter_), .name = (name_), .takes = (takes_),           \
	  .help = (help_), .kind = CMD_OPTION_TEXT, .to.text = (to_) }
#define OPTION_STR(name_, takes_, to_, help_)                                \
	{ .name = (name_), .takes = (takes_), .help = (help_),               \
	  .kind = CMD_OPTION_STR, .to.str = (to_) }
#define OPTION_NUMBER(name_, takes_, to_, min_, max_, unit_, help_)          \
	{ .name = (name_), .takes = (takes_), .help = (help_),               \
	  .kind = CMD_OPTION_NUMBER,                                         \
	  .to.number = { (to_), (min_), (max_), (unit_) } }
#define OPTION_CALL(name_, takes_, fn_, arg_, help_)                         \
	{ .name = (name_), .takes = (takes_), .help = (help_),               \
	  .kind = CMD_OPTION_CALL, .to.call = { (fn_), (arg_) } }

/* What several commands have, in the same words. */
#define OPTION_CONFIG(to_, help_)                                            \
	OPTION_TEXT_LETTER('c', "config", "FILE", to_, help_)
#define OPTION_DATA(to_)                                                     \
	OPTION_TEXT("data", "DIR", to_, "folder of the edge; default: as "   \
	    "siptrust edge")
#define OPTION_DEVICES(to_)                                                  \
	OPTION_TEXT("devices", "DIR", to_, "profiles of one's own, over "    \
	    "those built in; default: $SIPTRUST_DEVICES")
#define OPTION_JSON(to_) OPTION_FLAG("json", to_, "print as JSON")

#define CMD_OPTIONS_MAX 40

struct cmd_usage {
	const char *command;    /* "status"; "roots list" for a verb         */
	const char *about;      /* --help up to the options                  */
	const char *after;      /* and behind them; NULL: nothing            */
	const struct cmd_option *option;
	size_t n;               /* at most CMD_OPTIONS_MAX                   */
};

/*
 * Read the options.  CMD_OK: all are taken, argv[optind] is the first operand
 * (getopt_long moves operands behind the options); CMD_HELPED: --help was
 * printed; CMD_USAGE, or what a call returned: the complaint is printed.
 */
int cmd_options(const struct cmd_usage *u, int argc, char **argv);

/*
 * The one operand that must follow: CMD_OK with *out set, or CMD_USAGE; it
 * has complained.  name: "HOST[:PORT]".
 */
int cmd_one_operand(const struct cmd_usage *u, const char *name, int argc,
    char **argv, const char **out);

#endif
