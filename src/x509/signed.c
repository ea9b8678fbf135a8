/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/signed.h"

#include <openssl/x509v3.h>

#include "base/hash.h"
#include "x509/path.h"

/* OpenSSL names the algorithm of a signature by its key's. */
static int
key_of(int nid)
{
	if (nid == NID_rsaEncryption)
		return EVP_PKEY_RSA;
	return nid == NID_X9_62_id_ecPublicKey ? EVP_PKEY_EC : nid;
}

enum x509_signed
x509_signed_with(X509 *x, bool *weak)
{
	static const struct {
		int digest, key;
		enum x509_signed s;
	} kinds[] = {
		{ NID_sha1, EVP_PKEY_RSA, X509_SIGNED_RSA_SHA1 },
		{ NID_sha256, EVP_PKEY_RSA, X509_SIGNED_RSA_SHA256 },
		{ NID_sha384, EVP_PKEY_RSA, X509_SIGNED_RSA_SHA384 },
		{ NID_sha512, EVP_PKEY_RSA, X509_SIGNED_RSA_SHA512 },
		{ NID_sha256, EVP_PKEY_EC, X509_SIGNED_ECDSA_SHA256 },
		{ NID_sha384, EVP_PKEY_EC, X509_SIGNED_ECDSA_SHA384 },
	};
	int digest = NID_undef, key = NID_undef, bits;
	uint32_t flags;

	IGNORE(X509_get_signature_info(x, &digest, &key, &bits, &flags) !=
	    1); /* then it is another one */
	*weak = digest == NID_sha1 || digest == NID_md5;
	key = key_of(key);
	if (key == EVP_PKEY_RSA_PSS)
		return X509_SIGNED_RSA_PSS;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].digest == digest && kinds[i].key == key)
			return kinds[i].s;
	return X509_SIGNED_OTHER;
}

uint64_t
x509_names_hash(const X509 *leaf)
{
	int at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
	const ASN1_OCTET_STRING *alt = at < 0 ? NULL :
	    X509_EXTENSION_get_data(X509_get_ext(leaf, at));
	char cn[256];
	uint64_t h;

	x509_name_text(X509_get_subject_name(leaf), cn, sizeof(cn));
	h = hash_bytes(cn, strlen(cn));
	if (alt != NULL)
		h ^= hash_bytes(ASN1_STRING_get0_data(alt),
		    (size_t)ASN1_STRING_length(alt));
	return h != 0 ? h : 1;
}

uint64_t
x509_root_id(X509 *last, X509 *root)
{
	const ASN1_OCTET_STRING *key = root != NULL ?
	    X509_get0_subject_key_id(root) : NULL;
	unsigned char *der = NULL;
	uint64_t h;
	int n;

	if (key == NULL)
		key = X509_get0_authority_key_id(last);
	n = i2d_X509_NAME(X509_get_issuer_name(last), &der);
	if (key == NULL || n < 0) {
		OPENSSL_free(der);
		return 0;
	}
	h = hash_bytes(der, (size_t)n) ^
	    hash_bytes(ASN1_STRING_get0_data(key),
		(size_t)ASN1_STRING_length(key));
	OPENSSL_free(der);
	return h != 0 ? h : 1;
}
