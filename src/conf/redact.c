/* URLs without their secrets, for messages and logs. */
#include "badgewatch/conf/conf.h"

#include <string.h>
#include <strings.h>

static bool secret_key(const char *name, size_t len)
{
    static const char *const names[] = {"key", "token", "password", "sslpassword"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0)
            return true;
    }
    return false;
}

/* "user:password" before the last '@' of the authority. */
static void put_authority(const char *text, size_t len, struct bw_buf *out)
{
    const char *at = memrchr(text, '@', len);
    const char *colon = at ? memchr(text, ':', (size_t)(at - text)) : NULL;
    if (!colon) {
        bw_buf_add(out, text, len);
        return;
    }
    bw_buf_add(out, text, (size_t)(colon - text) + 1);
    bw_buf_adds(out, "***");
    bw_buf_add(out, at, len - (size_t)(at - text));
}

static void put_query(const char *text, struct bw_buf *out)
{
    while (*text) {
        size_t len = strcspn(text + 1, "&;") + 1; /* text[0] is '?', '&' or ';' */
        const char *equals = memchr(text, '=', len);
        if (equals && secret_key(text + 1, (size_t)(equals - text) - 1)) {
            bw_buf_add(out, text, (size_t)(equals - text) + 1);
            bw_buf_adds(out, "***");
        } else {
            bw_buf_add(out, text, len);
        }
        text += len;
    }
}

void bw_conf_redact_url(const char *url, struct bw_buf *out)
{
    const char *authority = strstr(url, "://");
    if (!authority) { /* "host=... password=..." of libpq: words */
        const char *password = strstr(url, "password=");
        if (!password) {
            bw_buf_adds(out, url);
            return;
        }
        bw_buf_add(out, url, (size_t)(password - url) + 9);
        bw_buf_adds(out, "***");
        bw_buf_adds(out, password + strcspn(password, " "));
        return;
    }
    authority += 3;
    size_t len = strcspn(authority, "/?");
    bw_buf_add(out, url, (size_t)(authority - url));
    put_authority(authority, len, out);
    const char *query = strchr(authority + len, '?');
    if (!query) {
        bw_buf_adds(out, authority + len);
        return;
    }
    bw_buf_add(out, authority + len, (size_t)(query - authority) - len);
    put_query(query, out);
}
