/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_MEM_H
#define STORE_MEM_H
/* store/mem - failures on demand of the store in memory (tests). */
#include "store/store.h"

enum store_mem_failure {
	STORE_MEM_WORKS,
	STORE_MEM_FAIL_BEGIN,
	STORE_MEM_FAIL_PUT,
	STORE_MEM_FAIL_COMMIT,
	STORE_MEM_GONE, /* store_check and begin fail */
};

/* s: from store_open_memory.  Takes effect at the next such call. */
void store_mem_fail(struct store *s, enum store_mem_failure failure);

#endif
