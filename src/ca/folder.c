/* SPDX-License-Identifier: BSD-2-Clause */
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
#include "ca/ca_int.h"
#include "x509/cert.h"

#define KEY_FILE_MAX 16384
/* 2025-01-01: no clock of a host that runs this is right and before it. */
#define CLOCK_SANE_S ((int64_t)1735689600)

bool
ca_is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

int
ca_read_cert(X509 **out, const char *path, struct buf *why)
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

int
ca_read_key(EVP_PKEY **out, const char *path, struct buf *why)
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

/* Root makes certificates for a service that runs as another user. */
static const struct file_owner *
owner_of(const struct ca_folder *f)
{
	return f != NULL && geteuid() == 0 && f->owner.uid != 0 ? &f->owner :
	    NULL;
}

static int
write_bio(const struct ca_folder *f, const char *path, enum file_kind kind,
    BIO *bio, bool complete, struct buf *why)
{
	char *p = NULL;
	long n = bio != NULL ? BIO_get_mem_data(bio, &p) : 0;

	ERR_clear_error();
	if (!complete || n <= 0) {
		buf_printf(why, "%s: cannot be put in PEM form", path);
		return E_CRYPTO;
	}
	return file_write_for(path, kind, owner_of(f), str_of(p, (size_t)n),
	    why);
}

int
ca_write_key(const struct ca_folder *f, const char *path, EVP_PKEY *key,
    struct buf *why)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL,
	    0, NULL, NULL) == 1;
	int rc = write_bio(f, path, FILE_SECRET, bio, ok, why);

	BIO_free(bio);
	return rc;
}

int
ca_write_certs(const struct ca_folder *f, const char *path, X509 *first,
    X509 *second, struct buf *why)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio != NULL && PEM_write_bio_X509(bio, first) == 1 &&
	    (second == NULL || PEM_write_bio_X509(bio, second) == 1);
	int rc = write_bio(f, path, FILE_PUBLIC, bio, ok, why);

	BIO_free(bio);
	return rc;
}

int
ca_check_clock(int64_t now_s, struct buf *why)
{
	if (now_s >= CLOCK_SANE_S)
		return 0;
	buf_printf(why, "this host's clock is before 2025: set it before "
	    "certificates are made");
	return E_STATE;
}

/* Locked until the returned descriptor is closed. */
static int
lock(struct ca_folder *f, const char *dir, bool make, struct buf *why)
{
	struct stat st;
	int fd;

	if (make && mkdir(dir, 0700) != 0 && errno != EEXIST) {
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
	f->owner = (struct file_owner) { st.st_uid, st.st_gid };
	return fd;
}

int
ca_folder_open(struct ca_folder *f, const char *dir, bool make,
    struct buf *why)
{
	struct { char *to; const char *name; } path[] = {
		{ f->ca_cert, "ca.pem" },
		{ f->ca_key, "ca-key.pem" },
		{ f->server_cert, "server.pem" },
		{ f->server_key, "server-key.pem" },
	};

	f->fd = -1;
	f->cert = NULL;
	f->key = NULL;
	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		int n = snprintf(path[i].to, CA_PATH_MAX, "%s/%s", dir,
		    path[i].name);
		if (n < 0 || n >= CA_PATH_MAX) {
			buf_printf(why, "%s: this path is too long", dir);
			return -ENAMETOOLONG;
		}
	}
	f->fd = lock(f, dir, make, why);
	return f->fd < 0 ? f->fd : 0;
}

void
ca_folder_close(struct ca_folder *f)
{
	X509_free(f->cert);
	EVP_PKEY_free(f->key);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->cert = NULL;
	f->key = NULL;
}

int64_t
ca_folder_end_s(const struct ca_folder *f)
{
	return x509_time_s(X509_get0_notAfter(f->cert));
}

int
ca_folder_expired(const struct ca_folder *f, int64_t now_s, struct buf *why)
{
	if (ca_folder_end_s(f) >= now_s)
		return 0;
	buf_printf(why, "%s: the CA has expired: move it, %s and %s away for a "
	    "new one, which every phone must then be given", f->ca_cert,
	    f->ca_key, f->server_cert);
	return E_MISMATCH;
}

int
ca_folder_load(struct ca_folder *f, struct buf *why)
{
	int rc = ca_read_cert(&f->cert, f->ca_cert, why);

	if (rc != 0)
		return rc;
	/* Wrong modes are told even where no key is needed. */
	if (ca_is_there(f->ca_key))
		rc = ca_read_key(&f->key, f->ca_key, why);
	if (rc == 0 && f->key != NULL &&
	    X509_check_private_key(f->cert, f->key) != 1) {
		ERR_clear_error();
		buf_printf(why, "%s: does not belong to %s: put the right "
		    "pair there", f->ca_key, f->ca_cert);
		rc = E_MISMATCH;
	}
	return rc;
}
