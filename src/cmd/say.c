/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/say.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/log.h"

int
cmd_complain(int code, const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "siptrust %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

int
cmd_no_more(const char *command, int argc, char **argv)
{
	return optind < argc ? cmd_complain(CMD_USAGE, command,
	    "\"%s\" is too much", argv[optind]) : CMD_OK;
}

const char *
cmd_data_folder(char out[CMD_FOLDER_MAX], const char *given)
{
	if (given != NULL)
		return given;
	conf_default_data(out, CMD_FOLDER_MAX);
	return out;
}

/* ---- JSON ---- */

json_t *
cmd_json(struct str s)
{
	char quoted[LOG_VAL_MAX];
	json_t *j = json_stringn(s.p != NULL ? s.p : "", s.n);

	return j != NULL ? j :
	    json_string(log_val(quoted, sizeof(quoted), s));
}

static int
print(json_t *what, size_t flags)
{
	int err = what == NULL ? -1 : json_dumpf(what, stdout, flags);

	json_decref(what);
	putchar('\n');
	return err == 0 ? CMD_OK : CMD_FAILED;
}

int
cmd_print_json(json_t *what)
{
	return print(what, JSON_INDENT(2));
}

int
cmd_print_json_line(json_t *what)
{
	return print(what, JSON_COMPACT);
}
