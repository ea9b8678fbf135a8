/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "ca/authority.h"
#include "ca/show.h"
#include "cmd/ca_int.h"
#include "cmd/option.h"
#include "cmd/say.h"

#define WHY_BYTES     4096
#define PATH_BYTES    1024
#define LOCAL_MAX     64
#define YEARS_MAX     50
#define DAY_S         86400

static const char about_text[] =
    "usage: siptrust ca init [--constrain NAME|NET]... [--years N]\n"
    "                        [OPTION]...\n"
    "       siptrust ca issue [--host NAME]... [--ip ADDR]... [--days N]\n"
    "                         [--key rsa|p256] [--out FILE] [OPTION]...\n"
    "       siptrust ca renew [OPTION]...\n"
    "       siptrust ca show [FILE] [--json] [OPTION]...\n"
    "       siptrust ca export [--root NAME] [--for PROFILE] [--url BASE]\n"
    "                          [--out DIR | --der] [OPTION]...\n"
    "\n"
    "A CA of one's own for phones, in the data folder of the edge.\n"
    "\n"
    "  init    make one (the edge does so too, at its first start)\n"
    "  issue   a certificate for another server\n"
    "  renew   the edge's own certificate, if a third of its life is left\n"
    "  show    what a certificate says; without FILE: the CA's and the edge's\n"
    "  export  the CA, or a public root, in the form that a phone takes, and\n"
    "          the settings to write\n";

/* ---- init, issue, renew ---- */

static void
print_day(const char *label, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		printf("%s%04d-%02d-%02d", label, tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday);
}

static void
print_lines(const char *label, const char *lines)
{
	struct str rest = str_cstr(lines);

	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		printf("  %-12s %.*s\n", label, STR_FMT(line));
		label = "";
	}
}

static void
print_confined(const struct ca_shown *s)
{
	print_lines("confined to", s->permitted);
	if (s->any_name)
		print_lines("", "any name: no --constrain NAME was given");
	if (s->any_address)
		print_lines("", "any address: no --constrain NET was given");
}

static int
verb_init(struct ca_cmd *c, struct buf *why)
{
	struct ca_root_want want = {
		.domain = c->conf->domain, .years = (int)c->years,
		.permit = c->permit, .npermit = c->npermit,
	};
	char path[PATH_BYTES];
	struct ca_shown s;
	int rc = ca_init(c->conf->data, &want, clock_wall_s(), why);

	snprintf(path, sizeof(path), "%s/ca.pem", c->conf->data);
	if (rc == 0)
		rc = ca_show(&s, path, why);
	if (rc != 0)
		return rc == E_EXISTS ? CMD_FINDING : CMD_FAILED;
	printf("%s\n  subject      %s\n  SHA-256      %s\n", path, s.subject,
	    s.sha256);
	print_confined(&s);
	print_day("  valid to     ", s.not_after_s);
	printf("\nIts key is in %s/ca-key.pem: whoever has it can be any "
	    "server to your phones.\n", c->conf->data);
	return CMD_OK;
}

/* FILE and FILE-key.pem, or those of the domain in this folder. */
static bool
issue_paths(const struct ca_cmd *c, char cert[PATH_BYTES],
    char key[PATH_BYTES])
{
	struct str stem = str_cstr(c->out != NULL ? c->out :
	    c->conf->domain);

	if (stem.n > 4 && str_eq(str_from(stem, stem.n - 4), STR(".pem")))
		stem.n -= 4;
	return stem.n > 0 &&
	    snprintf(cert, PATH_BYTES, "%.*s.pem", STR_FMT(stem)) <
	    PATH_BYTES && snprintf(key, PATH_BYTES, "%.*s-key.pem",
	    STR_FMT(stem)) < PATH_BYTES;
}

static int
verb_issue(struct ca_cmd *c, struct buf *why)
{
	char cert[PATH_BYTES], key[PATH_BYTES];
	struct ca_issue_want want = {
		.server.names = { .domain = c->conf->domain, .ip = c->ip,
		    .nip = c->nip, .host = c->host, .nhost = c->nhost },
		.server.days = (int)c->days, .key_type = c->key_type,
		.cert_file = cert, .key_file = key, .replace = c->replace,
	};
	int rc;

	if (!issue_paths(c, cert, key))
		return cmd_complain(CMD_USAGE, "ca", "--out: not a file's "
		    "name");
	rc = ca_issue(c->conf->data, &want, clock_wall_s(), why);
	if (rc == -ENOENT)
		buf_puts(why, " (siptrust ca init makes a CA; --data names "
		    "the edge's folder)");
	if (rc != 0)
		return rc == E_EXISTS || rc == E_MISMATCH ? CMD_FINDING :
		    CMD_FAILED;
	printf("%s\n%s\n", cert, key);
	return CMD_OK;
}

/* It is due and was not renewed: why not. */
static bool
still_due(const struct ca_files *files, int days, struct buf *why)
{
	struct ca_shown s;
	struct tm tm;
	time_t end = (time_t)files->not_after_s;

	if (files->issued || ca_show(&s, files->server_cert, why) != 0 ||
	    s.not_after_s - clock_wall_s() >= ca_renew_before_s(days))
		return false;
	if (!ca_ends_with(s.not_after_s, files->not_after_s))
		buf_printf(why, "ca-key.pem is kept elsewhere, but %s is due: "
		    "put it back beside %s", files->server_cert,
		    files->ca_cert);
	else if (gmtime_r(&end, &tm) != NULL)
		buf_printf(why, "%s: the CA itself ends on %04d-%02d-%02d, no "
		    "certificate of it lasts longer: every phone must be given "
		    "a new CA before", files->ca_cert, tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday);
	return true;
}

static int
verb_renew(struct ca_cmd *c, struct buf *why)
{
	struct addr all[LOCAL_MAX];
	struct ca_server_want want = {
		.names = { .domain = c->conf->domain, .ip = all,
		    .nip = addr_local(all, LOCAL_MAX) },
		.days = c->days > 0 ? (int)c->days :
		    c->conf->certificate_days,
	};
	struct ca_files files;

	if (ca_ensure(&files, c->conf->data, &want, clock_wall_s(), why) != 0)
		return CMD_FAILED;
	if (still_due(&files, want.days, why))
		return CMD_FINDING;
	printf("%s %s\n", files.server_cert, files.issued ? "issued anew" :
	    "is good for longer");
	return CMD_OK;
}

/* ---- show ---- */

static void
print_shown(const char *path, const struct ca_shown *s, int64_t now_s)
{
	printf("%s\n  subject      %s\n", path, s->subject);
	if (!s->self_signed)
		printf("  issuer       %s\n", s->issuer);
	printf("  kind         %s\n", !s->ca ? "server or client certificate" :
	    s->self_signed ? "root CA" : "intermediate CA");
	print_lines("names", s->names);
	print_confined(s);
	printf("  key          %s\n", s->key);
	print_day("  valid from   ", s->not_before_s);
	print_day(" to ", s->not_after_s);
	if (s->not_after_s < now_s)
		fputs(", expired", stdout);
	else
		printf(", %lld days left",
		    (long long)((s->not_after_s - now_s) / DAY_S));
	printf("\n  serial       %s\n  SHA-256      %s\n  SHA-1        %s\n",
	    s->serial, s->sha256, s->sha1);
}

static json_t *
json_lines(const char *lines)
{
	json_t *list = json_array();
	struct str rest = str_cstr(lines);

	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		json_array_append_new(list, json_stringn(line.p, line.n));
	}
	return list;
}

static json_t *
json_shown(const char *path, const struct ca_shown *s)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:b,s:o,s:o,s:b,s:b,s:s,s:I,s:I,"
	    "s:s,s:s,s:s}", "file", path, "subject", s->subject, "issuer",
	    s->issuer, "ca", s->ca, "self_signed", s->self_signed, "names",
	    json_lines(s->names), "confined_to", json_lines(s->permitted),
	    "any_name", s->any_name, "any_address", s->any_address, "key",
	    s->key, "not_before", (json_int_t)s->not_before_s, "not_after",
	    (json_int_t)s->not_after_s, "serial", s->serial,
	    "sha256", s->sha256, "sha1", s->sha1);
}

static int
show_one(const char *path, json_t *all, struct buf *why)
{
	int64_t now_s = clock_wall_s();
	struct ca_shown s;

	if (ca_show(&s, path, why) != 0)
		return CMD_FAILED;
	if (all != NULL)
		json_array_append_new(all, json_shown(path, &s));
	else
		print_shown(path, &s, now_s);
	return s.not_after_s < now_s ? CMD_FINDING : CMD_OK;
}

static int
verb_show(struct ca_cmd *c, struct buf *why)
{
	char ca[PATH_BYTES], server[PATH_BYTES];
	json_t *all = c->json ? json_array() : NULL;
	int code;

	snprintf(ca, sizeof(ca), "%s/ca.pem", c->conf->data);
	snprintf(server, sizeof(server), "%s/server.pem", c->conf->data);
	code = show_one(c->file != NULL ? c->file : ca, all, why);
	if (c->file == NULL && code != CMD_FAILED &&
	    access(server, F_OK) == 0) {
		int second = show_one(server, all, why);
		code = second > code ? second : code;
	}
	if (all != NULL && code != CMD_FAILED)
		cmd_print_json(all); /* the exit code is the finding */
	else
		json_decref(all);
	return code;
}

static const struct {
	const char *name;
	int (*fn)(struct ca_cmd *c, struct buf *why);
	bool takes_file;
} verbs[] = {
	{ "init", verb_init, false },
	{ "issue", verb_issue, false },
	{ "renew", verb_renew, false },
	{ "show", verb_show, true },
	{ "export", ca_verb_export, false },
};

/* ---- the command line ---- */

static int
add(const char **list, size_t *n, const char *option, const char *value)
{
	if (*n == CA_LIST_MAX)
		return cmd_complain(CMD_USAGE, "ca", "--%s: more than %d",
		    option, CA_LIST_MAX);
	list[(*n)++] = value;
	return CMD_OK;
}

static int
take_constraint(void *arg, const char *option, const char *value)
{
	struct ca_cmd *c = arg;

	return add(c->permit, &c->npermit, option, value);
}

static int
take_host(void *arg, const char *option, const char *name)
{
	struct ca_cmd *c = arg;

	if (!ca_is_dns_name(name))
		return cmd_complain(CMD_USAGE, "ca", "--host %s: expected a "
		    "DNS name (letters, digits, hyphens, dots; phones take no "
		    "wildcard)", name);
	return add(c->host, &c->nhost, option, name);
}

static int
take_ip(void *arg, const char *option, const char *text)
{
	struct ca_cmd *c = arg;
	struct addr a;

	if (addr_parse_ip(&a, str_cstr(text)) != 0)
		return cmd_complain(CMD_USAGE, "ca", "--ip %s: expected an "
		    "IPv4 address", text);
	if (a.u.sa.sa_family != AF_INET)
		return cmd_complain(CMD_USAGE, "ca", "--ip %s: a certificate "
		    "for phones carries no IPv6 address, one TLS stack in use "
		    "aborts on it; give the server a name", text);
	if (c->nip == CA_LIST_MAX)
		return cmd_complain(CMD_USAGE, "ca", "--%s: more than %d",
		    option, CA_LIST_MAX);
	c->ip[c->nip++] = a;
	return CMD_OK;
}

static int
take_key_type(void *arg, const char *option, const char *text)
{
	struct ca_cmd *c = arg;
	bool p256 = strcmp(text, "p256") == 0;

	if (!p256 && strcmp(text, "rsa") != 0)
		return cmd_complain(CMD_USAGE, "ca", "--key %s: expected rsa "
		    "or p256", text);
	c->key_type = p256 ? CA_KEY_P256 : CA_KEY_RSA;
	return CMD_OK;
}

/* The settings of the edge that count here. */
struct settings {
	const char *config, *data, *domain, *roots_file;
};

static int
load_settings(struct ca_cmd *c, const struct settings *s, struct buf *why)
{
	const struct conf_override all[] = {
		{ "data", s->data }, { "domain", s->domain },
		{ "roots_file", s->roots_file },
	};
	struct conf_override given[ARRAY_LEN(all)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].value != NULL)
			given[n++] = all[i];
	return conf_load(&c->conf, s->config, given, n, why);
}

static int
parse(int argc, char **argv, struct ca_cmd *c, struct settings *s)
{
	const struct cmd_option options[] = {
		OPTION_CALL("constrain", "X", take_constraint, c,
		    "init: the CA may issue for this name and below it, for "
		    "this network (10.0.0.0/8), and for no other name, or "
		    "address; give both kinds to confine both"),
		OPTION_NUMBER("years", "N", &c->years, 1, YEARS_MAX, "years",
		    "init: how long the CA is good; default 20"),
		OPTION_CALL("host", "NAME", take_host, c,
		    "issue: another DNS name to put into the certificate"),
		OPTION_CALL("ip", "ADDR", take_ip, c,
		    "issue: an IPv4 address to put into it"),
		OPTION_NUMBER("days", "N", &c->days, 1, CA_DAYS_MAX - 1,
		    "days", "issue: how long it is good; default: the "
		    "setting certificate_days"),
		OPTION_CALL("key", "rsa|p256", take_key_type, c,
		    "issue: RSA-2048 (default; every phone) or P-256"),
		OPTION_TEXT("out", "FILE", &c->out,
		    "issue: certificate and CA; the key goes to FILE-key.pem; "
		    "export: a folder for the files"),
		OPTION_FLAG("replace", &c->replace,
		    "issue: anew for the key that is there"),
		OPTION_TEXT("root", "NAME", &c->root,
		    "export: a public root (isrg-root-x1) instead of the CA"),
		OPTION_TEXT("for", "PROFILE", &c->profile,
		    "export: a phone: cisco-spa50x, SPA502G, ..."),
		OPTION_TEXT("url", "BASE", &c->url,
		    "export: where the files are served, as in "
		    "http://pbx:8080"),
		OPTION_FLAG("der", &c->der,
		    "export: DER instead of PEM on the standard output"),
		OPTION_FLAG("json", &c->json, "show: as JSON"),
		OPTION_CONFIG(&s->config,
		    "settings of the edge; siptrust.conf(5)"),
		OPTION_TEXT("data", "DIR", &s->data, "its data folder"),
		OPTION_TEXT("domain", "NAME", &s->domain, "its SIP domain"),
		OPTION_TEXT("roots-file", "FILE", &s->roots_file,
		    "public roots; default: the system's"),
	};
	int code = cmd_options(&(struct cmd_usage) { "ca", about_text, NULL,
	    options, ARRAY_LEN(options) }, argc, argv);

	if (code != CMD_OK)
		return code;
	if (optind == argc)
		return cmd_complain(CMD_USAGE, "ca", "expected init, issue, "
		    "renew, show or export; siptrust ca --help tells more");
	c->verb = argv[optind++];
	if (optind < argc && strcmp(c->verb, "show") == 0)
		c->file = argv[optind++];
	return cmd_no_more("ca", argc, argv);
}

static int
run(struct ca_cmd *c, const struct settings *s, struct buf *why)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, c->verb) != 0)
			continue;
		if (load_settings(c, s, why) != 0)
			return CMD_FAILED;
		return verbs[i].fn(c, why);
	}
	return cmd_complain(CMD_USAGE, "ca", "\"%s\" is not init, issue, "
	    "renew, show or export", c->verb);
}

int
cmd_ca(int argc, char **argv)
{
	struct ca_cmd c = { .verb = NULL };
	struct settings s = { .config = NULL };
	struct buf why;
	int code = parse(argc, argv, &c, &s);

	if (code != CMD_OK)
		return code;
	buf_init(&why, WHY_BYTES);
	code = run(&c, &s, &why);
	while (why.n > 0 && why.p[why.n - 1] == '\n')
		why.n--;
	if (why.n > 0)
		code = cmd_complain(code, "ca", "%.*s",
		    STR_FMT(buf_as_str(&why)));
	conf_unref(c.conf);
	buf_fini(&why);
	return code;
}
