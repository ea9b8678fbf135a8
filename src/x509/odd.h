/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_ODD_H
#define X509_ODD_H
/*
 * x509/odd - what is wrong in the certificates themselves, whoever looks at
 * them: what clients refuse though they hold the root.
 */
#include "x509/path.h"

struct x509_odd {
	bool no_alt_name;   /* the leaf has no subjectAltName (RFC 9525 6.3)  */
	bool critical;      /* an extension that is critical, and of which
	                       OpenSSL knows nothing (RFC 5280 4.2)           */
	bool usage;         /* the leaf's key usage is without
	                       digitalSignature (RFC 5246 7.4.2)              */
	bool issuer;        /* one that was sent may not issue what it did: it
	                       is no CA's, the path is too long for it, or the
	                       name is not among those it is limited to
	                       (RFC 5280 4.2.1.9, 4.2.1.3, 4.2.1.10)          */
	bool must_staple;   /* the leaf demands an OCSP answer (RFC 7633)     */
	bool bad_signature; /* by the next one's name, but not by its key     */
};

void x509_odd_look(struct x509_odd *out, const struct x509_chain *c);

#endif
