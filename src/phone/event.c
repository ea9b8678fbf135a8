/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/event.h"

static const struct {
	const char *word;
	bool bad;
} events[PHONE_EVENTS] = {
#define EVENT(id, word, bad) [PHONE_EVENT_##id] = { word, bad },
#include "phone/event.def"
#undef EVENT
};

const char *
phone_event_word(enum phone_event_kind kind)
{
	return events[kind].word;
}

void
phone_event_init(struct phone_event *e, enum phone_event_kind kind)
{
	*e = (struct phone_event) {
		.kind = kind,
		.word = events[kind].word,
		.bad = events[kind].bad,
		.screen = "",
	};
}

void
phone_event_text(struct phone_event *e, const char *key, const char *text)
{
	if (e->nfact < PHONE_FACTS_MAX)
		e->fact[e->nfact++] = (struct phone_fact) { key, text, 0 };
}

void
phone_event_number(struct phone_event *e, const char *key, int64_t number)
{
	if (e->nfact < PHONE_FACTS_MAX)
		e->fact[e->nfact++] = (struct phone_fact) { key, NULL, number };
}
