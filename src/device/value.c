/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of a profile's keys, by the kind of the key. */
#include "device/device_int.h"
#include "device/pattern.h"
#include "tlswire/alert.h"

#define MEMBER(p, row, type) ((type *)(void *)((char *)(p) + (row)->at))

unsigned
device_word_place(const char *words, struct str word)
{
	struct str rest = str_cstr(words);

	for (unsigned i = 1; rest.n > 0; i++)
		if (str_eq(str_cut(&rest, ' '), word))
			return i;
	return 0;
}

static int
wrong(struct buf *why, struct str value, const char *expected)
{
	buf_printf(why, "\"%.*s\": expected %s", STR_FMT(value), expected);
	return E_CONFIG;
}

static int
not_a_word(struct buf *why, struct str value, const char *words,
    const char *many)
{
	struct str rest = str_cstr(words);

	buf_printf(why, "\"%.*s\": expected %s", STR_FMT(value), many);
	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');
		buf_printf(why, "%.*s%s", STR_FMT(word),
		    rest.n == 0 ? "" :
		    str_find(rest, ' ') == rest.n ? " or " : ", ");
	}
	return E_CONFIG;
}

static int
set_words(uint32_t *out, const char *words, struct str value, struct buf *why)
{
	struct str rest = value;

	*out = 0;
	while (rest.n > 0) {
		struct str word = str_trim(str_cut(&rest, ','));
		unsigned place = device_word_place(words, word);

		if (place == 0)
			return not_a_word(why, word, words, "some of ");
		if (device_has(*out, place))
			return wrong(why, value, "each word once");
		*out |= DEVICE_BIT(place);
	}
	return 0;
}

static int
set_version(uint16_t *out, struct str value, struct buf *why)
{
	unsigned place = device_word_place("1.0 1.1 1.2 1.3", value);

	if (place == 0)
		return wrong(why, value, "1.0, 1.1, 1.2 or 1.3");
	*out = (uint16_t)(TLS_VERSION_1_0 + place - 1);
	return 0;
}

static int
set_number(uint32_t *out, uint32_t max, struct str value, struct buf *why)
{
	if (str_u32(value, out) && *out >= 1 && *out <= max)
		return 0;
	buf_printf(why, "\"%.*s\": expected a number from 1 to %u",
	    STR_FMT(value), (unsigned)max);
	return E_CONFIG;
}

/* "0x002f TLS_RSA_WITH_AES_128_CBC_SHA" */
static int
add_suite(struct device_profile *p, struct str value, struct buf *why)
{
	struct str rest = value;
	struct str code = str_cut(&rest, ' ');
	uint8_t bytes[2];
	uint16_t suite;

	if (!str_starts(code, STR("0x")) || str_trim(rest).n == 0 ||
	    !str_unhex(bytes, sizeof(bytes), str_from(code, 2)))
		return wrong(why, value, "0x, four hexadecimal digits and the "
		    "name of the cipher suite");
	suite = (uint16_t)(bytes[0] << 8 | bytes[1]);
	for (unsigned i = 0; i < p->ncipher; i++)
		if (p->cipher[i] == suite)
			return wrong(why, value, "each cipher suite once");
	if (p->ncipher == DEVICE_CIPHERS_MAX)
		return wrong(why, value, "at most 64 cipher suites");
	p->cipher[p->ncipher++] = suite;
	return 0;
}

/* 32 hex digits, or the form of "t13d311000_e8f1e7e78f70_1f22a2ca17c4". */
static int
check_print(const struct device_row *row, struct str value, struct buf *why)
{
	bool ja4 = row->max != 32;
	bool fits = value.n == row->max;

	for (size_t i = 0; fits && i < value.n; i++) {
		char c = value.p[i];
		bool digit = c >= '0' && c <= '9';

		if (ja4 && (i == 10 || i == 23))
			fits = c == '_';
		else if (ja4 && i < 10)
			fits = digit || (c >= 'a' && c <= 'z');
		else
			fits = digit || (c >= 'a' && c <= 'f');
	}
	if (fits)
		return 0;
	return wrong(why, value, ja4 ?
	    "a JA4: 10 letters and digits, _, 12 and again 12 digits" :
	    "a JA3: 32 hexadecimal digits, lower case");
}

static int
check_pattern(struct str value, struct buf *why)
{
	const char *what = "";

	if (device_pattern_check(value, &what) == 0)
		return 0;
	buf_printf(why, "\"%.*s\": %s", STR_FMT(value), what);
	return E_CONFIG;
}

/* Of {words} in a setting's line only those that install.c fills in. */
static int
check_setting(struct str value, struct buf *why)
{
	struct str rest = value;

	while (rest.n > 0) {
		struct str word;
		size_t n = 0;

		str_cut(&rest, '{');
		word = rest;
		while (n < word.n && ((word.p[n] >= 'a' && word.p[n] <= 'z') ||
		    word.p[n] == '_'))
			n++;
		if (n == 0 || n == word.n || word.p[n] != '}')
			continue;
		word.n = n;
		if (!device_install_knows(word)) {
			buf_printf(why, "\"{%.*s}\": expected {url}, {file}, "
			    "{pem}, {pem_xml}, {base64}, {host} or {port}",
			    STR_FMT(word));
			return E_CONFIG;
		}
	}
	return 0;
}

static int
check_refusal(struct str value, struct buf *why)
{
	if (str_eq(value, STR("silent")))
		return 0;
#define ALERT(number, name)                                                    \
	if (str_eq(value, STR(#name)))                                         \
		return 0;
#include "tlswire/alert.def"
#undef ALERT
	return wrong(why, value,
	    "silent, or the name of an alert as in RFC 8446 6");
}

int
device_value_set(struct device_profile *p, const struct device_fact *f,
    struct buf *why)
{
	const struct device_row *row = &device_rows[f->key];
	uint32_t *word = MEMBER(p, row, uint32_t);

	switch (row->kind) {
	case DEVICE_KIND_TEXT:
		*MEMBER(p, row, struct str) = f->value;
		return f->key != DEVICE_KEY_refusal ? 0 :
		    check_refusal(f->value, why);
	case DEVICE_KIND_LIST:
		return f->key != DEVICE_KEY_setting &&
		    f->key != DEVICE_KEY_tls_setting ? 0 :
		    check_setting(f->value, why);
	case DEVICE_KIND_PATTERN:
		return check_pattern(f->value, why);
	case DEVICE_KIND_PRINT:
		return check_print(row, f->value, why);
	case DEVICE_KIND_NUMBER:
		return set_number(word, row->max, f->value, why);
	case DEVICE_KIND_VERSION:
		return set_version(MEMBER(p, row, uint16_t), f->value, why);
	case DEVICE_KIND_WORDS:
		return set_words(word, row->words, f->value, why);
	case DEVICE_KIND_SUITE:
		return add_suite(p, f->value, why);
	case DEVICE_KIND_ANSWER:
		*MEMBER(p, row, enum device_answer) = (enum device_answer)
		    device_word_place(row->words, f->value);
		return *MEMBER(p, row, enum device_answer) != 0 ? 0 :
		    not_a_word(why, f->value, row->words, "");
	case DEVICE_KIND_WORD:
		*word = device_word_place(row->words, f->value);
		return *word != 0 ? 0 :
		    not_a_word(why, f->value, row->words, "");
	}
	return E_CONFIG;
}
