/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/conf_int.h"
#include "base/err.h"
#include "base/log.h"

const struct conf_setting conf_settings[CONF_IDS] = {
#define ROW(name, kind, def, min, max, unit, text)                             \
	{ #name, kind, offsetof(struct conf, name), def, min, max, unit, text },
#define CONF_STR(name, def, text) ROW(name, CONF_KIND_STR, def, 0, 0, "", text)
#define CONF_LIST(name, def, text)                                             \
	ROW(name, CONF_KIND_LIST, def, 0, 0, "", text)
#define CONF_INT(name, def, min, max, unit, text)                              \
	ROW(name, CONF_KIND_INT, #def, min, max, unit, text)
#define CONF_BOOL(name, def, text)                                             \
	ROW(name, CONF_KIND_BOOL, #def, 0, 0, "", text)
#include "base/conf.def"
#undef CONF_STR
#undef CONF_LIST
#undef CONF_INT
#undef CONF_BOOL
#undef ROW
};

/* The snapshot and the count of those who hold it. */
struct shared {
	atomic_uint refs;
	struct conf conf;
};

void
conf_list_fini(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct conf_list) { 0 };
}

bool
conf_list_equal(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

static void *
member(struct conf *c, enum conf_id id)
{
	return (char *)c + conf_settings[id].offset;
}

static void
release(struct shared *s)
{
	struct conf *c = &s->conf;
	for (enum conf_id id = 0; id < CONF_IDS; id++) {
		if (conf_settings[id].kind == CONF_KIND_STR)
			free(*(char **)member(c, id));
		else if (conf_settings[id].kind == CONF_KIND_LIST)
			conf_list_fini(member(c, id));
	}
	for (size_t i = 0; i < c->nchain; i++)
		conf_chain_fini(&c->chain[i]);
	free(c->chain);
	for (size_t i = 0; i < c->nupstream; i++)
		conf_upstream_fini(&c->upstream[i]);
	free(c->upstream);
	free(c->pins);
	free(c->old);
	free(c->path);
	free(s);
}

struct conf *
conf_ref(struct conf *c)
{
	struct shared *s = CONTAINER_OF(c, struct shared, conf);
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return c;
}

void
conf_unref(struct conf *c)
{
	if (c == NULL)
		return;
	struct shared *s = CONTAINER_OF(c, struct shared, conf);
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		release(s);
}

void
conf_place(const struct conf *c, int line, struct buf *out)
{
	if (line == CONF_AT_OVERRIDE)
		buf_puts(out, "command line: ");
	else if (c->path != NULL && line > 0)
		buf_printf(out, "%s:%d: ", c->path, line);
	else if (c->path != NULL)
		buf_printf(out, "%s: ", c->path);
}

void
conf_wrong(struct conf_loader *l, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	conf_place(l->conf, line, l->why);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* libconfuse quotes the file as it is. */
	for (char *c = text; *c != '\0'; c++)
		buf_putc(l->why, *c >= ' ' && *c < 0x7f ? *c : '?');
	buf_putc(l->why, '\n');
	l->errors++;
}

const char *
conf_quote(char out[96], const char *value)
{
	char safe[90];
	log_val(safe, sizeof(safe), str_cstr(value));
	if (safe[0] == '"')
		snprintf(out, 96, "%s", safe);
	else
		snprintf(out, 96, "\"%s\"", safe);
	return out;
}

enum conf_id
conf_find(const char *name)
{
	enum conf_id id = 0;
	while (id < CONF_IDS && strcmp(conf_settings[id].name, name) != 0)
		id++;
	return id;
}

/* Insertions, deletions and replacements from a to b (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[33], nb = strlen(b);
	if (nb >= ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const char *
conf_nearest(const char *name)
{
	static const char *const sections[] = { "chain", "upstream" };
	const char *nearest = NULL;
	size_t least = 4; /* further off is another word */
	if (strlen(name) > 64)
		return NULL;
	for (size_t i = 0; i < CONF_IDS + ARRAY_LEN(sections); i++) {
		const char *word = i < CONF_IDS ? conf_settings[i].name :
		    sections[i - CONF_IDS];
		size_t d = distance(name, word);
		if (d < least && d < strlen(name)) {
			least = d;
			nearest = word;
		}
	}
	return nearest;
}

bool
conf_parse_int(const char *value, int *out)
{
	struct str s = str_cstr(value);
	bool negative = str_starts(s, STR("-"));
	uint32_t v;
	if (!str_u32(str_from(s, negative), &v) || v > INT_MAX)
		return false;
	*out = negative ? -(int)v : (int)v;
	return true;
}

bool
conf_parse_bool(const char *value, bool *out)
{
	static const char *const words[2][4] = {
		{ "false", "no", "off", "0" },
		{ "true", "yes", "on", "1" },
	};
	for (size_t i = 0; i < ARRAY_LEN(words[0]); i++) {
		for (size_t truth = 0; truth < 2; truth++) {
			if (strcmp(value, words[truth][i]) != 0)
				continue;
			*out = truth;
			return true;
		}
	}
	return false;
}

void
conf_clear_list(struct conf_loader *l, enum conf_id id)
{
	conf_list_fini(member(l->conf, id));
}

bool
conf_list_add(struct conf_list *list, const char *value)
{
	char **v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (v == NULL)
		return false;
	list->v = v;
	v[list->n] = strdup(value);
	if (v[list->n] == NULL)
		return false;
	list->n++;
	return true;
}

void
conf_store(struct conf_loader *l, enum conf_id id, const char *value)
{
	void *to = member(l->conf, id);
	char *copy;
	switch (conf_settings[id].kind) {
	case CONF_KIND_STR:
		copy = strdup(value);
		if (copy == NULL) {
			l->no_memory = true;
			return;
		}
		free(*(char **)to);
		*(char **)to = copy;
		return;
	case CONF_KIND_LIST:
		if (!conf_list_add(to, value))
			l->no_memory = true;
		return;
	case CONF_KIND_INT:
		IGNORE(!conf_parse_int(value, to)); /* checked before */
		return;
	case CONF_KIND_BOOL:
		IGNORE(!conf_parse_bool(value, to)); /* checked before */
		return;
	}
}

/* A list's default is written { "a", "b" }: its values are what is quoted. */
static void
store_default_list(struct conf_loader *l, enum conf_id id)
{
	struct str rest = str_cstr(conf_settings[id].def);
	(void)str_cut(&rest, '"');
	while (rest.n > 0) {
		char value[128];
		if (str_copy(value, sizeof(value), str_cut(&rest, '"')))
			conf_store(l, id, value);
		(void)str_cut(&rest, '"');
	}
}

static void
store_defaults(struct conf_loader *l)
{
	for (enum conf_id id = 0; id < CONF_IDS; id++) {
		l->line[id] = CONF_AT_FILE;
		if (conf_settings[id].kind == CONF_KIND_LIST)
			store_default_list(l, id);
		else
			conf_store(l, id, conf_settings[id].def);
	}
}

static void
apply_override(struct conf_loader *l, const struct conf_override *over)
{
	char found[96];
	enum conf_id id = conf_find(over->name);
	if (strcmp(over->name, "chain") == 0) {
		conf_override_chain(l, over->value);
		return;
	}
	if (strcmp(over->name, "upstream") == 0) {
		conf_override_upstream(l, over->value);
		return;
	}
	if (id == CONF_IDS) {
		conf_wrong(l, CONF_AT_OVERRIDE, "no setting is named %s",
		    conf_quote(found, over->name));
		return;
	}
	/* The first of a list given here replaces what the file had. */
	if (conf_settings[id].kind == CONF_KIND_LIST &&
	    l->line[id] != CONF_AT_OVERRIDE) {
		conf_clear_list(l, id);
		if (id == CONF_ID_pin)
			l->npin_line = 0;
	}
	l->line[id] = CONF_AT_OVERRIDE;
	conf_check_value(l, id, over->value, CONF_AT_OVERRIDE);
	conf_store(l, id, over->value);
}

/* An absolute folder from the environment, or NULL. */
static const char *
folder_env(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && value[0] == '/' ? value : NULL;
}

void
conf_default_data(char *out, size_t size)
{
	const char *state = folder_env("XDG_STATE_HOME");
	const char *home = folder_env("HOME");

	if (state != NULL)
		snprintf(out, size, "%s/siptrust", state);
	else if (home != NULL)
		snprintf(out, size, "%s/.local/state/siptrust", home);
	else
		snprintf(out, size, "/var/lib/siptrust");
}

static void
fill_empty(struct conf_loader *l)
{
	char text[PATH_MAX];
	if (l->conf->domain[0] == '\0') {
		if (gethostname(text, sizeof(text)) != 0 || text[0] == '\0')
			snprintf(text, sizeof(text), "localhost");
		text[sizeof(text) - 1] = '\0';
		conf_store(l, CONF_ID_domain, text);
	}
	if (l->conf->data[0] == '\0') {
		conf_default_data(text, sizeof(text));
		conf_store(l, CONF_ID_data, text);
	}
}

static void
load(struct conf_loader *l, const struct conf_override *over, size_t nover)
{
	store_defaults(l);
	if (l->path != NULL) {
		l->conf->path = strdup(l->path);
		if (l->conf->path == NULL)
			l->no_memory = true;
		conf_read_file(l);
	}
	for (size_t i = 0; i < nover && !l->no_memory; i++)
		apply_override(l, &over[i]);
	if (l->errors > 0 || l->no_memory)
		return;
	fill_empty(l);
	if (!l->no_memory)
		conf_check_whole(l);
	if (!l->no_memory)
		conf_link_chains(l);
}

int
conf_load(struct conf **out, const char *path, const struct conf_override *over,
    size_t nover, struct buf *why)
{
	struct shared *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	struct conf_loader l = { .conf = &s->conf, .path = path, .why = why };
	load(&l, over, nover);
	free(l.pin_line);
	if (l.no_memory || l.errors > 0) {
		release(s);
		return l.no_memory ? -ENOMEM : E_CONFIG;
	}
	*out = &s->conf;
	return 0;
}

/* Words of text in comment lines of at most 76 columns. */
static void
put_comment(struct buf *out, const char *text)
{
	struct str rest = str_cstr(text);
	size_t column = 0;
	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');
		if (column > 0 && column + 1 + word.n > 76) {
			buf_putc(out, '\n');
			column = 0;
		}
		buf_puts(out, column == 0 ? "# " : " ");
		column += (column == 0 ? 2 : 1) + word.n;
		buf_str(out, word);
	}
	buf_putc(out, '\n');
}

void
conf_sample(struct buf *out)
{
	buf_puts(out,
	    "# siptrust.conf - settings of siptrust edge.  A line shows a\n"
	    "# setting's default; take the # away to change it.\n");
	for (enum conf_id id = 0; id < CONF_IDS; id++) {
		const struct conf_setting *s = &conf_settings[id];
		bool quoted = s->kind == CONF_KIND_STR;
		char text[512];
		if (s->kind == CONF_KIND_INT)
			snprintf(text, sizeof(text), "%s (%d to %d%s%s)",
			    s->text, s->min, s->max, s->unit[0] ? " " : "",
			    s->unit);
		else
			snprintf(text, sizeof(text), "%s", s->text);
		buf_putc(out, '\n');
		put_comment(out, text);
		buf_printf(out, "#%s = %s%s%s\n", s->name, quoted ? "\"" : "",
		    s->def, quoted ? "\"" : "");
	}
	buf_puts(out,
	    "\n# The certificate_list to present and its key, PEM files.\n"
	    "# Any number of chains, first the preferred; without one the\n"
	    "# edge makes a CA and a certificate of its own.  root: what the\n"
	    "# chain must lead to; short: up to so many more chains, made by\n"
	    "# leaving certificates off the end; cross: one more chain for\n"
	    "# each file, whose certificates are appended.\n"
	    "#chain public {\n"
	    "#\tcertificate = \"/etc/siptrust/fullchain.pem\"\n"
	    "#\tkey = \"/etc/siptrust/privkey.pem\"\n"
	    "#\troot = \"/etc/siptrust/root.pem\"\n"
	    "#\tshort = 0\n"
	    "#\tcross = {}\n"
	    "#}\n"
	    "\n# A PBX to stand in front of; it then keeps the accounts, and\n"
	    "# phones are known to it by the flow they opened to us.  Any\n"
	    "# number, first the preferred.  uri: its name or address (RFC\n"
	    "# 3263); register: path, when it takes Path (RFC 3327), else\n"
	    "# contact.  Over TLS (transport=tls) also: ca: the roots that\n"
	    "# its certificate may lead to, else the system's; server_name:\n"
	    "# what it is for, else uri's host; certificate, key: ours, for a\n"
	    "# PBX that asks for one; verify: yes, wildcard (which then count\n"
	    "# as names) or no.\n"
	    "#upstream pbx {\n"
	    "#\turi = \"sip:pbx.example.com;transport=udp\"\n"
	    "#\tregister = \"path\"\n"
	    "#}\n");
}
