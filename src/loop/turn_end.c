/* What is to be done once before the loop sleeps: what callbacks of a turn have put aside is done together.
 *
 * Happy way: asked for, by anyone and however often; the callback comes before the loop next waits for its descriptors: first
 * those that work on, then those that send what was made (libuv's idle and prepare handles). One that works on and is asked
 * for later, from a turn's last callbacks, finds that the loop does not wait. It cannot fail. Rejected: waiting for a
 * descriptor to be writable, which nearly always it is: that asks epoll three times and takes a turn of its own. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

struct bw_turn_end {
    union {
        uv_handle_t handle;
        uv_idle_t idle;
        uv_prepare_t prepare;
    } uv;
    enum bw_turn_order order;
    void (*cb)(void *ctx);
    void *ctx;
};

static void work_on(uv_idle_t *uv)
{
    const struct bw_turn_end *t = uv->data;

    uv_idle_stop(uv);
    t->cb(t->ctx);
}

static void send_out(uv_prepare_t *uv)
{
    const struct bw_turn_end *t = uv->data;

    uv_prepare_stop(uv);
    t->cb(t->ctx);
}

struct bw_turn_end *bw_turn_end_new(struct bw_loop *loop, enum bw_turn_order order, void (*cb)(void *ctx),
                                    void *ctx)
{
    struct bw_turn_end *t = bw_alloc(sizeof *t);

    if (order == BW_TURN_WORK)
        bw_loop_must(uv_idle_init(&loop->uv, &t->uv.idle), "uv_idle_init");
    else
        bw_loop_must(uv_prepare_init(&loop->uv, &t->uv.prepare), "uv_prepare_init");
    t->uv.handle.data = t;
    t->order = order;
    t->cb = cb;
    t->ctx = ctx;
    return t;
}

/* To start what is started does nothing. */
void bw_turn_end_ask(struct bw_turn_end *t)
{
    if (t->order == BW_TURN_WORK)
        bw_loop_must(uv_idle_start(&t->uv.idle, work_on), "uv_idle_start");
    else
        bw_loop_must(uv_prepare_start(&t->uv.prepare, send_out), "uv_prepare_start");
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void bw_turn_end_free(struct bw_turn_end *t)
{
    if (t)
        uv_close(&t->uv.handle, release);
}
