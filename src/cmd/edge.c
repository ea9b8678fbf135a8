/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/say.h"
#include "edge/edge.h"
#include "web/provision.h"

#define OVERRIDES_MAX 64
#define WHY_BYTES     8192

static const char usage_text[] =
    "usage: siptrust edge [-c FILE] [--data DIR] [--domain NAME]\n"
    "                     [--sip ADDR:PORT]... [--tls ADDR:PORT]...\n"
    "                     [--chain NAME=CERTFILE,KEYFILE]...\n"
    "                     [--http ADDR:PORT]... [--syslog ADDR:PORT]...\n"
    "                     [--upstream URI[,contact][,NAME=VALUE]...]...\n"
    "                     [--set NAME=VALUE]...\n"
    "\n"
    "Serve phones: SIP over UDP, TCP and TLS.  Without a file it runs on its\n"
    "defaults, with a CA of its own.\n"
    "\n"
    "  -c, --config FILE   settings; siptrust.conf(5) lists them\n"
    "      --data DIR      folder of the store, the CA and the secrets\n"
    "      --domain NAME   SIP domain, and realm of the passwords\n"
    "      --sip ADDR:PORT SIP over UDP and TCP (default 0.0.0.0:5060)\n"
    "      --tls ADDR:PORT SIP over TLS (default 0.0.0.0:5061)\n"
    "      --chain NAME=CERTFILE,KEYFILE\n"
    "                      a chain to present, the preferred first; they take\n"
    "                      the place of the file's\n"
    "      --http ADDR:PORT CA files for phones over plain HTTP\n"
    "      --syslog ADDR:PORT the phones' own logs, over UDP and TCP\n"
    "      --upstream URI[,contact][,NAME=VALUE]...\n"
    "                      stand in front of this PBX (sip:HOST[:PORT]\n"
    "                      [;transport=udp|tcp|tls] or sips:...); contact: it\n"
    "                      takes no Path; NAME: ca, server_name, verify ...\n"
    "      --set NAME=VALUE any other setting, over the file\n"
    "      --sample        print a commented sample file and end\n"
    "  -h, --help          this text\n"
    "\n"
    "SIGHUP reloads file and certificates; SIGINT or SIGTERM ends it.\n";

enum {
	OPT_DATA = 256,
	OPT_DOMAIN,
	OPT_SIP,
	OPT_TLS,
	OPT_HTTP,
	OPT_SYSLOG,
	OPT_CHAIN,
	OPT_UPSTREAM,
	OPT_SET,
	OPT_SAMPLE,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "data", required_argument, NULL, OPT_DATA },
	{ "domain", required_argument, NULL, OPT_DOMAIN },
	{ "sip", required_argument, NULL, OPT_SIP },
	{ "tls", required_argument, NULL, OPT_TLS },
	{ "chain", required_argument, NULL, OPT_CHAIN },
	{ "http", required_argument, NULL, OPT_HTTP },
	{ "syslog", required_argument, NULL, OPT_SYSLOG },
	{ "upstream", required_argument, NULL, OPT_UPSTREAM },
	{ "set", required_argument, NULL, OPT_SET },
	{ "sample", no_argument, NULL, OPT_SAMPLE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct overrides {
	struct conf_override v[OVERRIDES_MAX];
	size_t n;
};

static int
override(struct overrides *o, const char *name, const char *value)
{
	if (o->n == OVERRIDES_MAX) {
		return cmd_complain(CMD_USAGE, "edge", "more than %d settings "
		    "on the command line", OVERRIDES_MAX);
	}
	o->v[o->n++] = (struct conf_override) { name, value };
	return CMD_OK;
}

static int
set_any(struct overrides *o, char *arg)
{
	char *equals = strchr(arg, '=');

	if (equals == NULL) {
		return cmd_complain(CMD_USAGE, "edge", "--set %s: expected "
		    "NAME=VALUE", arg);
	}
	*equals = '\0';
	return override(o, arg, equals + 1);
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

/* CMD_OK and *p filled in; *done: nothing is left to do. */
static int
parse(int argc, char **argv, struct edge_params *p, struct overrides *o,
    bool *done)
{
	int c, err = CMD_OK;

	while (err == CMD_OK && !*done &&
	    (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			p->config = optarg;
			break;
		case OPT_DATA:
			err = override(o, "data", optarg);
			break;
		case OPT_DOMAIN:
			err = override(o, "domain", optarg);
			break;
		case OPT_SIP:
			err = override(o, "sip", optarg);
			break;
		case OPT_TLS:
			err = override(o, "tls", optarg);
			break;
		case OPT_CHAIN:
			err = override(o, "chain", optarg);
			break;
		case OPT_HTTP:
			err = override(o, "http", optarg);
			break;
		case OPT_SYSLOG:
			err = override(o, "syslog", optarg);
			break;
		case OPT_UPSTREAM:
			err = override(o, "upstream", optarg);
			break;
		case OPT_SET:
			err = set_any(o, optarg);
			break;
		case OPT_SAMPLE:
			*done = true;
			return print_sample();
		case 'h':
			*done = true;
			fputs(usage_text, stdout);
			return CMD_OK;
		default:
			return CMD_USAGE;
		}
	}
	if (err == CMD_OK && optind < argc)
		return cmd_complain(CMD_USAGE, "edge", "\"%s\" is no option; "
		    "siptrust edge --help lists them", argv[optind]);
	return err;
}

int
cmd_edge(int argc, char **argv)
{
	struct edge_params p = { .program = program_invocation_name };
	struct overrides o = { .n = 0 };
	struct provision *provision = NULL;
	bool done = false;
	struct buf why;
	int err = parse(argc, argv, &p, &o, &done);

	if (err != CMD_OK || done)
		return err;
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
