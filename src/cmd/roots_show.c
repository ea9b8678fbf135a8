/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/compiler.h"
#include "base/log.h"
#include "cmd/option.h"
#include "cmd/roots_int.h"

#define VERB_NAME "roots show"

static const char about_text[] =
    "usage: siptrust roots show NAME [OPTION]...\n"
    "\n"
    "One public root: its facts, in which stores it was seen and when, which\n"
    "profiles publish it, which devices of this edge have shown that they\n"
    "hold or lack it, and what will happen to it.  NAME is the name that\n"
    "siptrust roots list prints, the root's common name, or the beginning of\n"
    "its SHA-256.\n";

static const char exit_text[] =
    "Exit: 0 fine, 1 no such root, 2 wrong usage, 3 nothing to read.\n";

struct show_cmd {
	const char *data, *name;
	bool json;
	struct roots_all all;
};

/* ---- what there is to tell ---- */

static json_t *
published_json(const struct roots_all *a, const struct device_root *root)
{
	json_t *out = json_array();

	for (size_t i = 0; i < device_catalogue_count(a->known.profiles); i++) {
		const struct device_profile *p =
		    device_catalogue_at(a->known.profiles, i);
		const struct device_fact *f;
		enum device_answer held = device_root_published(
		    a->known.roots, p, root, &f);

		if (f == NULL && held == DEVICE_UNKNOWN)
			continue;
		json_array_append_new(out, json_pack("{s:o s:s s:o s:b}",
		    "profile", cmd_json(p->name), "holds",
		    held == DEVICE_YES ? "yes" : held == DEVICE_NO ? "no" :
		    "maybe", "words", f != NULL ? cmd_json(f->value) :
		    cmd_json(STR("")), "unverified",
		    (int)(f != NULL && f->unverified)));
	}
	return out;
}

static json_t *
learned_json(const struct roots_all *a, const struct device_root *root)
{
	json_t *out = json_array();

	for (size_t i = 0; i < a->fleet.n; i++) {
		const struct status_device *d = &a->fleet.device[i];

		for (size_t k = 0; k < d->nbeliefs; k++) {
			char why[ROOTS_WHY_MAX];

			if (!roots_is_about(&d->belief[k], root))
				continue;
			roots_evidence(why, a, d, &d->belief[k]);
			json_array_append_new(out, json_pack("{s:I s:o s:o "
			    "s:s s:s}", "device", (json_int_t)d->row.id,
			    "name", cmd_json(roots_device_name(d)),
			    "profile", cmd_json(d->profile), "belief",
			    trust_holding_name(d->belief[k].holding),
			    "evidence", why));
		}
	}
	return out;
}

static json_t *
calendar_json(const struct roots_all *a, const struct device_root *root)
{
	json_t *out = json_array();

	for (size_t i = 0; i < device_calendar_count(a->known.calendar); i++) {
		const struct device_date *d =
		    device_calendar_at(a->known.calendar, i);

		if (device_date_names(d, root->name))
			json_array_append_new(out, json_pack("{s:o s:o s:o "
			    "s:o}", "day", cmd_json(d->day), "what",
			    cmd_json(d->what), "hits", cmd_json(d->whom),
			    "source", cmd_json(d->source)));
	}
	return out;
}

static json_t *
seen_json(const struct device_root *root)
{
	struct str rest = root->seen;
	json_t *out = json_array();

	while (rest.n > 0)
		json_array_append_new(out, cmd_json(str_cut(&rest, ' ')));
	return out;
}

/* Others that evidence calls the same: what is learned may be about them. */
static json_t *
namesakes_json(const struct roots_all *a, const struct device_root *root)
{
	const struct device_root *other;
	json_t *out = json_array();
	size_t i = 0;

	while ((other = device_roots_labelled(a->known.roots, root->label,
	    &i)) != NULL)
		if (other != root)
			json_array_append_new(out, cmd_json(other->name));
	return out;
}

static json_t *
root_json(const struct roots_all *a, const struct device_root *r)
{
	char sha256[65], ski[41] = "";

	str_hex(sha256, r->sha256, sizeof(r->sha256));
	str_hex(ski, r->ski, r->nski);
	return json_pack("{s:o s:o s:o s:o s:o s:b s:o s:o s:s s:s s:o s:o "
	    "s:o s:o s:o}", "name", cmd_json(r->name), "root",
	    cmd_json(r->label), "subject", cmd_json(r->subject),
	    "not_before", cmd_json(r->begin), "not_after",
	    cmd_json(r->end), "expired", (int)(r->not_after_s < a->now_s),
	    "key", cmd_json(r->key), "signature", cmd_json(r->signature),
	    "sha256", sha256, "key_id", ski, "seen", seen_json(r),
	    "namesakes", namesakes_json(a, r), "published",
	    published_json(a, r), "learned", learned_json(a, r), "calendar",
	    calendar_json(a, r));
}

/* ---- for people ---- */

static const char *
text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void
print_facts(json_t *o)
{
	json_t *v;
	size_t i;

	printf("%s: %s%s\n\n", text(o, "name"), text(o, "root"),
	    json_is_true(json_object_get(o, "expired")) ? " (expired)" : "");
	printf("subject    %s\nvalid      %s to %s\nkey        %s\n"
	    "signature  %s\nSHA-256    %s\n", text(o, "subject"),
	    text(o, "not_before"), text(o, "not_after"), text(o, "key"),
	    text(o, "signature"), text(o, "sha256"));
	if (text(o, "key_id")[0] != '\0')
		printf("key id     %s\n", text(o, "key_id"));
	printf("seen in   ");
	json_array_foreach(json_object_get(o, "seen"), i, v)
		printf(" %s", json_string_value(v));
	putchar('\n');
	json_array_foreach(json_object_get(o, "namesakes"), i, v)
		printf("%s %s\n", i == 0 ? "namesakes " : "          ",
		    json_string_value(v));
}

static void
print_published(json_t *rows)
{
	json_t *row;
	size_t i;

	printf("\npublished%s\n", json_array_size(rows) > 0 ? "" :
	    ": no profile names it");
	json_array_foreach(rows, i, row)
		printf("  %-20s %s%s%s%s%s\n", text(row, "profile"),
		    text(row, "holds"), text(row, "words")[0] != '\0' ?
		    ", as \"" : "", text(row, "words"),
		    text(row, "words")[0] != '\0' ? "\"" : "",
		    json_is_true(json_object_get(row, "unverified")) ?
		    " (unverified)" : "");
}

static void
print_learned(json_t *rows, bool has_fleet)
{
	char name[LOG_VAL_MAX];
	json_t *row;
	size_t i;

	printf("\nlearned%s\n", json_array_size(rows) > 0 ? "" : has_fleet ?
	    ": no device has been shown a chain to it" :
	    ": no devices.db to read");
	json_array_foreach(rows, i, row)
		printf("  %s %s: %s\n", log_val(name, sizeof(name),
		    str_cstr(text(row, "name"))), text(row, "belief"),
		    text(row, "evidence"));
}

static void
print_calendar(json_t *rows)
{
	json_t *row;
	size_t i;

	if (json_array_size(rows) > 0)
		printf("\ncalendar\n");
	json_array_foreach(rows, i, row)
		printf("  %s %s\n    hits %s\n    source: %s\n",
		    text(row, "day"), text(row, "what"), text(row, "hits"),
		    text(row, "source"));
}

static int
show(const struct show_cmd *c)
{
	const struct device_root *r = device_roots_find(c->all.known.roots,
	    str_cstr(c->name));
	json_t *o;

	if (r == NULL)
		return cmd_complain(CMD_FINDING, VERB_NAME, "no public root, "
		    "or more than one, is called \"%s\"; siptrust roots list "
		    "has them all", c->name);
	o = root_json(&c->all, r);
	if (o == NULL)
		return cmd_complain(CMD_FAILED, VERB_NAME, "no memory");
	if (c->json)
		return cmd_print_json(o);
	print_facts(o);
	print_published(json_object_get(o, "published"));
	print_learned(json_object_get(o, "learned"), c->all.has_fleet);
	print_calendar(json_object_get(o, "calendar"));
	json_decref(o);
	return CMD_OK;
}

/* ---- the command line ---- */

static int
parse(int argc, char **argv, struct show_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_DATA(&c->data),
		OPTION_JSON(&c->json),
	};
	const struct cmd_usage usage = { VERB_NAME, about_text,
		exit_text, options, ARRAY_LEN(options) };
	int code = cmd_options(&usage, argc, argv);

	return code != CMD_OK ? code :
	    cmd_one_operand(&usage, "NAME", argc, argv, &c->name);
}

int
roots_show(int argc, char **argv)
{
	struct show_cmd c = { .json = false };
	int code = parse(argc, argv, &c);

	if (code != CMD_OK)
		return code;
	code = roots_load(&c.all, VERB_NAME, c.data, NULL);
	if (code != CMD_OK)
		return code;
	code = show(&c);
	roots_fini(&c.all);
	return code;
}
