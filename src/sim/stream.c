/* Bodies sent piece by piece. See stream.h. */
#include "stream.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW    (15 + 16) /* zlib: 16 more asks for a gzip header */
#define BIG_BODY       (1 << 20) /* from here on speed counts more than size */
#define FILLER_PRODUCT 65536
#define SOURCE         65536

struct sim_stream {
    enum sim_delivery delivery;
    struct bw_buf body;
    size_t at; /* read so far */
    size_t piece;
    bool paused; /* the pause before the next piece is over */
    /* huge */
    size_t fill_at;
    int64_t fill_left;
    bool fill_one;
    char *unit; /* one filler product, or the inside of the giant one */
    size_t unit_len, unit_at;
    bool deflating;
    bool source_done;
    z_stream z;
    char *source; /* bytes waiting to be compressed */
};

void sim_gzip(struct bw_buf *body)
{
    z_stream z = {.zalloc = NULL};
    int rc = deflateInit2(&z, body->len > BIG_BODY ? 1 : 6, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    uLong bound = deflateBound(&z, body->len);
    char *out = bw_alloc(bound + 1);
    z.next_in = (Bytef *)body->data;
    z.avail_in = (uInt)body->len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END);
    (void)rc;
    bw_buf_clear(body);
    (void)bw_buf_add(body, out, z.total_out);
    deflateEnd(&z);
    free(out);
}

/* A filler product of a fixed size; of the giant one, head and tail go into the body and the unit is its text. */
static void make_filler(struct sim_stream *s)
{
    static const char head[] = "{\"asin\":\"B0FILLER00\",\"csv\":null,\"description\":\"";
    static const char tail[] = "\",\"domainId\":1,\"productType\":4,\"title\":null}";
    size_t text = FILLER_PRODUCT - sizeof head - sizeof tail - 2;
    s->unit = bw_alloc(FILLER_PRODUCT + 8);
    char *p = s->unit;
    if (!s->fill_one) {
        memcpy(p, head, sizeof head - 1);
        p += sizeof head - 1;
    }
    for (size_t i = 0; i < text; i++)
        *p++ = (char)('a' + (i * i / 7 + i) % 26);
    if (!s->fill_one) {
        memcpy(p, tail, sizeof tail - 1);
        p += sizeof tail - 1;
        *p++ = ',';
    }
    s->unit_len = (size_t)(p - s->unit);
    if (!s->fill_one)
        return;
    struct bw_buf whole;
    bool last = s->body.data[s->fill_at] == ']';
    bw_buf_init(&whole, s->body.max);
    (void)bw_buf_add(&whole, s->body.data, s->fill_at);
    (void)bw_buf_adds(&whole, head);
    size_t at = whole.len;
    (void)bw_buf_adds(&whole, tail);
    (void)bw_buf_adds(&whole, last ? "" : ",");
    (void)bw_buf_add(&whole, s->body.data + s->fill_at, s->body.len - s->fill_at);
    bw_buf_fini(&s->body);
    s->body = whole;
    s->fill_at = at;
}

static void init_huge(struct sim_stream *s, const struct sim_response *response)
{
    s->fill_at = response->fill_at;
    s->fill_left = response->fill_bytes;
    s->fill_one = response->fill_one;
    make_filler(s);
    if (!response->gzip)
        return;
    int rc = deflateInit2(&s->z, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    (void)rc;
    s->deflating = true;
    s->source = bw_alloc(SOURCE);
}

struct sim_stream *sim_stream_new(struct sim_response *response)
{
    struct sim_stream *s = bw_alloc(sizeof *s);
    s->delivery = response->delivery;
    s->piece = response->drip_bytes ? response->drip_bytes : 1;
    s->paused = true; /* the first piece goes at once */
    bw_buf_init(&s->body, response->body.max);
    struct bw_buf swap = s->body;
    s->body = response->body;
    response->body = swap;
    if (s->delivery == SIM_SEND_HUGE)
        init_huge(s, response);
    return s;
}

void sim_stream_free(struct sim_stream *s)
{
    if (!s)
        return;
    if (s->deflating)
        deflateEnd(&s->z);
    bw_buf_fini(&s->body);
    free(s->unit);
    free(s->source);
    free(s);
}

int64_t sim_stream_length(const struct sim_stream *s)
{
    return s->delivery == SIM_SEND_HUGE ? -1 : (int64_t)s->body.len;
}

static size_t take(struct sim_stream *s, char *out, size_t max, size_t end)
{
    size_t n = end - s->at < max ? end - s->at : max;
    if (n > 0)
        memcpy(out, s->body.data + s->at, n);
    s->at += n;
    return n;
}

/* The next uncompressed bytes of a huge body; 0 at its end. Filler is added in whole units. */
static size_t huge_bytes(struct sim_stream *s, char *out, size_t max)
{
    if (s->at < s->fill_at)
        return take(s, out, max, s->fill_at);
    if (s->fill_left > 0 || s->unit_at > 0) {
        size_t n = s->unit_len - s->unit_at < max ? s->unit_len - s->unit_at : max;
        memcpy(out, s->unit + s->unit_at, n);
        s->unit_at += n;
        if (s->unit_at == s->unit_len) {
            s->unit_at = 0;
            s->fill_left -= (int64_t)s->unit_len;
            if (s->fill_left <= 0 && !s->fill_one && s->body.data[s->at] == ']')
                out[n - 1] = ' '; /* no product follows: the last comma goes */
        }
        return n;
    }
    return take(s, out, max, s->body.len);
}

static enum sim_then read_deflated(struct sim_stream *s, char *out, size_t max, size_t *n)
{
    s->z.next_out = (Bytef *)out;
    s->z.avail_out = (uInt)max;
    while (s->z.avail_out == max) {
        if (s->z.avail_in == 0 && !s->source_done) {
            s->z.next_in = (Bytef *)s->source;
            s->z.avail_in = (uInt)huge_bytes(s, s->source, SOURCE);
            s->source_done = s->z.avail_in == 0;
        }
        int rc = deflate(&s->z, s->source_done ? Z_FINISH : Z_NO_FLUSH);
        if (rc == Z_STREAM_END && s->z.avail_out == max)
            return SIM_END;
        if (rc == Z_STREAM_END)
            break;
    }
    *n = max - s->z.avail_out;
    return SIM_MORE;
}

enum sim_then sim_stream_read(struct sim_stream *s, char *out, size_t max, size_t *n)
{
    if (s->delivery == SIM_SEND_HUGE) {
        if (s->deflating)
            return read_deflated(s, out, max, n);
        *n = huge_bytes(s, out, max);
        return *n > 0 ? SIM_MORE : SIM_END;
    }
    if (s->delivery == SIM_RESET) {
        *n = take(s, out, max, s->body.len / 2);
        return *n > 0 ? SIM_MORE : SIM_CUT;
    }
    if (s->at == s->body.len)
        return SIM_END;
    if (!s->paused) {
        s->paused = true;
        return SIM_PAUSE;
    }
    s->paused = false;
    *n = take(s, out, max < s->piece ? max : s->piece, s->body.len);
    return SIM_MORE;
}
