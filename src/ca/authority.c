/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ca/issue.h"
#include "x509/cert.h"

#define DAY_S         ((int64_t)86400)
#define RENEW_S       (30 * DAY_S)
#define KEY_FILE_MAX  16384
/* 2025-01-01: no clock of a host that runs this is right and before it. */
#define CLOCK_SANE_S  ((int64_t)1735689600)

/* One run of ca_ensure; what is loaded is freed at its end. */
struct run {
	struct ca_files *files;
	char ca_key_file[512];
	struct ca_names names;
	int64_t now_s;
	struct buf *why;
	X509 *ca, *server;
	EVP_PKEY *ca_key, *server_key;
};

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static int
read_cert(X509 **out, const char *path, struct buf *why)
{
	struct buf text;
	int rc;

	buf_init(&text, X509_FILE_MAX);
	rc = file_read(&text, path, FILE_PUBLIC, why);
	if (rc == 0)
		rc = x509_cert_read(out, path, buf_as_str(&text), why);
	buf_fini(&text);
	return rc;
}

static int
read_key(EVP_PKEY **out, const char *path, struct buf *why)
{
	char bytes[KEY_FILE_MAX];
	struct buf text;
	int rc;

	buf_init_array(&text, bytes, sizeof(bytes));
	rc = file_read(&text, path, FILE_SECRET, why);
	if (rc == 0)
		rc = x509_key_read(out, path, buf_as_str(&text), why);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

static int
write_bio(const char *path, enum file_kind kind, BIO *bio, bool complete,
    struct buf *why)
{
	char *p = NULL;
	long n = bio != NULL ? BIO_get_mem_data(bio, &p) : 0;

	ERR_clear_error();
	if (!complete || n <= 0) {
		buf_printf(why, "%s: cannot be put in PEM form", path);
		return E_CRYPTO;
	}
	return file_write(path, kind, str_of(p, (size_t)n), why);
}

static int
write_key(const char *path, EVP_PKEY *key, struct buf *why)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL,
	    0, NULL, NULL) == 1;
	int rc = write_bio(path, FILE_SECRET, bio, ok, why);

	BIO_free(bio);
	return rc;
}

/* second may be NULL. */
static int
write_certs(const char *path, X509 *first, X509 *second, struct buf *why)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio != NULL && PEM_write_bio_X509(bio, first) == 1 &&
	    (second == NULL || PEM_write_bio_X509(bio, second) == 1);
	int rc = write_bio(path, FILE_PUBLIC, bio, ok, why);

	BIO_free(bio);
	return rc;
}

static int
new_key(EVP_PKEY **out, const char *path, struct buf *why)
{
	int rc = ca_key_new(out);

	if (rc != 0) {
		buf_printf(why, "%s: no RSA key could be made", path);
		return rc;
	}
	return write_key(path, *out, why);
}

static int
check_clock(struct run *r)
{
	if (r->now_s >= CLOCK_SANE_S)
		return 0;
	buf_printf(r->why, "this host's clock is before 2025: set it before "
	    "certificates are made");
	return E_STATE;
}

/*
 * The key is written before its certificate, so a key alone is what a start
 * that was cut off left behind - unless something was already issued.
 */
static int
make_ca(struct run *r)
{
	const struct ca_files *f = r->files;
	int rc = check_clock(r);

	if (rc != 0)
		return rc;
	if (is_there(f->server_cert)) {
		buf_printf(r->why, "%s: is missing, but %s was issued by it: "
		    "put it back (it is the second certificate in there), or "
		    "remove that and %s for a new CA that every phone must be "
		    "given", f->ca_cert, f->server_cert, r->ca_key_file);
		return E_ABSENT;
	}
	if (is_there(r->ca_key_file))
		rc = read_key(&r->ca_key, r->ca_key_file, r->why);
	else
		rc = new_key(&r->ca_key, r->ca_key_file, r->why);
	if (rc != 0)
		return rc;
	rc = ca_root_new(&r->ca, r->ca_key, r->names.domain, r->now_s);
	if (rc != 0) {
		buf_printf(r->why, "%s: the certificate could not be made",
		    f->ca_cert);
		return rc;
	}
	return write_certs(f->ca_cert, r->ca, NULL, r->why);
}

static int
load_ca(struct run *r)
{
	const char *path = r->files->ca_cert;
	int rc = read_cert(&r->ca, path, r->why);

	if (rc != 0)
		return rc;
	if (x509_time_s(X509_get0_notAfter(r->ca)) < r->now_s) {
		buf_printf(r->why, "%s: the CA has expired: move it, %s and %s "
		    "away for a new one, which every phone must then be given",
		    path, r->ca_key_file, r->files->server_cert);
		return E_MISMATCH;
	}
	/* Wrong modes are told even in a start that needs no key. */
	if (is_there(r->ca_key_file))
		rc = read_key(&r->ca_key, r->ca_key_file, r->why);
	if (rc == 0 && r->ca_key != NULL &&
	    X509_check_private_key(r->ca, r->ca_key) != 1) {
		ERR_clear_error();
		buf_printf(r->why, "%s: does not belong to %s: put the right "
		    "pair there", r->ca_key_file, path);
		rc = E_MISMATCH;
	}
	return rc;
}

static int
ensure_ca(struct run *r)
{
	if (is_there(r->files->ca_cert))
		return load_ca(r);
	r->files->created = true;
	return make_ca(r);
}

/* What is in DIR/server.pem; one that is not ours is never overwritten. */
static int
load_server(struct run *r)
{
	const struct ca_files *f = r->files;
	EVP_PKEY *ca_public = X509_get0_pubkey(r->ca);
	int rc = 0;

	if (is_there(f->server_key))
		rc = read_key(&r->server_key, f->server_key, r->why);
	if (rc != 0 || !is_there(f->server_cert))
		return rc;
	rc = read_cert(&r->server, f->server_cert, r->why);
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

static bool
server_is_good(struct run *r)
{
	bool good = r->server != NULL && r->server_key != NULL &&
	    x509_time_s(X509_get0_notAfter(r->server)) - r->now_s >= RENEW_S &&
	    X509_check_private_key(r->server, r->server_key) == 1 &&
	    ca_covers(r->server, &r->names);

	ERR_clear_error();
	return good;
}

/*
 * The key stays the same from certificate to certificate: so there is one
 * rename that makes the new one valid, and no moment in between.
 */
static int
issue_server(struct run *r)
{
	const struct ca_files *f = r->files;
	X509 *cert = NULL;
	int rc = check_clock(r);

	if (rc != 0)
		return rc;
	if (r->ca_key == NULL) {
		buf_printf(r->why, "%s: a server certificate must be issued "
		    "(none yet, it expires within 30 days, or does not name "
		    "%s and this host's addresses), but the CA's key is "
		    "missing: put it back", r->ca_key_file, r->names.domain);
		return E_ABSENT;
	}
	if (r->server_key == NULL)
		rc = new_key(&r->server_key, f->server_key, r->why);
	if (rc != 0)
		return rc;
	rc = ca_server_new(&cert, r->server_key, &r->names, r->ca, r->ca_key,
	    r->now_s);
	if (rc != 0)
		buf_printf(r->why, "%s: the certificate could not be made",
		    f->server_cert);
	else
		rc = write_certs(f->server_cert, cert, r->ca, r->why);
	X509_free(cert);
	return rc;
}

/* The folder, locked until the returned descriptor is closed. */
static int
open_folder(const char *dir, struct buf *why)
{
	struct stat st;
	int fd;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		int rc = -errno;
		buf_printf(why, "%s: cannot make this folder: %s", dir,
		    err_str(rc));
		return rc;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || flock(fd, LOCK_EX) != 0) {
		int rc = -errno;
		buf_printf(why, "%s: cannot open this folder: %s", dir,
		    err_str(rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if ((st.st_mode & 022) != 0) {
		buf_printf(why, "%s: others can write in this folder, and so "
		    "exchange its keys: chmod go-w %s", dir, dir);
		close(fd);
		return E_CONFIG;
	}
	return fd;
}

static int
set_paths(struct run *r, const char *dir)
{
	struct { char *to; size_t size; const char *name; } path[] = {
		{ r->files->ca_cert, sizeof(r->files->ca_cert), "ca.pem" },
		{ r->files->server_cert, sizeof(r->files->server_cert),
		    "server.pem" },
		{ r->files->server_key, sizeof(r->files->server_key),
		    "server-key.pem" },
		{ r->ca_key_file, sizeof(r->ca_key_file), "ca-key.pem" },
	};

	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		int n = snprintf(path[i].to, path[i].size, "%s/%s", dir,
		    path[i].name);
		if (n < 0 || (size_t)n >= path[i].size) {
			buf_printf(r->why, "%s: this path is too long", dir);
			return -ENAMETOOLONG;
		}
	}
	return 0;
}

static int
check_domain(struct run *r)
{
	struct addr a;

	if (ca_is_dns_name(r->names.domain) ||
	    addr_parse_ip(&a, str_cstr(r->names.domain)) == 0)
		return 0;
	buf_printf(r->why, "domain = \"%s\": found neither a DNS name nor an "
	    "address; letters, digits, hyphens and dots are expected",
	    r->names.domain);
	return E_CONFIG;
}

int
ca_ensure(struct ca_files *out, const char *dir, const char *domain,
    const struct addr *ips, size_t nips, int64_t now_s, struct buf *why)
{
	struct ca_files files = { .created = false };
	struct run r = {
		.files = &files, .names = { domain, ips, nips },
		.now_s = now_s, .why = why,
	};
	int fd = -1, rc;

	rc = set_paths(&r, dir);
	if (rc == 0)
		rc = check_domain(&r);
	if (rc == 0 && (fd = open_folder(dir, why)) < 0)
		rc = fd;
	if (rc == 0)
		rc = ensure_ca(&r);
	if (rc == 0)
		rc = load_server(&r);
	if (rc == 0 && !server_is_good(&r))
		rc = issue_server(&r);
	if (rc == 0) {
		x509_fingerprint(r.ca, files.fingerprint);
		*out = files;
	}
	X509_free(r.ca);
	X509_free(r.server);
	EVP_PKEY_free(r.ca_key);
	EVP_PKEY_free(r.server_key);
	if (fd >= 0)
		close(fd);
	return rc;
}
