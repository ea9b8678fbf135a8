/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_USERS_H
#define EDGE_USERS_H
/*
 * edge/users - the registrar's accounts, in memory.
 *
 * An immutable table loaded from the store and swapped whole when another
 * process (siptrust user add) has changed it: location's writer thread looks
 * once a second.  Lookups are thread-safe and copy out.
 */
#include <stdbool.h>

#include "base/digest.h"
#include "store/store.h"

struct users;

MUSTCHECK int users_new(struct users **out);
void users_free(struct users *u);

/* Read every account from s and swap the table.  0 or E_STORE, -ENOMEM. */
MUSTCHECK int users_load(struct users *u, struct store *s);

/* HA1 in hex of name in realm; false when there is no such account. */
bool users_ha1(struct users *u, struct str name, struct str realm,
    enum digest_alg alg, char out[2 * DIGEST_MAX + 1]);

/* Accounts in realm; absent: all. */
size_t users_count(struct users *u, struct str realm);

#endif
