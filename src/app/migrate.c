/* Migrations.
 *
 * Happy way: what the database has is read and compared with what is embedded; each migration that is missing is sent as
 * one script: lock, is it there meanwhile?, body, record, commit. Whether it is there is decided inside the transaction,
 * under the lock: of several starters one applies it, the others get SQLSTATE BW001 and look again. (CREATE ... IF NOT
 * EXISTS alone fails when two run at once.)
 *
 * How it fails: a database that is newer, or whose migrations are other ones, is refused before anything is touched. A
 * migration that the server refuses is rolled back whole (bw_pg_script ends its transaction). A connection that is lost
 * ends the run; what was applied stays applied, and the next run goes on from there. */
#include "badgewatch/app/migrate.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/embedded.h"
#include "badgewatch/core/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX  ((size_t)16 << 20)
#define MESSAGE_MAX 512
#define LOCK        "SELECT pg_advisory_xact_lock(hashtext('badgewatch migrations'));"

extern const struct bw_embedded bw_sql[]; /* in the order of their numbers: version 1 is the first */

static int newest(void)
{
    int n = 0;
    while (bw_sql[n].name)
        n++;
    return n;
}

/* ---- looking ---- */

struct look {
    struct bw_pg *pg;
    struct bw_timer *timer; /* for an answer that is known at the start */
    void (*done)(void *ctx, enum bw_err err, const char *message);
    void *ctx;
    int *version; /* where the database's version is put; may be NULL */
};

static bool is_same(int version, const char *recorded)
{
    char hash[65];
    bw_sha256_hex(bw_sql[version - 1].text, strlen(bw_sql[version - 1].text), hash);
    return recorded && strcmp(hash, recorded) == 0;
}

/* The rows of schema_migrations, in order, against what is embedded. *version: the last one. */
static enum bw_err compare(const struct bw_pg_result *rows, int *version, char message[MESSAGE_MAX])
{
    size_t n = bw_pg_rows(rows);
    int last = n > 0 ? (int)strtol(bw_pg_value(rows, n - 1, 0), NULL, 10) : 0;
    *version = last;
    if (last > newest()) {
        snprintf(message, MESSAGE_MAX, "database schema %d is newer than this badgewatch (%d)", last,
                 newest());
        return BW_ERR_CONFLICT;
    }
    for (int i = 0; (size_t)i < n; i++) {
        if (strtol(bw_pg_value(rows, (size_t)i, 0), NULL, 10) != i + 1) {
            snprintf(message, MESSAGE_MAX, "schema_migrations has no row of migration %d, but later ones",
                     i + 1);
            return BW_ERR_CONFLICT;
        }
        if (!is_same(i + 1, bw_pg_value(rows, (size_t)i, 1))) {
            snprintf(message, MESSAGE_MAX, "migration %s is not the one that was applied to the database",
                     bw_sql[i].name);
            return BW_ERR_CONFLICT;
        }
    }
    if (last == newest())
        return BW_OK;
    snprintf(message, MESSAGE_MAX, "the database has schema %d of %d: run badgewatch migrate", last,
             newest());
    return BW_ERR_NOT_FOUND;
}

static void end_look(struct look *l, enum bw_err err, const char *message)
{
    struct look copy = *l;
    bw_timer_free(l->timer);
    free(l);
    copy.done(copy.ctx, err, message);
}

static void on_rows(void *ctx, const struct bw_pg_answer *answer)
{
    struct look *l = ctx;
    int version = 0;
    char message[MESSAGE_MAX] = "";
    enum bw_err err = answer->err;
    if (err == BW_OK) {
        err = compare(answer->results[0], &version, message);
    } else if (strcmp(answer->sqlstate, "42P01") == 0) { /* there is no such table */
        err = BW_ERR_NOT_FOUND;
        snprintf(message, sizeof(message), "the database has no schema yet: run badgewatch migrate");
    } else {
        snprintf(message, sizeof(message), "%s", answer->message);
    }
    if (l->version)
        *l->version = version;
    end_look(l, err, message);
}

static void on_refused(void *ctx)
{
    struct look *l = ctx;
    const char *reason = bw_pg_reason(l->pg);
    end_look(l, BW_ERR_UNAVAILABLE, reason[0] ? reason : "the connection is busy");
}

static void start_look(struct bw_pg *pg, int *version,
                       void (*done)(void *ctx, enum bw_err err, const char *message), void *ctx)
{
    static const struct bw_pg_statement statement = {
        .sql = "SELECT version, sha256 FROM schema_migrations ORDER BY version"};
    struct look *l = bw_alloc(sizeof(*l));
    *l = (struct look){.pg = pg, .done = done, .ctx = ctx};
    l->version = version;
    if (bw_pg_submit(pg, &statement, 1, on_rows, l) != BW_OK) {
        l->timer = bw_timer_new(bw_pg_loop(pg), on_refused, l);
        bw_timer_start(l->timer, 1);
    }
}

void bw_migrate_check(struct bw_pg *pg, void (*done)(void *ctx, enum bw_err err, const char *message),
                      void *ctx)
{
    start_look(pg, NULL, done, ctx);
}

/* ---- applying ---- */

struct migration {
    struct bw_pg *pg;
    int version; /* of the database */
    int applied;
    void (*done)(void *ctx, enum bw_err err, int applied, const char *message);
    void *ctx;
};

static void look(struct migration *m);

static void finish(struct migration *m, enum bw_err err, const char *message)
{
    struct migration copy = *m;
    free(m);
    copy.done(copy.ctx, err, copy.applied, message);
}

static void on_applied(void *ctx, const struct bw_pg_answer *answer)
{
    struct migration *m = ctx;
    char message[MESSAGE_MAX + 256];
    if (answer->err == BW_OK) {
        m->applied++;
        look(m);
    } else if (strcmp(answer->sqlstate, "BW001") == 0) { /* another starter was faster */
        look(m);
    } else {
        snprintf(message, sizeof(message), "%s: %s", bw_sql[m->version].name, answer->message);
        finish(m, answer->err, message);
    }
}

static void write_script(const struct bw_embedded *e, int version, struct bw_buf *out)
{
    char hash[65];
    bw_sha256_hex(e->text, strlen(e->text), hash);
    bw_buf_addf(
        out,
        "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL client_min_messages ="
        " warning; " LOCK " CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY,"
        " name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
        " DO $bw$ BEGIN IF EXISTS (SELECT FROM schema_migrations WHERE version >= %d) THEN"
        " RAISE EXCEPTION 'already applied' USING ERRCODE = 'BW001'; END IF; END $bw$;\n",
        version);
    bw_buf_adds(out, e->text);
    bw_buf_addf(out,
                "\nINSERT INTO schema_migrations (version, name, sha256) VALUES (%d, '%s', '%s'); COMMIT;",
                version, e->name, hash);
}

/* The one after the database's version, which is known to be embedded. */
static void apply(struct migration *m)
{
    struct bw_buf script;
    bw_buf_init(&script, SCRIPT_MAX);
    write_script(&bw_sql[m->version], m->version + 1, &script);
    enum bw_err err = bw_pg_script(m->pg, bw_buf_str(&script), on_applied, m);
    bw_buf_fini(&script);
    if (err != BW_OK)
        finish(m, err, err == BW_ERR_BUSY ? "the connection is busy" : bw_pg_reason(m->pg));
}

static void on_looked(void *ctx, enum bw_err err, const char *message)
{
    struct migration *m = ctx;
    if (err == BW_ERR_NOT_FOUND)
        apply(m);
    else
        finish(m, err, message);
}

static void look(struct migration *m)
{
    start_look(m->pg, &m->version, on_looked, m);
}

void bw_migrate_start(struct bw_pg *pg,
                      void (*done)(void *ctx, enum bw_err err, int applied, const char *message), void *ctx)
{
    struct migration *m = bw_alloc(sizeof(*m));
    *m = (struct migration){.pg = pg, .done = done, .ctx = ctx};
    look(m);
}
