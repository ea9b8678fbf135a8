/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_PATH_H
#define X509_PATH_H
/*
 * x509/path - where a chain leads, and others made of it.
 *
 * The same leaf sent with fewer or more certificates is another chain: it
 * leads elsewhere, and stacks that walk it in order accept one and not the
 * other (RFC 5280 6.1 leaves the choice of the path to the client).
 */
#include "x509/cert.h"

/* Roots that others trust: the system's bundle, to know a root by its name. */
struct x509_roots;

/*
 * $SSL_CERT_FILE, else /etc/ssl/certs/ca-certificates.crt.  A bundle that is
 * not there or cannot be read is an empty one.  0, -ENOMEM.
 */
MUSTCHECK int x509_roots_load(struct x509_roots **out);
void x509_roots_free(struct x509_roots *r); /* NULL does nothing */

enum x509_end {
	X509_END_ROOT,     /* at a root that is known: *root               */
	X509_END_KNOWN,    /* its last certificate has the name and key of a
	                      known root, but is another's: cross-signed   */
	X509_END_UNKNOWN,  /* at a name that may be a root's               */
	X509_END_MISSING,  /* at an intermediate: the last certificate says
	                      where its issuer's can be had               */
};

/*
 * Where c leads.  given, if not NULL, is known as a root too.  *root is the
 * caller's (X509_free); NULL but for X509_END_ROOT.
 */
enum x509_end x509_path_end(const struct x509_chain *c,
    const struct x509_roots *roots, X509 *given, X509 **root);

/* The last certificate sent; borrowed. */
X509 *x509_path_last(const struct x509_chain *c);
/* Certificates sent. */
unsigned x509_path_depth(const struct x509_chain *c);
/* One of them, 0 is the leaf; borrowed. */
X509 *x509_path_at(const struct x509_chain *c, unsigned i);

/*
 * RFC 5280 4.2.2.1: the first caIssuers URL of cert, "" without; returns out.
 */
const char *x509_path_issuer_url(X509 *cert, char *out, size_t size);

/* Is cert signed with its own key? */
bool x509_self_signed(X509 *cert);
/* Did issuer's key sign subject, under its name? */
bool x509_certifies(X509 *issuer, X509 *subject);

/* c without its last n certificates; n < x509_path_depth.  0, -ENOMEM. */
MUSTCHECK int x509_path_shorten(struct x509_chain **out,
    const struct x509_chain *c, unsigned n);

/*
 * c with the certificates of a file behind its last, checked as
 * x509_chain_load does.
 */
MUSTCHECK int x509_path_extend(struct x509_chain **out,
    const struct x509_chain *c, const char *file, int64_t now_s,
    struct buf *why);

#endif
