/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/compiler.h"
#include "base/log.h"
#include "cmd/option.h"
#include "cmd/roots_int.h"

#define VERB_NAME "roots list"

static const char about_text[] =
    "usage: siptrust roots list [OPTION]...\n"
    "\n"
    "The public roots that are known here, past and present; or those of a\n"
    "kind of phone, as far as its maker publishes them and as far as the\n"
    "devices of this edge have shown it; or those of one device.\n";

static const char exit_text[] =
    "Exit: 0 fine, 1 no such profile, 2 wrong usage, 3 nothing to read, or no\n"
    "such device.\n";

struct list_cmd {
	const char *data, *device, *profile;
	bool valid, json;
	struct roots_all all;
};

/* ---- all roots ---- */

static int
list_all(struct list_cmd *c)
{
	const struct device_roots *roots = c->all.known.roots;
	json_t *out = json_array();
	size_t n = 0, expired = 0;

	for (size_t i = 0; i < device_roots_count(roots); i++) {
		const struct device_root *r = device_roots_at(roots, i);
		bool over = r->not_after_s < c->all.now_s;

		if (over && c->valid)
			continue;
		n++;
		expired += over;
		if (c->json)
			json_array_append_new(out, json_pack("{s:o s:o s:o "
			    "s:o s:o s:o s:b s:o}", "name",
			    cmd_json(r->name), "root", cmd_json(r->label),
			    "not_before", cmd_json(r->begin), "not_after",
			    cmd_json(r->end), "key", cmd_json(r->key),
			    "signature", cmd_json(r->signature), "expired",
			    (int)over, "seen", cmd_json(r->seen)));
		else
			printf("%-60.*s %-8.*s %.*s %.*s%s\n",
			    STR_FMT(r->name), STR_FMT(r->key),
			    STR_FMT(r->begin), STR_FMT(r->end),
			    over ? " expired" : "");
	}
	if (c->json)
		return cmd_print_json(out);
	json_decref(out);
	printf("%zu roots, %zu of them expired\n", n, expired);
	return CMD_OK;
}

/* ---- what a profile publishes ---- */

static const char *
naming_text(enum device_naming what)
{
	static const char *const text[] = {
		[DEVICE_NAMING_NONE] = "not known which",
		[DEVICE_NAMING_ONE] = "this root",
		[DEVICE_NAMING_OWN] = "the maker's own CA",
		[DEVICE_NAMING_SOME] = "one or several of these",
		[DEVICE_NAMING_STORE] = "the roots of a public store",
	};

	return text[what];
}

/* The names of the roots that the words may mean; of a store too many. */
static json_t *
meant(const struct roots_all *a, struct str words, enum device_naming what)
{
	json_t *names = json_array();

	for (size_t i = 0; what != DEVICE_NAMING_STORE &&
	    i < device_roots_count(a->known.roots); i++) {
		const struct device_root *r =
		    device_roots_at(a->known.roots, i);

		if (device_roots_can_mean(a->known.roots, words, r))
			json_array_append_new(names, cmd_json(r->name));
	}
	return names;
}

static json_t *
published_json(const struct roots_all *a, const struct device_profile *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->root.n; i++) {
		const struct device_fact *f = &p->root.v[i];
		struct str note;
		enum device_naming what = device_roots_naming(a->known.roots,
		    f->value, &note);

		json_array_append_new(out, json_pack("{s:o s:s s:o s:o s:o "
		    "s:b s:o}", "words", cmd_json(f->value), "means",
		    naming_text(what), "roots", meant(a, f->value, what),
		    "note", cmd_json(note), "sources",
		    cmd_json(f->sources), "unverified", (int)f->unverified,
		    "doubt", cmd_json(f->doubt)));
	}
	return out;
}

/* So many of these it is shown by name; the rest is counted. */
#define SHOWN_MAX 12

static void
print_meant(const struct roots_all *a, struct str words,
    enum device_naming what)
{
	json_t *names = meant(a, words, what), *name;
	size_t i;

	json_array_foreach(names, i, name) {
		if (i == SHOWN_MAX) {
			printf("    and %zu more\n",
			    json_array_size(names) - i);
			break;
		}
		printf("    %s\n", json_string_value(name));
	}
	json_decref(names);
}

static void
print_published(const struct roots_all *a, const struct device_profile *p)
{
	printf("%.*s: %.*s\n\npublished", STR_FMT(p->name),
	    STR_FMT(p->title));
	if (p->root.n == 0)
		printf(": %s", p->roots_complete == DEVICE_YES ?
		    "it holds none" : "no list");
	putchar('\n');
	for (unsigned i = 0; i < p->root.n; i++) {
		const struct device_fact *f = &p->root.v[i];
		struct str note;
		enum device_naming what = device_roots_naming(a->known.roots,
		    f->value, &note);

		printf("  %.*s: %s%s%.*s\n", STR_FMT(f->value),
		    naming_text(what), note.n > 0 ? "; " : "", STR_FMT(note));
		print_meant(a, f->value, what);
		if (f->unverified)
			printf("    unverified%s%.*s\n", f->doubt.n > 0 ?
			    ": " : "", STR_FMT(f->doubt));
	}
	if (p->roots_count > 0)
		printf("  %u roots in all\n", (unsigned)p->roots_count);
	if (p->roots_complete != DEVICE_YES)
		printf("  the list is not complete: what is not in it, it may "
		    "hold\n");
}

/* ---- what devices have shown ---- */

/* Of one profile, or of the one device that was read. */
static bool
is_wanted(const struct list_cmd *c, const struct status_device *d,
    const struct device_profile *p)
{
	return c->device != NULL || (p != NULL && str_eq(d->profile, p->name));
}

static json_t *
learned_json(const struct list_cmd *c, const struct device_profile *p)
{
	json_t *out = json_array();

	for (size_t i = 0; i < c->all.fleet.n; i++) {
		const struct status_device *d = &c->all.fleet.device[i];

		for (size_t k = 0; is_wanted(c, d, p) && k < d->nbeliefs; k++) {
			char why[ROOTS_WHY_MAX];

			roots_evidence(why, &c->all, d, &d->belief[k]);
			json_array_append_new(out, json_pack("{s:I s:o s:o "
			    "s:s s:s}", "device", (json_int_t)d->row.id,
			    "name", cmd_json(roots_device_name(d)), "root",
			    cmd_json(d->belief[k].root), "belief",
			    trust_holding_name(d->belief[k].holding),
			    "evidence", why));
		}
	}
	return out;
}

static void
print_learned(const struct list_cmd *c, const struct device_profile *p)
{
	json_t *rows = learned_json(c, p), *row;
	char name[LOG_VAL_MAX], root[LOG_VAL_MAX];
	size_t i;

	printf("learned%s\n", json_array_size(rows) > 0 ? "" :
	    ": no device has shown anything yet");
	json_array_foreach(rows, i, row) {
		json_t *d = json_object_get(row, "name");
		json_t *r = json_object_get(row, "root");

		printf("  %s %s %s: %s\n", log_val(name, sizeof(name),
		    str_cstr(json_string_value(d))),
		    json_string_value(json_object_get(row, "belief")),
		    log_val(root, sizeof(root),
			str_cstr(json_string_value(r))),
		    json_string_value(json_object_get(row, "evidence")));
	}
	json_decref(rows);
}

static int
list_some(const struct list_cmd *c, const struct device_profile *p)
{
	if (c->json)
		return cmd_print_json(json_pack("{s:o s:o s:b s:o}",
		    "profile", p != NULL ? cmd_json(p->name) : json_null(),
		    "published", p != NULL ? published_json(&c->all, p) :
		    json_array(), "complete", (int)(p != NULL &&
		    p->roots_complete == DEVICE_YES), "learned",
		    learned_json(c, p)));
	if (p != NULL)
		print_published(&c->all, p);
	else
		printf("no profile fits this device: nothing is published\n");
	print_learned(c, p);
	return CMD_OK;
}

static int
list(struct list_cmd *c)
{
	const struct device_profile *p = NULL;

	if (c->device == NULL && c->profile == NULL)
		return list_all(c);
	if (c->device != NULL)
		return list_some(c, device_catalogue_find(c->all.known.profiles,
		    c->all.fleet.device[0].profile));
	p = device_catalogue_find(c->all.known.profiles, str_cstr(c->profile));
	if (p == NULL)
		return cmd_complain(CMD_FINDING, VERB_NAME, "no profile is "
		    "called \"%s\"; siptrust device list has them all",
		    c->profile);
	return list_some(c, p);
}

/* ---- the command line ---- */

static int
parse(int argc, char **argv, struct list_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT("profile", "NAME", &c->profile,
		    "of a profile; a model's name will do"),
		OPTION_TEXT("device", "WHICH", &c->device,
		    "of one device: its address, its account with or without "
		    "domain, or its number (siptrust status)"),
		OPTION_FLAG("valid", &c->valid,
		    "only roots that have not expired"),
		OPTION_DATA(&c->data),
		OPTION_JSON(&c->json),
	};
	int code = cmd_options(&(struct cmd_usage) { VERB_NAME, about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	if (code == CMD_OK)
		code = cmd_no_more(VERB_NAME, argc, argv);
	if (code == CMD_OK && c->device != NULL && c->profile != NULL)
		code = cmd_complain(CMD_USAGE, VERB_NAME, "expected --device "
		    "or --profile, not both");
	return code;
}

int
roots_list(int argc, char **argv)
{
	struct list_cmd c = { .json = false };
	int code = parse(argc, argv, &c);

	if (code != CMD_OK)
		return code;
	code = roots_load(&c.all, VERB_NAME, c.data, c.device);
	if (code != CMD_OK)
		return code;
	code = list(&c);
	roots_fini(&c.all);
	return code;
}
