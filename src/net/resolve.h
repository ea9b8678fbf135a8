/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H
/*
 * net/resolve - a host's address, asked of the system's resolver.  Blocks:
 * for commands, never on a thread that serves phones.  No NAPTR and SRV yet
 * (RFC 3263).
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * "192.0.2.1", "[2001:db8::1]", "pbx.example.com", each with or without a
 * port; an address is not asked for.  0; E_PARSE, E_ABSENT with a sentence in
 * why.
 */
MUSTCHECK int resolve(struct addr *out, struct str host, uint16_t port,
    struct buf *why);

#endif
