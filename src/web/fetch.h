/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEB_FETCH_H
#define WEB_FETCH_H
/*
 * web/fetch - which device fetched which CA file, told in one line:
 *
 *     ca-fetched device="Cisco/SPA502G-7.6.2" id=000e08aabbcc
 *       peer=192.0.2.7:1025 file=/ca.pem root="siptrust CA example.com"
 *       user_agent="Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT1)"
 *
 * and to edge/devices, which then presents that root's chain next.  The device
 * is the one of the address; its id is in the URL, else in the User-Agent.
 */
#include "base/addr.h"
#include "http/request.h"

struct devices;

struct fetch_party {
	struct devices *devices;     /* NULL: not kept */
};

struct fetch;

/*
 * root is "" for settings that hold no certificate: "settings-fetched" is then
 * the word.  NULL on lack of memory: then it is not told, but served.
 */
struct fetch *fetch_new(const struct http_request *q, const struct addr *peer,
    const char *id, const char *root);

/* It has ended: says so, and frees f.  status as answered. */
void fetch_done(struct fetch *f, const struct fetch_party *p, unsigned status,
    bool complete);

/*
 * Nothing is there: a line as well, for a URL with a slip in it leaves a phone
 * without its CA.  At most FETCH_LINES in FETCH_WINDOW_S, the rest is counted.
 */
#define FETCH_LINES    20
#define FETCH_WINDOW_S 10
struct fetch_misses {
	uint64_t since_ms;
	unsigned lines, held;
};
void fetch_missed(struct fetch_misses *m, const struct http_request *q,
    const struct addr *peer, const struct fetch_party *p);

#endif
