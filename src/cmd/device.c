/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "device/match.h"

#define WHY_MAX ((size_t)64 << 10)

static const char about_text[] =
    "usage: siptrust device list [OPTION]...\n"
    "       siptrust device show NAME [OPTION]...\n"
    "       siptrust device match USER-AGENT [OPTION]...\n"
    "       siptrust device lint FILE...\n"
    "\n"
    "What is known of phones: how to recognise them, what their TLS can do,\n"
    "how a CA of one's own gets into them.\n"
    "\n"
    "  list                all profiles\n"
    "  show NAME           all facts of one, with their sources; a model's\n"
    "                      name will do\n"
    "  match USER-AGENT    which profile is the device that says so\n"
    "  lint FILE           whether a profile of one's own is well formed\n";

struct device_cmd {
	const char *verb, *devices;
	char **arg;
	int narg;
	struct str ja3, ja4;
	bool json;
	struct device_catalogue *all;
};

/* The text is ASCII (device/read.c), or what a User-Agent had: not always. */
static json_t *
json_str(struct str s)
{
	json_t *o = json_stringn(s.n > 0 ? s.p : "", s.n);

	return o != NULL ? o : json_null();
}

/* ---- list ---- */

static const char *
way_text(const struct device_profile *p)
{
	static const char *const text[] = {
		"not known", "by address", "as a file", "in its configuration",
		"in a signed list", "in its own pages", "no way",
	};

	return text[p->ca_way];
}

static int
verb_list(struct device_cmd *c)
{
	json_t *all = json_array();

	for (size_t i = 0; i < device_catalogue_count(c->all); i++) {
		const struct device_profile *p =
		    device_catalogue_at(c->all, i);

		if (!c->json) {
			printf("%-20.*s %-21s %.*s\n", STR_FMT(p->name),
			    way_text(p), STR_FMT(p->title));
			continue;
		}
		json_array_append_new(all, json_pack("{s:o,s:o,s:o,s:s}",
		    "name", json_str(p->name), "vendor", json_str(p->vendor),
		    "title", json_str(p->title), "ca", way_text(p)));
	}
	if (c->json)
		return cmd_print_json(all);
	json_decref(all);
	return CMD_OK;
}

/* ---- show ---- */

static json_t *
fact_json(const struct device_fact *f)
{
	struct str rest = f->sources;
	json_t *o = json_pack("{s:s,s:s,s:o,s:b}",
	    "key", device_key_name(f->key), "means", device_key_text(f->key),
	    "value", json_str(f->value), "unverified", f->unverified);
	json_t *sources = json_array();

	while (rest.n > 0)
		json_array_append_new(sources,
		    json_str(str_trim(str_cut(&rest, ','))));
	json_object_set_new(o, "sources", sources);
	if (f->doubt.n > 0)
		json_object_set_new(o, "doubt", json_str(f->doubt));
	return o;
}

static int
show_json(const struct device_profile *p)
{
	json_t *o = json_pack("{s:o,s:o,s:o}", "name", json_str(p->name),
	    "vendor", json_str(p->vendor), "title", json_str(p->title));
	json_t *facts = json_array(), *notes = json_array();
	json_t *sources = json_object();

	for (unsigned i = 0; i < p->nfact; i++)
		json_array_append_new(facts, fact_json(&p->fact[i]));
	for (unsigned i = 0; i < p->nnote; i++)
		json_array_append_new(notes, json_str(p->note[i]));
	for (unsigned i = 0; i < p->nsource; i++) {
		char id[DEVICE_NAME_MAX + 1];

		str_copy(id, sizeof(id), p->source[i].id);
		json_object_set_new(sources, id, json_str(p->source[i].text));
	}
	json_object_set_new(o, "facts", facts);
	json_object_set_new(o, "notes", notes);
	json_object_set_new(o, "sources", sources);
	return cmd_print_json(o);
}

static void
show_fact(const struct device_fact *f)
{
	printf("%-16s %.*s\n", device_key_name(f->key), STR_FMT(f->value));
	if (f->sources.n > 0)
		printf("%-16s   [%.*s]", "", STR_FMT(f->sources));
	if (f->unverified)
		printf("%*s%s%.*s", f->sources.n > 0 ? 1 : 19, "",
		    f->doubt.n > 0 ? "unverified: " : "unverified",
		    STR_FMT(f->doubt));
	putchar('\n');
}

static int
verb_show(struct device_cmd *c)
{
	const struct device_profile *p =
	    device_catalogue_find(c->all, str_cstr(c->arg[0]));

	if (p == NULL)
		return cmd_complain(CMD_FINDING, "device", "no profile is "
		    "called \"%s\"; siptrust device list has them all",
		    c->arg[0]);
	if (c->json)
		return show_json(p);
	printf("%.*s: %.*s\n\n", STR_FMT(p->name), STR_FMT(p->title));
	for (unsigned i = 0; i < p->nfact; i++)
		show_fact(&p->fact[i]);
	for (unsigned i = 0; i < p->nnote; i++)
		printf("\n%.*s\n", STR_FMT(p->note[i]));
	if (p->nsource > 0)
		putchar('\n');
	for (unsigned i = 0; i < p->nsource; i++)
		printf("[%.*s] %.*s\n", STR_FMT(p->source[i].id),
		    STR_FMT(p->source[i].text));
	return CMD_OK;
}

/* ---- match ---- */

static int
match_json(const struct device_match *m)
{
	if (m->profile == NULL) {
		cmd_print_json(json_pack("{s:n,s:i}", "profile", "score", 0));
		return CMD_FINDING;
	}
	return cmd_print_json(json_pack("{s:o,s:o,s:i,s:s,s:o,s:o,s:s}",
	    "profile", json_str(m->profile->name),
	    "title", json_str(m->profile->title), "score", (int)m->score,
	    "by", device_key_name(m->by), "model", json_str(m->parts.model),
	    "firmware", json_str(m->parts.firmware), "mac", m->mac));
}

static int
verb_match(struct device_cmd *c)
{
	struct str agent = str_cstr(c->arg[0]);
	struct device_clues clues = { agent, agent, c->ja3, c->ja4 };
	struct device_match m;

	device_match(c->all, &clues, &m);
	if (c->json)
		return match_json(&m);
	if (m.profile == NULL) {
		puts("none");
		return CMD_FINDING;
	}
	printf("%.*s: %.*s\nby %s, score %u of 100\n", STR_FMT(m.profile->name),
	    STR_FMT(m.profile->title), device_key_name(m.by), m.score);
	if (m.parts.model.n > 0)
		printf("model %.*s\n", STR_FMT(m.parts.model));
	if (m.parts.firmware.n > 0)
		printf("firmware %.*s\n", STR_FMT(m.parts.firmware));
	if (m.mac[0] != '\0')
		printf("MAC address %s\n", m.mac);
	return CMD_OK;
}

/* ---- lint ---- */

static unsigned
unverified(const struct device_profile *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nfact; i++)
		n += p->fact[i].unverified;
	return n;
}

static int
verb_lint(struct device_cmd *c)
{
	int worst = CMD_OK;

	for (int i = 0; i < c->narg; i++) {
		struct device_profile *p = NULL;
		struct buf why;
		int err;

		buf_init(&why, WHY_MAX);
		err = device_file_read(&p, c->arg[i], &why);
		if (err == 0) {
			printf("%s: %u facts, %u of them unverified\n",
			    c->arg[i], p->nfact, unverified(p));
		} else {
			fwrite(why.p, 1, why.n, stderr);
			worst = err == E_CONFIG || err == E_LIMIT ||
			    worst == CMD_FINDING ? CMD_FINDING : CMD_FAILED;
		}
		device_profile_free(p);
		buf_fini(&why);
	}
	return worst;
}

/* ---- the command line ---- */

static const struct {
	const char *name, *takes;
	int (*fn)(struct device_cmd *c);
	int min, max;
	bool catalogue;
} verbs[] = {
	{ "list", "nothing", verb_list, 0, 0, true },
	{ "show", "one NAME", verb_show, 1, 1, true },
	{ "match", "one USER-AGENT", verb_match, 1, 1, true },
	{ "lint", "a FILE or more", verb_lint, 1, 1 << 20, false },
};

static int
parse(int argc, char **argv, struct device_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_DEVICES(&c->devices),
		OPTION_STR("ja3", "PRINT", &c->ja3,
		    "match: the JA3 of the device's ClientHello as well"),
		OPTION_STR("ja4", "PRINT", &c->ja4,
		    "match: its JA4 as well"),
		OPTION_JSON(&c->json),
	};
	int code = cmd_options(&(struct cmd_usage) { "device", about_text,
	    NULL, options, ARRAY_LEN(options) }, argc, argv);

	if (code != CMD_OK)
		return code;
	if (optind == argc)
		return cmd_complain(CMD_USAGE, "device", "expected list, show, "
		    "match or lint; siptrust device --help tells more");
	c->verb = argv[optind++];
	c->arg = argv + optind;
	c->narg = argc - optind;
	return CMD_OK;
}

static int
load(struct device_cmd *c)
{
	struct buf why;
	int err;

	buf_init(&why, WHY_MAX);
	err = device_catalogue_load(&c->all, c->devices, &why);
	if (err != 0 && why.n > 0)
		fwrite(why.p, 1, why.n, stderr);
	else if (err != 0)
		cmd_complain(CMD_USAGE, "device", "%s", err_str(err));
	buf_fini(&why);
	return err == 0 ? CMD_OK : CMD_FAILED;
}

static int
run(struct device_cmd *c)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		int err = CMD_OK;

		if (strcmp(verbs[i].name, c->verb) != 0)
			continue;
		if (c->narg < verbs[i].min || c->narg > verbs[i].max)
			return cmd_complain(CMD_USAGE, "device", "%s takes %s",
			    c->verb, verbs[i].takes);
		if (verbs[i].catalogue)
			err = load(c);
		return err == CMD_OK ? verbs[i].fn(c) : err;
	}
	return cmd_complain(CMD_USAGE, "device", "\"%s\" is not list, show, "
	    "match or lint", c->verb);
}

int
cmd_device(int argc, char **argv)
{
	struct device_cmd c = { .devices = getenv("SIPTRUST_DEVICES") };
	int err = parse(argc, argv, &c);

	if (err == CMD_OK)
		err = run(&c);
	device_catalogue_unref(c.all);
	return err;
}
