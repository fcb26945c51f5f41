/* libmicrohttpd on our loop: slow clients, gone clients, answers that come later, and the end. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One client sends byte after byte, one never reads what it asked for: a third has 50 answers before the first
 * has finished its request, and none of the loop's turns was held up. */
static void status_slow_client(void **state)
{
    static const char request[] = GET("/now");
    struct app app;
    struct http dripping;
    struct http deaf;
    struct http quick;

    app_open(&app, *state, NULL);
    http_open(&dripping, &app);
    http_open(&deaf, &app);
    http_send(&deaf, GET("/big"));
    LOOP_RUN_UNTIL(app.loop, app.calls == 1, WAIT_MS); /* its answer is on the way, and fills the socket */
    assert_string_equal(app.path, "/big");
    for (size_t i = 0; i < sizeof request - 1; i++) {
        http_send(&dripping, (char[]){request[i], '\0'});
        if (i < sizeof request - 2) {
            http_ask(&quick, &app, GET("/now"));
            assert_int_equal(http_status(&quick), 200);
            http_close(&quick);
            assert_false(http_done(&dripping));
        }
    }
    LOOP_RUN_UNTIL(app.loop, http_done(&dripping), WAIT_MS); /* slow, but in time */
    assert_int_equal(http_status(&dripping), 200);
    LOOP_RUN_UNTIL(app.loop, http_done(&deaf), WAIT_MS); /* and it gets all of it, once it reads */
    assert_true(deaf.len > BIG);
    http_close(&deaf);
    http_close(&dripping);
    app_close(&app);
}

/* The client is gone while its answer is being made. The reply comes later: nothing crashes or leaks, and the
 * place is free again. */
static void status_sse_disconnect(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, &(struct bw_status_options){.max_connections = 1});
    for (size_t round = 0; round < 3; round++) {
        http_open(&h, &app);
        http_send(&h, GET("/later?q=x"));
        LOOP_RUN_UNTIL(app.loop, app.n_pending == 1, WAIT_MS);
        http_close(&h);
        LOOP_RUN_FOR(app.loop, 20);
        assert_string_equal(bw_exchange_query(app.pending[0], "q"), "x");
        assert_string_equal(bw_exchange_header(app.pending[0], "host"), "localhost");
        app_reply_all(&app, "too late");
    }
    http_ask(&h, &app, GET("/now")); /* with one place, only when the others are gone */
    assert_int_equal(http_status(&h), 200);
    http_close(&h);
    app_close(&app);
}

static void answers_come_later(void **state)
{
    struct app app;
    struct http h[3];

    app_open(&app, *state, NULL);
    for (size_t i = 0; i < 3; i++) {
        http_open(&h[i], &app);
        http_send(&h[i], GET("/later"));
    }
    LOOP_RUN_UNTIL(app.loop, app.n_pending == 3, WAIT_MS);
    bw_exchange_error(app.pending[1], 503, "not %s", "ready");
    LOOP_RUN_UNTIL(app.loop, http_done(&h[0]) || http_done(&h[1]) || http_done(&h[2]), WAIT_MS);
    app.pending[1] = app.pending[2];
    app.n_pending = 2;
    app_reply_all(&app, "late");
    size_t late = 0;
    size_t refused = 0;
    for (size_t i = 0; i < 3; i++) {
        LOOP_RUN_UNTIL(app.loop, http_done(&h[i]), WAIT_MS);
        late += strcmp(http_body(&h[i]), "late") == 0;
        refused += http_status(&h[i]) == 503;
        http_close(&h[i]);
    }
    assert_int_equal(late, 2);
    assert_int_equal(refused, 1);
    app_close(&app);
}

/* Several requests on one connection, at once and after each other, some answered later. */
static void connections_are_kept(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, NULL);
    http_open(&h, &app);
    for (size_t i = 0; i < 3; i++) {
        http_send(&h, i == 1 ? GET("/later") : GET("/now"));
        if (i == 1)
            LOOP_RUN_UNTIL(app.loop, app.n_pending == 1, WAIT_MS);
        app_reply_all(&app, "hello");
        LOOP_RUN_UNTIL(app.loop, http_done(&h), WAIT_MS);
        assert_false(h.ended);
        assert_string_equal(http_body(&h), "hello");
        h.len = 0;
        h.data[0] = '\0';
    }
    http_send(&h, GET("/now") GET("/now"));
    LOOP_RUN_UNTIL(app.loop, app.calls == 5, WAIT_MS);
    http_close(&h);
    app_close(&app);
}

static void count_turn(void *ctx, double busy_s)
{
    (void)busy_s;
    ++*(int *)ctx;
}

/* While an answer is awaited, or a client does not read, the loop sleeps. */
static void waiting_does_not_spin(void **state)
{
    struct app app;
    struct http h;
    struct http deaf;
    int turns = 0;

    app_open(&app, *state, NULL);
    http_open(&h, &app);
    http_send(&h, GET("/later"));
    http_open(&deaf, &app);
    http_send(&deaf, GET("/big"));
    LOOP_RUN_UNTIL(app.loop, app.calls == 2, WAIT_MS);
    LOOP_RUN_FOR(app.loop, 50);
    bw_loop_on_turn(app.loop, count_turn, &turns);
    LOOP_RUN_FOR(app.loop, 300); /* which ticks about 60 times by itself */
    bw_loop_on_turn(app.loop, NULL, NULL);
    assert_true(turns < 120);
    app_reply_all(&app, "x");
    http_close(&h);
    http_close(&deaf);
    app_close(&app);
}

/* 64 places; the 65th client waits until one is free. */
static void sixty_four_connections(void **state)
{
    struct app app;
    struct http idle[64];
    struct http late;

    app_open(&app, *state, NULL);
    for (size_t i = 0; i < 64; i++) {
        http_open(&idle[i], &app);
        http_send(&idle[i], GET("/later"));
    }
    LOOP_RUN_UNTIL(app.loop, app.n_pending == 64, WAIT_MS);
    http_open(&late, &app);
    http_send(&late, GET("/now"));
    LOOP_RUN_FOR(app.loop, 100);
    assert_false(http_done(&late));
    assert_int_equal(app.calls, 64);
    app_reply_all(&app, "x");
    http_close(&idle[0]);
    LOOP_RUN_UNTIL(app.loop, http_done(&late), WAIT_MS);
    assert_int_equal(http_status(&late), 200);
    http_close(&late);
    for (size_t i = 1; i < 64; i++)
        http_close(&idle[i]);
    app_close(&app);
}

/* A byte now and then does not hold a place for ever, and neither does a client that sends nothing. */
static void slow_requests_are_cut(void **state)
{
    static const char request[] = GET("/now");
    struct app app;
    struct http dripping;
    struct http mute;
    size_t sent = 0;

    app_open(&app, *state, &(struct bw_status_options){.timeout_ms = 200});
    http_open(&dripping, &app);
    http_open(&mute, &app);
    while (!http_ended(&dripping) && sent < sizeof request - 2) {
        http_send(&dripping, (char[]){request[sent++], '\0'});
        LOOP_RUN_FOR(app.loop, 20);
    }
    assert_true(http_ended(&dripping));
    assert_int_equal(dripping.len, 0);
    LOOP_RUN_UNTIL(app.loop, http_ended(&mute), WAIT_MS);
    assert_int_equal(app.calls, 0);
    http_close(&dripping);
    http_close(&mute);
    app_close(&app);
}

/* The time-out is for the client, not for the handler. */
static void handler_has_time(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, &(struct bw_status_options){.timeout_ms = 100});
    http_open(&h, &app);
    http_send(&h, GET("/later"));
    LOOP_RUN_UNTIL(app.loop, app.n_pending == 1, WAIT_MS);
    LOOP_RUN_FOR(app.loop, 400);
    app_reply_all(&app, "at last");
    LOOP_RUN_UNTIL(app.loop, http_done(&h), WAIT_MS);
    assert_string_equal(http_body(&h), "at last");
    http_close(&h);
    app_close(&app);
}

/* Closed with requests in the handler's hands: they are cut, and the replies that still come only free. */
static void close_with_pending(void **state)
{
    struct app app;
    struct http h[2];

    app_open(&app, *state, NULL);
    for (size_t i = 0; i < 2; i++) {
        http_open(&h[i], &app);
        http_send(&h[i], GET("/later?q=1"));
    }
    LOOP_RUN_UNTIL(app.loop, app.n_pending == 2, WAIT_MS);
    app_begin_close(&app);
    bw_exchange_reply(app.pending[0], 200, "text/plain", "x", 1); /* between close and closed */
    LOOP_RUN_UNTIL(app.loop, app.closed, WAIT_MS);
    assert_null(bw_exchange_query(app.pending[1], "q"));
    assert_null(bw_exchange_header(app.pending[1], "Host"));
    bw_exchange_error(app.pending[1], 500, "too late");
    for (size_t i = 0; i < 2; i++) {
        LOOP_RUN_UNTIL(app.loop, http_ended(&h[i]), WAIT_MS);
        http_close(&h[i]);
    }
}

static void close_from_the_handler(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, NULL);
    http_open(&h, &app);
    http_send(&h, GET("/later?close"));
    LOOP_RUN_UNTIL(app.loop, app.closed, WAIT_MS);
    app_reply_all(&app, "x");
    http_close(&h);
}

static void close_after_n_turns(void **state)
{
    for (int turns = 0; turns < 5; turns++) {
        struct app app;
        struct http h;
        struct loop_deadline tick;
        app_open(&app, *state, NULL);
        http_open(&h, &app);
        http_send(&h, GET("/now"));
        loop_deadline_init(&tick, *state, WAIT_MS);
        for (int t = 0; t < turns; t++)
            bw_loop_turn(*state, true);
        loop_deadline_fini(&tick);
        app_close(&app);
        http_close(&h);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
    const struct CMUnitTest tests[] = {
        T(status_slow_client),     T(status_sse_disconnect), T(answers_come_later),
        T(connections_are_kept),   T(waiting_does_not_spin), T(sixty_four_connections),
        T(slow_requests_are_cut),  T(handler_has_time),      T(close_with_pending),
        T(close_from_the_handler), T(close_after_n_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
