/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEB_SITE_H
#define WEB_SITE_H
/*
 * web/site - what is served over HTTP under one configuration: our CA, public
 * roots, and both in the forms that phones take.
 *
 * An immutable snapshot, shared by reference count: a reload makes another.
 * Everything is read and put in form when it is made; serving reads no file.
 * It never sees a private key.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "ca/anchor.h"
#include "web/path.h"

struct site;

/* A document as it is served; borrowed from the site, body aside. */
struct site_document {
	const char *type;        /* Content-Type                            */
	struct buf *body;        /* the caller's: the content is appended   */
	char etag[72];           /* quoted                                  */
	int64_t modified_s;
	char root[512];          /* common name of the root in it, or "";
	                            of several, a line each                  */
};

/* 0, or an error with a sentence in why; *out is then untouched. */
MUSTCHECK int site_new(struct site **out, const struct conf *conf,
    int64_t now_s, struct buf *why);
struct site *site_ref(struct site *s);
void site_unref(struct site *s); /* NULL does nothing */

/*
 * What p names.  base_url is ours as this client knows us, without a slash at
 * its end.  0, E_ABSENT: not served here.
 */
MUSTCHECK int site_find(const struct site *s, const struct web_path *p,
    const char *base_url, struct site_document *out);

/* Our CA, NULL: none; a public root by name, or by its common name where one
 * alone has that, else NULL: another's file would mend nothing. */
const struct ca_anchor *site_ca(const struct site *s);
const struct ca_anchor *site_root(const struct site *s, const char *root);
size_t site_roots(const struct site *s);
/* The file that our CA came from, or would come from. */
const char *site_ca_file(const struct site *s);

#endif
