/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the log says of a server of an upstream.
 */
#include "base/log.h"
#include "edge/upstream_int.h"

#define LINE_BYTES 2048

void
server_say(const struct server *s, const char *event,
    const struct upstream_fault *f)
{
	char addr[ADDR_STRLEN], text[LOG_VAL_MAX * 2], line[LINE_BYTES];
	const char *remedy;
	struct buf b;

	buf_init_array(&b, line, sizeof(line));
	buf_printf(&b, "name=%s server=%s transport=%s", s->upstream->name,
	    addr_print(&s->addr, addr), flow_transport_name(s->transport));
	if (f == NULL) {
		log_info(event, "%.*s", STR_FMT(buf_as_str(&b)));
		return;
	}
	buf_printf(&b, " reason=%s", log_val(text, sizeof(text),
	    str_cstr(f->reason)));
	if (f->cause != TRUST_CAUSE_NONE) {
		remedy = upstream_remedy(f->cause);
		buf_printf(&b, " cause=%s confidence=%s",
		    trust_cause_name(f->cause),
		    trust_confidence_name(f->confidence));
		if (remedy[0] != '\0')
			buf_printf(&b, " remedy=\"%s\"", remedy);
	}
	log_warn(event, "%.*s", STR_FMT(buf_as_str(&b)));
}
