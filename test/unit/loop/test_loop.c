/* Loop, timers, signals: the traps of libuv 1.44 that these wrappers exist for. */
#include "support/loop_fixture.h"

#include "badgewatch/base/clock.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void spin_for(int64_t ms)
{
    int64_t end = bw_mono_now().ms + ms;
    while (bw_mono_now().ms < end) {
    }
}

static void test_timer_fires_once(void **state)
{
    struct bw_loop *loop = *state;
    bool fired = false;
    struct bw_timer *t = bw_timer_new(loop, set_flag, &fired);

    assert_false(bw_timer_active(t));
    bw_timer_start(t, 5);
    assert_true(bw_timer_active(t));
    LOOP_RUN_UNTIL(loop, fired, 2000);
    assert_false(bw_timer_active(t));
    fired = false;
    bw_timer_start(t, 5);
    bw_timer_stop(t);
    LOOP_RUN_FOR(loop, 30);
    assert_false(fired);
    bw_timer_start(t, -100); /* counts as 1 */
    assert_false(fired);
    LOOP_RUN_UNTIL(loop, fired, 2000);
    bw_timer_free(t);
    bw_timer_free(NULL);
}

struct again {
    struct bw_timer *timer;
    int64_t busy_ms;
    int fired;
};

static void rearm(void *ctx)
{
    struct again *a = ctx;

    a->fired++;
    spin_for(a->busy_ms);
    bw_timer_start(a->timer, 0);
}

static void count_readable(void *ctx, int events, bool broken)
{
    if (!broken && (events & BW_READABLE))
        ++*(int *)ctx;
}

/* Timers re-armed with no delay from their own callbacks, alone and as a pair that makes each other late, must
 * leave each turn to the fds. */
static void zero_delay_timer_does_not_starve_io(void **state)
{
    struct bw_loop *loop = *state;
    int pipefd[2], readable = 0;
    struct bw_watch *w = NULL;
    struct again a = {.busy_ms = 3}, b = {.busy_ms = 3};

    assert_int_equal(pipe(pipefd), 0);
    assert_int_equal(write(pipefd[1], "x", 1), 1);
    assert_int_equal(bw_watch_new(loop, pipefd[0], count_readable, &readable, &w), BW_OK);
    assert_int_equal(bw_watch_set(w, BW_READABLE), BW_OK);
    a.timer = bw_timer_new(loop, rearm, &a);
    b.timer = bw_timer_new(loop, rearm, &b);
    bw_timer_start(a.timer, 0);
    bw_timer_start(b.timer, 0);
    int turns = 0;
    int64_t end = bw_mono_now().ms + 2000;
    while ((a.fired < 10 || b.fired < 10) && bw_mono_now().ms < end) {
        bw_loop_turn(loop, false);
        turns++;
        assert_int_equal(readable, turns);
        assert_true(a.fired <= turns && b.fired <= turns);
    }
    assert_true(a.fired >= 10 && b.fired >= 10);
    bw_timer_free(a.timer);
    bw_timer_free(b.timer);
    bw_watch_free(w);
    close(pipefd[0]);
    close(pipefd[1]);
}

struct late {
    struct bw_timer *timer;
    struct bw_watch *watch;
    struct bw_mono armed, fired;
};

static void note_fired(void *ctx)
{
    struct late *l = ctx;

    l->fired = bw_mono_now();
}

static void busy_then_arm(void *ctx, int events, bool broken)
{
    struct late *l = ctx;
    (void)events, (void)broken;

    spin_for(150);
    l->armed = bw_mono_now();
    bw_timer_start(l->timer, 50);
    assert_int_equal(bw_watch_set(l->watch, 0), BW_OK);
}

/* A timer armed after a long callback counts from now, not from when the turn began. */
static void stale_now(void **state)
{
    struct bw_loop *loop = *state;
    struct late l = {0};
    int pipefd[2];

    assert_int_equal(pipe(pipefd), 0);
    assert_int_equal(write(pipefd[1], "x", 1), 1);
    l.timer = bw_timer_new(loop, note_fired, &l);
    assert_int_equal(bw_watch_new(loop, pipefd[0], busy_then_arm, &l, &l.watch), BW_OK);
    assert_int_equal(bw_watch_set(l.watch, BW_READABLE), BW_OK);
    LOOP_RUN_UNTIL(loop, l.fired.ms != 0, 5000);
    assert_true(l.fired.ms - l.armed.ms >= 48); /* libuv counts whole milliseconds, rounded down */
    bw_timer_free(l.timer);
    bw_watch_free(l.watch);
    close(pipefd[0]);
    close(pipefd[1]);
}

struct terms {
    int n;
    int last;
};

static void on_term(void *ctx, int signum)
{
    struct terms *t = ctx;

    t->n++;
    t->last = signum;
}

static void double_sigterm(void **state)
{
    struct bw_loop *loop = *state;
    struct terms got = {0};
    struct bw_signal *s = bw_signal_new(loop, SIGTERM, on_term, &got);

    raise(SIGTERM);
    raise(SIGTERM);
    assert_int_equal(got.n, 0); /* from the loop, never inside raise */
    LOOP_RUN_UNTIL(loop, got.n >= 2, 2000);
    LOOP_RUN_FOR(loop, 20);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.last, SIGTERM);
    bw_signal_free(s);
    bw_signal_free(NULL);
}

struct asked {
    struct bw_turn_end *turn_end;
    struct bw_timer *timer;
    int times, before_timer;
};

static void count_turn_end(void *ctx)
{
    struct asked *a = ctx;

    if (a->times++ == 0)
        bw_turn_end_ask(a->turn_end); /* from its own callback: for the next turn */
}

static void timer_behind(void *ctx)
{
    struct asked *a = ctx;

    a->before_timer = a->times;
    bw_turn_end_ask(a->turn_end);
    bw_turn_end_ask(a->turn_end);
}

/* Once before the next wait, however often it was asked for; it holds the loop until then, and not longer. */
static void comes_once(struct bw_loop *loop, enum bw_turn_order order)
{
    struct asked a = {.times = 0};

    a.turn_end = bw_turn_end_new(loop, order, count_turn_end, &a);
    a.timer = bw_timer_new(loop, timer_behind, &a);
    bw_turn_end_ask(a.turn_end);
    assert_true(bw_loop_turn(loop, false));
    assert_int_equal(a.times, 1);
    assert_false(bw_loop_turn(loop, false));
    assert_int_equal(a.times, 2);
    bw_timer_start(a.timer, 1);
    bw_loop_run(loop);
    assert_int_equal(a.before_timer, 2);
    assert_int_equal(a.times, 3);
    bw_turn_end_ask(a.turn_end);
    bw_turn_end_free(a.turn_end);
    bw_turn_end_free(NULL);
    bw_timer_free(a.timer);
    bw_loop_run(loop);
    assert_int_equal(a.times, 3);
}

static void turn_end_comes_once(void **state)
{
    comes_once(*state, BW_TURN_WORK);
    comes_once(*state, BW_TURN_SEND);
}

struct chain {
    struct bw_turn_end *work, *send;
    int worked, sent;
};

static void chain_works(void *ctx)
{
    struct chain *c = ctx;

    c->worked++;
    bw_turn_end_ask(c->send);
}

static void chain_sends(void *ctx)
{
    struct chain *c = ctx;

    c->sent++;
    if (c->worked == 1)
        bw_turn_end_ask(c->work);
}

/* What work makes is sent before the loop waits, whoever was asked or started first; and work that is asked for by the very
 * last callback of a turn does not wait for a descriptor. The timer would end a wait after a minute. */
static void work_comes_before_sending(void **state)
{
    struct bw_loop *loop = *state;
    struct bw_timer *timer = bw_timer_new(loop, count_turn_end, NULL);
    struct chain c = {.worked = 0};

    c.send = bw_turn_end_new(loop, BW_TURN_SEND, chain_sends, &c);
    c.work = bw_turn_end_new(loop, BW_TURN_WORK, chain_works, &c);
    bw_timer_start(timer, 60000);
    bw_turn_end_ask(c.send);
    bw_turn_end_ask(c.work);
    assert_true(bw_loop_turn(loop, true));
    assert_int_equal(c.worked, 1);
    assert_int_equal(c.sent, 1);
    assert_true(bw_loop_turn(loop, false));
    assert_int_equal(c.worked, 2);
    assert_int_equal(c.sent, 2);
    bw_timer_free(timer);
    bw_turn_end_free(c.work);
    bw_turn_end_free(c.send);
}

struct lag {
    struct bw_loop *loop;
    double most, sum;
    int turns;
};

static void on_turn(void *ctx, double busy_s)
{
    struct lag *lag = ctx;

    lag->turns++;
    lag->sum += busy_s;
    if (busy_s > lag->most)
        lag->most = busy_s;
}

static void work_40_ms(void *ctx, int events, bool broken)
{
    struct bw_watch **w = ctx;
    (void)events, (void)broken;

    spin_for(40);
    assert_int_equal(bw_watch_set(*w, 0), BW_OK);
}

static void stop_loop(void *ctx)
{
    bw_loop_stop(ctx);
}

/* A turn's cost holds the work of fd callbacks, and not the time slept for a timer. */
static void turn_is_measured(void **state)
{
    struct bw_loop *loop = *state;
    struct lag lag = {.loop = loop};
    int pipefd[2];
    struct bw_watch *w = NULL;
    struct bw_timer *end = bw_timer_new(loop, stop_loop, loop);

    assert_int_equal(pipe(pipefd), 0);
    assert_int_equal(write(pipefd[1], "x", 1), 1);
    assert_int_equal(bw_watch_new(loop, pipefd[0], work_40_ms, &w, &w), BW_OK);
    assert_int_equal(bw_watch_set(w, BW_READABLE), BW_OK);
    bw_loop_on_turn(loop, on_turn, &lag);
    bw_timer_start(end, 300);
    bw_loop_run(loop);
    bw_timer_start(end, 1);
    bw_loop_run(loop); /* the turn of the first run's end is told at the next prepare */
    assert_true(lag.turns >= 1);
    assert_true(lag.most >= 0.038);
    assert_true(lag.sum < 0.2); /* of 300 ms; the rest was sleep */
    bw_loop_on_turn(loop, NULL, NULL);
    lag.turns = 0;
    bw_timer_start(end, 1);
    bw_loop_run(loop);
    assert_int_equal(lag.turns, 0);
    bw_timer_free(end);
    bw_watch_free(w);
    close(pipefd[0]);
    close(pipefd[1]);
}

/* Every kind of handle, freed while active, is gone after bw_loop_free; and it says so when one is not. */
static void loop_closes_clean(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_new();
    bool fired = false;
    int pipefd[2], readable = 0;
    struct terms got = {0};
    struct bw_watch *w = NULL;

    assert_int_equal(pipe(pipefd), 0);
    struct bw_timer *t = bw_timer_new(loop, set_flag, &fired);
    bw_timer_start(t, 60000);
    struct bw_signal *s = bw_signal_new(loop, SIGHUP, on_term, &got);
    assert_int_equal(bw_watch_new(loop, pipefd[0], count_readable, &readable, &w), BW_OK);
    assert_int_equal(bw_watch_set(w, BW_READABLE), BW_OK);
    bw_loop_on_turn(loop, on_turn, &(struct lag){0});
    bw_loop_turn(loop, false);
    bw_timer_free(t);
    bw_signal_free(s);
    bw_watch_free(w);
    close(pipefd[0]);
    close(pipefd[1]);
    struct bw_mono start = bw_mono_now();
    assert_int_equal(bw_loop_free(loop), 0);
    assert_true(bw_mono_now().ms - start.ms < 1000); /* did not sit out its two seconds */
    assert_false(fired);
    assert_int_equal(bw_loop_free(NULL), 0);
}

static struct bw_loop *kept;        /* bw_loop_free keeps the memory of a loop that it could not close, and */
static struct bw_timer *kept_timer; /* so does the test, so that the leak check sees an owner */

static void left_handle_is_counted(void **state)
{
    (void)state;
    bool fired = false;

    kept = bw_loop_new();
    kept_timer =
        bw_timer_new(kept, set_flag, &fired); /* idle and never freed: nothing holds the loop alive */
    assert_int_equal(bw_loop_free(kept), 1);
    /* the program repairs its mistake here only so that no memory is left */
    bw_timer_free(kept_timer);
    uv_run(bw_loop_uv(kept), UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(bw_loop_uv(kept)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timer_fires_once, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(zero_delay_timer_does_not_starve_io, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(stale_now, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(double_sigterm, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(turn_end_comes_once, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(work_comes_before_sending, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(turn_is_measured, loop_setup, loop_teardown),
        cmocka_unit_test(loop_closes_clean),
        cmocka_unit_test(left_handle_is_counted),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
