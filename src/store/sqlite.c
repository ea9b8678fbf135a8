/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default backend: one file, DIR/siptrust.db, in WAL mode.
 *
 * synchronous=NORMAL: a commit is in the file once the call returns, which is
 * what a killed process needs; a power cut may take the last commits, never a
 * part of one.  Phones come back by themselves after a power cut.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/store_int.h"

#define BUSY_MS     5000
#define SCHEMA_MADE 1      /* user_version */

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta("
    " key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS user("
    " name TEXT NOT NULL, realm TEXT NOT NULL,"
    " ha1_md5 TEXT NOT NULL, ha1_sha256 TEXT NOT NULL,"
    " PRIMARY KEY(name, realm)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS binding("
    " aor TEXT NOT NULL, key TEXT NOT NULL, contact TEXT NOT NULL,"
    " params TEXT NOT NULL, instance_id TEXT NOT NULL,"
    " reg_id INTEGER NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, path TEXT NOT NULL, user_agent TEXT NOT NULL,"
    " received TEXT NOT NULL, transport INTEGER NOT NULL,"
    " PRIMARY KEY(aor, key)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/statements.def"
#undef STATEMENT
	STATEMENTS
};

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/statements.def"
#undef STATEMENT
};

struct sqlite {
	struct store store;
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
	char error[256];
};

static struct sqlite *
of(struct store *s)
{
	return CONTAINER_OF(s, struct sqlite, store);
}

static int
failed(struct sqlite *q)
{
	snprintf(q->error, sizeof(q->error), "%s", sqlite3_errmsg(q->db));
	return E_STORE;
}

static void
bind_str(sqlite3_stmt *st, int at, struct str s)
{
	/* Absent and empty are the same on disk. */
	sqlite3_bind_text(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

/* Run a statement that returns no rows. */
static int
run(struct sqlite *q, enum statement id)
{
	sqlite3_stmt *st = q->stmt[id];
	int rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE ? 0 : failed(q);

	sqlite3_reset(st);
	return err;
}

/*
 * A file that was taken away, or replaced, is written to all the same, and
 * what is committed there nobody will find.
 */
static int
check_place(struct sqlite *q)
{
	int moved = 0;

	if (sqlite3_file_control(q->db, NULL, SQLITE_FCNTL_HAS_MOVED,
	    &moved) != SQLITE_OK || moved == 0)
		return 0;
	snprintf(q->error, sizeof(q->error), "%s was removed or replaced",
	    sqlite3_db_filename(q->db, NULL));
	return E_STORE;
}

static int
sqlite_begin(struct store *s)
{
	int err = check_place(of(s));

	return err == 0 ? run(of(s), STATEMENT_BEGIN) : err;
}

static int
sqlite_commit(struct store *s)
{
	return run(of(s), STATEMENT_COMMIT);
}

static void
sqlite_rollback(struct store *s)
{
	struct sqlite *q = of(s);

	/* A failed statement may have rolled back already. */
	if (sqlite3_get_autocommit(q->db) == 0)
		IGNORE(run(q, STATEMENT_ROLLBACK)); /* nothing more to do */
}

static int
sqlite_put_binding(struct store *s, const struct store_binding *b)
{
	struct sqlite *q = of(s);
	sqlite3_stmt *st = q->stmt[STATEMENT_PUT_BINDING];

	bind_str(st, 1, b->aor);
	bind_str(st, 2, b->key);
	bind_str(st, 3, b->contact);
	bind_str(st, 4, b->params);
	bind_str(st, 5, b->instance_id);
	sqlite3_bind_int64(st, 6, b->reg_id);
	bind_str(st, 7, b->call_id);
	sqlite3_bind_int64(st, 8, b->cseq);
	sqlite3_bind_int64(st, 9, b->expires_s);
	bind_str(st, 10, b->path);
	bind_str(st, 11, b->user_agent);
	bind_str(st, 12, b->received);
	sqlite3_bind_int(st, 13, b->transport);
	return run(q, STATEMENT_PUT_BINDING);
}

static int
sqlite_del_binding(struct store *s, struct str aor, struct str key)
{
	struct sqlite *q = of(s);

	bind_str(q->stmt[STATEMENT_DEL_BINDING], 1, aor);
	bind_str(q->stmt[STATEMENT_DEL_BINDING], 2, key);
	return run(q, STATEMENT_DEL_BINDING);
}

static int
sqlite_del_expired(struct store *s, int64_t before_s)
{
	struct sqlite *q = of(s);

	sqlite3_bind_int64(q->stmt[STATEMENT_DEL_EXPIRED], 1, before_s);
	return run(q, STATEMENT_DEL_EXPIRED);
}

static struct str
column(sqlite3_stmt *st, int at)
{
	const char *p = (const char *)sqlite3_column_text(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

static int
each(struct sqlite *q, enum statement id,
    int (*row)(sqlite3_stmt *st, void *fn, void *arg), void *fn, void *arg)
{
	sqlite3_stmt *st = q->stmt[id];
	int rc, err = 0;

	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(st, fn, arg);
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(q);
	sqlite3_reset(st);
	return err;
}

struct binding_fn {
	int (*fn)(const struct store_binding *b, void *arg);
};

static int
binding_row(sqlite3_stmt *st, void *fn, void *arg)
{
	struct store_binding b = {
		.aor = column(st, 0), .key = column(st, 1),
		.contact = column(st, 2), .params = column(st, 3),
		.instance_id = column(st, 4),
		.reg_id = (uint32_t)sqlite3_column_int64(st, 5),
		.call_id = column(st, 6),
		.cseq = (uint32_t)sqlite3_column_int64(st, 7),
		.expires_s = sqlite3_column_int64(st, 8),
		.path = column(st, 9), .user_agent = column(st, 10),
		.received = column(st, 11),
		.transport = sqlite3_column_int(st, 12),
	};
	struct binding_fn *f = fn;

	return f->fn(&b, arg);
}

static int
sqlite_each_binding(struct store *s,
    int (*fn)(const struct store_binding *b, void *arg), void *arg)
{
	struct binding_fn f = { fn };

	return each(of(s), STATEMENT_EACH_BINDING, binding_row, &f, arg);
}

static int
sqlite_put_user(struct store *s, const struct store_user *u)
{
	struct sqlite *q = of(s);
	sqlite3_stmt *st = q->stmt[STATEMENT_PUT_USER];

	bind_str(st, 1, u->name);
	bind_str(st, 2, u->realm);
	bind_str(st, 3, str_cstr(u->ha1[DIGEST_MD5]));
	bind_str(st, 4, str_cstr(u->ha1[DIGEST_SHA256]));
	return run(q, STATEMENT_PUT_USER);
}

static int
sqlite_del_user(struct store *s, struct str name, struct str realm)
{
	struct sqlite *q = of(s);
	int err;

	bind_str(q->stmt[STATEMENT_DEL_USER], 1, name);
	bind_str(q->stmt[STATEMENT_DEL_USER], 2, realm);
	err = run(q, STATEMENT_DEL_USER);
	if (err == 0 && sqlite3_changes(q->db) == 0)
		err = E_ABSENT;
	return err;
}

struct user_fn {
	int (*fn)(const struct store_user *u, void *arg);
};

static int
user_row(sqlite3_stmt *st, void *fn, void *arg)
{
	struct store_user u = { .name = column(st, 0), .realm = column(st, 1) };
	struct user_fn *f = fn;

	/* A row that somebody cut by hand is no credential. */
	if (!str_copy(u.ha1[DIGEST_MD5], sizeof(u.ha1[0]), column(st, 2)) ||
	    !str_copy(u.ha1[DIGEST_SHA256], sizeof(u.ha1[0]), column(st, 3)))
		return 0;
	return f->fn(&u, arg);
}

static int
sqlite_each_user(struct store *s,
    int (*fn)(const struct store_user *u, void *arg), void *arg)
{
	struct user_fn f = { fn };

	return each(of(s), STATEMENT_EACH_USER, user_row, &f, arg);
}

static int
sqlite_get_meta(struct store *s, const char *key, char *out, size_t size)
{
	struct sqlite *q = of(s);
	sqlite3_stmt *st = q->stmt[STATEMENT_GET_META];
	int rc, err = 0;

	bind_str(st, 1, str_cstr(key));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		err = str_copy(out, size, column(st, 0)) ? 0 : E_LIMIT;
	else
		err = rc == SQLITE_DONE ? E_ABSENT : failed(q);
	sqlite3_reset(st);
	return err;
}

static int
sqlite_put_meta(struct store *s, const char *key, const char *value)
{
	struct sqlite *q = of(s);

	bind_str(q->stmt[STATEMENT_PUT_META], 1, str_cstr(key));
	bind_str(q->stmt[STATEMENT_PUT_META], 2, str_cstr(value));
	return run(q, STATEMENT_PUT_META);
}

static uint64_t
sqlite_data_version(struct store *s)
{
	sqlite3_stmt *st = of(s)->stmt[STATEMENT_DATA_VERSION];
	uint64_t version = 0;

	if (sqlite3_step(st) == SQLITE_ROW)
		version = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return version;
}

static void
sqlite_close(struct store *s)
{
	struct sqlite *q = of(s);

	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(q->stmt[i]);
	sqlite3_close(q->db);
	free(q);
}

static const char *
sqlite_error(const struct store *s)
{
	return CONTAINER_OF(s, const struct sqlite, store)->error;
}

static const struct store_ops sqlite_ops = {
	.close = sqlite_close,
	.error = sqlite_error,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.put_binding = sqlite_put_binding,
	.del_binding = sqlite_del_binding,
	.del_expired = sqlite_del_expired,
	.each_binding = sqlite_each_binding,
	.put_user = sqlite_put_user,
	.del_user = sqlite_del_user,
	.each_user = sqlite_each_user,
	.get_meta = sqlite_get_meta,
	.put_meta = sqlite_put_meta,
	.data_version = sqlite_data_version,
};

static int
exec(struct sqlite *q, const char *sql)
{
	return sqlite3_exec(q->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
	    0 : failed(q);
}

static int
user_version(struct sqlite *q, int *out)
{
	sqlite3_stmt *st;
	int err = 0;

	if (sqlite3_prepare_v2(q->db, "PRAGMA user_version", -1, &st, NULL) !=
	    SQLITE_OK)
		return failed(q);
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	else
		err = failed(q);
	sqlite3_finalize(st);
	return err;
}

static int
prepare(struct sqlite *q)
{
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(q->db, sql_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &q->stmt[i], NULL) != SQLITE_OK)
			return failed(q);
	}
	return 0;
}

static int
set_up(struct sqlite *q)
{
	int version = 0, err;

	sqlite3_busy_timeout(q->db, BUSY_MS);
	err = exec(q, "PRAGMA journal_mode = WAL");
	if (err == 0)
		err = exec(q, "PRAGMA synchronous = NORMAL");
	if (err == 0)
		err = user_version(q, &version);
	if (err == 0 && version > SCHEMA_MADE) {
		snprintf(q->error, sizeof(q->error), "made by a newer siptrust "
		    "(schema %d, this one knows %d)", version, SCHEMA_MADE);
		err = E_STORE;
	}
	if (err == 0 && version < SCHEMA_MADE)
		err = exec(q, schema);
	return err == 0 ? prepare(q) : err;
}

int
store_open_sqlite(struct store **out, const char *dir, char *why,
    size_t why_size)
{
	struct sqlite *q = calloc(1, sizeof(*q));
	char path[1024];
	mode_t before;
	int rc, err;

	if (q == NULL)
		return -ENOMEM;
	q->store.ops = &sqlite_ops;
	snprintf(path, sizeof(path), "%s/siptrust.db", dir);
	before = umask(0077); /* password hashes: for the owner alone */
	rc = sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	err = rc == SQLITE_OK ? set_up(q) : failed(q);
	umask(before);
	if (err != 0) {
		snprintf(why, why_size, "%s: %s", path, q->error);
		sqlite_close(&q->store);
		return err;
	}
	*out = &q->store;
	return 0;
}
