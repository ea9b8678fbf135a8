/* SPDX-License-Identifier: BSD-2-Clause */
/* device/match: which profile a device's words and fingerprints mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../corpus.h"
#include "device/match.h"

static int
load(void **state)
{
	struct device_catalogue *c = NULL;
	struct buf why;
	int err;

	buf_init(&why, 1 << 16);
	err = device_catalogue_load(&c, NULL, &why);
	if (err != 0)
		print_message("%.*s", STR_FMT(buf_as_str(&why)));
	buf_fini(&why);
	*state = c;
	return err;
}

static int
unload(void **state)
{
	device_catalogue_unref(*state);
	return 0;
}

/* SIP and HTTP User-Agents of our own; NULL: no profile is to fit. */
static const struct {
	const char *agent, *profile, *model, *firmware, *mac;
} samples[] = {
	{ "Cisco/SPA502G-7.6.2", "cisco-spa50x", "SPA502G", "7.6.2", "" },
	{ "Cisco/SPA502G-7.6.2 (0002FDFF2103)(CBT1)", "cisco-spa50x",
	  "SPA502G", "7.6.2", "0002fdff2103" },
	{ "Cisco/SPA514G-7.5.7s", "cisco-spa50x", "SPA514G", "7.5.7s", "" },
	{ "Cisco/SPA525G2-7.6.2", "cisco-spa525g", "SPA525G2", "7.6.2", "" },
	{ "Cisco/SPA232D-1.3.3", "cisco-spa1xx", "SPA232D", "1.3.3", "" },
	{ "Linksys/SPA922-6.1.5", "linksys-sipura", "SPA922", "6.1.5", "" },
	{ "Cisco-CP-8851-3PCC/11.3.7 (00727826a4e1) (sip.loads)", "cisco-mpp",
	  "CP-8851-3PCC", "11.3.7", "00727826a4e1" },
	{ "Cisco-CP-7832-3PCC/11.0.1 (00562b043615)", "cisco-mpp",
	  "CP-7832-3PCC", "11.0.1", "00562b043615" },
	{ "Cisco-CP8851/12.5.1", "cisco-enterprise", "CP8851", "12.5.1", "" },
	{ "Yealink SIP-T46G 28.83.0.120", "yealink-v80", "T46G", "28.83.0.120",
	  "" },
	{ "Yealink SIP-T46G 28.72.0.1 00:15:65:4A:a9:37", "yealink-v73",
	  "T46G", "28.72.0.1", "0015654aa937" },
	{ "Yealink SIP-T58A 58.84.0.5", "yealink-t5", "T58A", "58.84.0.5",
	  "" },
	{ "PolycomVVX-VVX_400-UA/4.1.4.7430_010203040506", "polycom-vvx",
	  "VVX_400", "4.1.4.7430", "010203040506" },
	{ "FileTransport PolycomSoundPointIP-SPIP_550-UA/4.0.15.1047 "
	  "(SN:0004a11a1a1a) Type/Application", "polycom-soundpoint",
	  "SPIP_550", "4.0.15.1047", "0004a11a1a1a" },
	{ "PolycomRealPresenceTrio-Trio_8800-UA/5.4.0.12197", "poly-edge",
	  "Trio_8800", "5.4.0.12197", "" },
	{ "Grandstream Model HW GXP1405 SW 1.0.4.23 DevId 000b8240d55c",
	  "grandstream-gxp", "GXP1405", "1.0.4.23", "000b8240d55c" },
	{ "Grandstream HT818 1.0.8.7", "grandstream-ht", "HT818", "1.0.8.7",
	  "" },
	{ "Mozilla/4.0 (compatible; snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 "
	  "000413741767)", "snom", "710", "8.7.5.35", "000413741767" },
	{ "Fanvil X4 2.10.2.6887 0c383e07e16c", "fanvil", "X4",
	  "2.10.2.6887", "0c383e07e16c" },
	{ "Panasonic_KX-UT136/01.302 (0080f0c8c381)", "panasonic", "KX-UT136",
	  "01.302", "0080f0c8c381" },
	{ "OpenStage_40_V3 R5.13.0      SIP  190111", "unify",
	  "OpenStage_40", "3 R5.13.0      SIP  190111", "" },
	{ "baresip v1.1.0 (x86_64/linux)", "baresip", "baresip", "1.1.0", "" },
	/* scanners, and what only begins as a phone's does */
	{ "friendly-scanner", NULL, NULL, NULL, NULL },
	{ "Cisco/SPA502G", NULL, NULL, NULL, NULL },
	{ "xCisco/SPA502G-7.6.2", NULL, NULL, NULL, NULL },
	{ "Cisco", NULL, NULL, NULL, NULL },
	{ "*", NULL, NULL, NULL, NULL },
	{ "", NULL, NULL, NULL, NULL },
};

static void
assert_part(const char *agent, struct str s, const char *expected)
{
	if (!str_eq(s, str_cstr(expected)))
		fail_msg("%s: \"%.*s\", expected \"%s\"", agent, STR_FMT(s),
		    expected);
}

static struct device_match
match(const struct device_catalogue *c, const char *agent)
{
	struct str a = str_cstr(agent);
	struct device_clues clues = { .user_agent = a, .http_user_agent = a };
	struct device_match m;

	device_match(c, &clues, &m);
	return m;
}

static void
test_samples(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct device_match m = match(*state, samples[i].agent);

		if (samples[i].profile == NULL) {
			if (m.profile != NULL)
				fail_msg("%s: %.*s, expected none",
				    samples[i].agent, STR_FMT(m.profile->name));
			assert_int_equal(m.score, 0);
			continue;
		}
		if (m.profile == NULL)
			fail_msg("%s: none", samples[i].agent);
		assert_part(samples[i].agent, m.profile->name,
		    samples[i].profile);
		assert_part(samples[i].agent, m.parts.model,
		    samples[i].model);
		assert_part(samples[i].agent, m.parts.firmware,
		    samples[i].firmware);
		assert_part(samples[i].agent, str_cstr(m.mac), samples[i].mac);
		assert_int_equal(m.score, DEVICE_SCORE_AGENT);
	}
}

static void
test_a_fingerprint_is_a_hint(void **state)
{
	struct device_clues clues = {
		.ja4 = STR("t12d800700_ee0b5a6c69b8_cdbdbcd6f742") };
	struct device_match m;

	device_match(*state, &clues, &m);
	assert_part("ja4", m.profile->name, "linphone");
	assert_int_equal(m.score, DEVICE_SCORE_PRINT);
	assert_int_equal(m.by, DEVICE_KEY_ja4);
	/* What it says itself overrules it, and the two agree. */
	clues.user_agent = STR("Cisco/SPA502G-7.6.2");
	device_match(*state, &clues, &m);
	assert_part("both", m.profile->name, "cisco-spa50x");
	assert_int_equal(m.score, DEVICE_SCORE_AGENT);
	clues.user_agent = STR("Linphone/3.9.0 (belle-sip/1.4.2)");
	device_match(*state, &clues, &m);
	assert_part("agree", m.profile->name, "linphone");
	assert_int_equal(m.score, DEVICE_SCORE_BOTH);
	clues.ja4 = STR("t12d800700_ee0b5a6c69b8_cdbdbcd6f743");
	clues.user_agent = STR_NULL;
	device_match(*state, &clues, &m);
	assert_null(m.profile);
}

/* A request over HTTP is not held against the patterns of SIP. */
static void
test_sip_and_http_are_two(void **state)
{
	struct device_clues clues = { .user_agent =
		STR("Grandstream Model HW GXP1405 SW 1.0 DevId 000b8240d55c") };
	struct device_match m;

	device_match(*state, &clues, &m);
	assert_null(m.profile);
	clues.http_user_agent = clues.user_agent;
	clues.user_agent = STR("Grandstream GXP1405 1.0");
	device_match(*state, &clues, &m);
	assert_part("both", m.profile->name, "grandstream-gxp");
	assert_string_equal(m.mac, "000b8240d55c");
}

/* ---- the corpus ---- */

/* The digits alone: "SoundPoint IP 500" and "SPIP_500" are one. */
static void
digits(char out[64], struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < 63; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9')
			out[n++] = s.p[i];
	out[n] = '\0';
}

static const char *
text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static bool
says(struct str s, const char *word)
{
	for (size_t i = 0; i < s.n; i++)
		if (str_istarts(str_from(s, i), str_cstr(word)))
			return true;
	return false;
}

/* Whether the line's device was recognised; it must not be taken wrongly. */
static bool
check_line(const struct device_catalogue *c, json_t *o)
{
	const char *agent = text(o, "ua");
	bool sip = strcmp(text(o, "proto"), "sip") == 0;
	struct device_clues clues = {
		.user_agent = sip ? str_cstr(agent) : STR_NULL,
		.http_user_agent = sip ? STR_NULL : str_cstr(agent),
	};
	char is[64], should[64];
	struct device_match m;

	device_match(c, &clues, &m);
	if (m.profile == NULL)
		return false;
	if (!says(m.profile->vendor, text(o, "vendor")) &&
	    !says(m.profile->title, text(o, "vendor")))
		fail_msg("%s: %.*s", agent, STR_FMT(m.profile->name));
	digits(is, m.parts.model);
	digits(should, str_cstr(text(o, "model")));
	if (text(o, "model")[0] != '\0' && strcmp(is, should) != 0)
		fail_msg("%s: model %.*s", agent, STR_FMT(m.parts.model));
	if (text(o, "firmware")[0] != '\0')
		assert_part(agent, m.parts.firmware, text(o, "firmware"));
	/* Of Aastra's "MAC:00-08-..." the label has the "AC" as well. */
	if (text(o, "mac")[0] != '\0' && !says(m.profile->title, "Aastra"))
		assert_part(agent, str_cstr(m.mac), text(o, "mac"));
	return true;
}

static void
test_corpus_of_user_agents(void **state)
{
	char path[4096];
	size_t n;
	char *all = corpus_read(corpus_path(path, "user_agents.jsonl"), &n);
	struct str rest = str_of(all, n);
	unsigned lines = 0, known = 0;

	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		json_t *o;

		if (line.n == 0)
			continue;
		o = json_loadb(line.p, line.n, 0, NULL);
		assert_non_null(o);
		lines++;
		known += check_line(*state, o);
		json_decref(o);
	}
	free(all);
	print_message("%u of %u User-Agents have a profile\n", known, lines);
	/* The others are softphones, gateways and makers without one. */
	assert_true(known * 100 >= lines * 70);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_a_fingerprint_is_a_hint),
		cmocka_unit_test(test_sip_and_http_are_two),
		cmocka_unit_test(test_corpus_of_user_agents),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
