/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * base/log - the operator's log: one line, one fact.
 *
 *     2026-11-23T20:12:36.123Z info edge-ready sip=0.0.0.0:5060 tls=...
 *
 * An event word, then key=value pairs in a fixed order; values from outside
 * go through log_val().  Never secrets: no password, key, Authorization or
 * digest response.  Logged once, where the decision is made.  Thread-safe;
 * one write(2) per line to stderr (without the time when stderr is the
 * journal: $JOURNAL_STREAM), or to the sink a test has set.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* "err", "warn", "info" or "debug"; false: none of them. */
bool log_level_parse(struct str s, enum log_level *out);

void log_set_level(enum log_level max);
enum log_level log_get_level(void);

/* fmt: the key=value part, without a newline; may be "". */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    PRINTF(3, 4);

#define log_err(event, ...)   log_line(LOG_LEVEL_ERR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_line(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                                  \
	do {                                                                   \
		if (log_get_level() >= LOG_LEVEL_DEBUG)                        \
			log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__);         \
	} while (0)

#define LOG_VAL_MAX 256
/*
 * A value from outside made safe: bare when it is [A-Za-z0-9._:/@+-]+, else in
 * double quotes with \" \\ \xNN escapes; cut at size with "..." behind the
 * quote; nothing is "".  Returns out.
 */
const char *log_val(char *out, size_t size, struct str s);

/* Tests: lines go to fn instead of stderr; NULL restores. */
void log_set_sink(void (*fn)(const char *line, size_t n, void *arg), void *arg);

#endif
