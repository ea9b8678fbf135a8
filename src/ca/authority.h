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
#include "base/buf.h"
#include "base/err.h"
#include "ca/issue.h"

struct ca_files {
	char ca_cert[512];     /* DIR/ca.pem            */
	char server_cert[512]; /* DIR/server.pem        */
	char server_key[512];  /* DIR/server-key.pem    */
	char fingerprint[96];  /* SHA-256 of the CA     */
	int64_t not_after_s;   /* the CA's end: may be over            */
	bool created;          /* the CA was made just now         */
	bool issued;           /* the server certificate was, too  */
};

/*
 * Make what is missing in dir (made 0700 when absent).  An existing CA is
 * kept; the server certificate is issued anew, for the same key, when it is
 * missing, has a third of its life left, or does not name what want says (IPv6
 * and the any address are passed over).  While the CA's key is kept elsewhere
 * it is used until 30 days before its end.  One that this CA did not issue is
 * never overwritten.  None is issued for longer than the CA's own life, and
 * when that is over what is there is used on: phones that mind get nothing
 * worse, the others and UDP are served.  0, or an error with a sentence in
 * why; *out is then untouched.
 */
MUSTCHECK int ca_ensure(struct ca_files *out, const char *dir,
    const struct ca_server_want *want, int64_t now_s, struct buf *why);

/* How long before its end a certificate for so many days is renewed. */
int64_t ca_renew_before_s(int days);

/* A certificate that ends with its CA: no other can be had of that. */
bool ca_ends_with(int64_t not_after_s, int64_t ca_not_after_s);

/*
 * A new CA in dir, for the key that is there where one that was cut off has
 * left it.  0, E_EXISTS: there is one, or what one has issued; else as
 * ca_ensure.  Then nothing was written.
 */
MUSTCHECK int ca_init(const char *dir, const struct ca_root_want *want,
    int64_t now_s, struct buf *why);

struct ca_issue_want {
	struct ca_server_want server;
	enum ca_key_type key_type;
	const char *cert_file;   /* leaf, then CA                           */
	const char *key_file;    /* 0600                                    */
	bool replace;            /* the certificate, for the key there is   */
};

/*
 * A server certificate of the CA in dir.  0, E_EXISTS; E_MISMATCH: the CA's
 * end or its constraints do not allow it; else as ca_ensure.
 */
MUSTCHECK int ca_issue(const char *dir, const struct ca_issue_want *want,
    int64_t now_s, struct buf *why);

#endif
