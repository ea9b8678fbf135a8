/* SPDX-License-Identifier: BSD-2-Clause */
/* What siptrust roots probe prints of a plan and of its answers. */
#include <stdio.h>

#include "base/log.h"
#include "cmd/roots_probe_int.h"

#define LABEL_COLUMNS 44
#define REASON_MAX    256

void
probe_span(char out[32], int64_t s)
{
	if (s < 0)
		snprintf(out, 32, "unknown");
	else if (s < 120)
		snprintf(out, 32, "%lld s", (long long)s);
	else if (s < 7200)
		snprintf(out, 32, "%lld min", (long long)((s + 30) / 60));
	else if (s < 172800)
		snprintf(out, 32, "%.1f h", (double)s / 3600);
	else
		snprintf(out, 32, "%.1f days", (double)s / 86400);
}

/* ---- the plan ---- */

static void
show_methods(const struct trust_probe *p)
{
	for (unsigned i = 0; i < p->nmethods; i++)
		printf("method %u: %s, %s\n", i + 1,
		    trust_probe_method_name(p->order[i]),
		    trust_probe_method_text(p->order[i]));
}

static void
show_estimate(const struct trust_probe *p)
{
	static const int64_t every_s[] = { 30, 300, 1800 };
	unsigned left = trust_probe_left(p);
	char span[32], pace[32];

	printf("questions: %u at least, controls included; each wants two "
	    "connections that the\ndevice makes by itself, one for the "
	    "question and one with its real chain\n", left);
	for (size_t i = 0; i < ARRAY_LEN(every_s); i++) {
		probe_span(span, (int64_t)left * 2 * every_s[i]);
		probe_span(pace, every_s[i]);
		printf("  a connection every %s: %s\n", pace, span);
	}
}

void
probe_show_plan(const struct probe_cmd *c, const struct probe_picks *p,
    const struct probe_plan *plan)
{
	char label[LOG_VAL_MAX], span[32];

	probe_span(span, c->window_s);
	printf("device %s, window %s; nothing is asked yet (--dry-run)\n",
	    c->name, span);
	show_methods(&plan->plan);
	for (unsigned i = 0; i < p->n; i++)
		printf("%4u  %s%s%s\n", i + 1, log_val(label, sizeof(label),
		    str_cstr(p->v[i].label)), p->v[i].expected ?
		    "  (known to be held: positive control)" : "",
		    p->v[i].own_genuine ? "  (genuine certificate given)" :
		    p->v[i].genuine.n > 0 ? "" : "  (no genuine certificate)");
	if (p->left_out > 0)
		printf("left out: %u that are no roots, have expired or are "
		    "too many\n", p->left_out);
	show_estimate(&plan->plan);
}

/* ---- results ---- */

static void
show_holding(const struct probe_plan *plan, enum trust_holding which)
{
	static const char *const words[] = {
		[TRUST_CANNOT_TELL] = "cannot tell", [TRUST_LACKS] = "lacks",
		[TRUST_HOLDS] = "holds",
	};

	for (unsigned i = 0; i < plan->plan.nroots; i++) {
		char bytes[REASON_MAX], label[LOG_VAL_MAX];
		struct trust_probe_result r;
		struct buf reason;

		trust_probe_result(&plan->plan, i, &r);
		if (r.holding != which)
			continue;
		buf_init_array(&reason, bytes, sizeof(bytes));
		trust_probe_reason(&reason, &r);
		printf("%-11s %-*s %-8s %s%s%.*s\n", words[which],
		    LABEL_COLUMNS, log_val(label, sizeof(label),
		    str_cstr(plan->root[i].label)), which == TRUST_CANNOT_TELL ?
		    "-" : trust_confidence_name(r.confidence),
		    r.method < TRUST_PROBE_METHODS ?
		    trust_probe_method_name(r.method) : "",
		    r.method < TRUST_PROBE_METHODS ? ": " : "",
		    STR_FMT(buf_as_str(&reason)));
	}
}

static void
count(unsigned n[TRUST_HOLDS + 1], const struct probe_plan *plan)
{
	for (int h = 0; h <= TRUST_HOLDS; h++)
		n[h] = 0;
	for (unsigned i = 0; i < plan->plan.nroots; i++) {
		struct trust_probe_result r;

		trust_probe_result(&plan->plan, i, &r);
		n[r.holding]++;
	}
}

/* Which methods turned out to tell nothing, and why. */
static void
show_blind(const struct probe_plan *plan)
{
	const struct trust_probe *p = &plan->plan;

	for (unsigned i = 0; i < p->nmethods; i++) {
		enum trust_probe_method m = p->order[i];
		bool any = false, tells = false;

		for (unsigned k = 0; k < p->nroots; k++) {
			uint8_t class = p->root[k].class[m];

			if (class == TRUST_PROBE_NO_CLASS ||
			    p->root[k].tally[m].n == 0)
				continue;
			any = true;
			tells |= trust_probe_tells(p, m, class) !=
			    TRUST_PROBE_TELLS_NO;
		}
		if (any && !tells)
			printf("%s tells nothing here: it answers the same "
			    "to a made-up root\n", trust_probe_method_name(m));
	}
}

static void
show_end(const struct probe_cmd *c, const struct store_probe *row,
    const struct probe_plan *plan)
{
	unsigned n[TRUST_HOLDS + 1], left = trust_probe_left(&plan->plan);
	enum trust_probe_stop stop = TRUST_PROBE_STOP_NONE;
	char span[32], window[32];

	count(n, plan);
	printf("%u held, %u lacked, %u cannot be told; %u asked\n",
	    n[TRUST_HOLDS], n[TRUST_LACKS], n[TRUST_CANNOT_TELL],
	    plan->plan.asked);
	IGNORE(!trust_probe_stop_parse(row->state, &stop)); /* then it runs */
	if (stop != TRUST_PROBE_STOP_NONE) {
		printf("%.*s: %s\n", STR_FMT(row->state),
		    trust_probe_stop_text(stop));
		return;
	}
	probe_span(span, trust_probe_seconds(&plan->plan));
	probe_span(window, row->until_s - c->of.now_s);
	printf("running: %u questions left at least, time left %s, the window "
	    "ends in %s\n", left, span, window);
}

void
probe_show(const struct probe_cmd *c, const struct store_probe *row,
    const struct probe_plan *plan)
{
	printf("device %s\n", c->name);
	show_holding(plan, TRUST_HOLDS);
	show_holding(plan, TRUST_LACKS);
	show_holding(plan, TRUST_CANNOT_TELL);
	show_blind(plan);
	show_end(c, row, plan);
}

static json_t *
roots_to_json(const struct probe_plan *plan)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < plan->plan.nroots; i++) {
		char bytes[REASON_MAX];
		struct trust_probe_result r;
		struct buf reason;

		trust_probe_result(&plan->plan, i, &r);
		buf_init_array(&reason, bytes, sizeof(bytes));
		trust_probe_reason(&reason, &r);
		json_array_append_new(all, json_pack("{s:o s:s s:s s:o s:o "
		    "s:o}", "root", cmd_json(str_cstr(plan->root[i].label)),
		    "sha256", plan->root[i].sha256, "belief",
		    trust_holding_name(r.holding), "confidence",
		    r.holding == TRUST_CANNOT_TELL ? json_null() :
		    json_string(trust_confidence_name(r.confidence)),
		    "method", r.method == TRUST_PROBE_METHODS ? json_null() :
		    json_string(trust_probe_method_name(r.method)),
		    "evidence", cmd_json(buf_as_str(&reason))));
	}
	return all;
}

int
probe_show_json(const struct probe_cmd *c, const struct store_probe *row,
    const struct probe_plan *plan)
{
	int64_t seconds = trust_probe_seconds(&plan->plan);
	unsigned n[TRUST_HOLDS + 1];

	count(n, plan);
	return cmd_print_json(json_pack("{s:s s:I s:o s:I s:I s:I s:I s:o "
	    "s:I s:I s:I s:o}", "device", c->name, "id",
	    (json_int_t)c->dev->row.id, "state", cmd_json(row->state),
	    "until", (json_int_t)row->until_s, "asked",
	    (json_int_t)plan->plan.asked, "connections",
	    (json_int_t)row->connections, "left",
	    (json_int_t)trust_probe_left(&plan->plan), "seconds_left",
	    seconds < 0 ? json_null() : json_integer(seconds), "holds",
	    (json_int_t)n[TRUST_HOLDS], "lacks", (json_int_t)n[TRUST_LACKS],
	    "cannot_tell", (json_int_t)n[TRUST_CANNOT_TELL], "roots",
	    roots_to_json(plan)));
}
