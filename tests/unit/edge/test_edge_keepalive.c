/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is sent what, and who nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "edge/keepalive.h"

static void
what_is_sent(void **state)
{
	static const struct {
		enum flow_transport transport;
		bool natted;
		enum device_keepalive word;
		struct str want;
	} rows[] = {
		{ FLOW_UDP, true, 0, { "\r\n\r\n", 4 } },
		{ FLOW_UDP, false, 0, { NULL, 0 } },
		{ FLOW_UDP, true, DEVICE_KEEPALIVE_NONE, { NULL, 0 } },
		{ FLOW_UDP, true, DEVICE_KEEPALIVE_ZERO, { "\0\0\0\0", 4 } },
		{ FLOW_UDP, false, DEVICE_KEEPALIVE_ZERO, { "\0\0\0\0", 4 } },
		{ FLOW_UDP, false, DEVICE_KEEPALIVE_CRLF, { "\r\n\r\n", 4 } },
		/* Nothing but CRLFs may stand between messages of a stream. */
		{ FLOW_TLS, true, 0, { NULL, 0 } },
		{ FLOW_TLS, true, DEVICE_KEEPALIVE_ZERO, { NULL, 0 } },
		{ FLOW_TLS, false, DEVICE_KEEPALIVE_CRLF, { "\r\n\r\n", 4 } },
		{ FLOW_TCP, false, DEVICE_KEEPALIVE_CRLF, { "\r\n\r\n", 4 } },
		{ FLOW_TCP, false, DEVICE_KEEPALIVE_NONE, { NULL, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = keepalive_bytes(rows[i].transport,
		    rows[i].natted, rows[i].word);

		assert_int_equal(got.p == NULL, rows[i].want.p == NULL);
		assert_true(str_eq(got, rows[i].want));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
