/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CONF_H
#define BASE_CONF_H
/*
 * base/conf - the edge's settings: a file, defaults, and overrides.
 *
 * A struct conf is an immutable snapshot once conf_check has passed it; it is
 * shared by reference count and a reload replaces the whole of it.  File
 * syntax is libconfuse's:
 *
 *     domain = "example.com"
 *     tls = { "0.0.0.0:5061", "[::]:5061" }
 *     chain public {
 *             certificate = "/etc/siptrust/fullchain.pem"
 *             key = "/etc/siptrust/privkey.pem"
 *             root = "/etc/siptrust/root.pem"
 *             short = 1
 *             cross = { "/etc/siptrust/cross-signed.pem" }
 *     }
 *     upstream pbx {
 *             uri = "sip:pbx.example.com;transport=tls"
 *             register = "path"
 *             ca = "/etc/siptrust/pbx-ca.pem"
 *     }
 *
 * Every error is one line: FILE:LINE: what was found, what was expected.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/selector.h"

struct conf_list {
	char **v;
	size_t n;
};

/*
 * A certificate chain to present, with its key (PEM files), and how many more
 * are made of it: NAME-short, NAME-short2 ..., NAME-cross, NAME-cross2 ...
 */
struct conf_chain {
	char *name;        /* letters, digits, "._-"                        */
	char *certificate;
	char *key;
	char *root;        /* file of the root that it must lead to, or NULL */
	int shorter;       /* certificates left off the end, at most        */
	struct conf_list cross; /* files of certificates to append          */
	int line;          /* in the file, 0 from the command line, -1: the
	                      edge's own chain                              */
};

/* A device that who matches is presented this chain, or variant of one. */
struct conf_pin {
	struct selector who; /* borrows from the list pin               */
	struct str chain;    /* tls_ctx_find gives its index            */
	int line;            /* as conf_chain's                         */
};

enum conf_transport {
	CONF_TRANSPORT_ANY, /* none given: as the DNS has it */
	CONF_TRANSPORT_UDP,
	CONF_TRANSPORT_TCP,
	CONF_TRANSPORT_TLS,
};

/* How the certificate of a PBX is checked. */
enum conf_verify {
	CONF_VERIFY_YES,      /* RFC 5280, and names as RFC 5922 has them     */
	CONF_VERIFY_WILDCARD, /* the same, and a wildcard counts as a name    */
	CONF_VERIFY_NO,       /* not at all                                   */
};

#define CONF_UPSTREAMS_MAX 16

/* A PBX that we stand in front of. */
struct conf_upstream {
	char *name;        /* letters, digits, "._-"                        */
	char *uri;         /* as written                                    */
	char *host;        /* a name or an address, IPv6 without brackets   */
	int port;          /* 0: none given                                 */
	enum conf_transport transport;
	bool sips;         /* a sips: URI: TLS, and nothing else            */
	bool contact;      /* register = "contact": Contact is rewritten;
	                      else Path is put in                           */
	char *ca;          /* file with what its certificate must lead to,
	                      or NULL: the system's roots                   */
	char *certificate; /* ours, shown to a PBX that asks; or NULL       */
	char *key;         /* NULL: in the same file                        */
	char *server_name; /* what its certificate must be for, or NULL:
	                      host                                          */
	enum conf_verify verify;
	int line;          /* as conf_chain's                               */
};

struct conf {
#define CONF_STR(name, def, text)                 char *name;
#define CONF_LIST(name, def, text)                struct conf_list name;
#define CONF_INT(name, def, min, max, unit, text) int name;
#define CONF_BOOL(name, def, text)                bool name;
#include "base/conf.def"
#undef CONF_STR
#undef CONF_LIST
#undef CONF_INT
#undef CONF_BOOL
	struct conf_chain *chain; /* configured, in order of preference */
	size_t nchain;
	struct conf_upstream *upstream; /* in order of preference       */
	size_t nupstream;
	struct conf_pin *pins;    /* pin, parsed: the first that fits   */
	size_t npins;
	struct selector *old;     /* old_tls, parsed                    */
	size_t nold;
	char *path; /* the file, NULL without one */
};

/*
 * A setting given on the command line, over the file: repeat for a list, for
 * "chain" with the value NAME=CERTFILE,KEYFILE, and for "upstream" with
 * URI[,path|,contact][,NAME=VALUE]...; these are named pbx, pbx2 ...
 */
struct conf_override {
	const char *name;  /* as in conf.def */
	const char *value;
};

/*
 * Read path (NULL: defaults alone), apply the overrides, check ranges and
 * addresses.  On failure *out is untouched and why says what is wrong, one
 * line an error.  0, E_CONFIG, -ENOMEM.  The caller owns one reference.
 */
MUSTCHECK int conf_load(struct conf **out, const char *path,
    const struct conf_override *over, size_t nover, struct buf *why);

/* The name of a host (RFC 1123 2.1, "_" let pass) or an IP address. */
bool conf_is_host(struct str s);

/* The same texts in the same order. */
bool conf_list_equal(const struct conf_list *a, const struct conf_list *b);

struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL does nothing */

/* "FILE:LINE: ", "FILE: ", "command line: " or nothing, for a message. */
void conf_place(const struct conf *c, int line, struct buf *out);

/* Can a server of it be one that speaks TLS; and must each? */
bool conf_upstream_may_use_tls(const struct conf_upstream *u);
bool conf_upstream_must_use_tls(const struct conf_upstream *u);

/* The data folder when none is given: $XDG_STATE_HOME/siptrust and so on. */
void conf_default_data(char *out, size_t size);

/* The commented sample file, made from conf.def. */
void conf_sample(struct buf *out);

#endif
