/* Migrations: once each, whoever starts; and what is refused before anything is touched. */
#include "badgewatch/app/migrate.h"
#include "badgewatch/base/embedded.h"
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct bw_embedded bw_sql[];

static struct pgserver *server;
static char url[PGSERVER_URL];
static int versions;

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    pgserver_url(server, "m", "", url);
    while (bw_sql[versions].name)
        versions++;
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

static int setup(void **state)
{
    pgserver_database(server, "m");
    return loop_setup(state);
}

static void open_ready(struct client *c, struct bw_loop *loop)
{
    client_open(c, loop, url, NULL);
    LOOP_RUN_UNTIL(loop, c->ready, WAIT_MS);
}

static void assert_ask(const char *sql, const char *expected)
{
    char *got = pgserver_ask(server, "m", sql);
    if (strcmp(got, expected) != 0)
        fail_msg("%s: '%s', expected '%s'", sql, got, expected);
    free(got);
}

static void from_nothing_and_again(void **state)
{
    struct client c;
    struct migrated m;
    char expected[64];
    open_ready(&c, *state);
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_ERR_NOT_FOUND);
    assert_non_null(strstr(m.message, "badgewatch migrate"));
    migrate(&c, &m);
    if (m.err != BW_OK)
        fail_msg("%s", m.message);
    assert_int_equal(m.applied, versions);
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_OK);
    assert_string_equal(m.message, "");
    migrate(&c, &m);
    assert_int_equal(m.err, BW_OK);
    assert_int_equal(m.applied, 0);
    snprintf(expected, sizeof(expected), "%d %d", versions, versions);
    assert_ask(
        "SELECT count(*) || ' ' || max(version) FROM schema_migrations WHERE name ~ '^\\d{3}_.*\\.sql$'"
        " AND applied_at > now() - interval '1 hour'",
        expected);
    client_close(&c);
}

/* The numbers of the files are the versions: none left out, none twice. */
static void files_are_numbered(void **state)
{
    (void)state;
    assert_true(versions > 0);
    for (int i = 0; i < versions; i++) {
        char prefix[8];
        snprintf(prefix, sizeof(prefix), "%03d_", i + 1);
        assert_int_equal(strncmp(bw_sql[i].name, prefix, 4), 0);
        assert_int_equal(strncmp(bw_sql[i].text, "-- ", 3), 0); /* a head that says what it is */
    }
}

static void several_starters_at_once(void **state)
{
    enum { STARTERS = 8 };
    struct client c[STARTERS];
    struct migrated m[STARTERS] = {0};
    int applied = 0, done = 0;
    for (int i = 0; i < STARTERS; i++)
        client_open(&c[i], *state, url, NULL);
    for (int i = 0; i < STARTERS; i++)
        LOOP_RUN_UNTIL(*state, c[i].ready, WAIT_MS);
    for (int i = 0; i < STARTERS; i++)
        bw_migrate_start(c[i].pg, on_migrated, &m[i]);
    while (done < STARTERS) {
        LOOP_RUN_UNTIL(*state, m[done].calls > 0, 30000);
        done++;
    }
    for (int i = 0; i < STARTERS; i++) {
        if (m[i].err != BW_OK)
            fail_msg("starter %d: %s", i, m[i].message);
        assert_int_equal(m[i].calls, 1);
        applied += m[i].applied;
        client_close(&c[i]);
    }
    assert_int_equal(applied, versions);
}

static void newer_database_is_refused(void **state)
{
    struct client c;
    struct migrated m;
    char expected[96];
    open_ready(&c, *state);
    migrate(&c, &m);
    pgserver_exec(server, "m", "INSERT INTO schema_migrations SELECT 77, 'future', 'x'");
    snprintf(expected, sizeof(expected), "database schema 77 is newer than this badgewatch (%d)", versions);
    migrate(&c, &m);
    assert_int_equal(m.err, BW_ERR_CONFLICT);
    assert_int_equal(m.applied, 0);
    assert_non_null(strstr(m.message, expected));
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_ERR_CONFLICT);
    assert_non_null(strstr(m.message, expected));
    client_close(&c);
}

/* Refused before the missing one is applied. */
static void changed_migration_is_refused(void **state)
{
    struct client c;
    struct migrated m;
    open_ready(&c, *state);
    migrate(&c, &m);
    pgserver_exec(server, "m", "UPDATE schema_migrations SET sha256 = 'other' WHERE version = 1");
    pgserver_exec(server, "m", "DELETE FROM schema_migrations WHERE version > 1");
    migrate(&c, &m);
    assert_int_equal(m.err, BW_ERR_CONFLICT);
    assert_non_null(strstr(m.message, bw_sql[0].name));
    assert_ask("SELECT count(*) FROM schema_migrations", "1");
    pgserver_exec(server, "m", "UPDATE schema_migrations SET version = 0");
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_ERR_CONFLICT);
    client_close(&c);
}

static void half_way_is_said(void **state)
{
    struct client c;
    struct migrated m;
    char expected[64];
    open_ready(&c, *state);
    migrate(&c, &m);
    pgserver_exec(server, "m", "DELETE FROM schema_migrations WHERE version > 1");
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_ERR_NOT_FOUND);
    snprintf(expected, sizeof(expected), "schema 1 of %d", versions);
    assert_non_null(strstr(m.message, expected));
    client_close(&c);
}

/* A migration that fails leaves nothing, says which and why, and can be run again. */
static void failed_migration_leaves_nothing(void **state)
{
    struct client c;
    struct migrated m;
    struct answer a;
    pgserver_exec(server, "m", "CREATE TABLE rank_points (in_the_way int)");
    open_ready(&c, *state);
    migrate(&c, &m);
    assert_int_equal(m.err, BW_ERR_PROTOCOL);
    assert_int_equal(m.applied, 0);
    assert_non_null(strstr(m.message, bw_sql[0].name));
    assert_non_null(strstr(m.message, "rank_points"));
    assert_ask("SELECT to_regclass('tracked_asins') IS NULL AND to_regclass('schema_migrations') IS NULL",
               "t");
    ask(&c, &a, "SELECT 1"); /* the connection is as good as before */
    answer_free(&a);
    pgserver_exec(server, "m", "DROP TABLE rank_points");
    migrate(&c, &m);
    assert_int_equal(m.err, BW_OK);
    assert_int_equal(m.applied, versions);
    client_close(&c);
}

static void without_rights(void **state)
{
    struct client c;
    struct migrated m;
    char own[PGSERVER_URL];
    pgserver_tcp_url(server, "locked:geheim", "127.0.0.1", "m", own);
    client_open(&c, *state, own, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    migrate(&c, &m);
    assert_int_equal(m.err, BW_ERR_PROTOCOL);
    assert_non_null(strstr(m.message, "permission denied"));
    client_close(&c);
}

static void not_connected(void **state)
{
    struct client c;
    struct migrated m;
    client_open(&c, *state, "host=/nonexistent", NULL);
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_ERR_UNAVAILABLE);
    assert_true(m.message[0] != '\0');
    migrate(&c, &m);
    assert_int_equal(m.err, BW_ERR_UNAVAILABLE);
    client_close(&c);
}

/* The connection ends, or is closed, between any two steps: one callback, and the next run finishes the work. */
static void closed_in_flight(void **state)
{
    for (int turns = 0; turns < 6; turns++) {
        struct client c;
        struct migrated m = {0};
        open_ready(&c, *state);
        bw_migrate_start(c.pg, on_migrated, &m);
        for (int i = 0; i < turns && m.calls == 0; i++)
            bw_loop_turn(*state, true);
        client_close(&c);
        LOOP_RUN_UNTIL(*state, m.calls > 0, WAIT_MS);
        assert_int_equal(m.calls, 1);
    }
    struct client c;
    struct migrated m;
    open_ready(&c, *state);
    migrate(&c, &m); /* the one before may still hold the lock for a moment */
    assert_int_equal(m.err, BW_OK);
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_OK);
    client_close(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(from_nothing_and_again),
        cmocka_unit_test(files_are_numbered),
        T(several_starters_at_once),
        T(newer_database_is_refused),
        T(changed_migration_is_refused),
        T(half_way_is_said),
        T(failed_migration_leaves_nothing),
        T(without_rights),
        T(not_connected),
        T(closed_in_flight),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
