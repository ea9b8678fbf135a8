/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H
/*
 * base/array - an array that grows by one element at a time.
 *
 * The caller has the pointer (NULL at first; freed with free()) and the count;
 * room is doubled at powers of two, so no third number is kept.
 */
#include <stddef.h>

#include "base/compiler.h"

/*
 * A new last element, not set, of the array of *n elements of size bytes whose
 * pointer is at array (&p, p of any object type); *n counts it.  What pointed
 * into the array before is no longer good.  NULL: no memory; nothing changed.
 */
MUSTCHECK void *array_add(void *array, size_t *n, size_t size);

#endif
