/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_STATUS_INT_H
#define CMD_STATUS_INT_H
/*
 * cmd/status_int - between what siptrust status prints of one device and of
 * all of them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "cmd/say.h"
#include "edge/status.h"

/* status.c */
/* As clock_time; "never" for 0. */
const char *status_time(char out[CLOCK_TIME_LEN], int64_t unix_s);
const char *status_transport(const struct store_device *d);
const char *status_version(uint16_t version);   /* "-": none */
const char *status_state(const struct status_device *d);
/* What came from outside, without its control characters. */
const char *status_safe(char out[LOG_VAL_MAX], struct str s);
void status_print_verdict(const struct status_device *d);

/*
 * status_table.c: a line a device with a header, columns as wide as what is in
 * them; below who is refused its verdict, if verdicts is set.
 */
void status_print_table(const struct status_device *d, size_t n, int64_t now_s,
    bool verdicts);
/* "12 devices, 2 refused (2 untrusted_root), 1 with an old TLS version". */
void status_print_sum(const struct status *s);

/* status_upstreams.c: the PBXs, as the folder data has them. */
size_t status_upstreams_down(const char *data); /* servers that are */
void status_upstreams_print(const char *data);
json_t *status_upstreams_json(const char *data);

#endif
