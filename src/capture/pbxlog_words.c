/* SPDX-License-Identifier: BSD-2-Clause */
/* What a line says in words, where it has no number. */
#include "capture/pbxlog_int.h"
#include "tlswire/alert.h"

/* The alerts' names, the RFCs' and others. */
static const struct name {
	struct str words;
	uint8_t code;
} names[] = {
#define ALERT(number, name) { STR(#name), number },
#define NAMED(words, alert) { STR(words), TLS_ALERT_##alert },
#define MEANS(words, reason)
#define TELLS(words, told)
#include "tlswire/alert.def"
#include "capture/words.def"
#undef ALERT
#undef NAMED
#undef MEANS
#undef TELLS
};

static const struct phrase {
	struct str words;
	uint16_t reason; /* a row of reasons.def, 0: none */
	enum pbxlog_told told;
} phrases[] = {
#define NAMED(words, alert)
#define MEANS(words, reason) { STR(words), reason, PBXLOG_ERROR },
#define TELLS(words, told)   { STR(words), 0, PBXLOG_##told },
#define SUITES(number, name, means)       MEANS(name, number)
#define SENT(number, name, alert, means)  MEANS(name, number)
#define FIRST(number, name, first, means) MEANS(name, number)
#define SAYS(number, name, cause, next, confidence, means) MEANS(name, number)
#include "capture/reasons.def"
#include "capture/words.def"
#undef NAMED
#undef MEANS
#undef TELLS
#undef SUITES
#undef SENT
#undef FIRST
#undef SAYS
};

static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c == '_' ? ' ' : c;
}

size_t
pbxlog_find_words(struct str s, struct str words)
{
	char first = fold(words.p[0]);

	for (size_t i = 0; i + words.n <= s.n; i++) {
		size_t n = 0;

		if (fold(s.p[i]) != first)
			continue;
		while (n < words.n && fold(s.p[i + n]) == fold(words.p[n]))
			n++;
		if (n == words.n)
			return i;
	}
	return s.n;
}

/* The best so far: where it stands, and how long it is. */
struct best {
	size_t at, n;
};

static bool
is_better(struct best *b, struct str s, struct str words)
{
	size_t at = pbxlog_find_words(s, words);

	if (at == s.n || at > b->at || (at == b->at && words.n <= b->n))
		return false;
	*b = (struct best) { at, words.n };
	return true;
}

int
pbxlog_alert_named(struct str s)
{
	struct best best = { s.n, 0 };
	int code = -1;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code != TLS_ALERT_close_notify &&
		    is_better(&best, s, names[i].words))
			code = names[i].code;
	return code;
}

/* Behind a word that says that the peer sent one. */
static int
alert_announced(struct str s)
{
	static const struct str before[] = { STR("alert"),
		STR("remote error") };

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		size_t at = pbxlog_find_words(s, before[i]);
		int code = pbxlog_alert_named(str_from(s,
		    at + before[i].n));

		if (at < s.n && code >= 0)
			return code;
	}
	return -1;
}

bool
pbxlog_words(struct pbxlog_line *l, struct str s)
{
	struct best best = { s.n, 0 };
	const struct phrase *found = NULL;

	l->alert = alert_announced(s);
	if (l->alert >= 0) {
		l->told = PBXLOG_ALERT;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (is_better(&best, s, phrases[i].words))
			found = &phrases[i];
	if (found == NULL)
		return false;
	l->reason = found->reason != 0 ? pbxlog_reason_of(found->reason) :
	    NULL;
	l->told = found->told;
	return true;
}
