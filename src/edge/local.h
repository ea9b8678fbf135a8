/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_LOCAL_H
#define EDGE_LOCAL_H
/*
 * edge/local - our own addresses by number: a binding keeps two bytes of the
 * address its phone has reached us at, not twenty-eight.
 *
 * One table for the process; it only grows, to LOCAL_MAX.  Thread-safe, readers
 * take no lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define LOCAL_MAX 1024

/* 0: there is no more room, or a is not set. */
uint16_t local_number(const struct addr *a);

/* False: 0, or a number that was never given. */
bool local_addr(struct addr *out, uint16_t number);

#endif
