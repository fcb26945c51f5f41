/* The client with a real PostgreSQL: batches, errors, notifications, scripts, big values, closing. */
#include "badgewatch/base/alloc.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pgserver *server;
static char url[PGSERVER_URL];

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    pgserver_database(server, "t");
    pgserver_url(server, "t", "", url);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

static void open_ready(struct client *c, struct bw_loop *loop, const struct bw_pg_options *options)
{
    client_open(c, loop, url, options);
    LOOP_RUN_UNTIL(loop, c->ready, WAIT_MS);
}

/* ---- answers ---- */

static void batch_gives_one_result_a_statement(void **state)
{
    struct client c;
    struct answer a = {0};
    const char *const params[] = {"41", NULL};
    const struct bw_pg_statement batch[] = {
        {.sql = "CREATE TABLE numbers (n int)"},
        {.sql = "INSERT INTO numbers SELECT generate_series(1, 3)"},
        {.sql = ""},
        {.sql = "UPDATE numbers SET n = n + 1"},
        {.sql = "SELECT $1::int + 1, $2::text", .n_params = 2, .params = params},
    };
    open_ready(&c, *state, NULL);
    assert_int_equal(submit_all(&c, &a, batch, 5), BW_OK);
    assert_int_equal(bw_pg_pending(c.pg), 1);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_OK);
    assert_int_equal(a.n, 5);
    assert_int_equal(a.rows, 1);
    assert_string_equal(a.value, "42");
    assert_int_equal(bw_pg_pending(c.pg), 0);
    answer_free(&a);
    assert_int_equal(submit(&c, &a, "UPDATE numbers SET n = 0"), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.affected, 3);
    assert_int_equal(submit(&c, &a, "SELECT NULL"), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.rows, 1);
    assert_null(a.value);
    ask(&c, &a, "DROP TABLE numbers");
    client_close(&c);
}

/* What a session is like, whatever the server's defaults: texts that the rest of the program reads must not depend on
 * who configured the role. */
static void session_settings(void **state)
{
    static const struct {
        const char *name, *value;
    } settings[] = {{"application_name", "bw-test"}, {"statement_timeout", "7s"},
                    {"client_encoding", "UTF8"},     {"TimeZone", "UTC"},
                    {"DateStyle", "ISO, MDY"},       {"transaction_isolation", "read committed"}};
    const struct bw_pg_options options = {.application_name = "bw-test", .statement_timeout_ms = 7000};
    struct client c;
    struct answer a;
    pgserver_exec(server, "t",
                  "ALTER DATABASE t SET datestyle = 'German'; ALTER DATABASE t SET timezone = 'Asia/Tokyo';"
                  "ALTER DATABASE t SET client_encoding = 'LATIN1'");
    open_ready(&c, *state, &options);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "SHOW %s", settings[i].name);
        ask(&c, &a, sql);
        assert_string_equal(a.value, settings[i].value);
        answer_free(&a);
    }
    ask(&c, &a,
        "SELECT current_setting('lock_timeout') <> '0' AND"
        " current_setting('idle_in_transaction_session_timeout') <> '0'");
    assert_string_equal(a.value, "t");
    answer_free(&a);
    client_close(&c);
    pgserver_exec(server, "t", "ALTER DATABASE t RESET ALL");
}

/* What the URL says wins over what we would say. */
static void url_options_win(void **state)
{
    struct client c;
    struct answer a;
    char own[PGSERVER_URL];
    pgserver_url(server, "t", "&application_name=mine&options=-csearch_path%3Dpg_catalog", own);
    client_open(&c, *state, own, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    ask(&c, &a, "SELECT current_setting('application_name') || ' ' || current_setting('search_path')");
    assert_string_equal(a.value, "mine pg_catalog");
    answer_free(&a);
    client_close(&c);
}

/* ---- errors: all or nothing ---- */

/* Wherever a batch fails, nothing of it stays, the failing statement is named, and the batches
 * before and after it do not notice. */
static void pg_abort_at_item_k(void **state)
{
    struct client c;
    struct answer before, a, after, count;
    open_ready(&c, *state, NULL);
    ask(&c, &a, "CREATE TABLE items (n int)");
    for (size_t k = 0; k < 5; k++) {
        struct bw_pg_statement batch[5];
        memset(&before, 0, sizeof(before));
        memset(&after, 0, sizeof(after));
        memset(&a, 0, sizeof(a));
        for (size_t i = 0; i < 5; i++)
            batch[i] = (struct bw_pg_statement){.sql = i == k ? "INSERT INTO items SELECT 1 / 0"
                                                              : "INSERT INTO items VALUES (1)"};
        assert_int_equal(submit(&c, &before, "INSERT INTO items VALUES (2)"), BW_OK);
        assert_int_equal(submit_all(&c, &a, batch, 5), BW_OK);
        assert_int_equal(submit(&c, &after, "INSERT INTO items VALUES (3)"), BW_OK);
        LOOP_RUN_UNTIL(*state, after.calls > 0, WAIT_MS);
        assert_int_equal(before.err, BW_OK);
        assert_int_equal(a.calls, 1);
        assert_int_equal(a.err, BW_ERR_PROTOCOL);
        assert_string_equal(a.sqlstate, "22012");
        assert_false(a.transient);
        assert_int_equal(a.failed, k);
        assert_non_null(strstr(a.message, "division by zero"));
        assert_int_equal(a.n, 0);
        assert_int_equal(after.err, BW_OK);
        assert_true(before.order < a.order && a.order < after.order);
    }
    ask(&c, &count, "SELECT string_agg(DISTINCT n::text, ',') || ' ' || count(*) FROM items");
    assert_string_equal(count.value, "2,3 10");
    answer_free(&count);
    ask(&c, &a, "DROP TABLE items");
    assert_true(c.ready);
    client_close(&c);
}

/* An error at the commit itself: all statements went well, and nothing was applied. */
static void deferred_constraint_fails_at_commit(void **state)
{
    struct client c;
    struct answer a = {0}, next;
    const struct bw_pg_statement batch[] = {{.sql = "INSERT INTO deferred VALUES (1)"},
                                            {.sql = "INSERT INTO deferred VALUES (1)"}};
    open_ready(&c, *state, NULL);
    ask(&c, &next, "CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    assert_int_equal(submit_all(&c, &a, batch, 2), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_ERR_PROTOCOL);
    assert_string_equal(a.sqlstate, "23505");
    assert_true(a.failed < 2); /* an index that a caller may use */
    ask(&c, &next, "SELECT count(*) FROM deferred");
    assert_string_equal(next.value, "0");
    answer_free(&next);
    ask(&c, &next, "DROP TABLE deferred");
    client_close(&c);
}

/* One key twice in an upsert: refused whole, as bad data, and the connection is as good as before. */
static void pg_batch_duplicate_key(void **state)
{
    struct client c;
    struct answer a = {0}, next;
    const struct bw_pg_statement batch[] = {
        {.sql = "INSERT INTO keyed VALUES (7, 'first')"},
        {.sql = "INSERT INTO keyed SELECT * FROM unnest('{1,1}'::int[], '{a,b}'::text[])"
                " ON CONFLICT (k) DO UPDATE SET v = excluded.v"},
        {.sql = "INSERT INTO keyed VALUES (8, 'after')"}};
    open_ready(&c, *state, NULL);
    ask(&c, &next, "CREATE TABLE keyed (k int PRIMARY KEY, v text)");
    assert_int_equal(submit_all(&c, &a, batch, 3), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_ERR_PROTOCOL);
    assert_string_equal(a.sqlstate, "21000");
    assert_int_equal(a.failed, 1);
    assert_false(a.transient);
    ask(&c, &next, "SELECT count(*) FROM keyed");
    assert_string_equal(next.value, "0");
    answer_free(&next);
    ask(&c, &next, "DROP TABLE keyed");
    client_close(&c);
}

static void which_errors_are_transient(void **state)
{
    static const struct {
        const char *sqlstate;
        bool transient;
    } cases[] = {{"08006", true},  {"40001", true},  {"40P01", true},  {"53100", true},  {"53300", true},
                 {"55P03", true},  {"57014", true},  {"25006", true},  {"22P02", false}, {"23505", false},
                 {"42601", false}, {"25001", false}, {"21000", false}, {"BW001", false}, {"XX000", false}};
    struct client c;
    open_ready(&c, *state, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[160];
        struct answer a = {0};
        snprintf(sql, sizeof(sql),
                 "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '%s', DETAIL = 'row 7'; END $$",
                 cases[i].sqlstate);
        assert_int_equal(submit(&c, &a, sql), BW_OK);
        LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
        assert_int_equal(a.err, BW_ERR_PROTOCOL);
        assert_string_equal(a.sqlstate, cases[i].sqlstate);
        assert_int_equal(a.transient, cases[i].transient);
        assert_non_null(strstr(a.message, "made up"));
        assert_non_null(strstr(a.message, "row 7"));
    }
    client_close(&c);
}

static void statement_timeout_is_the_servers(void **state)
{
    const struct bw_pg_options options = {.statement_timeout_ms = 100};
    struct client c;
    struct answer a = {0};
    open_ready(&c, *state, &options);
    assert_int_equal(submit(&c, &a, "SELECT pg_sleep(30)"), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_string_equal(a.sqlstate, "57014");
    assert_true(a.transient);
    assert_true(c.ready); /* the connection is as good as before */
    client_close(&c);
}

/* Each statement may take its own statement_timeout: a long batch is not a hanging server. */
static void long_batch_is_not_a_hang(void **state)
{
    const struct bw_pg_options options = {.statement_timeout_ms = 300};
    struct bw_pg_statement batch[20];
    struct client c;
    struct answer a = {0}, queued = {0};
    for (size_t i = 0; i < 20; i++)
        batch[i] = (struct bw_pg_statement){.sql = "SELECT pg_sleep(0.2)"};
    open_ready(&c, *state, &options);
    assert_int_equal(submit_all(&c, &a, batch, 20), BW_OK);
    assert_int_equal(submit(&c, &queued, "SELECT 1"), BW_OK); /* waits 4 s for its turn */
    LOOP_RUN_UNTIL(*state, queued.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_OK);
    assert_int_equal(queued.err, BW_OK);
    assert_int_equal(c.states, 1);
    answer_free(&a);
    answer_free(&queued);
    client_close(&c);
}

/* COPY has no place in a pipeline: libpq would give its result for ever. */
static void copy_is_refused(void **state)
{
    static const char *const copies[] = {"COPY (SELECT 1) TO STDOUT", "COPY copied FROM STDIN"};
    struct client c;
    struct answer a = {0}, next;
    pgserver_exec(server, "t", "CREATE TABLE copied (n int)");
    open_ready(&c, *state, NULL);
    for (size_t i = 0; i < 2; i++) {
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        assert_int_equal(submit(&c, &a, copies[i]), BW_OK);
        LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
        assert_int_not_equal(a.err, BW_OK);
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        ask(&c, &next, "SELECT 5");
        assert_string_equal(next.value, "5");
        answer_free(&next);
    }
    client_close(&c);
    pgserver_exec(server, "t", "DROP TABLE copied");
}

/* ---- caps and order ---- */

static void queue_is_capped(void **state)
{
    const struct bw_pg_options options = {.max_batches = 3};
    struct client c;
    struct answer a[4] = {0};
    open_ready(&c, *state, &options);
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(&c, &a[i], "SELECT 1"), BW_OK);
    assert_int_equal(submit(&c, &a[3], "SELECT 1"), BW_ERR_BUSY);
    assert_int_equal(bw_pg_pending(c.pg), 3);
    LOOP_RUN_UNTIL(*state, a[2].calls > 0, WAIT_MS);
    assert_true(a[0].order < a[1].order && a[1].order < a[2].order);
    assert_int_equal(a[3].calls, 0);
    assert_int_equal(submit(&c, &a[3], "SELECT 1"), BW_OK);
    LOOP_RUN_UNTIL(*state, a[3].calls > 0, WAIT_MS);
    for (int i = 0; i < 4; i++)
        answer_free(&a[i]);
    client_close(&c);
}

/* A callback that submits the next batch, a hundred times. */
struct chain {
    struct client *client;
    int left;
};

static void on_link(void *ctx, const struct bw_pg_answer *answer)
{
    struct chain *chain = ctx;
    const struct bw_pg_statement statement = {.sql = "SELECT 1"};
    assert_int_equal(answer->err, BW_OK);
    if (--chain->left > 0)
        assert_int_equal(bw_pg_submit(chain->client->pg, &statement, 1, on_link, chain), BW_OK);
}

static void submit_from_a_callback(void **state)
{
    struct client c;
    const struct bw_pg_statement statement = {.sql = "SELECT 1"};
    open_ready(&c, *state, NULL);
    struct chain chain = {&c, 100};
    assert_int_equal(bw_pg_submit(c.pg, &statement, 1, on_link, &chain), BW_OK);
    LOOP_RUN_UNTIL(*state, chain.left == 0, WAIT_MS);
    client_close(&c);
}

/* Ten megabytes there and back, several at a time: each side wants to write before it reads. */
static void ten_megabytes_both_ways(void **state)
{
    enum { SIZE = 10 << 20, TIMES = 4 };
    struct client c;
    struct answer a[TIMES] = {0};
    char *big = bw_alloc(SIZE + 1);
    for (size_t i = 0; i < SIZE; i++)
        big[i] = (char)('a' + i % 23);
    const char *const params[] = {big};
    const struct bw_pg_statement batch[] = {{.sql = "SELECT repeat('x', 1000000)"},
                                            {.sql = "SELECT $1::text", .n_params = 1, .params = params}};
    open_ready(&c, *state, NULL);
    for (int i = 0; i < TIMES; i++)
        assert_int_equal(submit_all(&c, &a[i], batch, 2), BW_OK);
    LOOP_RUN_UNTIL(*state, a[TIMES - 1].calls > 0, 30000);
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(a[i].err, BW_OK);
        assert_int_equal(a[i].length, SIZE);
        assert_memory_equal(a[i].value, big, SIZE);
        answer_free(&a[i]);
    }
    free(big);
    client_close(&c);
}

/* ---- notifications ---- */

static void notify_arrives_also_when_idle(void **state)
{
    static const char *const channels[] = {"first", "Second \"one\"", NULL};
    const struct bw_pg_options options = {.listen = channels};
    struct client c;
    struct answer a;
    open_ready(&c, *state, &options);
    pgserver_exec(server, "t", "NOTIFY first, 'from outside'; NOTIFY \"Second \"\"one\"\"\"; NOTIFY third");
    LOOP_RUN_UNTIL(*state, c.n_notes >= 2, WAIT_MS);
    assert_string_equal(c.notes[0], "first from outside");
    assert_string_equal(c.notes[1], "Second \"one\" ");
    ask(&c, &a, "SELECT pg_notify('first', 'from inside')");
    answer_free(&a);
    LOOP_RUN_UNTIL(*state, c.n_notes >= 3, WAIT_MS);
    assert_string_equal(c.notes[2], "first from inside");
    assert_int_equal(c.n_notes, 3);
    client_close(&c);
}

/* After a lost connection nobody listens any more, unless the client says so again. */
static void listens_again_after_a_reconnect(void **state)
{
    static const char *const channels[] = {"again", NULL};
    const struct bw_pg_options options = {.listen = channels, .reconnect_min_ms = 5, .reconnect_max_ms = 50};
    struct client c;
    open_ready(&c, *state, &options);
    pgserver_exec(server, "t",
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE datname = 't' AND pid <> pg_backend_pid()");
    LOOP_RUN_UNTIL(*state, c.states >= 3, WAIT_MS); /* ready, lost, ready */
    assert_true(c.ready);
    pgserver_exec(server, "t", "NOTIFY again, 'here'");
    LOOP_RUN_UNTIL(*state, c.n_notes > 0, WAIT_MS);
    assert_string_equal(c.notes[0], "again here");
    client_close(&c);
}

/* ---- scripts ---- */

static void run_script(struct client *c, struct answer *a, const char *sql)
{
    *a = (struct answer){.client = c};
    assert_int_equal(bw_pg_script(c->pg, sql, on_answer, a), BW_OK);
    assert_int_equal(a->calls, 0);
    LOOP_RUN_UNTIL(c->loop, a->calls > 0, WAIT_MS);
}

static void script_runs_several_statements(void **state)
{
    struct client c;
    struct answer a, next;
    open_ready(&c, *state, NULL);
    run_script(
        &c, &a,
        "BEGIN; CREATE TABLE scripted (n int); INSERT INTO scripted VALUES (1), (2); SELECT 1; COMMIT;");
    assert_int_equal(a.err, BW_OK);
    assert_int_equal(a.n, 0);
    ask(&c, &next, "SELECT count(*) FROM scripted");
    assert_string_equal(next.value, "2");
    answer_free(&next);
    run_script(&c, &a, "DROP TABLE scripted");
    assert_int_equal(a.err, BW_OK);
    run_script(&c, &a, "");
    assert_int_equal(a.err, BW_OK);
    client_close(&c);
}

/* A script that stops within its own transaction must not leave it to the next user of the connection. */
static void failed_script_leaves_no_transaction(void **state)
{
    static const char *const scripts[] = {"BEGIN; CREATE TABLE half (n int); SELECT 1 / 0; COMMIT;",
                                          "CREATE TABLE half (n int); SELECT 1 / 0",
                                          "BEGIN; CREATE TABLE half (n int);" /* forgot to commit */};
    struct client c;
    struct answer a, next;
    open_ready(&c, *state, NULL);
    for (size_t i = 0; i < 3; i++) {
        run_script(&c, &a, scripts[i]);
        if (i < 2) {
            assert_int_equal(a.err, BW_ERR_PROTOCOL);
            assert_string_equal(a.sqlstate, "22012");
        }
        ask(&c, &next, "SELECT to_regclass('half') IS NULL");
        assert_string_equal(next.value, "t");
        answer_free(&next);
    }
    client_close(&c);
}

static void script_and_batches_exclude_each_other(void **state)
{
    struct client c;
    struct answer a = {0}, s = {0};
    open_ready(&c, *state, NULL);
    assert_int_equal(submit(&c, &a, "SELECT 1"), BW_OK);
    assert_int_equal(bw_pg_script(c.pg, "SELECT 1", on_answer, &s), BW_ERR_BUSY);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    answer_free(&a);
    assert_int_equal(bw_pg_script(c.pg, "SELECT 1", on_answer, &s), BW_OK);
    assert_int_equal(bw_pg_pending(c.pg), 1);
    assert_int_equal(submit(&c, &a, "SELECT 1"), BW_ERR_BUSY);
    LOOP_RUN_UNTIL(*state, s.calls > 0, WAIT_MS);
    assert_int_equal(s.err, BW_OK);
    ask(&c, &a, "SELECT 1");
    answer_free(&a);
    client_close(&c);
}

/* ---- closing ---- */

/* Close after 0, 1, 2, ... turns of a connection's life, with a batch in flight where there can be one. */
static void close_after_n_turns(void **state)
{
    int with_batch = 0;
    for (int turns = 0; turns < 20; turns++) {
        struct client c;
        struct answer a = {0};
        bool sent = false;
        client_open(&c, *state, url, NULL);
        for (int i = 0; i < turns; i++)
            bw_loop_turn(*state, !c.ready); /* an idle client would wait for ever */
        if (c.ready)
            sent = submit(&c, &a, "SELECT pg_sleep(20)") == BW_OK;
        with_batch += sent;
        int states = c.states;
        client_close_start(&c, 0);
        LOOP_RUN_UNTIL(*state, c.closed, 2000);
        assert_int_equal(c.states, states); /* the owner knows that it closes */
        assert_int_equal(a.calls, sent ? 1 : 0);
        if (sent)
            assert_int_equal(a.err, BW_ERR_CLOSED);
    }
    assert_true(with_batch > 0);
}

static void close_drains(void **state)
{
    struct client c;
    struct answer a = {0}, late = {0};
    open_ready(&c, *state, NULL);
    assert_int_equal(submit(&c, &a, "SELECT pg_sleep(0.2)"), BW_OK);
    client_close_start(&c, WAIT_MS);
    assert_int_not_equal(submit(&c, &late, "SELECT 1"), BW_OK);
    LOOP_RUN_UNTIL(*state, c.closed, WAIT_MS);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.err, BW_OK);
    answer_free(&a);
}

static void drain_ends_in_time(void **state)
{
    struct client c;
    struct answer a = {0};
    open_ready(&c, *state, NULL);
    assert_int_equal(submit(&c, &a, "SELECT pg_sleep(20)"), BW_OK);
    client_close_start(&c, 150);
    LOOP_RUN_UNTIL(*state, c.closed, 3000);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.err, BW_ERR_CLOSED);
}

static void close_from_a_callback(void **state)
{
    struct client c;
    struct answer a = {.close_inside = true}, b = {0};
    open_ready(&c, *state, NULL);
    assert_int_equal(submit(&c, &a, "SELECT 1"), BW_OK);
    assert_int_equal(submit(&c, &b, "SELECT pg_sleep(20)"), BW_OK);
    LOOP_RUN_UNTIL(*state, c.closed, WAIT_MS);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.err, BW_ERR_CLOSED);
    answer_free(&a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(batch_gives_one_result_a_statement),
        T(session_settings),
        T(url_options_win),
        T(pg_abort_at_item_k),
        T(deferred_constraint_fails_at_commit),
        T(pg_batch_duplicate_key),
        T(which_errors_are_transient),
        T(statement_timeout_is_the_servers),
        T(long_batch_is_not_a_hang),
        T(copy_is_refused),
        T(queue_is_capped),
        T(submit_from_a_callback),
        T(ten_megabytes_both_ways),
        T(notify_arrives_also_when_idle),
        T(listens_again_after_a_reconnect),
        T(script_runs_several_statements),
        T(failed_script_leaves_no_transaction),
        T(script_and_batches_exclude_each_other),
        T(close_after_n_turns),
        T(close_drains),
        T(drain_ends_in_time),
        T(close_from_a_callback),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
