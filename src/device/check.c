/* SPDX-License-Identifier: BSD-2-Clause */
/* What only a whole profile can be wrong in. */
#include "device/device_int.h"

static bool
contains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_starts(str_from(s, i), part))
			return true;
	return false;
}

static bool
any_contains(struct device_facts facts, struct str part)
{
	for (unsigned i = 0; i < facts.n; i++)
		if (contains(facts.v[i].value, part))
			return true;
	return false;
}

static void
check_identity(const struct device_profile *p, struct buf *why)
{
	if (p->name.n == 0)
		buf_puts(why, "no name: expected \"name = ...\"\n");
	if (p->vendor.n == 0)
		buf_puts(why, "no vendor: expected \"vendor = ...\"\n");
	if (p->title.n == 0)
		buf_puts(why, "no title: expected \"title = ...\"\n");
	if (p->user_agent.n + p->http_user_agent.n + p->ja3.n + p->ja4.n == 0)
		buf_puts(why, "nothing to recognise the phone by: expected "
		    "user_agent, http_user_agent, ja3 or ja4\n");
}

static void
check_tls(const struct device_profile *p, struct buf *why)
{
	if (p->tls_min != 0 && p->tls_max != 0 && p->tls_min > p->tls_max)
		buf_puts(why, "tls_min is above tls_max\n");
	if (p->rsa_max_bits != 0 && p->key_types != 0 &&
	    !device_has(p->key_types, DEVICE_RSA))
		buf_puts(why, "rsa_max_bits, but key_types has no rsa\n");
	if (p->roots_count != 0 && p->roots_count < p->root.n)
		buf_printf(why, "%u lines of root, but roots_count is %u\n",
		    p->root.n, (unsigned)p->roots_count);
	if (p->roots_complete == DEVICE_YES && p->roots_count != 0 &&
	    p->roots_count != p->root.n)
		buf_printf(why, "roots_complete, but %u lines of root and "
		    "roots_count %u\n", p->root.n, (unsigned)p->roots_count);
}

/* The lines of a setting carry what the way of the CA needs. */
static void
check_setting(const struct device_profile *p, struct buf *why)
{
	bool by_name = any_contains(p->setting, STR("{url}")) ||
	    any_contains(p->setting, STR("{file}"));
	bool whole = any_contains(p->setting, STR("{pem")) ||
	    any_contains(p->setting, STR("{base64}"));

	if (p->setting.n + p->tls_setting.n > 0 && p->config_syntax == 0)
		buf_puts(why, "setting: expected config_syntax as well\n");
	switch (p->ca_way) {
	case DEVICE_CA_URL:
	case DEVICE_CA_FILE:
		if (!by_name)
			buf_puts(why, "ca_way is url or file: expected {url} "
			    "or {file} in a line of setting\n");
		break;
	case DEVICE_CA_INLINE:
		if (!whole)
			buf_puts(why, "ca_way is inline: expected {pem}, "
			    "{pem_xml} or {base64} in a line of setting\n");
		break;
	default:
		if (by_name || whole)
			buf_puts(why, "setting installs a CA: expected ca_way "
			    "url, file or inline\n");
	}
}

static void
check_ca(const struct device_profile *p, struct buf *why)
{
	check_setting(p, why);
	if (p->ca_way == DEVICE_CA_NONE && (p->ca_parameter.n > 0 ||
	    p->ca_format != 0 || p->ca_when != 0))
		buf_puts(why, "ca_way is none: expected no ca_parameter, "
		    "ca_format or ca_when\n");
	if (p->ca_way == DEVICE_CA_URL && p->ca_parameter.n == 0)
		buf_puts(why, "ca_way is url: expected ca_parameter\n");
	if (any_contains(p->setting, STR("{base64}")) && p->ca_format != 0 &&
	    !device_has(p->ca_format, DEVICE_DER))
		buf_puts(why, "{base64} is DER, but ca_format has no der\n");
}

void
device_profile_check(const struct device_profile *p, struct buf *why)
{
	check_identity(p, why);
	check_tls(p, why);
	check_ca(p, why);
}
