/* What is to be done once before the loop sleeps: what callbacks of a turn have put aside goes out together.
 *
 * Happy way: asked for, by anyone and however often; the callback comes before the loop next looks at its descriptors. It
 * cannot fail. Rejected: waiting for a descriptor to be writable, which nearly always it is: that asks epoll three times
 * and takes a turn of its own. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

struct bw_turn_end {
    uv_prepare_t uv;
    void (*cb)(void *ctx);
    void *ctx;
};

static void fire(uv_prepare_t *uv)
{
    const struct bw_turn_end *t = uv->data;

    uv_prepare_stop(uv);
    t->cb(t->ctx);
}

struct bw_turn_end *bw_turn_end_new(struct bw_loop *loop, void (*cb)(void *ctx), void *ctx)
{
    struct bw_turn_end *t = bw_alloc(sizeof *t);

    bw_loop_must(uv_prepare_init(&loop->uv, &t->uv), "uv_prepare_init");
    t->uv.data = t;
    t->cb = cb;
    t->ctx = ctx;
    return t;
}

void bw_turn_end_ask(struct bw_turn_end *t)
{
    bw_loop_must(uv_prepare_start(&t->uv, fire), "uv_prepare_start"); /* nothing, where it is started */
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void bw_turn_end_free(struct bw_turn_end *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, release);
}
