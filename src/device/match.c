/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/match.h"

/* How much the best pattern of these names; 0: none fits. */
static unsigned
best_fit(struct device_facts patterns, struct str agent,
    struct device_parts *out)
{
	unsigned best = 0;

	for (unsigned i = 0; i < patterns.n; i++) {
		struct device_parts parts;
		unsigned fit = device_pattern_fit(patterns.v[i].value, agent,
		    &parts);

		if (fit > best) {
			best = fit;
			*out = parts;
		}
	}
	return best;
}

static bool
is_listed(struct device_facts prints, struct str print)
{
	for (unsigned i = 0; print.n > 0 && i < prints.n; i++)
		if (str_eq(prints.v[i].value, print))
			return true;
	return false;
}

/* "00:15:65:4A:A9:37" -> "0015654aa937"; anything else leaves out alone. */
static void
read_mac(struct str text, char out[13])
{
	char digits[12];
	uint8_t bytes[6];
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ':' || text.p[i] == '-')
			continue;
		if (n == sizeof(digits))
			return;
		digits[n++] = text.p[i];
	}
	if (n == sizeof(digits) &&
	    str_unhex(bytes, sizeof(bytes), str_of(digits, n)))
		str_hex(out, bytes, sizeof(bytes));
}

struct fit {
	struct device_match m;
	unsigned literals;
};

static void
fit_profile(const struct device_profile *p, const struct device_clues *c,
    struct fit *f)
{
	unsigned sip, http;
	struct device_parts parts;
	bool print;

	*f = (struct fit) { .m.profile = p };
	sip = best_fit(p->user_agent, c->user_agent, &f->m.parts);
	http = best_fit(p->http_user_agent, c->http_user_agent, &parts);
	f->m.by = DEVICE_KEY_user_agent;
	if (http > sip) {
		f->m.by = DEVICE_KEY_http_user_agent;
		f->m.parts = parts;
	}
	read_mac(f->m.parts.mac, f->m.mac);
	if (f->m.mac[0] == '\0' && http > 0)
		read_mac(parts.mac, f->m.mac);
	f->literals = sip > http ? sip : http;
	print = is_listed(p->ja4, c->ja4) || is_listed(p->ja3, c->ja3);
	if (f->literals > 0)
		f->m.score = print ? DEVICE_SCORE_BOTH : DEVICE_SCORE_AGENT;
	else if (print)
		f->m.score = DEVICE_SCORE_PRINT;
	if (f->literals == 0)
		f->m.by = is_listed(p->ja4, c->ja4) ? DEVICE_KEY_ja4 :
		    DEVICE_KEY_ja3;
}

void
device_match(const struct device_catalogue *c,
    const struct device_clues *clues, struct device_match *out)
{
	struct fit best = { .m = { .profile = NULL } };

	for (size_t i = 0; i < device_catalogue_count(c); i++) {
		struct fit f;

		fit_profile(device_catalogue_at(c, i), clues, &f);
		if (f.m.score > best.m.score || (f.m.score > 0 &&
		    f.m.score == best.m.score && f.literals > best.literals))
			best = f;
	}
	*out = best.m;
}
