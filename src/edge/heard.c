/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/heard.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"

#define ASK_AGAIN_MS 1000

struct line {
	struct list link;         /* oldest first                           */
	int64_t when_s;
	int16_t priority;
	uint8_t topic;
	uint16_t n;
	uint32_t faults;
	char text[];
};

struct source {
	struct hash_node node;
	struct list by_age;       /* heard longest ago first                */
	struct addr addr;
	struct list lines;
	unsigned nlines, nown;    /* own: about something                   */
	bool known;               /* a device is, there                     */
	bool dirty, writing;
	uint64_t asked_ms;        /* whether it is                          */
	uint64_t filled_ms;       /* its bucket                             */
	uint32_t tokens;
	uint32_t news_faults;     /* last told in the log                   */
	uint8_t news_topic;
	int64_t news_s;
};

struct heard {
	pthread_mutex_t lock;
	struct hash_table table;
	struct list by_age[2];    /* strangers, known                       */
	size_t count[2];
	size_t ndirty[2];
};

int
heard_new(struct heard **out)
{
	struct heard *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	if (hash_init(&h->table, 64) != 0) {
		free(h);
		return -ENOMEM;
	}
	pthread_mutex_init(&h->lock, NULL);
	list_init(&h->by_age[0]);
	list_init(&h->by_age[1]);
	*out = h;
	return 0;
}

static void
drop_line(struct source *s, struct line *l)
{
	list_remove(&l->link);
	s->nlines--;
	if (l->topic != SAID_OTHER)
		s->nown--;
	free(l);
}

static void
set_dirty(struct heard *h, struct source *s, bool dirty)
{
	if (s->dirty == dirty)
		return;
	s->dirty = dirty;
	if (dirty)
		h->ndirty[s->known]++;
	else
		h->ndirty[s->known]--;
}

static void
drop_source(struct heard *h, struct source *s)
{
	struct line *l;

	while ((l = LIST_FIRST(&s->lines, struct line, link)) != NULL)
		drop_line(s, l);
	set_dirty(h, s, false);
	hash_remove(&h->table, &s->node);
	list_remove(&s->by_age);
	h->count[s->known]--;
	free(s);
}

void
heard_free(struct heard *h)
{
	struct source *s;

	if (h == NULL)
		return;
	for (int known = 0; known < 2; known++)
		while ((s = LIST_FIRST(&h->by_age[known], struct source,
		    by_age)) != NULL)
			drop_source(h, s);
	hash_fini(&h->table);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* ---- addresses ---- */

static struct source *
find(struct heard *h, const struct addr *peer)
{
	uint64_t hash = addr_hash_ip(peer);
	struct hash_node *n = hash_chain(&h->table, hash);

	for (; n != NULL; n = n->next) {
		struct source *s = CONTAINER_OF(n, struct source, node);

		if (n->hash == hash && addr_equal_ip(&s->addr, peer))
			return s;
	}
	return NULL;
}

/* Among those of its sort as the one heard last; the oldest makes room. */
static void
enlist(struct heard *h, struct source *s, bool known)
{
	static const size_t max[] = { HEARD_STRANGERS, HEARD_ADDRESSES };
	struct source *oldest;

	bool dirty = s->dirty;

	if (!list_empty(&s->by_age)) {
		list_remove(&s->by_age);
		h->count[s->known]--;
	}
	set_dirty(h, s, false);
	if (h->count[known] >= max[known]) {
		oldest = LIST_FIRST(&h->by_age[known], struct source, by_age);
		drop_source(h, oldest);
	}
	s->known = known;
	list_append(&h->by_age[known], &s->by_age);
	h->count[known]++;
	set_dirty(h, s, dirty);
}

static struct source *
make(struct heard *h, const struct addr *peer, bool known)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->addr = *peer;
	s->tokens = HEARD_BURST;
	list_init(&s->lines);
	list_init(&s->by_age);
	enlist(h, s, known);
	hash_insert(&h->table, &s->node, addr_hash_ip(peer));
	return s;
}

static bool
spend(struct source *s, uint64_t now_ms)
{
	uint64_t more = (now_ms - s->filled_ms) * HEARD_RATE / 1000;

	if (more > 0) {
		s->tokens = more + s->tokens > HEARD_BURST ? HEARD_BURST :
		    s->tokens + (uint32_t)more;
		s->filled_ms = now_ms;
	}
	if (s->tokens == 0)
		return false;
	s->tokens--;
	return true;
}

bool
heard_admit(struct heard *h, const struct addr *peer, uint64_t now_ms,
    heard_known_fn *is_known, void *arg)
{
	struct source *s;
	bool ask, known = false, may = false;

	pthread_mutex_lock(&h->lock);
	s = find(h, peer);
	ask = s == NULL ||
	    (!s->known && now_ms - s->asked_ms >= ASK_AGAIN_MS);
	pthread_mutex_unlock(&h->lock);
	if (ask) /* it takes locks of its own */
		known = is_known(peer, arg);
	pthread_mutex_lock(&h->lock);
	s = find(h, peer);
	if (s == NULL && (s = make(h, peer, known)) != NULL)
		s->filled_ms = now_ms;
	if (s != NULL) {
		if (ask)
			s->asked_ms = now_ms;
		enlist(h, s, s->known || known);
		may = spend(s, now_ms);
	}
	pthread_mutex_unlock(&h->lock);
	return may;
}

/* ---- lines ---- */

/* Chatter must not wash away what it said about TLS, nor the other way. */
static void
make_room(struct source *s, bool own_comes)
{
	bool own = s->nown + own_comes > HEARD_OWN;

	if (s->nlines < HEARD_LINES)
		return;
	LIST_FOREACH(it, &s->lines) {
		struct line *l = CONTAINER_OF(it, struct line, link);

		if ((l->topic != SAID_OTHER) == own) {
			drop_line(s, l);
			return;
		}
	}
}

static void
add_line(struct source *s, const struct heard_line *from)
{
	size_t n = from->text.n < HEARD_TEXT_MAX ? from->text.n :
	    HEARD_TEXT_MAX;
	struct line *l = malloc(sizeof(*l) + n);

	if (l == NULL)
		return;
	make_room(s, from->topic != SAID_OTHER);
	l->when_s = from->when_s;
	l->priority = (int16_t)from->priority;
	l->topic = (uint8_t)from->topic;
	l->faults = from->faults;
	l->n = (uint16_t)n;
	if (n > 0)
		memcpy(l->text, from->text.p, n);
	list_append(&s->lines, &l->link);
	s->nlines++;
	if (l->topic != SAID_OTHER)
		s->nown++;
}

void
heard_add(struct heard *h, const struct addr *peer, const struct heard_line *l)
{
	struct source *s;

	pthread_mutex_lock(&h->lock);
	s = find(h, peer);
	if (s != NULL) {
		add_line(s, l);
		set_dirty(h, s, true);
	}
	pthread_mutex_unlock(&h->lock);
}

uint32_t
heard_about(struct heard *h, const struct addr *peer, int64_t from_s,
    int64_t to_s, char said[TRUST_TEXT_MAX])
{
	const struct line *last = NULL;
	struct source *s;
	uint32_t faults = 0;

	pthread_mutex_lock(&h->lock);
	s = find(h, peer);
	if (s != NULL)
		LIST_FOREACH(it, &s->lines) {
			struct line *l = CONTAINER_OF(it, struct line, link);

			if (l->faults != 0 && l->when_s >= from_s &&
			    l->when_s <= to_s)
				last = l;
		}
	if (last != NULL) {
		faults = last->faults;
		IGNORE(!str_copy(said, TRUST_TEXT_MAX,
		    str_of(last->text, last->n))); /* its beginning tells */
	}
	pthread_mutex_unlock(&h->lock);
	return faults;
}

bool
heard_is_news(struct heard *h, const struct addr *peer, enum said_topic topic,
    uint32_t faults, int64_t now_s, int window_s)
{
	struct source *s;
	bool news = false;

	pthread_mutex_lock(&h->lock);
	s = find(h, peer);
	if (s != NULL) {
		news = s->news_s == 0 || s->news_faults != faults ||
		    s->news_topic != topic || now_s - s->news_s >= window_s;
		if (news) {
			s->news_s = now_s;
			s->news_faults = faults;
			s->news_topic = (uint8_t)topic;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return news;
}

/* ---- to the file and back ---- */

/* One address with its lines, copied: the disk is waited for without a lock. */
struct copy {
	struct addr addr;
	unsigned n;
	struct {
		struct heard_line line;
		char text[HEARD_TEXT_MAX];
	} v[HEARD_LINES];
};

/* Of the next address that has something new; false: there is none. */
static bool
take(struct heard *h, struct copy *c)
{
	struct source *s = NULL;

	c->n = 0;
	LIST_FOREACH(it, &h->by_age[1]) {
		s = CONTAINER_OF(it, struct source, by_age);
		if (s->dirty)
			break;
		s = NULL;
	}
	if (s == NULL)
		return false;
	c->addr = s->addr;
	LIST_FOREACH(it, &s->lines) {
		const struct line *l = CONTAINER_OF(it, struct line, link);

		c->v[c->n].line = (struct heard_line) {
			.when_s = l->when_s, .priority = l->priority,
			.topic = (enum said_topic)l->topic,
			.text = str_of(c->v[c->n].text, l->n),
		};
		memcpy(c->v[c->n].text, l->text, l->n);
		c->n++;
	}
	s->writing = true;
	set_dirty(h, s, false);
	return true;
}

static int
write_copy(const struct copy *c, struct device_store *store)
{
	char address[ADDR_STRLEN];
	struct str at = str_cstr(addr_print_ip(&c->addr, false, address));
	int err = device_store_del_said(store, at);

	for (unsigned i = 0; i < c->n && err == 0; i++) {
		const struct heard_line *l = &c->v[i].line;
		const struct store_said row = {
			.address = at, .when_s = l->when_s,
			.priority = l->priority, .text = l->text,
			.about = str_cstr(said_topic_name(l->topic)),
		};

		err = device_store_put_said(store, &row);
	}
	return err;
}

void
heard_review(struct heard *h, heard_known_fn *is_known, void *arg)
{
	struct addr asked[HEARD_STRANGERS];
	unsigned n = 0;

	pthread_mutex_lock(&h->lock);
	LIST_FOREACH(it, &h->by_age[0]) {
		struct source *s = CONTAINER_OF(it, struct source, by_age);

		if (s->dirty)
			asked[n++] = s->addr;
	}
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < n; i++) {
		struct source *s;

		if (!is_known(&asked[i], arg))
			continue;
		pthread_mutex_lock(&h->lock);
		s = find(h, &asked[i]);
		if (s != NULL)
			enlist(h, s, true);
		pthread_mutex_unlock(&h->lock);
	}
}

bool
heard_is_due(struct heard *h)
{
	bool due;

	pthread_mutex_lock(&h->lock);
	due = h->ndirty[1] > 0;
	pthread_mutex_unlock(&h->lock);
	return due;
}

int
heard_write(struct heard *h, struct device_store *store, unsigned max,
    bool *more)
{
	struct copy c;
	int err = 0;

	*more = true;
	while (max-- > 0 && err == 0 && *more) {
		pthread_mutex_lock(&h->lock);
		*more = take(h, &c);
		pthread_mutex_unlock(&h->lock);
		if (*more)
			err = write_copy(&c, store);
	}
	return err;
}

void
heard_written(struct heard *h, bool committed)
{
	pthread_mutex_lock(&h->lock);
	LIST_FOREACH(it, &h->by_age[1]) {
		struct source *s = CONTAINER_OF(it, struct source, by_age);

		if (s->writing && !committed)
			set_dirty(h, s, true);
		s->writing = false;
	}
	pthread_mutex_unlock(&h->lock);
}

void
heard_restore(struct heard *h, const struct store_said *row)
{
	struct heard_line l = { .when_s = row->when_s,
		.priority = row->priority, .text = row->text };
	struct source *s;
	struct addr a;

	if (addr_parse_ip(&a, row->address) != 0)
		return;
	for (int t = SAID_OTHER; t <= SAID_CERTIFICATE; t++)
		if (str_eq(row->about,
		    str_cstr(said_topic_name((enum said_topic)t))))
			l.topic = (enum said_topic)t;
	pthread_mutex_lock(&h->lock);
	s = find(h, &a);
	if (s == NULL)
		s = make(h, &a, true);
	if (s != NULL)
		add_line(s, &l);
	pthread_mutex_unlock(&h->lock);
}

void
heard_count(struct heard *h, size_t *known, size_t *strangers)
{
	pthread_mutex_lock(&h->lock);
	*known = h->count[1];
	*strangers = h->count[0];
	pthread_mutex_unlock(&h->lock);
}
