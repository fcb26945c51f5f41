/* Status port: libmicrohttpd on its epoll fd inside our loop (facts/c-and-libraries 2.6).
 *
 * GET and HEAD only; everything else, bad tokens, unknown Hosts and over-long requests are answered here. A
 * request that passes is given to the handler, which answers at once or later, exactly once. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/loop/loop.h"

struct bw_status;
struct bw_exchange; /* one request and its answer */

struct bw_status_options {
    const char *listen;  /* "127.0.0.1:9787", "[::1]:0", ":9787" = all addresses; port 0 = any */
    const char *token;   /* "" = none; /healthz needs none */
    bool open;           /* allow a non-loopback address without a token */
    int max_connections; /* 0 = 64 */
    int64_t timeout_ms;  /* 0 = 10 s for an idle or slow client */
    /* path is decoded and has no query. Called from the loop. Must lead to one bw_exchange_reply. */
    void (*handler)(void *ctx, struct bw_exchange *exchange, const char *path);
    void *ctx;
};

/* BW_ERR_INVALID: listen is not an address and port, or is beyond loopback with neither token nor open;
 * BW_ERR_SYSTEM: cannot bind (text says why). */
enum bw_err bw_status_new(struct bw_loop *loop, const struct bw_status_options *options,
                          struct bw_status **out, struct bw_error *error) BW_MUSTCHECK;
/* BW_ERR_INVALID where bw_status_new would say so of listen, token and open; opens nothing. */
enum bw_err bw_status_check(const struct bw_status_options *options, struct bw_error *error) BW_MUSTCHECK;
int bw_status_port(const struct bw_status *s);
void bw_status_close(struct bw_status *s, void (*closed)(void *ctx), void *ctx);

const char *bw_exchange_query(const struct bw_exchange *e,
                              const char *name); /* decoded; NULL if absent; borrowed until reply */
const char *bw_exchange_header(const struct bw_exchange *e, const char *name);
/* Body is copied. If the client is gone meanwhile, or the port closes, this only frees. */
void bw_exchange_reply(struct bw_exchange *e, int status, const char *content_type, const char *body,
                       size_t len);
/* {"error": {"status": 404, "message": "..."}} */
void bw_exchange_error(struct bw_exchange *e, int status, const char *fmt, ...) BW_PRINTF(3, 4);
