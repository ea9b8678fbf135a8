/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_SHOW_H
#define CA_SHOW_H
/*
 * ca/show - what a certificate says, as plain values to print.
 */
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CA_SHOW_TEXT 4096

struct ca_shown {
	char subject[256], issuer[256];  /* RFC 2253 form                  */
	char serial[64];
	char sha256[96], sha1[64];       /* "AB:CD:..."                    */
	char key[32];                    /* "RSA 2048", "EC P-256"         */
	char names[CA_SHOW_TEXT];        /* one a line: "example.com"      */
	char permitted[CA_SHOW_TEXT];    /* nameConstraints, one a line    */
	int64_t not_before_s, not_after_s;
	bool any_name, any_address;      /* constraints that leave these   */
	bool ca, self_signed;
};

/* The first certificate of a PEM file. */
MUSTCHECK int ca_show(struct ca_shown *out, const char *path,
    struct buf *why);

#endif
