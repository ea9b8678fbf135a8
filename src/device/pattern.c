/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pattern.h"

/* ---- the form of a pattern ---- */

/* The three parts, in the order of device_parts. */
static const char opens[] = "(<{", closes[] = ")>}";

static int
place(const char *set, char c)
{
	for (int i = 0; i < 3; i++)
		if (set[i] == c)
			return i;
	return -1;
}

/* The length of "[a-z]" at the front of s, brackets included; 0: not one. */
static size_t
set_length(struct str s)
{
	size_t n = 1;

	while (n < s.n && s.p[n] != ']' && s.p[n] != '[')
		n++;
	return n < s.n && n > 1 && s.p[n] == ']' ? n + 1 : 0;
}

static bool
in_set(struct str set, char c)
{
	size_t i = 1;

	while (i + 1 < set.n) {
		if (i + 3 < set.n && set.p[i + 1] == '-') {
			if (c >= set.p[i] && c <= set.p[i + 2])
				return true;
			i += 3;
		} else if (set.p[i++] == c) {
			return true;
		}
	}
	return false;
}

/* One element of a pattern. */
enum element { LITERAL, ANY, SET, STAR, OPEN, CLOSE, WRONG };

struct step {
	enum element kind;
	size_t n;    /* bytes of the pattern           */
	char c;      /* LITERAL: the byte              */
	int part;    /* OPEN, CLOSE: which             */
};

static struct step
step_at(struct str pattern, size_t at)
{
	char c = pattern.p[at];
	struct str rest = str_from(pattern, at);

	if (c == '*')
		return (struct step) { .kind = STAR, .n = 1 };
	if (c == '?')
		return (struct step) { .kind = ANY, .n = 1 };
	if (c == '[')
		return (struct step) { .kind = set_length(rest) == 0 ?
		    WRONG : SET, .n = set_length(rest) };
	if (c == '\\')
		return rest.n < 2 ? (struct step) { .kind = WRONG } :
		    (struct step) { .kind = LITERAL, .n = 2, .c = rest.p[1] };
	if (place(opens, c) >= 0)
		return (struct step) { .kind = OPEN, .n = 1,
			.part = place(opens, c) };
	if (place(closes, c) >= 0)
		return (struct step) { .kind = CLOSE, .n = 1,
			.part = place(closes, c) };
	return (struct step) { .kind = LITERAL, .n = 1, .c = c };
}

static int
refuse(const char **what, const char *text)
{
	*what = text;
	return E_PARSE;
}

int
device_pattern_check(struct str pattern, const char **what)
{
	bool met[3] = { false };
	unsigned literal = 0;
	int inside = -1;
	struct step s;

	for (size_t at = 0; at < pattern.n; at += s.n) {
		s = step_at(pattern, at);
		if (s.kind == WRONG)
			return refuse(what, "expected [bytes] closed by ], and "
			    "a byte after \\");
		if (s.kind == OPEN) {
			if (inside >= 0 || met[s.part])
				return refuse(what, "expected ( ), < > and { } "
				    "once each and none within another; write "
				    "\\( for the bracket itself");
			inside = s.part;
			met[s.part] = true;
		} else if (s.kind == CLOSE) {
			if (inside != s.part)
				return refuse(what, "a closing bracket "
				    "without its opening one; write \\) for "
				    "the bracket itself");
			inside = -1;
		}
		literal += s.kind == LITERAL;
	}
	if (inside >= 0)
		return refuse(what, "an opening bracket without its closing "
		    "one; write \\( for the bracket itself");
	if (literal < 4)
		return refuse(what, "expected at least four bytes that stand "
		    "for themselves: it would fit too much");
	return 0;
}

/* ---- matching ---- */

struct parts {
	size_t from[3], to[3];
	bool open[3], closed[3];
};

static bool
takes(struct str pattern, size_t at, struct step s, char c)
{
	return s.kind == ANY || (s.kind == LITERAL && s.c == c) ||
	    (s.kind == SET && in_set(str_of(pattern.p + at, s.n), c));
}

/* What stands in the pattern between two bytes of the text. */
static size_t
pass_marks(struct str pattern, size_t at, size_t pos, struct parts *m)
{
	while (at < pattern.n) {
		struct step s = step_at(pattern, at);

		if (s.kind == OPEN) {
			m->from[s.part] = pos;
			m->open[s.part] = true;
		} else if (s.kind == CLOSE) {
			m->to[s.part] = pos;
			m->closed[s.part] = true;
		} else {
			break;
		}
		at += s.n;
	}
	return at;
}

/*
 * The usual walk: on a mismatch back to the last star, which takes one byte
 * more.  An earlier star never needs another try: what followed it was found
 * as far left as it is.
 */
static bool
walk(struct str pattern, struct str text, struct parts *m)
{
	size_t at, pos = 0, star = 0, star_pos = 0;
	bool starred = false;

	at = pass_marks(pattern, 0, 0, m);
	for (;;) {
		struct step s = { .kind = WRONG };

		if (at < pattern.n)
			s = step_at(pattern, at);
		if (s.kind == STAR) {
			starred = true;
			star = at + s.n;
			star_pos = pos;
			at = pass_marks(pattern, star, pos, m);
		} else if (at == pattern.n && pos == text.n) {
			return true;
		} else if (at < pattern.n && pos < text.n &&
		    takes(pattern, at, s, text.p[pos])) {
			at = pass_marks(pattern, at + s.n, ++pos, m);
		} else if (starred && star_pos < text.n) {
			pos = ++star_pos;
			at = pass_marks(pattern, star, pos, m);
		} else {
			return false;
		}
	}
}

static struct str
part(struct str text, const struct parts *m, int i)
{
	if (!m->open[i] || !m->closed[i])
		return STR_NULL;
	return str_trim(str_of(text.p + m->from[i], m->to[i] - m->from[i]));
}

static unsigned
literals(struct str pattern)
{
	unsigned n = 0;
	struct step s;

	for (size_t at = 0; at < pattern.n; at += s.n) {
		s = step_at(pattern, at);
		n += s.kind == LITERAL || s.kind == SET;
	}
	return n;
}

unsigned
device_pattern_fit(struct str pattern, struct str text,
    struct device_parts *out)
{
	struct parts m = { .from = { 0 } };

	if (text.n == 0 || text.n > DEVICE_AGENT_MAX ||
	    !walk(pattern, text, &m))
		return 0;
	if (out != NULL)
		*out = (struct device_parts) { part(text, &m, 0),
			part(text, &m, 1), part(text, &m, 2) };
	return literals(pattern);
}
