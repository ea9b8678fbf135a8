/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "cmd/option.h"
#include "cmd/roots_int.h"
#include "diag/advise.h"

#define VERB_NAME     "roots advise"
#define WHY_MAX       ((size_t)64 << 10)
#define OPTIONS_SHOWN 5
#define NAMES_SHOWN   20

static const char about_text[] =
    "usage: siptrust roots advise [OPTION]...\n"
    "\n"
    "Which one certificate, of a public CA or of one's own, serves most of\n"
    "the devices that the edge knows; which chains together serve all that\n"
    "can be told to be served, and until when.\n";

static const char exit_text[] =
    "Exit: 0 the combination serves every device that comes over TLS, 1 some\n"
    "are left, 2 wrong usage, 3 nothing to read.\n";

struct advise_cmd {
	const char *devices, *data;
	char folder[CMD_FOLDER_MAX];
	bool json;
	struct cmd_known known;
	struct fleet fleet;
};

static const char *
day(char out[CLOCK_DAY_LEN], int64_t unix_s)
{
	return unix_s == 0 || clock_day(out, unix_s)[0] == '\0' ?
	    "you end it" : out;
}

/* ---- for people ---- */

static void
print_option(const struct advise_option *o)
{
	char name[LOG_VAL_MAX], until[CLOCK_DAY_LEN];

	printf("  %s: %u accept, %u refuse, %u nobody can tell; until %s\n",
	    log_val(name, sizeof(name), o->name), o->accept, o->refuse,
	    o->unknown, day(until, o->until_s));
	if (o->own && o->takes_ca > 0)
		printf("      %u more are of models that can be given its "
		    "CA certificate\n", o->takes_ca);
	else if (!o->own)
		printf("      leads to %.*s\n", STR_FMT(o->roots));
	printf("      %.*s\n", STR_FMT(o->how));
}

static void
print_left(const struct advise_cmd *c, const struct advise *a)
{
	const struct fleet *f = &c->fleet;
	unsigned shown = 0;

	if (a->nleft == 0)
		return;
	printf("\nleft: %u, of none of these chains it is known that they "
	    "accept it; %u of them are of\nmodels that can be given a CA of "
	    "your own\n", a->nleft, a->left_takes_ca);
	for (size_t i = 0; i < f->n; i++) {
		char name[LOG_VAL_MAX], model[LOG_VAL_MAX];

		if (!a->left[i])
			continue;
		if (shown++ == NAMES_SHOWN) {
			printf("  and %u more; --json has all\n",
			    a->nleft - NAMES_SHOWN);
			return;
		}
		printf("  %s, %s%s\n", log_val(name, sizeof(name),
		    f->text[f->device[i].name]), log_val(model, sizeof(model),
		    f->group[f->device[i].group].title),
		    advise_takes_ca(f, i) ? ": can be given a CA" : "");
	}
}

static void
print_text(const struct advise_cmd *c, const struct advise *a)
{
	char until[CLOCK_DAY_LEN], name[LOG_VAL_MAX];
	bool any = false;

	if (a->over_tls == 0) {
		printf("no device has come over TLS yet: there is nothing to "
		    "advise by\n");
		return;
	}
	printf("%u devices come over TLS\n\none certificate, the best first\n",
	    a->over_tls);
	for (size_t i = 0; i < a->n && i < OPTIONS_SHOWN; i++)
		print_option(&a->option[i]);
	printf("\ntogether\n ");
	for (size_t i = 0; i < a->n; i++) {
		if (!a->option[i].chosen)
			continue;
		printf("%s %s", any ? " and" : "", log_val(name, sizeof(name),
		    a->option[i].name));
		any = true;
	}
	if (any)
		printf(": %u of %u devices accept one, until %s\n", a->served,
		    a->over_tls, day(until, a->until_s));
	else
		printf(" nothing: no device is known to accept any of them\n");
	print_left(c, a);
}

/* ---- for programs ---- */

static int
print_json(const struct advise_cmd *c, const struct advise *a)
{
	json_t *all = json_array(), *left = json_array();
	char until[CLOCK_DAY_LEN];

	for (size_t i = 0; i < a->n; i++) {
		const struct advise_option *o = &a->option[i];

		json_array_append_new(all, json_pack("{s:o s:b s:o s:o s:I "
		    "s:I s:I s:I s:o s:b}", "name", cmd_json(o->name),
		    "own", (int)o->own, "roots", cmd_json(o->roots), "how",
		    cmd_json(o->how), "accept", (json_int_t)o->accept,
		    "refuse", (json_int_t)o->refuse, "unknown",
		    (json_int_t)o->unknown, "takes_ca",
		    (json_int_t)o->takes_ca, "until", o->until_s != 0 ?
		    json_string(day(until, o->until_s)) : json_null(),
		    "chosen", (int)o->chosen));
	}
	for (size_t i = 0; i < c->fleet.n; i++)
		if (a->left[i])
			json_array_append_new(left, cmd_json(
			    c->fleet.text[c->fleet.device[i].name]));
	return cmd_print_json(json_pack("{s:I s:o s:I s:o s:o}", "over_tls",
	    (json_int_t)a->over_tls, "options", all, "served",
	    (json_int_t)a->served, "until", a->until_s != 0 ?
	    json_string(day(until, a->until_s)) : json_null(), "left", left));
}

/* ---- the verb ---- */

static int
parse(int argc, char **argv, struct advise_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_DEVICES(&c->devices),
		OPTION_DATA(&c->data),
		OPTION_FLAG("json", &c->json, "print as JSON, every option"),
	};
	int code = cmd_options(&(struct cmd_usage) { VERB_NAME, about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	c->data = cmd_data_folder(c->folder, c->data);
	return code != CMD_OK ? code : cmd_no_more(VERB_NAME, argc, argv);
}

static int
run(struct advise_cmd *c, struct buf *why)
{
	struct advise a;
	int err = cmd_known_load(&c->known, c->devices, why), code;

	if (err == 0)
		err = fleet_read(&c->fleet, c->data, c->known.profiles, why);
	if (err == 0)
		err = advise(&a, &c->fleet, c->known.roots);
	if (err != 0)
		return cmd_complain(CMD_FAILED, VERB_NAME, "%.*s",
		    STR_FMT(why->n > 0 ? buf_as_str(why) : STR("no memory")));
	code = a.nleft > 0 ? CMD_FINDING : CMD_OK;
	if (!c->json)
		print_text(c, &a);
	else if (print_json(c, &a) != CMD_OK)
		code = CMD_FAILED;
	advise_fini(&a);
	return code;
}

int
roots_advise(int argc, char **argv)
{
	struct advise_cmd c = { .devices = getenv("SIPTRUST_DEVICES") };
	struct buf why;
	int code = parse(argc, argv, &c);

	if (code != CMD_OK)
		return code;
	buf_init(&why, WHY_MAX);
	code = run(&c, &why);
	if (c.fleet.texts != NULL)
		fleet_fini(&c.fleet);
	cmd_known_fini(&c.known);
	buf_fini(&why);
	return code;
}
