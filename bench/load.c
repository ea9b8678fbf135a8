/* SPDX-License-Identifier: BSD-2-Clause */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

bool
load_password(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");
	bool ok = f != NULL && fgets(out, (int)size, f) != NULL;

	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	if (f != NULL)
		fclose(f);
	return ok;
}

bool
load_wait(void)
{
	printf("go\n");
	fflush(stdout);
	return getchar() != EOF;
}

double
load_cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
