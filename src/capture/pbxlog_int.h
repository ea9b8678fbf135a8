/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_PBXLOG_INT_H
#define CAPTURE_PBXLOG_INT_H
/* capture/pbxlog_int - one line of a log, read. */
#include "capture/pbxlog.h"

/* What a form tells, besides what enum pbxlog_told has. */
enum pbxlog_tells {
	TELLS_FAILED,     /* a handshake failed                             */
	TELLS_PROBLEM,    /* Asterisk's "error:0000000N"                    */
	TELLS_ERROR,      /* an OpenSSL number, in one of its forms         */
	TELLS_ALERT,      /* the alert's number follows the anchor          */
	TELLS_CLOSED,
	TELLS_RESET,
	TELLS_TIMEOUT,
	TELLS_ALERTED,    /* the alert's name follows, if it is there at all */
	TELLS_SENT,       /* we sent it: its name or number follows         */
	TELLS_WORDS,      /* what words.def has; else it is not this form   */
	TELLS_CONFIG,
	TELLS_VERIFY,
	TELLS_UNTRUSTED,
	TELLS_NAME,
	TELLS_SENTENCE,   /* a reason, in words                             */
	TELLS_PEER,       /* who has connected, before anything fails       */
	TELLS_LOCAL,      /* our own address                                */
	TELLS_MORE,       /* a consequence: of an event that is there       */
	TELLS_HARMLESS,
};

struct pbxlog_form {
	enum pbxlog_product product;
	struct str anchor;
	enum pbxlog_tells tells;
	uint8_t step;     /* place in its event; 0: it fits anywhere        */
	struct str marker;/* what comes before the peer's address, or ""    */
	uint16_t reason;  /* of a sentence, as OpenSSL's number, or 0       */
};

struct pbxlog_line {
	const struct pbxlog_form *form;
	struct str text, time, key, peer;
	uint64_t number;  /* from 1 */
	uint32_t error;   /* OpenSSL's, 0: none */
	int alert;        /* -1: none */
	const struct pbxlog_reason *reason; /* of error, or of a sentence */
	uint8_t step;     /* the form's, 0 for more of the same failure */
	bool outgoing;
	bool ours;        /* the alert is one that we sent */
	enum pbxlog_told told;
};

/* pbxlog_line.c.  false: of no form that we know. */
bool pbxlog_line_read(struct pbxlog_line *out, struct str text);

/* Where s has a, or s.n. */
size_t pbxlog_find(struct str s, struct str a);

/* The same, without case, and an underscore is a space; words is not empty. */
size_t pbxlog_find_words(struct str s, struct str words);

/* pbxlog_words.c.  The alert whose name stands first in s; -1: none. */
int pbxlog_alert_named(struct str s);

/* Sets told, alert and reason of l by what s says; false: nothing known. */
bool pbxlog_words(struct pbxlog_line *l, struct str s);

/* Offset of the next word that a line about TLS has, or n; pbxlog_scan.c. */
size_t pbxlog_scan(const char *p, size_t n);

/* A row of reasons.def by its number, or NULL. */
const struct pbxlog_reason *pbxlog_reason_of(unsigned number);

/* pbxlog_time.c: Unix time; 0: it has no date with a year. */
int64_t pbxlog_time(struct str text);

/* pbxlog_event.c */
void pbxlog_event_begin(struct pbxlog_event *e, const struct pbxlog_line *l);
void pbxlog_event_add(struct pbxlog_event *e, const struct pbxlog_line *l);
bool pbxlog_event_takes(const struct pbxlog_event *e,
    const struct pbxlog_line *l);
void pbxlog_event_finish(struct pbxlog_event *e); /* fills its evidence */

#endif
