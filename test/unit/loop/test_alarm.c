/* The wall-clock alarm.
 *
 * A test may not set the machine's clock. What is simulated: the kernel's two ways to report that the clock
 * was set, ECANCELED from read(2) on the timerfd (its readiness made real by a time that is near) and
 * ECANCELED from timerfd_settime(2), by wrapping both calls at link time; and, for a step back and forward, the
 * wall clock that the owner reads. The timerfd, its arming and the loop are the real ones. */
#include "support/loop_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool cancel_next_read;
static bool cancel_next_settime;
static struct itimerspec last_set;
static int last_flags;

ssize_t __real_read(int fd, void *buf, size_t n); // NOLINT
ssize_t __wrap_read(int fd, void *buf, size_t n); // NOLINT
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old); // NOLINT
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old); // NOLINT

ssize_t __wrap_read(int fd, void *buf, size_t n) // NOLINT
{
    ssize_t got = __real_read(fd, buf, n);

    if (cancel_next_read && got == (ssize_t)sizeof(uint64_t)) {
        cancel_next_read = false;
        errno = ECANCELED;
        return -1;
    }
    return got;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old) // NOLINT
{
    last_set = *value;
    last_flags = flags;
    int status = __real_timerfd_settime(fd, flags, value, old);
    if (cancel_next_settime) { /* the kernel too has armed the timer when it says so */
        cancel_next_settime = false;
        errno = ECANCELED;
        return -1;
    }
    return status;
}

struct got {
    int calls;
    int stepped;
    struct bw_wall at;
};

static void note(void *ctx, bool stepped)
{
    struct got *g = ctx;

    g->calls++;
    g->stepped += stepped ? 1 : 0;
    g->at = bw_wall_now();
}

static struct bw_wall in_ms(int64_t ms)
{
    return (struct bw_wall){.ms = bw_wall_now().ms + ms};
}

static void fires_at_its_time(void **state)
{
    struct bw_loop *loop = *state;
    struct got got = {0};
    struct bw_alarm *a = NULL;

    assert_int_equal(bw_alarm_new(loop, note, &got, &a), BW_OK);
    struct bw_wall at = in_ms(60);
    assert_int_equal(bw_alarm_set(a, at), BW_OK);
    assert_int_equal(last_flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    assert_int_equal(last_set.it_value.tv_sec * 1000 + last_set.it_value.tv_nsec / 1000000, at.ms);
    LOOP_RUN_UNTIL(loop, got.calls > 0, 3000);
    assert_true(got.at.ms >= at.ms);
    assert_int_equal(got.stepped, 0);
    LOOP_RUN_FOR(loop, 30);
    assert_int_equal(got.calls, 1);

    assert_int_equal(bw_alarm_set(a, in_ms(-5000)), BW_OK); /* the past: at once */
    LOOP_RUN_UNTIL(loop, got.calls == 2, 1000);
    assert_int_equal(bw_alarm_set(a, (struct bw_wall){.ms = 0}), BW_OK); /* not disarmed by the zero */
    LOOP_RUN_UNTIL(loop, got.calls == 3, 1000);
    assert_int_equal(bw_alarm_set(a, in_ms(20)), BW_OK); /* the later set counts */
    assert_int_equal(bw_alarm_set(a, in_ms(60000)), BW_OK);
    LOOP_RUN_FOR(loop, 60);
    assert_int_equal(got.calls, 3);
    assert_int_equal(got.stepped, 0);
    bw_alarm_free(a);
    bw_alarm_free(NULL);
}

/* An owner as the daily summary is one: a slot, a wall clock that it reads, and a count of runs. */
struct daily {
    struct bw_alarm *alarm;
    int64_t slot_ms;   /* the slot's time on the owner's wall clock */
    int64_t offset_ms; /* what the clock was stepped by */
    int runs;
    int wakes_by_step;
};

static int64_t daily_now(const struct daily *d)
{
    return bw_wall_now().ms + d->offset_ms;
}

static void daily_wake(void *ctx, bool stepped)
{
    struct daily *d = ctx;

    d->wakes_by_step += stepped ? 1 : 0;
    if (daily_now(d) >= d->slot_ms) {
        d->runs++;
        d->slot_ms += 86400000;
    }
    assert_int_equal(bw_alarm_set(d->alarm, (struct bw_wall){.ms = d->slot_ms - d->offset_ms}), BW_OK);
}

/* The clock goes back an hour: the owner is woken, the slot is not run early, nor twice. */
static void wall_clock_step_back(void **state)
{
    struct bw_loop *loop = *state;
    struct daily d = {0};

    assert_int_equal(bw_alarm_new(loop, daily_wake, &d, &d.alarm), BW_OK);
    d.slot_ms = bw_wall_now().ms + 50;
    assert_int_equal(bw_alarm_set(d.alarm, (struct bw_wall){.ms = d.slot_ms}), BW_OK);
    d.offset_ms = -3600000;
    cancel_next_read = true;
    LOOP_RUN_UNTIL(loop, d.wakes_by_step == 1, 2000);
    assert_int_equal(d.runs, 0);
    LOOP_RUN_FOR(loop, 60);
    assert_int_equal(d.runs, 0);
    /* what was armed is the slot on the new clock: an hour away */
    assert_true(last_set.it_value.tv_sec - bw_wall_now().ms / 1000 >= 3590);
    bw_alarm_free(d.alarm);
}

/* The clock goes forward past the slot: it is run at once, once, and the next one is a day away. Reported by
 * timerfd_settime this time, which must not be lost either. */
static void wall_clock_step_forward(void **state)
{
    struct bw_loop *loop = *state;
    struct daily d = {0};

    assert_int_equal(bw_alarm_new(loop, daily_wake, &d, &d.alarm), BW_OK);
    d.slot_ms = bw_wall_now().ms + 3600000;
    d.offset_ms = 7200000;
    cancel_next_settime = true;
    assert_int_equal(bw_alarm_set(d.alarm, (struct bw_wall){.ms = d.slot_ms}), BW_OK);
    assert_int_equal(d.wakes_by_step, 0); /* not from inside the call */
    LOOP_RUN_UNTIL(loop, d.wakes_by_step == 1, 2000);
    assert_int_equal(d.runs, 1);
    LOOP_RUN_FOR(loop, 30);
    assert_int_equal(d.runs, 1);
    assert_int_equal(d.wakes_by_step, 1);
    bw_alarm_free(d.alarm);
}

/* Freed between the step and its callback, after 0, 1 and 2 turns. */
static void free_with_step_pending(void **state)
{
    struct bw_loop *loop = *state;

    for (int turns = 0; turns < 3; turns++) {
        struct got got = {0};
        struct bw_alarm *a = NULL;
        assert_int_equal(bw_alarm_new(loop, note, &got, &a), BW_OK);
        cancel_next_settime = true;
        assert_int_equal(bw_alarm_set(a, in_ms(-1)), BW_OK);
        for (int i = 0; i < turns; i++)
            bw_loop_turn(loop, false);
        bw_alarm_free(a);
        int calls = got.calls;
        LOOP_RUN_FOR(loop, 10);
        assert_int_equal(got.calls, calls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_at_its_time, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(wall_clock_step_back, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(wall_clock_step_forward, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(free_with_step_pending, loop_setup, loop_teardown),
    };
    return cmocka_run_group_tests_name("alarm", tests, NULL, NULL);
}
