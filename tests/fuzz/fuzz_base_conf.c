/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Every error is a line of its own, printable, and there is one. */
static void
check_why(const struct buf *why)
{
	must(why->failed || (why->n > 0 && why->p[why->n - 1] == '\n'));
	for (size_t i = 0; i < why->n; i++) {
		unsigned char c = (unsigned char)why->p[i];
		must(c == '\n' || (c >= ' ' && c < 0x7f));
	}
}

static void
check_conf(const struct conf *c)
{
	must(c->domain[0] != '\0' && c->data[0] != '\0');
	must(c->expires_min <= c->expires_max);
	must(c->npins == c->pin.n && c->nold == c->old_tls.n);
	for (size_t i = 0; i < c->nchain; i++)
		must(c->chain[i].name[0] != '\0' && c->chain[i].key != NULL);
#define CONF_STR(name, def, text)  must(c->name != NULL);
#define CONF_LIST(name, def, text) must(c->name.n == 0 || c->name.v != NULL);
#define CONF_INT(name, def, min, max, unit, text)                              \
	must(c->name >= (min) && c->name <= (max));
#define CONF_BOOL(name, def, text)
#include "base/conf.def"
#undef CONF_STR
#undef CONF_LIST
#undef CONF_INT
#undef CONF_BOOL
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[64];
	struct conf *c = NULL;
	struct buf why;
	int fd = memfd_create("siptrust.conf", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	buf_init(&why, 1 << 20);
	int err = conf_load(&c, path, NULL, 0, &why);
	if (err == 0) {
		must(why.n == 0);
		check_conf(c);
		conf_unref(c);
	} else {
		must(err == E_CONFIG && c == NULL);
		check_why(&why);
	}
	buf_fini(&why);
	close(fd);
	return 0;
}
