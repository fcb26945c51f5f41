/* Name resolution in the thread pool, with a deadline of its own, since the client libraries would resolve
 * inside the loop's thread.
 *
 * Happy way: start, the pool calls getaddrinfo, the callback gets the addresses in the system's order.
 *
 * How it fails: the deadline passes, or the owner cancels; the lookup is then cut off from its owner. One that
 * waits in the pool's queue is taken out; one that runs cannot be stopped, so its memory lives until the pool
 * gives it back. At most half of the pool's threads run lookups: a name server that hangs makes further ones
 * time out in the queue, not pile up. Until the last running lookup is given back, the loop cannot be freed
 * (bw_loop_free waits its two seconds and then says so). */
#include "loop_p.h"

#include "badgewatch/base/alloc.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ADDRESSES = 8, ADDRESS_TEXT = INET6_ADDRSTRLEN + 16 /* a %scope */ };

struct bw_resolve {
    uv_getaddrinfo_t uv;
    struct bw_loop *loop;
    struct bw_timer *timer; /* the deadline, or the next turn when the answer is known at the start */
    bw_resolve_cb cb;       /* NULL once answered or cancelled */
    void *ctx;
    enum bw_err early; /* the answer, when the pool is not asked */
    bool in_pool;
    size_t n;
    char address[MAX_ADDRESSES][ADDRESS_TEXT];
};

const char *bw_resolve_address(const struct bw_resolve *r, size_t i)
{
    return i < r->n ? r->address[i] : NULL;
}

/* Cuts the lookup off from its owner. */
static void detach(struct bw_resolve *r)
{
    r->cb = NULL;
    bw_timer_free(r->timer);
    r->timer = NULL;
    if (r->in_pool)
        uv_cancel((uv_req_t *)&r->uv); /* fails where it runs already; looked_up comes either way */
}

static void answer(struct bw_resolve *r, enum bw_err err)
{
    bw_resolve_cb cb = r->cb;

    detach(r);
    cb(r->ctx, err, err == BW_OK ? r->address[0] : NULL);
}

static void keep_address(struct bw_resolve *r, const char *text)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->address[i], text) == 0)
            return;
    size_t len = strlen(text);
    if (r->n == MAX_ADDRESSES || len >= ADDRESS_TEXT)
        return;
    memcpy(r->address[r->n++], text, len + 1);
}

static void keep_addresses(struct bw_resolve *r, const struct addrinfo *list)
{
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            keep_address(r, text);
    }
}

static void looked_up(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
    struct bw_resolve *r = uv->data;

    r->in_pool = false;
    r->loop->lookups--;
    if (r->cb) {
        keep_addresses(r, list);
        answer(r, status == 0 && r->n > 0 ? BW_OK : BW_ERR_NOT_FOUND);
    }
    uv_freeaddrinfo(list);
    free(r);
}

static void timer_fired(void *ctx)
{
    struct bw_resolve *r = ctx;
    bool in_pool = r->in_pool;

    answer(r, in_pool ? BW_ERR_TIMEOUT : r->early);
    if (!in_pool)
        free(r);
}

static bool is_numeric(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

struct bw_resolve *bw_resolve_start(struct bw_loop *loop, const char *host, int64_t timeout_ms,
                                    bw_resolve_cb cb, void *ctx)
{
    struct bw_resolve *r = bw_alloc(sizeof *r);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    r->uv.data = r;
    r->loop = loop;
    r->cb = cb;
    r->ctx = ctx;
    r->timer = bw_timer_new(loop, timer_fired, r);
    if (is_numeric(host)) { /* must work while the pool is full of lookups that hang */
        keep_address(r, host);
        bw_timer_start(r->timer, 1);
        return r;
    }
    /* a name that cannot be one (empty, too long) is refused here, and told like any other unknown name */
    if (uv_getaddrinfo(&loop->uv, &r->uv, looked_up, host, NULL, &hints) != 0) {
        r->early = BW_ERR_NOT_FOUND;
        bw_timer_start(r->timer, 1);
        return r;
    }
    r->in_pool = true;
    loop->lookups++;
    bw_timer_start(r->timer, timeout_ms);
    return r;
}

void bw_resolve_cancel(struct bw_resolve *r)
{
    if (!r)
        return;
    bool in_pool = r->in_pool;
    detach(r);
    if (!in_pool)
        free(r);
}
