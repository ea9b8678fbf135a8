/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A .device file; of one that is good, its patterns are held against what
 * follows a NUL, and its settings are filled in with the same bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "device/install.h"
#include "device/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Every fault is a line of its own, printable, and there is one. */
static void
check_why(const struct buf *why)
{
	must(why->failed || (why->n > 0 && why->p[why->n - 1] == '\n'));
	for (size_t i = 0; i < why->n; i++) {
		unsigned char c = (unsigned char)why->p[i];
		must(c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f));
	}
}

static void
check_facts(const struct device_profile *p)
{
	must(p->name.n > 0 && p->vendor.n > 0 && p->title.n > 0);
	must(p->nfact <= DEVICE_FACTS_MAX && p->ncipher <= DEVICE_CIPHERS_MAX);
	for (unsigned i = 0; i < p->nfact; i++) {
		const struct device_fact *f = &p->fact[i];
		must(f->key < DEVICE_KEYS && f->value.n > 0 && f->line > 0);
		must(f->unverified || f->sources.n > 0);
		must(i == 0 || p->fact[i - 1].key <= f->key);
	}
}

static void
check_part(struct str part, struct str text)
{
	must(part.p == NULL ||
	    (part.p >= text.p && str_end(part) <= str_end(text)));
}

static void
match_all(struct device_facts patterns, struct str text)
{
	for (unsigned i = 0; i < patterns.n; i++) {
		struct device_parts parts;
		if (device_pattern_fit(patterns.v[i].value, text, &parts) == 0)
			continue;
		check_part(parts.model, text);
		check_part(parts.firmware, text);
		check_part(parts.mac, text);
	}
}

static void
install(const struct device_profile *p, struct str text)
{
	struct device_ca ca = { text, text, text, text, 5061 };
	struct buf out, why;
	buf_init(&out, 1 << 20);
	buf_init(&why, 1 << 16);
	int err = device_install_print(&out, p, DEVICE_KEY_setting, &ca, &why);
	must(err != E_CONFIG || (out.n == 0 && why.n > 0));
	buf_reset(&out);
	device_install_remedy(&out, p, text);
	buf_fini(&out);
	buf_fini(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str file = str_of((const char *)data, n), text = file;
	struct device_profile *p = NULL;
	struct buf why;
	file = str_cut(&text, '\0');
	buf_init(&why, 1 << 20);
	int err = device_profile_read(&p, "x.device", file, &why);
	if (err == 0) {
		must(why.n == 0 && p != NULL);
		check_facts(p);
		match_all(p->user_agent, text);
		match_all(p->http_user_agent, text);
		install(p, text);
		device_profile_free(p);
	} else {
		must((err == E_CONFIG || err == E_LIMIT) && p == NULL);
		check_why(&why);
	}
	buf_fini(&why);
	return 0;
}
