/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEB_PATH_H
#define WEB_PATH_H
/*
 * web/path - what a phone asks for, from the path of its URL.
 *
 *     /ca.pem /ca.der                 our CA
 *     /roots/NAME.pem /roots/NAME.der a public root
 *     /roots/NAME+NAME.pem            several in one file; "ca" is our own
 *     /PROFILE-ca.cfg (.xml)          our CA in the form that goes into the
 *                                     configuration of such a phone
 *     /d/ID/...                       the same, for the device with this MAC
 *                                     address or account
 *
 * Names are looked up in tables: no path ever reaches a file system.  Pure.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define WEB_ID_MAX   64
#define WEB_NAME_MAX 191

enum web_document { WEB_CA, WEB_ROOT, WEB_SETTINGS };
enum web_form { WEB_PEM, WEB_DER, WEB_CFG, WEB_XML };

struct web_path {
	enum web_document document;
	enum web_form form;
	char name[WEB_NAME_MAX + 1]; /* of the root or profile              */
	char id[WEB_ID_MAX + 1];     /* "": none; a MAC address as 12 digits,
	                                lower case                          */
};

/* path as in the request, %XX and all.  0, or E_ABSENT: no such document. */
MUSTCHECK int web_path_parse(struct web_path *out, struct str path);

/*
 * A MAC address as 12 lower-case digits from "00:0E:08:AA:BB:CC",
 * "00-0e-08-aa-bb-cc" or "000E08AABBCC"; false: it is none.
 */
bool web_mac(char out[13], struct str text);

#endif
