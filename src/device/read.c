/* SPDX-License-Identifier: BSD-2-Clause */
/* A .device file, line by line. */
#include <errno.h>
#include <stdlib.h>

#include "device/device_int.h"

#define FAULTS_MAX 20 /* that are told; then it is enough */

struct reader {
	struct device_profile *p;
	const char *file;
	struct buf *why;
	unsigned line, faults;
	unsigned once[DEVICE_KEYS];  /* line of a key that was met */
	unsigned head_line[3];       /* of name, vendor, title     */
	bool used[DEVICE_SOURCES_MAX];
};

/* "FILE:LINE: ", and whether there is to be more.  Line 0 is the whole. */
static bool
fault(struct reader *r)
{
	r->faults++;
	if (r->faults > FAULTS_MAX)
		return false;
	buf_printf(r->why, "%s:", r->file);
	if (r->line > 0)
		buf_printf(r->why, "%u:", r->line);
	buf_putc(r->why, ' ');
	return true;
}

static void
complain(struct reader *r, struct str what, const char *text)
{
	if (fault(r))
		buf_printf(r->why, "\"%.*s\": %s\n", STR_FMT(what), text);
}

/* ---- the lines that are no facts ---- */

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '-' ||
		    (s.p[i] >= '0' && s.p[i] <= '9')))
			return false;
	return s.n > 0 && s.n <= DEVICE_NAME_MAX && s.p[0] != '-';
}

static void
head_line(struct reader *r, int which, struct str value)
{
	struct str *to[] = { &r->p->name, &r->p->vendor, &r->p->title };
	static const char *const names[] = { "name", "vendor", "title" };

	if (r->head_line[which] != 0) {
		if (fault(r))
			buf_printf(r->why, "%s: line %u says it already\n",
			    names[which], r->head_line[which]);
		return;
	}
	r->head_line[which] = r->line;
	if (which == 0 && !is_name(value))
		complain(r, value, "expected a name of at most 40 lower case "
		    "letters, digits and hyphens");
	*to[which] = value;
}

static int
find_source(const struct device_profile *p, struct str id)
{
	for (unsigned i = 0; i < p->nsource; i++)
		if (str_eq(p->source[i].id, id))
			return (int)i;
	return -1;
}

static void
source_line(struct reader *r, struct str value)
{
	struct str text = value;
	struct str id = str_cut(&text, ' ');

	text = str_trim(text);
	if (!is_name(id) || text.n == 0)
		complain(r, value, "expected a name of lower case letters, "
		    "digits and hyphens, and what it stands for");
	else if (find_source(r->p, id) >= 0)
		complain(r, id, "this source is there already");
	else if (r->p->nsource == DEVICE_SOURCES_MAX)
		complain(r, id, "expected at most 64 sources");
	else
		r->p->source[r->p->nsource++] =
		    (struct device_source) { id, text };
}

static void
note_line(struct reader *r, struct str value)
{
	if (r->p->nnote == DEVICE_NOTES_MAX)
		complain(r, value, "expected at most 32 notes");
	else
		r->p->note[r->p->nnote++] = value;
}

/* ---- facts ---- */

/* Where the last sign in s begins, or s.n. */
static size_t
find_last(struct str s, struct str sign)
{
	for (size_t i = s.n; i-- > 0;)
		if (str_starts(str_from(s, i), sign))
			return i;
	return s.n;
}

static bool
split_doubt(struct str s, struct device_fact *f)
{
	if (s.n > 0 && s.p[0] == ':')
		f->doubt = str_trim(str_from(s, 1));
	f->unverified = true;
	return s.n == 0 || (s.p[0] == ':' && f->doubt.n > 0);
}

/* "VALUE ; source: A, B; unverified: DOUBT", either part of it or both. */
static bool
split_origin(struct str line, struct device_fact *f)
{
	static const struct str by = STR(" ; source: "),
				doubt = STR(" ; unverified"),
				also = STR("; unverified");
	size_t at = find_last(line, by), to;
	struct str rest;

	if (at == line.n) {
		at = find_last(line, doubt);
		f->value = str_trim(str_of(line.p, at));
		return at < line.n &&
		    split_doubt(str_from(line, at + doubt.n), f);
	}
	f->value = str_trim(str_of(line.p, at));
	rest = str_from(line, at + by.n);
	to = find_last(rest, also);
	f->sources = str_trim(str_of(rest.p, to));
	return f->sources.n > 0 && (to == rest.n ||
	    split_doubt(str_from(rest, to + also.n), f));
}

static void
check_sources(struct reader *r, const struct device_fact *f)
{
	struct str rest = f->sources;

	while (rest.n > 0) {
		struct str id = str_trim(str_cut(&rest, ','));
		int at = find_source(r->p, id);

		if (at < 0)
			complain(r, id, "no line above says \"source = ...\" "
			    "of that name");
		else
			r->used[at] = true;
	}
}

static bool
said_already(struct reader *r, const struct device_fact *f)
{
	const struct device_row *row = &device_rows[f->key];

	if (!device_row_repeats(row)) {
		if (r->once[f->key] == 0)
			return false;
		if (fault(r))
			buf_printf(r->why, "%s: line %u says it already\n",
			    row->name, r->once[f->key]);
		return true;
	}
	for (unsigned i = 0; row->kind != DEVICE_KIND_SUITE &&
	     f->key != DEVICE_KEY_setting &&
	     f->key != DEVICE_KEY_tls_setting && i < r->p->nfact; i++) {
		if (r->p->fact[i].key != f->key ||
		    !str_eq(r->p->fact[i].value, f->value))
			continue;
		if (fault(r))
			buf_printf(r->why, "%s: line %u says the same\n",
			    row->name, r->p->fact[i].line);
		return true;
	}
	return false;
}

static void
fact_line(struct reader *r, enum device_key key, struct str value)
{
	struct device_fact f = { .key = key, .line = r->line };
	char text[DEVICE_LINE_MAX + 256];
	struct buf what;

	if (!split_origin(value, &f)) {
		if (fault(r))
			buf_printf(r->why, "%s: expected where it is from at "
			    "the end: \" ; source: NAME, ...\" or "
			    "\" ; unverified: WHY\"\n", device_rows[key].name);
		return;
	}
	check_sources(r, &f);
	if (f.value.n == 0) {
		complain(r, str_cstr(device_rows[key].name),
		    "expected a value");
		return;
	}
	if (said_already(r, &f))
		return;
	r->once[key] = r->line;
	buf_init_array(&what, text, sizeof(text));
	if (device_value_set(r->p, &f, &what) != 0 && fault(r))
		buf_printf(r->why, "%s: %.*s\n", device_rows[key].name,
		    STR_FMT(buf_as_str(&what)));
	if (r->p->nfact == DEVICE_FACTS_MAX)
		complain(r, f.value, "expected at most 256 facts");
	else
		r->p->fact[r->p->nfact++] = f;
}

/* ---- lines ---- */

static void
known_line(struct reader *r, struct str key, struct str value)
{
	static const char *const head = "name vendor title source note";
	unsigned place = device_word_place(head, key);

	if (value.n == 0) {
		complain(r, key, "expected a value after =");
	} else if (place >= 1 && place <= 3) {
		head_line(r, (int)place - 1, value);
	} else if (place == 4) {
		source_line(r, value);
	} else if (place == 5) {
		note_line(r, value);
	} else {
		for (int k = 0; k < DEVICE_KEYS; k++) {
			if (!str_eq(key, str_cstr(device_rows[k].name)))
				continue;
			fact_line(r, (enum device_key)k, value);
			return;
		}
		complain(r, key, "not a key; siptrust-device(5) has them all");
	}
}

static bool
printable(struct str line)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if ((c < ' ' && c != '\t') || c >= 0x7f)
			return false;
	}
	return true;
}

static void
one_line(struct reader *r, struct str line)
{
	struct str key, value;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n > DEVICE_LINE_MAX) {
		if (fault(r))
			buf_printf(r->why, "a line of %zu bytes: expected at "
			    "most %d\n", line.n, DEVICE_LINE_MAX);
		return;
	}
	if (!printable(line)) {
		if (fault(r))
			buf_puts(r->why, "a byte that does not print: "
			    "expected ASCII\n");
		return;
	}
	line = str_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return;
	value = line;
	if (str_find(line, '=') == line.n) {
		complain(r, line, "expected KEY = VALUE");
		return;
	}
	key = str_trim(str_cut(&value, '='));
	known_line(r, key, str_trim(value));
}

/* By key, then as they came; the list members then point into it. */
static void
order(struct device_profile *p)
{
	for (unsigned i = 1; i < p->nfact; i++) {
		struct device_fact f = p->fact[i];
		unsigned at = i;

		for (; at > 0 && p->fact[at - 1].key > f.key; at--)
			p->fact[at] = p->fact[at - 1];
		p->fact[at] = f;
	}
#define PROFILE_TEXT(key, text)
#define PROFILE_LIST(key, text)                                                \
	p->key = device_profile_facts(p, DEVICE_KEY_##key);
#define PROFILE_PATTERN(key, text)       PROFILE_LIST(key, text)
#define PROFILE_PRINT(key, digits, text) PROFILE_LIST(key, text)
#define PROFILE_ANSWER(key, text)
#define PROFILE_NUMBER(key, max, text)
#define PROFILE_VERSION(key, text)
#define PROFILE_WORD(key, words, text)
#define PROFILE_WORDS(key, words, text)
#define PROFILE_SUITE(key, text)
#include "device/profile.def"
#include "device/profile_undef.h"
}

static void
whole(struct reader *r)
{
	char text[4096];
	struct buf what;
	struct str rest;

	r->line = 0;
	for (unsigned i = 0; i < r->p->nsource; i++)
		if (!r->used[i])
			complain(r, r->p->source[i].id,
			    "a source that no line uses");
	order(r->p);
	buf_init_array(&what, text, sizeof(text));
	device_profile_check(r->p, &what);
	rest = buf_as_str(&what);
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		if (line.n > 0 && fault(r))
			buf_printf(r->why, "%.*s\n", STR_FMT(line));
	}
}

static struct device_profile *
new_profile(struct str text)
{
	struct device_profile *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->text = str_dup(text);
	p->fact = calloc(DEVICE_FACTS_MAX, sizeof(*p->fact));
	p->source = calloc(DEVICE_SOURCES_MAX, sizeof(*p->source));
	p->note = calloc(DEVICE_NOTES_MAX, sizeof(*p->note));
	if (p->text != NULL && p->fact != NULL && p->source != NULL &&
	    p->note != NULL)
		return p;
	device_profile_free(p);
	return NULL;
}

int
device_profile_read(struct device_profile **out, const char *file,
    struct str text, struct buf *why)
{
	struct reader r = { .file = file, .why = why };
	struct str rest;

	if (text.n > DEVICE_FILE_MAX) {
		buf_printf(why, "%s: %zu bytes: expected at most %zu\n", file,
		    text.n, DEVICE_FILE_MAX);
		return E_LIMIT;
	}
	r.p = new_profile(text);
	if (r.p == NULL)
		return -ENOMEM;
	rest = str_of(r.p->text, text.n);
	while (rest.n > 0) {
		r.line++;
		one_line(&r, str_cut(&rest, '\n'));
	}
	whole(&r);
	if (r.faults > FAULTS_MAX)
		buf_printf(why, "%s: and %u faults more\n", file,
		    r.faults - FAULTS_MAX);
	if (r.faults == 0)
		*out = r.p;
	else
		device_profile_free(r.p);
	return r.faults == 0 ? 0 : E_CONFIG;
}
