/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROXY_CHOICE_H
#define EDGE_PROXY_CHOICE_H
/*
 * edge/proxy_choice - which of the final responses of a fork the caller gets
 * (RFC 3261 16.7 step 6).  Pure.
 */
#include <stdbool.h>

/*
 * Is the response with status a a better one to pass on than that with b?
 * b 0: there is none yet.  Neither is a 2xx.  Equals: the first one stays.
 */
bool proxy_choice_better(int a, int b);

#endif
