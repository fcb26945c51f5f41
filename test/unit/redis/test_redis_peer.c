/* The client against servers that misbehave. */
#include "fixture.h"
#include "support/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PING  "PING\r\n"
#define GREET PEER_READ_UNTIL(PING), PEER_SEND("+PONG\r\n")

static const struct bw_redis_options impatient = {
    .connect_timeout_ms = 300, .command_timeout_ms = 1000, .reconnect_min_ms = 5, .reconnect_max_ms = 20};

static void url_of(const struct peer *peer, char url[64])
{
    snprintf(url, 64, "redis://127.0.0.1:%d", peer_port(peer));
}

/* A closed port must be told (the adapter that hiredis ships never calls back), and must be tried again. */
static void redis_refused_calls_back(void **state)
{
    static const struct peer_step greet[] = {GREET, PEER_HANG};
    struct peer *peer = peer_new_refusing();
    struct client c;
    struct answer a;
    char url[64];

    url_of(peer, url);
    client_open(&c, *state, url, &impatient);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_false(c.ready);
    assert_ptr_equal(strstr(c.reason, "connection refused (127.0.0.1:"), c.reason);
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"PING"}, NULL, keep_answer, &a),
                     BW_ERR_UNAVAILABLE);
    LOOP_RUN_FOR(*state, 100);
    assert_int_equal(c.states, 1); /* refused many times, told once */

    peer_script(peer, greet);
    peer_listen(peer);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_string_equal(c.reason, "");
    client_close(&c);
    peer_free(peer);
}

/* Accepts and says nothing: during the greeting, then with a command under way. */
static void redis_hang_times_out(void **state)
{
    static const struct peer_step mute[] = {PEER_HANG};
    static const struct peer_step greet[] = {GREET, PEER_READ_UNTIL("ONE\r\n"), PEER_SEND("+1\r\n"),
                                             PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct answer one;
    struct answer two;
    struct answer three;
    char url[64];

    peer_script(peer, mute);
    peer_script(peer, greet);
    url_of(peer, url);
    client_open(&c, *state, url, &impatient);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_non_null(strstr(c.reason, "no answer within 300 ms"));
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);

    SEND(&c, &one, "ONE");
    SEND(&c, &two, "TWO");
    SEND(&c, &three, "THREE");
    LOOP_RUN_UNTIL(*state, three.calls > 0, WAIT_MS);
    assert_int_equal(one.err, BW_OK);
    assert_string_equal(one.text, "1");
    assert_int_equal(two.err, BW_ERR_TIMEOUT);
    assert_int_equal(three.err, BW_ERR_UNAVAILABLE);
    assert_int_equal(one.calls + two.calls + three.calls, 3);
    assert_false(c.ready);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS); /* the last script serves the next connection too */
    client_close(&c);
    peer_free(peer);
}

struct stubborn {
    struct client *c;
    int calls;
    enum bw_err err;
    enum bw_err again; /* what a command gives that is issued in the callback */
};

static void try_again_inside(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct stubborn *s = ctx;

    s->calls++;
    s->err = err;
    assert_null(reply);
    s->again = bw_redis_command(s->c->r, 1, (const char *[]){"PING"}, NULL, try_again_inside, s);
}

/* Closed with commands under way: each is answered once, without a reply, and can start nothing new. */
static void redis_free_runs_pending_null(void **state)
{
    static const struct peer_step greet[] = {GREET, PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct stubborn s[3];
    char url[64];

    peer_script(peer, greet);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < 3; i++) {
        s[i] = (struct stubborn){.c = &c};
        assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"GET"}, NULL, try_again_inside, &s[i]),
                         BW_OK);
    }
    assert_int_equal(bw_redis_pending(c.r), 3);
    client_close(&c);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s[i].calls, 1);
        assert_int_equal(s[i].err, BW_ERR_CLOSED);
        assert_int_equal(s[i].again, BW_ERR_CLOSED);
    }
    peer_free(peer);
}

/* The same when the server goes: UNAVAILABLE, and a new command is refused although it will reconnect. */
static void lost_with_commands_under_way(void **state)
{
    static const struct peer_step script[] = {GREET, PEER_READ_UNTIL("GET\r\n"), PEER_RESET};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct stubborn s = {.c = &c};
    char url[64];

    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, &impatient);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"GET"}, NULL, try_again_inside, &s), BW_OK);
    LOOP_RUN_UNTIL(*state, s.calls > 0, WAIT_MS);
    assert_int_equal(s.err, BW_ERR_UNAVAILABLE);
    assert_int_equal(s.again, BW_ERR_UNAVAILABLE);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(s.calls, 1);
    client_close(&c);
    peer_free(peer);
}

/* What a bad server says after (or instead of) its PONG, and the reason that must come of it. */
static const struct {
    const char *instead; /* of PONG, or NULL */
    const char *after;   /* as the answer to GET */
    const char *reason;
} nonsense[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", NULL, "rotocol error"},
    {"-ERR max number of clients reached\r\n", NULL, "too many clients"},
    {"-LOADING Redis is loading the dataset in memory\r\n", NULL, "loading"},
    {"-NOAUTH Authentication required.\r\n", NULL, "password is needed"},
    {"-MASTERDOWN Link with MASTER is down\r\n", NULL, "replica"},
    {"-MISCONF Redis is configured to save\r\n", NULL, "MISCONF"},
    {NULL, "+OK\r\n+OK\r\n", "nobody asked for"},
    {NULL, "+OK\r\n-ERR bye\r\n", "ERR bye"},
    {NULL, "$-7\r\n", "ulk string length"},
    {NULL, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "depth"},
    {NULL, "$300000000\r\nxxx", "over 256 MB"}, /* before the bytes come */
    {NULL, "*2\r\n:1\r\n$300000000\r\n", "over 256 MB"},
    {NULL, "*2000000000\r\n", "over 256 MB"},
    {NULL, "*2\r\n*50000000\r\n", "over 256 MB"},
};

static void bad_answers_end_the_connection(void **state)
{
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        const struct peer_step instead[] = {PEER_READ_UNTIL(PING), PEER_SEND(nonsense[i].instead), PEER_HANG};
        const struct peer_step after[] = {GREET, PEER_READ_UNTIL("GET\r\n"), PEER_SEND(nonsense[i].after),
                                          PEER_HANG};
        struct peer *peer = peer_new_tcp();
        struct client c;
        struct answer a = {0};
        char url[64];

        peer_script(peer, nonsense[i].after ? after : instead);
        url_of(peer, url);
        client_open(&c, *state, url, NULL);
        LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
        if (nonsense[i].after) {
            assert_true(c.ready);
            SEND(&c, &a, "GET");
            LOOP_RUN_UNTIL(*state, !c.ready, WAIT_MS);
            assert_int_equal(a.calls, 1);
        }
        if (!strstr(c.reason, nonsense[i].reason))
            fail_msg("'%s' does not say '%s'", c.reason, nonsense[i].reason);
        client_close(&c);
        peer_free(peer);
    }
}

/* A line without an end: it is cut long before the memory is full. */
static void endless_line_is_cut(void **state)
{
    enum { LONG = 1024 * 1024 };
    char *line = malloc(LONG);
    const struct peer_step script[] = {GREET, PEER_READ_UNTIL("GET\r\n"), PEER_SEND_N(line, LONG), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct answer a;
    char url[64];

    assert_non_null(line);
    memset(line, '+', LONG);
    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &a, "GET");
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_ERR_UNAVAILABLE);
    assert_non_null(strstr(c.reason, "over 256 MB"));
    client_close(&c);
    peer_free(peer);
    free(line);
}

static void keep_tree(void *ctx, enum bw_err err, const struct bw_reply *r)
{
    int *calls = ctx;

    ++*calls;
    assert_int_equal(err, BW_OK);
    assert_int_equal(r->type, BW_REPLY_ARRAY);
    assert_int_equal(r->n, 6);
    assert_int_equal(r->elements[0].type, BW_REPLY_INTEGER);
    assert_int_equal(r->elements[0].integer, -42);
    assert_int_equal(r->elements[1].type, BW_REPLY_STRING);
    assert_int_equal(r->elements[1].len, 3);
    assert_memory_equal(r->elements[1].str, "a\0b", 4);
    assert_int_equal(r->elements[2].type, BW_REPLY_NIL);
    assert_int_equal(r->elements[3].type, BW_REPLY_ARRAY);
    assert_int_equal(r->elements[3].n, 2);
    assert_int_equal(r->elements[3].elements[0].type, BW_REPLY_STATUS);
    assert_string_equal(r->elements[3].elements[0].str, "OK");
    assert_int_equal(r->elements[3].elements[1].type, BW_REPLY_ERROR);
    assert_string_equal(r->elements[3].elements[1].str, "ERR no");
    assert_int_equal(r->elements[4].type, BW_REPLY_ARRAY);
    assert_int_equal(r->elements[4].n, 0);
    assert_int_equal(r->elements[5].type, BW_REPLY_NIL);
}

/* Every kind of reply, nested, and cut into single bytes. */
static void replies_are_trees(void **state)
{
    static const char bytes[] = "*6\r\n:-42\r\n$3\r\na\0b\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n*0\r\n*-1\r\n";
    static const struct peer_step script[] = {GREET, PEER_READ_UNTIL("GET\r\n"),
                                              PEER_DRIP(bytes, sizeof bytes - 1, 1, 1), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    int calls = 0;
    char url[64];

    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"GET"}, NULL, keep_tree, &calls), BW_OK);
    LOOP_RUN_UNTIL(*state, calls > 0, WAIT_MS);
    client_close(&c);
    peer_free(peer);
}

/* Closed 0, 1, 2, ... turns after it was made, at a server, at a closed port, at a name. */
static void close_after_n_turns(void **state)
{
    static const struct peer_step greet[] = {GREET, PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct peer *closed = peer_new_refusing();
    char urls[3][64];

    peer_script(peer, greet);
    url_of(peer, urls[0]);
    url_of(closed, urls[1]);
    snprintf(urls[2], 64, "redis://localhost:%d", peer_port(peer));
    for (int turns = 0; turns < 7; turns++)
        for (size_t i = 0; i < 3; i++) {
            struct client c;
            struct loop_deadline tick; /* a turn ends, also when nothing happens any more */
            client_open(&c, *state, urls[i], &impatient);
            loop_deadline_init(&tick, *state, WAIT_MS);
            for (int t = 0; t < turns; t++)
                bw_loop_turn(*state, true);
            loop_deadline_fini(&tick);
            client_close(&c);
        }
    peer_free(peer);
    peer_free(closed);
}

static void close_inside(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct client *c = ctx;

    (void)reply;
    assert_int_equal(err, BW_OK);
    bw_redis_close(c->r, 0, NULL, NULL);
    c->closed = true;
}

/* Two answers come in one read; the first one's callback closes the client. */
static void close_from_a_callback(void **state)
{
    static const struct peer_step script[] = {GREET, PEER_READ_UNTIL("TWO\r\n"), PEER_SEND("+1\r\n+2\r\n"),
                                              PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct answer two;
    char url[64];

    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"ONE"}, NULL, close_inside, &c), BW_OK);
    SEND(&c, &two, "TWO");
    LOOP_RUN_UNTIL(*state, c.closed && two.calls > 0, WAIT_MS);
    assert_int_equal(two.err, BW_OK); /* it was in the same read */
    peer_free(peer);
}

/* A drain waits for the answers, not for its whole time. */
static void drain_ends_with_the_last_answer(void **state)
{
    static const struct peer_step script[] = {GREET, PEER_READ_UNTIL("GET\r\n"), PEER_PAUSE(50),
                                              PEER_SEND("+1\r\n"), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct answer a;
    char url[64];

    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &a, "GET");
    bw_redis_close(c.r, 3600000, NULL, NULL); /* the teardown finds a client that still waits */
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"GET"}, NULL, NULL, NULL), BW_ERR_CLOSED);
    LOOP_RUN_UNTIL(*state, a.calls > 0, WAIT_MS);
    assert_int_equal(a.err, BW_OK);
    peer_free(peer);
}

static void busy_at_max_pending(void **state)
{
    static const struct peer_step script[] = {GREET, PEER_READ_UNTIL("GET\r\n"), PEER_READ_UNTIL("GET\r\n"),
                                              PEER_SEND(":1\r\n"), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    struct answer one;
    struct answer two;
    struct answer three;
    char url[64];

    peer_script(peer, script);
    url_of(peer, url);
    client_open(&c, *state, url, &(struct bw_redis_options){.max_pending = 2});
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    SEND(&c, &one, "GET");
    SEND(&c, &two, "GET");
    assert_int_equal(bw_redis_command(c.r, 1, (const char *[]){"GET"}, NULL, keep_answer, &three),
                     BW_ERR_BUSY);
    LOOP_RUN_UNTIL(*state, one.calls > 0, WAIT_MS);
    SEND(&c, &three, "GET");
    client_close(&c);
    assert_int_equal(two.err, BW_ERR_CLOSED);
    assert_int_equal(three.err, BW_ERR_CLOSED);
    peer_free(peer);
}

static void commands_that_break_the_order_are_refused(void **state)
{
    static const struct peer_step greet[] = {GREET, PEER_HANG};
    static const char *const names[] = {"SUBSCRIBE", "psubscribe", "MONITOR", "Quit", "RESET", "hello"};
    struct peer *peer = peer_new_tcp();
    struct client c;
    char url[64];

    peer_script(peer, greet);
    url_of(peer, url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(bw_redis_command(c.r, 1, &names[i], NULL, NULL, NULL), BW_ERR_UNSUPPORTED);
    assert_int_equal(bw_redis_command(c.r, 0, NULL, NULL, NULL, NULL), BW_ERR_INVALID);
    assert_int_equal(bw_redis_command(c.r, 1, names, (size_t[]){70000000}, NULL, NULL), BW_ERR_TOO_BIG);
    assert_int_equal(bw_redis_pending(c.r), 0);
    client_close(&c);
    peer_free(peer);
}

static void name_that_does_not_resolve(void **state)
{
    struct client c;

    client_open(&c, *state, "redis://no-such-host.invalid:6379",
                &(struct bw_redis_options){.connect_timeout_ms = 10000});
    LOOP_RUN_UNTIL(*state, c.states > 0, 15000);
    assert_false(c.ready);
    assert_non_null(strstr(c.reason, "no-such-host.invalid"));
    client_close(&c);
}

/* A server that does not know AUTH shows its arguments in the error: the reason must not. */
static void reason_keeps_the_password(void **state)
{
    static const struct peer_step script[] = {
        PEER_READ_UNTIL(PING),
        PEER_SEND("-ERR unknown command `AUTH`, with args beginning with: `hunter2`\r\n"), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct client c;
    char url[64];

    peer_script(peer, script);
    snprintf(url, sizeof url, "redis://:hunter%%32@127.0.0.1:%d", peer_port(peer));
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_non_null(strstr(c.reason, "AUTH"));
    assert_null(strstr(c.reason, "hunter2"));
    assert_non_null(strstr(peer_received(peer, 0), "*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n"));
    client_close(&c);
    peer_free(peer);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
    const struct CMUnitTest tests[] = {
        T(redis_refused_calls_back),
        T(redis_hang_times_out),
        T(redis_free_runs_pending_null),
        T(lost_with_commands_under_way),
        T(bad_answers_end_the_connection),
        T(endless_line_is_cut),
        T(replies_are_trees),
        T(close_after_n_turns),
        T(close_from_a_callback),
        T(drain_ends_with_the_last_answer),
        T(busy_at_max_pending),
        T(commands_that_break_the_order_are_refused),
        T(name_that_does_not_resolve),
        T(reason_keeps_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
