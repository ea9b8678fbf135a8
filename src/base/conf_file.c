/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/conf_int.h"

#include <confuse.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

#define FILE_MAX (1 << 20) /* bytes */

#define SYNTAX                                                                 \
	"expected NAME = VALUE, NAME = { VALUE, ... }, chain NAME { ... } or " \
	"upstream NAME { ... }"

#define SHORTER_MAX 15
#define CHAIN       "chain"
#define UPSTREAM    "upstream"

enum { CERTIFICATE, KEY, ROOT, SHORT, CROSS, CHAIN_OPTIONS };
#define OPTIONS_MAX CONF_UPSTREAM_OPTIONS
_Static_assert((int)OPTIONS_MAX >= (int)CHAIN_OPTIONS, "room for each");

static const char *const chain_option[CHAIN_OPTIONS] = { "certificate", "key",
	"root", "short", "cross" };

struct reading {
	struct conf_loader *l;
	size_t count[CONF_IDS]; /* values of the setting up to now          */
	int at[OPTIONS_MAX];    /* lines of the section being read, 0: none */
};

/*
 * libconfuse's scanner is global and its callbacks carry no pointer of ours:
 * one file is read at a time.
 */
static pthread_mutex_t reading_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reading *now;

static void on_error(cfg_t *cfg, const char *fmt, va_list ap) PRINTF(2, 0);

static bool
is_upstream(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->nupstream; i++)
		if (strcmp(c->upstream[i].name, name) == 0)
			return true;
	return false;
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct conf_loader *l = now->l;
	char text[256], quoted[96];
	int line = cfg != NULL ? cfg->line : CONF_AT_FILE;

	vsnprintf(text, sizeof(text), fmt, ap);
	struct str rest = str_cstr(text);
	struct str what = str_cut(&rest, '\'');
	struct str word = str_cut(&rest, '\'');
	char *name = str_dup(word);
	if (name == NULL) {
		l->no_memory = true;
		return;
	}
	conf_quote(quoted, name);
	if (str_starts(what, STR("no such option"))) {
		const char *near = conf_nearest(name);
		conf_wrong(l, line, "found unknown option %s, expected %s%s",
		    quoted, near != NULL ? "perhaps " : "a setting",
		    near != NULL ? near : "");
	} else if (str_starts(what, STR("unexpected token"))) {
		conf_wrong(l, line, "found %s, " SYNTAX, quoted);
	} else if (str_starts(what, STR("found duplicate title"))) {
		conf_wrong(l, line,
		    "found a second %s %s, expected another name",
		    is_upstream(l->conf, name) ? "upstream" : "chain", quoted);
	} else {
		conf_wrong(l, line, "found %.100s, " SYNTAX, text);
	}
	free(name);
}

/* Given before?  A list may go on with +=, but not start over. */
static void
note_setting(enum conf_id id, int line, size_t nvalues)
{
	struct conf_loader *l = now->l;
	bool list = conf_settings[id].kind == CONF_KIND_LIST;
	if (now->count[id] > 0 && (!list || nvalues <= 1))
		conf_wrong(l, line, "%s: found again, expected once: it is on "
		    "line %d", conf_settings[id].name, l->line[id]);
	now->count[id]++;
	l->line[id] = line;
}

/* Its line is kept; a list may go on with +=. */
static int
note_option(cfg_t *cfg, const cfg_opt_t *opt, const char *const *options,
    int last, bool list)
{
	int o = 0;
	while (o < last && strcmp(opt->name, options[o]) != 0)
		o++;
	if (now->at[o] != 0 && (!list || o != last || opt->nvalues <= 1))
		conf_wrong(now->l, cfg->line,
		    "%s: found again, expected once: it is on line %d",
		    opt->name, now->at[o]);
	now->at[o] = cfg->line;
	return o;
}

static void
note_chain_option(cfg_t *cfg, const cfg_opt_t *opt, const char *value)
{
	char found[96];
	int o = note_option(cfg, opt, chain_option, CROSS, true), n;
	if (o == SHORT && (!conf_parse_int(value, &n) || n < 0 ||
	    n > SHORTER_MAX))
		conf_wrong(now->l, cfg->line, "short: found %s, expected a "
		    "number from 0 to %d", conf_quote(found, value),
		    SHORTER_MAX);
	if ((o == ROOT || o == CROSS) && value[0] == '\0')
		conf_wrong(now->l, cfg->line, "%s: found \"\", expected a "
		    "file's name", opt->name);
}

static void
note_upstream_option(cfg_t *cfg, const cfg_opt_t *opt, const char *value)
{
	int o = note_option(cfg, opt, conf_upstream_option,
	    CONF_UPSTREAM_OPTIONS - 1, false);
	conf_check_upstream_option(now->l, (enum conf_upstream_option)o, value,
	    cfg->line);
}

/* libconfuse met a value: check it while the line is known. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	enum conf_id id = conf_find(opt->name);
	if (cfg_title(cfg) != NULL && strcmp(cfg_name(cfg), UPSTREAM) == 0) {
		note_upstream_option(cfg, opt, value);
	} else if (cfg_title(cfg) != NULL) {
		note_chain_option(cfg, opt, value);
	} else if (id < CONF_IDS) {
		note_setting(id, cfg->line, opt->nvalues);
		conf_check_value(now->l, id, value, cfg->line);
	}
	return 0;
}

static char *
dup_option(struct conf_loader *l, cfg_t *section, int o)
{
	const char *value = cfg_getstr(section, chain_option[o]);
	char *copy = strdup(value != NULL ? value : "");
	if (copy == NULL)
		l->no_memory = true;
	return copy;
}

static void
add_chain(cfg_t *section, int line)
{
	struct conf_loader *l = now->l;
	const char *shorter = cfg_getstr(section, chain_option[SHORT]);
	struct conf_chain c = {
		.name = strdup(cfg_title(section)),
		.certificate = dup_option(l, section, CERTIFICATE),
		.key = dup_option(l, section, KEY),
		.line = line,
	};
	if (c.name == NULL)
		l->no_memory = true;
	if (now->at[ROOT] != 0)
		c.root = dup_option(l, section, ROOT);
	if (shorter != NULL)
		IGNORE(!conf_parse_int(shorter, &c.shorter)); /* was checked */
	for (unsigned i = 0; i < cfg_size(section, chain_option[CROSS]); i++)
		if (!conf_list_add(&c.cross,
		    cfg_getnstr(section, chain_option[CROSS], i)))
			l->no_memory = true;
	conf_add_chain(l, &c);
}

static void
check_name(const char *word, cfg_t *section, int line)
{
	char name[96];
	if (!conf_is_chain_name(str_cstr(cfg_title(section))))
		conf_wrong(now->l, line, "found %s %s, expected a name of "
		    "letters, digits, \".\", \"_\" and \"-\"", word,
		    conf_quote(name, cfg_title(section)));
}

/* A chain section was closed. */
static int
on_chain(cfg_t *cfg, cfg_opt_t *opt)
{
	struct conf_loader *l = now->l;
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	size_t errors = l->errors;
	char name[96];

	check_name(CHAIN, section, cfg->line);
	for (int o = 0; o <= KEY; o++) {
		const char *value = cfg_getstr(section, chain_option[o]);
		if (value == NULL || value[0] == '\0')
			conf_wrong(l, cfg->line,
			    "found chain %s without %s, expected %s = \"FILE\"",
			    conf_quote(name, cfg_title(section)),
			    chain_option[o], chain_option[o]);
	}
	if (l->errors == errors)
		add_chain(section, now->at[CERTIFICATE]);
	memset(now->at, 0, sizeof(now->at));
	return 0;
}

/* An upstream section was closed. */
static int
on_upstream(cfg_t *cfg, cfg_opt_t *opt)
{
	struct conf_loader *l = now->l;
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *value[CONF_UPSTREAM_OPTIONS];
	size_t errors = l->errors;
	char name[96];

	check_name(UPSTREAM, section, cfg->line);
	for (int o = 0; o < CONF_UPSTREAM_OPTIONS; o++)
		value[o] = cfg_getstr(section, conf_upstream_option[o]);
	if (value[CONF_UPSTREAM_OPTION_URI] == NULL)
		conf_wrong(l, cfg->line, "found upstream %s without uri, "
		    "expected uri = \"sip:HOST\"",
		    conf_quote(name, cfg_title(section)));
	if (l->errors == errors)
		conf_add_upstream(l, cfg_title(section), value,
		    now->at[CONF_UPSTREAM_OPTION_URI]);
	memset(now->at, 0, sizeof(now->at));
	return 0;
}

/* Lists are taken from libconfuse at the end, since += adds to them. */
static void
store_all(cfg_t *cfg)
{
	for (enum conf_id id = 0; id < CONF_IDS; id++) {
		cfg_opt_t *opt = cfg_getopt(cfg, conf_settings[id].name);
		if (!(opt->flags & CFGF_MODIFIED))
			continue;
		if (conf_settings[id].kind == CONF_KIND_LIST)
			conf_clear_list(now->l, id);
		for (unsigned i = 0; i < cfg_opt_size(opt); i++)
			conf_store(now->l, id, cfg_opt_getnstr(opt, i));
	}
}

static cfg_t *
make_parser(void)
{
#define NAMED      (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)
#define OPT(name)  CFG_STR_CB(name, NULL, CFGF_NODEFAULT, on_value)
#define LIST(name) CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, on_value)
	cfg_opt_t chain[] = { OPT(chain_option[CERTIFICATE]),
		OPT(chain_option[KEY]), OPT(chain_option[ROOT]),
		OPT(chain_option[SHORT]), LIST(chain_option[CROSS]),
		CFG_END() };
	cfg_opt_t upstream[CONF_UPSTREAM_OPTIONS + 1];
	cfg_opt_t all[CONF_IDS + 3];
	size_t n = 0;
	for (int o = 0; o < CONF_UPSTREAM_OPTIONS; o++)
		upstream[o] = (cfg_opt_t)OPT(conf_upstream_option[o]);
	upstream[CONF_UPSTREAM_OPTIONS] = (cfg_opt_t)CFG_END();
	for (enum conf_id id = 0; id < CONF_IDS; id++) {
		const struct conf_setting *s = &conf_settings[id];
		cfg_opt_t scalar = OPT(s->name), list = LIST(s->name);
		all[n++] = s->kind == CONF_KIND_LIST ? list : scalar;
	}
	all[n++] = (cfg_opt_t)CFG_SEC(CHAIN, chain, NAMED);
	all[n++] = (cfg_opt_t)CFG_SEC(UPSTREAM, upstream, NAMED);
	all[n++] = (cfg_opt_t)CFG_END();
#undef NAMED
#undef OPT
#undef LIST
	cfg_t *cfg = cfg_init(all, CFGF_NONE);
	if (cfg == NULL)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	cfg_set_validate_func(cfg, CHAIN, on_chain);
	cfg_set_validate_func(cfg, UPSTREAM, on_upstream);
	return cfg;
}

static void
parse(struct reading *r, const char *text)
{
	pthread_mutex_lock(&reading_lock);
	now = r;
	cfg_t *cfg = make_parser();
	if (cfg == NULL) {
		r->l->no_memory = true;
	} else {
		int rc = cfg_parse_buf(cfg, text);
		if (rc != CFG_SUCCESS && r->l->errors == 0)
			conf_wrong(r->l, CONF_AT_FILE,
			    "found what libconfuse cannot read, " SYNTAX);
		if (rc == CFG_SUCCESS && r->l->errors == 0)
			store_all(cfg);
		cfg_free(cfg);
	}
	now = NULL;
	pthread_mutex_unlock(&reading_lock);
}

/* The file, NUL-terminated, into text. */
static bool
slurp(struct conf_loader *l, struct buf *text)
{
	if (file_read(text, l->path, FILE_PUBLIC, l->why) != 0) {
		buf_putc(l->why, '\n');
		l->errors++;
		return false;
	}
	buf_putc(text, '\0');
	if (text->failed)
		conf_wrong(l, CONF_AT_FILE, "is longer than %d bytes",
		    FILE_MAX - 1);
	return !text->failed;
}

static bool
check_text(struct conf_loader *l, struct buf *text)
{
	int line = 1;

	/* What Windows' editors begin a file with. */
	if (str_starts(buf_as_str(text), STR("\xef\xbb\xbf")))
		memset(text->p, ' ', 3);
	for (size_t i = 0; i + 1 < text->n; i++) {
		if (text->p[i] == '\0') {
			conf_wrong(l, line, "found a NUL byte, expected text");
			return false;
		}
		line += text->p[i] == '\n';
	}
	return true;
}

void
conf_read_file(struct conf_loader *l)
{
	struct reading r = { .l = l };
	struct buf text;
	buf_init(&text, FILE_MAX);
	if (slurp(l, &text) && check_text(l, &text) && conf_scan(l, text.p))
		parse(&r, text.p);
	buf_fini(&text);
}
