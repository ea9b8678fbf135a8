/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_IMITATE_H
#define TLS_IMITATE_H
/*
 * tls/imitate - from what is known of a family of phones to a client that
 * looks and judges so.  Where the profile knows nothing a plain assumption is
 * made, and said.  Pure.
 */
#include "base/buf.h"
#include "device/profile.h"
#include "tls/look.h"

/* assumed gets words for what the profile does not know: "TLSv1.0 to TLSv1.2,
 * sends SNI". */
void tls_imitate(struct tls_look *l, const struct device_profile *p,
    struct buf *assumed);

#endif
