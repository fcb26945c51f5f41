/* What is checked before a request reaches the handler: size, method, Host, token.
 *
 * Happy way: a GET or HEAD for a path of sane length, with a Host that is ours where that matters, and the
 * token where there is one: as "Authorization: Bearer", or as the cookie that ?token= was exchanged for.
 *
 * How it fails: a JSON error, 400, 401, 405, 413, 414 or 421.
 *
 * Host: a port on loopback needs no token, but a web page anywhere can make the visitor's browser ask
 * 127.0.0.1 under a name of its own (DNS rebinding) and read the answer. It cannot choose the Host header, so
 * only names that mean this machine are answered there.
 *
 * ?token= is answered with a redirect to the same address without it, so that it does not stay in the address
 * bar, the history or a log. The cookie holds the token itself (as hexadecimal, since a token may hold any
 * byte), because it must outlive a restart and there is no store for sessions. */
#include "status_p.h"

#include "badgewatch/base/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HOST_HEADER = 256 };

#define COOKIE "badgewatch_token"

static bool is_read_only(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void refuse_method(struct bw_exchange *e)
{
    bw_exchange_error_with(e, 405, "Allow", "GET, HEAD", "only GET and HEAD are answered here");
}

bool bw_guard_refuse_body(struct bw_exchange *e, const char *method)
{
    const char *length = bw_exchange_header(e, "Content-Length");
    bool too_big = length && strtoull(length, NULL, 10) > STATUS_MAX_BODY;

    if (!too_big && !bw_exchange_header(e, "Transfer-Encoding"))
        return false;
    if (is_read_only(method))
        bw_exchange_error(e, 413, "a request here has no body");
    else
        refuse_method(e);
    return true;
}

/* Does not return earlier the more of it is right. */
static bool same_secret(const char *given, const char *secret)
{
    size_t len = strlen(secret);
    size_t given_len = strlen(given);
    volatile unsigned char difference = given_len != len;

    for (size_t i = 0; i < given_len; i++)
        difference |= (unsigned char)(given[i] ^ secret[i % len]);
    return difference == 0;
}

/* ---- Host ---- */

static bool names_this_machine(const char *host)
{
    char name[MAX_HOST_HEADER];
    struct in_addr v4;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (len > strlen(host) || len >= sizeof name)
        return false;
    const char *port = host + len;
    if (port[0] != '\0' && (port[0] != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)len, host);
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool check_host(struct bw_exchange *e, const char *version)
{
    const char *host = bw_exchange_header(e, "Host");

    if (!host && strcmp(version, "HTTP/1.0") != 0) {
        bw_exchange_error(e, 400, "the request has no Host header");
        return false;
    }
    if (host && e->s->check_host && !names_this_machine(host)) {
        bw_exchange_error(e, 421,
                          "this port answers to localhost, 127.0.0.1 and [::1] only (or set a token)");
        return false;
    }
    return true;
}

/* ---- token ---- */

/* The path and query as they were sent, without the parameter `token`. */
static void add_location(struct bw_buf *out, const char *uri)
{
    char mark = '?';
    const char *query = strchr(uri, '?');

    /* "//host" and "/\host" would lead a browser away from here */
    if (uri[0] == '/' && (uri[1] == '/' || uri[1] == '\\'))
        bw_buf_adds(out, "/");
    else
        bw_buf_add(out, uri, query ? (size_t)(query - uri) : strlen(uri));
    for (const char *at = query ? query + 1 : ""; *at;) {
        size_t len = strcspn(at, "&");
        char *name = bw_strndup(at, strcspn(at, "=&"));
        MHD_http_unescape(name); /* so that %74oken is dropped too, else the redirect would never end */
        if (len > 0 && strcmp(name, "token") != 0) {
            bw_buf_addc(out, mark);
            bw_buf_add(out, at, len);
            mark = '&';
        }
        free(name);
        at += len + (at[len] == '&');
    }
}

static void redirect_with_cookie(struct bw_exchange *e)
{
    static const char text[] = "continue without the token\n";
    struct bw_buf location;
    char *cookie = bw_asprintf(COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict", e->s->cookie);

    bw_buf_init(&location, STATUS_MAX_URI + 1);
    add_location(&location, e->uri);
    bw_exchange_reply_with(e, 303, "Set-Cookie", cookie, "text/plain; charset=utf-8", text, sizeof text - 1);
    MHD_add_response_header(e->response, "Location", bw_buf_str(&location));
    explicit_bzero(cookie, strlen(cookie));
    free(cookie);
    bw_buf_fini(&location);
}

static bool has_token(const struct bw_exchange *e)
{
    static const char scheme[] = "Bearer ";
    const char *header = bw_exchange_header(e, "Authorization");
    const char *cookie = MHD_lookup_connection_value(e->connection, MHD_COOKIE_KIND, COOKIE);

    if (header && strncasecmp(header, scheme, sizeof scheme - 1) == 0 &&
        same_secret(header + sizeof scheme - 1, e->s->token))
        return true;
    return cookie && same_secret(cookie, e->s->cookie);
}

static bool check_token(struct bw_exchange *e)
{
    const char *given = bw_exchange_query(e, "token");

    if (!e->s->token)
        return true;
    if (given && same_secret(given, e->s->token)) {
        redirect_with_cookie(e);
        return false;
    }
    if (!given && has_token(e))
        return true;
    bw_exchange_error_with(e, 401, "WWW-Authenticate", "Bearer realm=\"badgewatch\"",
                           given ? "the token is wrong"
                                 : "a token is needed: 'Authorization: Bearer TOKEN', or ?token=TOKEN once");
    return false;
}

bool bw_guard_admit(struct bw_exchange *e, const char *path, const char *method, const char *version)
{
    if (strlen(e->uri) > STATUS_MAX_URI)
        bw_exchange_error(e, 414, "the address is longer than %d bytes", (int)STATUS_MAX_URI);
    else if (e->uri[0] != '/' || strstr(e->uri, "%00")) /* libmicrohttpd would end the path at the %00 */
        bw_exchange_error(e, 400, "the address is not a path");
    else if (!is_read_only(method))
        refuse_method(e);
    else if (check_host(e, version))
        return strcmp(path, "/healthz") == 0 || check_token(e);
    return false;
}
