/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/digest.h"
#include "base/err.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "sip/auth.h"
#include "store/store.h"

#define NAME_MAX_BYTES     64
#define PASSWORD_MAX_BYTES 256
#define DOMAIN_MAX_BYTES   256
#define FOLDER_MAX_BYTES   1024

static const char about_text[] =
    "usage: siptrust user add|passwd|del NAME[@DOMAIN] [OPTION]...\n"
    "       siptrust user list [--json] [OPTION]...\n"
    "       siptrust user import [OPTION]... <FILE\n"
    "\n"
    "Accounts of the edge's own registrar.  The edge may be running: it knows\n"
    "a change within a second.\n"
    "\n"
    "  add NAME            a new account; asks for its password\n"
    "  passwd NAME         another password for an account\n"
    "  del NAME            take an account away\n"
    "  list                all accounts\n"
    "  import              add or change many: lines \"NAME PASSWORD\" on\n"
    "                      standard input, all of them or none\n";

struct user_cmd {
	const char *verb;
	struct str name;
	char domain[DOMAIN_MAX_BYTES];
	const char *data;
	bool password_stdin, json;
	struct store *store;
};

static int
store_failed(const struct user_cmd *c)
{
	return cmd_complain(CMD_FAILED, "user", "the store cannot be used: %s",
	    store_error(c->store));
}

/* ---- names and passwords ---- */

/* A name goes into a digest and a log: no colon, space, control character. */
static bool
name_is_fit(struct str name)
{
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c <= ' ' || c == 0x7f || strchr(":@\"\\<>,;", c) != NULL)
			return false;
	}
	return true;
}

static bool
read_line(FILE *in, char *out, size_t size)
{
	size_t n;

	if (fgets(out, (int)size, in) == NULL)
		return false;
	n = strcspn(out, "\r\n");
	if (out[n] == '\0' && !feof(in))
		return false; /* longer than fits */
	out[n] = '\0';
	return n > 0;
}

static bool
ask(const char *prompt, char *out, size_t size)
{
	struct termios before, silent;
	FILE *tty = fopen("/dev/tty", "r+");
	bool ok;

	if (tty == NULL || tcgetattr(fileno(tty), &before) != 0) {
		if (tty != NULL)
			fclose(tty);
		return false;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &silent);
	fputs(prompt, tty);
	fflush(tty);
	ok = read_line(tty, out, size);
	tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fputc('\n', tty);
	fclose(tty);
	return ok;
}

static int
get_password(const struct user_cmd *c, char out[PASSWORD_MAX_BYTES])
{
	char again[PASSWORD_MAX_BYTES];
	bool same;

	if (c->password_stdin) {
		if (read_line(stdin, out, PASSWORD_MAX_BYTES))
			return CMD_OK;
		return cmd_complain(CMD_USAGE, "user", "standard input holds "
		    "no password, or one that is too long");
	}
	if (!ask("Password: ", out, PASSWORD_MAX_BYTES) ||
	    !ask("Once more: ", again, sizeof(again)))
		return cmd_complain(CMD_USAGE, "user", "no password: run it on "
		    "a terminal, or with --password-stdin");
	same = strcmp(out, again) == 0;
	digest_wipe(again, sizeof(again));
	return same ? CMD_OK : cmd_complain(CMD_USAGE, "user", "the two are "
	    "not the same");
}

/* Only the HA1s are stored (RFC 7616 3.4.2). */
static int
put_user(const struct user_cmd *c, struct str name, struct str password)
{
	struct store_user u = { .name = name, .realm = str_cstr(c->domain) };
	int err;

	for (int a = 0; a < DIGEST_ALGS; a++)
		sip_ha1((enum digest_alg)a, name, u.realm, password, u.ha1[a]);
	err = store_put_user(c->store, &u);
	digest_wipe(u.ha1, sizeof(u.ha1));
	return err == 0 ? CMD_OK : store_failed(c);
}

/* ---- the verbs ---- */

struct lookup {
	struct str name, realm;
	bool found;
};

static int
match(const struct store_user *u, void *arg)
{
	struct lookup *l = arg;

	l->found = l->found ||
	    (str_eq(u->name, l->name) && str_eq(u->realm, l->realm));
	return 0;
}

static int
set_password(struct user_cmd *c, bool must_exist)
{
	struct lookup l = { .name = c->name, .realm = str_cstr(c->domain) };
	char password[PASSWORD_MAX_BYTES];
	int err;

	if (store_each_user(c->store, match, &l) != 0)
		return store_failed(c);
	if (l.found != must_exist) {
		return cmd_complain(CMD_FINDING, "user", "%.*s@%s %s",
		    STR_FMT(c->name), c->domain, must_exist ? "does not exist; "
		    "siptrust user add makes it" : "exists; siptrust user "
		    "passwd changes it");
	}
	err = get_password(c, password);
	if (err == CMD_OK)
		err = put_user(c, c->name, str_cstr(password));
	digest_wipe(password, sizeof(password));
	if (err == CMD_OK)
		printf("%.*s@%s\n", STR_FMT(c->name), c->domain);
	return err;
}

static int
verb_add(struct user_cmd *c)
{
	return set_password(c, false);
}

static int
verb_passwd(struct user_cmd *c)
{
	return set_password(c, true);
}

static int
verb_del(struct user_cmd *c)
{
	int err = store_del_user(c->store, c->name, str_cstr(c->domain));

	if (err == E_ABSENT) {
		return cmd_complain(CMD_FINDING, "user", "%.*s@%s does not "
		    "exist", STR_FMT(c->name), c->domain);
	}
	return err == 0 ? CMD_OK : store_failed(c);
}

static int
list_line(const struct store_user *u, void *arg)
{
	printf("%.*s@%.*s\n", STR_FMT(u->name), STR_FMT(u->realm));
	return 0;
}

static int
list_json(const struct store_user *u, void *arg)
{
	json_t *o = json_pack("{s:o,s:o}", "name", cmd_json(u->name),
	    "domain", cmd_json(u->realm));

	return o != NULL && json_array_append_new(arg, o) == 0 ? 0 : -ENOMEM;
}

static int
verb_list(struct user_cmd *c)
{
	json_t *all;
	int err;

	if (!c->json)
		return store_each_user(c->store, list_line, NULL) == 0 ?
		    CMD_OK : store_failed(c);
	all = json_array();
	err = store_each_user(c->store, list_json, all);
	if (err == 0)
		cmd_print_json(all); /* as it would be in lines */
	else
		json_decref(all);
	return err == 0 ? CMD_OK : store_failed(c);
}

static int
import_line(const struct user_cmd *c, char *line, int number)
{
	struct str rest = str_cstr(line);
	struct str name = str_cut(&rest, ' ');

	if (!name_is_fit(name) || rest.n == 0) {
		/* Not the line itself: it may hold a password. */
		return cmd_complain(CMD_USAGE, "user", "line %d: expected "
		    "\"NAME PASSWORD\"; nothing was imported", number);
	}
	return put_user(c, name, rest);
}

static int
verb_import(struct user_cmd *c)
{
	char line[NAME_MAX_BYTES + PASSWORD_MAX_BYTES + 2];
	int number = 0, err = CMD_OK;

	if (store_begin(c->store) != 0)
		return store_failed(c);
	while (err == CMD_OK && read_line(stdin, line, sizeof(line)))
		err = import_line(c, line, ++number);
	digest_wipe(line, sizeof(line));
	if (err == CMD_OK && !feof(stdin)) {
		err = cmd_complain(CMD_USAGE, "user", "line %d: empty or too "
		    "long; nothing was imported", number + 1);
	}
	if (err == CMD_OK && store_commit(c->store) != 0)
		err = store_failed(c);
	if (err != CMD_OK)
		store_rollback(c->store);
	else
		printf("%d users\n", number);
	return err;
}

struct verb {
	const char *name;
	int (*fn)(struct user_cmd *c);
	bool takes_name;
	bool adds;       /* makes the store when there is none */
};

static const struct verb verbs[] = {
	{ "add", verb_add, true, true },
	{ "passwd", verb_passwd, true, false },
	{ "del", verb_del, true, false },
	{ "list", verb_list, false, false },
	{ "import", verb_import, false, true },
};

/* ---- the command line ---- */

static int
take_domain(void *arg, const char *option, const char *value)
{
	struct user_cmd *c = arg;

	return str_copy(c->domain, sizeof(c->domain), str_cstr(value)) ?
	    CMD_OK : cmd_complain(CMD_USAGE, "user", "%s: too long for a "
	    "domain", value);
}

static int
parse(int argc, char **argv, struct user_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT("data", "DIR", &c->data,
		    "folder of the store, as given to the edge"),
		OPTION_CALL("domain", "NAME", take_domain, c,
		    "SIP domain; default: the one the edge last used"),
		OPTION_FLAG("password-stdin", &c->password_stdin,
		    "read the password from standard input"),
		OPTION_FLAG("json", &c->json, "list as JSON"),
	};
	int code = cmd_options(&(struct cmd_usage) { "user", about_text,
	    NULL, options, ARRAY_LEN(options) }, argc, argv);

	if (code != CMD_OK)
		return code;
	if (optind == argc)
		return cmd_complain(CMD_USAGE, "user", "expected add, passwd, "
		    "del, list or import; siptrust user --help tells more");
	c->verb = argv[optind++];
	if (optind < argc) {
		struct str rest = str_cstr(argv[optind++]);
		c->name = str_cut(&rest, '@');
		if (rest.n > 0 && take_domain(c, "domain", rest.p) != CMD_OK)
			return CMD_USAGE;
	}
	return cmd_no_more("user", argc, argv);
}

static int
no_domain(void)
{
	return cmd_complain(CMD_FAILED, "user", "no domain yet: start the "
	    "edge once, or give --domain NAME");
}

/* Nothing is made in a folder that is another's, or by who only looks. */
static int
check_folder(const struct user_cmd *c, const struct verb *v)
{
	char path[FOLDER_MAX_BYTES];

	if (access(c->data, W_OK | X_OK) != 0)
		return cmd_complain(CMD_FAILED, "user", "%s: %s; --data names "
		    "the folder of the edge", c->data, strerror(errno));
	if (snprintf(path, sizeof(path), "%s/siptrust.db", c->data) >=
	    (int)sizeof(path))
		return cmd_complain(CMD_USAGE, "user", "%s: too long for a "
		    "folder", c->data);
	if (access(path, F_OK) == 0)
		return CMD_OK;
	if (!v->adds)
		return cmd_complain(CMD_FAILED, "user", "%s: there are no "
		    "accounts yet; --data names the folder of the edge", path);
	return c->domain[0] != '\0' ? CMD_OK : no_domain();
}

/* The edge's spelling; what it would not take is said, and done. */
static int
settle_domain(struct user_cmd *c, const struct verb *v)
{
	char edges[DOMAIN_MAX_BYTES];

	if (c->domain[0] != '\0' && !conf_is_host(str_cstr(c->domain)))
		return cmd_complain(CMD_USAGE, "user", "\"%s\" is no domain: "
		    "expected a host name or an IP address", c->domain);
	if (store_get_meta(c->store, "domain", edges, sizeof(edges)) != 0)
		return c->domain[0] != '\0' || !(v->takes_name || v->adds) ?
		    CMD_OK : no_domain();
	if (c->domain[0] == '\0' ||
	    str_ieq(str_cstr(c->domain), str_cstr(edges)))
		str_copy(c->domain, sizeof(c->domain), str_cstr(edges));
	else if (v->adds)
		IGNORE(cmd_complain(CMD_OK, "user", "note: the edge last ran "
		    "with domain %s; it takes accounts of %s when it is "
		    "started with that", edges, c->domain));
	return CMD_OK;
}

static int
open_store(struct user_cmd *c, const struct verb *v)
{
	char why[512] = "";
	int err = check_folder(c, v);

	if (err != CMD_OK)
		return err;
	err = store_open_sqlite(&c->store, c->data, why, sizeof(why));
	if (err != 0) {
		return cmd_complain(CMD_FAILED, "user", "%s", why[0] != '\0' ?
		    why : err_str(err));
	}
	return settle_domain(c, v);
}

static int
run(struct user_cmd *c)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		int err;

		if (strcmp(verbs[i].name, c->verb) != 0)
			continue;
		if (verbs[i].takes_name && !name_is_fit(c->name))
			return cmd_complain(CMD_USAGE, "user", "%s: expected a "
			    "NAME of 1 to 64 characters, without space : \" \\ "
			    "< > , ;", c->verb);
		if (!verbs[i].takes_name && c->name.n > 0)
			return cmd_complain(CMD_USAGE, "user", "%s takes no "
			    "NAME", c->verb);
		err = open_store(c, &verbs[i]);
		return err == CMD_OK ? verbs[i].fn(c) : err;
	}
	return cmd_complain(CMD_USAGE, "user", "\"%s\" is not add, passwd, "
	    "del, list or import", c->verb);
}

int
cmd_user(int argc, char **argv)
{
	struct user_cmd c = { .name = STR("") };
	char folder[CMD_FOLDER_MAX];
	int err = parse(argc, argv, &c);

	if (err != CMD_OK)
		return err;
	c.data = cmd_data_folder(folder, c.data);
	err = run(&c);
	store_close(c.store);
	return err;
}
