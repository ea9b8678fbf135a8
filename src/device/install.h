/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_INSTALL_H
#define DEVICE_INSTALL_H
/*
 * device/install - the lines that put a CA into a phone, in its maker's form.
 *
 * They come from the profile's keys setting and tls_setting, in which
 *
 *     {url}         the address of the CA file, in the form it takes
 *     {file}        the name of that file
 *     {pem}         the certificate as PEM, lines ended by a line feed
 *     {pem_xml}     the same in one line, each line feed written as &#10;
 *     {base64}      DER in base64, one line
 *     {host} {port} where SIP over TLS is served
 *
 * are filled in; in a file that is XML, markup in them is escaped.  Pure.
 */
#include "device/profile.h"

#define DEVICE_PEM_MAX ((size_t)64 << 10) /* bytes of the PEM given */

struct device_ca {
	struct str base_url; /* "http://10.0.0.5:8080", "/" at its end or not */
	struct str file;     /* "ca", "roots/isrg-root-x1": without ending   */
	struct str pem;      /* the CA's certificate; STR_NULL: not at hand  */
	struct str host;     /* of the edge, for tls_setting                 */
	uint16_t port;       /* its TLS port, 0: 5061                        */
};

/* "der" when the phone takes nothing else, "pem" in every other case. */
const char *device_install_ending(const struct device_profile *p);

/* The address of the CA file for this phone. */
void device_install_url(struct buf *out, const struct device_profile *p,
    const struct device_ca *ca);

/* Whether the certificate itself stands in the lines: ca.pem is needed. */
bool device_install_inline(const struct device_profile *p);

/* Whether an address of the file does: ca.base_url is needed. */
bool device_install_fetches(const struct device_profile *p);

/*
 * Append the lines of key (DEVICE_KEY_setting or DEVICE_KEY_tls_setting).  0;
 * E_ABSENT: the profile knows none; E_CONFIG: what is missing or does not fit
 * is in why and nothing is appended; E_LIMIT.
 */
MUSTCHECK int device_install_print(struct buf *out,
    const struct device_profile *p, enum device_key key,
    const struct device_ca *ca, struct buf *why);

/*
 * One clause for a remedy: "write http://10.0.0.5:8080/ca.pem into its
 * Custom_CA_RULE"; empty when no way is known.  url is that of the PEM file;
 * the DER one is beside it.  Empty: it is not served.
 */
void device_install_remedy(struct buf *out, const struct device_profile *p,
    struct str url);

#endif
