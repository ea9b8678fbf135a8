/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_CA_INT_H
#define CA_CA_INT_H
/*
 * ca/ca_int - the CA's folder: what lies there, read and written with the
 * modes it must have.  Every function says what is wrong in why.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#define CA_DAY_S    ((int64_t)86400)
#define CA_PATH_MAX 512

struct ca_folder {
	char ca_cert[CA_PATH_MAX], ca_key[CA_PATH_MAX];
	char server_cert[CA_PATH_MAX], server_key[CA_PATH_MAX];
	int fd;                 /* locked while open; -1: not open        */
	struct file_owner owner; /* of the folder                         */
	X509 *cert;             /* the CA's, once loaded                  */
	EVP_PKEY *key;          /* NULL: kept elsewhere                   */
};

/*
 * Lock the folder; make: make it (0700) where it is not there.  In every case
 * ca_folder_close must follow.  0, -errno, E_CONFIG: others can write in it.
 */
MUSTCHECK int ca_folder_open(struct ca_folder *f, const char *dir, bool make,
    struct buf *why);
void ca_folder_close(struct ca_folder *f);

/* The CA that is there, and its key, if that is there and its own. */
MUSTCHECK int ca_folder_load(struct ca_folder *f, struct buf *why);
/* E_MISMATCH: the CA that was loaded has expired. */
MUSTCHECK int ca_folder_expired(const struct ca_folder *f, int64_t now_s,
    struct buf *why);
int64_t ca_folder_end_s(const struct ca_folder *f);

/* E_STATE: no certificate can be made by this clock. */
MUSTCHECK int ca_check_clock(int64_t now_s, struct buf *why);

bool ca_is_there(const char *path);
MUSTCHECK int ca_read_cert(X509 **out, const char *path, struct buf *why);
/* Refuses a key that others can read. */
MUSTCHECK int ca_read_key(EVP_PKEY **out, const char *path, struct buf *why);
/* A private key, mode 0600.  In the folder it belongs to the folder's owner,
 * whoever runs this: f NULL: it is not in the folder. */
MUSTCHECK int ca_write_key(const struct ca_folder *f, const char *path,
    EVP_PKEY *key, struct buf *why);
/* second may be NULL. */
MUSTCHECK int ca_write_certs(const struct ca_folder *f, const char *path,
    X509 *first, X509 *second, struct buf *why);

#endif
