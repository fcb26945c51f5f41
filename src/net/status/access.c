/* Who may ask what: methods, hosts, the token.
 *
 * Without a token the port listens on loopback, where any page in a browser could reach it under a name of its own (DNS
 * rebinding): the Host must then be a name of loopback. With a token, it is compared in constant time; `?token=` is
 * taken once, turned into a cookie, and taken out of the address. */
#include "status_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define COOKIE "badgewatch_token"

static bool same(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned char difference = n != m;
    for (size_t i = 0; i < n; i++)
        difference |= (unsigned char)(a[i] ^ b[m ? i % m : 0]);
    return m > 0 && difference == 0;
}

static bool host_is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; host && i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return false;
}

static void set_header(struct bw_exchange *e, const char *name, const char *value)
{
    /* fails only for a name or value that HTTP cannot carry: ours can */
    if (e->response && MHD_add_response_header(e->response, name, value) != MHD_YES)
        abort();
}

static bool token_given(const struct bw_status *s, struct bw_exchange *e)
{
    const char *bearer = MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, "Authorization");
    const char *cookie = MHD_lookup_connection_value(e->connection, MHD_COOKIE_KIND, COOKIE);
    return (bearer && strncmp(bearer, "Bearer ", 7) == 0 && same(s->token, bearer + 7)) ||
           (cookie && same(s->token, cookie));
}

/* The page was opened with ?token=: it goes into a cookie and out of the address. */
static bool token_to_cookie(const struct bw_status *s, struct bw_exchange *e)
{
    const char *token = MHD_lookup_connection_value(e->connection, MHD_GET_ARGUMENT_KIND, "token");
    if (!token || !same(s->token, token))
        return false;
    char *cookie = bw_asprintf(COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/", s->token);
    bw_exchange_reply(e, 303, "text/plain; charset=utf-8", "", 0);
    set_header(e, "Set-Cookie", cookie);
    set_header(e, "Location", e->path);
    free(cookie);
    return true;
}

bool access_answer(struct bw_status *s, struct bw_exchange *e, const char *method)
{
    const char *host = MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, "Host");
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        bw_exchange_error(e, 405, "only GET and HEAD are answered");
        set_header(e, "Allow", "GET, HEAD");
        return true;
    }
    if (s->loopback && !s->token[0] && !host_is_loopback(host)) {
        bw_exchange_error(e, 421, "this port answers for localhost only");
        return true;
    }
    if (!s->token[0] || strcmp(e->path, "/healthz") == 0 || token_given(s, e))
        return false;
    if (token_to_cookie(s, e))
        return true;
    bw_exchange_error(e, 401,
                      "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN once in a browser");
    set_header(e, "WWW-Authenticate", "Bearer");
    return true;
}
