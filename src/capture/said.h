/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_SAID_H
#define CAPTURE_SAID_H
/*
 * capture/said - what a line of a phone's log is about, and what it says of
 * our chain (said.def).  Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Ordered by how much we care. */
enum said_topic {
	SAID_OTHER,
	SAID_REGISTRATION,
	SAID_CLOCK,
	SAID_TLS,
	SAID_CERTIFICATE,
};

struct said {
	enum said_topic topic;
	uint32_t faults;   /* mask of trust_fault: one of these; 0: none */
};

void said_read(struct said *out, struct str text);

/* "registration", "clock", "tls", "certificate"; "" for what is neither. */
const char *said_topic_name(enum said_topic t);

/* "Authorization" and the like: what stands behind its colon is a secret. */
bool said_is_secret_field(struct str name);

/*
 * The text as it may be kept and shown: digest responses, passwords and the
 * like, and what an Authorization field holds, are "***"; control characters
 * are spaces.  What does not fit into out's cap is cut.
 */
void said_mask(struct buf *out, struct str text);

#endif
