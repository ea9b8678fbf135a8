/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_CALENDAR_H
#define DEVICE_CALENDAR_H
/*
 * device/calendar - what will change for public certificates, and when.
 *
 * The rows are data/calendar/, text inside the program.  Immutable, owns its
 * texts.  No I/O, no clock.
 */
#include "device/root.h"

enum device_scope {
	DEVICE_SCOPE_ROOT,   /* roots, by their names in device/root        */
	DEVICE_SCOPE_ISSUER, /* certificates with a word in their issuer    */
	DEVICE_SCOPE_PUBLIC, /* all of public CAs                           */
};

struct device_date {
	struct str day;      /* "2028-01-28" */
	int64_t day_s;
	enum device_scope scope;
	struct str about;    /* names of roots, or the word; "" with PUBLIC */
	struct str what, whom, source;
};

struct device_calendar;

/* 0; E_CONFIG: a row is faulty, a line for each in why; -ENOMEM. */
MUSTCHECK int device_calendar_load(struct device_calendar **out,
    struct buf *why);
void device_calendar_free(struct device_calendar *c); /* NULL: nothing */

/* By day. */
size_t device_calendar_count(const struct device_calendar *c);
const struct device_date *device_calendar_at(const struct device_calendar *c,
    size_t i);

/* It names this root. */
bool device_date_names(const struct device_date *d, struct str root);

#endif
