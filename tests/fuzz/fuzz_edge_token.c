/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text read as a flow token; and, taken as a contact, put into one and read
 * back.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge/token.h"
#include "../temp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct worker *worker = (struct worker *)(uintptr_t)4096;
static struct token_key *key;

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
begin(void)
{
	char folder[TEMP_MAX], path[TEMP_MAX + 16];
	struct buf why;

	buf_init(&why, 4096);
	must(temp_folder(folder, "fuzz") != NULL &&
	    token_key_new(&key, folder, &worker, 1, &why) == 0);
	snprintf(path, sizeof(path), "%s/token.key", folder);
	unlink(path);
	rmdir(folder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = str_of((const char *)data, n);
	char contact[TOKEN_CONTACT_MAX], text[TOKEN_TEXT_MAX];
	struct token t = { .kind = TOKEN_FLOW }, got;
	struct buf out;

	if (key == NULL)
		begin();
	/* Nobody guesses a MAC of 16 bytes. */
	must(token_read(&got, key, s, contact) != TOKEN_OK);
	must(addr_parse(&t.flow.peer, STR("198.51.100.9:1"), 0) == 0);
	t.contact = s;
	buf_init_array(&out, text, sizeof(text));
	token_put(&out, key, &t);
	must(!out.failed);
	must(token_read(&got, key, buf_as_str(&out), contact) == TOKEN_OK);
	must(n > TOKEN_CONTACT_MAX ? got.contact.n == 0 :
	    str_eq(got.contact, s));
	return 0;
}
