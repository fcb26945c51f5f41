/* Migrations. Each one is sent as a single script: lock, is it there already?, body, record, commit. Whether it is there
 * is decided inside the transaction, under the lock: of several starters one applies it and the others see SQLSTATE BW001
 * and go on. (CREATE ... IF NOT EXISTS alone fails when two run at once; facts: performance A3.) */
#include "badgewatch/app/migrate.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/embedded.h"
#include "badgewatch/core/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX ((size_t)16 << 20)
#define LOCK       "SELECT pg_advisory_xact_lock(hashtext('badgewatch migrations'));"

extern const struct bw_embedded bw_sql[]; /* in the order of their numbers */

static int newest(void)
{
    int n = 0;
    while (bw_sql[n].name)
        n++;
    return n;
}

/* ---- looking ---- */

struct check {
    void (*done)(void *ctx, enum bw_err err, const char *message);
    void *ctx;
};

/* Compares the rows of schema_migrations with what is embedded; "" if they are one. */
static void compare(const struct bw_pg_result *rows, char *out, size_t size)
{
    size_t n = bw_pg_rows(rows);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        int version = (int)strtol(bw_pg_value(rows, i, 0), NULL, 10);
        if (version > newest()) {
            snprintf(out, size,
                     "the database has schema %d, newer than this badgewatch (%d): use that version or a "
                     "newer one",
                     version, newest());
            return;
        }
        char hash[65];
        bw_sha256_hex(bw_sql[version - 1].text, strlen(bw_sql[version - 1].text), hash);
        if (strcmp(hash, bw_pg_value(rows, i, 1)) != 0) {
            snprintf(out, size, "migration %d of the database is not the one of this badgewatch", version);
            return;
        }
    }
    if (n < (size_t)newest())
        snprintf(out, size, "the schema is at %zu of %d migrations: run badgewatch migrate", n, newest());
}

static void on_checked(void *ctx, const struct bw_pg_answer *answer)
{
    struct check c = *(struct check *)ctx;
    char message[512] = "";
    free(ctx);
    enum bw_err err = answer->err;
    if (err == BW_OK)
        compare(answer->results[0], message, sizeof(message));
    else if (strcmp(answer->sqlstate, "42P01") == 0)
        snprintf(message, sizeof(message), "the database has no schema yet: run badgewatch migrate");
    else
        snprintf(message, sizeof(message), "%s", answer->message);
    if (err == BW_OK && message[0])
        err = BW_ERR_NOT_FOUND;
    c.done(c.ctx, err, message);
}

void bw_migrate_check(struct bw_pg *pg, void (*done)(void *ctx, enum bw_err err, const char *message),
                      void *ctx)
{
    struct check *c = bw_alloc(sizeof(*c));
    *c = (struct check){done, ctx};
    struct bw_pg_statement s = {"SELECT version, sha256 FROM schema_migrations ORDER BY version", 0, NULL};
    enum bw_err err = bw_pg_submit(pg, &s, 1, on_checked, c);
    if (err == BW_OK)
        return;
    free(c);
    done(ctx, err, bw_err_text(err));
}

/* ---- applying ---- */

struct migration {
    struct bw_pg *pg;
    int at;
    int applied;
    void (*done)(void *ctx, enum bw_err err, int applied, const char *message);
    void *ctx;
};

static void apply(struct migration *m);

static void finish(struct migration *m, enum bw_err err, const char *message)
{
    m->done(m->ctx, err, m->applied, message);
    free(m);
}

static void on_compared(void *ctx, enum bw_err err, const char *message)
{
    struct migration *m = ctx;
    finish(m, err, message);
}

static void on_rolled_back(void *ctx, const struct bw_pg_answer *answer)
{
    struct migration *m = ctx;
    if (answer->err != BW_OK)
        finish(m, answer->err, answer->message);
    else
        apply(m);
}

struct failed {
    struct migration *m;
    char message[512];
};

static void on_failed(void *ctx, const struct bw_pg_answer *answer)
{
    struct failed f = *(struct failed *)ctx;
    (void)answer; /* what went wrong before is what a person needs */
    free(ctx);
    finish(f.m, BW_ERR_PROTOCOL, f.message);
}

/* The script stopped inside its transaction: it must be ended on this connection before anything else. */
static void roll_back(struct migration *m, const struct bw_pg_answer *answer)
{
    bool there = strcmp(answer->sqlstate, "BW001") == 0;
    struct failed *f = bw_alloc(sizeof(*f));
    f->m = m;
    snprintf(f->message, sizeof(f->message), "%s: %s", bw_sql[m->at].name, answer->message);
    m->at++;
    enum bw_err err =
        bw_pg_script(m->pg, "ROLLBACK", there ? on_rolled_back : on_failed, there ? (void *)m : (void *)f);
    if (err != BW_OK) {
        finish(m, err, f->message);
        there = true;
    }
    if (there)
        free(f);
}

static void on_applied(void *ctx, const struct bw_pg_answer *answer)
{
    struct migration *m = ctx;
    if (answer->err == BW_ERR_PROTOCOL) {
        roll_back(m, answer);
    } else if (answer->err != BW_OK) {
        finish(m, answer->err, answer->message);
    } else {
        m->applied++;
        m->at++;
        apply(m);
    }
}

static void write_script(const struct bw_embedded *e, int version, struct bw_buf *out)
{
    char hash[65];
    bw_sha256_hex(e->text, strlen(e->text), hash);
    bw_buf_addf(
        out,
        "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL client_min_messages = "
        "warning;"
        " " LOCK
        " CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
        " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
        " DO $bw$ BEGIN IF EXISTS (SELECT FROM schema_migrations WHERE version = %d) THEN"
        " RAISE EXCEPTION 'already applied' USING ERRCODE = 'BW001'; END IF; END $bw$;\n",
        version);
    bw_buf_adds(out, e->text);
    bw_buf_addf(out,
                "\nINSERT INTO schema_migrations (version, name, sha256) VALUES (%d, '%s', '%s'); COMMIT;",
                version, e->name, hash);
}

static void apply(struct migration *m)
{
    if (!bw_sql[m->at].name) {
        bw_migrate_check(m->pg, on_compared, m); /* nothing newer, nothing changed? */
        return;
    }
    struct bw_buf script;
    bw_buf_init(&script, SCRIPT_MAX);
    write_script(&bw_sql[m->at], m->at + 1, &script);
    enum bw_err err = bw_pg_script(m->pg, bw_buf_str(&script), on_applied, m);
    bw_buf_fini(&script);
    if (err != BW_OK)
        finish(m, err, bw_err_text(err));
}

void bw_migrate_start(struct bw_pg *pg,
                      void (*done)(void *ctx, enum bw_err err, int applied, const char *message), void *ctx)
{
    struct migration *m = bw_alloc(sizeof(*m));
    *m = (struct migration){.pg = pg, .done = done, .ctx = ctx};
    apply(m);
}
