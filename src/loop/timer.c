/* One-shot timer.
 *
 * Happy way: start, the callback comes once, start again if wanted. It cannot fail.
 *
 * Two traps of libuv 1.44 shape bw_timer_start. A delay of 0 armed from a timer's own callback fires in the
 * same pass for ever and starves I/O, so the least delay is 1 ms. And libuv counts from its cached time, which
 * is old after a long callback, so a timer fires too early. The usual cure, uv_update_time, has the first
 * trap again: two timers whose callbacks each take longer than the other's delay then keep one pass of the
 * timers going for ever. So the cached time stays as it is within a pass, and the delay is made longer by as
 * much as the cached time is behind. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

struct bw_timer {
    uv_timer_t uv;
    bw_timer_cb cb;
    void *ctx;
};

static void fire(uv_timer_t *uv)
{
    const struct bw_timer *t = uv->data;

    t->cb(t->ctx);
}

struct bw_timer *bw_timer_new(struct bw_loop *loop, bw_timer_cb cb, void *ctx)
{
    struct bw_timer *t = bw_alloc(sizeof *t);

    bw_loop_must(uv_timer_init(&loop->uv, &t->uv), "uv_timer_init");
    t->uv.data = t;
    t->cb = cb;
    t->ctx = ctx;
    return t;
}

void bw_timer_start(struct bw_timer *t, int64_t ms)
{
    uint64_t cached = uv_now(t->uv.loop);
    uint64_t real = uv_hrtime() / 1000000;
    uint64_t behind = real > cached ? real - cached : 0;

    bw_loop_must(uv_timer_start(&t->uv, fire, (ms < 1 ? 1 : (uint64_t)ms) + behind, 0), "uv_timer_start");
}

void bw_timer_stop(struct bw_timer *t)
{
    uv_timer_stop(&t->uv);
}

bool bw_timer_active(const struct bw_timer *t)
{
    return uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void bw_timer_free(struct bw_timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, release);
}
