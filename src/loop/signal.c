/* Signals as loop callbacks, one for each delivery (two SIGTERM are two calls).
 *
 * A signal handle keeps the loop alive until it is freed. It fails only when the process has no descriptors
 * left for libuv's signal pipe, at start-up: that ends the program. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

struct bw_signal {
    uv_signal_t uv;
    struct bw_loop *loop;
    bw_signal_cb cb;
    void *ctx;
};

static void raised(uv_signal_t *uv, int signum)
{
    const struct bw_signal *s = uv->data;

    bw_loop_woke(s->loop);
    s->cb(s->ctx, signum);
}

struct bw_signal *bw_signal_new(struct bw_loop *loop, int signum, bw_signal_cb cb, void *ctx)
{
    struct bw_signal *s = bw_alloc(sizeof *s);

    bw_loop_must(uv_signal_init(&loop->uv, &s->uv), "uv_signal_init");
    s->uv.data = s;
    s->loop = loop;
    s->cb = cb;
    s->ctx = ctx;
    bw_loop_must(uv_signal_start(&s->uv, raised, signum), "uv_signal_start");
    return s;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void bw_signal_free(struct bw_signal *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->uv, release);
}
