/* Finding a server, losing it, and finding it again: several hosts, refusals, peers that hang, restarts, read-only
 * servers; and that no text ever holds a password. */
#include "fixture.h"
#include "support/peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pgserver *server;

static const struct bw_pg_options quick = {
    .reconnect_min_ms = 5, .reconnect_max_ms = 50, .connect_timeout_ms = 300};

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    pgserver_database(server, "t");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

/* ---- the URL ---- */

static void bad_urls_are_refused_without_secrets(void **state)
{
    static const char *const urls[] = {
        "postgresql://u:geheim@h:notaport/db",  "postgresql://u:geheim@h:99999/db",
        "postgresql://u:geheim@[::1/db",        "postgresql://u:geheim@h/db?nosuch=1",
        "host=h password=geheim nosuch=geheim", "host=h password='geheim",
        "postgresql://u:geh%zzeim@h/db",        "postgresql://u:geheim@a,b,c:1,2/db?port=1,2",
        "postgresql://u:ge@geheim@h/db",        "postgresql://u:geheim@h/db?sslmode=nosuch",
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct bw_pg *pg = NULL;
        struct bw_error error = {0};
        const struct bw_pg_options options = {.url = urls[i]};
        if (bw_pg_new(*state, &options, &pg, &error) != BW_ERR_INVALID)
            fail_msg("not refused: %s", urls[i]);
        assert_null(pg);
        assert_true(strlen(error.text) > 10);
        if (strstr(error.text, "geheim") || strstr(error.text, "eim@"))
            fail_msg("a password in '%s'", error.text);
    }
}

/* ---- several hosts ---- */

/* libpq closes the refused socket and opens the next with the same number in one call. */
static void pg_multihost_same_fd(void **state)
{
    struct peer *refusing = peer_new_refusing();
    struct client c;
    struct answer a;
    char url[PGSERVER_URL];
    for (int i = 0; i < 5; i++) {
        snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1:%d,localhost:%d,%s:%d/t",
                 peer_port(refusing), pgserver_port(server), "127.0.0.1", pgserver_port(server));
        client_open(&c, *state, url, &quick);
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        assert_int_equal(c.states, 1); /* not refused first */
        ask(&c, &a, "SELECT 1");
        answer_free(&a);
        client_close(&c);
    }
    peer_free(refusing);
}

/* A unix socket, a name and an address in one list, as keywords instead of a URI. */
static void hosts_of_all_kinds(void **state)
{
    struct client c;
    struct answer a;
    char url[PGSERVER_URL];
    snprintf(url, sizeof(url), "host=/nonexistent,nosuchhost.invalid,%s port=%d user=postgres dbname=t",
             pgserver_folder(server), pgserver_port(server));
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    ask(&c, &a, "SELECT inet_server_addr() IS NULL");
    assert_string_equal(a.value, "t");
    answer_free(&a);
    client_close(&c);
    snprintf(url, sizeof(url), "host=nosuchhost.invalid hostaddr=127.0.0.1 port=%d user=postgres dbname=t",
             pgserver_port(server));
    client_open(&c, *state, url, &quick); /* hostaddr is not resolved again */
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    client_close(&c);
}

/* One address that hangs costs its own time-out, then the next one has its turn. */
static void hanging_host_gives_way_to_the_next(void **state)
{
    static const struct peer_step hang[] = {PEER_HANG, PEER_END};
    struct peer *hanging = peer_new_tcp();
    struct client c;
    char url[PGSERVER_URL];
    peer_script(hanging, hang);
    snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d/t", peer_port(hanging),
             pgserver_port(server));
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, 5000);
    assert_int_equal(c.states, 1);
    assert_int_equal(peer_accepted(hanging), 1);
    client_close(&c);
    peer_free(hanging);
}

/* ---- servers that are not there ---- */

static void refused_then_there(void **state)
{
    struct client c;
    struct answer a = {0};
    char url[PGSERVER_URL];
    pgserver_tcp_url(server, "postgres", "127.0.0.1", "t", url);
    pgserver_stop(server, SIGINT);
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_false(c.ready);
    assert_non_null(strstr(c.reason, "refused"));
    assert_non_null(strstr(c.reason, "127.0.0.1"));
    assert_null(strchr(c.reason, '\n'));
    assert_string_equal(bw_pg_reason(c.pg), c.reason);
    assert_int_equal(submit(&c, &a, "SELECT 1"), BW_ERR_UNAVAILABLE);
    pgserver_start(server);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_string_equal(bw_pg_reason(c.pg), "");
    client_close(&c);
}

static void unknown_host(void **state)
{
    struct client c;
    client_open(&c, *state, "postgresql://u:geheim@nosuchhost.invalid/t", &quick);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_non_null(strstr(c.reason, "nosuchhost.invalid"));
    assert_null(strstr(c.reason, "geheim"));
    client_close(&c);
}

/* Accepts and says nothing; hangs up; talks another protocol. Each is given up in time, and tried again. */
static void bad_peers(void **state)
{
    static const struct peer_step hang[] = {PEER_HANG, PEER_END}, end[] = {PEER_END}, reset[] = {PEER_RESET},
                                  http[] = {PEER_READ_MORE, PEER_SEND("HTTP/1.1 400 Bad Request\r\n\r\n"),
                                            PEER_END},
                                  drip[] = {PEER_READ_MORE, PEER_SEND("N"), PEER_READ_MORE,
                                            PEER_SEND("R\0\0"), PEER_HANG};
    static const struct peer_step *const scripts[] = {hang, end, reset, http, drip};
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct peer *peer = peer_new_tcp();
        struct client c;
        char url[PGSERVER_URL];
        peer_script(peer, scripts[i]);
        snprintf(url, sizeof(url), "postgresql://u:geheim@127.0.0.1:%d/t", peer_port(peer));
        client_open(&c, *state, url, &quick);
        LOOP_RUN_UNTIL(*state, peer_accepted(peer) >= 3 && c.states > 0, WAIT_MS);
        assert_false(c.ready);
        assert_null(strstr(c.reason, "geheim"));
        client_close(&c);
        peer_free(peer);
    }
}

/* ---- servers that refuse ---- */

static void reasons_of_refusal(void **state)
{
    static const struct {
        const char *user, *database, *reason;
    } cases[] = {{"locked:geheim", "t", NULL},
                 {"locked:falsch", "t", "password"},
                 {"locked", "t", "password"},
                 {"nosuchuser", "t", "nosuchuser"},
                 {"postgres", "nosuchdb", "nosuchdb"}};
    const struct bw_pg_options options = {
        .reconnect_min_ms = 5, .reconnect_max_ms = 60000, .connect_timeout_ms = 5000};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client c;
        char url[PGSERVER_URL];
        pgserver_tcp_url(server, cases[i].user, "127.0.0.1", cases[i].database, url);
        client_open(&c, *state, url, &options);
        LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
        if (cases[i].reason) {
            assert_false(c.ready);
            assert_non_null(strstr(c.reason, cases[i].reason));
            assert_null(strstr(c.reason, "falsch"));
            assert_null(strstr(c.reason, "LOCATION"));
            assert_null(strchr(c.reason, '\n'));
        } else {
            assert_true(c.ready);
        }
        client_close(&c);
    }
}

static int failed_logins(void)
{
    char *count = pgserver_ask(server, "postgres",
                               "SELECT (length(f) - length(replace(f, 'refused-here', ''))) / 12"
                               " FROM pg_read_file('../log') AS f");
    int n = (int)strtol(count, NULL, 10);
    free(count);
    return n;
}

/* A wrong password is not tried again every few milliseconds: the server's log, and its lock-outs, are other people's. */
static void refused_credentials_are_tried_slowly(void **state)
{
    const struct bw_pg_options options = {.reconnect_min_ms = 5, .reconnect_max_ms = 60000};
    struct client c;
    char url[PGSERVER_URL];
    pgserver_url(server, "refused-here", "", url);
    client_open(&c, *state, url, &options);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    LOOP_RUN_FOR(*state, 300);
    assert_int_equal(failed_logins(), 1);
    client_close(&c);
}

/* ---- read-only servers ---- */

static void read_only_server_is_not_ready(void **state)
{
    struct bw_pg_options options = quick;
    struct client c;
    struct answer a = {0};
    char url[PGSERVER_URL];
    pgserver_url(server, "t", "", url);
    pgserver_exec(server, "postgres", "ALTER DATABASE t SET default_transaction_read_only = on");
    client_open(&c, *state, url, &options); /* for reading it will do */
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    client_close(&c);
    options.read_write = true;
    client_open(&c, *state, url, &options);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_false(c.ready);
    assert_non_null(strstr(c.reason, "read-only"));
    pgserver_exec(server, "postgres", "ALTER DATABASE t RESET default_transaction_read_only");
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    /* It becomes read-only under our feet: the first refusal says so. */
    pgserver_exec(server, "postgres", "ALTER DATABASE t SET default_transaction_read_only = on");
    pgserver_exec(server, "postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    pgserver_exec(server, "postgres", "SELECT pg_reload_conf()");
    int states = c.states;
    do { /* until the reload has reached its session */
        assert_int_equal(submit(&c, &a, "CREATE SEQUENCE IF NOT EXISTS read_only_probe"), BW_OK);
        LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    } while (a.err == BW_OK);
    assert_string_equal(a.sqlstate, "25006");
    assert_true(a.transient);
    LOOP_RUN_UNTIL(*state, c.states > states, WAIT_MS);
    assert_non_null(strstr(c.reason, "read-only"));
    pgserver_exec(server, "postgres", "ALTER SYSTEM RESET ALL"); /* for whom nothing is read-only */
    pgserver_exec(server, "postgres", "SELECT pg_reload_conf()");
    pgserver_exec(server, "postgres",
                  "BEGIN READ WRITE; ALTER DATABASE t RESET default_transaction_read_only; COMMIT");

    client_close(&c);
}

/* The second host may be the one that takes writes. */
static void read_only_host_gives_way_to_the_next(void **state)
{
    struct pgserver *reader = pgserver_new();
    struct bw_pg_options options = quick;
    struct client c;
    struct answer a;
    char url[PGSERVER_URL], port[16];
    options.read_write = true;
    pgserver_exec(reader, "postgres", "ALTER DATABASE postgres SET default_transaction_read_only = on");
    snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres",
             pgserver_port(reader), pgserver_port(server));
    client_open(&c, *state, url, &options);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    ask(&c, &a, "SHOW port");
    snprintf(port, sizeof(port), "%d", pgserver_port(server));
    assert_string_equal(a.value, port);
    answer_free(&a);
    client_close(&c);
    pgserver_free(reader);
}

/* ---- connections that are lost ---- */

static void terminate_backends(void)
{
    pgserver_exec(server, "postgres",
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 't'");
}

/* What was answered is answered, the rest is failed once each, in order, and the
 * client comes back. */
static void pg_terminate_backend_midpipeline(void **state)
{
    struct client c;
    struct answer a[5] = {0};
    char url[PGSERVER_URL];
    pgserver_url(server, "t", "", url);
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(submit(&c, &a[0], "SELECT 1"), BW_OK);
    assert_int_equal(submit(&c, &a[1], "SELECT pg_sleep(20)"), BW_OK);
    for (int i = 2; i < 5; i++)
        assert_int_equal(submit(&c, &a[i], "SELECT 2"), BW_OK);
    LOOP_RUN_UNTIL(*state, a[0].calls > 0, WAIT_MS);
    terminate_backends();
    LOOP_RUN_UNTIL(*state, a[4].calls > 0, WAIT_MS);
    assert_int_equal(a[0].err, BW_OK);
    for (int i = 1; i < 5; i++) {
        assert_int_equal(a[i].calls, 1);
        assert_int_equal(a[i].err, BW_ERR_UNAVAILABLE);
        assert_string_equal(a[i].sqlstate, "");
        assert_true(a[i].transient);
        assert_true(a[i].message[0] != '\0');
        assert_true(a[i].order > a[i - 1].order);
    }
    LOOP_RUN_UNTIL(*state, c.ready && c.states == 3, WAIT_MS);
    answer_free(&a[0]);
    client_close(&c);
}

/* Wherever among sending and answering the connection ends: each batch that was taken is answered once, in order, and
 * what was said to be there is there. One that was refused is not heard of. */
static void terminated_at_each_turn(void **state)
{
    enum { ROUNDS = 24, BATCHES = 8 };
    struct client c;
    char url[PGSERVER_URL], sql[160];
    int done = 0, unknown = 0;
    pgserver_url(server, "t", "", url);
    pgserver_exec(server, "t", "CREATE TABLE told (round int, n int)");
    client_open(&c, *state, url, &quick);
    for (int round = 0; round < ROUNDS; round++) {
        struct answer a[BATCHES] = {0};
        int taken = 0;
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        while (taken < BATCHES) { /* it may still be the connection that ended in the round before */
            snprintf(sql, sizeof(sql), "INSERT INTO told SELECT %d, %d FROM pg_sleep(0.002)", round, taken);
            if (submit(&c, &a[taken], sql) != BW_OK)
                break;
            taken++;
        }
        for (int i = 0; i < round && taken > 0 && a[taken - 1].calls == 0; i++)
            bw_loop_turn(*state, true);
        terminate_backends();
        LOOP_RUN_UNTIL(*state, taken == 0 || a[taken - 1].calls > 0, WAIT_MS);
        for (int k = 0; k < taken; k++) {
            assert_int_equal(a[k].calls, 1);
            assert_true(k == 0 || a[k].order > a[k - 1].order);
            if (a[k].err != BW_OK) {
                assert_true(a[k].transient);
                unknown++;
                continue;
            }
            done++;
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM told WHERE round = %d AND n = %d", round, k);
            char *rows = pgserver_ask(server, "t", sql);
            assert_string_equal(rows, "1");
            free(rows);
        }
        assert_true(taken == BATCHES || a[taken].calls == 0);
    }
    assert_true(done > 0 && unknown > 0); /* or nothing was tried */
    client_close(&c);
    pgserver_exec(server, "t", "DROP TABLE told");
}

/* Nobody asked anything when it happened; the reason is the server's own. */
static void idle_connection_lost(void **state)
{
    const struct bw_pg_options slow = {.reconnect_min_ms = 30000, .reconnect_max_ms = 60000};
    struct client c;
    char url[PGSERVER_URL];
    pgserver_url(server, "t", "", url);
    client_open(&c, *state, url, &slow);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    terminate_backends();
    LOOP_RUN_UNTIL(*state, c.states == 2, WAIT_MS);
    assert_false(c.ready);
    assert_non_null(strstr(c.reason, "administrator"));
    client_close(&c);
}

/* Restarted in mid-flight, in order and as in a crash: each batch is answered once, and nothing of those that were
 * under way is there. */
static void server_restarts_in_midflight(void **state)
{
    enum { MANY = 6 };
    static const int signals[] = {SIGINT, SIGQUIT};
    static const struct bw_pg_statement slow[] = {{.sql = "INSERT INTO flight VALUES (1)"},
                                                  {.sql = "SELECT pg_sleep(20)"}};
    struct client c;
    char url[PGSERVER_URL];
    pgserver_tcp_url(server, "postgres", "127.0.0.1", "t", url);
    client_open(&c, *state, url, &quick);
    for (size_t i = 0; i < 2; i++) {
        struct answer a[MANY] = {0}, next;
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        ask(&c, &next, "CREATE TABLE IF NOT EXISTS flight AS SELECT 0 AS n");
        assert_int_equal(submit_all(&c, &a[0], slow, 2), BW_OK);
        for (int k = 1; k < MANY; k++)
            assert_int_equal(submit(&c, &a[k], "INSERT INTO flight VALUES (2)"), BW_OK);
        LOOP_RUN_FOR(*state, 50);
        pgserver_stop(server, signals[i]);
        LOOP_RUN_UNTIL(*state, a[MANY - 1].calls > 0, WAIT_MS);
        assert_false(c.ready);
        assert_int_equal(bw_pg_pending(c.pg), 0);
        pgserver_start(server);
        LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
        ask(&c, &next, "SELECT count(*) FROM flight");
        assert_string_equal(next.value, "1");
        answer_free(&next);
        for (int k = 0; k < MANY; k++) {
            assert_int_equal(a[k].calls, 1);
            assert_int_equal(a[k].err, BW_ERR_UNAVAILABLE);
            assert_true(a[k].transient);
        }
    }
    client_close(&c);
    pgserver_exec(server, "t", "DROP TABLE flight");
}

/* The server's process stands still: no answer, no end of the connection. */
static void frozen_server_times_out(void **state)
{
    const struct bw_pg_options options = {.reconnect_min_ms = 5,
                                          .reconnect_max_ms = 50,
                                          .statement_timeout_ms = 200,
                                          .connect_timeout_ms = 2000};
    struct client c;
    struct answer a;
    char url[PGSERVER_URL];
    pgserver_url(server, "t", "", url);
    client_open(&c, *state, url, &options);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    ask(&c, &a, "SELECT pg_backend_pid()");
    pid_t pid = (pid_t)strtol(a.value, NULL, 10);
    answer_free(&a);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    memset(&a, 0, sizeof(a));
    assert_int_equal(submit(&c, &a, "SELECT 1"), BW_OK);
    LOOP_RUN_UNTIL(*state, a.calls > 0, 20000);
    assert_int_equal(a.err, BW_ERR_TIMEOUT);
    assert_true(a.transient);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(kill(pid, SIGCONT), 0);
    ask(&c, &a, "SELECT 1");
    answer_free(&a);
    client_close(&c);
}

/* Closed while it is looking for a server, at each point of that. */
static void close_while_connecting(void **state)
{
    static const struct peer_step hang[] = {PEER_HANG, PEER_END};
    struct peer *peer = peer_new_tcp(), *refusing = peer_new_refusing();
    peer_script(peer, hang);
    for (int turns = 0; turns < 6; turns++) {
        char urls[3][PGSERVER_URL];
        snprintf(urls[0], PGSERVER_URL, "postgresql://u@127.0.0.1:%d/t", peer_port(peer));
        snprintf(urls[1], PGSERVER_URL, "postgresql://u@localhost:%d/t", peer_port(refusing));
        snprintf(urls[2], PGSERVER_URL, "postgresql://u@nosuchhost.invalid/t");
        for (size_t i = 0; i < 3; i++) {
            struct client c;
            client_open(&c, *state, urls[i], &quick);
            for (int k = 0; k < turns; k++)
                bw_loop_turn(*state, true);
            client_close_start(&c, WAIT_MS); /* nothing to drain: at once */
            LOOP_RUN_UNTIL(*state, c.closed, 1000);
        }
    }
    peer_free(peer);
    peer_free(refusing);
}

#define T(f) cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(bad_urls_are_refused_without_secrets),
        T(pg_multihost_same_fd),
        T(hosts_of_all_kinds),
        T(hanging_host_gives_way_to_the_next),
        T(refused_then_there),
        T(unknown_host),
        T(bad_peers),
        T(reasons_of_refusal),
        T(refused_credentials_are_tried_slowly),
        T(read_only_server_is_not_ready),
        T(read_only_host_gives_way_to_the_next),
        T(pg_terminate_backend_midpipeline),
        T(terminated_at_each_turn),
        T(idle_connection_lost),
        T(server_restarts_in_midflight),
        T(frozen_server_times_out),
        T(close_while_connecting),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
