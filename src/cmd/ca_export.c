/* SPDX-License-Identifier: BSD-2-Clause */
/* siptrust ca export: the CA, or a public root, as a phone takes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "ca/anchor.h"
#include "cmd/ca_int.h"
#include "cmd/cmd.h"

#define PATH_BYTES 1024

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

int
ca_verb_export(struct ca_cmd *c, struct buf *why)
{
	struct export x = { .what = NULL };
	int rc = c->root != NULL ? load_root(c, &x, why) :
	    load_ca(c, &x, why);

	if (rc == 0)
		rc = export_plain(c, &x, why);
	if (x.what == &x.ca)
		ca_anchor_fini(&x.ca);
	ca_anchors_fini(&x.roots);
	return rc == 0 ? CMD_OK : rc == E_ABSENT ? CMD_FINDING : CMD_FAILED;
}
