/* Arrays in PostgreSQL's binary form (array_recv, and the receive function of each element type): a header of five words
 * (dimensions, whether there are NULLs, type of the elements, how many, number of the first), then each element behind its
 * length, -1 for NULL; all in network order. Nothing is quoted, so that a raw answer is one copy.
 *
 * How it fails: what cannot be a value of the type (a number out of range, a text with a NUL byte, no UUID) marks the
 * column, as the buffer's cap does: its end gives NULL. The server would refuse the whole batch for it. */
#include "badgewatch/pg/pg.h"

#include <assert.h>
#include <string.h>

#define HEADER ((size_t)20)

enum { UUID_BYTES = 16, UUID_TEXT = 36 };

/* Ids of pg_type.dat, which never change. */
static const uint32_t oids[] = {
    [BW_PG_BOOL] = 16, [BW_PG_INT2] = 21, [BW_PG_INT4] = 23,
    [BW_PG_INT8] = 20, [BW_PG_TEXT] = 25, [BW_PG_UUID] = 2950,
};

static void put_word(char *at, uint32_t v)
{
    at[0] = (char)(v >> 24);
    at[1] = (char)(v >> 16);
    at[2] = (char)(v >> 8);
    at[3] = (char)v;
}

/* An element's length and its bytes. */
static void put(struct bw_pg_column *c, const void *bytes, size_t len)
{
    static const char header[HEADER];
    char word[4];
    if (c->buf.len == 0)
        bw_buf_add(&c->buf, header, HEADER); /* written at the end */
    put_word(word, (uint32_t)len);
    bw_buf_add(&c->buf, word, sizeof(word));
    bw_buf_add(&c->buf, bytes, len);
    c->n++;
}

void bw_pg_column_init(struct bw_pg_column *c, enum bw_pg_type type, size_t max)
{
    assert(max < INT32_MAX);
    *c = (struct bw_pg_column){.type = type};
    bw_buf_init(&c->buf, max);
}

void bw_pg_column_add_int(struct bw_pg_column *c, int64_t value)
{
    static const struct {
        size_t size;
        int64_t min, max;
    } kinds[] = {[BW_PG_BOOL] = {1, 0, 1},
                 [BW_PG_INT2] = {2, INT16_MIN, INT16_MAX},
                 [BW_PG_INT4] = {4, INT32_MIN, INT32_MAX},
                 [BW_PG_INT8] = {8, INT64_MIN, INT64_MAX}};
    assert(c->type <= BW_PG_INT8);
    char bytes[8];
    put_word(bytes, (uint32_t)((uint64_t)value >> 32));
    put_word(bytes + 4, (uint32_t)value);
    c->unfit = c->unfit || value < kinds[c->type].min || value > kinds[c->type].max;
    put(c, bytes + 8 - kinds[c->type].size, kinds[c->type].size);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In lower case with its four hyphens, as ours are. */
static bool read_uuid(const char *text, size_t len, char out[UUID_BYTES])
{
    size_t n = 0;
    if (len != UUID_TEXT)
        return false;
    for (size_t i = 0; i < len;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i++] != '-')
                return false;
            continue;
        }
        int high = hex(text[i]), low = hex(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    return true;
}

void bw_pg_column_add(struct bw_pg_column *c, const char *text, size_t len)
{
    char bytes[UUID_BYTES] = {0};
    assert(c->type == BW_PG_TEXT || c->type == BW_PG_UUID);
    if (c->type == BW_PG_TEXT) {
        c->unfit = c->unfit || memchr(text, '\0', len) != NULL;
        put(c, text, len);
        return;
    }
    c->unfit = c->unfit || !read_uuid(text, len, bytes);
    put(c, bytes, sizeof(bytes));
}

void bw_pg_column_add_str(struct bw_pg_column *c, const char *text)
{
    if (text)
        bw_pg_column_add(c, text, strlen(text));
    else
        bw_pg_column_add_null(c);
}

void bw_pg_column_add_null(struct bw_pg_column *c)
{
    put(c, NULL, 0);
    if (!c->buf.overflow)
        memset(c->buf.data + c->buf.len - 4, 0xFF, 4); /* the length says it */
    c->has_null = true;
}

const char *bw_pg_column_end(struct bw_pg_column *c)
{
    static const char empty[HEADER];
    if (c->n == 0 && c->buf.len == 0)
        bw_buf_add(&c->buf, empty, HEADER);
    if (c->buf.overflow || c->unfit)
        return NULL;
    put_word(c->buf.data, c->n > 0);
    put_word(c->buf.data + 4, c->has_null);
    put_word(c->buf.data + 8, oids[c->type]);
    put_word(c->buf.data + 12, c->n);
    put_word(c->buf.data + 16, 1);
    if (c->n == 0)
        c->buf.len = HEADER - 8; /* no dimension */
    return c->buf.data;
}

void bw_pg_column_clear(struct bw_pg_column *c)
{
    bw_buf_clear(&c->buf);
    c->n = 0;
    c->has_null = c->unfit = false;
}

void bw_pg_column_fini(struct bw_pg_column *c)
{
    bw_buf_fini(&c->buf);
    bw_pg_column_clear(c);
}
