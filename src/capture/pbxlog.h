/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_PBXLOG_H
#define CAPTURE_PBXLOG_H
/*
 * capture/pbxlog - a PBX's log, as bytes, to events: one failed handshake
 * each, with as much evidence as the lines hold.
 *
 * Pure: bytes in, events out; no I/O, no clock.  A line is recognised by a
 * row of forms.def, an OpenSSL error by its number (reasons.def), since its
 * wording changes from release to release, and by words only where a program
 * prints no number (words.def).  One pass, bounded memory:
 * PBXLOG_OPEN_MAX events wait for their further lines, a line longer than
 * PBXLOG_LINE_MAX is skipped and counted.  Bytes need not be UTF-8.  How the
 * bytes are cut into feeds makes no difference.  Not thread-safe.
 */
#include "trust/evidence.h"
#include "trust/verdict.h"

#define PBXLOG_LINE_MAX 16384
#define PBXLOG_OPEN_MAX 64
/* An event whose last line is so many lines back is over. */
#define PBXLOG_APART    1000
#define PBXLOG_TEXT_MAX 80

enum pbxlog_product {
#define PRODUCT(id, name) PBXLOG_##id,
#define FORM(product, anchor, tells, step, marker)
#include "capture/forms.def"
#undef PRODUCT
#undef FORM
	PBXLOG_PRODUCTS
};

/* The best that the lines of an event tell; a later one outdoes a former. */
enum pbxlog_told {
	PBXLOG_NOTHING,   /* that a handshake failed                        */
	PBXLOG_LOST,      /* the same: Asterisk prints the wrong variable   */
	PBXLOG_CLOSED,    /* the peer hung up                               */
	PBXLOG_RESET,     /* the connection was reset                       */
	PBXLOG_TIMEOUT,
	PBXLOG_ALERTED,   /* the peer sent a fatal alert, which is not told */
	PBXLOG_CONFIG,    /* the PBX could not use its own settings         */
	PBXLOG_VERIFY,    /* the PBX's side refused the peer's certificate  */
	PBXLOG_UNTRUSTED, /* the same: no root for it                       */
	PBXLOG_NAME,      /* the same: it bears another name                */
	PBXLOG_ALERT,     /* the peer's alert, by number                    */
	PBXLOG_ERROR,     /* an OpenSSL error, by number                    */
};

/* What an OpenSSL error of its TLS part means: a row of reasons.def. */
struct pbxlog_reason {
	uint16_t number;
	const char *name;           /* in OpenSSL's words, for the reader   */
	const char *means;          /* a sentence                           */
	enum trust_cause cause, next_best; /* NONE: evidence tells the judge */
	enum trust_confidence confidence;
	enum tls_first first;
	int16_t our_alert;          /* that we sent with it, -1: none       */
	bool no_shared_cipher;
};

struct pbxlog_event {
	enum pbxlog_product product;
	enum pbxlog_told told;
	bool outgoing;              /* the PBX was the client               */
	uint32_t error;             /* OpenSSL's number, 0: none            */
	const struct pbxlog_reason *reason; /* of it, static; NULL: unknown */
	int alert;                  /* that the peer sent, -1: none known   */
	bool ours;                  /* or that the PBX did                  */
	char time[PBXLOG_TEXT_MAX]; /* as the first line has it, or ""      */
	char peer[PBXLOG_TEXT_MAX]; /* as a line has it, or "": it may be a
	                               name, or masked                      */
	char key[24];               /* process or thread in the log, or ""  */
	uint64_t first_line, last_line; /* counted from 1                   */
	uint32_t lines;             /* that belong to it                    */
	uint8_t first_step, step;   /* of its first and last line: forms.def */
	struct trust_evidence evidence; /* what is not known is unknown     */
};

struct pbxlog_counts {
	uint64_t bytes, lines;
	uint64_t events;
	uint64_t of_events;         /* lines that are part of one           */
	uint64_t harmless;          /* known, and no failure                */
	uint64_t unknown;           /* about TLS or certificates by their
	                               words, and of no form that we know   */
	uint64_t too_long;          /* lines skipped                        */
};

/* event is valid during the call. */
typedef void(pbxlog_event_fn)(const struct pbxlog_event *event, void *arg);

struct pbxlog;

/* Takes nothing; *out is the caller's until pbxlog_free.  0 or -ENOMEM. */
MUSTCHECK int pbxlog_new(struct pbxlog **out, pbxlog_event_fn *fn, void *arg);
void pbxlog_free(struct pbxlog *l); /* NULL is fine; tells no event */

void pbxlog_feed(struct pbxlog *l, struct str bytes);

/* No line comes for a while: tell the events that wait for theirs. */
void pbxlog_flush_events(struct pbxlog *l);

/* The end: a last line without its newline is one, and all events are told. */
void pbxlog_flush(struct pbxlog *l);

const struct pbxlog_counts *pbxlog_counts(const struct pbxlog *l);

const char *pbxlog_product_name(enum pbxlog_product p); /* "Asterisk" */

/* NULL: not an error of OpenSSL's TLS part, or none that we know. */
const struct pbxlog_reason *pbxlog_reason(uint32_t error);

/* The alert that an OpenSSL error says was received, or -1. */
int pbxlog_alert(uint32_t error);

#endif
