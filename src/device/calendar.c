/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/calendar.h"

#include <errno.h>
#include <stdlib.h>

#include "device/table_int.h"

struct device_calendar {
	struct device_date *date;
	size_t n;
};

static bool
read_scope(struct device_date *d, struct str text)
{
	struct str word = str_cut(&text, ' ');

	d->about = text.p != NULL ? text : STR("");
	if (str_eq(word, STR("root")))
		d->scope = DEVICE_SCOPE_ROOT;
	else if (str_eq(word, STR("issuer")))
		d->scope = DEVICE_SCOPE_ISSUER;
	else if (str_eq(word, STR("public")))
		d->scope = DEVICE_SCOPE_PUBLIC;
	else
		return false;
	return (d->scope == DEVICE_SCOPE_PUBLIC) == (d->about.n == 0);
}

static const char *
read_date(struct str column[], void *arg)
{
	struct device_calendar *c = arg;
	struct device_date *d = &c->date[c->n];

	*d = (struct device_date) {
		.day = column[0], .what = column[2], .whom = column[3],
		.source = column[4],
	};
	if (!device_day_read(d->day, &d->day_s))
		return "expected a day, 2028-01-28";
	if (!read_scope(d, column[1]))
		return "expected root NAME..., issuer WORDS or public";
	if (c->n > 0 && c->date[c->n - 1].day_s > d->day_s)
		return "expected the rows in the order of their days";
	c->n++;
	return NULL;
}

int
device_calendar_load(struct device_calendar **out, struct buf *why)
{
	const struct device_builtin *file = &device_calendar_files[0];
	struct str text = str_of(file->text, file->n);
	struct device_calendar *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL)
		return err;
	c->date = calloc(device_table_rows(text) + 1, sizeof(*c->date));
	if (c->date != NULL)
		err = device_table_read(file->file, text, 5, read_date, c,
		    why);
	if (err == 0)
		*out = c;
	else
		device_calendar_free(c);
	return err;
}

void
device_calendar_free(struct device_calendar *c)
{
	if (c == NULL)
		return;
	free(c->date);
	free(c);
}

size_t
device_calendar_count(const struct device_calendar *c)
{
	return c->n;
}

const struct device_date *
device_calendar_at(const struct device_calendar *c, size_t i)
{
	return &c->date[i];
}

bool
device_date_names(const struct device_date *d, struct str root)
{
	struct str rest = d->about;

	while (d->scope == DEVICE_SCOPE_ROOT && rest.n > 0)
		if (str_eq(str_cut(&rest, ' '), root))
			return true;
	return false;
}
