/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 8192 /* a longer line is cut, with "..." */

static const char *const level_names[] = { "err", "warn", "info", "debug" };

static atomic_int level_max = LOG_LEVEL_INFO;
static bool to_journal;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;

static atomic_bool sink_set;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink)(const char *line, size_t n, void *arg);
static void *sink_arg;

bool
log_level_parse(struct str s, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (!str_eq(s, str_cstr(level_names[i])))
			continue;
		*out = (enum log_level)i;
		return true;
	}
	return false;
}

void
log_set_level(enum log_level max)
{
	atomic_store_explicit(&level_max, (int)max, memory_order_relaxed);
}

enum log_level
log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&level_max,
	    memory_order_relaxed);
}

void
log_set_sink(void (*fn)(const char *line, size_t n, void *arg), void *arg)
{
	pthread_mutex_lock(&sink_lock);
	sink = fn;
	sink_arg = arg;
	atomic_store(&sink_set, fn != NULL);
	pthread_mutex_unlock(&sink_lock);
}

/*
 * systemd names the device and inode of the journal's socket: a process whose
 * stderr was redirected elsewhere inherits the variable all the same.
 */
static void
find_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	if (env == NULL || sscanf(env, "%llu:%llu", &dev, &ino) != 2 ||
	    fstat(STDERR_FILENO, &st) != 0)
		return;
	to_journal = st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

static size_t
put_time(char *out, size_t size)
{
	int64_t ms = clock_wall_ms();
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	if (gmtime_r(&s, &tm) == NULL)
		return 0;
	size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, size - n, ".%03dZ ", (int)(ms % 1000));
	return n;
}

static void
deliver(const char *line, size_t n)
{
	if (atomic_load(&sink_set)) {
		pthread_mutex_lock(&sink_lock);
		if (sink != NULL) {
			sink(line, n, sink_arg);
			pthread_mutex_unlock(&sink_lock);
			return;
		}
		pthread_mutex_unlock(&sink_lock);
	}
	ssize_t done;
	do {
		done = write(STDERR_FILENO, line, n);
	} while (done < 0 && errno == EINTR);
}

/* vsnprintf at *n, never beyond size; true when it was cut. */
static bool append(char *line, size_t size, size_t *n, const char *fmt,
    va_list ap) PRINTF(4, 0);

static bool
append(char *line, size_t size, size_t *n, const char *fmt, va_list ap)
{
	int more = vsnprintf(line + *n, size - *n, fmt, ap);
	if (more < 0)
		return false;
	bool cut = (size_t)more >= size - *n;
	*n = cut ? size - 1 : *n + (size_t)more;
	return cut;
}

void
log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	/* Five bytes stay free for the mark of a cut and the newline. */
	char line[LINE_MAX_BYTES];
	const size_t size = sizeof(line) - 4;
	int saved = errno;
	size_t n = 0;
	va_list ap;

	if (level > log_get_level())
		return;
	(void)pthread_once(&journal_once, find_journal);
	if (!to_journal)
		n = put_time(line, size);
	n += (size_t)snprintf(line + n, size - n, "%s %.64s%s",
	    level_names[level], event, fmt[0] != '\0' ? " " : "");
	va_start(ap, fmt);
	bool cut = append(line, size, &n, fmt, ap);
	va_end(ap);
	/* Whatever a caller let through: one fact stays one line. */
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	if (cut) {
		memcpy(line + n, "...", 3);
		n += 3;
	}
	line[n++] = '\n';
	deliver(line, n);
	errno = saved;
}

static bool
is_bare(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("._:/@+-", c));
}

/* One byte as it stands between double quotes; at most 4 characters. */
static size_t
escape(char out[5], unsigned char c)
{
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 5, "\\%c", c);
	if (c < ' ' || c >= 0x7f)
		return (size_t)snprintf(out, 5, "\\x%02x", c);
	out[0] = (char)c;
	return 1;
}

const char *
log_val(char *out, size_t size, struct str s)
{
	static const char tail[] = "\"..."; /* a cut value's end */
	bool bare = s.n > 0 && s.n < size;
	for (size_t i = 0; bare && i < s.n; i++)
		bare = is_bare((unsigned char)s.p[i]);
	if (bare) {
		IGNORE(!str_copy(out, size, s)); /* it fits */
		return out;
	}
	if (size < sizeof(tail) + 1) {
		IGNORE(!str_copy(out, size, STR(""))); /* no room for any */
		return out;
	}
	size_t n = 0, mark = 1;
	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		char esc[5];
		size_t m = escape(esc, (unsigned char)s.p[i]);
		if (n + m + 2 > size) { /* no room for it, a quote and NUL */
			memcpy(out + mark, tail, sizeof(tail));
			return out;
		}
		memcpy(out + n, esc, m);
		n += m;
		if (n + sizeof(tail) <= size)
			mark = n; /* the last point to cut at */
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}
