/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/option.h"
#include "cmd/say.h"
#include "edge/edge.h"
#include "web/provision.h"

#define OVERRIDES_MAX 64
#define WHY_BYTES     8192

static const char about_text[] =
    "usage: siptrust edge [-c FILE] [--data DIR] [--domain NAME]\n"
    "                     [--sip ADDR:PORT]... [--tls ADDR:PORT]...\n"
    "                     [--chain NAME=CERTFILE,KEYFILE]...\n"
    "                     [--http ADDR:PORT]... [--syslog ADDR:PORT]...\n"
    "                     [--upstream URI[,contact][,NAME=VALUE]...]...\n"
    "                     [--set NAME=VALUE]...\n"
    "\n"
    "Serve phones: SIP over UDP, TCP and TLS.  Without a file it runs on its\n"
    "defaults, with a CA of its own.\n";

static const char exit_text[] =
    "SIGHUP reloads file and certificates; SIGINT or SIGTERM ends it.\n";

struct overrides {
	struct conf_override v[OVERRIDES_MAX];
	size_t n;
};

/* A row that has a setting's name. */
static int
take_setting(void *arg, const char *name, const char *value)
{
	struct overrides *o = arg;

	if (o->n == OVERRIDES_MAX)
		return cmd_complain(CMD_USAGE, "edge", "more than %d settings "
		    "on the command line", OVERRIDES_MAX);
	o->v[o->n++] = (struct conf_override) { name, value };
	return CMD_OK;
}

/* NAME=VALUE; the name is cut off in argv. */
static int
take_any(void *arg, const char *option, const char *value)
{
	char *equals = strchr(value, '=');

	if (equals == NULL)
		return cmd_complain(CMD_USAGE, "edge", "--set %s: expected "
		    "NAME=VALUE", value);
	*equals = '\0';
	return take_setting(arg, value, equals + 1);
}

static int
print_sample(void)
{
	struct buf out;

	buf_init(&out, 65536);
	conf_sample(&out);
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	return CMD_OK;
}

static int
parse(int argc, char **argv, struct edge_params *p, struct overrides *o,
    bool *sample)
{
	const struct cmd_option options[] = {
		OPTION_CONFIG(&p->config,
		    "settings; siptrust.conf(5) lists them"),
		OPTION_CALL("data", "DIR", take_setting, o,
		    "folder of the store, the CA and the secrets"),
		OPTION_CALL("domain", "NAME", take_setting, o,
		    "SIP domain, and realm of the passwords"),
		OPTION_CALL("sip", "ADDR:PORT", take_setting, o,
		    "SIP over UDP and TCP (default 0.0.0.0:5060)"),
		OPTION_CALL("tls", "ADDR:PORT", take_setting, o,
		    "SIP over TLS (default 0.0.0.0:5061)"),
		OPTION_CALL("chain", "NAME=CERTFILE,KEYFILE", take_setting, o,
		    "a chain to present, the preferred first; they take the "
		    "place of the file's"),
		OPTION_CALL("http", "ADDR:PORT", take_setting, o,
		    "CA files for phones over plain HTTP"),
		OPTION_CALL("syslog", "ADDR:PORT", take_setting, o,
		    "the phones' own logs, over UDP and TCP"),
		OPTION_CALL("upstream", "URI[,contact][,NAME=VALUE]...",
		    take_setting, o,
		    "stand in front of this PBX (sip:HOST[:PORT]"
		    "[;transport=udp|tcp|tls] or sips:...); contact: it takes "
		    "no Path; NAME: ca, server_name, verify ..."),
		OPTION_CALL("set", "NAME=VALUE", take_any, o,
		    "any other setting, over the file"),
		OPTION_FLAG("sample", sample,
		    "print a commented sample file and end"),
	};
	int code = cmd_options(&(struct cmd_usage) { "edge", about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	return code == CMD_OK ? cmd_no_more("edge", argc, argv) : code;
}

int
cmd_edge(int argc, char **argv)
{
	struct edge_params p = { .program = program_invocation_name };
	struct overrides o = { .n = 0 };
	struct provision *provision = NULL;
	bool sample = false;
	struct buf why;
	int err = parse(argc, argv, &p, &o, &sample);

	if (err != CMD_OK || sample)
		return err != CMD_OK ? err : print_sample();
	p.over = o.v;
	p.nover = o.n;
	buf_init(&why, WHY_BYTES);
	err = provision_new(&provision);
	if (err == 0) {
		p.guest = provision_guest(provision);
		err = edge_run(&p, &why);
	}
	provision_free(provision);
	if (err != 0)
		fprintf(stderr, "siptrust edge: %.*s%s",
		    STR_FMT(buf_as_str(&why)),
		    why.n > 0 && why.p[why.n - 1] == '\n' ? "" : "\n");
	buf_fini(&why);
	return err == 0 ? CMD_OK : CMD_FAILED;
}
