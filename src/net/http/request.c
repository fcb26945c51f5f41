/* One request as a libcurl easy handle: its options, and what libcurl calls while the transfer runs.
 *
 * Happy way: http_request_init, the multi runs it, libcurl hands over decoded bytes, http_request_fini.
 *
 * How it fails: what cannot be a request (no http URL, a header with a line break) is refused at init. While it
 * runs our callbacks end it, by saying that they took no byte, when the decoded body passes its cap or on_body
 * refuses it; the true reason is kept in call->refused, since libcurl only knows "write error". */
#include "http_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, TOTAL_MS = 30000, MAX_BODY = 1024 * 1024, IDLE_S = 50 };

/* libcurl calls the four below while it is on the stack: none may come back into the multi. */

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct bw_http_call *call = user;

    call->moved = bw_mono_now();
    /* libcurl 7.88 takes a connection that is closed among the headers for a complete answer without body */
    if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
        call->head_complete = false; /* the real answer after an interim one */
    else if (n > 0 && (data[0] == '\r' || data[0] == '\n'))
        call->head_complete = true; /* stays: trailers come here too, after the body */
    call->head_len += size * n;
    if (call->head_len > HTTP_MAX_HEAD) {
        call->refused = BW_ERR_TOO_BIG;
        return 0;
    }
    return size * n;
}

/* CURLOPT_MAXFILESIZE knows only what Content-Length says, of the bytes before inflating: a bomb passes it. */
static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct bw_http_call *call = user;
    size_t len = size * n;

    if (len > call->max_body - call->body_len) {
        call->refused = BW_ERR_TOO_BIG;
        return 0;
    }
    if (call->on_body)
        call->refused = call->on_body(call->ctx, data, len);
    else
        call->refused = bw_buf_add(&call->body, data, len);
    if (call->refused == BW_ERR_BUSY) {
        call->refused = BW_OK;
        call->standing = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    call->body_len += len;
    return call->refused == BW_OK ? len : 0;
}

/* The connection, TLS included, is up and the request is about to be written: the last moment at which it is
 * certain that the peer has seen nothing. */
// NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's
static int on_connected(void *user, char *ip, char *local_ip, int port, int local_port)
{
    struct bw_http_call *call = user;
    (void)ip, (void)local_ip, (void)port, (void)local_port;

    struct bw_mono now = bw_mono_now();
    if (call->begin_by.ms != 0 && now.ms > call->begin_by.ms) {
        call->refused = BW_ERR_TIMEOUT;
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    call->sent_at = call->moved = now;
    return CURL_PREREQFUNC_OK;
}

static int on_progress(void *user, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    struct bw_http_call *call = user;
    (void)dl_total, (void)ul_total;

    if (dl + ul != call->bytes) {
        call->bytes = dl + ul;
        call->moved = bw_mono_now();
    }
    return 0;
}

static bool is_one_line(const char *text)
{
    return strpbrk(text, "\r\n") == NULL;
}

static enum bw_err add_header(struct bw_http_call *call, const char *name, const char *value)
{
    if (!name || !value || !*name || !is_one_line(name) || strpbrk(name, ": ") || !is_one_line(value))
        return BW_ERR_INVALID;
    /* libcurl takes "Name:" as "do not send it", and "Name;" as a header without value */
    char *line = *value ? bw_asprintf("%s: %s", name, value) : bw_asprintf("%s;", name);
    struct curl_slist *list = curl_slist_append(call->headers, line);
    free(line);
    if (!list)
        return BW_ERR_SYSTEM;
    call->headers = list;
    return BW_OK;
}

static enum bw_err set_headers(struct bw_http_call *call, const struct bw_http_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        enum bw_err err = add_header(call, request->headers[i].name, request->headers[i].value);
        if (err != BW_OK)
            return err;
    }
    /* libcurl asks for "100 Continue" before a body over 1 MB, and waits a second where none comes */
    struct curl_slist *list = curl_slist_append(call->headers, "Expect:");
    if (!list)
        return BW_ERR_SYSTEM;
    call->headers = list;
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return BW_OK;
}

/* A URL that libcurl would refuse is refused now; so is one that is neither http nor https. */
static enum bw_err check_url(const char *url)
{
    char *scheme = NULL;
    CURLU *parts = curl_url();

    bool ok = url && parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return ok ? BW_OK : BW_ERR_INVALID;
}

static void set_safety(CURL *easy, struct bw_http *h)
{
    /* without it a stuck getaddrinfo is joined, in the loop's thread, when the call times out or is removed */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (h->authorities)
        curl_easy_setopt(easy, CURLOPT_CAINFO, h->authorities);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* proxies come from the environment where nothing is said; a secret must not take a way nobody set here */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    /* 7.88 is the first release after HTTP/2 was rebuilt in libcurl; its repairs came in 8.0 and 8.1 */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SHARE, h->share);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
    /* a connection outlives its easy handle, so this client data is the bw_http */
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, h);
}

static void set_callbacks(CURL *easy, struct bw_http_call *call)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, call);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static long ms_or(int64_t ms, int64_t otherwise)
{
    return (long)(ms > 0 ? ms : otherwise);
}

static enum bw_err set_request(CURL *easy, const struct bw_http_request *request)
{
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK)
        return BW_ERR_INVALID;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms_or(request->connect_timeout_ms, CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms_or(request->timeout_ms, TOTAL_MS));
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    if (!request->idempotent) {
        /* libcurl sends a request again by itself, a POST too, when a pooled connection dies before the first
         * byte of the answer. A new connection has no such case, and is of no use to the next call either. */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (request->method == BW_HTTP_POST) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        if (curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "") != CURLE_OK)
            return BW_ERR_SYSTEM;
    }
    return BW_OK;
}

/* libcurl's own LOW_SPEED options count whole seconds and a speed averaged over five of them. */
static void stall_check(void *ctx)
{
    struct bw_http_call *call = ctx;
    int64_t quiet = call->sent ? bw_mono_now().ms - call->moved.ms : 0; /* connecting has its own time-out */
    char reason[64];

    if (quiet < call->stall_ms) {
        bw_timer_start(call->stall, call->stall_ms - quiet);
        return;
    }
    snprintf(reason, sizeof reason, "nothing arrived for %lld ms", (long long)quiet);
    http_call_end(call, BW_ERR_TIMEOUT, reason);
}

enum bw_err http_request_init(struct bw_http_call *call, const struct bw_http_request *request)
{
    call->max_body = request->max_body ? request->max_body : MAX_BODY;
    bw_buf_init(&call->body, call->max_body);
    enum bw_err err = check_url(request->url);
    if (err != BW_OK)
        return err;
    call->url = bw_strdup(request->url);
    call->on_body = request->on_body;
    call->begin_by = request->begin_by;
    call->easy = curl_easy_init();
    if (!call->easy)
        return BW_ERR_SYSTEM;
    set_safety(call->easy, call->http);
    set_callbacks(call->easy, call);
    curl_easy_setopt(call->easy, CURLOPT_USERAGENT, call->http->user_agent);
    err = set_request(call->easy, request);
    if (err == BW_OK)
        err = set_headers(call, request);
    if (err == BW_OK && request->stall_ms > 0) {
        call->stall_ms = request->stall_ms;
        call->stall = bw_timer_new(call->http->loop, stall_check, call);
        bw_timer_start(call->stall, call->stall_ms);
    }
    return err;
}

void http_request_fini(struct bw_http_call *call)
{
    bw_timer_free(call->stall);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    bw_buf_fini(&call->body);
    free(call->url);
}
