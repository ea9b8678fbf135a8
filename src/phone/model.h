/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_MODEL_H
#define PHONE_MODEL_H
/*
 * phone/model - from what is known of a family of phones to a phone that
 * behaves so.  Where the profile knows nothing a plain assumption is made, and
 * said.  Pure.
 */
#include "device/profile.h"
#include "phone/phone.h"

#define PHONE_ASSUMED_MAX 512

/* A softphone of no maker: OpenSSL's own hello, every check, PEM or DER. */
void phone_model_init(struct phone_model *m);

/*
 * As profile has it; wanted is what the user called it ("SPA502G", or the
 * profile's own name).  assumed gets words for what the profile does not know:
 * "TLS 1.0 to 1.2, sends SNI".
 */
void phone_model_of(struct phone_model *m, const struct device_profile *profile,
    struct str wanted, struct buf *assumed);

/*
 * A User-Agent that the pattern (device/pattern.h) fits: model where its model
 * stands, firmware and mac likewise.  False: too long for out, or the model
 * does not fit the pattern.
 */
bool phone_model_agent(char *out, size_t size, struct str pattern,
    struct str model, struct str firmware, struct str mac);

#endif
