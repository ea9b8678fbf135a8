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

#define PATH_BYTES   1024
#define SETTINGS_MAX ((size_t)128 << 10)

/* What is exported, and the roots it is one of. */
struct export {
	struct ca_anchor ca;
	struct ca_anchors roots;
	const struct ca_anchor *what;
};

static int
load_root(const struct ca_cmd *c, struct export *x, struct buf *why)
{
	const char *file = c->conf->roots_file;
	int rc;

	if (file[0] == '\0')
		file = ca_system_roots();
	if (file == NULL) {
		buf_puts(why, "no public roots here: install ca-certificates, "
		    "or give --roots-file FILE");
		return E_ABSENT;
	}
	rc = ca_anchors_load(&x->roots, file, c->conf->roots_file[0] != '\0',
	    clock_wall_s(), why);
	if (rc != 0)
		return rc;
	x->what = ca_anchors_find(&x->roots, c->root);
	if (x->what == NULL) {
		buf_printf(why, "%s: has no root of the name %s", file,
		    c->root);
		return E_ABSENT;
	}
	return 0;
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

	if (c->out == NULL) {
		fwrite(bytes->p, 1, bytes->n, stdout);
		return 0;
	}
	rc = write_file(c, name, "pem", buf_as_str(&x->what->pem), why);
	if (rc == 0)
		rc = write_file(c, name, "der", buf_as_str(&x->what->der),
		    why);
	return rc;
}

/* ---- for a phone ---- */

/* What a phone is to be told, and the file that it takes. */
struct kit {
	const struct device_profile *profile;
	struct device_ca ca;
	char file[96];              /* "roots/isrg-root-x1" */
	struct buf url, settings, tls;
	bool inline_;               /* the certificate is in the settings */
};

static uint16_t
tls_port(const struct conf *conf)
{
	struct addr a;

	return conf->tls.n > 0 && addr_parse(&a, str_cstr(conf->tls.v[0]),
	    5061) == 0 ? addr_port(&a) : 0;
}

static int
kit_fill(struct kit *k, const struct ca_cmd *c, const struct export *x,
    struct buf *why)
{
	int rc;

	k->inline_ = device_install_inline(k->profile);
	if (c->url == NULL && !k->inline_) {
		buf_puts(why, "--url BASE is needed: where the phone gets the "
		    "file, as in --url http://192.0.2.5:8080 (siptrust edge "
		    "--http serves it)");
		return E_CONFIG;
	}
	snprintf(k->file, sizeof(k->file), "%s%s", c->root != NULL ?
	    "roots/" : "", c->root != NULL ? x->what->name : "ca");
	k->ca = (struct device_ca) {
		.base_url = str_cstr(c->url != NULL ? c->url : "http://-"),
		.file = str_cstr(k->file), .pem = buf_as_str(&x->what->pem),
		.host = str_cstr(c->conf->domain), .port = tls_port(c->conf),
	};
	device_install_url(&k->url, k->profile, &k->ca);
	rc = device_install_print(&k->settings, k->profile,
	    DEVICE_KEY_setting, &k->ca, why);
	if (rc == E_ABSENT)
		buf_printf(why, "%.*s: no way is known to put a CA into it by "
		    "its settings; siptrust device show tells what is known",
		    STR_FMT(k->profile->name));
	if (rc == 0)
		rc = device_install_print(&k->tls, k->profile,
		    DEVICE_KEY_tls_setting, &k->ca, why);
	if (rc == E_ABSENT && k->settings.n > 0)
		rc = 0; /* how it is switched to TLS is not known */
	return rc;
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
print_kit(const struct kit *k)
{
	const struct device_profile *p = k->profile;

	printf("%.*s (%.*s)\n", STR_FMT(p->title), STR_FMT(p->name));
	if (k->inline_)
		printf("\nIt takes the certificate in its configuration.");
	else
		printf("\nIt fetches %.*s", STR_FMT(buf_as_str(&k->url)));
	if (p->url_macro.n > 0 && !k->inline_)
		printf(" (or /d/%.*s/... for a URL that names the phone)",
		    STR_FMT(p->url_macro));
	printf("\n\nTo have it trust the CA");
	if (p->config_file.n > 0)
		printf(", in %.*s", STR_FMT(p->config_file));
	puts(":\n");
	print_indented(buf_as_str(&k->settings));
	if (p->ca_menu.n > 0)
		printf("\nor in its own pages: %.*s\n", STR_FMT(p->ca_menu));
	if (k->tls.n > 0) {
		puts("\nTo have it use TLS:\n");
		print_indented(buf_as_str(&k->tls));
	}
	if (p->ca_status.n > 0)
		printf("\nWhether it is in: %.*s\n", STR_FMT(p->ca_status));
}

static int
print_kit_json(const struct kit *k)
{
	json_t *o = json_pack("{s:s%,s:s%,s:s,s:b,s:s%,s:s%}", "profile",
	    k->profile->name.p, k->profile->name.n, "title",
	    k->profile->title.p, k->profile->title.n, "form",
	    device_install_ending(k->profile), "inline", k->inline_,
	    "settings", k->settings.p, k->settings.n, "tls_settings",
	    k->tls.n > 0 ? k->tls.p : "", k->tls.n);

	if (o == NULL)
		return -ENOMEM;
	if (!k->inline_)
		json_object_set_new(o, "url",
		    json_stringn(k->url.p, k->url.n));
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
	char name[DEVICE_NAME_MAX + 8];
	int rc = 0;

	if (!k->inline_)
		rc = write_file(c, c->root != NULL ? x->what->name : "ca",
		    form, buf_as_str(bytes), why);
	snprintf(name, sizeof(name), "%.*s-ca", STR_FMT(k->profile->name));
	if (rc == 0)
		rc = write_file(c, name, ending, buf_as_str(&k->settings),
		    why);
	snprintf(name, sizeof(name), "%.*s-tls", STR_FMT(k->profile->name));
	if (rc == 0 && k->tls.n > 0)
		rc = write_file(c, name, ending, buf_as_str(&k->tls), why);
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
	if (x.what == &x.ca)
		ca_anchor_fini(&x.ca);
	ca_anchors_fini(&x.roots);
	return rc == 0 ? CMD_OK : rc == E_ABSENT ? CMD_FINDING :
	    rc == E_CONFIG ? CMD_USAGE : CMD_FAILED;
}
