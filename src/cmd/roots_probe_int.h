/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_ROOTS_PROBE_INT_H
#define CMD_ROOTS_PROBE_INT_H
/* cmd/roots_probe - what its parts share. */
#include "cmd/roots_int.h"
#include "edge/probe_plan.h"

#define PROBE_VERB      "roots probe" /* for complaints */
#define PROBE_NAMES_MAX 64

struct probe_cmd {
	const char *data, *device, *candidates, *genuine;
	const char *root[PROBE_NAMES_MAX];
	unsigned nroot;
	int method;               /* enum trust_probe_method, -1: by itself  */
	int64_t window_s;
	bool all, force, anew, stop, show, dry_run, no_wait, json;

	const char *folder;       /* data, or the default                    */
	struct roots_all of;
	const struct status_device *dev;
	char name[TRUST_TEXT_MAX];
};

/* Roots to ask for, in the order to ask; owns what they point into. */
struct probe_picks {
	struct probe_pick {
		struct tls_probe_root root;
		char label[TRUST_TEXT_MAX], sha256[65];
		struct str genuine;
		bool own_genuine;   /* a certificate that the admin gave     */
		bool expected;
		uint8_t class[TRUST_PROBE_METHODS];
		char *bytes[2];
	} v[TRUST_PROBE_ROOTS_MAX];
	unsigned n, left_out;
	unsigned ngenuine;          /* with a certificate for the method     */
};

/* roots_probe_pick.c: CMD_OK, or the exit code: it has complained. */
int probe_pick(struct probe_picks *out, const struct probe_cmd *c);
void probe_picks_fini(struct probe_picks *p);

/* The device's run as it is in the devices' file. */
struct probe_standing {
	bool there;
	struct store_probe row;
	char state[64], methods[128];
	struct probe_plan plan;
};

/* roots_probe_order.c */
/* 0 or an error; probe_standing_fini must follow in either case. */
int probe_standing_read(struct probe_standing *n, struct probe_store *s,
    const struct probe_cmd *c);
void probe_standing_fini(struct probe_standing *n);
bool probe_is_running(const struct probe_standing *n, int64_t now_s);
/*
 * Put the order into the file, with the answers that are there where they are
 * to the same questions; with dry_run print the plan instead.  CMD_OK, or the
 * exit code: it has complained.
 */
int probe_order(struct probe_cmd *c, struct probe_store *s,
    const struct probe_standing *n);

/* roots_probe_show.c */
/* "42 s", "3 min", "2.5 h". */
void probe_span(char out[32], int64_t seconds);
void probe_show_plan(const struct probe_cmd *c, const struct probe_picks *p,
    const struct probe_plan *plan);
void probe_show(const struct probe_cmd *c, const struct store_probe *row,
    const struct probe_plan *plan);
int probe_show_json(const struct probe_cmd *c, const struct store_probe *row,
    const struct probe_plan *plan);

#endif
