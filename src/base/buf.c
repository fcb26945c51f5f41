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

/* Not by printf: the points of a first sight are ten thousands of numbers, and were 40 % of its time. */
const char *bw_int_format(int64_t value, char text[BW_INT_TEXT])
{
    char *p = text + BW_INT_TEXT - 1;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *p = '\0';
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--p = '-';
    return p;
}

enum bw_err bw_buf_addi(struct bw_buf *b, int64_t value)
{
    char text[BW_INT_TEXT];
    const char *digits = bw_int_format(value, text);
    return bw_buf_add(b, digits, (size_t)(text + sizeof(text) - 1 - digits));
}

enum bw_err bw_buf_addf(struct bw_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
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
