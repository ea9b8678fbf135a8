/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_PHONE_INT_H
#define CMD_PHONE_INT_H
/* cmd/phone_int - what the two files of siptrust phone share. */
#include "net/loop.h"
#include "phone/model.h"

struct phone_cmd {
	const char *as, *devices, *transport, *server, *name, *user, *roots,
	    *ca_url, *tls, *agent, *syslog, *from, *uri, *call;
	bool password_stdin, no_check, once, json, colour;
	uint32_t expires_s, retry_ms, duration_s;
	uint32_t answer_ms, talk_ms, cancel_ms, hold_ms;
	bool no_answer, busy;

	struct phone_settings settings;
	struct x509_set *holds;
	struct loop *loop;
	struct phone *phone;
	struct event *leave_timer;
	bool registered, answered, ending;
};

/* phone_set.c: the command line.  CMD_OK, or what to exit with. */
int phone_parse(int argc, char **argv, struct phone_cmd *c);
/* Model, account, server, password, calls: all that phone_new wants. */
int phone_settle(struct phone_cmd *c);

#endif
