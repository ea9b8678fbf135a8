/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/bio.h"

#include <pthread.h>
#include <string.h>

static BIO_METHOD *method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct tls_bio *
tls_bio_of(BIO *bio)
{
	return BIO_get_data(bio);
}

static int
bio_read(BIO *bio, char *to, size_t size, size_t *got)
{
	struct tls_bio *b = BIO_get_data(bio);
	size_t n = size < b->in.n ? size : b->in.n;

	BIO_clear_retry_flags(bio);
	*got = n;
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(to, b->in.p, n);
	b->in = str_from(b->in, n);
	return 1;
}

static int
bio_write(BIO *bio, const char *from, size_t n, size_t *put)
{
	struct tls_bio *b = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*put = 0;
	if (b->out == NULL)
		return 0;
	buf_put(b->out, from, n);
	if (b->out->failed)
		return 0;
	*put = n;
	b->sent(b, str_of(from, n));
	return 1;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	/* What is written is where it should be already. */
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static void
make_method(void)
{
	int type = BIO_get_new_index();
	BIO_METHOD *m = type < 0 ? NULL :
	    BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "siptrust slice");

	if (m == NULL)
		return;
	if (BIO_meth_set_read_ex(m, bio_read) == 1 &&
	    BIO_meth_set_write_ex(m, bio_write) == 1 &&
	    BIO_meth_set_ctrl(m, bio_ctrl) == 1)
		method = m;
	else
		BIO_meth_free(m);
}

BIO *
tls_bio_new(struct tls_bio *b)
{
	BIO *bio;

	(void)pthread_once(&once, make_method);
	bio = method != NULL ? BIO_new(method) : NULL;
	if (bio != NULL) {
		BIO_set_data(bio, b);
		BIO_set_init(bio, 1);
	}
	return bio;
}
