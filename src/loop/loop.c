/* The event loop: life, turns, and how long a turn held up the rest.
 *
 * Happy way: bw_loop_new, handles are made on it, bw_loop_run until nothing is active or bw_loop_stop, each
 * owner frees its handles (their close callbacks need one more turn), bw_loop_free runs those turns.
 *
 * How it fails: bw_loop_new ends the program when the process has no descriptors left, since there is none
 * without a loop. bw_loop_free never hangs: after two seconds it names what is still alive and gives up. The
 * memory of such a loop is then kept on purpose, because the handles, or a thread of the pool that hangs in a
 * name lookup, still write to it. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <assert.h>
#include <stdlib.h>

enum { FREE_BOUND_MS = 2000 };

void bw_loop_must(int status, const char *what)
{
    if (status >= 0)
        return;
    bw_log_error("loop", "%s failed: %s", what, uv_strerror(status));
    exit(EXIT_FAILURE);
}

enum bw_err bw_loop_err(int status)
{
    switch (status) {
    case 0:
        return BW_OK;
    case UV_EEXIST: /* the number is watched already: its last owner closed the fd before the watch */
        return BW_ERR_CONFLICT;
    case UV_ETIMEDOUT:
        return BW_ERR_TIMEOUT;
    case UV_ECANCELED:
        return BW_ERR_CLOSED;
    case UV_EINVAL:
        return BW_ERR_INVALID;
    default:
        return BW_ERR_SYSTEM;
    }
}

/* What a turn cost is the time from the end of its wait to the next wait. Callbacks of descriptors run inside libuv's
 * poll, so the first of them says when the wait ended, and where none came the check handle behind the poll. Not by
 * uv_metrics_idle_time: that makes libuv ask epoll twice for each wait. */
static void measure_turn(uv_prepare_t *prepare)
{
    struct bw_loop *loop = prepare->data;
    uint64_t woke = loop->woke;

    loop->turning = true;
    loop->woke = 0;
    if (woke != 0 && loop->on_turn)
        loop->on_turn(loop->on_turn_ctx, (double)(uv_hrtime() - woke) / 1e9);
}

static void poll_over(uv_check_t *check)
{
    bw_loop_woke(check->data);
}

struct bw_loop *bw_loop_new(void)
{
    struct bw_loop *loop = bw_alloc(sizeof *loop);

    bw_loop_must(uv_loop_init(&loop->uv), "uv_loop_init");
    bw_loop_must(uv_prepare_init(&loop->uv, &loop->prepare), "uv_prepare_init");
    bw_loop_must(uv_check_init(&loop->uv, &loop->check), "uv_check_init");
    loop->prepare.data = loop->check.data = loop;
    return loop;
}

void bw_loop_on_turn(struct bw_loop *loop, void (*cb)(void *ctx, double busy_s), void *ctx)
{
    loop->on_turn = cb;
    loop->on_turn_ctx = ctx;
    loop->turning = false;
    loop->woke = 0;
    if (!cb) {
        uv_prepare_stop(&loop->prepare);
        uv_check_stop(&loop->check);
        return;
    }
    bw_loop_must(uv_prepare_start(&loop->prepare, measure_turn), "uv_prepare_start");
    bw_loop_must(uv_check_start(&loop->check, poll_over), "uv_check_start");
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
}

static bool run(struct bw_loop *loop, uv_run_mode mode)
{
    assert(!loop->running && "the loop must not be run from one of its own callbacks");
    loop->running = true;
    bool active = uv_run(&loop->uv, mode) != 0;
    loop->running = false;
    return active;
}

void bw_loop_run(struct bw_loop *loop)
{
    run(loop, UV_RUN_DEFAULT);
}

bool bw_loop_turn(struct bw_loop *loop, bool wait)
{
    return run(loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void bw_loop_stop(struct bw_loop *loop)
{
    uv_stop(&loop->uv);
}

struct uv_loop_s *bw_loop_uv(struct bw_loop *loop)
{
    return &loop->uv;
}

struct census {
    int left;
    bool log;
};

static void count_handle(uv_handle_t *handle, void *arg)
{
    struct census *census = arg;
    const char *kind = uv_handle_type_name(uv_handle_get_type(handle));

    census->left++;
    if (census->log)
        bw_log_error("loop", "left at close: %s handle, %s%s", kind ? kind : "unknown",
                     uv_is_closing(handle) ? "closing" : "not closed",
                     uv_is_active(handle) ? ", active" : "");
}

static void raise_flag(uv_timer_t *guard)
{
    *(bool *)guard->data = true;
}

/* Turns until nothing is alive; a guard timer ends a wait that would have no end. */
static void drain(struct bw_loop *loop)
{
    bool expired = false;
    uv_timer_t guard;

    uv_timer_init(&loop->uv, &guard);
    guard.data = &expired;
    uv_update_time(&loop->uv);
    uv_timer_start(&guard, raise_flag, FREE_BOUND_MS, 0);
    uv_unref((uv_handle_t *)&guard);
    while (!expired && run(loop, UV_RUN_ONCE)) {
    }
    uv_close((uv_handle_t *)&guard, NULL);
    /* One turn for the guard's own close; the second for what callbacks of the first may have closed. */
    run(loop, UV_RUN_NOWAIT);
    run(loop, UV_RUN_NOWAIT);
}

int bw_loop_free(struct bw_loop *loop)
{
    if (!loop)
        return 0;
    loop->on_turn = NULL;
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    drain(loop);

    struct census census = {.left = 0, .log = true};
    uv_walk(&loop->uv, count_handle, &census);
    if (loop->lookups > 0)
        bw_log_error("loop", "left at close: %d name lookups", loop->lookups);
    census.left += loop->lookups;

    int status = uv_loop_close(&loop->uv);
    if (status != 0 || census.left > 0)
        return census.left > 0 ? census.left : 1;
    free(loop);
    return 0;
}
