/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/answer.h"

#include "phone/call.h"
#include "sip/reply.h"


static bool
asks_for_reboot(const struct sip_msg *m)
{
	static const struct str words[] = { { "resync", 6 }, { "reboot", 6 },
		{ "check-sync", 10 } };
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_EVENT);
	struct str event = f != NULL ? f->value : STR_NULL;

	event = str_trim(str_cut(&event, ';'));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_ieq(event, words[i]))
			return true;
	}
	return false;
}

bool
phone_answer(struct buf *out, const struct sip_msg *m,
    const struct addr *source, struct str user_agent)
{
	bool known = m->method == SIP_METHOD_OPTIONS ||
	    m->method == SIP_METHOD_NOTIFY;

	sip_reply_begin(out, m, known ? 200 : 405, NULL, STR("phone"),
	    source);
	buf_puts(out, CALL_ALLOW "User-Agent: ");
	buf_str(out, user_agent);
	buf_puts(out, "\r\n");
	sip_reply_end(out);
	return m->method == SIP_METHOD_NOTIFY && asks_for_reboot(m);
}
