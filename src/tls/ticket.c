/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/ticket.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"

#define HOUR_S    3600
#define NAME_LEN  16
#define ID_LEN    8   /* the second half of the name; the first is the hour */
#define SLOTS     8   /* keys kept derived */

/* Derived in one piece, in this order. */
struct derived {
	uint8_t id[ID_LEN];
	uint8_t cipher[32];
	uint8_t mac[32];
};

struct key {
	int64_t hour; /* a clock that was never set has hour 0 */
	bool is_set;
	struct derived d;
};

struct tls_ticket {
	pthread_mutex_t lock; /* held for the copy of a key, or to derive one */
	uint8_t secret[32];
	int64_t hours; /* that a ticket lives, rounded up */
	EVP_CIPHER *cipher;
	struct key slot[SLOTS];
};

int
tls_ticket_new(struct tls_ticket **out, const uint8_t *secret, int lifetime_s)
{
	struct tls_ticket *t;
	int rc = digest_setup();

	if (rc != 0)
		return rc;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	/* Fetched once: a fetch at each ticket costs more than AES. */
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (t->cipher == NULL) {
		free(t);
		return E_CRYPTO;
	}
	if (pthread_mutex_init(&t->lock, NULL) != 0) {
		EVP_CIPHER_free(t->cipher);
		free(t);
		return -ENOMEM;
	}
	memcpy(t->secret, secret, sizeof(t->secret));
	t->hours = (lifetime_s + HOUR_S - 1) / HOUR_S;
	*out = t;
	return 0;
}

void
tls_ticket_free(struct tls_ticket *t)
{
	if (t == NULL)
		return;
	EVP_CIPHER_free(t->cipher);
	pthread_mutex_destroy(&t->lock);
	digest_wipe(t, sizeof(*t));
	free(t);
}

static void
put_hour(uint8_t out[8], int64_t hour)
{
	for (int i = 7; i >= 0; i--) {
		out[i] = (uint8_t)hour;
		hour >>= 8;
	}
}

static int64_t
get_hour(const uint8_t in[8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | in[i];
	return v <= INT64_MAX ? (int64_t)v : -1;
}

static void
derive(struct derived *out, const struct tls_ticket *t, int64_t hour)
{
	uint8_t info[14] = { 't', 'i', 'c', 'k', 'e', 't' };

	put_hour(info + 6, hour);
	digest_hkdf(str_of((const char *)t->secret, sizeof(t->secret)),
	    str_of((const char *)info, sizeof(info)), out, sizeof(*out));
}

static void
key_of_hour(struct tls_ticket *t, int64_t hour, struct derived *out)
{
	struct key *k = &t->slot[(uint64_t)hour % SLOTS];

	pthread_mutex_lock(&t->lock);
	if (!k->is_set || k->hour != hour) {
		derive(&k->d, t, hour);
		k->hour = hour;
		k->is_set = true;
	}
	*out = k->d;
	pthread_mutex_unlock(&t->lock);
}

static bool
set_mac(EVP_MAC_CTX *mac, struct derived *d)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, d->mac,
		    sizeof(d->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    (char[]) { "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int
seal(struct tls_ticket *t, unsigned char name[16], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	int64_t hour = clock_wall_s() / HOUR_S;
	struct derived d;
	bool ok;

	key_of_hour(t, hour, &d);
	put_hour(name, hour);
	memcpy(name + 8, d.id, ID_LEN);
	ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) == 1 &&
	    EVP_EncryptInit_ex2(cipher, t->cipher, d.cipher, iv, NULL) == 1 &&
	    set_mac(mac, &d);
	digest_wipe(&d, sizeof(d));
	return ok ? 1 : 0; /* 0: no ticket this time */
}

static int
unseal(struct tls_ticket *t, const unsigned char name[16],
    const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	int64_t now = clock_wall_s() / HOUR_S, hour = get_hour(name);
	struct derived d;
	bool ok;

	/* One hour ahead: another node's clock, or ours was set back. */
	if (hour < now - t->hours || hour > now + 1 || hour < 0)
		return 0;
	key_of_hour(t, hour, &d);
	if (!digest_equal(name + 8, d.id, ID_LEN)) {
		digest_wipe(&d, sizeof(d));
		return 0;
	}
	ok = EVP_DecryptInit_ex2(cipher, t->cipher, d.cipher, iv, NULL) == 1 &&
	    set_mac(mac, &d);
	digest_wipe(&d, sizeof(d));
	if (!ok)
		return 0;
	return hour == now ? 1 : 2; /* 2: take it and issue a new one */
}

int
tls_ticket_use(struct tls_ticket *t, unsigned char name[16],
    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt)
{
	return encrypt ? seal(t, name, iv, cipher, mac) :
	    unseal(t, name, iv, cipher, mac);
}
