/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_AUTHORITY_H
#define CA_AUTHORITY_H
/*
 * ca/authority - a CA of one's own in the edge's data folder.
 *
 * First start in an empty folder: DIR/ca-key.pem (0600), DIR/ca.pem, and a
 * server certificate DIR/server.pem (leaf, then CA) with DIR/server-key.pem
 * (0600).  Profile for old phones (facts/standards R4): RSA-2048, SHA-256, CN
 * and SAN with the domain and the host's IPv4 addresses - never IPv6, a stack
 * in use aborts on it -, keyUsage digitalSignature and keyEncipherment, EKU
 * serverAuth.  notBefore lies well in the past for phones whose clock starts
 * at their firmware's date.  Files are written under a temporary name, synced
 * and renamed: never half there.  The CA's key is opened here only and closed
 * before any socket is; it may be kept elsewhere once everything is issued.
 * A key that others can read, or a folder that they can write, is refused.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

struct ca_files {
	char ca_cert[512];     /* DIR/ca.pem            */
	char server_cert[512]; /* DIR/server.pem        */
	char server_key[512];  /* DIR/server-key.pem    */
	char fingerprint[96];  /* SHA-256 of the CA     */
	bool created;          /* made just now         */
};

/*
 * Make what is missing in dir (made 0700 when absent).  An existing CA is
 * kept; the server certificate is issued anew, for the same key, when it is
 * missing, expires within 30 days, or does not name domain or one of ips (IPv6
 * and the any address are passed over).  One that this CA did not issue is
 * never overwritten.  0, or an error with a sentence in why; *out is then
 * untouched.
 */
MUSTCHECK int ca_ensure(struct ca_files *out, const char *dir,
    const char *domain, const struct addr *ips, size_t nips, int64_t now_s,
    struct buf *why);

#endif
