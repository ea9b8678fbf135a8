/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_CA_INT_H
#define CMD_CA_INT_H
/* cmd/ca_int - what the files of "siptrust ca" share. */
#include "base/addr.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/conf.h"
#include "ca/issue.h"

#define CA_LIST_MAX 32 /* --host, --ip, --constrain: each */

struct ca_cmd {
	const char *verb;
	const char *file;            /* show FILE                     */
	struct conf *conf;           /* data, domain, roots_file, ... */
	const char *host[CA_LIST_MAX];
	size_t nhost;
	struct addr ip[CA_LIST_MAX];
	size_t nip;
	const char *permit[CA_LIST_MAX];
	size_t npermit;
	uint32_t years, days;        /* 0: not given                  */
	enum ca_key_type key_type;
	bool replace, json, der;
	const char *out, *root, *profile, *url;
};

int ca_verb_export(struct ca_cmd *c, struct buf *why);

#endif
