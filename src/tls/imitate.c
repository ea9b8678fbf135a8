/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/imitate.h"

#include "tlswire/alert.h"

static void
assume(struct buf *assumed, const char *what)
{
	buf_printf(assumed, "%s%s", assumed->n > 0 ? ", " : "", what);
}

static bool
answer(enum device_answer a, bool otherwise, const char *what,
    struct buf *assumed)
{
	if (a == DEVICE_UNKNOWN)
		assume(assumed, what);
	return a == DEVICE_UNKNOWN ? otherwise : a == DEVICE_YES;
}

static void
set_versions(struct tls_look *l, const struct device_profile *p,
    struct buf *assumed)
{
	l->min_version = p->tls_min != 0 ? p->tls_min : TLS_VERSION_1_0;
	l->max_version = p->tls_max != 0 ? p->tls_max : TLS_VERSION_1_2;
	if (p->tls_min == 0 || p->tls_max == 0) {
		buf_printf(assumed, "%s%s to ", assumed->n > 0 ? ", " : "",
		    tls_version_name(l->min_version));
		buf_puts(assumed, tls_version_name(l->max_version));
	}
	l->modern = l->max_version >= TLS_VERSION_1_3;
}

/* What OpenSSL offers, without the suites for other certificates than RSA. */
static const uint16_t rsa_suites[] = { 0x1302, 0x1303, 0x1301, 0xc030,
	0x009f, 0xc02f, 0x009e, 0xc028, 0x006b, 0xc027, 0x0067, 0xc014, 0x0039,
	0xc013, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f };

static void
set_suites(struct tls_look *l, const struct device_profile *p,
    struct buf *assumed)
{
	bool rsa_alone = p->key_types == DEVICE_BIT(DEVICE_RSA);
	const uint16_t *v = rsa_alone ? rsa_suites : p->cipher;
	unsigned n = rsa_alone ? ARRAY_LEN(rsa_suites) : 0;

	if (p->ncipher > 0) {
		v = p->cipher;
		n = p->ncipher < TLS_LOOK_LIST_MAX ? p->ncipher :
		    TLS_LOOK_LIST_MAX;
	} else {
		assume(assumed, "OpenSSL's cipher suites");
	}
	memcpy(l->suites.v, v, n * sizeof(l->suites.v[0]));
	l->suites.n = n;
}

static uint16_t
alert_named(struct str name)
{
	for (int code = 1; code < 256; code++) {
		const char *known = tls_alert_name((uint8_t)code);

		if (strcmp(known, "alert") != 0 &&
		    str_starts(name, str_cstr(known)))
			return (uint16_t)code;
	}
	return TLS_SAYS_PASS;
}

static void
set_manner(struct tls_look *l, const struct device_profile *p,
    struct buf *assumed)
{
	bool silent = str_istarts(p->refusal, STR("silent"));
	char stack[64];
	const struct tls_manner *manner;
	uint16_t says = alert_named(p->refusal);

	str_copy(stack, sizeof(stack), p->stack);
	manner = tls_manner_find(stack);
	/* OpenSSL always sends an alert: who is silent with it judges late. */
	if (silent && manner == tls_manner(TLS_MANNER_OPENSSL))
		manner = tls_manner(TLS_MANNER_PJSIP);
	if (manner != NULL)
		l->manner = *manner;
	if (silent)
		tls_manner_says(&l->manner, TRUST_SAYS_NOTHING);
	else if (says != TLS_SAYS_PASS && manner == NULL)
		tls_manner_says(&l->manner, says);
	else if (says != TLS_SAYS_PASS)
		/* What is known of its refusals is about unknown roots. */
		l->manner.says[TRUST_FAULT_ROOT] =
		    l->manner.says[TRUST_FAULT_INCOMPLETE] = says;
	else if (manner == NULL)
		assume(assumed, "refuses as OpenSSL does");
	l->old_paths = str_istarts(p->stack, STR("OpenSSL 0.")) ||
	    str_istarts(p->stack, STR("OpenSSL 1.0"));
}

void
tls_imitate(struct tls_look *l, const struct device_profile *p,
    struct buf *assumed)
{
	tls_look_init(l);
	set_versions(l, p, assumed);
	set_suites(l, p, assumed);
	l->server_name = answer(p->sni, l->modern, l->modern ? "sends SNI" :
	    "sends no SNI", assumed);
	l->checks_chain = answer(p->checks_chain, true, "checks the chain",
	    assumed);
	/* An unchecked chain makes every other check void. */
	l->checks_name = l->checks_chain && answer(p->checks_name, false,
	    "does not check the name", assumed);
	l->checks_dates = l->checks_chain && answer(p->checks_dates, true,
	    "checks the dates", assumed);
	l->depth_max = p->chain_depth;
	l->rsa_max_bits = p->rsa_max_bits;
	l->no_sha2 = p->sha2 == DEVICE_NO;
	set_manner(l, p, assumed);
}
