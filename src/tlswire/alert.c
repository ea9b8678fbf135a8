/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlswire/alert.h"

const char *
tls_alert_name(uint8_t description)
{
	switch (description) {
#define ALERT(number, name)                                                    \
	case number:                                                           \
		return #name;
#include "tlswire/alert.def"
#undef ALERT
	default:
		return "alert";
	}
}

const char *
tls_version_name(uint16_t version)
{
	switch (version) {
	case TLS_VERSION_SSL2:
		return "SSLv2";
	case TLS_VERSION_SSL3:
		return "SSLv3";
	case TLS_VERSION_1_0:
		return "TLSv1.0";
	case TLS_VERSION_1_1:
		return "TLSv1.1";
	case TLS_VERSION_1_2:
		return "TLSv1.2";
	case TLS_VERSION_1_3:
		return "TLSv1.3";
	default:
		return "unknown";
	}
}
