/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_PARAM_H
#define SIP_PARAM_H
/*
 * sip/param - ";name=value" lists and comma-separated lists, with quoted
 * strings and angle brackets respected (RFC 3261 25.1).
 */
#include <stdbool.h>

#include "base/str.h"

struct sip_param {
	struct str name;
	struct str value; /* absent: no '='; a quoted string keeps its quotes */
};

/*
 * Take the next parameter off *list, which begins with ';' (LWS allowed).
 * Returns false at the end or when what follows is malformed; *list is then
 * left where it stopped (empty at a clean end).
 */
bool sip_param_next(struct str *list, struct sip_param *out);

/* Look one up by name, without case.  False: not there. */
bool sip_param_get(struct str list, struct str name, struct str *value);

/* Inside of a quoted string ("..." taken off, escapes kept); else as it is. */
struct str sip_unquote(struct str s);

/*
 * Take the next element of a comma-separated list; commas inside "..." and
 * <...> do not count.  False at the end.
 */
bool sip_list_next(struct str *list, struct str *element);

/* An option-tag or token in a comma-separated value, without case. */
bool sip_list_has(struct str list, struct str token);

#endif
