/* What the schema promises by itself: notifications of tracked_asins, what is refused, partitions, rights of the roles. */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pgserver *server;
static char url[PGSERVER_URL];

static const char *const listen_to[] = {"badgewatch_tracked", NULL};
static const struct bw_pg_options listening = {.listen = listen_to};

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    return 0;
}

/* A fresh database for each test, in a schema that is in no usual search_path. */
static int setup(void **state)
{
    struct client c;
    struct migrated m;
    pgserver_database(server, "s");
    pgserver_exec(server, "s", "CREATE SCHEMA \"Watch it\"; ALTER DATABASE s SET search_path = \"Watch it\"");
    pgserver_url(server, "s", "", url);
    loop_setup(state);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    migrate(&c, &m);
    if (m.err != BW_OK)
        fail_msg("%s", m.message);
    client_close(&c);
    return 0;
}

static void assert_ask(const char *sql, const char *expected)
{
    char *got = pgserver_ask(server, "s", sql);
    if (strcmp(got, expected) != 0)
        fail_msg("%s: '%s', expected '%s'", sql, got, expected);
    free(got);
}

/* Submits, waits, and gives the SQLSTATE ("" when it went well). */
static const char *try(struct client *c, struct answer *a, const char *sql)
{
    *a = (struct answer){0};
    assert_int_equal(submit(c, a, sql), BW_OK);
    LOOP_RUN_UNTIL(c->loop, a->calls > 0, WAIT_MS);
    answer_free(a);
    return a->err == BW_OK ? "" : a->sqlstate;
}

/* ---- tracked_asins ---- */

/* Each statement, and what it tells. "!" ends a step's notes: it is sent behind them on the same connection. */
static const struct {
    const char *sql;
    const char *notes[4];
} steps[] = {
    {"INSERT INTO tracked_asins (asin) VALUES ('B000000001'), ('B000000002')",
     {"1:B000000001", "1:B000000002"}},
    {"INSERT INTO tracked_asins (domain, asin) VALUES (3, 'B000000001')", {"3:B000000001"}},
    {"UPDATE tracked_asins SET priority = 1 WHERE domain = 3", {"3:B000000001"}},
    {"UPDATE tracked_asins SET priority = 1 WHERE asin = 'B000000001'",
     {"1:B000000001"}}, /* the other has it */
    {"UPDATE tracked_asins SET priority = priority", {NULL}},
    {"UPDATE tracked_asins SET label = 'x' WHERE asin = 'NOSUCHASIN'", {NULL}},
    {"UPDATE tracked_asins SET asin = 'B000000003' WHERE asin = 'B000000002'",
     {"1:B000000002", "1:B000000003"}},
    {"INSERT INTO tracked_asins (asin, label) VALUES ('B000000003', 'y') ON CONFLICT (domain, asin) DO "
     "UPDATE SET label ="
     " excluded.label",
     {"1:B000000003"}},
    {"INSERT INTO tracked_asins (asin) VALUES ('B000000003') ON CONFLICT DO NOTHING", {NULL}},
    {"DELETE FROM tracked_asins WHERE domain = 3", {"3:B000000001"}},
    {"INSERT INTO tracked_asins (asin) SELECT 'C' || lpad(n::text, 9, '0') FROM generate_series(1, 101) AS n",
     {"*"}},
    {"UPDATE tracked_asins SET tags = '{a}' WHERE asin LIKE 'C%'", {"*"}},
    {"DELETE FROM tracked_asins WHERE asin LIKE 'C%'", {"*"}},
    {"TRUNCATE tracked_asins", {"*"}},
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void notifications(void **state)
{
    struct client c;
    client_open(&c, *state, url, &listening);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        c.n_notes = 0;
        pgserver_exec(server, "s", steps[i].sql);
        pgserver_exec(server, "s", "NOTIFY badgewatch_tracked, '~'"); /* sorts behind all */
        LOOP_RUN_UNTIL(*state, c.n_notes > 0 && strchr(c.notes[c.n_notes - 1], '~'), WAIT_MS);
        qsort(c.notes, c.n_notes, sizeof(c.notes[0]), by_text);
        size_t n = 0;
        while (steps[i].notes[n]) {
            char expected[64];
            snprintf(expected, sizeof(expected), "badgewatch_tracked %s", steps[i].notes[n]);
            if (strcmp(c.notes[n], expected) != 0)
                fail_msg("%s: '%s', expected '%s'", steps[i].sql, c.notes[n], expected);
            n++;
        }
        if (c.n_notes != n + 1)
            fail_msg("%s: %zu notes, expected %zu", steps[i].sql, c.n_notes - 1, n);
    }
    client_close(&c);
}

#define HUNDRED                                                                                              \
    "INSERT INTO tracked_asins (asin) SELECT 'C' || lpad(n::text, 9, '0') FROM generate_series(1, 100) AS n"

static void hundred_rows_are_told_one_by_one(void **state)
{
    static const char *const each[] = {HUNDRED, "UPDATE tracked_asins SET label = 'x'",
                                       "DELETE FROM tracked_asins"};
    struct client c;
    client_open(&c, *state, url, &listening);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        c.n_notes = 0;
        pgserver_exec(server, "s", each[i]);
        pgserver_exec(server, "s", "NOTIFY badgewatch_tracked, '~'");
        LOOP_RUN_UNTIL(*state, c.n_notes > 0 && strchr(c.notes[c.n_notes - 1], '~'), WAIT_MS);
        assert_int_equal(c.n_notes, 101);
        qsort(c.notes, 100, sizeof(c.notes[0]), by_text);
        for (int n = 0; n < 100; n++) {
            char expected[64];
            snprintf(expected, sizeof(expected), "badgewatch_tracked 1:C%09d", n + 1);
            assert_string_equal(c.notes[n], expected);
        }
    }
    client_close(&c);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *sql, *sqlstate;
    } cases[] = {
        {"INSERT INTO tracked_asins (asin) VALUES ('B000000001')", ""},
        {"INSERT INTO tracked_asins (asin) VALUES ('b000000001')", "23514"},
        {"INSERT INTO tracked_asins (asin) VALUES ('B00000001')", "23514"},
        {"INSERT INTO tracked_asins (asin) VALUES ('B000000001' || chr(10))", "23514"},
        {"INSERT INTO tracked_asins (domain, asin) VALUES (7, 'B000000001')", "23514"},
        {"INSERT INTO tracked_asins (domain, asin) VALUES (12, 'B000000001')", ""},
        {"UPDATE tracked_asins SET priority = 0", "23514"},
        {"UPDATE tracked_asins SET monitoring_frequency = 0", "23514"},
        {"UPDATE tracked_asins SET monitoring_frequency = NULL", "23502"},
        {"INSERT INTO tracking_defaults (monitoring_frequency) VALUES (5)", "23505"},
        {"UPDATE tracking_defaults SET monitoring_frequency = 0", "23514"},
        {"UPDATE tracked_asins SET monitoring_frequency = 10080", ""},
        {"UPDATE tracked_asins SET monitoring_frequency = 10081", "23514"},
        {"INSERT INTO value_points VALUES (1, 'B000000001', 'nosuch', now(), 1)", "23514"},
        {"INSERT INTO value_points VALUES (1, 'B000000001', 'monthly_sold', now(), NULL)", ""},
        {"INSERT INTO unknown_periods VALUES (1, 'B000000001', NULL, '2026-01-01', NULL, 'x')", ""},
        {"INSERT INTO unknown_periods VALUES (1, 'B000000001', 0, '2026-01-01', NULL, 'x')", "23505"},
        {"INSERT INTO unknown_periods VALUES (1, 'B000000001', 5, '2026-01-01', NULL, 'x')", ""},
    };
    struct client c;
    struct answer a;
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = try(&c, &a, cases[i].sql);
        if (strcmp(got, cases[i].sqlstate) != 0)
            fail_msg("%s: '%s', expected '%s'", cases[i].sql, got, cases[i].sqlstate);
    }
    client_close(&c);
    assert_ask("SELECT priority || ' ' || (tags = '{}') || ' ' || is_active FROM tracked_asins LIMIT 1",
               "5 true true");
}

static void updated_at_moves_with_changes_only(void **state)
{
    (void)state;
    pgserver_exec(server, "s",
                  "INSERT INTO tracked_asins (asin, updated_at) VALUES ('B000000001', '2020-01-01')");
    pgserver_exec(server, "s", "UPDATE tracked_asins SET priority = priority");
    assert_ask("SELECT updated_at = '2020-01-01' FROM tracked_asins", "t");
    pgserver_exec(server, "s", "UPDATE tracked_asins SET priority = 7");
    assert_ask("SELECT updated_at > now() - interval '1 hour' FROM tracked_asins", "t");
}

/* ---- state goes with the product ---- */

#define STATES                                                                                               \
    "INSERT INTO tracked_asins (asin) VALUES ('B000000001'), ('B000000002'), ('B000000003');"                \
    "INSERT INTO asin_current_state (domain, asin, sales_ranks, bestseller_badges, last_updated, version, "  \
    "state)"                                                                                                 \
    " SELECT domain, asin, '{}', '[]', now(), 1, '{}' FROM tracked_asins ON CONFLICT DO NOTHING"

static void state_goes_with_the_product(void **state)
{
    static const struct {
        const char *sql, *left;
    } cases[] = {{"UPDATE tracked_asins SET priority = 3", "123"},
                 {"DELETE FROM tracked_asins WHERE asin = 'B000000001'", "23"},
                 {"UPDATE tracked_asins SET asin = 'B000000009' WHERE asin = 'B000000002'", "3"},
                 {"TRUNCATE tracked_asins", ""}};
    (void)state;
    pgserver_exec(server, "s", STATES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pgserver_exec(server, "s", cases[i].sql);
        assert_ask("SELECT string_agg(right(asin, 1), '' ORDER BY asin) FROM asin_current_state",
                   cases[i].left);
    }
}

/* ---- partitions and the view ---- */

static void partitions_are_made_and_dropped(void **state)
{
    (void)state;
    assert_ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'raw_responses'::regclass", "3");
    pgserver_exec(server, "s",
                  "SELECT badgewatch_maintain(5, '90 days'); SELECT badgewatch_maintain(5, '90 days')");
    assert_ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'raw_responses'::regclass", "6");
    /* months of any time, at both edges of UTC's month, whatever the caller's zone and date style */
    pgserver_exec(server, "s",
                  "SET timezone = 'Asia/Tokyo'; SET datestyle = 'German';"
                  "SELECT badgewatch_partition_for('2024-02-29 23:59:59.999+00');"
                  "SELECT badgewatch_partition_for('2024-03-01 00:00+00');"
                  "SELECT badgewatch_partition_for('2024-03-01 00:00+09')" /* February */);
    assert_ask("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ "
               "'^raw_responses_2024_..$'",
               "raw_responses_2024_02 raw_responses_2024_03");
    pgserver_exec(server, "s",
                  "INSERT INTO raw_responses SELECT at, 1, 'B000000001', gen_random_uuid(), '{}'"
                  " FROM unnest('{2024-02-01 00:00+00,2024-02-29 23:59:59.999999+00,2024-03-31 23:59+00}'"
                  "::timestamptz[]) AS at");
    assert_ask("SELECT count(*) FROM raw_responses_2024_02", "2");
    assert_ask("SELECT badgewatch_maintain(0, now() - '2024-03-31 23:59:58+00')",
               "1"); /* March holds a younger moment */
    assert_ask("SELECT to_regclass('raw_responses_2024_02') IS NULL AND to_regclass('raw_responses_2024_03') "
               "IS NOT NULL",
               "t");
    assert_ask("SELECT badgewatch_maintain(0, '90 days')", "1");
    assert_ask("SELECT count(*) FROM raw_responses", "0");
    assert_ask("SELECT attcompression FROM pg_attribute WHERE attrelid = (SELECT "
               "min(inhrelid::regclass::text)::regclass"
               " FROM pg_inherits WHERE inhparent = 'raw_responses'::regclass) AND attname = 'raw'",
               "l");
}

/* Writers that meet the same missing month at once, and a maintainer. */
static void partitions_by_several_at_once(void **state)
{
    enum { MANY = 8 };
    struct client c[MANY];
    struct answer a[MANY] = {0};
    for (int i = 0; i < MANY; i++)
        client_open(&c[i], *state, url, NULL);
    for (int i = 0; i < MANY; i++)
        LOOP_RUN_UNTIL(*state, c[i].ready, WAIT_MS);
    for (int i = 0; i < MANY; i++) {
        const struct bw_pg_statement batch[] = {
            {.sql = i % 2 ? "SELECT badgewatch_partition_for('2035-07-01')"
                          : "SELECT badgewatch_maintain(6, '90 days')"},
            {.sql = "SELECT badgewatch_partition_for('2035-07-01')"},
            {.sql =
                 "INSERT INTO raw_responses VALUES ('2035-07-09', 1, 'B000000001', gen_random_uuid(), '1')"}};
        assert_int_equal(submit_all(&c[i], &a[i], batch, 3), BW_OK);
    }
    for (int i = 0; i < MANY; i++) {
        LOOP_RUN_UNTIL(*state, a[i].calls > 0, WAIT_MS);
        if (a[i].err != BW_OK)
            fail_msg("%d: %s", i, a[i].message);
        client_close(&c[i]);
    }
    assert_ask("SELECT count(*) FROM raw_responses_2035_07", "8");
}

/* Somebody reads an old partition for long: it stays, all others are looked after, and writers are not held up. */
static void reader_keeps_its_partition(void **state)
{
    struct client c, reader;
    struct answer a, r = {0};
    pgserver_exec(server, "s", "SELECT badgewatch_partition_for('2024-02-01')");
    client_open(&c, *state, url, NULL);
    client_open(&reader, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready && reader.ready, WAIT_MS);
    assert_int_equal(submit(&reader, &r, "SELECT count(*), pg_sleep(6) FROM raw_responses"), BW_OK);
    LOOP_RUN_FOR(*state, 200); /* it has its locks */
    ask(&c, &a, "SELECT badgewatch_maintain(2, '90 days')");
    assert_string_equal(a.value, "0");
    assert_int_equal(r.calls, 0);
    answer_free(&a);
    LOOP_RUN_UNTIL(*state, r.calls > 0, WAIT_MS);
    answer_free(&r);
    ask(&c, &a, "SELECT badgewatch_maintain(2, '90 days')");
    assert_string_equal(a.value, "1");
    answer_free(&a);
    client_close(&c);
    client_close(&reader);
}

static void history_view(void **state)
{
    (void)state;
    pgserver_exec(
        server, "s",
        "INSERT INTO checks SELECT '2026-05-10 04:00+00', 1, 'B000000001', id, state, reason, '[]', '{}', "
        "sha, NULL"
        " FROM (VALUES ('00000000-0000-0000-0000-000000000001'::uuid, 'ok', NULL, repeat('a', 64)),"
        " ('00000000-0000-0000-0000-000000000002', 'unknown', 'absent', NULL)) AS v(id, state, reason, sha);"
        "SELECT badgewatch_partition_for('2026-05-10 04:00+00');"
        "INSERT INTO raw_responses VALUES ('2026-05-10 04:00+00', 1, 'B000000001',"
        " '00000000-0000-0000-0000-000000000001', E'{ \"a\" : \"\\\\u0000\",  \"a\":1 }', true)");
    assert_ask("SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns"
               " WHERE table_name = 'asin_history' AND ordinal_position <= 10",
               "check_timestamp domain asin data_state bestseller_badges sales_ranks raw_keepa_response "
               "raw_sha256 batch_id"
               " keepa_last_update");
    assert_ask("SELECT raw_keepa_response::text FROM asin_history WHERE data_state = 'ok'",
               "{ \"a\" : \"\\u0000\",  \"a\":1 }"); /* byte for byte */
    assert_ask("SELECT (raw_keepa_response IS NULL) || ' ' || (raw_sha256 IS NULL) FROM asin_history WHERE "
               "data_state ="
               " 'unknown'",
               "true true");
    pgserver_exec(server, "s", "DROP TABLE raw_responses_2026_05");
    assert_ask(
        "SELECT count(*) || ' ' || count(raw_keepa_response) || ' ' || count(raw_sha256) FROM asin_history",
        "2 0 1");
}

/* ---- two in one database ---- */

#define ONE_PRODUCT                                                                                          \
    "INSERT INTO %1$s.tracked_asins (asin) VALUES ('B000000001');"                                           \
    "INSERT INTO %1$s.asin_current_state (domain, asin, sales_ranks, bestseller_badges, last_updated,"       \
    " version, state) VALUES (1, 'B000000001', '{}', '[]', now(), 1, '{}');"                                 \
    "SELECT %1$s.badgewatch_partition_for('2024-02-01')"

/* A second badgewatch in a schema of its own, by the URL's search_path. Functions called by their full names from
 * anywhere work on their own schema. */
static void schemas_do_not_meet(void **state)
{
    struct client c;
    struct migrated m;
    char own[PGSERVER_URL], sql[1000];
    pgserver_exec(server, "s", "CREATE SCHEMA foo");
    pgserver_url(server, "s", "&options=-csearch_path%3Dfoo", own);
    client_open(&c, *state, own, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    migrate(&c, &m);
    if (m.err != BW_OK || m.applied == 0)
        fail_msg("%s", m.message);
    client_close(&c);
    snprintf(sql, sizeof(sql), ONE_PRODUCT, "foo");
    pgserver_exec(server, "s", sql);
    snprintf(sql, sizeof(sql), ONE_PRODUCT, "\"Watch it\"");
    pgserver_exec(server, "s", sql);
    pgserver_exec(server, "s", "SET search_path = public; DELETE FROM foo.tracked_asins");
    assert_ask("SELECT count(*) FROM foo.asin_current_state", "0");
    assert_ask("SELECT count(*) FROM asin_current_state", "1");
    assert_ask("SELECT foo.badgewatch_maintain(1, '90 days')", "1");
    assert_ask("SELECT to_regclass('foo.raw_responses_2024_02') IS NULL AND"
               " to_regclass('raw_responses_2024_02') IS NOT NULL",
               "t");
    pgserver_exec(server, "s", "DROP SCHEMA foo CASCADE"); /* all of it was there */
    assert_ask("SELECT badgewatch_maintain(1, '90 days')", "1");
}

/* ---- roles ---- */

static void may(struct client *c, const char *sql, bool allowed)
{
    struct answer a;
    const char *got = try(c, &a, sql);
    if (strcmp(got, allowed ? "" : "42501") != 0)
        fail_msg("%s: '%s' %s", sql, got, a.message);
}

static void open_as(struct client *c, struct bw_loop *loop, const char *user)
{
    char own[PGSERVER_URL];
    pgserver_tcp_url(server, user, "127.0.0.1", "s", own);
    client_open(c, loop, own, NULL);
    LOOP_RUN_UNTIL(loop, c->ready, WAIT_MS);
}

static void make_roles(void)
{
    static const char file[] = BW_SOURCE_DIR "/db/roles.sql";
    pgserver_psql(server, "s", file, NULL);
    pgserver_psql(server, "s", file, NULL); /* again: nothing happens */
    pgserver_exec(server, "postgres",
                  "DO $$ BEGIN IF to_regrole('d') IS NULL THEN"
                  " CREATE ROLE d LOGIN IN ROLE badgewatch_daemon;"
                  " CREATE ROLE r LOGIN IN ROLE badgewatch_reader; CREATE ROLE nobody LOGIN; END IF; END $$");
}

static void daemon_needs_no_more(void **state)
{
    struct client c;
    struct migrated m;
    make_roles();
    open_as(&c, *state, "d");
    check_schema(&c, &m);
    assert_int_equal(m.err, BW_OK);
    migrate(&c, &m); /* nothing to do: no right is needed for that */
    assert_int_equal(m.err, BW_OK);
    may(&c, "INSERT INTO tracked_asins (asin) VALUES ('B000000001')", true);
    may(&c,
        "INSERT INTO asin_current_state (domain, asin, sales_ranks, bestseller_badges, last_updated, "
        "version, state)"
        " VALUES (1, 'B000000001', '{}', '[]', now(), 1, '{}')",
        true);
    may(&c, "DELETE FROM tracked_asins", true);
    client_close(&c);
}

static void rights(void **state)
{
    static const struct {
        const char *sql;
        bool daemon, reader;
    } cases[] = {
        {"INSERT INTO tracked_asins (asin) VALUES ('B000000001') ON CONFLICT DO NOTHING", true, false},
        {"UPDATE tracked_asins SET priority = 2", true, false},
        {"DELETE FROM tracked_asins", true, false},
        {"TRUNCATE tracked_asins", false, false},
        {"SELECT FROM tracked_asins", true, true},
        {"SELECT FROM asin_current_state", true, true},
        {"SELECT FROM asin_history", true, true},
        {"SELECT FROM schema_migrations", true, true},
        {"DELETE FROM schema_migrations", false, false},
        {"SELECT badgewatch_maintain(3, '90 days')", true, false},
        {"SELECT badgewatch_partition_for('2031-01-01')", true, false},
        {"INSERT INTO raw_responses VALUES ('2031-01-31', 1, 'B000000001', gen_random_uuid(), '1')", true,
         false},
        {"SELECT FROM raw_responses", true, true},
        {"INSERT INTO notification_log (dedupe, kind, attempt, outcome, at) VALUES (gen_random_uuid(), "
         "'alert', 1, 'ok', now())",
         true, false},
        {"DELETE FROM daily_summaries", true, false},
        {"UPDATE tracking_defaults SET monitoring_frequency = 45", true, false},
        {"SELECT FROM tracking_defaults", true, true},
        {"INSERT INTO categories VALUES (1, 5, 'x')", true, false},
        {"SELECT FROM reigns, rank_points, value_points, unknown_periods, bestseller_changes, api_usage_log, "
         "categories",
         true, true},
        {"CREATE TABLE mine (n int)", false, false},
        {"DROP TABLE raw_responses_2031_01", false, false},
        {"ALTER TABLE checks ADD x int", false, false},
    };
    struct client d, r;
    make_roles();
    open_as(&d, *state, "d");
    open_as(&r, *state, "r");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        may(&d, cases[i].sql, cases[i].daemon);
        may(&r, cases[i].sql, cases[i].reader);
    }
    client_close(&d);
    client_close(&r);
}

/* A client that may only edit the list of products, with another search_path, does not need to know of the rest; and
 * what it puts in the way with a temporary table does not reach the owner's functions. */
static void list_editor_needs_no_other_right(void **state)
{
    struct client c, daemon;
    struct answer a;
    make_roles();
    pgserver_exec(server, "s", STATES);
    pgserver_exec(server, "s",
                  "GRANT USAGE ON SCHEMA \"Watch it\" TO nobody;"
                  "GRANT SELECT, INSERT, UPDATE, DELETE ON tracked_asins TO nobody");
    open_as(&c, *state, "nobody");
    client_open(&daemon, *state, url, &listening);
    LOOP_RUN_UNTIL(*state, daemon.ready, WAIT_MS);
    ask(&c, &a, "CREATE TEMP TABLE asin_current_state (domain smallint, asin text)");
    ask(&c, &a, "SELECT set_config('search_path', 'pg_temp, public', false)");
    answer_free(&a);
    may(&c, "DELETE FROM \"Watch it\".tracked_asins WHERE asin = 'B000000001'", true);
    may(&c, "SELECT \"Watch it\".badgewatch_maintain(3, '90 days')", false);
    may(&c, "SELECT \"Watch it\".badgewatch_tell('{*}')", false);
    LOOP_RUN_UNTIL(*state, daemon.n_notes > 0, WAIT_MS);
    assert_string_equal(daemon.notes[0], "badgewatch_tracked 1:B000000001");
    assert_ask("SELECT count(*) FROM asin_current_state", "2");
    client_close(&c);
    client_close(&daemon);
}

static void roles_by_other_names(void **state)
{
    (void)state;
    pgserver_psql(server, "s", BW_SOURCE_DIR "/db/roles.sql", "-vdaemon=odd \"name");
    assert_ask("SELECT has_table_privilege('odd \"name', 'checks', 'INSERT')", "t");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(notifications),
        T(hundred_rows_are_told_one_by_one),
        T(what_is_refused),
        T(updated_at_moves_with_changes_only),
        T(state_goes_with_the_product),
        T(partitions_are_made_and_dropped),
        T(partitions_by_several_at_once),
        T(reader_keeps_its_partition),
        T(history_view),
        T(schemas_do_not_meet),
        T(daemon_needs_no_more),
        T(rights),
        T(list_editor_needs_no_other_right),
        T(roles_by_other_names),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
