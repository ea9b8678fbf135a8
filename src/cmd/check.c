/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "cmd/known.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "device/match.h"
#include "diag/check.h"
#include "edge/status.h"
#include "net/resolve.h"
#include "tlswire/alert.h"

#define WHY_MAX      ((size_t)64 << 10)
#define TIMEOUT_S    4
#define TIMEOUT_MAX  60
#define SUITES_SHOWN 3

static const char about_text[] =
    "usage: siptrust check HOST[:PORT] [OPTION]...\n"
    "\n"
    "What phones would say of a server: it connects as each profile would,\n"
    "and says for each whether it registers, is refused and why, or that this\n"
    "is not known and what would decide it.  Besides, what a checker says of\n"
    "a SIP server.  Phones are taken as they are delivered; what the devices\n"
    "of this edge have shown counts more than what their makers publish.\n";

static const char exit_text[] =
    "Exit: 0 no fault was found and nobody is refused, 1 there is a fault or\n"
    "somebody is refused, 2 wrong usage, 3 no connection, no such host.\n";

struct check_cmd {
	const char *host, *name, *as, *devices, *data;
	char host_name[256];   /* the name, where none was given */
	uint32_t timeout_s;
	bool all, json;
	struct cmd_known known;
	struct status fleet;
	bool has_fleet;
	struct check_learned *learned;
	struct check_settings s;
};

/* ---- words ---- */

static const char *
yes_no(enum device_answer a)
{
	static const char *const text[] = { "not known", "no", "yes" };

	return text[a];
}

static const char *
safe(char out[LOG_VAL_MAX], const char *text)
{
	return log_val(out, LOG_VAL_MAX, str_cstr(text));
}

/* ---- for people ---- */

static void
print_server(const struct check_report *r)
{
	const struct check_server *s = &r->server;
	char line[LOG_VAL_MAX];

	printf("\nserver\n  versions    ");
	for (unsigned i = 0; i < CHECK_VERSIONS; i++)
		printf("%s%s: %s", i > 0 ? ", " : "",
		    tls_version_name((uint16_t)(TLS_VERSION_1_0 + i)),
		    yes_no(s->version[i]));
	printf("\n  suites      %u%s", s->nsuites, s->more_suites ?
	    " or more" : "");
	for (unsigned i = 0; i < s->nsuites && i < SUITES_SHOWN; i++)
		printf("%s%s", i > 0 ? ", " : ": ", s->suite[i].name);
	printf("%s\n  keys        RSA: %s, ECDSA: %s\n",
	    s->nsuites > SUITES_SHOWN ? ", ... (--json)" : "",
	    yes_no(s->rsa), yes_no(s->ecdsa));
	printf("  resumption  tickets: %s, session IDs: %s\n",
	    yes_no(s->tickets), yes_no(s->session_ids));
	printf("  OPTIONS     %s\n", s->answered ? safe(line, s->answer) :
	    "not answered");
}

static void
print_chain(const struct check_report *r)
{
	char subject[LOG_VAL_MAX], until[CLOCK_DAY_LEN];

	printf("\nchain, %u certificates, %zu bytes\n", r->chain.sent,
	    r->chain.bytes);
	for (unsigned i = 0; i < r->chain.n; i++) {
		const struct x509_served_cert *c = &r->chain.cert[i];

		printf("  %u %s %s %s until %s\n", i + 1,
		    safe(subject, c->subject), c->key, c->signature,
		    clock_day(until, c->not_after_s));
	}
	for (unsigned i = 0; i < r->anchors.n; i++) {
		const struct anchor *a = &r->anchors.v[i];

		printf("  %s %s%s%s%s\n", a->end && r->anchors.incomplete ?
		    "missing" : "leads to", safe(subject, a->label),
		    a->root == NULL ? ", in no public store" : "",
		    a->not_after_s != 0 ? ", until " : "",
		    a->not_after_s != 0 ?
		    clock_day(until, a->not_after_s) : "");
	}
	printf("  for %s\n", safe(subject, r->chain.names));
}

static void
print_one(const struct check_prediction *p)
{
	printf("  %-20.*s %s", STR_FMT(p->profile->name),
	    check_says_name(p->says));
	if (p->says != CHECK_UNKNOWN)
		printf(" (%s)", trust_confidence_name(p->confidence));
	if (p->says == CHECK_REFUSED)
		printf(" %s", trust_cause_name(p->cause));
	printf(": %s\n", p->reason);
	if (p->remedy[0] != '\0')
		printf("      %s: %s\n", p->says == CHECK_UNKNOWN ?
		    "to know it" : "remedy", p->remedy);
}

static bool
is_alike(const struct check_prediction *a, const struct check_prediction *b)
{
	return a->says == b->says && a->cause == b->cause &&
	    a->confidence == b->confidence &&
	    strcmp(a->reason, b->reason) == 0;
}

/* Those with the same answer together, in the order of the first. */
static void
print_groups(const struct check_report *r, enum check_says says)
{
	for (size_t i = 0; i < r->npredictions; i++) {
		const struct check_prediction *p = &r->prediction[i];
		bool told = p->says != says;
		int column = 4;

		for (size_t k = 0; k < i && !told; k++)
			told = is_alike(&r->prediction[k], p);
		if (told)
			continue;
		printf("  %s", check_says_name(p->says));
		if (p->says != CHECK_UNKNOWN)
			printf(" (%s)", trust_confidence_name(p->confidence));
		if (p->says == CHECK_REFUSED)
			printf(" %s", trust_cause_name(p->cause));
		printf(": %s\n   ", p->reason);
		for (size_t k = i; k < r->npredictions; k++) {
			struct str name = r->prediction[k].profile->name;

			if (!is_alike(&r->prediction[k], p))
				continue;
			if (column + (int)name.n + 1 > 79) {
				printf("\n   ");
				column = 4;
			}
			printf(" %.*s", STR_FMT(name));
			column += (int)name.n + 1;
		}
		putchar('\n');
	}
}

static size_t
count(const struct check_report *r, enum check_says says)
{
	size_t n = 0;

	for (size_t i = 0; i < r->npredictions; i++)
		n += r->prediction[i].says == says;
	return n;
}

static void
print_text(const struct check_cmd *c, const struct check_report *r)
{
	char where[ADDR_STRLEN];

	printf("%s (%s)\n", c->host, addr_print(&c->s.server, where));
	if (r->end != DIAL_OPEN) {
		printf("  no phone registers: %s\n", r->trouble);
		return;
	}
	print_server(r);
	print_chain(r);
	for (unsigned i = 0; i < r->nnotes; i++)
		printf("%s%s: %s\n", i == 0 ? "\n" : "", r->note[i].fault ?
		    "FAULT" : "note", r->note[i].text);
	printf("\nphones, as delivered\n");
	if (c->all || c->as != NULL)
		for (size_t i = 0; i < r->npredictions; i++)
			print_one(&r->prediction[i]);
	else
		for (int says = CHECK_REGISTERS; says <= CHECK_UNKNOWN; says++)
			print_groups(r, (enum check_says)says);
	if (c->as == NULL)
		printf("%zu profiles: %zu register, %zu refused, %zu "
		    "unknown%s\n", r->npredictions, count(r, CHECK_REGISTERS),
		    count(r, CHECK_REFUSED), count(r, CHECK_UNKNOWN),
		    c->all ? "" : "; --all has the remedies");
}

/* ---- for programs ---- */

static json_t *
answer_json(enum device_answer a)
{
	return a == DEVICE_UNKNOWN ? json_null() :
	    json_boolean(a == DEVICE_YES);
}

static json_t *
server_json(const struct check_server *s)
{
	json_t *versions = json_object(), *suites = json_array();

	for (unsigned i = 0; i < CHECK_VERSIONS; i++)
		json_object_set_new(versions,
		    tls_version_name((uint16_t)(TLS_VERSION_1_0 + i)),
		    answer_json(s->version[i]));
	for (unsigned i = 0; i < s->nsuites; i++)
		json_array_append_new(suites, json_string(s->suite[i].name));
	return json_pack("{s:o s:o s:b s:o s:o s:o s:o s:b s:b s:o s:I s:I}",
	    "versions", versions, "suites", suites, "more_suites",
	    (int)s->more_suites, "rsa", answer_json(s->rsa), "ecdsa",
	    answer_json(s->ecdsa), "tickets", answer_json(s->tickets),
	    "session_ids", answer_json(s->session_ids),
	    "asks_client_certificate", (int)s->asks, "options_answered",
	    (int)s->answered, "options_answer", cmd_json(str_cstr(s->answer)),
	    "options_status", (json_int_t)s->status, "handshake_ms",
	    (json_int_t)s->ms);
}

static json_t *
chain_json(const struct check_report *r)
{
	const struct x509_served *s = &r->chain;
	json_t *certs = json_array(), *roots = json_array();

	for (unsigned i = 0; i < s->n; i++) {
		const struct x509_served_cert *c = &s->cert[i];

		json_array_append_new(certs, json_pack("{s:o s:o s:s s:s s:I "
		    "s:I}", "subject", cmd_json(str_cstr(c->subject)), "issuer",
		    cmd_json(str_cstr(c->issuer)), "key", c->key, "signature",
		    c->signature, "not_before", (json_int_t)c->not_before_s,
		    "not_after", (json_int_t)c->not_after_s));
	}
	for (unsigned i = 0; i < r->anchors.n; i++)
		json_array_append_new(roots, json_pack("{s:o s:b s:I}",
		    "root", cmd_json(str_cstr(r->anchors.v[i].label)), "public",
		    (int)(r->anchors.v[i].root != NULL), "not_after",
		    (json_int_t)r->anchors.v[i].not_after_s));
	return json_pack("{s:o s:o s:I s:o s:b s:b s:b s:b}", "certificates",
	    certs, "roots", roots, "bytes", (json_int_t)s->bytes, "names",
	    cmd_json(str_cstr(s->names)), "named", (int)s->named,
	    "named_loosely", (int)!s->facts.wrong_name, "in_order",
	    (int)!s->facts.out_of_order, "complete",
	    (int)!r->anchors.incomplete);
}

static json_t *
prediction_json(const struct check_prediction *p)
{
	return json_pack("{s:s# s:s s:o s:o s:o s:s s:s s:o}", "profile",
	    p->profile->name.p, (int)p->profile->name.n, "says",
	    check_says_name(p->says), "confidence", p->says == CHECK_UNKNOWN ?
	    json_null() : json_string(trust_confidence_name(p->confidence)),
	    "cause", p->says == CHECK_REFUSED ?
	    json_string(trust_cause_name(p->cause)) : json_null(), "reason",
	    cmd_json(str_cstr(p->reason)), p->says == CHECK_UNKNOWN ?
	    "to_know" : "remedy", p->remedy, "tls_version", p->version != 0 ?
	    tls_version_name(p->version) : "", "cipher_suite",
	    json_integer(p->suite));
}

static int
print_json(const struct check_cmd *c, const struct check_report *r)
{
	json_t *notes = json_array(), *phones = json_array(), *top;
	char where[ADDR_STRLEN];

	for (unsigned i = 0; i < r->nnotes; i++)
		json_array_append_new(notes, json_pack("{s:b s:o}", "fault",
		    (int)r->note[i].fault, "text",
		    cmd_json(str_cstr(r->note[i].text))));
	for (size_t i = 0; i < r->npredictions; i++)
		json_array_append_new(phones,
		    prediction_json(&r->prediction[i]));
	top = json_pack("{s:s s:s s:s s:b s:o s:o s:o}", "host", c->host,
	    "address", addr_print(&c->s.server, where), "name", c->name,
	    "tls", (int)(r->end == DIAL_OPEN), "trouble",
	    cmd_json(str_cstr(r->trouble)), "notes", notes, "phones", phones);
	if (r->end == DIAL_OPEN) {
		json_object_set_new(top, "server", server_json(&r->server));
		json_object_set_new(top, "chain", chain_json(r));
	}
	return cmd_print_json(top);
}

/* ---- what is known ---- */

/* What the fleet has shown, by profile. */
static int
load_learned(struct check_cmd *c, struct buf *why)
{
	char folder[CMD_FOLDER_MAX];
	size_t n = 0;
	int err = status_read(&c->fleet, cmd_data_folder(folder, c->data),
	    STR(""), why);

	if (err == E_ABSENT && c->data == NULL) {
		buf_reset(why);
		return 0;
	}
	if (err != 0)
		return err;
	c->has_fleet = true;
	for (size_t i = 0; i < c->fleet.n; i++)
		n += c->fleet.device[i].nbeliefs;
	c->s.learned = c->learned = calloc(n + 1, sizeof(*c->learned));
	if (c->learned == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->fleet.n; i++) {
		const struct status_device *d = &c->fleet.device[i];
		const struct device_profile *p =
		    cmd_profile_of(c->known.profiles, d);

		for (size_t k = 0; p != NULL && k < d->nbeliefs; k++)
			c->learned[c->s.nlearned++] = (struct check_learned) {
				p->name, d->belief[k].root,
				d->belief[k].holding,
			};
	}
	return 0;
}

static int
load(struct check_cmd *c, struct buf *why)
{
	int err = cmd_known_load(&c->known, c->devices, why);

	if (err == 0)
		err = load_learned(c, why);
	c->s.roots = c->known.roots;
	c->s.profiles = c->known.profiles;
	if (err != 0)
		return cmd_complain(CMD_FAILED, "check", "%.*s",
		    STR_FMT(buf_as_str(why)));
	if (c->as == NULL)
		return CMD_OK;
	c->s.only = device_catalogue_find(c->known.profiles, str_cstr(c->as));
	if (c->s.only == NULL)
		return cmd_complain(CMD_USAGE, "check", "no profile, or more "
		    "than one, is called \"%s\"; siptrust device list has them "
		    "all", c->as);
	return CMD_OK;
}

static void
unload(struct check_cmd *c)
{
	free(c->learned);
	if (c->has_fleet)
		status_fini(&c->fleet);
	cmd_known_fini(&c->known);
}

/* ---- the command ---- */

/* "[2001:db8::1]:5061" and "pbx:5061" without the port. */
static void
name_of_host(char *out, size_t size, struct str host)
{
	struct addr a;
	size_t n = host.n;

	if (addr_parse_ip(&a, host) == 0) {
		str_copy(out, size, host);
		return;
	}
	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n > 1 && n < host.n && host.p[n - 1] == ':')
		host.n = n - 1;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_of(host.p + 1, host.n - 2);
	str_copy(out, size, host);
}

static int
parse(int argc, char **argv, struct check_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT("as", "PROFILE", &c->as,
		    "one profile, or a model: SPA502G"),
		OPTION_FLAG("all", &c->all,
		    "every profile by itself, with its remedy; default: those "
		    "with the same answer together"),
		OPTION_TEXT("name", "NAME", &c->name,
		    "what the phones are set to; default: HOST"),
		OPTION_NUMBER("timeout", "S", &c->timeout_s, 1, TIMEOUT_MAX,
		    "seconds", "of one connection; default 4"),
		OPTION_DEVICES(&c->devices),
		OPTION_TEXT("data", "DIR", &c->data,
		    "folder of the edge, for what devices have shown; "
		    "default: as siptrust edge"),
		OPTION_JSON(&c->json),
	};
	const struct cmd_usage usage = { "check", about_text,
		exit_text, options, ARRAY_LEN(options) };
	int code = cmd_options(&usage, argc, argv);

	if (code == CMD_OK)
		code = cmd_one_operand(&usage, "HOST[:PORT]", argc, argv,
		    &c->host);
	if (code == CMD_OK && c->all && c->as != NULL)
		code = cmd_complain(CMD_USAGE, "check", "expected --as or "
		    "--all, not both");
	if (code == CMD_OK && c->name == NULL) {
		name_of_host(c->host_name, sizeof(c->host_name),
		    str_cstr(c->host));
		c->name = c->host_name;
	}
	return code;
}

static int
exit_code(const struct check_report *r)
{
	if (r->end == DIAL_NO_CONNECTION)
		return CMD_FAILED;
	if (r->end != DIAL_OPEN || count(r, CHECK_REFUSED) > 0)
		return CMD_FINDING;
	return r->nnotes > 0 && r->note[0].fault ? CMD_FINDING : CMD_OK;
}

static int
run(struct check_cmd *c, struct buf *why)
{
	struct check_report report;
	int code = load(c, why);

	if (code != CMD_OK)
		return code;
	if (resolve(&c->s.server, str_cstr(c->host), 5061, why) != 0)
		return cmd_complain(CMD_FAILED, "check", "%.*s",
		    STR_FMT(buf_as_str(why)));
	c->s.name = c->name;
	c->s.timeout_ms = c->timeout_s * 1000;
	c->s.now_s = clock_wall_s();
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "connecting ...\r");
	if (check_run(&report, &c->s, why) != 0)
		return cmd_complain(CMD_FAILED, "check", "%.*s",
		    STR_FMT(buf_as_str(why)));
	code = exit_code(&report);
	if (c->json && print_json(c, &report) != CMD_OK)
		code = CMD_FAILED;
	if (!c->json)
		print_text(c, &report);
	check_report_fini(&report);
	return code;
}

int
cmd_check(int argc, char **argv)
{
	struct check_cmd c = {
		.devices = getenv("SIPTRUST_DEVICES"),
		.timeout_s = TIMEOUT_S,
	};
	struct buf why;
	int code = parse(argc, argv, &c);

	if (code != CMD_OK)
		return code;
	buf_init(&why, WHY_MAX);
	code = run(&c, &why);
	unload(&c);
	buf_fini(&why);
	return code;
}
