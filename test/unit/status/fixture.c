/* See fixture.h. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void reply_big(struct bw_exchange *e)
{
    char *body = calloc(1, BIG);

    assert_non_null(body);
    bw_exchange_reply(e, 200, "application/octet-stream", body, BIG);
    free(body);
}

static void handle(void *ctx, struct bw_exchange *e, const char *path)
{
    static const char page[] = "<!doctype html><p>hi";
    struct app *app = ctx;
    const char *q = bw_exchange_query(e, "q");
    bool closes = bw_exchange_query(e, "close") != NULL;

    app->calls++;
    snprintf(app->path, sizeof app->path, "%s", path);
    if (strcmp(path, "/now") == 0 || strcmp(path, "/healthz") == 0)
        bw_exchange_reply(e, 200, "text/plain", "hello", 5);
    else if (strcmp(path, "/html") == 0)
        bw_exchange_reply(e, 200, "text/html; charset=utf-8", page, sizeof page - 1);
    else if (strcmp(path, "/big") == 0)
        reply_big(e);
    else if (strcmp(path, "/query") == 0)
        bw_exchange_reply(e, 200, "text/plain", q ? q : "(none)", strlen(q ? q : "(none)"));
    else if (strcmp(path, "/later") == 0 && app->n_pending < MAX_PENDING)
        app->pending[app->n_pending++] = e;
    else
        bw_exchange_error(e, 404, "nothing at %s", path);
    if (closes)
        app_begin_close(app);
}

void app_open(struct app *app, struct bw_loop *loop, const struct bw_status_options *options)
{
    struct bw_status_options o = options ? *options : (struct bw_status_options){0};
    struct bw_error error = {0};

    *app = (struct app){.loop = loop};
    if (!o.listen)
        o.listen = "127.0.0.1:0";
    o.handler = handle;
    o.ctx = app;
    if (bw_status_new(loop, &o, &app->status, &error))
        fail_msg("%s", error.text);
    assert_true(bw_status_port(app->status) > 0);
}

static void note_closed(void *ctx)
{
    *(bool *)ctx = true;
}

void app_begin_close(struct app *app)
{
    bw_status_close(app->status, note_closed, &app->closed);
    assert_false(app->closed);
}

void app_close(struct app *app)
{
    app_begin_close(app);
    LOOP_RUN_UNTIL(app->loop, app->closed, WAIT_MS);
}

void app_reply_all(struct app *app, const char *body)
{
    for (size_t i = 0; i < app->n_pending; i++)
        bw_exchange_reply(app->pending[i], 200, "text/plain", body, strlen(body));
    app->n_pending = 0;
}

void http_open(struct http *h, struct app *app)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((in_port_t)bw_status_port(app->status))};

    *h = (struct http){.app = app};
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(h->fd >= 0);
    assert_int_equal(connect(h->fd, (struct sockaddr *)&to, sizeof to), 0);
    h->data = calloc(1, 1);
}

void http_close(struct http *h)
{
    close(h->fd);
    free(h->data);
    *h = (struct http){.fd = -1};
}

void http_send(struct http *h, const char *text)
{
    size_t len = strlen(text);

    h->head = strncmp(text, "HEAD", 4) == 0;
    for (size_t at = 0; at < len;) {
        ssize_t n = send(h->fd, text + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            bw_loop_turn(h->app->loop, false);
            continue;
        }
        if (n < 0) /* the server had enough; its answer may be there all the same */
            return;
        at += (size_t)n;
    }
}

static size_t content_length(const struct http *h)
{
    const char *at = strcasestr(h->data, "\r\nContent-Length:");

    return at ? strtoul(at + 17, NULL, 10) : SIZE_MAX;
}

bool http_done(struct http *h)
{
    char chunk[65536];
    ssize_t n = 0;

    while ((n = recv(h->fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) {
        if (h->len + (size_t)n >= h->room) {
            h->room = 2 * (h->len + (size_t)n);
            h->data = realloc(h->data, h->room);
            assert_non_null(h->data);
        }
        memcpy(h->data + h->len, chunk, (size_t)n);
        h->len += (size_t)n;
        h->data[h->len] = '\0';
    }
    if (n == 0 || (n < 0 && errno != EAGAIN))
        h->ended = true;
    const char *body = strstr(h->data, "\r\n\r\n");
    if (!body || h->ended)
        return h->ended;
    size_t got = h->len - (size_t)(body + 4 - h->data);
    return h->head || got >= content_length(h);
}

bool http_ended(struct http *h)
{
    http_done(h);
    return h->ended;
}

int http_status(const struct http *h)
{
    return strncmp(h->data, "HTTP/1.1 ", 9) == 0 ? (int)strtol(h->data + 9, NULL, 10) : 0;
}

const char *http_body(const struct http *h)
{
    const char *end = strstr(h->data, "\r\n\r\n");

    return end ? end + 4 : "";
}

bool http_has(const struct http *h, const char *text)
{
    return strstr(h->data, text) != NULL;
}

void http_ask(struct http *h, struct app *app, const char *text)
{
    http_open(h, app);
    http_send(h, text);
    LOOP_RUN_UNTIL(app->loop, http_done(h), WAIT_MS);
}
