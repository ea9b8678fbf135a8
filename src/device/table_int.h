/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_TABLE_INT_H
#define DEVICE_TABLE_INT_H
/*
 * device/table - tables of data/ that are text inside the program: a row a
 * line, a tab between its columns, # begins a comment.
 */
#include "device/device_int.h"

#define DEVICE_COLUMNS_MAX 16

extern const struct device_builtin device_root_files[];
extern const size_t device_root_files_count;
extern const struct device_builtin device_calendar_files[];
extern const size_t device_calendar_files_count;

/* Rows in it. */
size_t device_table_rows(struct str text);

/*
 * row for each; it answers NULL, or what is wrong.  0; E_CONFIG with a line
 * "FILE:LINE: what is wrong" for each fault in why.
 */
MUSTCHECK int device_table_read(const char *file, struct str text,
    size_t columns, const char *(*row)(struct str column[], void *arg),
    void *arg, struct buf *why);

#endif
