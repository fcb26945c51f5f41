/* What the files of this room share; nobody outside includes it.
 *
 *   http.c      life of the client and of its calls; who is told what, when
 *   multi.c     libcurl's multi interface on the loop: sockets, its timer, the pump, rebuilding
 *   request.c   one easy handle: options, and what libcurl calls while it runs
 *   response.c  a finished handle turned into struct bw_http_response; what may be said about a failure */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/http/http.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum { HTTP_MAX_IN_FLIGHT = 512, HTTP_MAX_HEAD = 256 * 1024 };

/* One socket that libcurl wants watched. */
struct http_socket {
    LIST_ENTRY(http_socket) link;
    struct bw_http *http;
    curl_socket_t fd;
    struct bw_watch *watch;
    int events;
    unsigned errors; /* in a row */
};

struct bw_http {
    struct bw_loop *loop;
    CURLM *multi;
    CURLSH *share; /* TLS sessions: libcurl keeps them in the easy handle, and ours live for one call */
    char *user_agent;
    char *authorities; /* path of a file, NULL: those of the system */
    int max_per_host;
    struct bw_timer *curl_timer; /* the one libcurl asks for */
    struct bw_timer *soon;       /* brings what may not be told from inside a call */
    LIST_HEAD(, http_socket) sockets;
    TAILQ_HEAD(http_calls, bw_http_call) running; /* in the multi */
    struct http_calls ended;                      /* out of the multi, the owner is not told yet */
    size_t in_flight;
    bool inside; /* libcurl is on the stack: its callbacks may not come back into the multi */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct bw_http_call {
    TAILQ_ENTRY(bw_http_call) link;
    struct bw_http *http;
    bw_http_cb cb;
    void *ctx;
    CURL *easy;
    struct curl_slist *headers;
    char *url; /* only to keep its parts out of error texts */
    size_t max_body;
    size_t body_len; /* decoded */
    size_t head_len;
    struct bw_buf body;
    enum bw_err (*on_body)(void *ctx, const char *data, size_t len);
    struct bw_timer *stall; /* NULL when not asked for */
    int64_t stall_ms;
    struct bw_mono moved; /* when bytes last went either way */
    curl_off_t bytes;     /* body bytes on the wire at that time */
    struct bw_mono start;
    struct bw_mono begin_by; /* 0 = any time */
    bool running;
    bool sent;
    struct bw_mono sent_at;
    bool standing;       /* on_body took nothing: libcurl waits */
    bool resume;         /* and may go on, in the next turn */
    bool head_complete;  /* the empty line after the headers came */
    enum bw_err refused; /* why our own callback ended the transfer */
    char curl_text[CURL_ERROR_SIZE];
    struct bw_http_response response;
};

/* multi.c */
void http_multi_open(struct bw_http *h);
void http_multi_close(struct bw_http *h);
enum bw_err http_multi_add(struct bw_http *h, struct bw_http_call *call) BW_MUSTCHECK;
void http_multi_remove(struct bw_http *h, struct bw_http_call *call);
int http_close_socket(void *client,
                      curl_socket_t fd); /* CURLOPT_CLOSESOCKETFUNCTION, client is the bw_http */

/* request.c */
enum bw_err http_request_init(struct bw_http_call *call, const struct bw_http_request *request) BW_MUSTCHECK;
void http_request_fini(struct bw_http_call *call);

/* response.c */
void http_response_of_curl(struct bw_http_call *call, CURLcode code);
void http_response_of_err(struct bw_http_call *call, enum bw_err err, const char *reason);

/* http.c */
void http_call_done(struct bw_http_call *call, CURLcode code); /* from the pump: tells the owner now */
void http_call_end(struct bw_http_call *call, enum bw_err err, const char *reason); /* tells it next turn */
