/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/install.h"

#include "device/device_int.h"

#define TLS_PORT 5061

enum filling { URL, FILE_NAME, PEM, PEM_XML, BASE64, HOST, PORT, FILLINGS };
static const char *const fillings[FILLINGS] = {
	[URL] = "url", [FILE_NAME] = "file", [PEM] = "pem",
	[PEM_XML] = "pem_xml", [BASE64] = "base64", [HOST] = "host",
	[PORT] = "port",
};

struct job {
	struct buf *out, *why;
	const struct device_profile *p;
	const struct device_ca *ca;
	struct str pem;    /* the one certificate, from BEGIN to END */
};

static int
find_filling(struct str word)
{
	for (int i = 0; i < FILLINGS; i++)
		if (str_eq(word, str_cstr(fillings[i])))
			return i;
	return -1;
}

bool
device_install_knows(struct str placeholder)
{
	return find_filling(placeholder) >= 0;
}

const char *
device_install_ending(const struct device_profile *p)
{
	return device_has(p->ca_format, DEVICE_DER) &&
	    !device_has(p->ca_format, DEVICE_PEM) ? "der" : "pem";
}

static bool
is_pem(int filling)
{
	return filling == PEM || filling == PEM_XML || filling == BASE64;
}

/* ---- cutting a line at {words} ---- */

/*
 * The text before the next {word} that is filled in; *filling tells which, -1
 * at the end of the line, and *line becomes what follows.
 */
static struct str
next_piece(struct str *line, int *filling)
{
	*filling = -1;
	for (size_t i = 0; i < line->n; i++) {
		struct str head = str_of(line->p, i);
		struct str word = str_from(*line, i + 1);
		size_t end = str_find(word, '}');

		if (line->p[i] != '{' || end == word.n)
			continue;
		word.n = end;
		*filling = find_filling(word);
		if (*filling < 0)
			continue;
		*line = str_from(*line, i + 1 + end + 1);
		return head;
	}
	return str_of(line->p, line->n);
}

static bool
is_url(int filling)
{
	return filling == URL;
}

static bool
is_in_setting(const struct device_profile *p, bool (*is)(int filling))
{
	for (unsigned i = 0; i < p->setting.n; i++) {
		struct str line = p->setting.v[i].value;
		int filling;

		do {
			next_piece(&line, &filling);
			if (is(filling))
				return true;
		} while (filling >= 0);
	}
	return false;
}

bool
device_install_inline(const struct device_profile *p)
{
	return is_in_setting(p, is_pem);
}

bool
device_install_fetches(const struct device_profile *p)
{
	return is_in_setting(p, is_url);
}

/* ---- what is filled in ---- */

static void
put_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_putc(out, s.p[i]);
		}
	}
}

static void
put_text(const struct job *j, struct str s)
{
	if (j->p->config_syntax == DEVICE_XML)
		put_escaped(j->out, s);
	else
		buf_str(j->out, s);
}

static void
put_file(const struct job *j, struct str s)
{
	put_text(j, s);
	buf_putc(j->out, '.');
	buf_puts(j->out, device_install_ending(j->p));
}

static void
put_url(const struct job *j)
{
	struct str base = j->ca->base_url;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	put_text(j, base);
	buf_putc(j->out, '/');
	put_file(j, j->ca->file);
}

/* The lines of the certificate with what is wanted between them. */
static void
put_pem(const struct job *j, int filling)
{
	struct str rest = j->pem;

	for (bool first = true; rest.n > 0; first = false) {
		struct str line = str_trim(str_cut(&rest, '\n'));

		if (line.n == 0 ||
		    (filling == BASE64 && str_starts(line, STR("-----"))))
			continue;
		if (!first && filling == PEM)
			buf_putc(j->out, '\n');
		if (!first && filling == PEM_XML)
			buf_puts(j->out, "&#10;");
		buf_str(j->out, line);
	}
}

static void
fill(const struct job *j, int filling)
{
	struct str file = j->ca->file;

	switch (filling) {
	case URL:
		put_url(j);
		break;
	case FILE_NAME: /* without folders: it is put beside the others */
		while (str_find(file, '/') < file.n)
			str_cut(&file, '/');
		put_file(j, file);
		break;
	case HOST:
		put_text(j, j->ca->host);
		break;
	case PORT:
		buf_u64(j->out, j->ca->port != 0 ? j->ca->port : TLS_PORT);
		break;
	default:
		put_pem(j, filling);
	}
}

/* ---- what must be there ---- */

#define BEGIN STR("-----BEGIN CERTIFICATE-----")
#define END   STR("-----END CERTIFICATE-----")

static size_t
find(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_starts(str_from(s, i), part))
			return i;
	return s.n;
}

static int
refuse(const struct job *j, const char *what)
{
	buf_printf(j->why, "%.*s: %s", STR_FMT(j->p->name), what);
	return E_CONFIG;
}

/* Exactly one certificate: no phone takes more in one parameter. */
static int
take_pem(struct job *j)
{
	size_t from = find(j->ca->pem, BEGIN);
	struct str rest = str_from(j->ca->pem, from);
	size_t to = find(rest, END);

	if (j->ca->pem.n > DEVICE_PEM_MAX)
		return refuse(j, "the certificate is longer than 64 KiB");
	if (rest.n == 0 || to == rest.n)
		return refuse(j, "its configuration holds the certificate "
		    "itself: expected one as PEM");
	j->pem = str_of(rest.p, to + END.n);
	if (find(str_from(rest, j->pem.n), BEGIN) < rest.n - j->pem.n)
		return refuse(j, "its configuration holds one certificate: "
		    "expected one, and there are several");
	for (size_t i = 0; i < j->pem.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
		    "yz0123456789+/=- \r\n", j->pem.p[i]) == NULL ||
		    j->pem.p[i] == '\0')
			return refuse(j, "the certificate is no PEM");
	return 0;
}

/* A byte that ends a line or a tag would be a setting of its own. */
static int
check_text(const struct job *j, struct str s, const char *empty)
{
	if (s.n == 0)
		return refuse(j, empty);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return refuse(j, "expected an address without blanks");
	return 0;
}

static int
check_filling(struct job *j, int filling)
{
	int err = 0;

	if (is_pem(filling))
		return take_pem(j);
	if (filling == URL)
		err = check_text(j, j->ca->base_url, "expected the address of "
		    "the server that serves the CA file");
	if (err == 0 && (filling == URL || filling == FILE_NAME))
		err = check_text(j, j->ca->file,
		    "expected the name of the CA file");
	if (filling == HOST)
		err = check_text(j, j->ca->host,
		    "expected the host that serves SIP");
	return err;
}

static int
check_line(struct job *j, struct str line)
{
	int filling, err = 0;

	do {
		next_piece(&line, &filling);
		if (filling >= 0)
			err = check_filling(j, filling);
	} while (err == 0 && filling >= 0);
	return err;
}

/* ---- the whole ---- */

static void
put_line(const struct job *j, struct str line)
{
	int filling;

	do {
		buf_str(j->out, next_piece(&line, &filling));
		if (filling >= 0)
			fill(j, filling);
	} while (filling >= 0);
	buf_putc(j->out, '\n');
}

int
device_install_print(struct buf *out, const struct device_profile *p,
    enum device_key key, const struct device_ca *ca, struct buf *why)
{
	struct job j = { .out = out, .why = why, .p = p, .ca = ca };
	struct device_facts lines = device_profile_facts(p, key);
	int err = 0;

	if (lines.n == 0)
		return E_ABSENT;
	for (unsigned i = 0; err == 0 && i < lines.n; i++)
		err = check_line(&j, lines.v[i].value);
	for (unsigned i = 0; err == 0 && i < lines.n; i++)
		put_line(&j, lines.v[i].value);
	return err != 0 ? err : out->failed ? E_LIMIT : 0;
}

void
device_install_url(struct buf *out, const struct device_profile *p,
    const struct device_ca *ca)
{
	struct device_profile plain = { .ca_format = p->ca_format };
	struct job j = { .out = out, .p = &plain, .ca = ca };

	put_url(&j);
}

/* The file in the form that the phone takes lies beside the PEM. */
static void
put_address(struct buf *out, const struct device_profile *p, struct str url)
{
	static const struct str pem = STR(".pem");

	if (url.n == 0) {
		buf_puts(out, "serve it over HTTP and write its address");
		return;
	}
	buf_puts(out, "write ");
	if (url.n > pem.n && str_eq(str_from(url, url.n - pem.n), pem))
		url.n -= pem.n;
	buf_str(out, url);
	buf_putc(out, '.');
	buf_puts(out, device_install_ending(p));
}

void
device_install_remedy(struct buf *out, const struct device_profile *p,
    struct str url)
{
	switch (p->ca_way) {
	case DEVICE_CA_URL:
		put_address(out, p, url);
		buf_printf(out, " into its %.*s", STR_FMT(p->ca_parameter));
		break;
	case DEVICE_CA_FILE:
	case DEVICE_CA_INLINE:
		buf_printf(out, "put it into its %.*s (siptrust ca export "
		    "--for %.*s)", STR_FMT(p->ca_parameter),
		    STR_FMT(p->name));
		break;
	case DEVICE_CA_WEB:
		buf_puts(out, "upload it in the phone's own pages");
		break;
	default:
		break;
	}
}
