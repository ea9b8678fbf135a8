/* SPDX-License-Identifier: BSD-2-Clause */
#include "web/site.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/log.h"

#define PATH_BYTES 600

struct site {
	atomic_uint refs;
	struct ca_anchor ca;
	bool has_ca;
	char ca_file[PATH_BYTES];
	struct ca_anchors roots;
};

/* ---- how it is made ---- */

/* The edge's own CA need not be there: its chain may be somebody else's. */
static int
load_ca(struct site *s, const struct conf *conf, int64_t now_s,
    struct buf *why)
{
	bool named = conf->ca_file[0] != '\0';
	int rc;

	if (snprintf(s->ca_file, sizeof(s->ca_file), "%s%s",
	    named ? conf->ca_file : conf->data, named ? "" : "/ca.pem") >=
	    (int)sizeof(s->ca_file)) {
		buf_puts(why, "ca_file: this path is too long");
		return -ENAMETOOLONG;
	}
	if (!named && access(s->ca_file, F_OK) != 0)
		return 0;
	if (named)
		buf_puts(why, "ca_file: ");
	rc = ca_anchor_load(&s->ca, s->ca_file, now_s, why);
	s->has_ca = rc == 0;
	return rc;
}

static int
load_roots(struct site *s, const struct conf *conf, int64_t now_s,
    struct buf *why)
{
	bool named = conf->roots_file[0] != '\0';
	const char *file = named ? conf->roots_file : ca_system_roots();

	if (file == NULL) {
		log_warn("no-public-roots", "hint=\"install ca-certificates, "
		    "or set roots_file\"");
		return 0;
	}
	if (named)
		buf_puts(why, "roots_file: ");
	return ca_anchors_load(&s->roots, file, named, now_s, why);
}

int
site_new(struct site **out, const struct conf *conf, int64_t now_s,
    struct buf *why)
{
	struct site *s = calloc(1, sizeof(*s));
	size_t said = why->n;
	int rc;

	if (s == NULL)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	rc = load_ca(s, conf, now_s, why);
	if (rc == 0) {
		why->n = said;
		rc = load_roots(s, conf, now_s, why);
	}
	if (rc != 0) {
		site_unref(s);
		return rc;
	}
	why->n = said;
	*out = s;
	return 0;
}

struct site *
site_ref(struct site *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
site_unref(struct site *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	if (s->has_ca)
		ca_anchor_fini(&s->ca);
	ca_anchors_fini(&s->roots);
	free(s);
}

/* ---- what it holds ---- */

const struct ca_anchor *
site_ca(const struct site *s)
{
	return s->has_ca ? &s->ca : NULL;
}

const struct ca_anchor *
site_root(const struct site *s, const char *root)
{
	return ca_anchors_find(&s->roots, root);
}

size_t
site_roots(const struct site *s)
{
	return s->roots.n;
}

const char *
site_ca_file(const struct site *s)
{
	return s->ca_file;
}

/* ---- documents ---- */

/* A strong tag: equal bytes, equal tag (RFC 9110 8.8.1). */
static void
put_etag(struct site_document *out, struct str body)
{
	uint8_t sum[DIGEST_MAX];
	char hex[33];

	digest(DIGEST_SHA256, &body, 1, sum);
	str_hex(hex, sum, 16);
	snprintf(out->etag, sizeof(out->etag), "\"%s\"", hex);
}

static int
put_certificate(const struct ca_anchor *a, enum web_form form,
    struct site_document *out)
{
	/* RFC 2585 4.1 has a type for DER; for PEM there is but the custom. */
	out->type = form == WEB_DER ? "application/pkix-cert" :
	    "application/x-pem-file";
	buf_str(out->body, buf_as_str(form == WEB_DER ? &a->der : &a->pem));
	out->root = a->root;
	out->modified_s = a->modified_s;
	put_etag(out, buf_as_str(out->body));
	return 0;
}

int
site_find(const struct site *s, const struct web_path *p,
    const char *base_url, struct site_document *out)
{
	const struct ca_anchor *a = NULL;

	switch (p->document) {
	case WEB_CA:
		a = site_ca(s);
		break;
	case WEB_ROOT:
		a = site_root(s, p->name);
		break;
	case WEB_SETTINGS:
		break;
	}
	return a != NULL ? put_certificate(a, p->form, out) : E_ABSENT;
}
