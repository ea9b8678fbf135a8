/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIR/devices.db.  synchronous=FULL: what a phone refused is asked of it again
 * only by refusing it again, so a commit is on the disk when it returns.
 */
#include "store/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/db_int.h"

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
_Static_assert(STATEMENTS <= DB_STATEMENTS, "room for each");

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/device_statements.def"
#undef STATEMENT
};

struct device_store {
	struct db db;
};

int
device_store_begin(struct device_store *s)
{
	return db_begin(&s->db);
}

int
device_store_commit(struct device_store *s)
{
	return db_commit(&s->db);
}

void
device_store_rollback(struct device_store *s)
{
	db_rollback(&s->db);
}

/* ---- devices ---- */

int
device_store_put(struct device_store *s, const struct store_device *d,
    int64_t *id)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_DEVICE];
	int err;

	if (d->id != 0)
		db_bind_int(st, 1, d->id);
	else
		db_bind_null(st, 1);
	db_bind_text(st, 2, d->address);
	db_bind_int(st, 3, (int64_t)d->fingerprint);
	db_bind_text(st, 4, d->ja4);
	db_bind_text(st, 5, d->user_agent);
	db_bind_text(st, 6, d->accounts);
	db_bind_int(st, 7, d->first_seen_s);
	db_bind_int(st, 8, d->last_seen_s);
	db_bind_int(st, 9, d->transport);
	db_bind_int(st, 10, d->tls_version);
	db_bind_int(st, 11, d->cipher_suite);
	db_bind_text(st, 12, d->chain);
	db_bind_int(st, 13, d->events);
	db_bind_int(st, 14, d->old_version);
	db_bind_text(st, 15, d->cause);
	db_bind_text(st, 16, d->confidence);
	db_bind_text(st, 17, d->reason);
	db_bind_text(st, 18, d->remedy);
	db_bind_int(st, 19, d->refused_s);
	err = db_run(&s->db, STATEMENT_PUT_DEVICE);
	if (err == 0)
		*id = d->id != 0 ? d->id : db_last_id(&s->db);
	return err;
}

int
device_store_del(struct device_store *s, int64_t id)
{
	static const enum statement all[] = { STATEMENT_DEL_EVENTS,
		STATEMENT_DEL_DEEDS, STATEMENT_DEL_DEVICE };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int err;

		db_bind_int(s->db.stmt[all[i]], 1, id);
		err = db_run(&s->db, all[i]);
		if (err != 0)
			return err;
	}
	return 0;
}

static void
device_of(struct store_device *d, struct sqlite3_stmt *st)
{
	*d = (struct store_device) {
		.id = db_int(st, 0), .address = db_text(st, 1),
		.fingerprint = (uint64_t)db_int(st, 2),
		.ja4 = db_text(st, 3), .user_agent = db_text(st, 4),
		.accounts = db_text(st, 5), .first_seen_s = db_int(st, 6),
		.last_seen_s = db_int(st, 7),
		.transport = (int)db_int(st, 8),
		.tls_version = (uint16_t)db_int(st, 9),
		.cipher_suite = (uint16_t)db_int(st, 10),
		.chain = db_text(st, 11), .events = (uint32_t)db_int(st, 12),
		.old_version = (int)db_int(st, 13) != 0,
		.cause = db_text(st, 14), .confidence = db_text(st, 15),
		.reason = db_text(st, 16), .remedy = db_text(st, 17),
		.refused_s = db_int(st, 18),
	};
}

int
device_store_each(struct device_store *s,
    int (*fn)(const struct store_device *d, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH_DEVICE];
	int err = 0;

	while (db_next(&s->db, st, &err)) {
		struct store_device d;

		device_of(&d, st);
		err = fn(&d, arg);
	}
	return err;
}

/* ---- deeds ---- */

int
device_store_put_deed(struct device_store *s, const struct store_deed *d)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_DEED];

	db_bind_int(st, 1, d->device);
	db_bind_text(st, 2, d->chain);
	db_bind_text(st, 3, d->root);
	db_bind_int(st, 4, d->accepted);
	db_bind_int(st, 5, d->refused);
	db_bind_int(st, 6, d->accepted_no);
	db_bind_int(st, 7, d->refused_no);
	db_bind_int(st, 8, d->in_row);
	db_bind_int(st, 9, d->accepted_s);
	db_bind_int(st, 10, d->refused_s);
	db_bind_int(st, 11, d->key);
	db_bind_int(st, 12, d->faults);
	db_bind_int(st, 13, d->depth);
	db_bind_int(st, 14, d->fetched);
	return db_run(&s->db, STATEMENT_PUT_DEED);
}

static void
deed_of(struct store_deed *d, struct sqlite3_stmt *st)
{
	*d = (struct store_deed) {
		.device = db_int(st, 0), .chain = db_text(st, 1),
		.root = db_text(st, 2), .accepted = (uint32_t)db_int(st, 3),
		.refused = (uint32_t)db_int(st, 4),
		.accepted_no = (uint32_t)db_int(st, 5),
		.refused_no = (uint32_t)db_int(st, 6),
		.in_row = (uint32_t)db_int(st, 7),
		.accepted_s = db_int(st, 8), .refused_s = db_int(st, 9),
		.key = (int)db_int(st, 10),
		.faults = (uint32_t)db_int(st, 11),
		.depth = (uint32_t)db_int(st, 12),
		.fetched = (int)db_int(st, 13) != 0,
	};
}

/* The statement for all, or for one device with its number bound. */
static struct sqlite3_stmt *
of_device(struct device_store *s, int64_t device, enum statement all,
    enum statement one)
{
	if (device != 0)
		db_bind_int(s->db.stmt[one], 1, device);
	return s->db.stmt[device != 0 ? one : all];
}

int
device_store_each_deed(struct device_store *s, int64_t device,
    int (*fn)(const struct store_deed *d, void *arg), void *arg)
{
	struct sqlite3_stmt *st = of_device(s, device, STATEMENT_EACH_DEED,
	    STATEMENT_DEEDS_OF);
	int err = 0;

	while (db_next(&s->db, st, &err)) {
		struct store_deed d;

		deed_of(&d, st);
		err = fn(&d, arg);
	}
	return err;
}

/* ---- events ---- */

int
device_store_put_event(struct device_store *s, const struct store_event *e)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_EVENT];
	int err;

	db_bind_int(st, 1, e->device);
	db_bind_int(st, 2, e->when_s);
	db_bind_text(st, 3, e->what);
	db_bind_text(st, 4, e->chain);
	db_bind_text(st, 5, e->cause);
	db_bind_text(st, 6, e->confidence);
	db_bind_text(st, 7, e->reason);
	db_bind_int(st, 8, e->tls_version);
	err = db_run(&s->db, STATEMENT_PUT_EVENT);
	if (err != 0)
		return err;
	st = s->db.stmt[STATEMENT_TRIM_EVENTS];
	db_bind_int(st, 1, e->device);
	db_bind_int(st, 2, STORE_EVENTS_PER_DEVICE);
	return db_run(&s->db, STATEMENT_TRIM_EVENTS);
}

int
device_store_each_event(struct device_store *s, int64_t device,
    int (*fn)(const struct store_event *e, void *arg), void *arg)
{
	struct sqlite3_stmt *st = of_device(s, device, STATEMENT_EACH_EVENT,
	    STATEMENT_EVENTS_OF);
	int err = 0;

	while (db_next(&s->db, st, &err)) {
		struct store_event e = {
			.device = db_int(st, 0), .when_s = db_int(st, 1),
			.what = db_text(st, 2), .chain = db_text(st, 3),
			.cause = db_text(st, 4), .confidence = db_text(st, 5),
			.reason = db_text(st, 6),
			.tls_version = (uint16_t)db_int(st, 7),
		};

		err = fn(&e, arg);
	}
	return err;
}

/* ---- what phones say themselves ---- */

int
device_store_put_said(struct device_store *s, const struct store_said *l)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_SAID];

	db_bind_text(st, 1, l->address);
	db_bind_int(st, 2, l->when_s);
	db_bind_int(st, 3, l->priority);
	db_bind_text(st, 4, l->about);
	db_bind_text(st, 5, l->text);
	return db_run(&s->db, STATEMENT_PUT_SAID);
}

int
device_store_del_said(struct device_store *s, struct str address)
{
	db_bind_text(s->db.stmt[STATEMENT_DEL_SAID], 1, address);
	return db_run(&s->db, STATEMENT_DEL_SAID);
}

int
device_store_trim_said(struct device_store *s)
{
	return db_run(&s->db, STATEMENT_TRIM_SAID);
}

int
device_store_each_said(struct device_store *s,
    int (*fn)(const struct store_said *l, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH_SAID];
	int err = 0;

	if (st == NULL)
		return 0; /* a file of before, opened to be read only */
	while (db_next(&s->db, st, &err)) {
		struct store_said l = {
			.address = db_text(st, 0), .when_s = db_int(st, 1),
			.priority = (int)db_int(st, 2),
			.about = db_text(st, 3), .text = db_text(st, 4),
		};

		err = fn(&l, arg);
	}
	return err;
}

/* ---- begin and end ---- */

void
device_store_close(struct device_store *s)
{
	if (s == NULL)
		return;
	db_close(&s->db);
	free(s);
}

const char *
device_store_error(const struct device_store *s)
{
	return s->db.error;
}

bool
device_store_is_there(const struct device_store *s)
{
	return db_is_there(&s->db);
}

static int
set_up(struct device_store *s, bool read_only)
{
	int version = 0, err = 0;

	if (!read_only)
		err = db_exec(&s->db, "PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = FULL");
	if (err == 0)
		err = db_user_version(&s->db, SCHEMA_MADE, &version);
	if (err == 0 && version < 1 && read_only)
		err = db_fail(&s->db, E_ABSENT, "holds no devices yet");
	if (err == 0 && version < SCHEMA_MADE && !read_only)
		err = db_exec(&s->db, schema);
	if (err != 0)
		return err;
	/* Version 1, read only: its schema stays as it is. */
	return db_prepare(&s->db, sql_text, read_only && version < 2 ?
	    STATEMENT_PUT_SAID : STATEMENTS);
}

int
device_store_open(struct device_store **out, const char *dir, bool read_only,
    char *why, size_t why_size)
{
	struct device_store *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	db_set_path(&s->db, dir, FILE_NAME);
	err = db_open(&s->db, read_only ? DB_READ : DB_CREATE, BUSY_MS);
	if (err == 0)
		err = set_up(s, read_only);
	if (err == E_STORE)
		err = db_fault(&s->db);
	if (err != 0) {
		db_why(&s->db, why, why_size);
		device_store_close(s);
		return err;
	}
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
