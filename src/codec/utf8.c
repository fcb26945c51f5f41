/* UTF-8: is it valid, and a copy that is.
 *
 * Happy way: many ASCII bytes at a time. Anything else is decided by the table of well-formed sequences of the
 * Unicode standard (no overlong forms, no surrogates, nothing past U+10FFFF). Postgres and Slack refuse what is not
 * UTF-8, and neither can hold a NUL, so a NUL counts as bad here too. Nothing fails: bad bytes become U+FFFD. */
#include "utf8.h"
#include "word.h"

#include "badgewatch/codec/keepa.h"

#include <string.h>

/* How many bytes follow the lead byte, and the range of the first of them. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF)
        return 1;
    if (c >= 0xE0 && c <= 0xEF) {
        if (c == 0xE0)
            *low = 0xA0; /* below: overlong */
        if (c == 0xED)
            *high = 0x9F; /* above: surrogates */
        return 2;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if (c == 0xF0)
            *low = 0x90;
        if (c == 0xF4)
            *high = 0x8F; /* above: past U+10FFFF */
        return 3;
    }
    return 0;
}

size_t bw_utf8_step(const unsigned char *s, size_t left, bool *ok)
{
    unsigned char low, high;

    *ok = s[0] < 0x80;
    if (*ok)
        return 1;
    size_t more = lead(s[0], &low, &high);
    if (more == 0)
        return 1;
    for (size_t i = 1; i <= more; i++) {
        if (i >= left || s[i] < low || s[i] > high)
            return i;
        low = 0x80;
        high = 0xBF;
    }
    *ok = true;
    return more + 1;
}

size_t bw_utf8_put(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | (cp >> 6));
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | (cp >> 12));
        out[1] = (char)(0x80 | ((cp >> 6) & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (cp >> 18));
    out[1] = (char)(0x80 | ((cp >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((cp >> 6) & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Bytes at the start of s that are ASCII and not NUL. */
static size_t ascii_run(const unsigned char *s, size_t len)
{
    const char *begin = (const char *)s;

    return (size_t)(bw_word_find_odd(begin, begin + len) - begin);
}

bool bw_utf8_valid(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;

    for (size_t i = 0; i < len;) {
        bool ok;

        i += ascii_run(u + i, len - i);
        if (i == len)
            break;
        if (u[i] == 0)
            return false;
        i += bw_utf8_step(u + i, len - i, &ok);
        if (!ok)
            return false;
    }
    return true;
}

size_t bw_utf8_length(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

void bw_utf8_mend(const char *s, size_t len, struct bw_buf *out)
{
    const unsigned char *u = (const unsigned char *)s;

    for (size_t i = 0; i < len;) {
        size_t run = ascii_run(u + i, len - i);
        bool ok;

        if (run > 0)
            (void)bw_buf_add(out, s + i, run);
        i += run;
        if (i == len)
            break;
        size_t n = bw_utf8_step(u + i, len - i, &ok);
        if (ok && u[i] != 0)
            (void)bw_buf_add(out, s + i, n);
        else
            (void)bw_buf_add(out, BW_UTF8_REPLACEMENT, 3);
        i += n;
    }
}

size_t bw_utf8_cut(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)s[max] & 0xC0) == 0x80)
        max--;
    return max;
}

void bw_utf8_field(char *out, size_t size, const char *text)
{
    size_t n = bw_utf8_cut(text, strlen(text), size - 1);

    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i];
    out[n] = '\0';
}
