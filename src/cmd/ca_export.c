/* SPDX-License-Identifier: BSD-2-Clause */
/* siptrust ca export: the CA, or a public root, as a phone takes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "ca/anchor.h"
#include "cmd/ca_int.h"
#include "cmd/say.h"
#include "device/catalogue.h"
#include "device/install.h"
#include "device/root.h"

#define PATH_BYTES   1024
#define SETTINGS_MAX ((size_t)128 << 10)

/* What is exported, and the roots it is one of. */
struct export {
	struct ca_anchor ca, several;
	struct ca_anchors roots;
	const struct ca_anchor *what;
};

static int
find_root(const struct ca_cmd *c, struct export *x, const char *file,
    struct buf *why)
{
	char names[1024];
	struct buf several;

	buf_init_array(&several, names, sizeof(names));
	x->what = ca_anchors_find(&x->roots, c->root, &several);
	if (x->what != NULL)
		return 0;
	if (several.n == 0)
		buf_printf(why, "%s: has no root of the name %s (siptrust "
		    "roots list has the names)", file, c->root);
	else
		buf_printf(why, "%s: several roots are called %s: %.*s; name "
		    "the one that is meant", file, c->root,
		    STR_FMT(buf_as_str(&several)));
	return E_ABSENT;
}

static int
load_ca(const struct ca_cmd *c, struct export *x, struct buf *why)
{
	char path[PATH_BYTES];
	int rc;

	if (c->conf->ca_file[0] != '\0')
		str_copy(path, sizeof(path), str_cstr(c->conf->ca_file));
	else
		snprintf(path, sizeof(path), "%s/ca.pem", c->conf->data);
	rc = ca_anchor_load(&x->ca, path, clock_wall_s(), why);
	if (rc == -ENOENT)
		buf_puts(why, " (siptrust ca init makes one; --data names "
		    "the edge's folder)");
	if (rc == 0)
		x->what = &x->ca;
	return rc;
}

/* "ca+isrg-root-x1": in one file, for phones that take a bundle. */
static int
join_roots(const struct ca_cmd *c, struct export *x, struct buf *why)
{
	char padded[256];
	int rc = 0;

	snprintf(padded, sizeof(padded), "+%s+", c->root);
	if (strstr(padded, "+ca+") != NULL)
		rc = load_ca(c, x, why);
	if (rc == 0)
		rc = ca_anchors_join(&x->several, &x->roots,
		    x->what == &x->ca ? &x->ca : NULL, c->root, why);
	if (rc == 0)
		x->what = &x->several;
	return rc == E_LIMIT ? E_CONFIG : rc;
}

static int
load_root(const struct ca_cmd *c, struct export *x, struct buf *why)
{
	const char *file = c->conf->roots_file;
	struct device_roots *known = NULL;
	int rc;

	if (file[0] == '\0')
		file = ca_system_roots();
	if (file == NULL) {
		buf_puts(why, "no public roots here: install ca-certificates, "
		    "or give --roots-file FILE");
		return E_ABSENT;
	}
	rc = device_roots_load(&known, why);
	if (rc == 0)
		rc = ca_anchors_load(&x->roots, file,
		    c->conf->roots_file[0] != '\0', known, clock_wall_s(),
		    why);
	device_roots_free(known);
	if (rc != 0)
		return rc;
	return strchr(c->root, '+') != NULL ? join_roots(c, x, why) :
	    find_root(c, x, file, why);
}

static int
write_file(const struct ca_cmd *c, const char *name, const char *ending,
    struct str bytes, struct buf *why)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof(path), "%s/%s.%s", c->out, name, ending) >=
	    (int)sizeof(path)) {
		buf_printf(why, "%s: this path is too long", c->out);
		return -ENAMETOOLONG;
	}
	if (file_write(path, FILE_PUBLIC, bytes, why) != 0)
		return E_STORE;
	printf("%s\n", path);
	return 0;
}

/* Without a profile: both forms into a folder, or one to the output. */
static int
export_plain(const struct ca_cmd *c, const struct export *x, struct buf *why)
{
	const char *name = c->root != NULL ? x->what->name : "ca";
	const struct buf *bytes = c->der ? &x->what->der : &x->what->pem;
	int rc;

	if (bytes->n == 0) {
		buf_puts(why, "--der: several certificates have no DER form");
		return E_CONFIG;
	}
	if (c->out == NULL) {
		fwrite(bytes->p, 1, bytes->n, stdout);
		return 0;
	}
	rc = write_file(c, name, "pem", buf_as_str(&x->what->pem), why);
	if (rc == 0 && x->what->der.n > 0)
		rc = write_file(c, name, "der", buf_as_str(&x->what->der),
		    why);
	return rc;
}

/* ---- for a phone ---- */

/* How it comes to the phone. */
enum way { BY_URL, BESIDE, INLINE, UPLOADED };
static const char *const way_words[] = { "url", "file", "inline", "upload" };

/* What a phone is to be told, and the file that it takes. */
struct kit {
	const struct device_profile *profile;
	enum way way;
	struct device_ca ca;
	char base[320];             /* "http://192.0.2.5:8080" */
	char file[208];             /* "roots/isrg-root-x1" */
	struct buf url, settings, tls;
};

static uint16_t
tls_port(const struct conf *conf)
{
	struct addr a;

	return conf->tls.n > 0 && addr_parse(&a, str_cstr(conf->tls.v[0]),
	    5061) == 0 ? addr_port(&a) : 0;
}

static enum way
way_of(const struct device_profile *p)
{
	if (device_install_inline(p))
		return INLINE;
	if (p->ca_way == DEVICE_CA_WEB)
		return UPLOADED;
	return device_install_fetches(p) ? BY_URL : BESIDE;
}

static bool
is_url(struct str s)
{
	struct str rest = s, scheme = str_cut(&rest, ':');

	for (size_t i = 0; i < scheme.n; i++) {
		if ((scheme.p[i] | 0x20) < 'a' || (scheme.p[i] | 0x20) > 'z')
			return false;
	}
	return scheme.n > 0 && rest.n > 2 && str_starts(rest, STR("//"));
}

/* Where the edge of this configuration serves the files. */
static bool
put_base(struct buf *out, const struct conf *conf)
{
	char text[ADDR_STRLEN];
	struct addr a;

	if (conf->http.n == 0 ||
	    addr_parse(&a, str_cstr(conf->http.v[0]), 80) != 0)
		return false;
	buf_printf(out, "http://%s", addr_is_any(&a) ? conf->domain :
	    addr_print_ip(&a, true, text));
	if (addr_port(&a) != 80)
		buf_printf(out, ":%u", addr_port(&a));
	return !out->failed;
}

static int
take_base(struct kit *k, const struct ca_cmd *c, struct buf *why)
{
	struct buf out;

	buf_init_array(&out, k->base, sizeof(k->base) - 1);
	if (c->url != NULL && !is_url(str_cstr(c->url))) {
		buf_printf(why, "--url %s: expected an address as in "
		    "http://192.0.2.5:8080", c->url);
		return E_CONFIG;
	}
	if (c->url != NULL) {
		buf_puts(&out, c->url);
	} else if (!put_base(&out, c->conf) && k->way == BY_URL) {
		buf_puts(why, "--url BASE is needed: where the phone gets the "
		    "file, as in --url http://192.0.2.5:8080 (siptrust edge "
		    "--http serves it); or -c FILE with http in it");
		return E_CONFIG;
	}
	k->base[out.n] = '\0';
	return out.failed ? E_LIMIT : 0;
}

/* The lines of a key; not having any is no fault. */
static int
put_lines(struct kit *k, struct buf *out, enum device_key key,
    struct buf *why)
{
	int rc = device_install_print(out, k->profile, key, &k->ca, why);

	return rc == E_ABSENT ? 0 : rc;
}

static int
kit_fill(struct kit *k, const struct ca_cmd *c, const struct export *x,
    struct buf *why)
{
	int rc;

	k->way = way_of(k->profile);
	rc = take_base(k, c, why);
	if (rc == 0 && x->what == &x->several &&
	    (k->profile->ca_bundle == DEVICE_NO || strcmp(
	    device_install_ending(k->profile), "pem") != 0)) {
		buf_printf(why, "%.*s: it takes one certificate a file: name "
		    "one root", STR_FMT(k->profile->name));
		rc = E_CONFIG;
	}
	if (rc != 0)
		return rc;
	snprintf(k->file, sizeof(k->file), "%s%s", c->root != NULL ?
	    "roots/" : "", c->root != NULL ? x->what->name : "ca");
	k->ca = (struct device_ca) {
		.base_url = str_cstr(k->base),
		.file = str_cstr(k->file), .pem = buf_as_str(&x->what->pem),
		.host = str_cstr(c->conf->domain), .port = tls_port(c->conf),
	};
	if (k->base[0] != '\0' && k->way != INLINE)
		device_install_url(&k->url, k->profile, &k->ca);
	rc = put_lines(k, &k->settings, DEVICE_KEY_setting, why);
	if (rc == 0 && k->settings.n == 0 && k->way != UPLOADED) {
		buf_printf(why, "%.*s: no way is known to put a CA into it by "
		    "its settings; siptrust device show tells what is known",
		    STR_FMT(k->profile->name));
		rc = E_ABSENT;
	}
	return rc != 0 ? rc : put_lines(k, &k->tls, DEVICE_KEY_tls_setting,
	    why);
}

/* What the profile says against this very certificate. */
static void
say_doubts(const struct kit *k, const struct ca_cmd *c,
    const struct export *x)
{
	uint32_t takes = k->profile->key_types;

	if (x->what->ec && takes != 0 && !device_has(takes, DEVICE_ECDSA))
		cmd_complain(CMD_OK, "ca", "note: %s has an elliptic key, and "
		    "%.*s is not known to take any but RSA: it may refuse it",
		    c->root != NULL ? x->what->name : "the CA",
		    STR_FMT(k->profile->name));
}

static void
print_indented(struct str text)
{
	while (text.n > 0) {
		struct str line = str_cut(&text, '\n');
		printf("    %.*s\n", STR_FMT(line));
	}
}

static void
print_way(const struct kit *k)
{
	const struct device_profile *p = k->profile;
	struct str url = buf_as_str(&k->url);

	switch (k->way) {
	case INLINE:
		puts("\nIt takes the certificate in its configuration.");
		break;
	case BESIDE:
		puts("\nIt loads the file that lies beside its configuration: "
		    "--out DIR writes it.");
		break;
	case UPLOADED:
		puts("\nIt takes the file by upload: --out DIR writes it.");
		if (p->ca_menu.n > 0)
			printf("Where: %.*s\n", STR_FMT(p->ca_menu));
		if (url.n > 0)
			printf("Served at: %.*s\n", STR_FMT(url));
		break;
	case BY_URL:
		printf("\nIt fetches %.*s", STR_FMT(url));
		if (p->url_macro.n > 0)
			printf(" (or /d/%.*s/... for a URL that names the "
			    "phone)", STR_FMT(p->url_macro));
		putchar('\n');
	}
}

static void
print_kit(const struct kit *k)
{
	const struct device_profile *p = k->profile;

	printf("%.*s (%.*s)\n", STR_FMT(p->title), STR_FMT(p->name));
	print_way(k);
	if (k->settings.n > 0) {
		printf("\nTo have it trust the CA");
		if (p->config_file.n > 0)
			printf(", in %.*s", STR_FMT(p->config_file));
		puts(":\n");
		print_indented(buf_as_str(&k->settings));
		if (p->ca_menu.n > 0)
			printf("\nor in its own pages: %.*s\n",
			    STR_FMT(p->ca_menu));
	}
	if (k->tls.n > 0) {
		puts("\nTo have it use TLS:\n");
		print_indented(buf_as_str(&k->tls));
	}
	if (p->ca_status.n > 0)
		printf("\nWhether it is in: %.*s\n", STR_FMT(p->ca_status));
}

static json_t *
json_buf(const struct buf *b)
{
	return json_stringn(b->n > 0 ? b->p : "", b->n);
}

static int
print_kit_json(const struct kit *k)
{
	json_t *o = json_pack("{s:s%,s:s%,s:s,s:s,s:b,s:o,s:o}", "profile",
	    k->profile->name.p, k->profile->name.n, "title",
	    k->profile->title.p, k->profile->title.n, "form",
	    device_install_ending(k->profile), "way", way_words[k->way],
	    "inline", k->way == INLINE, "settings", json_buf(&k->settings),
	    "tls_settings", json_buf(&k->tls));

	if (o == NULL)
		return -ENOMEM;
	if (k->url.n > 0)
		json_object_set_new(o, "url", json_buf(&k->url));
	cmd_print_json(o);
	return 0;
}

static int
write_kit(const struct kit *k, const struct ca_cmd *c,
    const struct export *x, struct buf *why)
{
	const char *form = device_install_ending(k->profile);
	const struct buf *bytes = strcmp(form, "der") == 0 ? &x->what->der :
	    &x->what->pem;
	const char *ending = k->profile->config_syntax == DEVICE_XML ? "xml" :
	    "cfg";
	const struct {
		const char *what;
		const struct buf *lines;
	} part[] = { { "ca", &k->settings }, { "tls", &k->tls } };
	char name[DEVICE_NAME_MAX + 8];
	int rc = 0;

	if (k->way != INLINE)
		rc = write_file(c, c->root != NULL ? x->what->name : "ca",
		    form, buf_as_str(bytes), why);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(part); i++) {
		if (part[i].lines->n == 0)
			continue;
		snprintf(name, sizeof(name), "%.*s-%s",
		    STR_FMT(k->profile->name), part[i].what);
		rc = write_file(c, name, ending, buf_as_str(part[i].lines),
		    why);
	}
	return rc;
}

static int
export_for(const struct ca_cmd *c, const struct export *x, struct buf *why)
{
	struct device_catalogue *all = NULL;
	struct kit k = { .profile = NULL };
	int rc = device_catalogue_load(&all, c->conf->devices_dir, why);

	buf_init(&k.url, SETTINGS_MAX);
	buf_init(&k.settings, SETTINGS_MAX);
	buf_init(&k.tls, SETTINGS_MAX);
	if (rc == 0)
		k.profile = device_catalogue_find(all, str_cstr(c->profile));
	if (rc == 0 && k.profile == NULL) {
		buf_printf(why, "--for %s: no profile has this name, nor one "
		    "alone this model; siptrust device list has them",
		    c->profile);
		rc = E_ABSENT;
	}
	if (rc == 0)
		rc = kit_fill(&k, c, x, why);
	if (rc == 0)
		say_doubts(&k, c, x);
	if (rc == 0 && c->out != NULL)
		rc = write_kit(&k, c, x, why);
	else if (rc == 0 && c->json)
		rc = print_kit_json(&k);
	else if (rc == 0)
		print_kit(&k);
	buf_fini(&k.url);
	buf_fini(&k.settings);
	buf_fini(&k.tls);
	device_catalogue_unref(all);
	return rc;
}

int
ca_verb_export(struct ca_cmd *c, struct buf *why)
{
	struct export x = { .what = NULL };
	int rc = c->root != NULL ? load_root(c, &x, why) :
	    load_ca(c, &x, why);

	if (rc == 0)
		rc = c->profile != NULL ? export_for(c, &x, why) :
		    export_plain(c, &x, why);
	ca_anchor_fini(&x.ca);
	ca_anchor_fini(&x.several);
	ca_anchors_fini(&x.roots);
	return rc == 0 ? CMD_OK : rc == E_ABSENT ? CMD_FINDING :
	    rc == E_CONFIG ? CMD_USAGE : CMD_FAILED;
}
