/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_SAY_H
#define CMD_SAY_H
/*
 * cmd/say - what all commands say and take alike: complaints, JSON, the
 * folder of the edge.
 */
#include <jansson.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/str.h"
#include "cmd/cmd.h"

/*
 * "siptrust COMMAND: ..." and a newline on stderr; returns code.  command:
 * with its verb where it has a file of its own, "roots list".
 */
int cmd_complain(int code, const char *command, const char *fmt, ...)
    PRINTF(3, 4);

/*
 * After the options and operands: CMD_OK, or CMD_USAGE where argv[optind] is
 * one too many; it has complained.
 */
int cmd_no_more(const char *command, int argc, char **argv);

#define CMD_FOLDER_MAX 1024
/* The edge's data folder: what was given, or with NULL the default, in out. */
const char *cmd_data_folder(char out[CMD_FOLDER_MAX], const char *given);

/* New reference: the text; what is no UTF-8 as the log shows it. */
json_t *cmd_json(struct str s);

/*
 * Print with a newline, over lines or on one line, and give the reference
 * back.  CMD_OK; CMD_FAILED where what is NULL or cannot be written.
 */
int cmd_print_json(json_t *what);
int cmd_print_json_line(json_t *what);

#endif
