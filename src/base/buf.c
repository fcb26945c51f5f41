/* Capped growing buffer. Grows by doubling; the cap is checked before anything is copied, so an append is all or
 * nothing. */
#include "badgewatch/base/buf.h"

#include "badgewatch/base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bw_buf_init(struct bw_buf *b, size_t max)
{
    /* Room for the NUL and for doubling: a cap that no memory reaches is as good as none. */
    *b = (struct bw_buf){.max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4};
}

void bw_buf_fini(struct bw_buf *b)
{
    free(b->data);
    bw_buf_init(b, b->max);
}

void bw_buf_clear(struct bw_buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->data)
        b->data[0] = '\0';
}

/* Room for len more bytes and the NUL. */
static enum bw_err reserve(struct bw_buf *b, size_t len)
{
    if (b->overflow || len > b->max - b->len) {
        b->overflow = true;
        return BW_ERR_TOO_BIG;
    }
    size_t need = b->len + len + 1;
    if (need <= b->cap)
        return BW_OK;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->data = bw_realloc_array(b->data, cap, 1);
    b->cap = cap;
    return BW_OK;
}

void bw_buf_room(struct bw_buf *b, size_t len)
{
    size_t cap = (len < b->max ? len : b->max) + 1;
    if (cap <= b->cap)
        return;
    b->data = bw_realloc_array(b->data, cap, 1);
    b->data[b->len] = '\0';
    b->cap = cap;
}

enum bw_err bw_buf_grow_and_add(struct bw_buf *b, const void *data, size_t len)
{
    enum bw_err err = reserve(b, len);
    if (err != BW_OK)
        return err;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return BW_OK;
}

enum bw_err bw_buf_adds(struct bw_buf *b, const char *s)
{
    return bw_buf_add(b, s, strlen(s));
}

static size_t count_digits(uint64_t v)
{
    static const uint64_t tens[] = {0,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000,
                                    UINT64_C(10000000000000000000)};
    size_t n =
        (size_t)(64 - __builtin_clzll(v | 1)) * 1233 >> 12; /* log10(2) is 1233/4096; one too many at most */
    return n + 1 - (v < tens[n]);
}

/* Not by printf: the points of a first sight are ten thousands of numbers, and were 40 % of its time. */
size_t bw_int_format(int64_t value, char text[BW_INT_TEXT])
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t len = count_digits(rest) + (value < 0);
    char *p = text + len;
    text[0] = '-';
    *p = '\0';
    for (; rest >= 100; rest /= 100)
        memcpy(p -= 2, pairs + rest % 100 * 2, 2);
    if (rest >= 10)
        memcpy(p - 2, pairs + rest * 2, 2);
    else
        p[-1] = (char)('0' + rest);
    return len;
}

enum bw_err bw_buf_addi(struct bw_buf *b, int64_t value)
{
    char text[BW_INT_TEXT];
    return bw_buf_add(b, text, bw_int_format(value, text));
}

enum bw_err bw_buf_addf(struct bw_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(args);
    enum bw_err err =
        reserve(b, n < 0 ? SIZE_MAX : (size_t)n); /* n < 0: a text past INT_MAX is too big as well */
    if (err == BW_OK) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return err;
}

const char *bw_buf_str(const struct bw_buf *b)
{
    return b->data ? b->data : "";
}

char *bw_buf_take(struct bw_buf *b, size_t *len)
{
    char *data = b->data ? b->data : bw_strdup("");
    if (len)
        *len = b->len;
    bw_buf_init(b, b->max);
    return data;
}
