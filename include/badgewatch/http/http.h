/* HTTP client: libcurl's multi interface on the loop (facts/c-and-libraries 2.2).
 *
 * HTTP/1.1, any encoding curl knows decoded on each status, decoded bytes counted against a cap, redirects
 * refused, TLS verified, protocols http and https only (http only where the URL says so). libcurl never
 * re-sends a POST by itself (fresh connection for requests that are not idempotent). A request URL may
 * hold a secret: it is never in an error text. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/loop/loop.h"

struct bw_http;
struct bw_http_call; /* one request in flight */

enum bw_http_method { BW_HTTP_GET, BW_HTTP_POST };

struct bw_http_header {
    const char *name;
    const char *value;
};

struct bw_http_request {
    enum bw_http_method method;
    const char *url;
    const struct bw_http_header *headers; /* copied */
    size_t n_headers;
    const char *body; /* POST; copied */
    size_t body_len;
    int64_t connect_timeout_ms; /* 0 = 10 s */
    int64_t timeout_ms;         /* whole request; 0 = 30 s */
    int64_t stall_ms;           /* abort when nothing arrives for so long; 0 = no check */
    size_t max_body;            /* decoded bytes; 0 = 1 MB */
    struct bw_mono
        begin_by;    /* if set, not one byte of the request leaves after this moment: BW_ERR_TIMEOUT then,
                                 and response->sent is false. 0 = any time */
    bool idempotent; /* may use a pooled connection, and is retried once on a dead one */
    /* If set, decoded body bytes go here as they come and response->body stays empty. Return BW_OK; BW_ERR_BUSY: these
     * bytes were not taken, they come again after bw_http_resume; or an error that ends the request with that code. Must
     * not start, cancel or resume calls. */
    enum bw_err (*on_body)(void *ctx, const char *data, size_t len);
};

struct bw_http_response {
    enum bw_err err; /* BW_OK: a complete response came, whatever its status. BW_ERR_UNAVAILABLE: no
                         connection, or it broke before the response was complete; BW_ERR_TIMEOUT;
                         BW_ERR_TOO_BIG; BW_ERR_PROTOCOL: bad encoding or not HTTP; BW_ERR_CLOSED */
    long status;     /* 0 if no status line came */
    bool sent;       /* false only if it is certain that no byte of the request reached the peer's socket:
                         resolution, connection or TLS failed. true otherwise: the outcome of a POST without
                         a complete response is then ambiguous */
    struct bw_mono sent_at; /* if sent: when the request was about to be written */
    bool body_complete; /* true when err is BW_OK: as long as the peer said. A compressed stream that was cut
                           before the peer counted it is taken for whole by libcurl 7.88, and the body is then
                           a prefix: whoever parses it must mind its end (JSON parsers do) */
    const char *body;   /* borrowed during the callback, NUL-terminated; "" when on_body is used */
    size_t body_len;
    int64_t retry_after_ms;   /* Retry-After in delta seconds; -1 if absent or not a number */
    const char *content_type; /* "" if absent */
    const char *oauth_scopes; /* X-OAuth-Scopes, "" if absent (Slack tells granted scopes so) */
    bool has_date;
    struct bw_wall date;      /* Date header */
    double total_s;           /* start to end */
    struct bw_mono last_byte; /* when the response was complete */
    char reason[256];         /* for people; no URL, no secret */
};

typedef void (*bw_http_cb)(void *ctx, const struct bw_http_response *response);

/* Peers are trusted by the system's authorities, or by those in the file that the environment names as SSL_CERT_FILE
 * (OpenSSL's own name, X509_get_default_cert_file_env(3)). */
struct bw_http *bw_http_new(struct bw_loop *loop, const char *user_agent, int max_connections_per_host);
/* Error now, or exactly one callback later (also after cancel and close: with BW_ERR_CLOSED). *out may be
 * NULL; it is valid until the callback begins. */
enum bw_err bw_http_start(struct bw_http *h, const struct bw_http_request *request, bw_http_cb cb, void *ctx,
                          struct bw_http_call **out) BW_MUSTCHECK;
/* Of a call whose body comes: its status, and the Date header in unix seconds (0 if it has none). */
void bw_http_head(const struct bw_http_call *call, long *status, int64_t *date_s);
/* Goes on after on_body said BW_ERR_BUSY, in the next turn of the loop; otherwise does nothing. */
void bw_http_resume(struct bw_http_call *call);
void bw_http_cancel(struct bw_http_call *call); /* the callback still comes, BW_ERR_CLOSED, from the loop */
size_t bw_http_in_flight(const struct bw_http *h);
/* Ends all calls (each callback comes with BW_ERR_CLOSED), then frees and calls closed (may be NULL). */
void bw_http_close(struct bw_http *h, void (*closed)(void *ctx), void *ctx);
/* Percent-encodes one query value (RFC 3986 unreserved kept; ',' and ':' kept). */
void bw_http_escape(struct bw_buf *out, const char *value);
