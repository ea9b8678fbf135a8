/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_INT_H
#define SIP_INT_H
/*
 * sip/sip_int - what the files of sip/ share: character classes of RFC 3261
 * 25.1, cursors over slices, and the one reader of header lines that both the
 * framer and the message decoder use, so that they can never disagree about
 * where a field ends.
 */
#include "sip/msg.h"

enum {
	C_ALPHA = 1 << 0,
	C_DIGIT = 1 << 1,
	C_HEX = 1 << 2,
	C_TOKEN = 1 << 3,   /* token                                      */
	C_WORD = 1 << 4,    /* word of a Call-ID                          */
	C_LWS = 1 << 5,     /* SP HT CR LF: CRs and LFs of folds only,
	                       the line reader has seen to that           */
	C_USER = 1 << 6,    /* user without escapes                       */
	C_PASS = 1 << 7,    /* password without escapes                   */
	C_HOST = 1 << 8,    /* hostname, IPv4address; '_' as seen in use  */
	C_PARAM = 1 << 9,   /* paramchar of a URI without escapes         */
	C_HEADER = 1 << 10, /* hname, hvalue without escapes, "=" and "&" */
	C_VALUE = 1 << 11,  /* unquoted gen-value, liberal: all that is
	                       visible but the separators ; , " < > \     */
	C_URIC = 1 << 12,   /* absoluteURI: visible but < > " and LWS     */
	C_CTL = 1 << 13,    /* below SP, and DEL                          */
	C_SCHEME = 1 << 14, /* scheme after its first letter              */
};

extern const uint16_t sip_chars[256];

static inline bool
sip_is(char c, unsigned mask)
{
	return (sip_chars[(uint8_t)c] & mask) != 0;
}

/* First byte in [p, end) that is not of the class. */
static inline const char *
sip_run(const char *p, const char *end, unsigned mask)
{
	while (p < end && sip_is(*p, mask))
		p++;
	return p;
}

/* All bytes of the class or, with escapes, "%" HEX HEX.  Empty: true. */
bool sip_all(struct str s, unsigned mask, bool escapes);

/* A quoted-string begins at p: what follows it, NULL: it does not end. */
const char *sip_quoted_end(const char *p, const char *end);

/* host [":" port] in [*p, end), LWS around the colon as of a Via's sent-by
 * when lws is set.  Leaves *p behind it.  0 or E_PARSE. */
MUSTCHECK int sip_host_port(const char **p, const char *end, bool lws,
    struct str *host, uint16_t *port);

enum sip_line {
	SIP_LINE_FIELD, /* *f is set                                         */
	SIP_LINE_EMPTY, /* the empty line after the last field               */
	SIP_LINE_BAD,   /* a line, but no field: *why                        */
	SIP_LINE_CUT,   /* no CRLF at the end of it                          */
};

/*
 * Take the next field, folds included, off *rest.  Lines end in CRLF and in
 * nothing else: two readers that differ about a bare LF or CR differ about
 * where a message ends.
 */
enum sip_line sip_line_next(struct str *rest, struct sip_field *f,
    const char **why);

/* Identifier of a field name, compact or not, without case. */
enum sip_header sip_header_of(struct str name);

/* "SIP/" digits "." digits: 2 for SIP/2.0, 1 for another one, 0: neither. */
int sip_version(struct str s);

#endif
