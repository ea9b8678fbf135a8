/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/table_int.h"

static bool
is_row(struct str line)
{
	return line.n > 0 && line.p[0] != '#';
}

size_t
device_table_rows(struct str text)
{
	size_t n = 0;

	while (text.n > 0)
		n += is_row(str_cut(&text, '\n'));
	return n;
}

/* How many columns the line has; those over max are not kept. */
static size_t
split(struct str line, struct str column[DEVICE_COLUMNS_MAX])
{
	size_t n = 0;

	for (;;) {
		struct str one = str_cut(&line, '\t');

		if (n < DEVICE_COLUMNS_MAX)
			column[n] = one;
		n++;
		if (line.p == NULL)
			return n;
	}
}

int
device_table_read(const char *file, struct str text, size_t columns,
    const char *(*row)(struct str column[], void *arg), void *arg,
    struct buf *why)
{
	struct str column[DEVICE_COLUMNS_MAX];
	unsigned number = 0;
	int err = 0;

	while (text.n > 0) {
		struct str line = str_cut(&text, '\n');
		const char *fault = NULL;
		size_t n;

		number++;
		if (!is_row(line))
			continue;
		n = split(line, column);
		if (n == columns)
			fault = row(column, arg);
		else
			buf_printf(why, "%s:%u: %zu columns: expected %zu\n",
			    file, number, n, columns);
		if (fault != NULL)
			buf_printf(why, "%s:%u: %s\n", file, number, fault);
		if (n != columns || fault != NULL)
			err = E_CONFIG;
	}
	return err;
}
