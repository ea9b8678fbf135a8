/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROFILES_H
#define EDGE_PROFILES_H
/*
 * edge/profiles - the profiles of phones that are in force.
 *
 * A catalogue is a snapshot: a reload reads a new one beside the old and swaps
 * it.  Shared by all threads.
 */
#include "base/conf.h"
#include "device/catalogue.h"

struct profiles;

/*
 * The catalogue that conf asks for (devices_dir); each profile:NAME of pin and
 * old_tls must be in it.  On failure why has a line for each fault.  The
 * caller owns a reference.
 */
MUSTCHECK int profiles_read(struct device_catalogue **out,
    const struct conf *conf, struct buf *why);

/* Takes the reference, also on failure. */
MUSTCHECK int profiles_new(struct profiles **out, struct device_catalogue *c);
void profiles_free(struct profiles *p); /* NULL does nothing */
/* Takes the reference. */
void profiles_set(struct profiles *p, struct device_catalogue *c);

/* Which catalogue is in force: 1, and one more with each that is set. */
unsigned profiles_number(const struct profiles *p);

/*
 * The name of the profile of a device with this User-Agent, of SIP or HTTP, or
 * with this JA4; STR_NULL what is not known.  "" when none fits.
 */
void profiles_name(struct profiles *p, struct str user_agent, struct str ja4,
    char out[DEVICE_NAME_MAX + 1]);

/*
 * How such a device takes the CA file at this URL (device_install_remedy); cut
 * to nothing where it does not fit.
 */
void profiles_setting(struct profiles *p, struct str user_agent,
    struct str ja4, struct str url, char *out, size_t size);

/* What a phone with this User-Agent wants to hear between messages; 0: that is
 * not known. */
enum device_keepalive profiles_keepalive(struct profiles *p,
    struct str user_agent);

#endif
