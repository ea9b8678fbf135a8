/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/issue.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define DAY_S            ((int64_t)86400)
#define KEY_BITS         2048 /* phones of 2010 know RSA, and 2048 of it */
#define SERIAL_BYTES     16
#define CONSTRAINTS_MAX  16384
#define COMMON_NAME_MAX  64   /* RFC 5280 A.1, ub-common-name */

/*
 * Many phones have no clock that runs without power: until NTP or a Date
 * header has told them, they live at the day their firmware was built, and a
 * certificate of this year is not yet valid then (OpenSSL says so with
 * bad_certificate(42)).  So both begin in the past.  The server's whole span
 * stays under 825 days, beyond which Apple's stack refuses a certificate even
 * of a private CA.
 */
#define CA_BACKDATE_DAYS     (15 * 365)
#define SERVER_BACKDATE_DAYS 420

int
ca_key_new(EVP_PKEY **out, enum ca_key_type type)
{
	EVP_PKEY *key = type == CA_KEY_P256 ? EVP_EC_gen("P-256") :
	    EVP_RSA_gen(KEY_BITS);

	ERR_clear_error();
	if (key == NULL)
		return E_CRYPTO;
	*out = key;
	return 0;
}

bool
ca_is_dns_name(const char *name)
{
	size_t label = 0, n = strlen(name);
	bool letter = false;

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];
		bool alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (c == '.' ? label == 0 : !(alpha || c == '-' || c == '_' ||
		    (c >= '0' && c <= '9')))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
		letter = letter || alpha;
	}
	return letter; /* all digits and dots: an address, or a slip */
}

/* The domain as an address: AF_INET, AF_INET6, or AF_UNSPEC for a name. */
static struct addr
as_address(const char *domain)
{
	struct addr a;

	if (addr_parse_ip(&a, str_cstr(domain)) != 0)
		return ADDR_NONE;
	return a;
}

static int
set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *bn;
	int ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return 0;
	/* Positive, never zero, always as long (RFC 5280 4.1.2.2). */
	bytes[0] = (bytes[0] & 0x7f) | 0x40;
	bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = bn != NULL &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok;
}

static int
set_dates(X509 *cert, int64_t from_s, int64_t to_s)
{
	/* ASN1_TIME_set writes UTCTime up to 2049 as RFC 5280 4.1.2.5 wants. */
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s) !=
	    NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to_s) != NULL;
}

static int
set_name(X509_NAME *name, const char *cn)
{
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
}

static int
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* "10.0.0.0/8" as OpenSSL wants it, "10.0.0.0/255.0.0.0". */
static bool
put_network(struct buf *out, struct str text)
{
	struct str host = str_cut(&text, '/');
	struct addr a;
	uint32_t bits = 32, mask;

	if (addr_parse_ip(&a, host) != 0 || a.u.sa.sa_family != AF_INET ||
	    (text.p != NULL && (!str_u32(text, &bits) || bits > 32)))
		return false;
	mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
	buf_printf(out, "IP:%.*s/%u.%u.%u.%u", STR_FMT(host), mask >> 24,
	    (mask >> 16) & 255, (mask >> 8) & 255, mask & 255);
	return true;
}

static int
add_constraints(X509 *cert, const struct ca_root_want *want)
{
	struct buf value;
	int rc;

	if (want->npermit == 0)
		return 0;
	buf_init(&value, CONSTRAINTS_MAX);
	buf_puts(&value, "critical");
	for (size_t i = 0; i < want->npermit; i++) {
		const char *permit = want->permit[i];

		buf_puts(&value, ",permitted;");
		if (ca_is_dns_name(permit))
			buf_printf(&value, "DNS:%s", permit);
		else if (!put_network(&value, str_cstr(permit)))
			value.failed = true;
	}
	buf_putc(&value, '\0');
	rc = value.failed ? E_PARSE : 0;
	if (rc == 0 && !add_ext(cert, cert, NID_name_constraints, value.p))
		rc = E_CRYPTO;
	buf_fini(&value);
	return rc;
}

static int
fill_root(X509 *cert, EVP_PKEY *key, const struct ca_root_want *want,
    int64_t now_s)
{
	int years = want->years > 0 ? want->years : CA_ROOT_YEARS;
	char cn[COMMON_NAME_MAX + 1];
	struct buf text;

	buf_init_array(&text, cn, sizeof(cn));
	buf_puts(&text, "siptrust CA ");
	str_copy(cn + text.n, sizeof(cn) - text.n, str_cstr(want->domain));
	/*
	 * No pathlen: a limit of zero makes OpenSSL check the path before the
	 * signature, and the root unreadable for a trust probe (design 5).
	 */
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !set_dates(cert, now_s - CA_BACKDATE_DAYS * DAY_S,
	    now_s + (years * 365 + years / 4) * DAY_S) ||
	    !set_name(X509_get_subject_name(cert), cn) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    !X509_set_pubkey(cert, key) ||
	    !add_ext(cert, cert, NID_basic_constraints, "critical,CA:TRUE") ||
	    !add_ext(cert, cert, NID_key_usage,
	    "critical,keyCertSign,cRLSign") ||
	    !add_ext(cert, cert, NID_subject_key_identifier, "hash") ||
	    !add_ext(cert, cert, NID_authority_key_identifier,
	    "keyid:always"))
		return E_CRYPTO;
	return 0;
}

int
ca_root_new(X509 **out, EVP_PKEY *key, const struct ca_root_want *want,
    int64_t now_s)
{
	X509 *cert = X509_new();
	int rc;

	if (cert == NULL)
		return -ENOMEM;
	rc = fill_root(cert, key, want, now_s);
	if (rc == 0)
		rc = add_constraints(cert, want);
	if (rc == 0 && !X509_sign(cert, key, EVP_sha256()))
		rc = E_CRYPTO;
	if (rc == 0) {
		*out = cert;
		return 0;
	}
	ERR_clear_error();
	X509_free(cert);
	return rc;
}

bool
ca_permits(X509 *ca, X509 *cert)
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL,
	    NULL);
	/* The check reads the names out of what this call has looked up. */
	bool ok = nc == NULL || (X509_check_purpose(cert, -1, 0) == 1 &&
	    NAME_CONSTRAINTS_check(cert, nc) == X509_V_OK &&
	    NAME_CONSTRAINTS_check_CN(cert, nc) == X509_V_OK);

	NAME_CONSTRAINTS_free(nc);
	ERR_clear_error();
	return ok;
}

static int
add_name(GENERAL_NAMES *list, int type, const void *bytes, int n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_DNS ? ASN1_IA5STRING_new() :
	    ASN1_OCTET_STRING_new();

	if (name == NULL || value == NULL ||
	    !ASN1_STRING_set(value, bytes, n)) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return 0;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(list, name) == 0) {
		GENERAL_NAME_free(name);
		return 0;
	}
	return 1;
}

static int
add_ip(GENERAL_NAMES *list, const struct addr *a)
{
	return add_name(list, GEN_IPADD, &a->u.in.sin_addr, 4);
}

/* An address that a certificate may name: see the header of authority.h. */
static bool
wanted_ip(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET && !addr_is_any(a);
}

static bool
listed_before(const struct ca_names *names, size_t i, const struct addr *dom)
{
	if (addr_equal_ip(&names->ip[i], dom))
		return true;
	for (size_t k = 0; k < i; k++) {
		if (addr_equal_ip(&names->ip[i], &names->ip[k]))
			return true;
	}
	return false;
}

/* subjectAltName: the domain first, some stacks look at no other. */
static int
add_names(X509 *cert, const struct ca_names *names)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	struct addr dom = as_address(names->domain);
	int ok = list != NULL;

	if (ok && dom.u.sa.sa_family == AF_INET)
		ok = add_ip(list, &dom);
	else if (ok && ca_is_dns_name(names->domain))
		ok = add_name(list, GEN_DNS, names->domain,
		    (int)strlen(names->domain));
	for (size_t i = 0; ok && i < names->nhost; i++) {
		const char *host = names->host[i];

		if (!str_ieq(str_cstr(host), str_cstr(names->domain)))
			ok = add_name(list, GEN_DNS, host, (int)strlen(host));
	}
	for (size_t i = 0; ok && i < names->nip; i++) {
		if (wanted_ip(&names->ip[i]) &&
		    !listed_before(names, i, &dom) &&
		    sk_GENERAL_NAME_num(list) < CA_NAMES_MAX)
			ok = add_ip(list, &names->ip[i]);
	}
	if (ok && sk_GENERAL_NAME_num(list) > 0)
		ok = X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0,
		    X509V3_ADD_DEFAULT) == 1;
	sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
	return ok;
}

int
ca_server_new(X509 **out, EVP_PKEY *key, const struct ca_server_want *want,
    X509 *ca, EVP_PKEY *ca_key, int64_t now_s)
{
	const struct ca_names *names = &want->names;
	int64_t days = want->days > 0 ? want->days : CA_SERVER_DAYS;
	int64_t back = days + SERVER_BACKDATE_DAYS > CA_DAYS_MAX - 1 ?
	    CA_DAYS_MAX - 1 - days : SERVER_BACKDATE_DAYS;
	/* Old phones look for the name here; a longer one has its SAN only. */
	const char *cn = strlen(names->domain) <= COMMON_NAME_MAX ?
	    names->domain : "siptrust";
	/* keyEncipherment: without it no static RSA suite (RFC 5246 7.4.2);
	 * an elliptic key cannot encipher (RFC 5480 3). */
	const char *usage = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ?
	    "critical,digitalSignature,keyEncipherment" :
	    "critical,digitalSignature";
	X509 *cert = X509_new();

	if (cert == NULL)
		return -ENOMEM;
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !set_dates(cert, now_s - back * DAY_S, now_s + days * DAY_S) ||
	    !set_name(X509_get_subject_name(cert), cn) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(ca)) ||
	    !X509_set_pubkey(cert, key) ||
	    !add_ext(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_ext(cert, ca, NID_key_usage, usage) ||
	    !add_ext(cert, ca, NID_ext_key_usage, "serverAuth") ||
	    !add_ext(cert, ca, NID_subject_key_identifier, "hash") ||
	    !add_ext(cert, ca, NID_authority_key_identifier, "keyid:always") ||
	    !add_names(cert, names) ||
	    !X509_sign(cert, ca_key, EVP_sha256())) {
		ERR_clear_error();
		X509_free(cert);
		return E_CRYPTO;
	}
	*out = cert;
	return 0;
}

static bool
names_ip(X509 *cert, const struct addr *a)
{
	return X509_check_ip(cert,
	    (const unsigned char *)&a->u.in.sin_addr, 4, 0) == 1;
}

static bool
names_host(X509 *cert, const char *host)
{
	return X509_check_host(cert, host, 0,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

bool
ca_covers(X509 *cert, const struct ca_names *names)
{
	struct addr dom = as_address(names->domain);
	size_t room = CA_NAMES_MAX - 1;

	if (dom.u.sa.sa_family == AF_INET && !names_ip(cert, &dom))
		return false;
	if (ca_is_dns_name(names->domain) && !names_host(cert, names->domain))
		return false;
	for (size_t i = 0; i < names->nhost; i++) {
		if (!names_host(cert, names->host[i]))
			return false;
	}
	for (size_t i = 0; i < names->nip && room > 0; i++) {
		if (!wanted_ip(&names->ip[i]) || listed_before(names, i, &dom))
			continue;
		if (!names_ip(cert, &names->ip[i]))
			return false;
		room--;
	}
	return true;
}
