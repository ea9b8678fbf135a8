/* SPDX-License-Identifier: BSD-2-Clause */
/* The fleet as a table, readable with five devices and with 100,000. */
#include <stdio.h>
#include <string.h>

#include "cmd/status_int.h"
#include "trust/verdict.h"

#define AGE_LEN 24

/* ---- columns ---- */

typedef const char *(cell_fn)(char out[LOG_VAL_MAX],
    const struct status_device *d, int64_t now_s);

static const char *
put_id(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	snprintf(out, LOG_VAL_MAX, "%lld", (long long)d->row.id);
	return out;
}

static const char *
put_address(char out[LOG_VAL_MAX], const struct status_device *d,
    int64_t now_s)
{
	return status_safe(out, d->row.address);
}

static const char *
put_via(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	return status_transport(&d->row);
}

static const char *
put_tls(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	return status_version(d->row.tls_version);
}

static const char *
put_chain(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	return status_safe(out, d->row.chain);
}

static const char *
put_state(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	return status_state(d);
}

/* How long ago it was seen: "12s", "5m", "3h", "9d". */
static const char *
put_seen(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	int64_t age_s = now_s - d->row.last_seen_s;

	if (age_s < 0)
		age_s = 0; /* another host's clock, or ours was set */
	if (age_s < 60)
		snprintf(out, AGE_LEN, "%ds", (int)age_s);
	else if (age_s < 3600)
		snprintf(out, AGE_LEN, "%dm", (int)(age_s / 60));
	else if (age_s < 86400)
		snprintf(out, AGE_LEN, "%dh", (int)(age_s / 3600));
	else
		snprintf(out, AGE_LEN, "%lldd", (long long)(age_s / 86400));
	return out;
}

static const char *
put_device(char out[LOG_VAL_MAX], const struct status_device *d, int64_t now_s)
{
	return status_safe(out, d->row.user_agent);
}

static const char *
put_accounts(char out[LOG_VAL_MAX], const struct status_device *d,
    int64_t now_s)
{
	return status_safe(out, d->row.accounts);
}

static const struct column {
	const char *head;
	int width_max;       /* wider cells push theirs out of line        */
	cell_fn *put;
} columns[] = {
	{ "ID", 9, put_id },
	{ "ADDRESS", 39, put_address },
	{ "VIA", 3, put_via },
	{ "TLS", 7, put_tls },
	{ "CHAIN", 24, put_chain },
	{ "STATE", 10, put_state },
	{ "SEEN", 6, put_seen },
	{ "DEVICE", 40, put_device },
	{ "ACCOUNTS", 0, put_accounts },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
measure(int width[COLUMNS], const struct status_device *d, size_t n,
    int64_t now_s)
{
	char cell[LOG_VAL_MAX];

	for (size_t c = 0; c < COLUMNS; c++) {
		width[c] = (int)strlen(columns[c].head);
		for (size_t i = 0; i < n && width[c] < columns[c].width_max;
		    i++) {
			int w = (int)strlen(columns[c].put(cell, &d[i],
			    now_s));

			if (w > width[c])
				width[c] = w < columns[c].width_max ? w :
				    columns[c].width_max;
		}
	}
}

static void
print_cell(size_t c, const int width[COLUMNS], const char *text)
{
	if (c + 1 < COLUMNS)
		printf("%-*s ", width[c], text);
	else
		printf("%s\n", text);
}

void
status_print_table(const struct status_device *d, size_t n, int64_t now_s,
    bool verdicts)
{
	char cell[LOG_VAL_MAX];
	int width[COLUMNS];

	measure(width, d, n, now_s);
	for (size_t c = 0; c < COLUMNS; c++)
		print_cell(c, width, columns[c].head);
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < COLUMNS; c++)
			print_cell(c, width, columns[c].put(cell, &d[i],
			    now_s));
		if (verdicts && d[i].refused)
			status_print_verdict(&d[i]);
	}
}

/* ---- the last line ---- */

void
status_print_sum(const struct status *s)
{
	size_t cause[TRUST_CAUSES] = { 0 }, old = 0;
	const char *before = " (";

	for (size_t i = 0; i < s->n; i++) {
		const struct status_device *d = &s->device[i];

		old += d->row.old_version;
		if (d->refused)
			cause[trust_cause_named(d->row.cause)]++;
	}
	printf("%zu device%s, %zu refused", s->n, s->n == 1 ? "" : "s",
	    s->refused);
	for (int c = 0; c < TRUST_CAUSES; c++) {
		if (cause[c] == 0)
			continue;
		printf("%s%zu %s", before, cause[c],
		    trust_cause_name((enum trust_cause)c));
		before = ", ";
	}
	printf("%s", s->refused > 0 ? ")" : "");
	if (old > 0)
		printf(", %zu with an old TLS version", old);
	putchar('\n');
}
