/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_ALERT_H
#define TLSWIRE_ALERT_H
/* tlswire/alert - names of alert descriptions and protocol versions. */
#include <stdint.h>

/* Enumerators TLS_ALERT_unknown_ca ... spelt as in the RFCs. */
enum tls_alert {
#define ALERT(number, name) TLS_ALERT_##name = number,
#include "tlswire/alert.def"
#undef ALERT
};

enum tls_version {
	TLS_VERSION_SSL2 = 0x0002,
	TLS_VERSION_SSL3 = 0x0300,
	TLS_VERSION_1_0 = 0x0301,
	TLS_VERSION_1_1 = 0x0302,
	TLS_VERSION_1_2 = 0x0303,
	TLS_VERSION_1_3 = 0x0304,
};

/* "unknown_ca", or "alert" for a number without a name; static. */
const char *tls_alert_name(uint8_t description);

/* 0x0303 -> "TLSv1.2"; "SSLv2", "SSLv3"; "unknown" otherwise; static. */
const char *tls_version_name(uint16_t version);

#endif
