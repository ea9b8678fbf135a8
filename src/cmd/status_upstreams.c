/* SPDX-License-Identifier: BSD-2-Clause */
/* siptrust status: the PBXs that the edge stands in front of. */
#include <stdio.h>

#include "base/log.h"
#include "cmd/say.h"
#include "cmd/status_int.h"
#include "edge/upstream_status.h"

static bool
is_down(const struct upstream_status *s)
{
	return str_eq(s->state, STR("down"));
}

static void
count_down(const struct upstream_status *s, void *arg)
{
	*(size_t *)arg += is_down(s);
}

size_t
status_upstreams_down(const char *data)
{
	size_t n = 0;

	upstream_status_each(data, count_down, &n);
	return n;
}

/* ---- for people ---- */

static void
print_one(const struct upstream_status *s, void *arg)
{
	char since[CLOCK_TIME_LEN], asked[CLOCK_TIME_LEN], rtt[32] = "-";
	char name[LOG_VAL_MAX], reason[LOG_VAL_MAX * 2];
	bool *begun = arg;

	if (!*begun)
		printf("%-12s %-22s %-3s %-7s %-20s %-20s %s\n", "UPSTREAM",
		    "SERVER", "VIA", "STATE", "SINCE", "ASKED", "ROUND TRIP");
	*begun = true;
	if (s->rtt_us >= 0)
		snprintf(rtt, sizeof(rtt), "%lld.%03lld ms",
		    (long long)s->rtt_us / 1000, (long long)s->rtt_us % 1000);
	printf("%-12s %-22.*s %-3.*s %-7.*s %-20s %-20s %s\n",
	    log_val(name, sizeof(name), s->name), STR_FMT(s->server),
	    STR_FMT(s->transport), STR_FMT(s->state),
	    status_time(since, s->since_s), status_time(asked, s->asked_s),
	    rtt);
	if (s->reason.n == 0)
		return;
	log_val(reason, sizeof(reason), s->reason);
	printf("      because %s%s%.*s%s\n", reason, s->cause.n > 0 ? " (" : "",
	    STR_FMT(s->cause), s->cause.n > 0 ? ")" : "");
}

void
status_upstreams_print(const char *data)
{
	bool begun = false;

	upstream_status_each(data, print_one, &begun);
	if (begun)
		putchar('\n');
}

/* ---- for programs ---- */

static void
add_json(const struct upstream_status *s, void *arg)
{
	json_array_append_new(arg, json_pack("{s:o s:o s:o s:o s:o s:I s:I "
	    "s:o s:o s:o}", "name", cmd_json(s->name), "uri", cmd_json(s->uri),
	    "server", cmd_json(s->server), "transport",
	    cmd_json(s->transport), "state", cmd_json(s->state), "since",
	    (json_int_t)s->since_s, "asked_at", (json_int_t)s->asked_s,
	    "round_trip_us", s->rtt_us >= 0 ? json_integer(s->rtt_us) :
	    json_null(), "cause", s->cause.n > 0 ? cmd_json(s->cause) :
	    json_null(), "reason", s->reason.n > 0 ? cmd_json(s->reason) :
	    json_null()));
}

json_t *
status_upstreams_json(const char *data)
{
	json_t *all = json_array();

	upstream_status_each(data, add_json, all);
	return all;
}
