/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_SYSLOG_H
#define CAPTURE_SYSLOG_H
/*
 * capture/syslog - lines of a phone's own log as they come over the network:
 * RFC 3164, RFC 5424 and what phones really send, and their framing over TCP
 * (RFC 6587).  Nothing is an error: what has no form is text.  Sans-I/O, no
 * copy, no allocation; linear in its input.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Slices of the line that was parsed; empty: it has none. */
struct syslog_line {
	int priority;     /* facility * 8 + severity, 0 to 191; -1: none  */
	struct str when;  /* as written: by the phone's clock             */
	struct str host;
	struct str tag;   /* its program, without "[pid]:"                */
	struct str text;  /* all the rest, trimmed                        */
};

/* One line, without its end. */
void syslog_parse(struct syslog_line *out, struct str line);

/* "emerg" to "debug"; "" where priority is -1. */
const char *syslog_severity(int priority);

/*
 * Cut the next line that is not empty off *rest, at a line break or NUL: a
 * datagram may hold several.  False: there is none.
 */
bool syslog_next(struct str *rest, struct str *line);

/* Longest frame of TCP that is kept whole; what is longer is cut. */
#define SYSLOG_FRAME_MAX 8192

/*
 * The first frame in bytes of a TCP connection: "LENGTH message" (RFC 6587
 * 3.4.1), or a line up to its end (3.4.2).  *used: what it takes; *frame: its
 * content, to be read with syslog_next.  False: it is not complete, more bytes
 * are needed; never with SYSLOG_FRAME_MAX bytes or more at hand.  *skip is set
 * to what of the frame is still to come and to be thrown away: a number of
 * bytes, or SYSLOG_SKIP_LINE.
 */
#define SYSLOG_SKIP_LINE UINT32_MAX
bool syslog_frame(struct str bytes, struct str *frame, size_t *used,
    uint32_t *skip);
/* How many of bytes are to be thrown away; *skip becomes what is left of it. */
size_t syslog_skip(struct str bytes, uint32_t *skip);

/*
 * What the phone's clock says is days off from now_s (Unix time): a device
 * whose clock is not set.  False also where when says nothing.
 */
bool syslog_clock_is_off(struct str when, int64_t now_s);

#endif
