/* Foreign text for logs and terminals: decoded character by character, and what is no harmless one is spelled out. */
#include "badgewatch/base/plain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 character at p and its code point; 0 if the bytes are none (overlong forms and surrogates are
 * none either). A NUL is no continuation byte, so nothing past the end is read. */
static size_t decode(const unsigned char *p, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = *p < 0x80                 ? 1
                 : *p >= 0xc2 && *p < 0xe0 ? 2
                 : *p >= 0xe0 && *p < 0xf0 ? 3
                 : *p >= 0xf0 && *p < 0xf5 ? 4
                                           : 0;
    if (len == 0)
        return 0;
    uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return len;
}

/* Characters that drive a terminal or make a line look like two: C0, DEL, C1, line separators, and those that turn
 * the direction of writing. */
static bool drives_terminal(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

size_t bw_plain_next(const unsigned char *p, bool json, char out[BW_PLAIN_CHAR])
{
    uint32_t c = 0;
    size_t len = decode(p, &c);
    if (len == 0 && json)
        snprintf(out, BW_PLAIN_CHAR, "\\ufffd");
    else if (len == 0)
        snprintf(out, BW_PLAIN_CHAR, "\\x%02x", *p);
    else if (c == '\n' || c == '\r' || c == '\t')
        snprintf(out, BW_PLAIN_CHAR, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (json && (c == '"' || c == '\\'))
        snprintf(out, BW_PLAIN_CHAR, "\\%c", (char)c);
    else if (drives_terminal(c) && (json || c > 0xff))
        snprintf(out, BW_PLAIN_CHAR, "\\u%04x", c & 0xffff);
    else if (drives_terminal(c))
        snprintf(out, BW_PLAIN_CHAR, "\\x%02x", c & 0xff);
    else
        snprintf(out, BW_PLAIN_CHAR, "%.*s", (int)len, (const char *)p);
    return len ? len : 1;
}

const char *bw_plain_copy(char *out, size_t size, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = 0;
    while (*p) {
        char next[BW_PLAIN_CHAR];
        p += bw_plain_next(p, false, next);
        size_t len = strlen(next);
        if (n + len >= size)
            break;
        memcpy(out + n, next, len);
        n += len;
    }
    out[n] = '\0';
    return out;
}
