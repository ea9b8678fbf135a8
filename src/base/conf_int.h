/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CONF_INT_H
#define BASE_CONF_INT_H
/*
 * base/conf_int - what the files of base/conf share.
 *
 * conf.c holds the table of settings and the snapshot's life, conf_file.c
 * reads the file with libconfuse after conf_scan.c has gone over its text,
 * conf_check.c judges values, conf_chain.c knows chains and what names them,
 * conf_upstream.c the PBXs behind us.
 * A loader lives for one conf_load() and belongs to its thread.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/conf.h"

enum conf_id {
#define CONF_STR(name, def, text)                 CONF_ID_##name,
#define CONF_LIST(name, def, text)                CONF_ID_##name,
#define CONF_INT(name, def, min, max, unit, text) CONF_ID_##name,
#define CONF_BOOL(name, def, text)                CONF_ID_##name,
#include "base/conf.def"
#undef CONF_STR
#undef CONF_LIST
#undef CONF_INT
#undef CONF_BOOL
	CONF_IDS
};

enum conf_kind { CONF_KIND_STR, CONF_KIND_LIST, CONF_KIND_INT, CONF_KIND_BOOL };

struct conf_setting {
	const char *name;
	enum conf_kind kind;
	size_t offset;   /* of the member in struct conf   */
	const char *def; /* as written in a file, unquoted */
	int min, max;
	const char *unit;
	const char *text;
};

extern const struct conf_setting conf_settings[CONF_IDS];

/* Where a value came from: a line of the file, or one of these. */
#define CONF_AT_OVERRIDE 0
#define CONF_AT_FILE     (-1) /* the file as a whole, or the defaults */

struct conf_loader {
	struct conf *conf;
	const char *path;   /* NULL: no file */
	struct buf *why;
	int line[CONF_IDS]; /* where each setting was last given */
	int *pin_line;      /* of each value of pin              */
	size_t npin_line;
	bool chains_over;   /* the command line has given one    */
	bool upstreams_over; /* likewise                         */
	size_t errors;
	bool no_memory;
};

/* Add one line to why: "FILE:LINE: " and the text. */
void conf_wrong(struct conf_loader *l, int line, const char *fmt, ...)
    PRINTF(3, 4);

/* CONF_IDS when there is no such setting. */
enum conf_id conf_find(const char *name);

/* The setting whose name is nearest, NULL when none is near. */
const char *conf_nearest(const char *name);

/* Store one value: replaces a scalar, is added to a list. */
void conf_store(struct conf_loader *l, enum conf_id id, const char *value);

/* Empty a list before conf_store(). */
void conf_clear_list(struct conf_loader *l, enum conf_id id);

/* Quoted and escaped for a message; returns out. */
const char *conf_quote(char out[96], const char *value);

bool conf_parse_int(const char *value, int *out);
bool conf_parse_bool(const char *value, bool *out);

/* conf_check.c: type, range and form of one value. */
void conf_check_value(struct conf_loader *l, enum conf_id id, const char *value,
    int line);
/* What depends on more than one value; call when all else is right. */
void conf_check_whole(struct conf_loader *l);

/* conf_chain.c: the options of a chain, and what refers to chains. */
bool conf_is_chain_name(struct str name);
bool conf_is_pin(struct str value);      /* by its form alone */
bool conf_is_selector(struct str value);
/* Takes over the members of c; a nameless one on lack of memory. */
void conf_add_chain(struct conf_loader *l, struct conf_chain *c);
void conf_chain_fini(struct conf_chain *c);
/* NAME=CERTFILE,KEYFILE of the command line; the first replaces the file's. */
void conf_override_chain(struct conf_loader *l, const char *value);
/* Fill pins and old, check every name; call when all else is right. */
void conf_link_chains(struct conf_loader *l);
/* A value of pin was found there. */
void conf_note_pin(struct conf_loader *l, int line);

/* conf_upstream.c: the options of an upstream. */
#define CONF_UPSTREAM_URI                                                      \
	"sip:HOST[:PORT][;transport=udp|tcp|tls] or sips:HOST[:PORT], as in "  \
	"\"sip:pbx.example.com;transport=udp\""
enum conf_upstream_option {
	CONF_UPSTREAM_OPTION_URI,
	CONF_UPSTREAM_OPTION_REGISTER,
	CONF_UPSTREAM_OPTION_CA,
	CONF_UPSTREAM_OPTION_CERTIFICATE,
	CONF_UPSTREAM_OPTION_KEY,
	CONF_UPSTREAM_OPTION_SERVER_NAME,
	CONF_UPSTREAM_OPTION_VERIFY,
	CONF_UPSTREAM_OPTIONS
};
extern const char *const conf_upstream_option[CONF_UPSTREAM_OPTIONS];
/* Its form; what is wrong is said. */
void conf_check_upstream_option(struct conf_loader *l,
    enum conf_upstream_option o, const char *value, int line);
/* value: as written, NULL where it is not given; each has been checked. */
void conf_add_upstream(struct conf_loader *l, const char *name,
    const char *const value[CONF_UPSTREAM_OPTIONS], int line);
void conf_upstream_fini(struct conf_upstream *u);
/* URI[,path|,contact][,NAME=VALUE]... of the command line; the first replaces
 * the file's. */
void conf_override_upstream(struct conf_loader *l, const char *value);

/* False on lack of memory. */
bool conf_list_add(struct conf_list *list, const char *value);
void conf_list_fini(struct conf_list *list);

/*
 * conf_scan.c: blank the comments of text (NUL-terminated), line breaks stay.
 * false, and an error, when a brace, a string or a comment has no end.
 */
bool conf_scan(struct conf_loader *l, char *text);

/* conf_file.c: read l->path into l->conf. */
void conf_read_file(struct conf_loader *l);

#endif
