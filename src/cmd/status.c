/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/selector.h"
#include "capture/syslog.h"
#include "cmd/known.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "cmd/status_int.h"
#include "device/match.h"
#include "edge/flow.h"
#include "tlswire/alert.h"

#define WHY_MAX  2048

static const char about_text[] =
    "usage: siptrust status [OPTION]...\n"
    "\n"
    "The devices that the edge knows, as its data folder has them: by what\n"
    "and where they are connected, and what the last handshake that was\n"
    "refused meant.  While the edge runs this is at most seconds behind.\n"
    "In front of a PBX its servers stand first, up or down.\n";

static const char exit_text[] =
    "Exit: 0 fine, 1 some device is refused and not served, or a server of an\n"
    "upstream is down, 2 wrong usage, 3 nothing to read, or no such device.\n";

/* ---- words ---- */

const char *
status_time(char out[CLOCK_TIME_LEN], int64_t unix_s)
{
	return unix_s == 0 || clock_time(out, unix_s)[0] == '\0' ? "never" :
	    out;
}

const char *
status_transport(const struct store_device *d)
{
	if (d->accounts.n == 0)
		return "-";
	return d->transport >= FLOW_UDP && d->transport <= FLOW_TLS ?
	    flow_transport_name((enum flow_transport)d->transport) : "?";
}

const char *
status_version(uint16_t version)
{
	return version != 0 ? tls_version_name(version) : "-";
}

const char *
status_safe(char out[LOG_VAL_MAX], struct str s)
{
	return s.n > 0 ? log_val(out, LOG_VAL_MAX, s) : "-";
}

const char *
status_state(const struct status_device *d)
{
	if (d->refused)
		return "refused";
	return d->row.accounts.n > 0 ? "registered" : "seen";
}

/* ---- for people ---- */

void
status_print_verdict(const struct status_device *d)
{
	char when[CLOCK_TIME_LEN];

	if (d->row.cause.n == 0)
		return;
	printf("      %s refused: %.*s (%.*s)\n      because %.*s\n"
	    "      %.*s\n", status_time(when, d->row.refused_s),
	    STR_FMT(d->row.cause), STR_FMT(d->row.confidence),
	    STR_FMT(d->row.reason), STR_FMT(d->row.remedy));
}

static void
print_fleet(const struct status *s, bool refused)
{
	if (s->n == 0) {
		printf("no device%s\n", refused ? " is refused" : "s yet");
		return;
	}
	status_print_table(s->device, s->n, clock_wall_s(), true);
	status_print_sum(s);
}

static void
print_deeds(const struct status_device *d)
{
	for (size_t i = 0; i < d->ndeeds; i++) {
		const struct store_deed *deed = &d->deed[i];
		char chain[LOG_VAL_MAX], root[LOG_VAL_MAX], a[CLOCK_TIME_LEN],
		    r[CLOCK_TIME_LEN];

		printf("  chain %s (root %s): accepted %u, last %s; "
		    "refused %u, last %s%s\n", status_safe(chain, deed->chain),
		    status_safe(root, deed->root), deed->accepted,
		    status_time(a, deed->accepted_s), deed->refused,
		    status_time(r, deed->refused_s),
		    deed->fetched ? "; has fetched the root's file" : "");
	}
	for (size_t i = 0; i < d->nbeliefs; i++) {
		char root[LOG_VAL_MAX];

		printf("  root %s: %s\n", status_safe(root, d->belief[i].root),
		    trust_holding_name(d->belief[i].holding));
	}
}

/* What siptrust roots probe found. */
static void
print_asked(const struct status_device *d)
{
	for (size_t i = 0; i < d->nasked; i++) {
		const struct store_probe_holding *h = &d->asked[i];
		char root[LOG_VAL_MAX], when[CLOCK_TIME_LEN];
		bool told = !str_eq(h->holding, STR("cannot_tell"));

		printf("  root %s: asked: %.*s%s%.*s%s, %s by %.*s: %.*s\n",
		    status_safe(root, h->label), STR_FMT(h->holding),
		    told ? " (" : "", told ? (int)h->confidence.n : 0,
		    h->confidence.p, told ? ")" : "",
		    status_time(when, h->at_s),
		    STR_FMT(h->method), STR_FMT(h->reason));
	}
}

static void
print_events(const struct status_device *d)
{
	for (size_t i = 0; i < d->nevents; i++) {
		const struct store_event *e = &d->event[i];
		char when[CLOCK_TIME_LEN], chain[LOG_VAL_MAX];

		printf("  %s %-10.*s chain %s", status_time(when, e->when_s),
		    STR_FMT(e->what), status_safe(chain, e->chain));
		if (e->cause.n > 0)
			printf(": %.*s (%.*s), %.*s", STR_FMT(e->cause),
			    STR_FMT(e->confidence), STR_FMT(e->reason));
		putchar('\n');
	}
}

static void
print_said(const struct status_device *d)
{
	if (d->nsaid > 0)
		printf("  its own log, last line last:\n");
	for (size_t i = 0; i < d->nsaid; i++) {
		const struct store_said *l = &d->said[i];
		const char *severity = syslog_severity(l->priority);
		char when[CLOCK_TIME_LEN], text[2 * LOG_VAL_MAX];

		printf("  %s %-7s %s\n", status_time(when, l->when_s),
		    severity[0] != '\0' ? severity : "-",
		    log_val(text, sizeof(text), l->text));
	}
}

static void
print_device(const struct status_device *d)
{
	char first[CLOCK_TIME_LEN], last[CLOCK_TIME_LEN], ja4[LOG_VAL_MAX];

	status_print_table(d, 1, clock_wall_s(), false);
	printf("  first seen %s, last seen %s, ClientHello %s%s\n",
	    status_time(first, d->row.first_seen_s),
	    status_time(last, d->row.last_seen_s), status_safe(ja4, d->row.ja4),
	    d->row.old_version ? ", let in with an old TLS version" : "");
	if (d->profile.n > 0)
		printf("  profile %.*s (siptrust device show)\n",
		    STR_FMT(d->profile));
	status_print_verdict(d);
	print_deeds(d);
	print_asked(d);
	print_events(d);
	print_said(d);
}

/* ---- for programs ---- */

static json_t *
version_json(uint16_t version)
{
	return version != 0 ? json_string(tls_version_name(version)) :
	    json_null();
}

static json_t *
deeds_json(const struct status_device *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->ndeeds; i++) {
		const struct store_deed *deed = &d->deed[i];

		json_array_append_new(all, json_pack("{s:o s:o s:I s:I s:I "
		    "s:I s:I s:b}", "chain", cmd_json(deed->chain), "root",
		    cmd_json(deed->root), "accepted",
		    (json_int_t)deed->accepted, "accepted_at",
		    (json_int_t)deed->accepted_s, "refused",
		    (json_int_t)deed->refused, "refused_at",
		    (json_int_t)deed->refused_s, "refused_in_row",
		    (json_int_t)deed->in_row, "fetched", (int)deed->fetched));
	}
	return all;
}

static json_t *
beliefs_json(const struct status_device *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->nbeliefs; i++)
		json_array_append_new(all, json_pack("{s:o s:s s:o}", "root",
		    cmd_json(d->belief[i].root), "belief",
		    trust_holding_name(d->belief[i].holding), "chain",
		    cmd_json(d->belief[i].chain)));
	return all;
}

static json_t *
asked_json(const struct status_device *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->nasked; i++) {
		const struct store_probe_holding *h = &d->asked[i];

		json_array_append_new(all, json_pack("{s:o s:o s:o s:o s:o "
		    "s:o s:I}", "root", cmd_json(h->label), "sha256",
		    cmd_json(h->sha256), "belief", cmd_json(h->holding),
		    "confidence", cmd_json(h->confidence), "method",
		    cmd_json(h->method), "evidence", cmd_json(h->reason),
		    "at", (json_int_t)h->at_s));
	}
	return all;
}

static json_t *
events_json(const struct status_device *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->nevents; i++) {
		const struct store_event *e = &d->event[i];

		json_array_append_new(all, json_pack("{s:I s:o s:o s:o s:o "
		    "s:o s:o}", "at", (json_int_t)e->when_s, "what",
		    cmd_json(e->what), "chain", cmd_json(e->chain),
		    "tls_version", version_json(e->tls_version), "cause",
		    cmd_json(e->cause), "confidence",
		    cmd_json(e->confidence), "evidence",
		    cmd_json(e->reason)));
	}
	return all;
}

static json_t *
said_json(const struct status_device *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->nsaid; i++) {
		const struct store_said *l = &d->said[i];

		json_array_append_new(all, json_pack("{s:I s:s s:o s:o}",
		    "at", (json_int_t)l->when_s, "severity",
		    syslog_severity(l->priority), "about",
		    cmd_json(l->about), "line", cmd_json(l->text)));
	}
	return all;
}

static json_t *
verdict_json(const struct store_device *d)
{
	if (d->cause.n == 0)
		return json_null();
	return json_pack("{s:o s:o s:o s:o s:I}", "cause",
	    cmd_json(d->cause), "confidence", cmd_json(d->confidence),
	    "evidence", cmd_json(d->reason), "remedy", cmd_json(d->remedy),
	    "at", (json_int_t)d->refused_s);
}

static json_t *
device_json(const struct status_device *d, bool full)
{
	const struct store_device *r = &d->row;
	json_t *j = json_pack("{s:I s:o s:o s:o s:s s:s s:o s:I s:o s:I s:I "
	    "s:b s:o s:o}", "id", (json_int_t)r->id, "address",
	    cmd_json(r->address), "user_agent", cmd_json(r->user_agent),
	    "accounts", cmd_json(r->accounts), "state", status_state(d),
	    "transport", status_transport(r), "tls_version",
	    version_json(r->tls_version), "cipher_suite",
	    (json_int_t)r->cipher_suite, "chain", cmd_json(r->chain),
	    "first_seen", (json_int_t)r->first_seen_s, "last_seen",
	    (json_int_t)r->last_seen_s, "old_version", (int)r->old_version,
	    "ja4", cmd_json(r->ja4), "verdict", verdict_json(r));

	json_object_set_new(j, "profile", d->profile.n > 0 ?
	    cmd_json(d->profile) : json_null());
	json_object_set_new(j, "chains", deeds_json(d));
	json_object_set_new(j, "beliefs", beliefs_json(d));
	json_object_set_new(j, "asked", asked_json(d));
	if (full) {
		json_object_set_new(j, "history", events_json(d));
		json_object_set_new(j, "said", said_json(d));
	}
	return j;
}

/* arg: what each line begins with. */
static int
put_deeper(const char *p, size_t n, void *arg)
{
	const char *indent = arg;

	for (size_t i = 0; i < n; i++) {
		putchar(p[i]);
		if (p[i] == '\n')
			fputs(indent, stdout);
	}
	return 0;
}

static void
print_inner(json_t *j, char *indent)
{
	if (j == NULL || json_dump_callback(j, put_deeper, indent,
	    JSON_INDENT(2)) != 0)
		fputs("null", stdout); /* no memory */
	json_decref(j);
}

/* One device after the other: all at once would be ten times the memory. */
static void
print_json(const struct status *s, bool full, const char *data)
{
	char element[] = "    ", member[] = "  ";

	fputs("{\n  \"devices\": [", stdout);
	for (size_t i = 0; i < s->n; i++) {
		fputs(i > 0 ? ",\n    " : "\n    ", stdout);
		print_inner(device_json(&s->device[i], full), element);
	}
	printf("%s],\n  \"refused\": %zu", s->n > 0 ? "\n  " : "",
	    s->refused);
	if (!full) {
		fputs(",\n  \"upstreams\": ", stdout);
		print_inner(status_upstreams_json(data), member);
	}
	puts("\n}");
}

/* ---- the command ---- */

struct status_cmd {
	const char *data;
	struct str device;
	bool refused, json;
};

static int
parse(int argc, char **argv, struct status_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_DATA(&c->data),
		OPTION_STR("device", "WHICH", &c->device,
		    "one in full: its address, its account with or without "
		    "domain, or its number in the first column; or all that "
		    "are 10.0.7.0/24, model:Cisco/SPA, profile:cisco-spa50x, "
		    "ja4:..., account:100"),
		OPTION_FLAG("refused", &c->refused,
		    "those alone that are refused and not served"),
		OPTION_JSON(&c->json),
	};
	int code = cmd_options(&(struct cmd_usage) { "status", about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	return code == CMD_OK ? cmd_no_more("status", argc, argv) : code;
}

static int
failed(struct buf *why)
{
	return cmd_complain(CMD_FAILED, "status", "%.*s",
	    STR_FMT(buf_as_str(why)));
}

static bool
has_profile(const struct status_device *d, void *arg)
{
	return str_eq(d->profile, *(const struct str *)arg);
}

static bool
is_refused(const struct status_device *d, void *arg)
{
	return d->refused;
}

/* What is wanted, of which only the profiles are read here. */
static int
read_fleet(struct status *s, const struct status_cmd *c,
    const struct device_catalogue *all, struct buf *why)
{
	struct selector by;
	bool by_profile = selector_parse(&by, c->device) == 0 &&
	    by.kind == SELECTOR_PROFILE;
	int err = status_read(s, c->data, by_profile ? STR("") : c->device,
	    why);

	if (err != 0)
		return err;
	cmd_name_profiles(s, all);
	if (by_profile)
		status_keep(s, has_profile, &by.text);
	if (by_profile && s->n == 0) {
		buf_printf(why, "no device has the profile %.*s",
		    STR_FMT(by.text));
		return E_ABSENT;
	}
	if (c->refused)
		status_keep(s, is_refused, NULL);
	return 0;
}

static void
print(const struct status *s, const struct status_cmd *c)
{
	if (c->json) {
		print_json(s, c->device.n > 0, c->data);
		return;
	}
	if (c->device.n == 0) {
		status_upstreams_print(c->data);
		print_fleet(s, c->refused);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		print_device(&s->device[i]);
}

int
cmd_status(int argc, char **argv)
{
	struct status_cmd c = { .device = STR("") };
	struct device_catalogue *all = NULL;
	char folder[CMD_FOLDER_MAX];
	struct status s = { .n = 0 };
	struct buf why;
	int err = parse(argc, argv, &c);

	if (err != CMD_OK)
		return err;
	c.data = cmd_data_folder(folder, c.data);
	buf_init(&why, WHY_MAX);
	err = device_catalogue_load(&all, getenv("SIPTRUST_DEVICES"), &why);
	if (err == 0)
		err = read_fleet(&s, &c, all, &why);
	if (err != 0) {
		err = failed(&why);
	} else {
		print(&s, &c);
		err = s.refused > 0 || (c.device.n == 0 &&
		    status_upstreams_down(c.data) > 0) ? CMD_FINDING : CMD_OK;
	}
	buf_fini(&why);
	status_fini(&s);
	device_catalogue_unref(all);
	return err;
}
