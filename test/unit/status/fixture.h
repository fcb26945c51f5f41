/* A status port with a small application behind it, and clients that the same thread can turn with the loop. */
#pragma once

#include "support/loop_fixture.h"

#include "badgewatch/status/status.h"

enum { WAIT_MS = 10000, MAX_PENDING = 100, BIG = 32 * 1024 * 1024 };

/* /now "hello"; /html a page; /big 32 MB; /later kept in `pending`; /query what ?q= was; all else a 404 whose message
 * is the path. With ?close the port is closed from inside the handler. */
struct app {
    struct bw_loop *loop;
    struct bw_status *status;
    int calls;
    char path[256]; /* of the last request */
    struct bw_exchange *pending[MAX_PENDING];
    size_t n_pending;
    bool closed;
};

void app_open(struct app *app, struct bw_loop *loop, const struct bw_status_options *options);
void app_begin_close(struct app *app);
void app_close(struct app *app); /* and waits for its end */
void app_reply_all(struct app *app, const char *body);

struct http {
    struct app *app;
    int fd;
    char *data;
    size_t len;
    size_t room;
    bool head;  /* the answer has no body */
    bool ended; /* the server closed */
};

void http_open(struct http *h, struct app *app);
void http_close(struct http *h);
void http_send(struct http *h, const char *text);
/* Takes what is there. True when one whole answer is, or the server closed. */
bool http_done(struct http *h);
bool http_ended(struct http *h);
int http_status(const struct http *h);
const char *http_body(const struct http *h);
bool http_has(const struct http *h, const char *text);
/* Sends one request on a connection of its own and waits for the answer. */
void http_ask(struct http *h, struct app *app, const char *text);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
