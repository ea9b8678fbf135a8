/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/answer.h"

#include "sip/reply.h"

#define ALLOW "Allow: OPTIONS, NOTIFY\r\n"

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

static int
status_for(enum sip_method method)
{
	switch (method) {
	case SIP_METHOD_OPTIONS:
	case SIP_METHOD_NOTIFY:
		return 200;
	case SIP_METHOD_INVITE:
		return 480;
	case SIP_METHOD_BYE:
	case SIP_METHOD_CANCEL:
		return 481; /* RFC 3261 12.2.2, 9.2 */
	default:
		return 405;
	}
}

bool
phone_answer(struct buf *out, const struct sip_msg *m,
    const struct addr *source, struct str user_agent)
{
	if (m->method == SIP_METHOD_ACK)
		return false;
	sip_reply_begin(out, m, status_for(m->method), NULL,
	    m->method == SIP_METHOD_CANCEL ? STR_NULL : STR("phone"), source);
	buf_puts(out, ALLOW);
	buf_puts(out, "User-Agent: ");
	buf_str(out, user_agent);
	buf_puts(out, "\r\n");
	sip_reply_end(out);
	return m->method == SIP_METHOD_NOTIFY && asks_for_reboot(m);
}
