/* SPDX-License-Identifier: BSD-2-Clause */
/* A request as it comes: its end, its head, its conditions, its path. */
#include <stdint.h>
#include <stdlib.h>

#include "http/date.h"
#include "http/request.h"
#include "web/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* In two pieces the head ends where it ends in one. */
static size_t
head_length(struct str bytes)
{
	size_t whole, seen = 0;

	whole = http_head_length(bytes, &seen);
	for (size_t cut = 0; cut < bytes.n && cut < 64; cut++) {
		size_t part;

		seen = 0;
		part = http_head_length(str_of(bytes.p, cut), &seen);
		if (part == 0)
			part = http_head_length(bytes, &seen);
		must(part == whole);
	}
	return whole;
}

static bool
inside(struct str part, struct str whole)
{
	return part.p == NULL ||
	    (part.p >= whole.p && str_end(part) <= str_end(whole));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str bytes = str_of((const char *)data, n), head;
	struct http_request q;
	struct web_path p;
	unsigned status;
	int64_t t;

	if (n == 0)
		return 0;
	head = str_of(bytes.p, head_length(bytes));
	status = http_head_early(bytes);
	must(status == 0 || (status >= 400 && status < 600));
	if (head.n == 0)
		return 0;
	status = http_request_parse(&q, head);
	must(status == 0 || (status >= 400 && status < 600));
	if (status != 0)
		return 0;
	must(inside(q.path, head) && inside(q.host, head) &&
	    inside(q.user_agent, head) && inside(q.if_none_match, head));
	(void)http_not_modified(&q, STR("\"0123\""), 1);
	if (http_date_parse(&t, q.if_modified_since) == 0) {
		char text[HTTP_DATE_LEN];
		int64_t again;

		must(http_date_parse(&again,
		    str_cstr(http_date_print(t, text))) == 0);
	}
	if (web_path_parse(&p, q.path) == 0) {
		must(strlen(p.name) <= WEB_NAME_MAX);
		must(strstr(p.name, "..") == NULL &&
		    strchr(p.name, '/') == NULL && strchr(p.id, '/') == NULL);
	}
	return 0;
}
