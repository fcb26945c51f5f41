/* Watch of a descriptor that a client library owns.
 *
 * Happy way: new, set the wanted events, callbacks while they last (level triggered), free, and only then may
 * the library close the fd.
 *
 * How it fails: libuv keeps its handles by fd number. A watch that was only stopped, with its fd closed and
 * the number used again, would take the next owner's fd out of epoll when it is closed; a watch still active
 * at that time makes libuv abort. So bw_watch_free is uv_close at once, which leaves epoll before it returns.
 * An fd number that is still watched gives BW_ERR_CONFLICT, never an assertion: the libraries do make that
 * mistake. After POLLERR libuv has stopped the handle by itself and hands over no events: the owner is told
 * with broken = true, since a library that is not told waits for ever. */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdlib.h>

struct bw_watch {
    uv_poll_t uv;
    struct bw_loop *loop;
    bw_watch_cb cb;
    void *ctx;
    int events; /* what epoll is asked for now */
};

static void ready(uv_poll_t *uv, int status, int uv_events)
{
    struct bw_watch *w = uv->data;

    bw_loop_woke(w->loop);
    if (status < 0) {
        w->events = 0;
        w->cb(w->ctx, 0, true);
        return;
    }
    int events = (uv_events & UV_READABLE ? BW_READABLE : 0) | (uv_events & UV_WRITABLE ? BW_WRITABLE : 0);
    w->cb(w->ctx, events, false);
}

enum bw_err bw_watch_new(struct bw_loop *loop, int fd, bw_watch_cb cb, void *ctx, struct bw_watch **out)
{
    struct bw_watch *w = bw_alloc(sizeof *w);
    int status = uv_poll_init(&loop->uv, &w->uv, fd);

    if (status < 0) { /* not in the loop yet, so no close is due */
        free(w);
        return bw_loop_err(status);
    }
    w->uv.data = w;
    w->loop = loop;
    w->cb = cb;
    w->ctx = ctx;
    *out = w;
    return BW_OK;
}

enum bw_err bw_watch_set(struct bw_watch *w, int events)
{
    assert((events & ~(BW_READABLE | BW_WRITABLE)) == 0);
    if (events == w->events) /* uv_poll_start would leave and enter epoll again: two calls for nothing */
        return BW_OK;
    int wanted = (events & BW_READABLE ? UV_READABLE : 0) | (events & BW_WRITABLE ? UV_WRITABLE : 0);
    int status = wanted ? uv_poll_start(&w->uv, wanted, ready) : uv_poll_stop(&w->uv);
    if (status < 0)
        return bw_loop_err(status);
    w->events = events;
    return BW_OK;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void bw_watch_free(struct bw_watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->uv, release);
}
