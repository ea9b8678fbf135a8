/* SPDX-License-Identifier: BSD-2-Clause */
/* usage: fleet DIR N   DIR/devices.db with N devices, as an edge of their size
 * leaves it: two deeds each, one in ten refused, and events. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/device.h"

#define DAY_S 86400

static const char *const agents[] = {
	"Yealink SIP-T46S 66.86.0.15", "Cisco/SPA502G-7.6.2",
	"PolycomVVX-VVX_411-UA/5.9.0.9373", "snom710/8.7.5.35",
	"Grandstream GXP2135 1.0.9.108", "Aastra 6865i/4.2.0.2023",
};

static int
put_deeds(struct device_store *s, int64_t id, int64_t now_s, bool refused)
{
	struct store_deed d = {
		.device = id, .chain = STR("public"),
		.root = STR("ISRG Root X1"), .key = 1, .depth = 2,
	};
	struct store_event e = {
		.device = id, .when_s = now_s, .what = STR("refused"),
		.chain = STR("public"), .cause = STR("untrusted_root"),
		.confidence = STR("certain"),
		.reason = STR("alert unknown_ca(48) 14 ms after Certificate"),
	};
	int err;

	if (refused) {
		d.refused = d.refused_no = d.in_row = 1;
		d.refused_s = now_s;
	} else {
		d.accepted = 40;
		d.accepted_no = 40;
		d.accepted_s = now_s;
		e.what = STR("accepted");
		e.cause = e.confidence = e.reason = STR("");
	}
	err = device_store_put_deed(s, &d);
	if (err == 0)
		err = device_store_put_event(s, &e);
	d.chain = STR("own");
	d.root = STR("siptrust CA pbx.example.com");
	d.accepted = 2;
	d.accepted_no = 50;
	d.accepted_s = now_s;
	d.refused = d.refused_no = d.in_row = 0;
	return err == 0 ? device_store_put_deed(s, &d) : err;
}

static int
put_device(struct device_store *s, unsigned i, int64_t now_s)
{
	char address[32], account[64];
	struct store_device d = {
		.fingerprint = 1 + i % 7, .ja4 = STR("t12d090600_a_b"),
		.user_agent = str_cstr(agents[i % ARRAY_LEN(agents)]),
		.first_seen_s = now_s - 90 * DAY_S, .last_seen_s = now_s,
		.transport = 2, .tls_version = 0x0303, .cipher_suite = 0x002f,
		.chain = STR("public"), .events = 50, .cause = STR(""),
		.confidence = STR(""), .reason = STR(""), .remedy = STR(""),
	};
	int64_t id = 0;
	int err;

	snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16 & 255,
	    i >> 8 & 255, i & 255);
	snprintf(account, sizeof(account), "%u@pbx.example.com", 100000 + i);
	d.address = str_cstr(address);
	d.accounts = str_cstr(account);
	err = device_store_put(s, &d, &id);
	return err == 0 ? put_deeds(s, id, now_s, i % 10 == 0) : err;
}

int
main(int argc, char **argv)
{
	struct device_store *s;
	char why[512] = "";
	uint32_t n;
	int err;

	if (argc != 3 || !str_u32(str_cstr(argv[2]), &n)) {
		fprintf(stderr, "usage: fleet DIR N\n");
		return 2;
	}
	err = device_store_open(&s, argv[1], false, why, sizeof(why));
	if (err != 0) {
		fprintf(stderr, "%s\n", why);
		return 3;
	}
	err = device_store_begin(s);
	for (unsigned i = 0; err == 0 && i < n; i++)
		err = put_device(s, i, clock_wall_s());
	if (err == 0)
		err = device_store_commit(s);
	if (err != 0)
		fprintf(stderr, "%s\n", device_store_error(s));
	device_store_close(s);
	return err == 0 ? 0 : 3;
}
