/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/listed.h"

#define SHA1_LEN 20

/* RFC 6066 6, IdentifierType. */
enum { PRE_AGREED, KEY_SHA1_HASH, X509_NAME_DER, CERT_SHA1_HASH };

/* What comparing one list after the other has shown. */
struct tally {
	bool named;      /* at least one root                            */
	bool ours;       /* and it is ours                               */
	bool incomplete; /* one of them could not be compared            */
};

/* n bytes off the front; false: there are not so many. */
static bool
take(struct str *rest, size_t n, struct str *out)
{
	if (rest->n < n)
		return false;
	*out = str_of(rest->p, n);
	*rest = str_from(*rest, n);
	return true;
}

/* A vector with two bytes of length. */
static bool
take_vector(struct str *rest, struct str *out)
{
	struct str len;

	return take(rest, 2, &len) &&
	    take(rest, (size_t)(uint8_t)len.p[0] << 8 | (uint8_t)len.p[1],
		out);
}

/* The string types that one name may be written in (X.680). */
static bool
is_string_tag(uint8_t c)
{
	return c == 0x0c || c == 0x13 || c == 0x14 || c == 0x16;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/*
 * RFC 5280 7.1: case does not matter, nor in which string type an issuer wrote
 * it.  Not a whole comparison of names: what differs in length differs.
 */
static bool
is_same_name(struct str a, struct str b)
{
	if (a.n != b.n || a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		uint8_t x = (uint8_t)a.p[i], y = (uint8_t)b.p[i];

		if (x != y && lower(x) != lower(y) &&
		    !(is_string_tag(x) && is_string_tag(y)))
			return false;
	}
	return true;
}

/* The next DER element of a row of them, its header included. */
static bool
take_element(struct str *rest, struct str *out)
{
	const uint8_t *p = (const uint8_t *)rest->p;
	size_t n, header = 2;

	if (rest->n < 2)
		return false;
	n = p[1];
	if (n == 0x81 && rest->n >= 3) {
		n = p[2];
		header = 3;
	} else if (n == 0x82 && rest->n >= 4) {
		n = (size_t)p[2] << 8 | p[3];
		header = 4;
	} else if (n >= 0x80) {
		return false;
	}
	return take(rest, header + n, out);
}

static void
compare_name(struct tally *t, struct str name, const struct trust_chain *c)
{
	struct str rest = c->issuer_names, issuer;

	t->named = true;
	if (is_same_name(name, c->root_name))
		t->ours = true;
	while (take_element(&rest, &issuer))
		if (is_same_name(name, issuer))
			t->ours = true;
	/* It may name a CA between, and those are not known. */
	if (c->root_name.n == 0 || (c->depth > 1 && c->issuer_names.n == 0))
		t->incomplete = true;
}

static void
compare_hash(struct tally *t, struct str hash, const uint8_t ours[SHA1_LEN])
{
	static const uint8_t unknown[SHA1_LEN];

	t->named = true;
	if (memcmp(ours, unknown, SHA1_LEN) == 0)
		t->incomplete = true;
	else if (memcmp(hash.p, ours, SHA1_LEN) == 0)
		t->ours = true;
}

/* DistinguishedName authorities<3..2^16-1>, without the outer length. */
static bool
compare_authorities(struct tally *t, struct str list,
    const struct trust_chain *c)
{
	struct str name;

	while (list.n > 0) {
		if (!take_vector(&list, &name))
			return false;
		compare_name(t, name, c);
	}
	return true;
}

static bool
compare_authority(struct tally *t, uint8_t type, struct str *list,
    const struct trust_chain *c)
{
	struct str value;

	switch (type) {
	case PRE_AGREED:
		t->incomplete = true;
		return true;
	case KEY_SHA1_HASH:
		if (!take(list, SHA1_LEN, &value))
			return false;
		compare_hash(t, value, c->root_key_sha1);
		return true;
	case X509_NAME_DER:
		if (!take_vector(list, &value))
			return false;
		compare_name(t, value, c);
		return true;
	case CERT_SHA1_HASH:
		if (!take(list, SHA1_LEN, &value))
			return false;
		compare_hash(t, value, c->root_cert_sha1);
		return true;
	default:
		return false; /* how long it is, is not known */
	}
}

/* TrustedAuthority trusted_authorities_list<0..2^16-1>. */
static bool
compare_trusted(struct tally *t, struct str body, const struct trust_chain *c)
{
	struct str list, type;

	if (!take_vector(&body, &list) || body.n != 0)
		return false;
	while (take(&list, 1, &type))
		if (!compare_authority(t, (uint8_t)type.p[0], &list, c))
			return false;
	return true;
}

static struct tally
compare(const struct tls_hello *h, const struct trust_chain *c)
{
	struct tally t = { 0 };

	if (h->certificate_authorities.n > 0 &&
	    !compare_authorities(&t, h->certificate_authorities, c))
		t.incomplete = true;
	if (h->trusted_ca_keys.n > 0 &&
	    !compare_trusted(&t, h->trusted_ca_keys, c))
		t.incomplete = true;
	return t;
}

bool
trust_hello_lists_roots(const struct tls_hello *h)
{
	static const struct trust_chain none;

	return compare(h, &none).named;
}

enum trust_listed
trust_hello_listed(const struct tls_hello *h, const struct trust_chain *c)
{
	struct tally t = compare(h, c);

	if (t.ours)
		return TRUST_LISTED_YES;
	return t.named && !t.incomplete ? TRUST_LISTED_NO :
	    TRUST_LISTED_UNKNOWN;
}

bool
trust_hello_lists_root(const struct tls_hello *h, const struct trust_chain *c)
{
	return compare(h, c).ours;
}
