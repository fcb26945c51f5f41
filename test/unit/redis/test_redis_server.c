/* The client with a real Redis: log in, restart, big values, scripts. */
#include "client_p.h"
#include "fixture.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bw_redis_options quick = {
    .client_name = "bw-test", .reconnect_min_ms = 5, .reconnect_max_ms = 50};

static void socket_and_database(void **state)
{
    struct server s;
    struct client c;
    struct answer a;
    char url[160];

    server_open(&s);
    server_start(&s, NULL);
    snprintf(url, sizeof url, "%s?db=3", s.socket_url);
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &a, "CLIENT", "INFO");
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_non_null(strstr(a.text, "name=bw-test"));
    assert_non_null(strstr(a.text, "db=3"));
    SEND(&c, &a, "NOSUCHCOMMAND");
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_OK); /* an error is a reply too */
    assert_int_equal(a.type, BW_REPLY_ERROR);
    assert_true(c.ready);
    client_close(&c);
    server_close(&s);
}

/* Who logs in how, and what comes of it. The server has requirepass and a user. */
static const struct {
    const char *login;
    bool ready;
    const char *reason;
} logins[] = {
    {":geheim@", true, ""},
    {"ann:p%40ss@", true, ""},
    {"", false, "password is needed"},
    {":falsch@", false, "wrong password"},
    {"ann:geheim@", false, "wrong password"},
    {"bob:p%40ss@", false, "wrong password"},
};

static long connections_of(struct client *c)
{
    struct answer a;

    SEND(c, &a, "EVAL", "return string.match(redis.call('INFO','stats'),'total_connections_received:(%d+)')",
         "0");
    LOOP_RUN_UNTIL(c->loop, a.calls > 0, WAIT_MS);
    return strtol(a.text, NULL, 10);
}

static void passwords_and_users(void **state)
{
    static const char *const acl[] = {"--requirepass", "geheim", "--user", "ann",   "on",
                                      ">p@ss",         "~*",     "&*",     "+@all", NULL};
    struct server s;
    struct client admin;
    char url[128];

    server_open(&s);
    server_start(&s, acl);
    snprintf(url, sizeof url, "redis://:geheim@127.0.0.1:%d/0", s.port);
    client_open(&admin, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, admin.ready, WAIT_MS);
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        struct client c;
        snprintf(url, sizeof url, "redis://%s127.0.0.1:%d/0", logins[i].login, s.port);
        long before = connections_of(&admin);
        int64_t began = bw_mono_now().ms;
        client_open(&c, *state, url, &(struct bw_redis_options){.reconnect_min_ms = 100});
        LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
        if (c.ready != logins[i].ready || !strstr(c.reason, logins[i].reason))
            fail_msg("'%s': %d '%s'", logins[i].login, c.ready, c.reason);
        assert_null(strstr(c.reason, "geheim"));
        LOOP_RUN_FOR(*state, 250);
        long tries = connections_of(&admin) - before;
        assert_true(tries >= 1 && tries <= 1 + (bw_mono_now().ms - began) / 100); /* no tight loop */
        assert_int_equal(c.states, 1);
        client_close(&c);
    }
    client_close(&admin);
    server_close(&s);
}

/* The password becomes right while the client runs. */
static void login_mended_later(void **state)
{
    static const char *const acl[] = {"--requirepass", "alt", NULL};
    struct server s;
    struct client c;
    struct client admin;
    struct answer a;
    char url[128];

    server_open(&s);
    server_start(&s, acl);
    snprintf(url, sizeof url, "redis://:alt@127.0.0.1:%d", s.port);
    client_open(&admin, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, admin.ready, WAIT_MS);
    snprintf(url, sizeof url, "redis://:neu@127.0.0.1:%d", s.port);
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, strstr(c.reason, "wrong password"), WAIT_MS);
    SEND(&admin, &a, "CONFIG", "SET", "requirepass", "neu");
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    client_close(&c);
    client_close(&admin);
    server_close(&s);
}

struct burst {
    size_t sent;
    size_t answered;
    size_t ok;
    size_t unavailable;
};

static void count_answer(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct burst *b = ctx;

    assert_int_equal(err == BW_OK, reply != NULL);
    b->answered++;
    b->ok += err == BW_OK;
    b->unavailable += err == BW_ERR_UNAVAILABLE;
}

/* Killed in the middle of a pipeline: each command is answered exactly once, and it connects again. */
static void restart_in_mid_pipeline(void **state)
{
    struct server s;
    struct client c;
    struct burst b = {0};
    struct answer a;

    server_open(&s);
    server_start(&s, NULL);
    client_open(&c, *state, s.socket_url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (; b.sent < 5000; b.sent++)
        assert_int_equal(bw_redis_command(c.r, 2, (const char *[]){"INCR", "n"}, NULL, count_answer, &b),
                         BW_OK);
    /* it answers this one too, and then nobody */
    assert_int_equal(
        bw_redis_command(c.r, 4, (const char *[]){"CLIENT", "PAUSE", "60000", "ALL"}, NULL, count_answer, &b),
        BW_OK);
    for (b.sent++; b.sent < 9000; b.sent++)
        assert_int_equal(bw_redis_command(c.r, 2, (const char *[]){"INCR", "n"}, NULL, count_answer, &b),
                         BW_OK);
    LOOP_RUN_UNTIL(*state, b.ok == 5001, WAIT_MS);
    server_kill(&s);
    LOOP_RUN_UNTIL(*state, !c.ready, WAIT_MS);
    assert_int_equal(b.answered, b.sent);
    assert_int_equal(b.ok, 5001);
    assert_int_equal(b.unavailable, b.sent - 5001);
    assert_int_equal(bw_redis_pending(c.r), 0);

    server_start(&s, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &a, "GET", "n");
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.type, BW_REPLY_NIL); /* a new server */
    assert_int_equal(b.answered, b.sent);
    client_close(&c);
    server_close(&s);
}

struct big {
    const char *data;
    size_t len;
    int calls;
};

static void compare_big(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct big *big = ctx;

    assert_int_equal(err, BW_OK);
    assert_int_equal(reply->type, BW_REPLY_STRING);
    assert_int_equal(reply->len, big->len);
    assert_memory_equal(reply->str, big->data, big->len);
    big->calls++;
}

/* 8 MB of every byte value there and back, four at a time, with small commands between. */
static void eight_megabytes_round_trip(void **state)
{
    struct server s;
    struct client c;
    struct answer small[4];
    struct big big = {.len = 8U << 20};
    char *data = malloc(big.len);

    assert_non_null(data);
    for (size_t i = 0; i < big.len; i++)
        data[i] = (char)(i * 7 + i / 251);
    big.data = data;
    server_open(&s);
    server_start(&s, NULL);
    client_open(&c, *state, s.socket_url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < 4; i++) {
        const char *const set[] = {"SET", "big", data};
        assert_int_equal(bw_redis_command(c.r, 3, set, (size_t[]){3, 3, big.len}, NULL, NULL), BW_OK);
        assert_int_equal(bw_redis_command(c.r, 2, (const char *[]){"GET", "big"}, NULL, compare_big, &big),
                         BW_OK);
        SEND(&c, &small[i], "INCR", "n");
    }
    LOOP_RUN_UNTIL(*state, small[3].calls > 0, 30000);
    assert_int_equal(big.calls, 4);
    assert_true(sdsalloc(c.r->link.c->reader->buf) <= 65536); /* idle, it does not keep the 8 MB */
    assert_int_equal(c.r->queue.unwritten_bytes, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(small[i].integer, (int)i + 1);
    client_close(&c);
    server_close(&s);
    free(data);
}

static enum bw_err eval(struct client *c, struct bw_script *script, struct answer *a, const char *arg,
                        size_t len)
{
    const char *const argv[] = {"key", arg};

    *a = (struct answer){0};
    return bw_redis_eval(c->r, script, 1, 2, argv, (size_t[]){3, len}, keep_answer, a);
}

static void scripts(void **state)
{
    struct bw_script script = {.name = "count",
                               .source = "redis.call('INCR', KEYS[1]) return {KEYS[1], #ARGV[1], 'done'}"};
    struct bw_script broken = {.name = "broken", .source = "this is no Lua"};
    static const char arg[] = "a\r\nb\0c"; /* bytes that a careless repeat would trip over */
    struct server s;
    struct client c;
    struct answer a;
    struct answer b;
    struct answer n;

    server_open(&s);
    server_start(&s, NULL);
    client_open(&c, *state, s.socket_url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(eval(&c, &script, &a, arg, 6), BW_OK); /* not known to anyone */
    assert_int_equal(eval(&c, &script, &b, arg, 6), BW_OK); /* before the SHA-1 is there */
    LOOP_RUN_UNTIL(*state, b.calls > 0, WAIT_MS);
    assert_int_equal(a.type, BW_REPLY_ARRAY);
    assert_int_equal(strlen(script.sha), 40);

    assert_int_equal(eval(&c, &script, &a, arg, 6), BW_OK); /* by its SHA-1 */
    SEND(&c, &n, "SCRIPT", "FLUSH");
    assert_int_equal(eval(&c, &script, &b, arg, 6), BW_OK); /* NOSCRIPT, then by its text */
    LOOP_RUN_UNTIL(*state, b.calls > 0, WAIT_MS);
    assert_int_equal(a.type, BW_REPLY_ARRAY);
    assert_int_equal(b.type, BW_REPLY_ARRAY);
    assert_int_equal(b.n, 3);
    SEND(&c, &n, "GET", "key");
    LOOP_RUN_UNTIL(*state, n.calls > 0, WAIT_MS);
    assert_string_equal(n.text, "4"); /* each ran once */
    SEND(&c, &n, "SCRIPT", "EXISTS", script.sha);
    assert_int_equal(eval(&c, &broken, &b, "", 0), BW_OK);
    LOOP_RUN_UNTIL(*state, b.calls > 0, WAIT_MS);
    assert_int_equal(n.n, 1);
    assert_int_equal(b.type, BW_REPLY_ERROR);
    assert_string_equal(broken.sha, "");

    SEND(&c, &n, "SCRIPT", "FLUSH"); /* closing waits for the repeat too */
    assert_int_equal(eval(&c, &script, &b, arg, 6), BW_OK);
    bw_redis_close(c.r, WAIT_MS, NULL, NULL);
    LOOP_RUN_UNTIL(*state, b.calls > 0, WAIT_MS);
    assert_int_equal(b.err, BW_OK);
    assert_int_equal(b.type, BW_REPLY_ARRAY);
    server_close(&s);
}

static void note_writes(void *ctx, bool taken, const char *why)
{
    struct client *c = ctx; /* the fixture's, as for on_state */
    assert_int_equal(why[0] == '\0', taken);
    assert_int_equal(bw_redis_writable(c->r), taken);
    c->writes++;
}

/* Memory limit: it stays connected, reads and removals go on, the refusal is told once and ends when a write succeeded. */
static void refused_writes(void **state)
{
    struct bw_redis_options options = quick;
    struct server s;
    struct client c;
    struct answer a;

    server_open(&s);
    server_start(&s, NULL);
    options.on_writes = note_writes;
    client_open(&c, *state, s.socket_url, &options);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &a, "SET", "key", "old");
    SEND(&c, &a, "CONFIG", "SET", "maxmemory", "1");
    SEND(&c, &a, "SET", "key", "1");
    SEND(&c, &a, "SET", "key", "2");
    LOOP_RUN_UNTIL(*state, bw_redis_pending(c.r) == 0, WAIT_MS);
    assert_int_equal(a.type, BW_REPLY_ERROR);
    assert_int_equal(c.writes, 1);
    assert_true(c.ready);
    assert_memory_equal(bw_redis_refusal(c.r), "OOM ", 4);
    assert_string_equal(bw_redis_reason(c.r), bw_redis_refusal(c.r));
    SEND(&c, &a, "DEL", "key");
    SEND(&c, &a, "CONFIG", "SET", "maxmemory", "0");
    LOOP_RUN_UNTIL(*state, bw_redis_pending(c.r) == 0, WAIT_MS);
    assert_false(bw_redis_writable(c.r)); /* until somebody wrote */
    bw_redis_accepted(c.r);
    bw_redis_accepted(c.r);
    assert_int_equal(c.writes, 2);
    assert_string_equal(bw_redis_reason(c.r), "");
    client_close(&c);
    server_close(&s);
}

/* A server that becomes a replica is left; a client that only reads may stay. */
static void became_a_replica(void **state)
{
    struct bw_redis_options options = quick;
    struct server s;
    struct client c, reader;
    struct answer a;

    server_open(&s);
    server_start(&s, NULL);
    options.read_write = true;
    client_open(&c, *state, s.socket_url, &options);
    client_open(&reader, *state, s.socket_url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready && reader.ready, WAIT_MS);
    SEND(&reader, &a, "REPLICAOF", "127.0.0.1", "1");
    LOOP_RUN_UNTIL(*state, bw_redis_pending(reader.r) == 0, WAIT_MS);
    SEND(&c, &a, "SET", "key", "1");
    LOOP_RUN_UNTIL(*state, !c.ready, WAIT_MS);
    assert_non_null(strstr(c.reason, "replica"));
    int states = c.states;
    LOOP_RUN_FOR(*state, 100); /* connects again, and is no better */
    assert_false(c.ready);
    assert_int_equal(c.states, states);
    assert_true(reader.ready);
    SEND(&reader, &a, "REPLICAOF", "NO", "ONE");
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    client_close(&reader);
    client_close(&c);
    server_close(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
    const struct CMUnitTest tests[] = {
        T(socket_and_database),     T(passwords_and_users),        T(login_mended_later),
        T(restart_in_mid_pipeline), T(eight_megabytes_round_trip), T(scripts),
        T(refused_writes),          T(became_a_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
