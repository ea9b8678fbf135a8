/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIR/devices.db.  synchronous=FULL: what a phone refused is asked of it again
 * only by refusing it again, so a commit is on the disk when it returns.
 */
#include "store/device.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define BUSY_MS     2000
#define SCHEMA_MADE 2    /* user_version; 1 had no table said */
#define FILE_NAME   "devices.db"
#define PATH_BYTES  1024

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS device("
    " id INTEGER PRIMARY KEY, address TEXT NOT NULL,"
    " fingerprint INTEGER NOT NULL, ja4 TEXT NOT NULL,"
    " user_agent TEXT NOT NULL, accounts TEXT NOT NULL,"
    " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
    " transport INTEGER NOT NULL, tls_version INTEGER NOT NULL,"
    " cipher_suite INTEGER NOT NULL, chain TEXT NOT NULL,"
    " events INTEGER NOT NULL, old_version INTEGER NOT NULL,"
    " cause TEXT NOT NULL, confidence TEXT NOT NULL, reason TEXT NOT NULL,"
    " remedy TEXT NOT NULL, refused INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS deed("
    " device INTEGER NOT NULL, chain TEXT NOT NULL, root TEXT NOT NULL,"
    " accepted INTEGER NOT NULL, refused INTEGER NOT NULL,"
    " accepted_no INTEGER NOT NULL, refused_no INTEGER NOT NULL,"
    " in_row INTEGER NOT NULL, accepted_at INTEGER NOT NULL,"
    " refused_at INTEGER NOT NULL, key_type INTEGER NOT NULL,"
    " faults INTEGER NOT NULL, depth INTEGER NOT NULL,"
    " fetched INTEGER NOT NULL,"
    " PRIMARY KEY(device, chain, root)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event("
    " id INTEGER PRIMARY KEY, device INTEGER NOT NULL, at INTEGER NOT NULL,"
    " what TEXT NOT NULL, chain TEXT NOT NULL, cause TEXT NOT NULL,"
    " confidence TEXT NOT NULL, reason TEXT NOT NULL,"
    " tls_version INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS event_device ON event(device, id);"
    "CREATE TABLE IF NOT EXISTS said("
    " id INTEGER PRIMARY KEY, address TEXT NOT NULL, at INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, about TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS said_address ON said(address, id);"
    "PRAGMA user_version = 2;"
    "COMMIT;";

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/device_statements.def"
#undef STATEMENT
	STATEMENTS
};

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/device_statements.def"
#undef STATEMENT
};

struct device_store {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
	char path[PATH_BYTES];
	ino_t ino;
	char error[256];
};

static int
failed(struct device_store *s)
{
	snprintf(s->error, sizeof(s->error), "%s", sqlite3_errmsg(s->db));
	return E_STORE;
}

static void
bind_str(sqlite3_stmt *st, int at, struct str s)
{
	sqlite3_bind_text(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

static struct str
column(sqlite3_stmt *st, int at)
{
	const char *p = (const char *)sqlite3_column_text(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

static uint32_t
column_u32(sqlite3_stmt *st, int at)
{
	return (uint32_t)sqlite3_column_int64(st, at);
}

/* Run a statement that returns no rows. */
static int
run(struct device_store *s, enum statement id)
{
	sqlite3_stmt *st = s->stmt[id];
	int rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE ? 0 : failed(s);

	sqlite3_reset(st);
	return err;
}

int
device_store_begin(struct device_store *s)
{
	return run(s, STATEMENT_BEGIN);
}

int
device_store_commit(struct device_store *s)
{
	return run(s, STATEMENT_COMMIT);
}

void
device_store_rollback(struct device_store *s)
{
	/* A failed statement may have rolled back already. */
	if (sqlite3_get_autocommit(s->db) == 0)
		IGNORE(run(s, STATEMENT_ROLLBACK)); /* nothing more to do */
}

/* ---- devices ---- */

int
device_store_put(struct device_store *s, const struct store_device *d,
    int64_t *id)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_DEVICE];
	int err;

	if (d->id != 0)
		sqlite3_bind_int64(st, 1, d->id);
	else
		sqlite3_bind_null(st, 1);
	bind_str(st, 2, d->address);
	sqlite3_bind_int64(st, 3, (int64_t)d->fingerprint);
	bind_str(st, 4, d->ja4);
	bind_str(st, 5, d->user_agent);
	bind_str(st, 6, d->accounts);
	sqlite3_bind_int64(st, 7, d->first_seen_s);
	sqlite3_bind_int64(st, 8, d->last_seen_s);
	sqlite3_bind_int(st, 9, d->transport);
	sqlite3_bind_int(st, 10, d->tls_version);
	sqlite3_bind_int(st, 11, d->cipher_suite);
	bind_str(st, 12, d->chain);
	sqlite3_bind_int64(st, 13, d->events);
	sqlite3_bind_int(st, 14, d->old_version);
	bind_str(st, 15, d->cause);
	bind_str(st, 16, d->confidence);
	bind_str(st, 17, d->reason);
	bind_str(st, 18, d->remedy);
	sqlite3_bind_int64(st, 19, d->refused_s);
	err = run(s, STATEMENT_PUT_DEVICE);
	if (err == 0)
		*id = d->id != 0 ? d->id : sqlite3_last_insert_rowid(s->db);
	return err;
}

int
device_store_del(struct device_store *s, int64_t id)
{
	static const enum statement all[] = { STATEMENT_DEL_EVENTS,
		STATEMENT_DEL_DEEDS, STATEMENT_DEL_DEVICE };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int err;

		sqlite3_bind_int64(s->stmt[all[i]], 1, id);
		err = run(s, all[i]);
		if (err != 0)
			return err;
	}
	return 0;
}

static void
device_of(struct store_device *d, sqlite3_stmt *st)
{
	*d = (struct store_device) {
		.id = sqlite3_column_int64(st, 0), .address = column(st, 1),
		.fingerprint = (uint64_t)sqlite3_column_int64(st, 2),
		.ja4 = column(st, 3), .user_agent = column(st, 4),
		.accounts = column(st, 5),
		.first_seen_s = sqlite3_column_int64(st, 6),
		.last_seen_s = sqlite3_column_int64(st, 7),
		.transport = sqlite3_column_int(st, 8),
		.tls_version = (uint16_t)sqlite3_column_int(st, 9),
		.cipher_suite = (uint16_t)sqlite3_column_int(st, 10),
		.chain = column(st, 11), .events = column_u32(st, 12),
		.old_version = sqlite3_column_int(st, 13) != 0,
		.cause = column(st, 14), .confidence = column(st, 15),
		.reason = column(st, 16), .remedy = column(st, 17),
		.refused_s = sqlite3_column_int64(st, 18),
	};
}

int
device_store_each(struct device_store *s,
    int (*fn)(const struct store_device *d, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH_DEVICE];
	int rc = SQLITE_DONE, err = 0;

	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_device d;

		device_of(&d, st);
		err = fn(&d, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

/* ---- deeds ---- */

int
device_store_put_deed(struct device_store *s, const struct store_deed *d)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_DEED];

	sqlite3_bind_int64(st, 1, d->device);
	bind_str(st, 2, d->chain);
	bind_str(st, 3, d->root);
	sqlite3_bind_int64(st, 4, d->accepted);
	sqlite3_bind_int64(st, 5, d->refused);
	sqlite3_bind_int64(st, 6, d->accepted_no);
	sqlite3_bind_int64(st, 7, d->refused_no);
	sqlite3_bind_int64(st, 8, d->in_row);
	sqlite3_bind_int64(st, 9, d->accepted_s);
	sqlite3_bind_int64(st, 10, d->refused_s);
	sqlite3_bind_int(st, 11, d->key);
	sqlite3_bind_int64(st, 12, d->faults);
	sqlite3_bind_int64(st, 13, d->depth);
	sqlite3_bind_int(st, 14, d->fetched);
	return run(s, STATEMENT_PUT_DEED);
}

static void
deed_of(struct store_deed *d, sqlite3_stmt *st)
{
	*d = (struct store_deed) {
		.device = sqlite3_column_int64(st, 0), .chain = column(st, 1),
		.root = column(st, 2), .accepted = column_u32(st, 3),
		.refused = column_u32(st, 4), .accepted_no = column_u32(st, 5),
		.refused_no = column_u32(st, 6), .in_row = column_u32(st, 7),
		.accepted_s = sqlite3_column_int64(st, 8),
		.refused_s = sqlite3_column_int64(st, 9),
		.key = sqlite3_column_int(st, 10),
		.faults = column_u32(st, 11), .depth = column_u32(st, 12),
		.fetched = sqlite3_column_int(st, 13) != 0,
	};
}

/* The statement for all, or for one device with its number bound. */
static sqlite3_stmt *
of_device(struct device_store *s, int64_t device, enum statement all,
    enum statement one)
{
	if (device != 0)
		sqlite3_bind_int64(s->stmt[one], 1, device);
	return s->stmt[device != 0 ? one : all];
}

int
device_store_each_deed(struct device_store *s, int64_t device,
    int (*fn)(const struct store_deed *d, void *arg), void *arg)
{
	sqlite3_stmt *st = of_device(s, device, STATEMENT_EACH_DEED,
	    STATEMENT_DEEDS_OF);
	int rc = SQLITE_DONE, err = 0;

	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_deed d;

		deed_of(&d, st);
		err = fn(&d, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

/* ---- events ---- */

int
device_store_put_event(struct device_store *s, const struct store_event *e)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_EVENT];
	int err;

	sqlite3_bind_int64(st, 1, e->device);
	sqlite3_bind_int64(st, 2, e->when_s);
	bind_str(st, 3, e->what);
	bind_str(st, 4, e->chain);
	bind_str(st, 5, e->cause);
	bind_str(st, 6, e->confidence);
	bind_str(st, 7, e->reason);
	sqlite3_bind_int(st, 8, e->tls_version);
	err = run(s, STATEMENT_PUT_EVENT);
	if (err != 0)
		return err;
	st = s->stmt[STATEMENT_TRIM_EVENTS];
	sqlite3_bind_int64(st, 1, e->device);
	sqlite3_bind_int(st, 2, STORE_EVENTS_PER_DEVICE);
	return run(s, STATEMENT_TRIM_EVENTS);
}

int
device_store_each_event(struct device_store *s, int64_t device,
    int (*fn)(const struct store_event *e, void *arg), void *arg)
{
	sqlite3_stmt *st = of_device(s, device, STATEMENT_EACH_EVENT,
	    STATEMENT_EVENTS_OF);
	int rc = SQLITE_DONE, err = 0;

	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_event e = {
			.device = sqlite3_column_int64(st, 0),
			.when_s = sqlite3_column_int64(st, 1),
			.what = column(st, 2), .chain = column(st, 3),
			.cause = column(st, 4), .confidence = column(st, 5),
			.reason = column(st, 6),
			.tls_version = (uint16_t)sqlite3_column_int(st, 7),
		};

		err = fn(&e, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

/* ---- what phones say themselves ---- */

int
device_store_put_said(struct device_store *s, const struct store_said *l)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_SAID];

	bind_str(st, 1, l->address);
	sqlite3_bind_int64(st, 2, l->when_s);
	sqlite3_bind_int(st, 3, l->priority);
	bind_str(st, 4, l->about);
	bind_str(st, 5, l->text);
	return run(s, STATEMENT_PUT_SAID);
}

int
device_store_del_said(struct device_store *s, struct str address)
{
	bind_str(s->stmt[STATEMENT_DEL_SAID], 1, address);
	return run(s, STATEMENT_DEL_SAID);
}

int
device_store_trim_said(struct device_store *s)
{
	return run(s, STATEMENT_TRIM_SAID);
}

int
device_store_each_said(struct device_store *s,
    int (*fn)(const struct store_said *l, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH_SAID];
	int rc = SQLITE_DONE, err = 0;

	if (st == NULL)
		return 0; /* a file of before, opened to be read only */
	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_said l = {
			.address = column(st, 0),
			.when_s = sqlite3_column_int64(st, 1),
			.priority = sqlite3_column_int(st, 2),
			.about = column(st, 3), .text = column(st, 4),
		};

		err = fn(&l, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

/* ---- begin and end ---- */

void
device_store_close(struct device_store *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	free(s);
}

const char *
device_store_error(const struct device_store *s)
{
	return s->error;
}

bool
device_store_is_there(const struct device_store *s)
{
	struct stat st;

	return stat(s->path, &st) == 0 && st.st_ino == s->ino;
}

static int
exec(struct device_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
	    0 : failed(s);
}

static int
user_version(struct device_store *s, int *out)
{
	sqlite3_stmt *st;
	int err = 0;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st, NULL) !=
	    SQLITE_OK)
		return failed(s);
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	else
		err = failed(s);
	sqlite3_finalize(st);
	return err;
}

/* version 1, read only: its schema stays as it is. */
static int
prepare(struct device_store *s, bool has_said)
{
	for (int i = 0; i < STATEMENTS; i++) {
		if (!has_said && (i == STATEMENT_PUT_SAID ||
		    i == STATEMENT_DEL_SAID || i == STATEMENT_TRIM_SAID ||
		    i == STATEMENT_EACH_SAID))
			continue;
		if (sqlite3_prepare_v3(s->db, sql_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL) != SQLITE_OK)
			return failed(s);
	}
	return 0;
}

static int
set_up(struct device_store *s, bool read_only)
{
	int version = 0, err = 0;

	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (!read_only)
		err = exec(s, "PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = FULL");
	if (err == 0)
		err = user_version(s, &version);
	if (err == 0 && version > SCHEMA_MADE) {
		snprintf(s->error, sizeof(s->error), "made by a newer siptrust "
		    "(schema %d, this one knows %d)", version, SCHEMA_MADE);
		return E_EXISTS;
	}
	if (err == 0 && version < 1 && read_only) {
		snprintf(s->error, sizeof(s->error), "holds no devices yet");
		return E_ABSENT;
	}
	if (err == 0 && version < SCHEMA_MADE && !read_only)
		err = exec(s, schema);
	return err == 0 ? prepare(s, !read_only || version >= 2) : err;
}

/* Its content is at fault, not the disk or our rights. */
static int
in_kind(struct device_store *s, int err)
{
	int code = s->db != NULL ? sqlite3_errcode(s->db) : SQLITE_NOMEM;

	if (err != E_STORE)
		return err;
	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return E_PARSE;
	return code == SQLITE_CANTOPEN && access(s->path, F_OK) != 0 &&
	    errno == ENOENT ? E_ABSENT : E_STORE;
}

int
device_store_open(struct device_store **out, const char *dir, bool read_only,
    char *why, size_t why_size)
{
	struct device_store *s = calloc(1, sizeof(*s));
	int flags = read_only ? SQLITE_OPEN_READONLY :
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	struct stat st;
	mode_t before;
	int err;

	if (s == NULL)
		return -ENOMEM;
	snprintf(s->path, sizeof(s->path), "%s/" FILE_NAME, dir);
	before = umask(0077); /* who phones from where: for the owner alone */
	err = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX,
	    NULL) == SQLITE_OK ? set_up(s, read_only) : failed(s);
	umask(before);
	if (err != 0) {
		err = in_kind(s, err);
		snprintf(why, why_size, "%s: %s", s->path,
		    err == E_ABSENT && s->db != NULL &&
		    sqlite3_errcode(s->db) == SQLITE_CANTOPEN ?
		    "there is no such file" : s->error);
		device_store_close(s);
		return err;
	}
	if (stat(s->path, &st) == 0)
		s->ino = st.st_ino;
	*out = s;
	return 0;
}

int
device_store_set_aside(const char *dir)
{
	static const char *const parts[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char from[PATH_BYTES], to[PATH_BYTES];

		snprintf(from, sizeof(from), "%s/" FILE_NAME "%s", dir,
		    parts[i]);
		snprintf(to, sizeof(to), "%s/" FILE_NAME ".broken%s", dir,
		    parts[i]);
		if (rename(from, to) != 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}
