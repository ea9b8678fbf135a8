/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/stack.h"

#include "tlswire/alert.h"

#define F(name) (1u << TRUST_FAULT_##name)

/* No path to a root that it holds, or that it follows so far. */
#define PATH                                                                   \
	(F(ROOT) | F(INCOMPLETE) | F(SELF_SIGNED) | F(ORDER) | F(TOO_LONG))
/* Something in the certificates themselves. */
#define ODD                                                                    \
	(F(NO_ALT_NAME) | F(CRITICAL) | F(USAGE) | F(ISSUER))
#define ALL  ((1u << TRUST_FAULTS) - 1)

#define SAYS(alert, faults) { TLS_ALERT_##alert, faults }
#define HANGS_UP(faults)    { TRUST_SAYS_NOTHING, faults }
#define END                 { TRUST_SAYS_END, 0 }
#define ORDER(...)          { __VA_ARGS__ }

#define ROOT       TRUST_FAULT_ROOT
#define INCOMPLETE TRUST_FAULT_INCOMPLETE
#define SELF       TRUST_FAULT_SELF_SIGNED
#define NAME       TRUST_FAULT_NAME
#define EXPIRED    TRUST_FAULT_EXPIRED
#define TOO_NEW    TRUST_FAULT_TOO_NEW
#define PURPOSE    TRUST_FAULT_PURPOSE
#define BAD_SIG    TRUST_FAULT_BAD_SIGNATURE

/*
 * The codes as their RFCs mean them, widened to what is measured of any stack
 * (facts/alerts 2, 5.1).
 */
const struct trust_stack trust_stack_any = {
	.name = "",
	.reaction = {
		SAYS(unknown_ca, PATH | F(BAD_SIGNATURE) | F(LEAF_IS_CA) |
		    F(ISSUER)),
		SAYS(certificate_expired, F(EXPIRED) | F(TOO_NEW)),
		SAYS(bad_certificate, ALL & ~F(KEY_MISMATCH)),
		SAYS(certificate_unknown, PATH | F(NAME) | F(TOO_NEW) |
		    F(PURPOSE) | F(WEAK_SIGNATURE) | F(LEAF_IS_CA) |
		    F(KEY_TYPE) | ODD),
		SAYS(unsupported_certificate, F(PURPOSE) | F(WEAK_KEY) |
		    F(LEAF_IS_CA) | F(WEAK_SIGNATURE) | F(KEY_TYPE) |
		    F(CRITICAL) | F(USAGE)),
		SAYS(certificate_revoked, F(STAPLE)),
		SAYS(bad_certificate_status_response, F(STAPLE)),
		SAYS(decrypt_error, F(BAD_SIGNATURE) | F(KEY_MISMATCH) |
		    F(WEAK_SIGNATURE) | F(WEAK_KEY)),
		SAYS(handshake_failure, ALL),
		SAYS(internal_error, F(LEAF_IS_CA) | F(KEY_MISMATCH)),
		HANGS_UP(ALL),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, NAME, EXPIRED, TOO_NEW),
};

/* X509_verify_cert(): path, extensions, strength, name, signatures, dates. */
#define OPENSSL_SAYS                                                           \
	SAYS(unknown_ca, PATH | F(ISSUER)),                                    \
	SAYS(decrypt_error, F(BAD_SIGNATURE) | F(KEY_MISMATCH)),               \
	SAYS(certificate_expired, F(EXPIRED)),                                 \
	SAYS(bad_certificate, F(TOO_NEW) | F(NAME) | F(WEAK_SIGNATURE) |       \
	    F(WEAK_KEY) | F(KEY_TYPE)),                                        \
	SAYS(unsupported_certificate, F(PURPOSE) | F(LEAF_IS_CA) |             \
	    F(KEY_TYPE) | F(USAGE)),                                           \
	SAYS(certificate_unknown, F(CRITICAL) | F(ISSUER)),                    \
	SAYS(certificate_revoked, F(STAPLE))
#define OPENSSL_ORDER                                                          \
	ORDER(ROOT, INCOMPLETE, SELF, PURPOSE, TRUST_FAULT_WEAK_SIGNATURE,     \
	    TRUST_FAULT_WEAK_KEY, NAME, BAD_SIG, TOO_NEW, EXPIRED)

static const struct trust_stack openssl = {
	.name = "OpenSSL",
	.reaction = { OPENSSL_SAYS, END },
	.order = OPENSSL_ORDER,
};

/*
 * A program that lets OpenSSL finish the handshake, judges the chain itself
 * and then hangs up; with the same hello others say what OpenSSL says.
 */
static const struct trust_stack late = {
	.name = "pjsip or Node",
	.reaction = { OPENSSL_SAYS, HANGS_UP(ALL), END },
	.order = OPENSSL_ORDER,
};

static const struct trust_stack wolfssl = {
	.name = "wolfSSL",
	.reaction = {
		SAYS(unknown_ca, F(ROOT) | F(INCOMPLETE) | F(ORDER) |
		    F(TOO_LONG)),
		SAYS(bad_certificate, F(BAD_SIGNATURE) | F(NAME) | F(PURPOSE) |
		    F(SELF_SIGNED)),
		SAYS(certificate_expired, F(TOO_NEW) | F(EXPIRED)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		SAYS(handshake_failure, F(KEY_MISMATCH)),
		HANGS_UP(F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, BAD_SIG, TOO_NEW, EXPIRED, NAME),
};

/* A wrong name hides a wrong date, a wrong date an unknown root. */
static const struct trust_stack mbedtls = {
	.name = "mbedTLS",
	.reaction = {
		SAYS(unknown_ca, PATH | F(BAD_SIGNATURE)),
		SAYS(certificate_expired, F(EXPIRED)),
		SAYS(certificate_unknown, F(TOO_NEW) | F(WEAK_SIGNATURE)),
		SAYS(bad_certificate, F(NAME)),
		SAYS(unsupported_certificate, F(PURPOSE) | F(WEAK_KEY) |
		    F(LEAF_IS_CA) | F(KEY_TYPE)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(NAME, EXPIRED, PURPOSE, ROOT, INCOMPLETE, SELF, BAD_SIG,
	    TOO_NEW),
};

static const struct trust_stack matrixssl = {
	.name = "MatrixSSL",
	.reaction = {
		SAYS(unknown_ca, PATH | F(BAD_SIGNATURE)),
		SAYS(certificate_expired, F(TOO_NEW) | F(EXPIRED)),
		SAYS(certificate_unknown, F(NAME) | F(LEAF_IS_CA)),
		SAYS(bad_certificate, F(BAD_SIGNATURE) | F(LEAF_IS_CA)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, TOO_NEW, EXPIRED, NAME),
};

/* One code for everything, or, as most programs use it, none. */
static const struct trust_stack gnutls = {
	.name = "GnuTLS",
	.reaction = {
		SAYS(bad_certificate, ALL & ~F(KEY_MISMATCH) & ~F(LEAF_IS_CA)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		HANGS_UP(ALL & ~F(LEAF_IS_CA)),
		{ TRUST_SAYS_CLOSED, ALL },
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, NAME, TOO_NEW, EXPIRED),
};

/* Stops reading at Certificate and hangs up: no alert at all. */
static const struct trust_stack silent = {
	.name = "BearSSL or PolarSSL",
	.reaction = {
		HANGS_UP(ALL & ~F(PURPOSE) & ~F(WEAK_KEY) &
		    ~F(WEAK_SIGNATURE) & ~F(KEY_MISMATCH) & ~F(LEAF_IS_CA)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, NAME, TOO_NEW, EXPIRED),
};

static const struct trust_stack nss = {
	.name = "NSS",
	.reaction = {
		SAYS(certificate_expired, F(TOO_NEW) | F(EXPIRED)),
		SAYS(unknown_ca, F(ROOT) | F(INCOMPLETE) | F(ORDER) |
		    F(TOO_LONG) | F(EXPIRED)),
		SAYS(bad_certificate, F(BAD_SIGNATURE) | F(NAME) |
		    F(SELF_SIGNED)),
		SAYS(certificate_unknown, F(PURPOSE) | F(ROOT)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(TOO_NEW, EXPIRED, ROOT, INCOMPLETE, SELF, BAD_SIG,
	    NAME),
};

static const struct trust_stack jsse = {
	.name = "JSSE",
	.reaction = {
		SAYS(certificate_unknown, PATH | F(NAME) | F(PURPOSE)),
		SAYS(bad_certificate, F(BAD_SIGNATURE) | F(TOO_NEW)),
		SAYS(certificate_expired, F(EXPIRED)),
		SAYS(handshake_failure, F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, BAD_SIG, TOO_NEW, EXPIRED, NAME),
};

/* BouncyCastle's JSSE 1.72: one code for everything. */
static const struct trust_stack bouncy = {
	.name = "BouncyCastle",
	.reaction = {
		SAYS(certificate_unknown, ALL & ~F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, EXPIRED, TOO_NEW, NAME),
};

static const struct trust_stack go = {
	.name = "Go",
	.reaction = {
		SAYS(bad_certificate, ALL & ~F(KEY_MISMATCH)),
		SAYS(decrypt_error, F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, NAME, EXPIRED, TOO_NEW),
};

/*
 * rustls 0.23 with webpki (Deno 2.9), measured as facts/alerts has the others:
 * what it cannot compute is a wrong signature to it.
 */
static const struct trust_stack rustls = {
	.name = "rustls",
	.reaction = {
		SAYS(unknown_ca, PATH),
		SAYS(bad_certificate, F(NAME) | F(NO_ALT_NAME)),
		SAYS(certificate_expired, F(TOO_NEW) | F(EXPIRED)),
		SAYS(unsupported_certificate, F(PURPOSE)),
		SAYS(certificate_unknown, F(CRITICAL) | F(ISSUER) |
		    F(LEAF_IS_CA)),
		SAYS(decrypt_error, F(BAD_SIGNATURE) | F(WEAK_SIGNATURE) |
		    F(WEAK_KEY) | F(KEY_MISMATCH)),
		END,
	},
	.order = ORDER(EXPIRED, TOO_NEW, ROOT, INCOMPLETE, SELF, NAME,
	    BAD_SIG),
};

/* Erlang/OTP 25: 40 for what its own check of a certificate does not like. */
static const struct trust_stack erlang = {
	.name = "Erlang",
	.reaction = {
		SAYS(unknown_ca, PATH & ~F(SELF_SIGNED)),
		SAYS(bad_certificate, F(SELF_SIGNED) | F(BAD_SIGNATURE) |
		    F(ISSUER)),
		SAYS(certificate_expired, F(TOO_NEW) | F(EXPIRED)),
		SAYS(unsupported_certificate, F(CRITICAL)),
		SAYS(handshake_failure, F(NAME) | F(PURPOSE) | F(ISSUER) |
		    F(KEY_TYPE)),
		END,
	},
	.order = ORDER(ROOT, INCOMPLETE, SELF, BAD_SIG, EXPIRED, TOO_NEW,
	    NAME),
};

/*
 * JA4 b (suites) and c (extensions, signature algorithms), facts/alerts 7 and
 * its CSV.  NULL: any; more exact rows first.
 */
static const struct print {
	const char *b, *c;
	const struct trust_stack *stack;
} prints[] = {
	{ "a33745022dd6", "1f22a2ca17c4", &late },     /* Node 20           */
	{ "c491f621fb4c", "195413a0cc0f", &late },
	{ "d943125447b4", "e7e480e5a997", &late },     /* pjsua, Asterisk 16 */
	{ "5d04281c6031", "25d8bb11352d", &late },     /* Bun 1.4           */
	{ "78ff622567f0", "cdbdbcd6f742", &mbedtls },
	{ "78ff622567f0", "6e561896c42d", &mbedtls },
	{ "ee0b5a6c69b8", NULL, &mbedtls },            /* 2.28, linphone    */
	{ "0c0515f0dee4", NULL, &mbedtls },            /* 2.16              */
	{ "85781606486d", NULL, &mbedtls },            /* 3.6               */
	{ "e15af7bc6349", NULL, &mbedtls },            /* 2.28, TLS 1.0     */
	{ "55b375c5d22e", "289bc5731832", &matrixssl },
	{ "051fb07a0855", NULL, &gnutls },
	{ "854c7279b34d", NULL, &gnutls },
	{ "723694b0fccc", NULL, &gnutls },
	{ "43b9d95bf51a", NULL, &silent },             /* BearSSL 0.6       */
	{ "95f97f35c809", NULL, &silent },             /* PolarSSL 1.2      */
	{ "948423e5275c", NULL, &nss },
	{ "0849908bd344", NULL, &nss },
	{ "1d947a95fc68", NULL, &jsse },
	{ "8f3dcbce23eb", NULL, &jsse },
	{ "db35923f8641", "c54afcc0a834", &bouncy },   /* on 17.0.15        */
	{ "db35923f8641", NULL, &jsse },               /* 17.0.15           */
	{ "9dc949149365", NULL, &go },
	{ "61a7ad8aa9b6", NULL, &rustls },             /* 0.23              */
	{ "fb133944d0cd", NULL, &erlang },             /* OTP 25            */
	{ "68b42a500d9a", NULL, &wolfssl },            /* 5.5               */
	{ "16ef3715b6e5", NULL, &wolfssl },            /* 4.6               */
	{ "a61bc9e66fd3", NULL, &wolfssl },            /* 5.7               */
	{ "e8f1e7e78f70", NULL, &openssl },            /* 1.1.1, 3.0        */
	{ "1d37bd780c83", NULL, &openssl },            /* 3.5               */
	{ "b202fa15e46a", NULL, &openssl },            /* 1.0.2             */
	{ "00a40d0492ae", NULL, &openssl },            /* 1.0.1             */
	{ "e91ed181b052", NULL, &openssl },            /* 0.9.8             */
	{ "44099cda8a52", NULL, &openssl },            /* 3.x, TLS 1.0      */
	{ "c59755359684", NULL, &openssl },            /* 1.1.1, TLS 1.0    */
	/* A program's own choice of suites: the extensions name the library. */
	{ NULL, "0f2d7afe6961", &silent },
	{ NULL, "914363f97992", &silent },
	{ NULL, "f8a36b20a605", &gnutls },
	{ NULL, "577ffa9d9a5c", &gnutls },
	{ NULL, "2cc26d266019", &gnutls },
	{ NULL, "7e1102d2036b", &jsse },
	{ NULL, "ddcc4a856434", &jsse },
	{ NULL, "7c76daad20ec", &jsse },
	{ NULL, "cdbdbcd6f742", &mbedtls },
	{ NULL, "7b0ba9b4cf08", &mbedtls },
	{ NULL, "6e561896c42d", &mbedtls },
	{ NULL, "496733ea6893", &nss },
	{ NULL, "a1e935682795", &openssl },
	{ NULL, "1f22a2ca17c4", &openssl },
	{ NULL, "ecd0401ec68b", &openssl },
	{ NULL, "d41ae481755e", &openssl },            /* Python            */
	{ NULL, "e78b541c01a9", &openssl },
	{ NULL, "e7e480e5a997", &openssl },
	{ NULL, "28b4886dc754", &openssl },
	{ NULL, "36cef8aed422", &openssl },
	{ NULL, "bcf9c9146425", &wolfssl },
	{ NULL, "6319b1eef77a", &wolfssl },
	{ NULL, "e7edf58868bf", &wolfssl },
	{ NULL, "97f8aa674fd9", &go },
	{ NULL, "f9531d972513", &rustls },
	{ NULL, "188bc74aacc5", &erlang },
};

const struct trust_stack *
trust_stack_of(const struct trust_evidence *e)
{
	struct str rest = str_cstr(e->ja4);
	struct str b, c;

	str_cut(&rest, '_');
	b = str_cut(&rest, '_');
	c = rest;
	if (c.n == 0)
		return &trust_stack_any;
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		const struct print *p = &prints[i];

		if ((p->b == NULL || str_eq(b, str_cstr(p->b))) &&
		    (p->c == NULL || str_eq(c, str_cstr(p->c))))
			return p->stack;
	}
	return &trust_stack_any;
}

uint32_t
trust_stack_faults(const struct trust_stack *s, uint16_t says)
{
	const struct trust_reaction *r = s->reaction;
	uint32_t all = 0;

	for (; r->says != TRUST_SAYS_END && r->says != says; r++)
		if (r->says < TRUST_SAYS_NOTHING)
			all |= r->faults;
	return says == TRUST_SAYS_HIDDEN ? all : r->faults;
}

enum trust_fault
trust_stack_first(const struct trust_stack *s, uint32_t mask)
{
	for (size_t i = 0; i < TRUST_FAULTS; i++) {
		if (i > 0 && s->order[i] == 0 && s->order[i - 1] == 0)
			break;
		if ((mask & 1u << s->order[i]) != 0)
			return (enum trust_fault)s->order[i];
	}
	for (int f = 0; f < TRUST_FAULTS; f++)
		if ((mask & 1u << f) != 0)
			return (enum trust_fault)f;
	return TRUST_FAULT_ROOT;
}
