/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_EVENT_H
#define PHONE_EVENT_H
/*
 * phone/event - what a phone reports: a word, facts for programs, and a line
 * as its screen would show it.  The words are an interface.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum phone_event_kind {
#define EVENT(id, word, bad) PHONE_EVENT_##id,
#include "phone/event.def"
#undef EVENT
	PHONE_EVENTS
};

struct phone_fact {
	const char *key;
	const char *text;    /* NULL: number */
	int64_t number;
};

#define PHONE_FACTS_MAX 10

struct phone_event {
	enum phone_event_kind kind;
	const char *word;
	const char *screen;  /* one line */
	bool bad;
	struct phone_fact fact[PHONE_FACTS_MAX];
	size_t nfact;
};

/* Valid during the call, on the phone's loop. */
typedef void(phone_event_fn)(const struct phone_event *e, void *arg);

const char *phone_event_word(enum phone_event_kind kind);

/* An event to be filled in. */
void phone_event_init(struct phone_event *e, enum phone_event_kind kind);
void phone_event_text(struct phone_event *e, const char *key,
    const char *text);
void phone_event_number(struct phone_event *e, const char *key,
    int64_t number);

#endif
