/* Alarm at a time of the wall clock, which a uv timer cannot be: that one counts monotonic milliseconds, and
 * neither follows a clock that is set nor counts the time a laptop was suspended.
 *
 * Happy way: set, the callback comes once at or after the time. When the clock is set meanwhile (also at the
 * end of a suspend) the callback comes at once with stepped = true, and the owner computes and sets anew.
 *
 * How it fails: bw_alarm_new when there is no descriptor left. The kernel can report the step at two places,
 * from read(2) and from timerfd_settime(2); the latter has then armed the timer, yet the time it was given may
 * be one of the old clock, so it too ends in the callback, one turn later. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct bw_alarm {
    int fd;
    struct bw_watch *watch;
    struct bw_timer *late; /* brings a step that timerfd_settime reported */
    bw_alarm_cb cb;
    void *ctx;
};

static void readable(void *ctx, int events, bool broken)
{
    struct bw_alarm *a = ctx;
    uint64_t expirations;
    (void)events;

    if (broken) { /* no peer can break a timerfd; going on without alarms would be silent, so say it */
        bw_log_error("loop", "the wall-clock alarm's descriptor broke");
        a->cb(a->ctx, true);
        return;
    }
    ssize_t n = read(a->fd, &expirations, sizeof expirations);
    if (n == (ssize_t)sizeof expirations)
        a->cb(a->ctx, false);
    else if (n < 0 && errno == ECANCELED)
        a->cb(a->ctx, true);
    /* EAGAIN: set to another time between epoll's return and here; it will come then */
}

static void stepped_at_set(void *ctx)
{
    const struct bw_alarm *a = ctx;

    a->cb(a->ctx, true);
}

enum bw_err bw_alarm_new(struct bw_loop *loop, bw_alarm_cb cb, void *ctx, struct bw_alarm **out)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return BW_ERR_SYSTEM;

    struct bw_alarm *a = bw_alloc(sizeof *a);
    enum bw_err err = bw_watch_new(loop, fd, readable, a, &a->watch);
    if (err == BW_OK && (err = bw_watch_set(a->watch, BW_READABLE)) == BW_OK) {
        a->fd = fd;
        a->late = bw_timer_new(loop, stepped_at_set, a);
        a->cb = cb;
        a->ctx = ctx;
        *out = a;
        return BW_OK;
    }
    bw_watch_free(a->watch);
    close(fd);
    free(a);
    return err;
}

enum bw_err bw_alarm_set(struct bw_alarm *a, struct bw_wall at)
{
    struct itimerspec spec = {.it_value = {.tv_sec = 0, .tv_nsec = 1}}; /* all zero would disarm it */
    if (at.ms > 0) {
        spec.it_value.tv_sec = (time_t)(at.ms / 1000);
        spec.it_value.tv_nsec = (long)(at.ms % 1000) * 1000000;
    }
    bw_timer_stop(a->late);
    if (timerfd_settime(a->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) == 0)
        return BW_OK;
    if (errno != ECANCELED)
        return BW_ERR_SYSTEM;
    bw_timer_start(a->late, 1);
    return BW_OK;
}

void bw_alarm_free(struct bw_alarm *a)
{
    if (!a)
        return;
    bw_watch_free(a->watch);
    bw_timer_free(a->late);
    close(a->fd);
    free(a);
}
