/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TRUST_VERDICT_WORLD_H
#define TESTS_TRUST_VERDICT_WORLD_H
/* The golden cases of tests/verdict, and short words for causes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "trust/verdict.h"

#define CASES   SOURCE_ROOT "/tests/verdict"

#define ROOT      TRUST_CAUSE_UNTRUSTED_ROOT
#define OURS      TRUST_CAUSE_SERVER_MISCONFIGURED
#define KEY_TYPE  TRUST_CAUSE_KEY_TYPE_UNSUPPORTED
#define SILENT    TRUST_CAUSE_CLOSED_SILENTLY
#define NAME      TRUST_CAUSE_NAME_MISMATCH
#define EXPIRED   TRUST_CAUSE_CERTIFICATE_EXPIRED
#define TOO_NEW   TRUST_CAUSE_NOT_YET_VALID

static const struct trust_places places = { .ca = "/var/lib/siptrust/ca.pem" };

/* The file's text; NULL: not there. */
static inline char *
slurp(const char *name, const char *file, char text[8192])
{
	char path[512];

	snprintf(path, sizeof(path), CASES "/%s/%s", name, file);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	size_t n = fread(text, 1, 8191, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

/* The evidence of that case. */
static inline void
load(struct trust_evidence *e, const char *name)
{
	char text[8192];
	int line;

	if (slurp(name, "evidence.txt", text) == NULL)
		fail_msg("tests/verdict/%s/evidence.txt is not there", name);
	if (trust_evidence_scan(e, str_cstr(text), &line) != 0)
		fail_msg("tests/verdict/%s/evidence.txt:%d", name, line);
}

#endif
