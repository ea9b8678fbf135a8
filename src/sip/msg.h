/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_MSG_H
#define SIP_MSG_H
/*
 * sip/msg - decode one SIP message: start-line, header index, body.
 *
 * Zero-copy and without allocation: every slice points into the bytes that
 * were given and lives as long as they do.  Linear in the length of the
 * message, whatever it holds.  Structural rules are enforced here; the rules
 * of a method are the UAS's.  RFC 3261 7, 18.3, 25; verdicts of RFC 4475.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "sip/nameaddr.h"
#include "sip/uri.h"
#include "sip/via.h"

enum sip_method {
	SIP_METHOD_OTHER,
#define METHOD(name) SIP_METHOD_##name,
#include "sip/methods.def"
#undef METHOD
};

enum sip_header {
	SIP_HEADER_OTHER,
#define HEADER(id, name, compact, list) SIP_HEADER_##id,
#include "sip/headers.def"
#undef HEADER
	SIP_HEADERS
};

#define SIP_FIELDS_MAX 128

struct sip_field {
	struct str name;
	struct str value;  /* trimmed; folds inside are left as they are */
	uint16_t id;       /* enum sip_header                            */
};

struct sip_msg {
	struct str all;
	bool request;

	enum sip_method method;
	struct str method_name;
	struct str request_uri;    /* as sent                            */
	struct sip_uri ruri;       /* parsed                             */
	int status;                /* of a response                      */
	struct str reason;

	struct sip_field field[SIP_FIELDS_MAX];
	size_t nfield;
	uint8_t first[SIP_HEADERS]; /* index + 1 of the first field, 0: none */

	struct sip_via via;         /* topmost; all.p NULL: unreadable   */
	struct sip_nameaddr from, to;
	struct sip_uri from_uri, to_uri;
	struct str from_tag, to_tag; /* absent: none                     */
	struct str call_id;
	uint32_t cseq;
	struct str cseq_method;
	int max_forwards;           /* -1: none                          */
	bool has_content_length;
	uint32_t content_length;
	struct str body;

	/*
	 * When sip_msg_parse fails: the status to answer a request with (400,
	 * 501, 505, 513; 0: discard, as every bad response is), a static
	 * sentence for the Reason-Phrase, and whether it can be answered: it
	 * is a request and its topmost Via is readable.  The answer then
	 * copies From, To, Call-ID and CSeq as far as they are there
	 * (RFC 4475 3.3.1 wants a 400 even without them).
	 */
	int refuse;
	const char *why;
	bool answerable;
};

enum sip_msg_form { SIP_DATAGRAM, SIP_STREAM };

/*
 * bytes: exactly one message; for a datagram what follows the body is cut
 * off (RFC 3261 18.3), for a stream the framer has cut already.
 * head_max: limit for start-line and headers in bytes.
 * 0, or E_PARSE / E_LIMIT with refuse, why, answerable set; all slices
 * read so far are valid either way.  Does not clear field[] beyond nfield.
 *
 * Refused: a start-line with other than single spaces, a URI in <> or with
 * headers in the Request-URI; a line that ends in a bare CR or LF, in
 * datagrams too (nothing in the field sends them, and two readers that differ
 * about line ends differ about what a message says); control characters
 * outside a quoted-pair; no Via, From, To, Call-ID or CSeq; two different
 * values of these, of Max-Forwards or Content-Length; a CSeq of another
 * method (501 if the method is unknown); numbers out of range; no
 * Content-Length on a stream; a body shorter than Content-Length.
 * Let pass: no branch, no tag, no Max-Forwards (RFC 2543); an unknown
 * scheme, which the UAS answers with 416; empty lines before the start-line;
 * a response without the space after its code.
 * Not looked at: fields that only some methods need (Contact, Expires,
 * Authorization, Date ...).
 */
MUSTCHECK int sip_msg_parse(struct sip_msg *m, struct str bytes,
    enum sip_msg_form form, size_t head_max);

/* First field of a kind, NULL when there is none. */
const struct sip_field *sip_msg_field(const struct sip_msg *m,
    enum sip_header id);

/* The next of the same kind after f, NULL at the end. */
const struct sip_field *sip_msg_next(const struct sip_msg *m,
    const struct sip_field *f);

/* A token in any field of this kind (Supported, Require), without case. */
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header id,
    struct str token);

struct str sip_method_str(enum sip_method m);
enum sip_method sip_method_of(struct str name); /* case-sensitive */
struct str sip_header_str(enum sip_header h);

#endif
