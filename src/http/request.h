/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H
/*
 * http/request - the head of an HTTP/1.x request, and its conditions.
 *
 * Reads what phones of twenty years send: HTTP/1.0 without Host, bare LF, an
 * absolute URI, blanks in the path.  No body is ever read.  Slices borrow the
 * bytes; nothing is copied or allocated; linear in its input.  Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define HTTP_HEAD_MAX   8192 /* bytes of a head                   */
#define HTTP_TARGET_MAX 512  /* bytes of a request-target         */
#define HTTP_FIELDS_MAX 64   /* header fields                     */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* What a request does not have is STR_NULL. */
struct http_request {
	enum http_method method;
	struct str method_name;
	struct str path;              /* of the target, without its query   */
	struct str query;
	struct str host;              /* of the target, else the Host field */
	struct str user_agent;
	struct str if_none_match;
	struct str if_modified_since;
};

/*
 * How many of the bytes are the head, its empty line included; 0: more must
 * come.  *seen says how far it was looked for already; 0 in the beginning.
 * Empty lines before the request-line count to the head (RFC 9112 2.2).
 */
size_t http_head_length(struct str bytes, size_t *seen);

/*
 * What is wrong with a head that is not complete yet, as the status to answer
 * (400, 414, 505), or 0.  So a TLS ClientHello or an HTTP/0.9 line is answered
 * at once and not when its time is over.
 */
unsigned http_head_early(struct str bytes);

/*
 * A whole head.  0, or the status to answer: 400 not well formed, 414 its
 * target is too long, 431 too many fields, 505 another version.
 */
MUSTCHECK unsigned http_request_parse(struct http_request *out,
    struct str head);

/*
 * Whether the client has this already (RFC 9110 13.2.2): then 304 is the
 * answer.  etag in its quotes; modified_s 0: not known.
 */
bool http_not_modified(const struct http_request *q, struct str etag,
    int64_t modified_s);

/*
 * The path with its %XX decoded and each run of "/" made one, NUL-terminated.
 * false: it does not fit, or holds a control character.
 */
bool http_path_decode(char *out, size_t size, struct str path);

#endif
