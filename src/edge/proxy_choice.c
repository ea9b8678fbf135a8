/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/proxy_choice.h"

#include <stddef.h>

#include "base/compiler.h"

/*
 * 6xx goes before all, then the lowest class.  Inside of 4xx what the caller
 * can do something about goes first, and what only says that a phone was not
 * reached goes last; 503 speaks of one server, not of the call.
 */
static const struct {
	int status;
	int rank;
} within_class[] = {
	{ 401, 1 },
	{ 407, 1 },
	{ 415, 2 },
	{ 420, 2 },
	{ 484, 2 },
	{ 486, 3 },
	{ 408, 8 },
	{ 430, 8 },
	{ 480, 7 },
	{ 487, 9 },
	{ 503, 9 },
};

static int
rank(int status)
{
	int of_class = status >= 600 ? 0 : status / 100 * 10;

	for (size_t i = 0; i < ARRAY_LEN(within_class); i++) {
		if (within_class[i].status == status)
			return of_class + within_class[i].rank;
	}
	return of_class + 4;
}

bool
proxy_choice_better(int a, int b)
{
	return b == 0 || rank(a) < rank(b);
}
