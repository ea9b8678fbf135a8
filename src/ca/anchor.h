/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ANCHOR_H
#define CA_ANCHOR_H
/*
 * ca/anchor - root certificates as they are given to phones: our own CA's, and
 * public ones by name.
 *
 * Reads certificates alone, never a key.  A root is self-signed: several
 * phones refuse any other CA certificate (Polycom: "error=2").  An anchor is
 * immutable once loaded and owns its bytes.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CA_ANCHOR_FILE_MAX  ((size_t)64 << 10) /* bytes, of one root   */
#define CA_ANCHORS_FILE_MAX ((size_t)2 << 20)  /* bytes, of all roots  */
#define CA_ANCHORS_MAX      1024

struct device_roots;

struct ca_anchor {
	char name[192];       /* in URLs: "isrg-root-x1"                      */
	char root[512];       /* common name: "ISRG Root X1"                  */
	char fingerprint[96]; /* SHA-256                                      */
	bool ec;              /* its key is an elliptic one                   */
	struct buf pem, der;
	int64_t not_before_s, not_after_s;
	int64_t modified_s;   /* of the file                                  */
};

struct ca_anchors {
	struct ca_anchor *v;  /* in the file's order */
	size_t n;
	size_t left_out;
};

/*
 * The one CA certificate that a PEM file holds.  What is no CA, no root,
 * expired or more than one is refused with a sentence that names the file and
 * the mend.  0, -errno, E_CONFIG, E_LIMIT, E_PARSE, E_MISMATCH; E_STATE: it has
 * expired.
 */
MUSTCHECK int ca_anchor_load(struct ca_anchor *out, const char *path,
    int64_t now_s, struct buf *why);
void ca_anchor_fini(struct ca_anchor *a);

/*
 * All roots of a PEM file, as Debian's ca-certificates.crt.  One that has
 * expired is left out and counted; one that is no root refuses the file when
 * strict, else it is left out too.  One that known (may be NULL) has is called
 * as there: a URL that stands in a phone must mean the same root tomorrow,
 * whatever is put into the file before it.
 */
MUSTCHECK int ca_anchors_load(struct ca_anchors *out, const char *path,
    bool strict, const struct device_roots *known, int64_t now_s,
    struct buf *why);
void ca_anchors_fini(struct ca_anchors *a);

/*
 * By its name in URLs, or by its common name where one alone has it; case does
 * not count.  NULL: none; or several, whose names are then appended to
 * several (may be NULL).
 */
const struct ca_anchor *ca_anchors_find(const struct ca_anchors *a,
    const char *name, struct buf *several);

/*
 * Several in one PEM file, for phones that take a bundle: names with "+"
 * between them, "ca" for own (may be NULL).  out's name is names, its root the
 * common names, a line each; it has no DER.  0; E_LIMIT: more than
 * CA_BUNDLE_MAX; E_ABSENT: one is not there; why says which.
 */
#define CA_BUNDLE_MAX 4
MUSTCHECK int ca_anchors_join(struct ca_anchor *out,
    const struct ca_anchors *a, const struct ca_anchor *own,
    const char *names, struct buf *why);

/* The system's bundle of public roots; NULL: none is installed. */
const char *ca_system_roots(void);

/* "ISRG Root X1" to "isrg-root-x1". */
void ca_anchor_name(char *out, size_t size, const char *root);

#endif
