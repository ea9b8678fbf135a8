/* SPDX-License-Identifier: BSD-2-Clause */
/* A phone's syslog: any bytes give the same frames however they are cut. */
#include <stdint.h>
#include <stdlib.h>

#include "capture/said.h"
#include "capture/syslog.h"
#include "trust/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define KEPT_MAX 256

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_within(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n);
}

static uint64_t
read_line(struct str line)
{
	char kept[KEPT_MAX];
	struct syslog_line l;
	struct said said;
	struct buf out;

	syslog_parse(&l, line);
	must(l.priority >= -1 && l.priority <= 191);
	must(is_within(l.when, line) && is_within(l.host, line) &&
	    is_within(l.tag, line) && is_within(l.text, line));
	said_read(&said, l.text);
	must(said.faults == 0 || said.topic == SAID_CERTIFICATE ||
	    said.topic == SAID_CLOCK);
	must(said.faults >> TRUST_FAULTS == 0);
	buf_init_array(&out, kept, sizeof(kept));
	said_mask(&out, l.text);
	must(!out.failed && out.n <= sizeof(kept));
	for (size_t i = 0; i < out.n; i++)
		must((unsigned char)kept[i] >= ' ' && kept[i] != 0x7f);
	IGNORE(syslog_clock_is_off(l.when, 1764132484)); /* either */
	return (uint64_t)(l.priority + 1) * 1000 + out.n * 7 + said.topic;
}

static uint64_t
read_lines(struct str bytes, uint64_t sum)
{
	struct str line;

	while (syslog_next(&bytes, &line))
		sum = sum * 31 + read_line(line);
	return sum;
}

/* As a TCP connection that brings step bytes at a time. */
static uint64_t
read_stream(const uint8_t *data, size_t n, size_t step)
{
	char in[SYSLOG_FRAME_MAX + 64];
	uint64_t sum = 0;
	uint32_t skip = 0;
	size_t have = 0, used;

	for (size_t at = 0; at < n;) {
		size_t part = n - at < step ? n - at : step;
		struct str frame;

		if (part > sizeof(in) - have)
			part = sizeof(in) - have;
		memcpy(in + have, data + at, part);
		have += part;
		at += part;
		for (;;) {
			used = skip != 0 ? syslog_skip(str_of(in, have),
			    &skip) : 0;
			if (used == 0) {
				if (skip != 0 || !syslog_frame(str_of(in,
				    have), &frame, &used, &skip))
					break;
				sum = read_lines(frame, sum);
			}
			must(used > 0 && used <= have);
			have -= used;
			memmove(in, in + used, have);
		}
		must(have < SYSLOG_FRAME_MAX);
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	read_lines(str_of((const char *)data, n), 0);
	must(read_stream(data, n, 64) ==
	    read_stream(data, n, 1 + data[0] % 61));
	return 0;
}
