/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/file.h"
#include "device/device_int.h"

#define ENDING STR(".device")

struct device_catalogue {
	atomic_uint refs;
	struct device_profile *profile[DEVICE_PROFILES_MAX];
	size_t n;
};

struct device_catalogue *
device_catalogue_ref(struct device_catalogue *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
device_catalogue_unref(struct device_catalogue *c)
{
	if (c == NULL ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->n; i++)
		device_profile_free(c->profile[i]);
	free(c);
}

size_t
device_catalogue_count(const struct device_catalogue *c)
{
	return c->n;
}

const struct device_profile *
device_catalogue_at(const struct device_catalogue *c, size_t i)
{
	return c->profile[i];
}

/* ---- finding one ---- */

static bool
has_model(const struct device_profile *p, struct str model)
{
	struct str rest = p->models;

	while (rest.n > 0)
		if (str_ieq(str_trim(str_cut(&rest, ',')), model))
			return true;
	return false;
}

const struct device_profile *
device_catalogue_find(const struct device_catalogue *c, struct str name)
{
	const struct device_profile *found = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->profile[i]->name, name))
			return c->profile[i];
	for (size_t i = 0; name.n > 0 && i < c->n; i++) {
		if (!has_model(c->profile[i], name))
			continue;
		if (found != NULL)
			return NULL;
		found = c->profile[i];
	}
	return found;
}

/* ---- loading ---- */

/* Its own name must be that of the file: one profile is one file. */
static int
check_name(const struct device_profile *p, const char *path, struct buf *why)
{
	const char *slash = strrchr(path, '/');
	struct str file = str_cstr(slash != NULL ? slash + 1 : path);

	if (str_starts(file, p->name) &&
	    str_eq(str_from(file, p->name.n), ENDING))
		return 0;
	buf_printf(why, "%s: it holds the profile %.*s: expected the file "
	    "name %.*s.device\n", path, STR_FMT(p->name), STR_FMT(p->name));
	return E_CONFIG;
}

static int
read_named(struct device_profile **out, const char *path, struct str text,
    struct buf *why)
{
	struct device_profile *p = NULL;
	int err = device_profile_read(&p, path, text, why);

	if (err == 0)
		err = check_name(p, path, why);
	if (err == 0)
		*out = p;
	else
		device_profile_free(p);
	return err;
}

int
device_file_read(struct device_profile **out, const char *path,
    struct buf *why)
{
	struct buf text;
	int err;

	buf_init(&text, DEVICE_FILE_MAX + 1);
	err = file_read(&text, path, FILE_PUBLIC, why);
	if (err == 0)
		err = read_named(out, path, buf_as_str(&text), why);
	else
		buf_putc(why, '\n');
	buf_fini(&text);
	return err;
}

static int
add(struct device_catalogue *c, struct device_profile *p, struct buf *why)
{
	size_t at = 0;

	while (at < c->n && str_cmp(c->profile[at]->name, p->name) < 0)
		at++;
	if (at < c->n && str_eq(c->profile[at]->name, p->name)) {
		device_profile_free(c->profile[at]);
		c->profile[at] = p;
		return 0;
	}
	if (c->n == DEVICE_PROFILES_MAX) {
		buf_printf(why, "%.*s: expected at most %d profiles\n",
		    STR_FMT(p->name), DEVICE_PROFILES_MAX);
		device_profile_free(p);
		return E_LIMIT;
	}
	memmove(&c->profile[at + 1], &c->profile[at],
	    (c->n - at) * sizeof(c->profile[0]));
	c->profile[at] = p;
	c->n++;
	return 0;
}

static int
load_builtin(struct device_catalogue *c, struct buf *why)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < device_builtins_count; i++) {
		const struct device_builtin *b = &device_builtins[i];
		struct device_profile *p = NULL;

		err = read_named(&p, b->file, str_of(b->text, b->n), why);
		if (err == 0)
			err = add(c, p, why);
	}
	return err;
}

static bool
is_profile(const char *file)
{
	struct str name = str_cstr(file);

	return name.n > ENDING.n && name.p[0] != '.' &&
	    str_eq(str_from(name, name.n - ENDING.n), ENDING);
}

/* Every faulty file is told, not the first alone. */
static int
load_folder(struct device_catalogue *c, const char *dir, struct buf *why)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[4096];
	int err = 0;

	if (d == NULL) {
		err = -errno;
		buf_printf(why, "%s: %s: expected a folder of profiles\n", dir,
		    err_str(err));
		return err;
	}
	while ((entry = readdir(d)) != NULL) {
		struct device_profile *p = NULL;
		struct buf where;
		int bad;

		if (!is_profile(entry->d_name))
			continue;
		buf_init_array(&where, path, sizeof(path));
		buf_printf(&where, "%s/%s", dir, entry->d_name);
		buf_putc(&where, '\0');
		if (where.failed) {
			buf_printf(why, "%s: %s: the path is too long\n", dir,
			    entry->d_name);
			bad = E_LIMIT;
		} else {
			bad = device_file_read(&p, path, why);
		}
		if (bad == 0)
			bad = add(c, p, why);
		if (err == 0)
			err = bad;
	}
	closedir(d);
	return err;
}

int
device_catalogue_load(struct device_catalogue **out, const char *dir,
    struct buf *why)
{
	struct device_catalogue *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	err = load_builtin(c, why);
	if (err == 0 && dir != NULL && dir[0] != '\0')
		err = load_folder(c, dir, why);
	if (err == 0)
		*out = c;
	else
		device_catalogue_unref(c);
	return err;
}
