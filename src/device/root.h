/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_ROOT_H
#define DEVICE_ROOT_H
/*
 * device/root - public root certificates past and present, as facts, and which
 * of them a profile publishes.
 *
 * The rows are data/roots/ (tools/gen-roots), text inside the program: no
 * certificate is there.  A catalogue is immutable and owns all that is found
 * in it; any number of threads may read it.  No I/O.
 */
#include "device/profile.h"

struct device_root {
	struct str name;          /* "isrg-root-x1": one root's alone        */
	struct str label;         /* "ISRG Root X1": as evidence and chains
	                             name it; several may share one          */
	struct str begin, end;    /* days, "2015-06-04"                      */
	int64_t not_before_s, not_after_s; /* begin and end of those days    */
	struct str key;           /* "rsa4096", "ec384"                      */
	struct str signature;     /* "rsa-sha256"                            */
	uint8_t sha256[32];       /* of the certificate                      */
	uint8_t ski[20];          /* SubjectKeyIdentifier                    */
	uint8_t nski;             /* its bytes; 0: it has none, or longer    */
	struct str seen;          /* "mozilla:2018-06..2026-04 windows:..."  */
	struct str subject;       /* RFC 2253                                */
	struct str subject_der;   /* its Name in DER, base64                 */
};

struct device_roots;

/* 0; E_CONFIG: a row is faulty, a line for each in why; -ENOMEM. */
MUSTCHECK int device_roots_load(struct device_roots **out, struct buf *why);
void device_roots_free(struct device_roots *r); /* NULL does nothing */

/* In the order of their names. */
size_t device_roots_count(const struct device_roots *r);
const struct device_root *device_roots_at(const struct device_roots *r,
    size_t i);

/*
 * By name; by label where one CA alone has it, then its root that is valid
 * longest (case does not count); or by the first 8 or more hexadecimal digits
 * of its SHA-256, colons or not; NULL.
 */
const struct device_root *device_roots_find(const struct device_roots *r,
    struct str name);
const struct device_root *device_roots_by_sha256(const struct device_roots *r,
    const uint8_t sha256[32]);
/* The next after i (start with 0) that has the label; *i is left behind it;
 * NULL: no more. */
const struct device_root *device_roots_labelled(const struct device_roots *r,
    struct str label, size_t *i);

/*
 * The next after i with this subject (DER) and, where key_id is not empty and
 * the root has one, this SubjectKeyIdentifier: as an issuer is found by name
 * and AuthorityKeyIdentifier (RFC 5280 4.2.1.1).
 */
const struct device_root *device_roots_subject(const struct device_roots *r,
    struct str der, struct str key_id, size_t *i);

/* What a maker's words for a root mean (data/roots/makers.names). */
enum device_naming {
	DEVICE_NAMING_NONE,  /* nothing that is known                       */
	DEVICE_NAMING_ONE,   /* the name or label of one root               */
	DEVICE_NAMING_OWN,   /* a CA of the maker's own                     */
	DEVICE_NAMING_SOME,  /* one or several of those with a word in their
	                        subject                                     */
	DEVICE_NAMING_STORE, /* those of a public store of an unknown day   */
};
/* note, where not NULL: what is known of it besides; may be empty. */
enum device_naming device_roots_naming(const struct device_roots *r,
    struct str words, struct str *note);

/* The words can mean this root. */
bool device_roots_can_mean(const struct device_roots *r, struct str words,
    const struct device_root *root);

/*
 * Does a device of the profile hold the root as delivered, by what is
 * published?  fact, where not NULL, gets the line that says so, NULL without
 * one: with UNKNOWN it is the one that may mean it.  A fact's own unverified
 * says how good it is.  root NULL: one that is in no public store.
 */
enum device_answer device_root_published(const struct device_roots *r,
    const struct device_profile *p, const struct device_root *root,
    const struct device_fact **fact);

/* A public CA from which a certificate can be had (data/roots/issuers.chains),
 * and what its chains lead to. */
struct device_issuer {
	struct str name;          /* "Let's Encrypt"                         */
	struct str roots;         /* names, ' ' between; the oldest first    */
	struct str until;         /* the day its path to the oldest ends     */
	int64_t until_s;
	struct str how, source;
};
size_t device_issuers_count(const struct device_roots *r);
const struct device_issuer *device_issuers_at(const struct device_roots *r,
    size_t i);

/* "2015-06-04" to Unix seconds at its begin; false: no day. */
bool device_day_read(struct str day, int64_t *out);

#endif
