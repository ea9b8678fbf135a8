/* SPDX-License-Identifier: BSD-2-Clause */
/* The stream: bytes to lines, lines to the events that are open. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "capture/pbxlog_int.h"

#define PEERS_MAX  64 /* told before anything failed                     */
#define NEAR_LINES 32 /* of no process: so near, and no other between    */

/* Who has connected, by the process that says so. */
struct peer {
	uint64_t number;      /* of its line, 0: none */
	enum pbxlog_product product;
	char key[24];
	char text[PBXLOG_TEXT_MAX];
};

struct pbxlog {
	pbxlog_event_fn *fn;
	void *arg;
	struct buf part;      /* a line whose end has not come     */
	bool skipping;        /* it is too long already            */
	struct pbxlog_counts counts;
	struct peer peer[PEERS_MAX];
	unsigned next_peer;
	size_t nopen;
	struct pbxlog_event open[PBXLOG_OPEN_MAX]; /* oldest first */
};

int
pbxlog_new(struct pbxlog **out, pbxlog_event_fn *fn, void *arg)
{
	struct pbxlog *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->fn = fn;
	l->arg = arg;
	buf_init(&l->part, PBXLOG_LINE_MAX);
	*out = l;
	return 0;
}

void
pbxlog_free(struct pbxlog *l)
{
	if (l == NULL)
		return;
	buf_fini(&l->part);
	free(l);
}

const struct pbxlog_counts *
pbxlog_counts(const struct pbxlog *l)
{
	return &l->counts;
}

/* ---- events ---- */

static void
tell(struct pbxlog *l, size_t i)
{
	struct pbxlog_event *e = &l->open[i];

	pbxlog_event_finish(e);
	l->counts.events++;
	l->fn(e, l->arg);
	l->nopen--;
	memmove(e, e + 1, (l->nopen - i) * sizeof(*e));
}

/* The open event of that process; those that are long over are told. */
static struct pbxlog_event *
find(struct pbxlog *l, const struct pbxlog_line *line)
{
	struct pbxlog_event *found = NULL;
	size_t i = 0;

	while (i < l->nopen) {
		struct pbxlog_event *e = &l->open[i];

		if (e->last_line + PBXLOG_APART < line->number) {
			tell(l, i);
			continue;
		}
		if (e->product == line->form->product &&
		    str_eq(str_cstr(e->key), line->key))
			found = e;
		i++;
	}
	return found;
}

static void
note_peer(struct pbxlog *l, const struct pbxlog_line *line)
{
	struct peer *p = &l->peer[l->next_peer++ % PEERS_MAX];

	p->number = line->number;
	p->product = line->form->product;
	str_copy(p->key, sizeof(p->key), line->key);
	str_copy(p->text, sizeof(p->text), line->peer);
}

/*
 * A failure whose line does not say whose it is: who connected last to that
 * process; where the log names none, only if nobody else has meanwhile.
 */
static void
recall_peer(const struct pbxlog *l, struct pbxlog_event *e)
{
	uint64_t reach = e->key[0] != '\0' ? PBXLOG_APART : NEAR_LINES;
	const struct peer *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &l->peer[i];

		if (p->number == 0 || p->product != e->product ||
		    p->number + reach < e->first_line ||
		    strcmp(p->key, e->key) != 0)
			continue;
		n++;
		if (found == NULL || p->number > found->number)
			found = p;
	}
	if (found != NULL && (n == 1 || e->key[0] != '\0'))
		str_copy(e->peer, sizeof(e->peer), str_cstr(found->text));
}

static void
take(struct pbxlog *l, const struct pbxlog_line *line)
{
	struct pbxlog_event *e = find(l, line);

	if (e != NULL && pbxlog_event_takes(e, line)) {
		pbxlog_event_add(e, line);
		l->counts.of_events++;
		return;
	}
	if (line->form->tells == TELLS_MORE ||
	    line->form->tells == TELLS_LOCAL) {
		l->counts.harmless++;
		return;
	}
	if (e != NULL)
		tell(l, (size_t)(e - l->open));
	else if (l->nopen == PBXLOG_OPEN_MAX)
		tell(l, 0);
	pbxlog_event_begin(&l->open[l->nopen++], line);
	e = &l->open[l->nopen - 1];
	if (e->peer[0] == '\0')
		recall_peer(l, e);
	l->counts.of_events++;
}

void
pbxlog_flush_events(struct pbxlog *l)
{
	while (l->nopen > 0)
		tell(l, 0);
}

void
pbxlog_flush(struct pbxlog *l)
{
	struct str rest = buf_as_str(&l->part);

	/* A last line without its end. */
	if (l->skipping || rest.n > 0) {
		struct str end = STR("\n");

		pbxlog_feed(l, end);
		l->counts.bytes -= end.n;
	}
	pbxlog_flush_events(l);
}

/* ---- lines ---- */

/* One that has a word of ours in it. */
static void
read_line(struct pbxlog *l, struct str text)
{
	struct pbxlog_line line;

	if (!pbxlog_line_read(&line, text)) {
		l->counts.unknown++;
		return;
	}
	line.number = l->counts.lines;
	if (line.form->tells == TELLS_PEER)
		note_peer(l, &line);
	if (line.form->tells == TELLS_HARMLESS ||
	    line.form->tells == TELLS_PEER)
		l->counts.harmless++;
	else
		take(l, &line);
}

/* The end of the line that began in a feed before; what follows it. */
static struct str
finish_part(struct pbxlog *l, struct str bytes)
{
	size_t n = str_find(bytes, '\n');

	if (!l->skipping && l->part.n + n > PBXLOG_LINE_MAX)
		l->skipping = true;
	if (!l->skipping)
		buf_put(&l->part, bytes.p, n);
	if (n == bytes.n)
		return STR_NULL;
	l->counts.lines++;
	if (l->skipping || l->part.failed)
		l->counts.too_long++;
	else if (pbxlog_scan(l->part.p, l->part.n) < l->part.n)
		read_line(l, buf_as_str(&l->part));
	l->skipping = false;
	buf_reset(&l->part);
	return str_from(bytes, n + 1);
}

void
pbxlog_feed(struct pbxlog *l, struct str bytes)
{
	const char *word;

	l->counts.bytes += bytes.n;
	if (l->skipping || l->part.n > 0)
		bytes = finish_part(l, bytes);
	if (bytes.n == 0)
		return;
	word = bytes.p + pbxlog_scan(bytes.p, bytes.n);
	for (;;) {
		const char *end = memchr(bytes.p, '\n', bytes.n);
		size_t n;

		if (end == NULL)
			break;
		n = (size_t)(end - bytes.p);
		l->counts.lines++;
		if (n > PBXLOG_LINE_MAX)
			l->counts.too_long++;
		else if (word < end)
			read_line(l, str_of(bytes.p, n));
		bytes = str_from(bytes, n + 1);
		if (word < end)
			word = bytes.p + pbxlog_scan(bytes.p, bytes.n);
		if (bytes.n == 0)
			return;
	}
	l->skipping = bytes.n > PBXLOG_LINE_MAX;
	if (!l->skipping)
		buf_str(&l->part, bytes);
}
