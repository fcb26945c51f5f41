/* Array literals in PostgreSQL's text form ("{1,NULL,\"a \\\"b\\\"\"}", manual 8.15.6). Every text is quoted, so that no
 * content can be taken for NULL, a brace or a comma. */
#include "badgewatch/pg/pg.h"

#include <assert.h>
#include <string.h>

void bw_pg_array_init(struct bw_pg_array *a, size_t max)
{
    *a = (struct bw_pg_array){.n = 0};
    bw_buf_init(&a->buf, max);
}

static void separate(struct bw_pg_array *a)
{
    assert((a->open || a->n == 0) && "nothing may be added behind the end");
    bw_buf_addc(&a->buf, a->open ? ',' : '{');
    a->open = true;
    a->n++;
}

/* Bytes before the first quote or backslash, eight at a time: raw answers are long, and mostly numbers. A borrow may give
 * a false alarm above a true one, never alone. */
static size_t plain_run(const char *text, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, text + i, 8);
        uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
        if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
            break;
    }
    while (i < len && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

void bw_pg_array_add(struct bw_pg_array *a, const char *text, size_t len)
{
    separate(a);
    if (memchr(text, '\0',
               len)) { /* a parameter in text form is a C string: the rest would be lost silently */
        a->buf.overflow = true;
        return;
    }
    bw_buf_addc(&a->buf, '"');
    while (len > 0) {
        size_t plain = plain_run(text, len);
        bw_buf_add(&a->buf, text, plain);
        text += plain;
        len -= plain;
        if (len > 0) {
            bw_buf_addc(&a->buf, '\\');
            bw_buf_addc(&a->buf, *text++);
            len--;
        }
    }
    bw_buf_addc(&a->buf, '"');
}

void bw_pg_array_add_str(struct bw_pg_array *a, const char *text)
{
    if (text)
        bw_pg_array_add(a, text, strlen(text));
    else
        bw_pg_array_add_null(a);
}

void bw_pg_array_add_int(struct bw_pg_array *a, int64_t value)
{
    separate(a);
    bw_buf_addi(&a->buf, value);
}

void bw_pg_array_add_null(struct bw_pg_array *a)
{
    separate(a);
    bw_buf_adds(&a->buf, "NULL");
}

const char *bw_pg_array_end(struct bw_pg_array *a)
{
    if (a->n == 0 && a->buf.len == 0)
        bw_buf_adds(&a->buf, "{}");
    else if (a->open)
        bw_buf_addc(&a->buf, '}');
    a->open = false;
    return a->buf.overflow ? NULL : a->buf.data;
}

void bw_pg_array_clear(struct bw_pg_array *a)
{
    bw_buf_clear(&a->buf);
    a->open = false;
    a->n = 0;
}

void bw_pg_array_fini(struct bw_pg_array *a)
{
    bw_buf_fini(&a->buf);
    a->open = false;
    a->n = 0;
}
