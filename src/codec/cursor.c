/* The walk of cursor.h. The loops are written for speed: a full history of one product is hundreds of kilobytes of
 * integers that nobody reads, and it is passed at every check. */
#include "cursor.h"

#include "utf8.h"
#include "word.h"

#include "badgewatch/codec/keepa.h"

#include <string.h>

/* Longest escaped key that is compared by its unescaped text; longer ones are no key of ours. */
#define KEY_MAX     ((size_t)256)
#define SURE_DIGITS 18 /* so many fit into 64 bits, whatever they are */

static inline const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static inline bool digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static int hex(char c)
{
    if (digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void bw_cursor_init(struct bw_cursor *c, const char *text, size_t len)
{
    static const char empty[1];

    c->begin = c->at = text ? text : empty;
    c->end = c->begin + (text ? len : 0);
    c->fault = NULL;
}

bool bw_cursor_fail(struct bw_cursor *c, const char *fault)
{
    if (!c->fault)
        c->fault = fault;
    return false;
}

bool bw_cursor_done(struct bw_cursor *c)
{
    (void)bw_cursor_peek(c);
    return !c->fault && c->at == c->end;
}

/* p is behind a backslash; NULL if what follows is no escape. */
static const char *escape_end(const char *p, const char *end)
{
    if (p == end)
        return NULL;
    if (*p == 'u') {
        if (end - p < 5)
            return NULL;
        for (int i = 1; i <= 4; i++)
            if (hex(p[i]) < 0)
                return NULL;
        return p + 5;
    }
    return *p != '\0' && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
}

/* p is behind the opening quote; gives the closing one, or NULL and why. */
static inline const char *string_end(const char *p, const char *end, bool *escapes, const char **fault)
{
    for (;;) {
        p = bw_word_find_special(p, end);
        if (p == end) {
            *fault = "a string has no end";
            return NULL;
        }
        if (*p == '"')
            return p;
        if (*p != '\\') {
            *fault = "a control character in a string";
            return NULL;
        }
        *escapes = true;
        p = escape_end(p + 1, end);
        if (!p) {
            *fault = "a bad escape in a string";
            return NULL;
        }
    }
}

/* Digits as JSON allows them: at least one, and no further one behind a leading zero. */
static inline const char *integer_end(const char *p, const char *end)
{
    if (p < end && *p == '-')
        p++;
    if (p == end || !digit(*p))
        return NULL;
    if (*p == '0')
        return p + 1;
    while (p < end && digit(*p))
        p++;
    return p;
}

static const char *digits(const char *p, const char *end)
{
    if (p == end || !digit(*p))
        return NULL;
    while (p < end && digit(*p))
        p++;
    return p;
}

/* Fraction and exponent, if any. */
static const char *real_end(const char *p, const char *end)
{
    if (p < end && *p == '.') {
        p = digits(p + 1, end);
        if (!p)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        return digits(p, end);
    }
    return p;
}

static inline const char *number_end(const char *p, const char *end)
{
    p = integer_end(p, end);
    if (p && p < end && (*p == '.' || *p == 'e' || *p == 'E'))
        p = real_end(p, end);
    return p; /* what follows must be a separator: the caller looks for one */
}

static const char *literal_end(const char *p, const char *end)
{
    if (end - p >= 4 && (memcmp(p, "null", 4) == 0 || memcmp(p, "true", 4) == 0))
        return p + 4;
    return end - p >= 5 && memcmp(p, "false", 5) == 0 ? p + 5 : NULL;
}

bool bw_cursor_string(struct bw_cursor *c, struct bw_span *out)
{
    const char *fault = NULL;

    if (!bw_cursor_take(c, '"'))
        return bw_cursor_fail(c, "a string was expected");
    out->escapes = false;
    const char *close = string_end(c->at, c->end, &out->escapes, &fault);
    if (!close)
        return bw_cursor_fail(c, fault);
    out->at = c->at;
    out->len = (size_t)(close - c->at);
    c->at = close + 1;
    return true;
}

/* Counted downwards: INT64_MIN has no positive twin. */
static enum bw_number long_integer(const char *p, const char *end, bool minus, int64_t *value)
{
    int64_t v = 0;

    for (; p < end; p++) {
        if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_sub_overflow(v, (int64_t)(*p - '0'), &v)) {
            *value = minus ? INT64_MIN : INT64_MAX;
            return BW_NUMBER_HUGE;
        }
    }
    if (!minus && v == INT64_MIN) {
        *value = INT64_MAX;
        return BW_NUMBER_HUGE;
    }
    *value = minus ? v : -v;
    return BW_NUMBER_INT;
}

enum bw_number bw_cursor_number(struct bw_cursor *c, int64_t *value)
{
    (void)bw_cursor_peek(c);
    const char *start = c->at;
    const char *p = c->fault ? NULL : integer_end(start, c->end);
    if (!p) {
        (void)bw_cursor_fail(c, "a number was expected");
        return BW_NUMBER_FAULT;
    }
    if (p < c->end && (*p == '.' || *p == 'e' || *p == 'E')) {
        p = real_end(p, c->end);
        if (!p) {
            (void)bw_cursor_fail(c, "a bad number");
            return BW_NUMBER_FAULT;
        }
        c->at = p;
        return BW_NUMBER_REAL;
    }
    c->at = p;
    bool minus = *start == '-';
    start += minus;
    if (p - start > SURE_DIGITS)
        return long_integer(start, p, minus, value);
    int64_t v = 0;
    for (; start < p; start++)
        v = v * 10 + (*start - '0');
    *value = minus ? -v : v;
    return BW_NUMBER_INT;
}

bool bw_cursor_null(struct bw_cursor *c)
{
    if (bw_cursor_peek(c) != 'n')
        return false;
    const char *p = literal_end(c->at, c->end);
    if (!p)
        return bw_cursor_fail(c, "a bad word");
    c->at = p;
    return true;
}

bool bw_cursor_first(struct bw_cursor *c, char open, char close)
{
    if (!bw_cursor_take(c, open))
        return bw_cursor_fail(c, open == '{' ? "an object was expected" : "an array was expected");
    return !bw_cursor_take(c, close) && !c->fault;
}

bool bw_cursor_next(struct bw_cursor *c, char close)
{
    if (bw_cursor_take(c, ','))
        return true;
    if (!bw_cursor_take(c, close))
        (void)bw_cursor_fail(c, c->at == c->end ? "it ends too early"
                                                : "a comma or a closing bracket was expected");
    return false;
}

bool bw_cursor_key(struct bw_cursor *c, struct bw_span *key)
{
    if (!bw_cursor_string(c, key))
        return false;
    return bw_cursor_take(c, ':') || bw_cursor_fail(c, "a colon was expected");
}

/* A value that holds no other; NULL and why if there is none. */
static inline const char *scalar_end(const char *p, const char *end, const char **fault)
{
    bool escapes;

    if (p == end) {
        *fault = "it ends too early";
        return NULL;
    }
    if (*p == '"') {
        p = string_end(p + 1, end, &escapes, fault);
        return p ? p + 1 : NULL;
    }
    const char *q = *p == '-' || digit(*p) ? number_end(p, end) : literal_end(p, end);
    if (!q)
        *fault = "a value was expected";
    return q;
}

/* p is where a key must be; gives the place of its value. */
static inline const char *key_end(const char *p, const char *end, const char **fault)
{
    bool escapes;

    p = blanks(p, end);
    if (p == end || *p != '"') {
        *fault = "a key was expected";
        return NULL;
    }
    p = string_end(p + 1, end, &escapes, fault);
    if (!p)
        return NULL;
    p = blanks(p + 1, end);
    if (p == end || *p != ':') {
        *fault = "a colon was expected";
        return NULL;
    }
    return p + 1;
}

/* Open brackets, innermost in the lowest bit: 1 an object, 0 an array. */
struct nest {
    uint64_t objects;
    unsigned depth;
};

/* p is behind a value: closes what ends here and passes the comma. NULL without a fault when the outermost closed;
 * *at is then the end. */
static inline const char *to_next_value(const char *p, const char *end, struct nest *n, const char **at,
                                        const char **fault)
{
    while (n->depth > 0) {
        bool object = n->objects & 1;

        p = blanks(p, end);
        if (p == end) {
            *fault = "it ends too early";
            return NULL;
        }
        if (*p == ',')
            return object ? key_end(p + 1, end, fault) : p + 1;
        if (*p != (object ? '}' : ']')) {
            *fault = "a comma or a closing bracket was expected";
            return NULL;
        }
        p++;
        n->objects >>= 1;
        n->depth--;
    }
    *at = p;
    return NULL;
}

bool bw_cursor_skip(struct bw_cursor *c, unsigned depth)
{
    const char *p, *end = c->end, *fault = NULL, *after = NULL;
    struct nest n = {0};
    char first = bw_cursor_peek(c);

    if (c->fault)
        return false;
    p = c->at;
    if (first != '{' && first != '[') {
        after = scalar_end(p, end, &fault);
        p = NULL;
    }
    while (p) {
        p = blanks(p, end);
        if (p < end && (*p == '{' || *p == '[')) {
            bool object = *p == '{';

            if (n.depth == depth)
                return bw_cursor_fail(c, "nested too deep");
            n.objects = n.objects << 1 | object;
            n.depth++;
            p = blanks(p + 1, end);
            if (p == end || *p != (object ? '}' : ']')) {
                p = object ? key_end(p, end, &fault) : p;
                continue;
            }
            /* Empty: to_next_value() sees the bracket. */
        } else {
            p = scalar_end(p, end, &fault);
            if (!p)
                break;
        }
        p = to_next_value(p, end, &n, &after, &fault);
    }
    if (!after)
        return bw_cursor_fail(c, fault);
    c->at = after;
    return true;
}

/* The unit behind "\u" at s, which was checked before. */
static uint32_t unit(const char *s)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)hex(s[i]);
    return v;
}

/* One escape at s (a backslash); gives its length in the text. */
static size_t unescape(const char *s, size_t left, struct bw_buf *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    size_t used = 6;
    char bytes[4];

    if (s[1] != 'u') {
        const char *f = strchr(from, s[1]);
        (void)bw_buf_addc(out, f ? to[f - from] : s[1]);
        return 2;
    }
    uint32_t cp = unit(s + 2);
    if (cp >= 0xD800 && cp < 0xDC00 && left >= 12 && s[6] == '\\' && s[7] == 'u') {
        uint32_t low = unit(s + 8);

        if (low >= 0xDC00 && low < 0xE000) {
            cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
            used = 12;
        }
    }
    if (cp == 0 || (cp >= 0xD800 && cp < 0xE000))
        cp = 0xFFFD;
    (void)bw_buf_add(out, bytes, bw_utf8_put(cp, bytes));
    return used;
}

void bw_span_text(const struct bw_span *s, struct bw_buf *out)
{
    for (size_t i = 0; i < s->len;) {
        const char *slash = s->escapes ? memchr(s->at + i, '\\', s->len - i) : NULL;
        size_t run = slash ? (size_t)(slash - s->at) - i : s->len - i;

        bw_utf8_mend(s->at + i, run, out);
        i += run;
        if (slash)
            i += unescape(slash, s->len - i, out);
    }
}

bool bw_span_is(const struct bw_span *s, const char *text)
{
    size_t len = strlen(text);

    if (!s->escapes)
        return s->len == len && memcmp(s->at, text, len) == 0;
    if (s->len > KEY_MAX)
        return false;
    struct bw_buf b;
    bw_buf_init(&b, KEY_MAX * 3);
    bw_span_text(s, &b);
    bool same = b.len == len && memcmp(bw_buf_str(&b), text, len) == 0;
    bw_buf_fini(&b);
    return same;
}

bool bw_span_has_nul(const struct bw_span *s)
{
    for (size_t i = 0; s->escapes && i + 1 < s->len; i++) {
        if (s->at[i] != '\\')
            continue;
        if (s->at[i + 1] == 'u' && unit(s->at + i + 2) == 0)
            return true;
        i++;
    }
    return false;
}
