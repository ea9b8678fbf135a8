/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

void *
array_add(void *array, size_t *n, size_t size)
{
	char *p;

	memcpy(&p, array, sizeof(p));
	if ((*n & (*n - 1)) == 0) {
		p = realloc(p, (*n == 0 ? 1 : 2 * *n) * size);
		if (p == NULL)
			return NULL;
		memcpy(array, &p, sizeof(p));
	}
	return p + (*n)++ * size;
}
