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
 *     }
 *
 * Every error is one line: FILE:LINE: what was found, what was expected.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct conf_list {
	char **v;
	size_t n;
};

/* A certificate chain to present, with its key (PEM files). */
struct conf_chain {
	char *name;
	char *certificate;
	char *key;
	int line; /* in the file, 0 from the command line */
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
	struct conf_chain *chain;
	size_t nchain;
	char *path; /* the file, NULL without one */
};

/* A setting given on the command line, over the file: repeat for a list. */
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

struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL does nothing */

/* The data folder when none is given: $XDG_STATE_HOME/siptrust and so on. */
void conf_default_data(char *out, size_t size);

/* The commented sample file, made from conf.def. */
void conf_sample(struct buf *out);

#endif
