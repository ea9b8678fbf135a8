/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CORPUS_H
#define TESTS_CORPUS_H
/*
 * corpus - the test material beside the source tree: $SIPTRUST_CORPUS, else
 * ../shared/corpus from the source root.  Included after cmocka.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folder or file of the corpus; skips the test when there is none. */
static inline const char *
corpus_path(char out[4096], const char *name)
{
	const char *env = getenv("SIPTRUST_CORPUS");

	snprintf(out, 4096, "%s/%s",
		 env != NULL ? env : SOURCE_ROOT "/../shared/corpus", name);
	if (access(out, R_OK) != 0) {
		printf("skipped: no corpus\n");
		skip();
	}
	return out;
}

/* The whole file in a heap block of exactly its size, for ASan's sake. */
static inline char *
corpus_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p;
	long size;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	p = malloc(size > 0 ? (size_t)size : 1);
	assert_non_null(p);
	*n = fread(p, 1, (size_t)size, f);
	assert_int_equal(*n, size);
	fclose(f);
	return p;
}

#endif
