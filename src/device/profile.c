/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/profile.h"

#include <stdlib.h>

#include "device/device_int.h"

#define ROW(key, kind, words, max, text)                                       \
	{ #key, text, words, DEVICE_KIND_##kind, max,                          \
	    offsetof(struct device_profile, key) },

const struct device_row device_rows[DEVICE_KEYS] = {
#define PROFILE_TEXT(key, text)          ROW(key, TEXT, "", 0, text)
#define PROFILE_LIST(key, text)          ROW(key, LIST, "", 0, text)
#define PROFILE_PATTERN(key, text)       ROW(key, PATTERN, "", 0, text)
#define PROFILE_PRINT(key, digits, text) ROW(key, PRINT, "", digits, text)
#define PROFILE_ANSWER(key, text)        ROW(key, ANSWER, "no yes", 0, text)
#define PROFILE_NUMBER(key, max, text)   ROW(key, NUMBER, "", max, text)
#define PROFILE_VERSION(key, text)       ROW(key, VERSION, "", 0, text)
#define PROFILE_WORD(key, words, text)   ROW(key, WORD, words, 0, text)
#define PROFILE_WORDS(key, words, text)  ROW(key, WORDS, words, 0, text)
#define PROFILE_SUITE(key, text)         ROW(key, SUITE, "", 0, text)
#include "device/profile.def"
#include "device/profile_undef.h"
};

bool
device_row_repeats(const struct device_row *row)
{
	return row->kind == DEVICE_KIND_LIST ||
	    row->kind == DEVICE_KIND_SUITE ||
	    row->kind == DEVICE_KIND_PATTERN ||
	    row->kind == DEVICE_KIND_PRINT;
}

void
device_profile_free(struct device_profile *p)
{
	if (p == NULL)
		return;
	free(p->note);
	free(p->source);
	free(p->fact);
	free(p->text);
	free(p);
}

struct device_facts
device_profile_facts(const struct device_profile *p, enum device_key key)
{
	struct device_facts all = { NULL, 0 };

	for (unsigned i = 0; i < p->nfact; i++) {
		if (p->fact[i].key != key)
			continue;
		if (all.n == 0)
			all.v = &p->fact[i];
		all.n++;
	}
	return all;
}

const char *
device_key_name(enum device_key key)
{
	return device_rows[key].name;
}

const char *
device_key_text(enum device_key key)
{
	return device_rows[key].text;
}
