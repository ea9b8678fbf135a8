/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_REGISTRAR_H
#define EDGE_REGISTRAR_H
/*
 * edge/registrar - REGISTER processing (RFC 3261 10.3, RFC 3327, RFC 5626 6).
 *
 * Authentication is done by edge/authn before; here the request is taken
 * apart, turned into one location_op, and the 200 written when that is
 * committed.
 */
#include "edge/uas_int.h"

/*
 * aor: canonical, borrowed.  retransmit: this very request came before; it is
 * answered when that one's change is committed, with what then is there.
 */
enum uas_result registrar_handle(const struct uas_request *r, struct str aor,
    bool retransmit, struct buf *out);

#endif
