/* One request: reading it, and answering it now or later.
 *
 * Happy way: the reply builds a response with a copy of the body and the security headers; inside the handler
 * that is all, later it also resumes the connection, and libmicrohttpd calls the access handler again, which
 * sends it.
 *
 * How it fails: a client that went away while its connection was suspended is not noticed until the resume;
 * the response is then thrown away by libmicrohttpd. When the port was closed meanwhile, `connection` is NULL
 * and the reply only frees the exchange: it belongs to the handler from the call until the reply. */
#include "status_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGE = 512, MAX_ERROR = 8 * MAX_MESSAGE };

static const char html_policy[] = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                                  "form-action 'self'; frame-ancestors 'none'";

const char *bw_exchange_query(const struct bw_exchange *e, const char *name)
{
    const char *value = NULL;

    if (!e->connection || MHD_lookup_connection_value_n(e->connection, MHD_GET_ARGUMENT_KIND, name,
                                                        strlen(name), &value, NULL) != MHD_YES)
        return NULL;
    return value ? value : ""; /* "?name" without "=" */
}

const char *bw_exchange_header(const struct bw_exchange *e, const char *name)
{
    return e->connection ? MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, name) : NULL;
}

void bw_exchange_free(struct bw_exchange *e)
{
    if (e->response)
        MHD_destroy_response(e->response);
    if (e->uri)
        explicit_bzero(e->uri, strlen(e->uri)); /* may hold ?token= */
    free(e->uri);
    free(e);
}

static void add_headers(struct MHD_Response *r, const char *content_type)
{
    MHD_add_response_header(r, "Content-Type", content_type);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    if (strncmp(content_type, "text/html", 9) == 0)
        MHD_add_response_header(r, "Content-Security-Policy", html_policy);
}

void bw_exchange_reply_with(struct bw_exchange *e, int status, const char *name, const char *value,
                            const char *content_type, const char *body, size_t len)
{
    if (!e->connection) {
        bw_exchange_free(e);
        return;
    }
    assert(!e->response && "an exchange is answered once");
    /* the prototype lacks a const; with MUST_COPY the body is only read */
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (!r)
        abort(); /* out of memory */
    add_headers(r, content_type);
    if (name)
        MHD_add_response_header(r, name, value);
    e->response = r;
    e->status = (unsigned)status;
    if (e->suspended) {
        LIST_REMOVE(e, link);
        e->suspended = false;
        MHD_resume_connection(e->connection);
        /* Without a thread of its own it drops MHD_USE_ITC: nothing tells its epoll of the resume. */
        if (!e->s->closing)
            bw_timer_start(e->s->pump_timer, 1);
    }
}

void bw_exchange_reply(struct bw_exchange *e, int status, const char *content_type, const char *body,
                       size_t len)
{
    bw_exchange_reply_with(e, status, NULL, NULL, content_type, body, len);
}

/* The length of the UTF-8 sequence at p, 0 if it is none (overlong forms and surrogates included). */
static size_t sequence(const unsigned char *p)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        size_t len;
    } forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                 {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (p[0] < forms[i].low || p[0] > forms[i].high || p[1] < forms[i].second_low ||
            p[1] > forms[i].second_high)
            continue;
        size_t n = 2;
        while (n < forms[i].len && p[n] >= 0x80 && p[n] <= 0xbf)
            n++;
        return n == forms[i].len ? n : 0;
    }
    return 0;
}

/* Messages may show parts of a request, so every byte must come out as valid JSON. */
static void add_json_text(struct bw_buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        size_t n = *p < 0x80 ? 1 : sequence(p);
        if (*p == '"' || *p == '\\')
            bw_buf_addf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            bw_buf_addf(out, "\\u%04x", *p);
        else if (n == 0)
            bw_buf_adds(out, "\\ufffd");
        else
            bw_buf_add(out, p, n);
        p += n > 0 ? n - 1 : 0;
    }
}

void bw_exchange_error_with(struct bw_exchange *e, int status, const char *name, const char *value,
                            const char *message)
{
    struct bw_buf body;

    bw_buf_init(&body, MAX_ERROR);
    bw_buf_addf(&body, "{\"error\": {\"status\": %d, \"message\": \"", status);
    add_json_text(&body, message);
    bw_buf_adds(&body, "\"}}\n");
    bw_exchange_reply_with(e, status, name, value, "application/json; charset=utf-8", bw_buf_str(&body),
                           body.len);
    bw_buf_fini(&body);
}

void bw_exchange_error(struct bw_exchange *e, int status, const char *fmt, ...)
{
    char message[MAX_MESSAGE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    bw_exchange_error_with(e, status, NULL, NULL, message);
}
