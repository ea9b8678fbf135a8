/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TEMP_H
#define TESTS_TEMP_H
/* Folders of tests, fuzz targets and load generators. */
#include <stdio.h>
#include <stdlib.h>

#define TEMP_MAX 256

/*
 * A new folder siptrust-NAME-... under $TMPDIR (/tmp where that is unset or
 * empty), its path in out.  Returns out; NULL: there is none, errno says why,
 * or the path is too long.  The caller removes it.
 */
static inline char *
temp_folder(char out[TEMP_MAX], const char *name)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(out, TEMP_MAX, "%s/siptrust-%s-XXXXXX",
	    tmp != NULL && *tmp != '\0' ? tmp : "/tmp", name);

	return n < TEMP_MAX ? mkdtemp(out) : NULL;
}

#endif
