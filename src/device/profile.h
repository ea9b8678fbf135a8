/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_PROFILE_H
#define DEVICE_PROFILE_H
/*
 * device/profile - what is known of one family of phones, each fact with its
 * source: how to recognise it, what its TLS can do, which roots it holds, how
 * a CA of one's own gets into it.
 *
 * A profile is read from a .device file (siptrust-device(5)):
 *
 *     name = cisco-spa50x
 *     vendor = Cisco
 *     title = Cisco SPA300 and SPA500
 *     source = recog https://github.com/rapid7/recog
 *     user_agent = Cisco/(SPA50[0-9]G)-<*> ; source: recog
 *     retry_s = 30 ; unverified: that a failed handshake uses this timer
 *
 * It is immutable once read and owns all that it points to.  A key that the
 * file does not have is a fact that is not known.  Parsing is pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define DEVICE_FILE_MAX    ((size_t)64 << 10) /* bytes of one .device file */
#define DEVICE_LINE_MAX    1024               /* bytes of one line         */
#define DEVICE_FACTS_MAX   256                /* facts in one file         */
#define DEVICE_CIPHERS_MAX 64
#define DEVICE_NAME_MAX    40                 /* bytes of a profile's name */

enum device_answer { DEVICE_UNKNOWN, DEVICE_NO, DEVICE_YES };

/* Words of the table's WORD and WORDS, in its order; 0 is not known. */
enum device_key_type { DEVICE_RSA = 1, DEVICE_ECDSA };
enum device_ca_way {
	DEVICE_CA_URL = 1, /* it fetches the file that a setting names       */
	DEVICE_CA_FILE,    /* it loads a file beside its configuration       */
	DEVICE_CA_INLINE,  /* the certificate stands in its configuration    */
	DEVICE_CA_SIGNED,  /* in a signed list alone (CTL, ITL)              */
	DEVICE_CA_WEB,     /* somebody uploads it through its own pages      */
	DEVICE_CA_NONE,    /* no way is known                                */
};
enum device_ca_format { DEVICE_PEM = 1, DEVICE_DER };
enum device_ca_effect { DEVICE_ADDS = 1, DEVICE_REPLACES, DEVICE_CHOICE };
enum device_ca_fetch {
	DEVICE_HTTP = 1,
	DEVICE_HTTPS,
	DEVICE_TFTP,
	DEVICE_FTP,
};
enum device_ca_when {
	DEVICE_BOOT = 1,
	DEVICE_RESYNC,
	DEVICE_SAVE,
	DEVICE_UPLOAD,
};
enum device_keepalive {
	DEVICE_KEEPALIVE_CRLF = 1,
	DEVICE_KEEPALIVE_ZERO,
	DEVICE_KEEPALIVE_NONE,
};
enum device_config_syntax { DEVICE_TEXT = 1, DEVICE_XML };

/* A set of words is a mask; has(p->ca_fetch, DEVICE_HTTP). */
#define DEVICE_BIT(word) (1u << (word))
static inline bool
device_has(uint32_t set, unsigned word)
{
	return (set & DEVICE_BIT(word)) != 0;
}

enum device_key {
#define PROFILE_TEXT(key, text)          DEVICE_KEY_##key,
#define PROFILE_LIST(key, text)          DEVICE_KEY_##key,
#define PROFILE_PATTERN(key, text)       DEVICE_KEY_##key,
#define PROFILE_PRINT(key, digits, text) DEVICE_KEY_##key,
#define PROFILE_ANSWER(key, text)        DEVICE_KEY_##key,
#define PROFILE_NUMBER(key, max, text)   DEVICE_KEY_##key,
#define PROFILE_VERSION(key, text)       DEVICE_KEY_##key,
#define PROFILE_WORD(key, words, text)   DEVICE_KEY_##key,
#define PROFILE_WORDS(key, words, text)  DEVICE_KEY_##key,
#define PROFILE_SUITE(key, text)         DEVICE_KEY_##key,
#include "device/profile.def"
#include "device/profile_undef.h"
	DEVICE_KEYS,
};

/* One line of the file. */
struct device_fact {
	enum device_key key;
	struct str value;
	struct str sources;    /* ids, ", " between them; empty: none       */
	struct str doubt;      /* why it is unverified; may be empty        */
	bool unverified;
	unsigned line;
};

/* All facts of one key, in the file's order. */
struct device_facts {
	const struct device_fact *v;
	unsigned n;
};

/* Where facts come from. */
struct device_source {
	struct str id, text;
};

struct device_profile {
	struct str name;       /* "cisco-spa50x": also the file's name      */
	struct str vendor, title;
	struct str *note;      /* paragraphs for the page                   */
	unsigned nnote;
	struct device_source *source;
	unsigned nsource;

	/* A member per row of the table; 0, empty: not known. */
#define PROFILE_TEXT(key, text)          struct str key;
#define PROFILE_LIST(key, text)          struct device_facts key;
#define PROFILE_PATTERN(key, text)       struct device_facts key;
#define PROFILE_PRINT(key, digits, text) struct device_facts key;
#define PROFILE_ANSWER(key, text)        enum device_answer key;
#define PROFILE_NUMBER(key, max, text)   uint32_t key;
#define PROFILE_VERSION(key, text)       uint16_t key; /* as on the wire */
#define PROFILE_WORD(key, words, text)   uint32_t key; /* its place from 1 */
#define PROFILE_WORDS(key, words, text)  uint32_t key; /* mask of them     */
#define PROFILE_SUITE(key, text)                                               \
	uint16_t key[DEVICE_CIPHERS_MAX];                                      \
	unsigned n##key;
#include "device/profile.def"
#include "device/profile_undef.h"

	struct device_fact *fact;   /* ordered by key, then by line */
	unsigned nfact;
	char *text;                 /* what all slices point into   */
};

/*
 * Read a profile; file is its name for complaints.  On failure *out is
 * untouched and why has a line "FILE:LINE: what is wrong, what was expected"
 * for each fault.  0, E_CONFIG, E_LIMIT (too long), -ENOMEM.
 */
MUSTCHECK int device_profile_read(struct device_profile **out,
    const char *file, struct str text, struct buf *why);
void device_profile_free(struct device_profile *p); /* NULL does nothing */

/* The facts of a key; n is 0 when the file has none. */
struct device_facts device_profile_facts(const struct device_profile *p,
    enum device_key key);

/* "ca_way"; what the key means; its kind, "yes or no". */
const char *device_key_name(enum device_key key);
const char *device_key_text(enum device_key key);

#endif
