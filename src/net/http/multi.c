/* libcurl's multi interface on the loop.
 *
 * Happy way: libcurl names the sockets it wants watched (want_socket) and when it wants to be called
 * (want_timer); each event goes in by curl_multi_socket_action, and after each such call finished transfers are
 * taken out (pump). Owners are told from the pump only, never from inside libcurl.
 *
 * How it fails: each return that is not CURLM_OK, and each socket that cannot be watched, leaves the multi in a
 * state that libcurl does not describe: all calls in it are ended as unavailable and a new multi is made. */
#include "http_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { ERRORS_IN_A_ROW = 16, KEPT_CONNECTIONS = 8 };

static void act(struct bw_http *h, curl_socket_t fd, int events);

static struct http_socket *find_socket(const struct bw_http *h, curl_socket_t fd)
{
    struct http_socket *s;

    LIST_FOREACH (s, &h->sockets, link) {
        if (s->fd == fd)
            return s;
    }
    return NULL;
}

static void drop_socket(struct http_socket *s)
{
    LIST_REMOVE(s, link);
    bw_watch_free(s->watch); /* at once, before libcurl closes the fd: see watch.c */
    free(s);
}

static void on_event(void *ctx, int events, bool broken)
{
    struct http_socket *s = ctx;
    struct bw_http *h = s->http;
    curl_socket_t fd = s->fd;
    int curl_events =
        (events & BW_READABLE ? CURL_CSELECT_IN : 0) | (events & BW_WRITABLE ? CURL_CSELECT_OUT : 0);

    if (!broken) {
        s->errors = 0;
        act(h, fd, curl_events);
        return;
    }
    /* libuv has stopped the watch; when libcurl keeps the socket and wants what it wanted, it will not ask anew */
    s->errors++;
    act(h, fd, CURL_CSELECT_ERR);
    s = find_socket(h, fd);
    if (s && s->errors > 0 && s->errors < ERRORS_IN_A_ROW && bw_watch_set(s->watch, s->events) != BW_OK)
        bw_log_debug("http", "a socket with an error cannot be watched any more");
}

static struct http_socket *add_socket(struct bw_http *h, curl_socket_t fd)
{
    struct http_socket *s = bw_alloc(sizeof *s);
    enum bw_err err = bw_watch_new(h->loop, fd, on_event, s, &s->watch);

    if (err != BW_OK) {
        bw_log_error("http", "cannot watch a socket: %s", bw_err_text(err));
        free(s);
        return NULL;
    }
    s->http = h;
    s->fd = fd;
    LIST_INSERT_HEAD(&h->sockets, s, link);
    return s;
}

/* CURLMOPT_SOCKETFUNCTION. The list is the truth, not curl_multi_assign: it also knows sockets that libcurl
 * closed without saying so. -1 makes libcurl give up all transfers of the multi, which is then rebuilt. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    struct bw_http *h = user;
    struct http_socket *s = find_socket(h, fd);
    (void)easy, (void)assigned;

    if (what == CURL_POLL_REMOVE) {
        if (s)
            drop_socket(s);
        return 0;
    }
    if (h->closing) /* newer releases still poll while they clean up */
        return 0;
    if (!s && !(s = add_socket(h, fd)))
        return -1;
    s->events = (what & CURL_POLL_IN ? BW_READABLE : 0) | (what & CURL_POLL_OUT ? BW_WRITABLE : 0);
    return bw_watch_set(s->watch, s->events) == BW_OK ? 0 : -1;
}

/* A guard: libcurl is meant to announce each close with CURL_POLL_REMOVE, and has been seen not to. */
int http_close_socket(void *client, curl_socket_t fd)
{
    struct bw_http *h = client;
    struct http_socket *s = find_socket(h, fd);

    if (s)
        drop_socket(s);
    return close(fd);
}

static void curl_timer_fired(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION. 0 means "at once", yet not from in here: that would be recursion. */
static int want_timer(CURLM *multi, long ms, void *user)
{
    struct bw_http *h = user;
    (void)multi;

    if (ms < 0)
        bw_timer_stop(h->curl_timer);
    else if (!h->closing)
        bw_timer_start(h->curl_timer, ms);
    return 0;
}

/* The message dies with the next call of the multi interface: its fields are taken first. */
static void pump(struct bw_http *h)
{
    CURLMsg *message;
    int left;

    while (!h->closing && (message = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct bw_http_call *call = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        http_call_done(call, code);
    }
}

static void rebuild(struct bw_http *h, CURLMcode code)
{
    char reason[128];

    bw_log_error("http", "libcurl failed and is set up anew: %s", curl_multi_strerror(code));
    snprintf(reason, sizeof reason, "the HTTP client failed: %s", curl_multi_strerror(code));
    while (!TAILQ_EMPTY(&h->running))
        http_call_end(TAILQ_FIRST(&h->running), BW_ERR_UNAVAILABLE, reason);
    http_multi_close(h);
    http_multi_open(h);
}

static void act(struct bw_http *h, curl_socket_t fd, int events)
{
    int running;

    assert(!h->inside);
    h->inside = true;
    CURLMcode code = curl_multi_socket_action(h->multi, fd, events, &running);
    h->inside = false;
    if (code == CURLM_OK)
        pump(h);
    else
        rebuild(h, code);
}

void http_multi_open(struct bw_http *h)
{
    h->multi = curl_multi_init();
    if (!h->multi) {
        bw_log_error("http", "curl_multi_init failed");
        exit(EXIT_FAILURE);
    }
    if (!h->curl_timer)
        h->curl_timer = bw_timer_new(h->loop, curl_timer_fired, h);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    if (h->max_per_host > 0)
        curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)h->max_per_host);
}

/* No call may be in it any more. Closes the pooled connections, which calls want_socket and want_timer. */
void http_multi_close(struct bw_http *h)
{
    curl_multi_cleanup(h->multi);
    h->multi = NULL;
    for (struct http_socket *s = LIST_FIRST(&h->sockets), *next; s; s = next) {
        next = LIST_NEXT(s, link);
        drop_socket(s);
    }
    bw_timer_stop(h->curl_timer);
}

enum bw_err http_multi_add(struct bw_http *h, struct bw_http_call *call)
{
    assert(!h->inside && "on_body must not start a call");
    CURLMcode code = curl_multi_add_handle(h->multi, call->easy);
    if (code != CURLM_OK) {
        bw_log_error("http", "a request cannot be started: %s", curl_multi_strerror(code));
        return BW_ERR_SYSTEM;
    }
    TAILQ_INSERT_TAIL(&h->running, call, link);
    call->running = true;
    return BW_OK;
}

void http_multi_remove(struct bw_http *h, struct bw_http_call *call)
{
    assert(!h->inside && "on_body must not cancel a call");
    CURLMcode code = curl_multi_remove_handle(h->multi, call->easy);
    if (code != CURLM_OK)
        bw_log_error("http", "a request cannot be taken out: %s", curl_multi_strerror(code));
    TAILQ_REMOVE(&h->running, call, link);
    call->running = false;
}
