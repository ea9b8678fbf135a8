/* SPDX-License-Identifier: BSD-2-Clause */
#include "web/site.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "device/install.h"
#include "device/catalogue.h"
#include "device/root.h"
#include "base/log.h"

#define PATH_BYTES 600
#define BASE_BYTES 512

struct site {
	atomic_uint refs;
	struct ca_anchor ca;
	bool has_ca;
	char ca_file[PATH_BYTES];
	struct ca_anchors roots;
	struct device_catalogue *profiles;
	char domain[256];
	uint16_t tls_port;   /* 0: the usual one */
};

/* ---- how it is made ---- */

/* The edge's own CA need not be there: its chain may be somebody else's. */
static int
load_ca(struct site *s, const struct conf *conf, int64_t now_s,
    struct buf *why)
{
	bool named = conf->ca_file[0] != '\0';
	char text[LOG_VAL_MAX * 2];
	size_t said = why->n;
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
	if (named || rc != E_STATE)
		return rc;
	/* Our own has expired: phones on UDP are served all the same. */
	log_err("ca-not-served", "reason=%s", log_val(text, sizeof(text),
	    str_from(buf_as_str(why), said)));
	why->n = said;
	return 0;
}

static int
load_roots(struct site *s, const struct conf *conf, int64_t now_s,
    struct buf *why)
{
	bool named = conf->roots_file[0] != '\0';
	const char *file = named ? conf->roots_file : ca_system_roots();
	struct device_roots *known = NULL;
	int rc;

	if (file == NULL) {
		log_warn("no-public-roots", "hint=\"install ca-certificates, "
		    "or set roots_file\"");
		return 0;
	}
	if (named)
		buf_puts(why, "roots_file: ");
	rc = device_roots_load(&known, why);
	if (rc == 0)
		rc = ca_anchors_load(&s->roots, file, named, known, now_s,
		    why);
	device_roots_free(known);
	return rc;
}

static uint16_t
first_port(const struct conf *conf)
{
	struct addr a;

	if (conf->tls.n == 0 ||
	    addr_parse(&a, str_cstr(conf->tls.v[0]), 5061) != 0)
		return 0;
	return addr_port(&a);
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
	str_copy(s->domain, sizeof(s->domain), str_cstr(conf->domain));
	s->tls_port = first_port(conf);
	rc = device_catalogue_load(&s->profiles, conf->devices_dir, why);
	if (rc == 0)
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
	device_catalogue_unref(s->profiles);
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
	return ca_anchors_find(&s->roots, root, NULL);
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
	IGNORE(!str_copy(out->root, sizeof(out->root), str_cstr(a->root)));
	out->modified_s = a->modified_s;
	put_etag(out, buf_as_str(out->body));
	return 0;
}

/* What a phone of this profile is to be told, our CA in it or its URL. */
static int
put_settings(const struct site *s, const struct web_path *p,
    const char *base_url, struct site_document *out)
{
	char base[BASE_BYTES], why_bytes[512];
	const struct device_profile *profile = device_catalogue_find(
	    s->profiles, str_cstr(p->name));
	struct device_ca ca = {
		.file = STR("ca"), .pem = buf_as_str(&s->ca.pem),
		.host = str_cstr(s->domain), .port = s->tls_port,
	};
	struct buf why;
	int n;

	if (profile == NULL || !s->has_ca ||
	    !str_eq(profile->name, str_cstr(p->name)))
		return E_ABSENT;
	/* The URL inside names the device as this one does. */
	n = snprintf(base, sizeof(base), "%s%s%s", base_url,
	    p->id[0] != '\0' ? "/d/" : "", p->id);
	if (n < 0 || n >= (int)sizeof(base))
		return E_ABSENT;
	ca.base_url = str_of(base, (size_t)n);
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	if (device_install_print(out->body, profile, DEVICE_KEY_setting, &ca,
	    &why) != 0)
		return E_ABSENT;
	out->type = profile->config_syntax == DEVICE_XML ? "text/xml" :
	    "text/plain";
	if (device_install_inline(profile))
		IGNORE(!str_copy(out->root, sizeof(out->root),
		    str_cstr(s->ca.root)));
	out->modified_s = 0;
	put_etag(out, buf_as_str(out->body));
	return 0;
}

static int
put_several(const struct site *s, const char *names,
    struct site_document *out)
{
	char why_bytes[512];
	struct ca_anchor all;
	struct buf why;

	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	if (ca_anchors_join(&all, &s->roots, site_ca(s), names, &why) != 0 ||
	    put_certificate(&all, WEB_PEM, out) != 0)
		return E_ABSENT;
	ca_anchor_fini(&all);
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
		if (strchr(p->name, '+') != NULL)
			return put_several(s, p->name, out);
		a = site_root(s, p->name);
		break;
	case WEB_SETTINGS:
		return put_settings(s, p, base_url, out);
	}
	return a != NULL ? put_certificate(a, p->form, out) : E_ABSENT;
}
