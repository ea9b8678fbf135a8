/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/root.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/base64.h"
#include "device/device_int.h"
#include "device/table_int.h"

#define COLUMNS   11
#define LABEL_MAX 127 /* bytes that evidence keeps of one */
#define DER_MAX   2048

/* A row of makers.names. */
struct naming {
	struct str words, part, note;
	enum device_naming what;
};

struct device_roots {
	struct device_root *root;
	size_t n;
	struct naming *naming;
	size_t nnaming;
	struct device_issuer *issuer;
	size_t nissuers;
};

/* ---- reading ---- */

bool
device_day_read(struct str day, int64_t *out)
{
	struct str rest = day;
	struct tm tm = { 0 };
	uint32_t y, m, d;

	if (day.n != 10 || !str_u32(str_cut(&rest, '-'), &y) ||
	    !str_u32(str_cut(&rest, '-'), &m) || !str_u32(rest, &d) ||
	    m < 1 || m > 12 || d < 1 || d > 31 || y < 1950)
		return false;
	tm.tm_year = (int)y - 1900;
	tm.tm_mon = (int)m - 1;
	tm.tm_mday = (int)d;
	*out = timegm(&tm);
	return true;
}

/* "-": it has none.  One that is longer than SHA-1 is passed over. */
static bool
read_ski(struct device_root *r, struct str hex)
{
	if (str_eq(hex, STR("-")) || hex.n > 2 * sizeof(r->ski))
		return true;
	r->nski = (uint8_t)(hex.n / 2);
	return hex.n % 2 == 0 && str_unhex(r->ski, r->nski, hex);
}

static const char *
read_root(struct str column[], void *arg)
{
	struct device_roots *all = arg;
	struct device_root *r = &all->root[all->n];

	*r = (struct device_root) {
		.name = column[0], .label = column[1], .begin = column[2],
		.end = column[3], .key = column[4], .signature = column[5],
		.seen = column[8], .subject = column[9],
		.subject_der = column[10],
	};
	if (!device_day_read(r->begin, &r->not_before_s) ||
	    !device_day_read(r->end, &r->not_after_s))
		return "expected two days, 2015-06-04";
	r->not_after_s += 24 * 3600 - 1;
	if (!str_unhex(r->sha256, sizeof(r->sha256), column[6]))
		return "expected a SHA-256 in 64 hexadecimal digits";
	if (!read_ski(r, column[7]))
		return "expected a key identifier in hexadecimal, or -";
	if (all->n > 0 && str_cmp(all->root[all->n - 1].name, r->name) >= 0)
		return "expected the rows in the order of their names";
	all->n++;
	return NULL;
}

static const char *
read_naming(struct str column[], void *arg)
{
	struct device_roots *all = arg;
	struct naming *n = &all->naming[all->nnaming];

	*n = (struct naming) {
		.words = column[0], .part = column[2], .note = column[3],
	};
	if (str_eq(column[1], STR("own")))
		n->what = DEVICE_NAMING_OWN;
	else if (str_eq(column[1], STR("some")))
		n->what = DEVICE_NAMING_SOME;
	else if (str_eq(column[1], STR("store")))
		n->what = DEVICE_NAMING_STORE;
	else
		return "expected own, some or store";
	all->nnaming++;
	return NULL;
}

static const char *
read_issuer(struct str column[], void *arg)
{
	struct device_roots *all = arg;
	struct device_issuer *i = &all->issuer[all->nissuers];

	*i = (struct device_issuer) {
		.name = column[0], .roots = column[1], .until = column[2],
		.how = column[3], .source = column[4],
	};
	if (!device_day_read(i->until, &i->until_s))
		return "expected a day, 2028-01-28";
	all->nissuers++;
	return NULL;
}

/* Room for so many rows, and what reads them. */
static int
read_file(struct device_roots *all, const struct device_builtin *file,
    struct buf *why)
{
	struct str text = str_of(file->text, file->n), name;
	size_t rows = device_table_rows(text), columns = COLUMNS;
	const char *(*row)(struct str column[], void *arg) = read_root;
	bool room;

	name = str_cstr(file->file);
	if (str_eq(name, STR("makers.names"))) {
		all->naming = calloc(rows + 1, sizeof(*all->naming));
		room = all->naming != NULL;
		row = read_naming;
		columns = 4;
	} else if (str_eq(name, STR("issuers.chains"))) {
		all->issuer = calloc(rows + 1, sizeof(*all->issuer));
		room = all->issuer != NULL;
		row = read_issuer;
		columns = 5;
	} else {
		all->root = calloc(rows + 1, sizeof(*all->root));
		room = all->root != NULL;
	}
	return room ? device_table_read(file->file, text, columns, row, all,
	    why) : -ENOMEM;
}

int
device_roots_load(struct device_roots **out, struct buf *why)
{
	struct device_roots *all = calloc(1, sizeof(*all));
	int err = 0;

	if (all == NULL)
		return -ENOMEM;
	for (size_t i = 0; err == 0 && i < device_root_files_count; i++)
		err = read_file(all, &device_root_files[i], why);
	if (err == 0)
		*out = all;
	else
		device_roots_free(all);
	return err;
}

void
device_roots_free(struct device_roots *r)
{
	if (r == NULL)
		return;
	free(r->root);
	free(r->naming);
	free(r->issuer);
	free(r);
}

/* ---- finding ---- */

size_t
device_roots_count(const struct device_roots *r)
{
	return r->n;
}

const struct device_root *
device_roots_at(const struct device_roots *r, size_t i)
{
	return &r->root[i];
}

size_t
device_issuers_count(const struct device_roots *r)
{
	return r->nissuers;
}

const struct device_issuer *
device_issuers_at(const struct device_roots *r, size_t i)
{
	return &r->issuer[i];
}

const struct device_root *
device_roots_by_sha256(const struct device_roots *r, const uint8_t sha256[32])
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->root[i].sha256, sha256, 32) == 0)
			return &r->root[i];
	return NULL;
}

const struct device_root *
device_roots_labelled(const struct device_roots *r, struct str label,
    size_t *i)
{
	while (*i < r->n) {
		const struct device_root *one = &r->root[(*i)++];

		if (str_ieq(one->label, label) || (label.n == LABEL_MAX &&
		    str_istarts(one->label, label)))
			return one;
	}
	return NULL;
}

const struct device_root *
device_roots_subject(const struct device_roots *r, struct str der,
    struct str key_id, size_t *i)
{
	char text[DER_MAX];
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	base64_put(&b, BASE64_PLAIN, (const uint8_t *)der.p, der.n);
	if (b.failed)
		return NULL;
	while (*i < r->n) {
		const struct device_root *one = &r->root[(*i)++];

		if (str_eq(one->subject_der, buf_as_str(&b)) &&
		    (key_id.n == 0 || one->nski == 0 || str_eq(key_id,
		    str_of((const char *)one->ski, one->nski))))
			return one;
	}
	return NULL;
}

/* The digits of a fingerprint, lower case and without colons; 0: it is none. */
static size_t
digits_of(struct str s, char out[65])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == ':')
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char)(c | 0x20);
		if (n == 64 || !((c >= '0' && c <= '9') ||
		    (c >= 'a' && c <= 'f')))
			return 0;
		out[n++] = c;
	}
	out[n] = '\0';
	return n >= 8 ? n : 0;
}

static const struct device_root *
by_digits(const struct device_roots *r, struct str digits)
{
	const struct device_root *found = NULL;

	for (size_t i = 0; i < r->n; i++) {
		char hex[65];

		str_hex(hex, r->root[i].sha256, 32);
		if (!str_starts(str_of(hex, 64), digits))
			continue;
		if (found != NULL)
			return NULL;
		found = &r->root[i];
	}
	return found;
}

/* Of those with the label the one that is valid longest; NULL: none has it, or
 * several CAs have. */
static const struct device_root *
by_label(const struct device_roots *r, struct str label)
{
	const struct device_root *best = NULL, *one;
	bool tie = false;
	size_t i = 0;

	while ((one = device_roots_labelled(r, label, &i)) != NULL) {
		/* The same CA's older certificate, or another CA? */
		tie |= best != NULL && !str_eq(best->subject, one->subject);
		if (best == NULL || one->not_after_s > best->not_after_s)
			best = one;
	}
	return tie ? NULL : best;
}

const struct device_root *
device_roots_find(const struct device_roots *r, struct str name)
{
	const struct device_root *found;
	char digits[65];
	size_t n;

	for (size_t k = 0; k < r->n; k++)
		if (str_ieq(r->root[k].name, name))
			return &r->root[k];
	found = by_label(r, name);
	if (found != NULL)
		return found;
	n = digits_of(name, digits);
	return n > 0 ? by_digits(r, str_of(digits, n)) : NULL;
}

/* ---- what is published ---- */

static const struct naming *
naming_of(const struct device_roots *r, struct str words)
{
	for (size_t i = 0; i < r->nnaming; i++)
		if (str_ieq(r->naming[i].words, words))
			return &r->naming[i];
	return NULL;
}

enum device_naming
device_roots_naming(const struct device_roots *r, struct str words,
    struct str *note)
{
	const struct naming *n = naming_of(r, words);

	if (note != NULL)
		*note = n != NULL ? n->note : STR("");
	if (n != NULL)
		return n->what;
	return device_roots_find(r, words) != NULL ? DEVICE_NAMING_ONE :
	    DEVICE_NAMING_NONE;
}

static bool
contains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_istarts(str_from(s, i), part))
			return true;
	return false;
}

/* parts: with | between them. */
static bool
contains_any(struct str s, struct str parts)
{
	while (parts.n > 0)
		if (contains(s, str_cut(&parts, '|')))
			return true;
	return false;
}

bool
device_roots_can_mean(const struct device_roots *r, struct str words,
    const struct device_root *root)
{
	const struct naming *n = naming_of(r, words);

	if (root == NULL)
		return false;
	if (n == NULL)
		return device_roots_find(r, words) == root;
	return n->what == DEVICE_NAMING_STORE ||
	    (n->what == DEVICE_NAMING_SOME &&
		contains_any(root->subject, n->part));
}

enum device_answer
device_root_published(const struct device_roots *r,
    const struct device_profile *p, const struct device_root *root,
    const struct device_fact **fact)
{
	const struct device_fact *none = NULL;
	const struct device_fact **out = fact != NULL ? fact : &none;

	*out = NULL;
	for (unsigned i = 0; i < p->root.n; i++) {
		const struct device_fact *f = &p->root.v[i];

		if (!device_roots_can_mean(r, f->value, root))
			continue;
		*out = f;
		if (device_roots_naming(r, f->value, NULL) ==
		    DEVICE_NAMING_ONE)
			return DEVICE_YES;
	}
	if (*out != NULL)
		return DEVICE_UNKNOWN;
	if (p->roots_complete == DEVICE_YES || root == NULL)
		return DEVICE_NO;
	return DEVICE_UNKNOWN;
}
