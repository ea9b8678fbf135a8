/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <limits.h>
#include <string.h>

const char *
err_str(int code)
{
	switch (code) {
	case 0:
		return "no error";
#define ERR(name, number, text)                                                \
	case E_##name:                                                         \
		return text;
#include "base/err.def"
#undef ERR
	}
	/* The descr form returns constant text, unlike strerror(). */
	const char *text = NULL;
	if (code < 0 && code > -E_BASE)
		text = strerrordesc_np(-code);
	return text != NULL ? text : "unknown error";
}
