/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/conf.h"
#include "base/log.h"
#include "cmd/known.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "diag/preflight.h"

#define WHY_MAX      ((size_t)64 << 10)
#define NAMES_SHOWN  20   /* devices of one group, in the terminal */
#define DATES_SHOWN  12
#define DAY_S        86400
#define SOON_S       ((int64_t)3 * 366 * DAY_S)

static const char about_text[] =
    "usage: siptrust preflight CHAIN.pem [OPTION]...\n"
    "\n"
    "What a chain would do to the devices that the edge knows, before it goes\n"
    "live: which will accept it and which refuse it, by what they did with\n"
    "other chains, and which nobody can tell, with what would decide.  Then\n"
    "what will happen to it and to the chains in use, and whom it hits.\n";

static const char exit_text[] =
    "Exit: 0 no device that is served today goes dark, 1 one does, 2 wrong\n"
    "usage, 3 the chain or the devices cannot be read.\n";

struct preflight_cmd {
	const char *devices, *config;
	struct conf *conf;
	char folder[CMD_FOLDER_MAX];
	bool strict, json;
	struct cmd_known known;
	struct preflight_settings s;
};

/* ---- words ---- */

static const char *
safe(char out[LOG_VAL_MAX], struct str text)
{
	return log_val(out, LOG_VAL_MAX, text);
}

/* ---- for people ---- */

static void
print_chain(const struct preflight_cmd *c, const struct preflight *p)
{
	char subject[LOG_VAL_MAX], from[CLOCK_DAY_LEN],
	    to[CLOCK_DAY_LEN];

	printf("%s: for %s, %s, %u certificate%s, valid %s to %s\n", c->s.file,
	    safe(subject, str_cstr(p->chain.names)), p->chain.cert[0].key,
	    p->chain.sent, p->chain.sent == 1 ? "" : "s",
	    clock_day(from, p->chain.facts.not_before_s),
	    clock_day(to, p->chain.facts.not_after_s));
	for (unsigned i = 0; i < p->anchors.n; i++)
		printf("  leads to %s%s\n", safe(subject,
		    str_cstr(p->anchors.v[i].label)),
		    p->anchors.v[i].root == NULL ? ", in no public store" :
		    "");
	if (p->has_key)
		printf("  note: the file holds a private key as well; who "
		    "reads the chain can read that\n");
	for (int f = 0; f < TRUST_FAULTS; f++)
		if ((p->faults & 1u << f) != 0)
			printf("  FAULT: %s\n",
			    trust_fault_name((enum trust_fault)f));
}

/* The devices of a group, those that go dark first. */
static void
print_names(const struct preflight *p, const struct preflight_group *g)
{
	uint32_t shown = 0;

	for (int dark = 1; dark >= 0; dark--)
		for (size_t i = 0; i < p->fleet.n; i++) {
			const struct trust_impact *t = &p->impact[i];
			char name[LOG_VAL_MAX], text[PREFLIGHT_TEXT];
			struct buf why;

			if (p->fleet.device[i].group != g->group ||
			    t->why != g->impact.why || t->dark != (dark == 1))
				continue;
			if (shown++ == NAMES_SHOWN) {
				printf("      and %u more; --json has all\n",
				    g->devices - NAMES_SHOWN);
				return;
			}
			buf_init_array(&why, text, sizeof(text));
			preflight_evidence(&why, p, i);
			printf("      %s%s%s%.*s\n", safe(name,
			    p->fleet.text[p->fleet.device[i].name]),
			    t->dark ? " GOES DARK" : "",
			    why.n > 0 ? ": " : "", STR_FMT(buf_as_str(&why)));
		}
}

static void
print_group(const struct preflight *p, const struct preflight_group *g)
{
	const struct fleet_group *of = &p->fleet.group[g->group];
	char title[LOG_VAL_MAX], text[PREFLIGHT_TEXT];
	struct buf why;

	printf("  %u x %s", g->devices, safe(title, of->title));
	if (of->profile != NULL)
		printf(" (%.*s)", STR_FMT(of->profile->name));
	if (g->dark > 0)
		printf(", %u GO DARK", g->dark);
	printf(": %s\n", trust_impact_why_text(g->impact.why));
	if (g->impact.says == TRUST_IMPACT_REFUSES ||
	    (g->impact.says == TRUST_IMPACT_UNKNOWN && g->devices <= 5)) {
		print_names(p, g);
	} else if (g->impact.by >= 0) {
		buf_init_array(&why, text, sizeof(text));
		preflight_evidence(&why, p, g->first);
		printf("      as %s: %.*s\n", safe(title,
		    p->fleet.text[p->fleet.device[g->first].name]),
		    STR_FMT(buf_as_str(&why)));
	}
	if (trust_impact_decides(g->impact.why)[0] != '\0')
		printf("      to know it: %s\n",
		    trust_impact_decides(g->impact.why));
}

static void
print_groups(const struct preflight *p)
{
	static const char *const titles[] = {
		[TRUST_IMPACT_ACCEPTS] = "will accept it",
		[TRUST_IMPACT_REFUSES] = "will refuse it",
		[TRUST_IMPACT_UNKNOWN] = "nobody can tell",
		[TRUST_IMPACT_UNTOUCHED] = "never came over TLS",
	};
	int last = -1;

	for (size_t i = 0; i < p->ngroups; i++) {
		const struct preflight_group *g = &p->group[i];

		if ((int)g->impact.says != last)
			printf("\n%s: %u\n", titles[g->impact.says],
			    p->devices[g->impact.says]);
		last = (int)g->impact.says;
		if (g->impact.says != TRUST_IMPACT_UNTOUCHED)
			print_group(p, g);
	}
	if (p->fleet.n == 0)
		printf("\nno device is known yet: nothing can be said of "
		    "them\n");
}

static void
print_dates(const struct preflight_cmd *c, const struct preflight *p)
{
	size_t shown = 0;

	printf("\ncalendar\n");
	for (size_t i = 0; i < p->ndates; i++) {
		const struct preflight_date *d = &p->date[i];
		char about[LOG_VAL_MAX];

		if (shown == DATES_SHOWN || (shown > 0 &&
		    d->day_s > c->s.now_s + SOON_S)) {
			printf("  and %zu later; --json has all\n",
			    p->ndates - i);
			break;
		}
		shown++;
		printf("  %s %s: %s%s\n", d->day, safe(about,
		    str_cstr(d->about)), d->what, d->day_s < c->s.now_s ?
		    " (it is past)" : "");
		if (d->in_use && d->devices > 0)
			printf("      hits %u device%s here that accept%s no "
			    "other root%s%.*s\n", d->devices, d->devices == 1 ?
			    "" : "s", d->devices == 1 ? "s" : "",
			    d->whom.n > 0 ? ": " : "", STR_FMT(d->whom));
		else if (d->whom.n > 0)
			printf("      hits %.*s\n", STR_FMT(d->whom));
	}
}

static void
print_text(const struct preflight_cmd *c, const struct preflight *p)
{
	print_chain(c, p);
	print_groups(p);
	print_dates(c, p);
	printf("\n%zu devices: %u accept, %u refuse, %u unknown, %u never "
	    "over TLS; %u go%s dark\n", p->fleet.n,
	    p->devices[TRUST_IMPACT_ACCEPTS],
	    p->devices[TRUST_IMPACT_REFUSES],
	    p->devices[TRUST_IMPACT_UNKNOWN],
	    p->devices[TRUST_IMPACT_UNTOUCHED], p->dark,
	    p->dark == 1 ? "es" : "");
}

/* ---- for programs ---- */

static json_t *
device_json(const struct preflight *p, size_t i)
{
	const struct fleet_device *d = &p->fleet.device[i];
	const struct fleet_group *g = &p->fleet.group[d->group];
	const struct trust_impact *t = &p->impact[i];
	char text[PREFLIGHT_TEXT];
	struct buf why;

	buf_init_array(&why, text, sizeof(text));
	preflight_evidence(&why, p, i);
	return json_pack("{s:I s:o s:o s:o s:s s:s s:o s:b s:b}", "id",
	    (json_int_t)d->id, "name", cmd_json(p->fleet.text[d->name]),
	    "model", cmd_json(g->title), "profile", g->profile != NULL ?
	    cmd_json(g->profile->name) : json_null(), "says",
	    trust_impact_says_name(t->says), "why",
	    trust_impact_why_name(t->why), "evidence",
	    cmd_json(buf_as_str(&why)), "good", (int)t->good, "dark",
	    (int)t->dark);
}

static json_t *
group_json(const struct preflight *p, const struct preflight_group *g)
{
	const struct fleet_group *of = &p->fleet.group[g->group];

	return json_pack("{s:o s:o s:s s:s s:s s:s s:I s:I}", "model",
	    cmd_json(of->title), "profile", of->profile != NULL ?
	    cmd_json(of->profile->name) : json_null(), "says",
	    trust_impact_says_name(g->impact.says), "why",
	    trust_impact_why_name(g->impact.why), "text",
	    trust_impact_why_text(g->impact.why), "to_know",
	    trust_impact_decides(g->impact.why), "devices",
	    (json_int_t)g->devices, "dark", (json_int_t)g->dark);
}

static json_t *
date_json(const struct preflight_date *d)
{
	return json_pack("{s:s s:o s:s s:o s:o s:b s:b s:I}", "day", d->day,
	    "about", cmd_json(str_cstr(d->about)), "what", d->what, "hits",
	    cmd_json(d->whom), "source", cmd_json(d->source), "new_chain",
	    (int)d->of_new, "in_use", (int)d->in_use, "devices",
	    (json_int_t)d->devices);
}

static json_t *
chain_json(const struct preflight *p)
{
	json_t *faults = json_array(), *roots = json_array();

	for (int f = 0; f < TRUST_FAULTS; f++)
		if ((p->faults & 1u << f) != 0)
			json_array_append_new(faults, json_string(
			    trust_fault_name((enum trust_fault)f)));
	for (unsigned i = 0; i < p->anchors.n; i++)
		json_array_append_new(roots,
		    cmd_json(str_cstr(p->anchors.v[i].label)));
	return json_pack("{s:o s:s s:I s:I s:I s:o s:o s:b}", "names",
	    cmd_json(str_cstr(p->chain.names)), "key", p->chain.cert[0].key,
	    "certificates", (json_int_t)p->chain.sent, "not_before",
	    (json_int_t)p->chain.facts.not_before_s, "not_after",
	    (json_int_t)p->chain.facts.not_after_s, "roots", roots, "faults",
	    faults, "holds_key", (int)p->has_key);
}

static void
print_json(const struct preflight *p)
{
	json_t *groups = json_array(), *devices = json_array();
	json_t *dates = json_array(), *top;

	for (size_t i = 0; i < p->ngroups; i++)
		json_array_append_new(groups, group_json(p, &p->group[i]));
	for (size_t i = 0; i < p->fleet.n; i++)
		json_array_append_new(devices, device_json(p, i));
	for (size_t i = 0; i < p->ndates; i++)
		json_array_append_new(dates, date_json(&p->date[i]));
	top = json_pack("{s:o s:I s:I s:I s:I s:I s:o s:o s:o}", "chain",
	    chain_json(p), "accept",
	    (json_int_t)p->devices[TRUST_IMPACT_ACCEPTS], "refuse",
	    (json_int_t)p->devices[TRUST_IMPACT_REFUSES], "unknown",
	    (json_int_t)p->devices[TRUST_IMPACT_UNKNOWN], "untouched",
	    (json_int_t)p->devices[TRUST_IMPACT_UNTOUCHED], "dark",
	    (json_int_t)p->dark, "groups", groups, "devices", devices,
	    "calendar", dates);
	cmd_print_json(top); /* the exit code is the finding */
}

/* ---- the command ---- */

static int
parse(int argc, char **argv, struct preflight_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT("instead", "NAME", &c->s.instead,
		    "the chain whose place it takes, as siptrust status has "
		    "it; the others stay.  Default: it is the only one"),
		OPTION_TEXT("name", "NAME", &c->s.name,
		    "what the phones are set to: is it for that?"),
		OPTION_FLAG("strict", &c->strict,
		    "exit 1 for a device that nobody can tell, too"),
		OPTION_DEVICES(&c->devices),
		OPTION_CONFIG(&c->config,
		    "the edge's configuration: its chains are those in use, "
		    "and its data folder is the default of --data"),
		OPTION_DATA(&c->s.dir),
		OPTION_JSON(&c->json),
	};
	const struct cmd_usage usage = { "preflight", about_text,
		exit_text, options, ARRAY_LEN(options) };
	int code = cmd_options(&usage, argc, argv);

	return code != CMD_OK ? code : cmd_one_operand(&usage,
	    "CHAIN.pem", argc, argv, &c->s.file);
}

/* What is in use, and the folder: given, the configuration's, the default. */
static int
find_edge(struct preflight_cmd *c, struct buf *why)
{
	int err = c->config == NULL ? 0 :
	    conf_load(&c->conf, c->config, NULL, 0, why);

	if (err != 0)
		return err;
	c->s.conf = c->conf;
	if (c->s.dir == NULL && c->conf != NULL)
		c->s.dir = c->conf->data;
	c->s.dir = cmd_data_folder(c->folder, c->s.dir);
	return 0;
}

static int
run(struct preflight_cmd *c, struct buf *why)
{
	struct preflight p;
	int err = find_edge(c, why), code;

	if (err == 0)
		err = cmd_known_load(&c->known, c->devices, why);
	c->s.roots = c->known.roots;
	c->s.calendar = c->known.calendar;
	c->s.profiles = c->known.profiles;
	c->s.now_s = clock_wall_s();
	if (err == 0)
		err = preflight_run(&p, &c->s, why);
	if (err != 0)
		return cmd_complain(CMD_FAILED, "preflight", "%.*s",
		    STR_FMT(buf_as_str(why)));
	if (c->json)
		print_json(&p);
	else
		print_text(c, &p);
	code = p.dark > 0 || (c->strict &&
	    p.devices[TRUST_IMPACT_UNKNOWN] > 0) ? CMD_FINDING : CMD_OK;
	preflight_fini(&p);
	return code;
}

int
cmd_preflight(int argc, char **argv)
{
	struct preflight_cmd c = { .devices = getenv("SIPTRUST_DEVICES") };
	struct buf why;
	int code = parse(argc, argv, &c);

	if (code != CMD_OK)
		return code;
	buf_init(&why, WHY_MAX);
	code = run(&c, &why);
	cmd_known_fini(&c.known);
	conf_unref(c.conf);
	buf_fini(&why);
	return code;
}
