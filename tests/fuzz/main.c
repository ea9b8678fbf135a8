/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every file of the folders given through a fuzz target: so that the
 * seeds are a test with any compiler.  A folder that is missing or empty
 * fails, since then nothing was tested.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* NULL, said on stderr, when it cannot be read. */
static uint8_t *
slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size = -1;
	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size >= 0 && fseek(f, 0, SEEK_SET) == 0) {
		/* Exactly as long as the file, so that ASan sees one more. */
		*n = (size_t)size;
		data = malloc(*n > 0 ? *n : 1);
	}
	if (data != NULL && fread(data, 1, *n, f) != *n) {
		free(data);
		data = NULL;
	}
	if (f != NULL)
		fclose(f);
	if (data == NULL)
		fprintf(stderr, "%s: cannot be read\n", path);
	return data;
}

static int
is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* How many files ran; 0 is a failure. */
static int
run_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_file, alphasort), ran = 0;
	for (int i = 0; i < n; i++) {
		char path[4096];
		size_t size;
		snprintf(path, sizeof(path), "%s/%s", folder,
		    entries[i]->d_name);
		uint8_t *data = slurp(path, &size);
		if (data == NULL)
			exit(1);
		(void)LLVMFuzzerTestOneInput(data, size);
		free(data);
		free(entries[i]);
		ran++;
	}
	if (n >= 0)
		free(entries);
	return ran;
}

int
main(int argc, char **argv)
{
	int failed = argc < 2;
	for (int i = 1; i < argc; i++) {
		int ran = run_folder(argv[i]);
		if (ran == 0)
			failed = 1;
		printf("%s: %d seeds%s\n", argv[i], ran,
		    ran == 0 ? ": missing or empty" : "");
	}
	return failed;
}
