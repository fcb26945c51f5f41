/* URLs without their secrets, for messages and logs. The text may be written wrongly (that is when it gets into a
 * message), so what is doubtful is hidden: the password ends at the last '@', whatever stands before it. */
#include "badgewatch/conf/conf.h"

#include <string.h>
#include <strings.h>

#define HIDDEN "***"

static bool secret_key(const char *name, size_t len)
{
    static const char *const names[] = {"key", "token", "password", "sslpassword"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0)
            return true;
    }
    return false;
}

/* text[0] is '?', then name=value separated by '&' or ';'. */
static void put_query(const char *text, struct bw_buf *out)
{
    while (*text) {
        size_t len = strcspn(text + 1, "&;") + 1;
        const char *equals = memchr(text, '=', len);
        if (equals && secret_key(text + 1, (size_t)(equals - text) - 1)) {
            bw_buf_add(out, text, (size_t)(equals - text) + 1);
            bw_buf_adds(out, HIDDEN);
        } else {
            bw_buf_add(out, text, len);
        }
        text += len;
    }
}

/* What follows "scheme://". */
static void put_rest(const char *text, struct bw_buf *out)
{
    const char *query = text + strcspn(text, "?");
    const char *at = memrchr(text, '@', (size_t)(query - text));
    const char *colon = at ? memchr(text, ':', (size_t)(at - text)) : NULL;
    if (!at && strchr(query, '@') && memchr(text, ':', (size_t)(query - text))) {
        bw_buf_adds(out, HIDDEN); /* perhaps a '?' inside the password */
        return;
    }
    if (colon) {
        bw_buf_add(out, text, (size_t)(colon - text) + 1);
        bw_buf_adds(out, HIDDEN);
        text = at;
    }
    bw_buf_add(out, text, (size_t)(query - text));
    put_query(query, out);
}

/* libpq's other form: name=value words, a value perhaps in single quotes (with \' inside). */
static void put_words(const char *text, struct bw_buf *out)
{
    while (*text) {
        size_t blanks = strspn(text, " \t");
        bw_buf_add(out, text, blanks);
        text += blanks;
        size_t name = strcspn(text, "= \t");
        const char *end = text + name + strspn(text + name, " \t");
        if (*end != '=') { /* not of the form */
            bw_buf_add(out, text, name);
            text += name;
            continue;
        }
        end += 1 + strspn(end + 1, " \t");
        const char *value = end;
        bool quoted = *end == '\'', inside = quoted;
        for (end += quoted; *end && (quoted ? inside : !strchr(" \t", *end)); end++) {
            if (*end == '\\' && end[1])
                end++;
            else if (*end == '\'')
                inside = false;
        }
        bool secret = secret_key(text, name);
        bw_buf_add(out, text, (size_t)((secret ? value : end) - text));
        if (secret)
            bw_buf_adds(out, HIDDEN);
        text = end;
    }
}

void bw_conf_redact_url(const char *url, struct bw_buf *out)
{
    const char *scheme = strstr(url, "://");
    const char *equals = strchr(url, '=');
    if (!scheme || (equals && equals < scheme)) {
        put_words(url, out);
        return;
    }
    bw_buf_add(out, url, (size_t)(scheme - url) + 3);
    put_rest(scheme + 3, out);
}
