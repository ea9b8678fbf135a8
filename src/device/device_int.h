/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_DEVICE_INT_H
#define DEVICE_DEVICE_INT_H
/* device - what its files share and nobody else sees. */
#include "device/profile.h"

#define DEVICE_SOURCES_MAX 64
#define DEVICE_NOTES_MAX   32

enum device_kind {
	DEVICE_KIND_TEXT,
	DEVICE_KIND_LIST,
	DEVICE_KIND_PATTERN,
	DEVICE_KIND_PRINT,
	DEVICE_KIND_ANSWER,
	DEVICE_KIND_NUMBER,
	DEVICE_KIND_VERSION,
	DEVICE_KIND_WORD,
	DEVICE_KIND_WORDS,
	DEVICE_KIND_SUITE,
};

/* A row of profile.def. */
struct device_row {
	const char *name, *text, *words;
	enum device_kind kind;
	uint32_t max;          /* of a number; digits of a fingerprint */
	size_t at;             /* of its member in the profile         */
};
extern const struct device_row device_rows[DEVICE_KEYS];

/* May stand in many lines. */
bool device_row_repeats(const struct device_row *row);

/*
 * The value of f into its member of p.  0, or E_CONFIG with "what it is,
 * expected what" in why.
 */
MUSTCHECK int device_value_set(struct device_profile *p,
    const struct device_fact *f, struct buf *why);

/* The checks of a profile that is read to its end: "what is wrong\n" each. */
void device_profile_check(const struct device_profile *p, struct buf *why);

/* The place from 1 of word in "one two three", 0: it is none of them. */
unsigned device_word_place(const char *words, struct str word);

/* A profile that is built into the program. */
struct device_builtin {
	const char *file;      /* "cisco-spa50x.device" */
	const char *text;
	size_t n;
};
extern const struct device_builtin device_builtins[];
extern const size_t device_builtins_count;

/*
 * What {name} in a setting's line is; the table of all is install.c's.  NULL
 * when the word is none.
 */
bool device_install_knows(struct str placeholder);

#endif
