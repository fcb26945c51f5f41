/* redis://[user[:password]@]host[:port][/db] and unix://[user[:password]@]/path, both with ?db=N.
 *
 * Happy way: the text is cut at "://", at '?', and at the last '@' of what comes before the path; each part is
 * checked and percent-decoded on its own.
 *
 * How it fails: BW_ERR_INVALID with a text that names the part, never what stands before the '@', since a
 * mistyped URL ends up in logs and terminals. rediss:// is BW_ERR_UNSUPPORTED: hiredis 0.14 has no TLS. */
#include "url.h"

#include "badgewatch/base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum {
    DEFAULT_PORT = 6379,
    MAX_URL = 4096,
    MAX_HOST = 253,
    /* hiredis fills sun_path by strncpy into memory that it did not clear: the last byte must not be needed */
    MAX_SOCKET_PATH = sizeof(((struct sockaddr_un *)0)->sun_path) - 2
};

struct span {
    const char *at;
    size_t len;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL for a broken escape, and for %00, which no C string can carry. */
static char *decode(struct span s)
{
    char *out = bw_alloc(s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '%') {
            out[n++] = s.at[i];
            continue;
        }
        int high = s.len - i > 2 ? hex_digit(s.at[i + 1]) : -1;
        int low = s.len - i > 2 ? hex_digit(s.at[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            free(out);
            return NULL;
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

/* Decimal digits only, within the limit; -1 otherwise. */
static int number(struct span s, int max)
{
    int value = 0;

    if (s.len == 0 || s.len > 9)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return -1;
        value = value * 10 + (s.at[i] - '0');
    }
    return value <= max ? value : -1;
}

/* Cuts *s before the first `c` and returns what follows it; at is NULL where there is no `c`. */
static struct span cut(struct span *s, char c)
{
    const char *found = memchr(s->at, c, s->len);
    struct span rest = {NULL, 0};

    if (found) {
        rest.at = found + 1;
        rest.len = s->len - (size_t)(rest.at - s->at);
        s->len = (size_t)(found - s->at);
    }
    return rest;
}

static enum bw_err parse_db(struct redis_target *t, struct span s, struct bw_error *error)
{
    t->db = number(s, 999999999);
    if (t->db < 0)
        return bw_error_set(error, BW_ERR_INVALID, "the database in the Redis URL is not a number");
    return BW_OK;
}

static enum bw_err parse_query(struct redis_target *t, struct span s, struct bw_error *error)
{
    while (s.at) {
        struct span rest = cut(&s, '&');
        struct span value = cut(&s, '=');
        if (s.len != 2 || memcmp(s.at, "db", 2) != 0 || !value.at)
            return bw_error_set(error, BW_ERR_INVALID, "the Redis URL takes no parameter but 'db=N'");
        enum bw_err err = parse_db(t, value, error);
        if (err)
            return err;
        s = rest;
    }
    return BW_OK;
}

static enum bw_err parse_login(struct redis_target *t, struct span user, struct bw_error *error)
{
    struct span password = cut(&user, ':');

    if (user.len > 0 && !password.at) /* which of the two was meant is not ours to guess */
        return bw_error_set(
            error, BW_ERR_INVALID,
            "the Redis URL has a user without ':password' (for a password alone: ':password@')");
    if (user.len > 0)
        t->user = decode(user);
    if (password.len > 0 || (password.at && user.len > 0))
        t->password = decode(password);
    if ((user.len > 0 && !t->user) || (password.len > 0 && !t->password))
        return bw_error_set(error, BW_ERR_INVALID,
                            "the user or password in the Redis URL has a broken %%XX escape");
    return BW_OK;
}

static enum bw_err parse_host(struct redis_target *t, struct span host, struct bw_error *error)
{
    struct span port = {NULL, 0};

    t->port = DEFAULT_PORT;
    if (host.len > 0 && host.at[0] == '[') {
        struct span inner = {host.at + 1, host.len - 1};
        struct span rest = cut(&inner, ']');
        if (!rest.at || (rest.len > 0 && rest.at[0] != ':'))
            return bw_error_set(error, BW_ERR_INVALID, "the Redis URL has a '[' that is not '[IPv6]:port'");
        if (rest.len > 0)
            port = (struct span){rest.at + 1, rest.len - 1};
        host = inner;
    } else {
        port = cut(&host, ':');
    }
    if (port.at) {
        t->port = number(port, 65535);
        if (t->port < 1)
            return bw_error_set(error, BW_ERR_INVALID, "the port in the Redis URL is not 1 to 65535");
    }
    if (host.len > MAX_HOST)
        return bw_error_set(error, BW_ERR_INVALID, "the host in the Redis URL is too long");
    t->host = host.len > 0 ? bw_strndup(host.at, host.len) : bw_strdup("127.0.0.1");
    return BW_OK;
}

static enum bw_err parse_path(struct redis_target *t, struct span path, struct bw_error *error)
{
    if (path.len < 2)
        return bw_error_set(error, BW_ERR_INVALID, "the Redis URL has no socket path (unix:///path)");
    t->path = decode(path);
    if (!t->path)
        return bw_error_set(error, BW_ERR_INVALID,
                            "the socket path in the Redis URL has a broken %%XX escape");
    if (strlen(t->path) > MAX_SOCKET_PATH)
        return bw_error_set(error, BW_ERR_INVALID, "the socket path in the Redis URL is longer than %d bytes",
                            (int)MAX_SOCKET_PATH);
    return BW_OK;
}

/* *rest is what follows the "://". */
static enum bw_err parse_scheme(const char *url, bool *is_unix, const char **rest, struct bw_error *error)
{
    const char *colon = strstr(url, "://");
    size_t len = colon ? (size_t)(colon - url) : 0;

    if (strlen(url) > MAX_URL)
        return bw_error_set(error, BW_ERR_INVALID, "the Redis URL is longer than %d bytes", (int)MAX_URL);
    if (len == 6 && strncasecmp(url, "rediss", 6) == 0)
        return bw_error_set(
            error, BW_ERR_UNSUPPORTED,
            "rediss:// is not supported: hiredis here has no TLS (use a unix socket, a private "
            "network or a TLS tunnel)");
    *is_unix = len == 4 && strncasecmp(url, "unix", 4) == 0;
    if (!colon || (!*is_unix && (len != 5 || strncasecmp(url, "redis", 5) != 0)))
        return bw_error_set(error, BW_ERR_INVALID, "the Redis URL does not begin with redis:// or unix://");
    *rest = colon + 3;
    return BW_OK;
}

static enum bw_err parse(struct redis_target *t, const char *url, struct bw_error *error)
{
    bool is_unix = false;
    const char *text = "";
    enum bw_err err = parse_scheme(url, &is_unix, &text, error);

    if (err)
        return err;
    struct span rest = {text, strlen(text)};
    struct span query = cut(&rest, '?');
    struct span path = rest;
    struct span host = rest;
    struct span below = cut(&host, '/');
    const char *at = memrchr(host.at, '@', host.len);
    if (at) {
        struct span login = {host.at, (size_t)(at - host.at)};
        err = parse_login(t, login, error);
        host = (struct span){at + 1, host.len - login.len - 1};
        path = (struct span){at + 1, path.len - login.len - 1};
    }
    if (!err && is_unix && host.len > 0)
        err = bw_error_set(error, BW_ERR_INVALID, "the socket path in the Redis URL does not begin with '/'");
    else if (!err && is_unix)
        err = parse_path(t, path, error);
    else if (!err)
        err = parse_host(t, host, error);
    if (!err && !is_unix && below.len > 0)
        err = parse_db(t, below, error);
    return err ? err : parse_query(t, query, error);
}

enum bw_err bw_redis_target_parse(const char *url, struct redis_target *out, struct bw_error *error)
{
    struct redis_target t = {0};
    enum bw_err err = parse(&t, url ? url : "", error);

    if (err)
        bw_redis_target_fini(&t);
    else
        *out = t;
    return err;
}

void bw_redis_target_fini(struct redis_target *t)
{
    free(t->host);
    free(t->path);
    free(t->user);
    if (t->password)
        explicit_bzero(t->password, strlen(t->password));
    free(t->password);
    *t = (struct redis_target){0};
}
