/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/odd.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>


static bool
is_outside(X509 *leaf, X509 *issuer)
{
	NAME_CONSTRAINTS *limits = X509_get_ext_d2i(issuer,
	    NID_name_constraints, NULL, NULL);
	bool outside = limits != NULL &&
	    NAME_CONSTRAINTS_check(leaf, limits) != X509_V_OK;

	NAME_CONSTRAINTS_free(limits);
	return outside;
}

/* below: how many CAs that are not their own issuers are between it and the
 * leaf. */
static bool
may_not_issue(X509 *issuer, X509 *leaf, long below)
{
	long most = X509_get_pathlen(issuer); /* -1: no limit */

	return X509_check_ca(issuer) == 0 || (most >= 0 && below > most) ||
	    is_outside(leaf, issuer);
}

static void
look_at_issuers(struct x509_odd *out, const struct x509_chain *c)
{
	long below = 0;

	for (unsigned i = 1; i < x509_path_depth(c); i++) {
		X509 *x = x509_path_at(c, i), *last = x509_path_at(c, i - 1);

		/* What has nothing to do with the one before is only extra. */
		if (X509_NAME_cmp(X509_get_issuer_name(last),
		    X509_get_subject_name(x)) != 0)
			return;
		if (!x509_certifies(x, last))
			out->bad_signature = true;
		if (may_not_issue(x, c->leaf, below))
			out->issuer = true;
		if (X509_NAME_cmp(X509_get_issuer_name(x),
		    X509_get_subject_name(x)) != 0)
			below++;
		if ((X509_get_extension_flags(x) & EXFLAG_CRITICAL) != 0)
			out->critical = true;
	}
}

void
x509_odd_look(struct x509_odd *out, const struct x509_chain *c)
{
	/* All bits where it is not limited. */
	uint32_t usage = X509_get_key_usage(c->leaf);

	*out = (struct x509_odd) {
		.no_alt_name = X509_get_ext_by_NID(c->leaf,
		    NID_subject_alt_name, -1) < 0,
		.critical = (X509_get_extension_flags(c->leaf) &
		    EXFLAG_CRITICAL) != 0,
		.must_staple = X509_get_ext_by_NID(c->leaf, NID_tlsfeature,
		    -1) >= 0,
		.usage = (usage & KU_DIGITAL_SIGNATURE) == 0,
	};
	look_at_issuers(out, c);
	ERR_clear_error();
}
