/* Life of the HTTP client and of its calls.
 *
 * Happy way: bw_http_new; bw_http_start puts a call into `running`; the pump finds it finished, takes it out,
 * tells the owner and frees it; bw_http_close at the end.
 *
 * How it fails: a call that ends by our own doing (cancel, stall, close, a multi that had to be rebuilt) leaves
 * the multi at once and waits in `ended` for the next turn, so that no owner is told from inside a call of his
 * own. Close ends all calls that way, and the client goes when the last owner has been told. */
#include "http_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <assert.h>
#include <stdlib.h>

static void free_call(struct bw_http_call *call)
{
    http_request_fini(call);
    free(call);
}

/* The owner may start, cancel and close from here: the call is in no list any more. */
static void tell(struct bw_http_call *call)
{
    call->http->in_flight--;
    call->cb(call->ctx, &call->response);
    free_call(call);
}

void http_call_done(struct bw_http_call *call, CURLcode code)
{
    http_multi_remove(call->http, call);
    http_response_of_curl(call, code);
    tell(call);
}

void http_call_end(struct bw_http_call *call, enum bw_err err, const char *reason)
{
    struct bw_http *h = call->http;

    http_multi_remove(h, call);
    if (call->stall)
        bw_timer_stop(call->stall);
    http_response_of_err(call, err, reason);
    TAILQ_INSERT_TAIL(&h->ended, call, link);
    bw_timer_start(h->soon, 1);
}

static void destroy(struct bw_http *h)
{
    void (*closed)(void *ctx) = h->closed;
    void *ctx = h->closed_ctx;

    http_multi_close(h);
    curl_share_cleanup(h->share);
    curl_global_cleanup();
    bw_timer_free(h->curl_timer);
    bw_timer_free(h->soon);
    free(h->user_agent);
    free(h->authorities);
    free(h);
    if (closed)
        closed(ctx);
}

/* What libcurl kept while a call stood still comes from inside curl_easy_pause; a refusal there is told to nobody else. */
static void resume_calls(struct bw_http *h)
{
    for (struct bw_http_call *call = TAILQ_FIRST(&h->running), *next; call; call = next) {
        next = TAILQ_NEXT(call, link);
        if (!call->resume)
            continue;
        call->resume = call->standing = false;
        call->moved = bw_mono_now(); /* it was we who stood still */
        h->inside = true;
        CURLcode code = curl_easy_pause(call->easy, CURLPAUSE_CONT);
        h->inside = false;
        if (code == CURLE_OK)
            continue;
        http_call_end(call, BW_ERR_UNAVAILABLE, "");
        http_response_of_curl(call, code);
    }
}

static void tell_ended(void *ctx)
{
    struct bw_http *h = ctx;

    resume_calls(h);
    while (!TAILQ_EMPTY(&h->ended)) {
        struct bw_http_call *call = TAILQ_FIRST(&h->ended);
        TAILQ_REMOVE(&h->ended, call, link);
        tell(call);
    }
    if (h->closing)
        destroy(h);
}

struct bw_http *bw_http_new(struct bw_loop *loop, const char *user_agent, int max_connections_per_host)
{
    struct bw_http *h = bw_alloc(sizeof *h);

    h->loop = loop;
    h->user_agent = bw_strdup(user_agent);
    const char *authorities = getenv("SSL_CERT_FILE");
    h->authorities = authorities && authorities[0] ? bw_strdup(authorities) : NULL;
    h->max_per_host = max_connections_per_host;
    LIST_INIT(&h->sockets);
    TAILQ_INIT(&h->running);
    TAILQ_INIT(&h->ended);
    h->soon = bw_timer_new(loop, tell_ended, h);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->share = curl_share_init())) {
        bw_log_error("http", "libcurl cannot be set up");
        exit(EXIT_FAILURE);
    }
    /* one thread uses the share, so it needs no locks */
    curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    http_multi_open(h);
    return h;
}

enum bw_err bw_http_start(struct bw_http *h, const struct bw_http_request *request, bw_http_cb cb, void *ctx,
                          struct bw_http_call **out)
{
    if (h->closing)
        return BW_ERR_CLOSED;
    if (h->in_flight >= HTTP_MAX_IN_FLIGHT)
        return BW_ERR_BUSY;

    struct bw_http_call *call = bw_alloc(sizeof *call);
    call->http = h;
    call->cb = cb;
    call->ctx = ctx;
    call->start = bw_mono_now();
    enum bw_err err = http_request_init(call, request);
    if (err == BW_OK)
        err = http_multi_add(h, call);
    if (err != BW_OK) {
        free_call(call);
        return err;
    }
    h->in_flight++;
    if (out)
        *out = call;
    return BW_OK;
}

void bw_http_resume(struct bw_http_call *call)
{
    if (!call->standing || !call->running)
        return;
    call->resume = true;
    bw_timer_start(call->http->soon, 0); /* libcurl may be on the stack */
}

void bw_http_cancel(struct bw_http_call *call)
{
    if (call->running) /* else it has ended already and its owner will hear why */
        http_call_end(call, BW_ERR_CLOSED, "cancelled");
}

size_t bw_http_in_flight(const struct bw_http *h)
{
    return h->in_flight;
}

void bw_http_close(struct bw_http *h, void (*closed)(void *ctx), void *ctx)
{
    assert(!h->closing && !h->inside);
    h->closing = true;
    h->closed = closed;
    h->closed_ctx = ctx;
    while (!TAILQ_EMPTY(&h->running))
        http_call_end(TAILQ_FIRST(&h->running), BW_ERR_CLOSED, "the HTTP client was closed");
    bw_timer_start(h->soon, 1);
}
