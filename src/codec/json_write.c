/* The JSON writer: text straight into a capped buffer.
 *
 * Happy way: init, one value, its members in order. How it fails: only by the buffer's cap, which stays marked in
 * out->overflow; a wrong nesting of calls is the caller's mistake and gives wrong JSON. json-c is not used to write:
 * it would build a tree first, and escapes every slash. */
#include "utf8.h"
#include "word.h"

#include "badgewatch/base/clock.h"
#include "badgewatch/codec/json.h"

#include <math.h>
#include <string.h>

/* The first byte that may not be copied as it is: a control character (DEL too), a quote, a backslash, or not ASCII. */
static const char *find_special(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t w = bw_word_load(p), mask = bw_word_special(w) | bw_word_equal(w, 0x7F) | (w & BW_WORD_TOPS);
        if (mask)
            return p + bw_word_first(mask);
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7F && *p != '"' && *p != '\\')
        p++;
    return p;
}

static void put_escaped(struct bw_buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *f = c ? strchr(from, c) : NULL;

    if (f) {
        (void)bw_buf_addc(out, '\\');
        (void)bw_buf_addc(out, to[f - from]);
    } else {
        (void)bw_buf_addf(out, "\\u%04x", c);
    }
}

static void put_string(struct bw_buf *out, const char *s, size_t len)
{
    const char *const end = s + len;

    (void)bw_buf_addc(out, '"');
    while (s < end) {
        const char *plain = find_special(s, end);
        bool ok = true;

        (void)bw_buf_add(out, s, (size_t)(plain - s));
        s = plain;
        if (s == end)
            break;
        size_t n = bw_utf8_step((const unsigned char *)s, (size_t)(end - s), &ok);
        if (!ok)
            (void)bw_buf_add(out, BW_UTF8_REPLACEMENT, 3);
        else if (n == 1)
            put_escaped(out, (unsigned char)*s);
        else
            (void)bw_buf_add(out, s, n);
        s += n;
    }
    (void)bw_buf_addc(out, '"');
}

/* The comma before a value and its key, where there is one. */
static struct bw_buf *begin_value(struct bw_json *j, const char *key)
{
    if (j->comma)
        (void)bw_buf_addc(j->out, ',');
    j->comma = true;
    if (key) {
        /* keys are words of ours, or digits: nothing in them needs an escape */
        (void)bw_buf_addc(j->out, '"');
        (void)bw_buf_add(j->out, key, strlen(key));
        (void)bw_buf_add(j->out, "\":", 2);
    }
    return j->out;
}

void bw_json_init(struct bw_json *j, struct bw_buf *out)
{
    j->out = out;
    j->comma = false;
}

static void open_with(struct bw_json *j, const char *key, char bracket)
{
    (void)bw_buf_addc(begin_value(j, key), bracket);
    j->comma = false;
}

static void close_with(struct bw_json *j, char bracket)
{
    (void)bw_buf_addc(j->out, bracket);
    j->comma = true;
}

void bw_json_object(struct bw_json *j, const char *key)
{
    open_with(j, key, '{');
}

void bw_json_object_end(struct bw_json *j)
{
    close_with(j, '}');
}

void bw_json_array(struct bw_json *j, const char *key)
{
    open_with(j, key, '[');
}

void bw_json_array_end(struct bw_json *j)
{
    close_with(j, ']');
}

void bw_json_string(struct bw_json *j, const char *key, const char *value)
{
    if (value)
        bw_json_stringn(j, key, value, strlen(value));
    else
        bw_json_null(j, key);
}

void bw_json_stringn(struct bw_json *j, const char *key, const char *value, size_t len)
{
    put_string(begin_value(j, key), value, len);
}

void bw_json_int(struct bw_json *j, const char *key, int64_t value)
{
    (void)bw_buf_addi(begin_value(j, key), value);
}

void bw_json_double(struct bw_json *j, const char *key, double value)
{
    if (isfinite(value))
        (void)bw_buf_addf(begin_value(j, key), "%.10g", value);
    else
        bw_json_null(j, key);
}

void bw_json_bool(struct bw_json *j, const char *key, bool value)
{
    (void)bw_buf_adds(begin_value(j, key), value ? "true" : "false");
}

void bw_json_null(struct bw_json *j, const char *key)
{
    (void)bw_buf_adds(begin_value(j, key), "null");
}

void bw_json_raw(struct bw_json *j, const char *key, const char *json)
{
    (void)bw_buf_adds(begin_value(j, key), json);
}

void bw_json_time(struct bw_json *j, const char *key, int64_t unix_s)
{
    char text[BW_TIME_TEXT] = "";

    if (unix_s != 0)
        bw_time_format(unix_s, text);
    bw_json_string(j, key, text[0] ? text : NULL);
}

void bw_json_time_ms(struct bw_json *j, const char *key, int64_t unix_ms)
{
    char text[BW_TIME_TEXT] = "";

    if (unix_ms != 0)
        bw_time_format_ms(unix_ms, text);
    bw_json_string(j, key, text[0] ? text : NULL);
}
