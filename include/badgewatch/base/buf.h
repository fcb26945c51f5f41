/* Growing byte buffer with a cap (like curl's dynbuf).
 *
 * The maximum is given at init. Once an append would pass it, nothing is appended, `overflow` stays true
 * and each later append returns BW_ERR_TOO_BIG, so a run of appends may be checked once at its end.
 * The data is always NUL-terminated (the NUL is not counted in len). */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bw_buf {
    char *data; /* never NULL after the first append; may be NULL while len is 0 */
    size_t len;
    size_t cap;
    size_t max;
    bool overflow;
};

void bw_buf_init(struct bw_buf *b, size_t max);
void bw_buf_room(struct bw_buf *b,
                 size_t len);        /* memory for so much, as far as max allows: it need not grow */
void bw_buf_fini(struct bw_buf *b);  /* frees; the buffer may be used again as after init with the same max */
void bw_buf_clear(struct bw_buf *b); /* len = 0, keeps memory, clears overflow */
enum bw_err bw_buf_grow_and_add(struct bw_buf *b, const void *data, size_t len); /* the rest of bw_buf_add */

/* In the header since a document is made of thousands of these, most of a few bytes. The room is never more than the cap
 * allows, so what fits needs no other look; after an overflow nothing fits. */
static inline enum bw_err bw_buf_add(struct bw_buf *b, const void *data, size_t len)
{
    if (b->overflow || len >= b->cap - b->len)
        return bw_buf_grow_and_add(b, data, len);
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return BW_OK;
}

static inline enum bw_err bw_buf_addc(struct bw_buf *b, char c)
{
    return bw_buf_add(b, &c, 1);
}

enum bw_err bw_buf_adds(struct bw_buf *b, const char *s);
/* Copies a text into a field of a fixed size, cut where it is too long. */
static inline void bw_text_copy(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}
#define BW_INT_TEXT 24
/* In decimal, NUL-terminated; gives its length. */
size_t bw_int_format(int64_t value, char text[BW_INT_TEXT]);
enum bw_err bw_buf_addi(struct bw_buf *b, int64_t value); /* in decimal; series are thousands of them */
enum bw_err bw_buf_addf(struct bw_buf *b, const char *fmt, ...) BW_PRINTF(2, 3);
const char *bw_buf_str(const struct bw_buf *b); /* "" while empty; borrowed */
/* Gives the bytes to the caller (who frees them) and leaves the buffer empty. *len may be NULL. */
char *bw_buf_take(struct bw_buf *b, size_t *len);
