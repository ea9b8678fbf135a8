/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/authority.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

#include "ca/ca_int.h"
#include "x509/cert.h"

/* With the CA's key kept elsewhere a certificate is used to near its end. */
#define LEFT_WITHOUT_KEY_S (30 * CA_DAY_S)

/* One run; what is loaded is freed at its end. */
struct run {
	struct ca_folder folder;
	const struct ca_server_want *want;
	int64_t now_s;
	struct buf *why;
	X509 *server;
	EVP_PKEY *server_key;
	bool created;
};

/* ---- the CA ---- */

static int
new_key(EVP_PKEY **out, const struct ca_folder *f, const char *path,
    enum ca_key_type type, struct buf *why)
{
	int rc = ca_key_new(out, type);

	if (rc != 0) {
		buf_printf(why, "%s: no key could be made", path);
		return rc;
	}
	return ca_write_key(f, path, *out, why);
}

/* A certificate for the key that is loaded. */
static int
make_root(struct ca_folder *f, const struct ca_root_want *want,
    int64_t now_s, struct buf *why)
{
	int rc = ca_root_new(&f->cert, f->key, want, now_s);

	if (rc != 0) {
		buf_printf(why, "%s: the certificate could not be made%s",
		    f->ca_cert, rc == E_PARSE ? ": it can be confined to DNS "
		    "names and IPv4 networks as 10.0.0.0/8 alone" : "");
		return rc;
	}
	return ca_write_certs(f, f->ca_cert, f->cert, NULL, why);
}

/*
 * The key is written before its certificate, so a key alone is what a start
 * that was cut off left behind - unless something was already issued.
 */
static int
make_ca(struct run *r)
{
	struct ca_root_want want = { .domain = r->want->names.domain };
	struct ca_folder *f = &r->folder;
	int rc = ca_check_clock(r->now_s, r->why);

	if (rc != 0)
		return rc;
	if (ca_is_there(f->server_cert)) {
		buf_printf(r->why, "%s: is missing, but %s was issued by it: "
		    "put it back (it is the second certificate in there), or "
		    "remove that and %s for a new CA that every phone must be "
		    "given", f->ca_cert, f->server_cert, f->ca_key);
		return E_ABSENT;
	}
	if (ca_is_there(f->ca_key))
		rc = ca_read_key(&f->key, f->ca_key, r->why);
	else
		rc = new_key(&f->key, f, f->ca_key, CA_KEY_RSA, r->why);
	return rc != 0 ? rc : make_root(f, &want, r->now_s, r->why);
}

static int
ensure_ca(struct run *r)
{
	if (ca_is_there(r->folder.ca_cert))
		return ca_folder_load(&r->folder, r->why);
	r->created = true;
	return make_ca(r);
}

/* ---- the edge's own certificate ---- */

/* What is in DIR/server.pem; one that is not ours is never overwritten. */
static int
load_server(struct run *r)
{
	const struct ca_folder *f = &r->folder;
	EVP_PKEY *ca_public = X509_get0_pubkey(f->cert);
	int rc = 0;

	if (ca_is_there(f->server_key))
		rc = ca_read_key(&r->server_key, f->server_key, r->why);
	if (rc != 0 || !ca_is_there(f->server_cert))
		return rc;
	rc = ca_read_cert(&r->server, f->server_cert, r->why);
	if (rc != 0)
		return rc;
	if (ca_public == NULL || X509_verify(r->server, ca_public) != 1) {
		ERR_clear_error();
		buf_printf(r->why, "%s: was not issued by %s: move it away, or "
		    "name it as a chain in the configuration", f->server_cert,
		    f->ca_cert);
		return E_MISMATCH;
	}
	return 0;
}

bool
ca_ends_with(int64_t not_after_s, int64_t ca_not_after_s)
{
	return not_after_s + CA_DAY_S >= ca_not_after_s;
}

/* So long that another one would not be worth it, or could not be longer. */
static bool
lasts(const struct run *r)
{
	int days = r->want->days > 0 ? r->want->days : CA_SERVER_DAYS;
	int64_t left_s = r->folder.key != NULL ?
	    ca_renew_before_s(days) : LEFT_WITHOUT_KEY_S;
	int64_t end_s = x509_time_s(X509_get0_notAfter(r->server));

	return end_s - r->now_s >= left_s ||
	    ca_ends_with(end_s, ca_folder_end_s(&r->folder));
}

static bool
server_is_good(const struct run *r)
{
	bool good = r->server != NULL && r->server_key != NULL &&
	    X509_check_private_key(r->server, r->server_key) == 1;

	/* Of an expired CA it is the last one. */
	if (good && ca_folder_end_s(&r->folder) >= r->now_s)
		good = lasts(r) && ca_covers(r->server, &r->want->names);
	ERR_clear_error();
	return good;
}

/* Made, and checked against the CA's constraints. */
static int
make_server(X509 **out, const struct ca_folder *f,
    const struct ca_server_want *want, EVP_PKEY *key, int64_t now_s,
    struct buf *why)
{
	X509 *cert = NULL;
	int rc = ca_server_new(&cert, key, want, f->cert, f->key, now_s);

	if (rc != 0) {
		buf_printf(why, "a certificate for %s could not be made",
		    want->names.domain);
	} else if (!ca_permits(f->cert, cert)) {
		buf_printf(why, "%s: this CA was confined when it was made "
		    "(nameConstraints; siptrust ca show) and may not issue "
		    "for %s or one of the other names and addresses",
		    f->ca_cert, want->names.domain);
		X509_free(cert);
		rc = E_MISMATCH;
	} else {
		*out = cert;
	}
	return rc;
}

/*
 * The key stays the same from certificate to certificate: so there is one
 * rename that makes the new one valid, and no moment in between.
 */
static int
issue_server(struct run *r)
{
	struct ca_folder *f = &r->folder;
	struct ca_server_want want = *r->want;
	int64_t left = (ca_folder_end_s(f) - r->now_s) / CA_DAY_S;
	X509 *cert = NULL;
	int rc = ca_check_clock(r->now_s, r->why);

	if (rc == 0)
		rc = ca_folder_expired(f, r->now_s, r->why);
	if (rc != 0)
		return rc;
	if (want.days <= 0)
		want.days = CA_SERVER_DAYS;
	if (want.days > left)
		want.days = left > 0 ? (int)left : 1;
	if (f->key == NULL) {
		buf_printf(r->why, "%s: a server certificate must be issued "
		    "(none yet, it expires within 30 days, or does not name "
		    "%s and this host's addresses), but the CA's key is "
		    "missing: put it back", f->ca_key,
		    r->want->names.domain);
		return E_ABSENT;
	}
	if (r->server_key == NULL)
		rc = new_key(&r->server_key, f, f->server_key, CA_KEY_RSA,
		    r->why);
	if (rc == 0)
		rc = make_server(&cert, f, &want, r->server_key, r->now_s,
		    r->why);
	if (rc == 0)
		rc = ca_write_certs(f, f->server_cert, cert, f->cert, r->why);
	X509_free(cert);
	return rc;
}

static int
check_domain(const char *domain, struct buf *why)
{
	struct addr a;

	if (ca_is_dns_name(domain) || addr_parse_ip(&a, str_cstr(domain)) == 0)
		return 0;
	buf_printf(why, "domain = \"%s\": found neither a DNS name nor an "
	    "address; letters, digits, hyphens and dots are expected", domain);
	return E_CONFIG;
}

static void
put_files(struct ca_files *out, const struct run *r, bool issued)
{
	const struct ca_folder *f = &r->folder;

	*out = (struct ca_files) { .created = r->created, .issued = issued };
	str_copy(out->ca_cert, sizeof(out->ca_cert), str_cstr(f->ca_cert));
	str_copy(out->server_cert, sizeof(out->server_cert),
	    str_cstr(f->server_cert));
	str_copy(out->server_key, sizeof(out->server_key),
	    str_cstr(f->server_key));
	x509_fingerprint(f->cert, out->fingerprint);
	out->not_after_s = ca_folder_end_s(f);
}

int64_t
ca_renew_before_s(int days)
{
	return days * CA_DAY_S / 3;
}

int
ca_ensure(struct ca_files *out, const char *dir,
    const struct ca_server_want *want, int64_t now_s, struct buf *why)
{
	struct run r = { .want = want, .now_s = now_s, .why = why };
	bool issued = false;
	int rc = check_domain(want->names.domain, why);

	r.folder.fd = -1;
	if (rc == 0)
		rc = ca_folder_open(&r.folder, dir, true, why);
	if (rc == 0)
		rc = ensure_ca(&r);
	if (rc == 0)
		rc = load_server(&r);
	if (rc == 0 && !server_is_good(&r)) {
		rc = issue_server(&r);
		issued = rc == 0;
	}
	if (rc == 0)
		put_files(out, &r, issued);
	X509_free(r.server);
	EVP_PKEY_free(r.server_key);
	ca_folder_close(&r.folder);
	return rc;
}

/* ---- by command ---- */

static int
check_absent(const struct ca_folder *f, struct buf *why)
{
	const char *there[] = { f->ca_cert, f->server_cert };

	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		if (!ca_is_there(there[i]))
			continue;
		buf_printf(why, "%s: is there already; every phone would have "
		    "to be given the new CA: move it away first if that is "
		    "wanted", there[i]);
		return E_EXISTS;
	}
	return 0;
}

/* First the certificate, in memory: a wrong wish leaves no key. */
static int
try_root(const struct ca_folder *f, const struct ca_root_want *want,
    int64_t now_s, struct buf *why)
{
	X509 *trial = NULL;
	int rc = ca_root_new(&trial, f->key, want, now_s);

	X509_free(trial);
	if (rc == E_PARSE)
		buf_puts(why, "a CA can be confined to DNS names and to IPv4 "
		    "networks such as 10.0.0.0/8, nothing else");
	return rc;
}

int
ca_init(const char *dir, const struct ca_root_want *want, int64_t now_s,
    struct buf *why)
{
	struct ca_folder f = { .fd = -1 };
	bool left_behind = false;
	int rc = check_domain(want->domain, why);

	if (rc == 0)
		rc = ca_check_clock(now_s, why);
	if (rc == 0)
		rc = ca_folder_open(&f, dir, true, why);
	if (rc == 0)
		rc = check_absent(&f, why);
	if (rc == 0) {
		left_behind = ca_is_there(f.ca_key);
		rc = left_behind ? ca_read_key(&f.key, f.ca_key, why) :
		    ca_key_new(&f.key, CA_KEY_RSA);
	}
	if (rc == 0)
		rc = try_root(&f, want, now_s, why);
	if (rc == 0 && !left_behind)
		rc = ca_write_key(&f, f.ca_key, f.key, why);
	if (rc == 0)
		rc = make_root(&f, want, now_s, why);
	ca_folder_close(&f);
	return rc;
}

static int
load_or_make_key(EVP_PKEY **out, const struct ca_issue_want *want,
    struct buf *why)
{
	const char *files[] = { want->cert_file, want->key_file };

	if (want->replace && ca_is_there(want->key_file))
		return ca_read_key(out, want->key_file, why);
	for (size_t i = 0; i < ARRAY_LEN(files) && !want->replace; i++) {
		if (!ca_is_there(files[i]))
			continue;
		buf_printf(why, "%s: is there already", files[i]);
		return E_EXISTS;
	}
	return ca_key_new(out, want->key_type);
}

static int
check_issue(const struct ca_folder *f, const struct ca_issue_want *want,
    int64_t now_s, struct buf *why)
{
	int64_t end_s = ca_folder_end_s(f);
	int days = want->server.days > 0 ? want->server.days : CA_SERVER_DAYS;
	int rc = ca_folder_expired(f, now_s, why);

	if (rc != 0)
		return rc;
	if (f->key == NULL) {
		buf_printf(why, "%s: is missing: without it nothing can be "
		    "issued", f->ca_key);
		return E_ABSENT;
	}
	if (now_s + days * CA_DAY_S > end_s) {
		buf_printf(why, "%s: the CA itself ends in %lld days: no "
		    "certificate of it can be valid for %d", f->ca_cert,
		    (long long)((end_s - now_s) / CA_DAY_S), days);
		return E_MISMATCH;
	}
	return 0;
}

int
ca_issue(const char *dir, const struct ca_issue_want *want, int64_t now_s,
    struct buf *why)
{
	struct ca_folder f = { .fd = -1 };
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = check_domain(want->server.names.domain, why);

	if (rc == 0)
		rc = ca_check_clock(now_s, why);
	if (rc == 0)
		rc = ca_folder_open(&f, dir, false, why);
	if (rc == 0)
		rc = ca_folder_load(&f, why);
	if (rc == 0)
		rc = check_issue(&f, want, now_s, why);
	if (rc == 0)
		rc = load_or_make_key(&key, want, why);
	if (rc == 0)
		rc = make_server(&cert, &f, &want->server, key, now_s, why);
	/* The key first: a certificate without it would be of no use. */
	if (rc == 0 && !ca_is_there(want->key_file))
		rc = ca_write_key(NULL, want->key_file, key, why);
	if (rc == 0)
		rc = ca_write_certs(NULL, want->cert_file, cert, f.cert, why);
	X509_free(cert);
	EVP_PKEY_free(key);
	ca_folder_close(&f);
	return rc;
}
